"""What a failed expectation says: what was expected, what comes nearest, and everything that was captured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from genops.testing.captured import Captured, CapturedDecision, CapturedUnit, actual_of, differences, listed

_MAX_LISTED = 50
_NAME_WEIGHT = 3
Items = Captured[CapturedUnit] | Captured[CapturedDecision]


def nothing_matches(what: str, wanted: Mapping[str, Any], items: Items) -> str:
    """Return why no captured item is as expected.

    Args:
        what: What the items are called, for example `unit`.
        wanted: Expected value by field.
        items: What was captured.
    """
    lines = [f"no captured {what} is as expected", "expected:", *_table(wanted)]
    if items:
        number, nearest = _nearest(wanted, items)
        lines += [f"nearest captured {what}, #{number}:", f"  {nearest}", *_differing(nearest, wanted)]
    return "\n".join([*lines, *everything(what, items)])


def not_these(expected: Sequence[Mapping[str, Any]], items: Captured[CapturedUnit]) -> str | None:
    """Return why captured units are not the expected ones in the expected order; `None` where they are.

    Args:
        expected: Expected values by field, one mapping a unit.
        items: What was captured.
    """
    lines: list[str] = []
    for number in range(max(len(expected), len(items))):
        if number >= len(items):
            lines += [f"#{number + 1} is missing; expected:", *_table(expected[number])]
        elif number >= len(expected):
            lines.append(f"#{number + 1} was not expected: {items[number]}")
        elif differences(items[number], expected[number]):
            lines += [f"#{number + 1} is not as expected:", f"  {items[number]}"]
            lines += _differing(items[number], expected[number])
    if not lines:
        return None
    counts = f"expected {_counted(len(expected), 'unit')}, captured {_counted(len(items), 'unit')}"
    first = "captured units are not as expected" if len(expected) == len(items) else counts
    return "\n".join([first, *lines, *everything("unit", items)])


def everything(what: str, items: Items) -> list[str]:
    """Return all that was captured, one line each; the first 50 of many."""
    lines = [f"captured {what}s ({len(items)}):", *listed(items[:_MAX_LISTED])]
    return lines if len(items) <= _MAX_LISTED else [*lines, f"  … and {len(items) - _MAX_LISTED} more"]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _table(wanted: Mapping[str, Any]) -> list[str]:
    width = max((len(name) for name in wanted), default=0)
    return [f"  {name:<{width}}  {_shown(value)}" for name, value in wanted.items()] or ["  anything"]


def _differing(item: object, wanted: Mapping[str, Any]) -> list[str]:
    found = differences(item, wanted)
    width = max(map(len, found))
    return [f"  - {name:<{width}}  expected {_shown(value)}, was {_shown(was)}" for name, (value, was) in found.items()]


def _shown(value: Any) -> str:
    return f"{value:f}" if hasattr(value, "quantize") else repr(value)


def _nearest(wanted: Mapping[str, Any], items: Items) -> tuple[int, CapturedUnit | CapturedDecision]:
    numbered = list(enumerate(items, 1))
    return max(numbered, key=lambda entry: (_likeness(entry[1], wanted), -entry[0]))


def _likeness(item: object, wanted: Mapping[str, Any]) -> float:
    """Return how many fields are as expected; a name that is right, or nearly right, weighs more than any other."""
    score = float(len(wanted) - len(differences(item, wanted)))
    for name in ("name", "type"):
        if name in wanted:
            score += _NAME_WEIGHT * SequenceMatcher(None, str(wanted[name]), str(actual_of(item, name))).ratio()
    return score
