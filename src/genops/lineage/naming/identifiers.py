"""Identifiers as each dialect spells them: quotes, dots inside quotes, doubled quotes, and back again.

`split` and `join` are each other's inverse: whatever the parts are, `split(join(parts, d), d) == parts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from genops.errors import InvalidArgument

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_UPPER = {lower: upper for upper, lower in _LOWER.items()}
_AS_SPELLED: dict[int, int] = {}


class Dialect(NamedTuple):
    """How a dialect writes the parts of a name.

    Attributes:
        quotes: Pairs of opening and closing quotes; the first is what `join` writes. A closing quote is doubled inside.
        unquoted: What becomes of a part without quotes; a table for `str.translate`. Only letters of ASCII change.
        quoted: What becomes of a part in quotes.
        paths: Back-ticks may hold a whole path, whose dots separate: BigQuery, where no part holds a dot but a
            project of a domain (`example.com:project`).
    """

    quotes: tuple[tuple[str, str], ...]
    unquoted: dict[int, int] = _AS_SPELLED
    quoted: dict[int, int] = _AS_SPELLED
    paths: bool = False


_BACKTICK, _DOUBLE, _BRACKET = ("`", "`"), ('"', '"'), ("[", "]")
_INSENSITIVE = Dialect((_BACKTICK,), _LOWER, _LOWER)
DIALECTS: dict[str, Dialect] = {
    "databricks": _INSENSITIVE,
    "spark": _INSENSITIVE,
    "hive": _INSENSITIVE,
    "glue": Dialect((_BACKTICK, _DOUBLE), _LOWER, _LOWER),
    "athena": Dialect((_DOUBLE, _BACKTICK), _LOWER, _LOWER),
    "trino": Dialect((_DOUBLE,), _LOWER, _LOWER),
    "bigquery": Dialect((_BACKTICK,), paths=True),
    "mysql": Dialect((_BACKTICK,)),
    "clickhouse": Dialect((_BACKTICK, _DOUBLE)),
    "snowflake": Dialect((_DOUBLE,), _UPPER),
    "oracle": Dialect((_DOUBLE,), _UPPER),
    "db2": Dialect((_DOUBLE,), _UPPER),
    "postgres": Dialect((_DOUBLE,), _LOWER),
    "redshift": Dialect((_DOUBLE,), _LOWER, _LOWER),
    "duckdb": Dialect((_DOUBLE,), _LOWER, _LOWER),
    "tsql": Dialect((_BRACKET, _DOUBLE)),
    "ansi": Dialect((_DOUBLE,)),
}
"""By the name that the SQL parser knows it by, where it knows one. `ansi` is every other database."""


def split(text: str, dialect: str = "databricks", *, folded: bool = False) -> tuple[str, ...]:
    """Return the parts of a name, without quotes.

    Args:
        text: The name as it stands in a statement.
        dialect: A key of `DIALECTS`.
        folded: Write letters as the platform stores them: `orders` is `ORDERS` in Snowflake, `"orders"` is not.

    Raises:
        InvalidArgument: The dialect is unknown, a quote is left open, or a part is empty. The message does not say
            the name.

    >>> split("main.`a.b`.`c``d`")
    ('main', 'a.b', 'c`d')
    >>> split("[dbo].[weird]]name]", "tsql")
    ('dbo', 'weird]name')
    >>> split('db."Orders".id', "snowflake", folded=True)
    ('DB', 'Orders', 'ID')
    >>> split("`my-project.sales.orders`", "bigquery")
    ('my-project', 'sales', 'orders')
    """
    rules = rules_of(dialect)
    parts: list[str] = []
    at = 0
    while True:
        part, quoted, at = _part(text, at, rules)
        if not part:
            raise InvalidArgument(f"the name has an empty part at position {len(parts) + 1}; write every part of it")
        if folded:
            part = part.translate(rules.quoted if quoted else rules.unquoted)
        parts.extend(_of_path(part) if rules.paths else (part,))
        if at >= len(text):
            return tuple(parts)
        at += 1


def join(parts: Iterable[str], dialect: str = "databricks") -> str:
    """Return a name that `split` takes apart into these parts, with quotes only where it needs them to.

    It is no text for a statement: words that the dialect reserves stay without quotes.

    >>> join(("main", "a.b", "c`d"))
    'main.`a.b`.`c``d`'
    >>> join(("dbo", "weird]name"), "tsql")
    'dbo.[weird]]name]'
    """
    rules = rules_of(dialect)
    opening, closing = rules.quotes[0]
    return ".".join(
        opening + part.replace(closing, closing * 2) + closing if _needs_quotes(part, rules) else part for part in parts
    )


def rules_of(dialect: str) -> Dialect:
    """Return how a dialect writes names.

    Raises:
        InvalidArgument: It is unknown.
    """
    try:
        return DIALECTS[dialect]
    except KeyError:
        raise InvalidArgument(f"dialect: expected one of {', '.join(DIALECTS)}") from None


def _part(text: str, at: int, rules: Dialect) -> tuple[str, bool, int]:
    """Return the part that begins here, whether it has quotes, and where the dot after it or the end is."""
    while text[at : at + 1].isspace():
        at += 1
    closing = next((close for opened, close in rules.quotes if text.startswith(opened, at)), None)
    if closing is None:
        end = _end_of_plain(text, at, rules)
        return text[at:end].strip(), False, end
    part, at = _within_quotes(text, at + 1, closing)
    while text[at : at + 1].isspace():
        at += 1
    if at < len(text) and text[at] != ".":
        raise InvalidArgument("the name goes on after a closing quote without a dot")
    return part, True, at


def _end_of_plain(text: str, at: int, rules: Dialect) -> int:
    """Return where a part without quotes ends; the dots of a domain before a colon belong to it in BigQuery."""
    colon = text.find(":", at) if rules.paths else -1
    dot = text.find(".", max(at, colon))
    return len(text) if dot < 0 else dot


def _within_quotes(text: str, at: int, closing: str) -> tuple[str, int]:
    """Return what stands in quotes, and where it goes on after them."""
    begun = at
    while (end := text.find(closing, at)) >= 0:
        if not text.startswith(closing, end + 1):
            return text[begun:end].replace(closing * 2, closing), end + 1
        at = end + 2
    raise InvalidArgument("a quote in the name is left open")


def _of_path(part: str) -> tuple[str, ...]:
    """Return the parts of a path that one pair of quotes holds; the dots of a domain before a colon separate nothing.

    >>> _of_path("example.com:shop.sales.orders")
    ('example.com:shop', 'sales', 'orders')
    """
    domain, colon, rest = part.rpartition(":")
    first, *others = rest.split(".")
    if not (first or colon) or not all(others):
        raise InvalidArgument("the name has an empty part between two dots")
    return (domain + colon + first, *others)


def _needs_quotes(part: str, rules: Dialect) -> bool:
    return (
        part != part.strip()
        or ("." in part and not rules.paths)
        or any(quote in part for pair in rules.quotes for quote in pair)
    )
