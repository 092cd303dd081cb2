"""Writes what follows from the registry: `python registry/generate.py`; with `--check` it only says what is stale."""

from __future__ import annotations

import argparse
import difflib
import sys

import constants
import tables
from reading import FOLDER, read

ROOT = FOLDER.parent


def generated() -> dict[str, str]:
    """Return the text of each generated file, by its path from the project's root."""
    registry = read()
    return {
        "src/genops/telemetry/semconv.py": constants.module(registry),
        "docs/telemetry.md": tables.page(registry),
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with `--check` print what would change and return 1 where something would."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; say what is stale")
    check = parser.parse_args(arguments).check
    stale = 0
    for path, text in generated().items():
        file = ROOT / path
        before = file.read_text("utf-8") if file.exists() else ""
        if before == text:
            continue
        if check:
            stale = 1
            lines = difflib.unified_diff(
                before.splitlines(), text.splitlines(), path, f"{path} (generated)", lineterm=""
            )
            print(*lines, sep="\n")
        else:
            file.write_text(text, "utf-8")
            print(f"wrote {path}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
