"""What the settings of lineage come to: who knows columns, and who is told how data flowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.core.decisions import Mode
from genops.errors import ConfigurationError
from genops.instrumentation.databricks_own import connect
from genops.lineage.openlineage import OpenLineage, UnityCatalogLineage
from genops.lineage.openlineage.endpoint import in_plain_text
from genops.lineage.sql.catalogs import Catalogs
from genops.lineage.sql.information_schema import InformationSchema

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.core.guard import Guard
    from genops.core.operation import DatasetRef
    from genops.settings import Settings


class LineageRooms:
    """Who is told of lineage, and what is known to tell it by.

    Args:
        settings: What is asked for.
        classify: Returns the class of a dataset, or `None`.
        guard: Counts what goes wrong.

    Attributes:
        catalogs: Knows the columns of tables.
        sinks: Those that tell others.

    Raises:
        ConfigurationError: A setting cannot be honoured.
    """

    def __init__(self, settings: Settings, classify: Callable[[DatasetRef], str | None], guard: Guard) -> None:
        self.catalogs = Catalogs()
        on = settings.mode is not Mode.OFF
        told = on and settings.lineage.enabled
        self._asks = None
        if on and settings.sql.information_schema:
            self._asks = InformationSchema(self.catalogs, connect, guard)
            self.catalogs.wants = self._asks.want
        events = _openlineage(settings, self.catalogs, classify) if told else None
        pushed = UnityCatalogLineage(connect) if told and settings.lineage.push else None
        named = {"openlineage": events, "external_lineage": pushed}
        self._sinks: dict[str, OpenLineage | UnityCatalogLineage] = {
            name: sink for name, sink in named.items() if sink is not None
        }
        self.sinks = tuple(self._sinks.values())

    def bounds(self) -> dict[str, int]:
        """Return what each of them let go so far, by name."""
        unasked = 0 if self._asks is None else self._asks.failed + self._asks.dropped
        return {"columns": self.catalogs.evicted + unasked, **{name: _lost(s) for name, s in self._sinks.items()}}

    @property
    def lost(self) -> int:
        """What others should have been told and were not."""
        return sum(map(_lost, self.sinks))

    def close(self) -> None:
        """Give up what is under way."""
        if self._asks is not None:
            self._asks.close()
        for sink in self.sinks:
            sink.close()


def _lost(sink: OpenLineage | UnityCatalogLineage) -> int:
    return sink.counts.failed + sink.counts.dropped


def _openlineage(
    settings: Settings, catalogs: Catalogs, classify: Callable[[DatasetRef], str | None]
) -> OpenLineage | None:
    told = settings.lineage.openlineage
    if told.url is None or told.disabled:
        return None
    if settings.telemetry.require_encryption:
        _refuse_plain(told.url)
    key = None if told.key is None else told.key.get_secret_value()
    keyed = settings.sql.hash_key is not None
    return OpenLineage(told.url, told.namespace, key=key, schemas=catalogs, classify=classify, keyed=keyed)


def _refuse_plain(url: str) -> None:
    if url != "console" and in_plain_text(url):
        raise ConfigurationError(
            "telemetry.require_encryption with lineage.openlineage.url: events would leave this machine in plain text, "
            "or stand in a file that is not encrypted; use https://, or switch telemetry.require_encryption off"
        )
