"""Code that is interrupted in the middle by more of the same, as by a finalizer or a signal handler."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType


def interrupted(
    module: ModuleType, work: Callable[[], None], meanwhile: Callable[[], None], seconds: float = 60
) -> int:
    """Run `work`, and `meanwhile` on the same thread at every line of a module that it comes to.

    Returns:
        How often `meanwhile` ran.

    Raises:
        BaseException: Whatever either of them raised.
        AssertionError: They did not end in time: one waits for a lock that the other holds.
    """
    times, raised = [0], []

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        if event == "line":
            times[0] += 1
            meanwhile()
        return trace

    def run() -> None:
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            sys.settrace(before)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"{module.__name__} waits for itself"
    if raised:
        raise raised[0]
    return times[0]
