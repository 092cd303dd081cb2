"""Providers of the program, which genops asks to send what they hold and never waits for without a bound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def aside(provider: Any, timeout: float) -> Callable[[float], bool]:
    """Flush a provider of the program on a thread, as it may ignore its timeout.

    Args:
        provider: The provider.
        timeout: What it is told, in seconds.

    Returns:
        What waits until a time on the monotonic clock and returns whether the provider said by then that all was sent.
    """
    answers: list[bool] = []

    def ask() -> None:
        with suppress(Exception):  # the SDK's raise where an exporter fails; without an answer it is no success
            answers.append(provider.force_flush(round(timeout * 1000)) is not False)

    thread = threading.Thread(target=ask, name="genops-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending; the program's providers flush themselves
        return lambda _deadline: False

    def answered(deadline: float) -> bool:
        thread.join(max(deadline - time.monotonic(), 0))
        return answers == [True]

    return answered
