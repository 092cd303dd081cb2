"""Classes of tables by name: what the configuration declares, never what the data looks like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from genops.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef

DEFAULT_ORDER = ("public", "internal", "confidential", "restricted")
CLASSIFIED_KINDS = frozenset({"table", "view"})
_PARTS = 3
_PART = re.compile(r"`((?:[^`]|``)+)`|([^`.]+)")
_WILDCARD = re.compile(r"[*?\[]")
_MAX_CACHED = 4096


class ClassOrder:
    """The classes, from the one that everybody may see to the strictest.

    Args:
        names: The classes in order.

    Attributes:
        names: The classes in order.
        ranks: Position by class, 0 for the least strict.

    Raises:
        ConfigurationError: There is none, one is empty, or one stands twice.
    """

    def __init__(self, names: Iterable[str] = DEFAULT_ORDER) -> None:
        self.names = tuple(names)
        if not self.names or not all(self.names) or len(set(self.names)) != len(self.names):
            raise ConfigurationError(
                f"classes {list(self.names)!r}: expected different non-empty names in order, for example "
                f"{list(DEFAULT_ORDER)!r}"
            )
        self.ranks = {name: rank for rank, name in enumerate(self.names)}

    def rank(self, name: str, where: str) -> int:
        """Return the position of a class, 0 for the least strict.

        Args:
            name: The class.
            where: What names it; the error's message begins with it.

        Raises:
            ConfigurationError: It is no class.
        """
        if name not in self.ranks:
            known = ", ".join(self.names)
            raise ConfigurationError(
                f"{where}: unknown class {name!r}{nearest(str(name), self.names)}; expected one of {known}"
            )
        return self.ranks[name]


class _Pattern(NamedTuple):
    parts: tuple[re.Pattern[str], ...]
    exact: int
    literal: int

    def matches(self, parts: tuple[str, ...]) -> bool:
        return all(pattern.match(part) for pattern, part in zip(self.parts, parts, strict=True))


class Classification:
    """Classes by pattern of name.

    A pattern has three parts, `catalog.schema.table`. In a part `*` stands for any characters, `?` for one, `[ab]` for
    one of several; a part in back-ticks is taken literally and may hold dots. Names are compared without regard to
    case, as Unity Catalog does. Of several patterns that match, the most specific one wins: the one with more exact
    parts, then with more literal characters in its other parts; between equals, the stricter class.

    Args:
        tables: Class by pattern.
        order: The classes.

    Raises:
        ConfigurationError: A pattern cannot be read, or a class is unknown.

    >>> from genops.core.operation import DatasetRef
    >>> declared = Classification({"main.*.*": "internal", "main.hr.*": "restricted"})
    >>> [declared.classify(DatasetRef((name, "hr", "salaries"))) for name in ("main", "other")]
    ['restricted', None]
    """

    def __init__(self, tables: Mapping[str, str], order: ClassOrder | None = None) -> None:
        self.order = order or ClassOrder()
        ranked = [
            (_pattern(text), self.order.rank(name, f"classification of {text!r}")) for text, name in tables.items()
        ]
        ranked.sort(key=lambda entry: (entry[0].exact, entry[0].literal, entry[1]), reverse=True)
        self._ranked = tuple(ranked)
        self._known: dict[tuple[str, ...], str | None] = {}

    def classify(self, dataset: DatasetRef) -> str | None:
        """Return the declared class of a table or view; `None` where nothing is declared, and for other datasets."""
        parts = dataset.parts
        if dataset.kind not in CLASSIFIED_KINDS or len(parts) != _PARTS:
            return None
        try:
            return self._known[parts]
        except KeyError:
            return self._remember(parts)

    def _remember(self, parts: tuple[str, ...]) -> str | None:
        found = self._find(tuple(part.lower() for part in parts))
        if len(self._known) >= _MAX_CACHED:
            self._known.clear()
        self._known[parts] = found
        return found

    def _find(self, parts: tuple[str, ...]) -> str | None:
        return next((self.order.names[rank] for pattern, rank in self._ranked if pattern.matches(parts)), None)


def _pattern(text: str) -> _Pattern:
    found = _split(text)
    expressions: list[re.Pattern[str]] = []
    exact = literal = 0
    for part, quoted in found:
        if quoted or not _WILDCARD.search(part):
            expressions.append(re.compile(re.escape(part) + r"\Z", re.DOTALL))
            exact += 1
        else:
            expressions.append(re.compile(translate(part)))
            literal += len(_WILDCARD.sub("", part))
    return _Pattern(tuple(expressions), exact, literal)


def _split(text: str) -> list[tuple[str, bool]]:
    """Split a pattern into its parts, lower case, each with whether it was quoted.

    >>> _split("Main.`a.*b`.t_*")
    [('main', False), ('a.*b', True), ('t_*', False)]
    """
    parts: list[tuple[str, bool]] = []
    position = 0
    while match := _PART.match(text, position):
        quoted, plain = match.groups()
        parts.append((plain.lower(), False) if quoted is None else (quoted.replace("``", "`").lower(), True))
        position = match.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    if position != len(text) or len(parts) != _PARTS or text.endswith("."):
        raise ConfigurationError(
            f"classification pattern {text!r}: expected catalog.schema.table, where a part may hold * or stand in "
            "back-ticks, for example 'main.hr.*'"
        )
    return parts
