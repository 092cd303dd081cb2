"""How a function of Databricks SQL is spelled in DuckDB, and of which type its result is.

A function is a line of a table: a template of DuckDB SQL for each number of arguments, and the type of the result. In
a template ``$1`` is the first argument, ``$*`` are all, and ``{over}`` is where FILTER and OVER of an aggregate go;
they go to the end where it is absent. A function that a template cannot say has a builder instead. What is in no
table is refused, so that nothing is translated by the accident of an equal name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError

if TYPE_CHECKING:
    from genops.testing.workspace.sql.kinds import Kind

Render = Callable[[Any], str]


@dataclass(frozen=True)
class Invocation:
    """A function call that is being spelled.

    Attributes:
        name: The function, in lower case.
        arguments: Its arguments, as syntax trees.
        render: Gives the DuckDB SQL of a tree.
        over: FILTER and OVER of an aggregate or window function, in DuckDB SQL.
    """

    name: str
    arguments: Sequence[Any]
    render: Render
    over: str = ""

    def text(self, index: int) -> str:
        """DuckDB SQL of an argument."""
        return self.render(self.arguments[index])

    def texts(self) -> list[str]:
        """DuckDB SQL of all arguments."""
        return [self.render(argument) for argument in self.arguments]

    def kind(self, index: int) -> Kind | None:
        """Type of an argument."""
        return known(self.arguments[index])

    def constant(self, index: int, what: str) -> str:
        """The text of an argument that must be a literal for the translation to be right.

        Raises:
            UnsupportedError: It is computed.
        """
        argument = self.arguments[index]
        if not argument.is_string and not argument.is_int:
            raise UnsupportedError(f"{self.name} with a computed {what}")
        return str(argument.to_py()) if hasattr(argument, "to_py") else str(argument.name)


# Most arguments of functions that have more than are served.
_ALSO = {
    **dict.fromkeys(("ceil", "ceiling", "floor", "any_value", "mode", "approx_count_distinct", "assert_true"), 2),
    **dict.fromkeys(("levenshtein", "months_between", "percentile", "nth_value", "max_by", "min_by", "random"), 3),
    "regexp_replace": 4,
    "make_timestamp": 7,
    "uuid": 1,
    "rand": 1,
    "raise_error": 2,
    "regexp_substr": 2,
}

Builder = Callable[[Invocation], str]
KindOf = Callable[[Sequence[Any]], "Kind | None"]


@dataclass(frozen=True)
class Function:
    """A function.

    Attributes:
        spelling: Templates by number of arguments, one for any number (key ``-1``), or a builder.
        kind: Type of the result; given the arguments where it depends on them.
        least: Fewest arguments.
        most: Most arguments; ``None`` is no limit.
    """

    spelling: dict[int, str] | Builder
    kind: Kind | KindOf | None
    least: int
    most: int | None

    def spell(self, call: Invocation) -> str:
        """The DuckDB SQL of a call."""
        if callable(self.spelling):
            return self.spelling(call)
        template = self.spelling.get(len(call.arguments), self.spelling.get(-1, ""))
        return filled(template, call.texts(), call.over)

    def result(self, arguments: Sequence[Any]) -> Kind | None:
        """The type of a call's result."""
        return self.kind(arguments) if callable(self.kind) else self.kind

    def check(self, name: str, count: int) -> None:
        """Refuse a wrong number of arguments.

        Raises:
            SqlError: ``WRONG_NUM_ARGS``.
            UnsupportedError: Databricks takes so many, and the local workspace does not.
        """
        if self.most is not None and self.most < count <= _ALSO.get(name, 0):
            raise UnsupportedError(f"{name} with {count} arguments")
        if count < self.least or (self.most is not None and count > self.most):
            expected = self.least if self.least == self.most else f"[{self.least}, {self.most or '...'}]"
            raise SqlError(
                f"[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `{name}` requires {expected} parameters but the actual "
                f"number is {count}.",
                "42605",
            )


def filled(template: str, texts: Sequence[str], over: str = "") -> str:
    """A template with its arguments.

    >>> filled("avg($1)", ["a"], " OVER ()")
    'avg(a) OVER ()'
    """
    found = template.replace("{over}", over) if "{over}" in template else template + over
    found = found.replace("$*", ", ".join(texts))
    return re.sub(r"\$(\d)", lambda match: texts[int(match[1]) - 1], found)


def known(argument: Any) -> Kind | None:
    """The type of a syntax tree, as far as it was found."""
    found: Kind | None = argument.meta.get("kind")
    return found


def say(kind: Kind | KindOf | None, *templates: str, least: int = 1) -> Function:
    """A function by its templates; the highest ``$n`` of each says how many arguments it takes.

    Args:
        kind: Type of the result.
        templates: DuckDB SQL.
        least: Fewest arguments of a template with ``$*``.
    """
    if len(templates) == 1 and "$*" in templates[0]:
        return Function({-1: templates[0]}, kind, least, None)
    by_count = {max([int(digit) for digit in re.findall(r"\$(\d)", text)] or [0]): text for text in templates}
    return Function(by_count, kind, min(by_count), max(by_count))


def build(kind: Kind | KindOf | None, builder: Builder, least: int = 1, most: int | None = None) -> Function:
    """A function by a builder; it takes ``least`` arguments where ``most`` is absent."""
    return Function(builder, kind, least, least if most is None else (most if most >= 0 else None))


def like(index: int) -> KindOf:
    """The result is of the type of an argument."""
    return lambda arguments: known(arguments[index]) if len(arguments) > index else None


def element(index: int) -> KindOf:
    """The result is of the type of an array argument's elements."""

    def found(arguments: Sequence[Any]) -> Kind | None:
        kind = known(arguments[index]) if len(arguments) > index else None
        return kind.inner[0] if kind and kind.name == "ARRAY" else None

    return found
