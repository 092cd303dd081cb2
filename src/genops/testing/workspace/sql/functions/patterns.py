"""Date and time patterns of Databricks (Java's letters) as those of DuckDB (C's)."""

from __future__ import annotations

import re

from genops.testing.workspace.sql.failures import UnsupportedError

_PIECE = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<letter>[A-Za-z])(?P=letter)*|(?P<other>[^A-Za-z'])")
_LETTERS = {
    "yyyy": "%Y",
    "y": "%Y",
    "uuuu": "%Y",
    "yy": "%y",
    "MM": "%m",
    "M": "%-m",
    "MMM": "%b",
    "LLL": "%b",
    "MMMM": "%B",
    "LLLL": "%B",
    "dd": "%d",
    "d": "%-d",
    "DDD": "%j",
    "D": "%-j",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "SSS": "%g",
    "SSSSSS": "%f",
    "a": "%p",
    "E": "%a",
    "EE": "%a",
    "EEE": "%a",
    "EEEE": "%A",
}


def strftime_pattern(text: str) -> str:
    """A pattern of Java's letters as a pattern of ``strftime``.

    >>> strftime_pattern("yyyy-MM-dd'T'HH:mm")
    '%Y-%m-%dT%H:%M'

    Raises:
        UnsupportedError: A letter without an equal.
    """
    found: list[str] = []
    end = 0
    for match in _PIECE.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        if match["letter"]:
            if match[0] not in _LETTERS:
                raise UnsupportedError(f"the datetime pattern {text!r}: {match[0]}")
            found.append(_LETTERS[match[0]])
        else:
            plain = match["other"] or match["quoted"].replace("''", "'") or "'"
            found.append(plain.replace("%", "%%"))
    if end != len(text):
        raise UnsupportedError(f"the datetime pattern {text!r}")
    return "".join(found)
