"""Understand hand-checked, common and pathological statements, and print what each came to, as JSON.

Usage: `python -m support.understood_program`, with `tests` and `src` on the path. Everything runs on a thread with a
stack of 512 KB, as a thread has on a Mac.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.understanding import understand
from support import hand_set, pathological
from support.sql_texts import STATEMENTS


def found() -> dict[str, str]:
    """Return what each statement came to, by name, without the hashes that no two processes share."""
    given = {one["id"]: (one["sql"], one["dialect"], one["schema"] or {}) for one in hand_set.statements()}
    given |= {f"common {i}": (text, dialect, {}) for i, (dialect, text) in enumerate(STATEMENTS)}
    given |= {name: (text, "databricks", {}) for name, text in pathological.texts().items()}
    understood = {name: understand(text, dialect, Declared(schema)) for name, (text, dialect, schema) in given.items()}
    return {name: repr(several) for name, several in understood.items()}


def compiled() -> bool:
    """Whether the parser here is native code."""
    return not str(importlib.import_module("sqlglot.parser").__file__).endswith(".py")


def main() -> None:
    """Print `{"compiled": …, "found": {name: what it came to}}`."""
    sys.stdout.write(json.dumps({"compiled": compiled(), "found": found()}))


if __name__ == "__main__":
    threading.stack_size(512 * 1024)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
