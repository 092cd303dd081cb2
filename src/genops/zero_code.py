"""Zero code: governs a program that says nothing of genops itself."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from genops import runtime
from genops.core import current
from genops.core import governor as spine
from genops.core.decisions import Decision, Mode, OnFault, PolicyResult, ReasonCode
from genops.errors import GenOpsError
from genops.instrumentation import LIBRARIES
from genops.layers import asked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from genops.core.operation import Operation
    from genops.core.ports import Resolution

_log = logging.getLogger("genops")
DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
ENTRY_POINT = "genops_"


def govern() -> None:
    """Install the hooks of every library that is not switched off; twice is once. Never raises.

    Settings come from the environment and the settings file. Where they cannot be honoured, one line of the log says
    so: the program then runs ungoverned, or, where enforcement is asked for, its governed calls are refused.
    """
    try:
        _govern()
    except Exception as fault:
        # The program imports its own library here, which must not fail by us, nor by a filter of its log.
        with suppress(Exception):
            _say(f"genops: {_reason(fault)}. This program runs ungoverned.")


def _govern() -> None:
    libraries = [name for name in LIBRARIES if not switched_off(name)]
    if not libraries:
        return
    try:
        runtime.instrument(*libraries)
    except Exception as fault:
        _ungoverned(fault, libraries)


def switched_off(library: str) -> bool:
    """Return whether `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` names a library's entry point, or all of them."""
    named = {name.strip() for name in os.environ.get(DISABLED, "").split(",")}
    return bool(named & {"*", ENTRY_POINT + library})


def _ungoverned(fault: Exception, libraries: Iterable[str]) -> None:
    reason = _reason(fault)
    if str(asked("mode")).lower() != Mode.ENFORCE.value or asked("on_fault") == OnFault.ALLOW.value:
        _say(f"genops: {reason}. This program runs ungoverned.")
        return
    _say(f"genops: {reason}. The mode is enforce, so governed calls are refused until that is put right.")
    with current.slot.lock:
        if current.slot.governor is None:
            current.slot.governor = spine.Governor(spine.Settings(mode=Mode.ENFORCE), policy=_Undecided())
    for name in libraries:
        LIBRARIES[name].install()


def _reason(fault: Exception) -> str:
    return str(fault) if isinstance(fault, GenOpsError) else f"fault of genops ({type(fault).__qualname__})"


@cache
def _say(message: str) -> None:
    _log.error("%s", message)


class _Undecided:
    """The policy of a process that should enforce, and cannot know what."""

    needs: frozenset[str] = frozenset()

    def evaluate(self, operation: Operation, resolution: Resolution) -> Decision:  # noqa: ARG002  (the port's signature)
        """Refuse."""
        reason = "the mode is enforce, and the settings of genops cannot be honoured; the log says why"
        return Decision(PolicyResult.BLOCKED, ReasonCode.POLICY_ERROR.value, None, reason)
