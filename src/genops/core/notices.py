"""What the program's owner has to be told once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from genops.core.records import Admitted

if TYPE_CHECKING:
    from genops.core.records import Record

_log = logging.getLogger("genops")


class AttributionNotice:
    """The sink that warns, once, of operations that nobody is named for."""

    def __init__(self) -> None:
        self._told = False

    def write(self, record: Record) -> None:
        """Look at an admission."""
        if self._told or not isinstance(record, Admitted) or record.operation.attribution.complete:
            return
        self._told = True
        missing = record.operation.attribution.missing
        _log.warning(
            "genops: %s has no %s, so its telemetry carries no governance attributes; set %s, or use "
            "genops.configure(%s) or genops.attribution(...). Further ones are only counted "
            "(genops.attribution.missing).",
            record.operation.type,
            ", ".join(missing),
            ", ".join(f"GENOPS_{name.upper()}" for name in missing),
            ", ".join(f"{name}=..." for name in missing),
        )
