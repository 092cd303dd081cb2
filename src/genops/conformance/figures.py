"""Figures as OTLP's JSON writes them: numbers, or numbers in letters."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|-?Infinity")
_DIGITS = re.compile("-?[0-9]{1,20}")
INT64 = range(-(1 << 63), 1 << 63)
"""What an integer attribute may be."""
_WHOLE = range(-(1 << 63), 1 << 64)


def whole(content: object) -> int | None:
    """Return an integer of 64 bits, with a sign or without one.

    >>> whole("7"), whole(7.0), whole("1_0"), whole(1 << 64)
    (7, 7, None, None)
    """
    if isinstance(content, bool) or not isinstance(content, (int, float, str)):
        return None
    if isinstance(content, float) and not content.is_integer():
        return None
    if isinstance(content, str) and not _DIGITS.fullmatch(content):
        return None
    found = int(content)
    return found if found in _WHOLE else None


def number(content: object) -> float | None:
    """Return a double, as JSON writes it or in its letters.

    >>> number("1.5e3"), number("-Infinity"), number("1_0"), number("\uff11"), number(" 1")
    (1500.0, -inf, None, None, None)
    """
    if isinstance(content, bool) or not isinstance(content, (int, float, str)):
        return None
    if isinstance(content, str) and not _NUMBER.fullmatch(content):
        return None
    try:
        return float(content)
    except (ValueError, OverflowError):
        return None
