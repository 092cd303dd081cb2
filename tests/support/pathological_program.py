"""Describe and read every pathological text as is done for a call of the program, and print what each took, as JSON.

Usage: `python -m support.pathological_program`, with `tests` and `src` on the path, on Linux. Everything runs on a
thread with a stack of 512 KB, as a thread has on a Mac. Memory is what the process resides in at most while a text is
read, beyond what it did before all of them: allocations of native code count, and so does what earlier texts left.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from genops.core.guard import Guard
from genops.core.operation import Place
from genops.instrumentation.databricks_statements import described
from genops.lineage.sql.reader import Reader
from support.pathological import texts

_PLACE = Place("databricks", "workspace")


def main() -> None:
    """Print `{name: [milliseconds of CPU, peak in MB, faults]}`."""
    given = texts()
    _read("SELECT a FROM t")  # loads the parser
    before = _resident("VmRSS")
    found: dict[str, list[float]] = {}
    for name, text in given.items():
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
        began = time.thread_time()
        faults = _read(text)
        found[name] = [(time.thread_time() - began) * 1000, _resident("VmHWM") - before, faults]
    sys.stdout.write(json.dumps(found))


def _read(text: str) -> int:
    guard = Guard()
    reader = Reader(guard, at_once=True)
    _, statement = described(text, _PLACE)
    assert statement is not None
    reader.begin(statement, text)
    assert reader.known(statement) is not None
    return guard.total


def _resident(row: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{row}:")[2].split()[0]) / 1024


if __name__ == "__main__":
    threading.stack_size(512 * 1024)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
