"""Statements of every form that a local workspace runs, written by hand; they lie in a file of their own."""

from __future__ import annotations

from pathlib import Path

from support.executed import Case

_FILE = Path(__file__).with_suffix(".sql")


def written() -> list[Case]:
    """Return the statements, with what each writes."""
    cases: list[Case] = []
    target = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("-- writes "):
            target = line.removeprefix("-- writes ").replace("nothing", "")
        elif not line.startswith("--"):
            cases.append(Case(line, target))
    return cases
