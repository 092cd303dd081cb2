"""The names that an expression may use, and what they stand for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError

if TYPE_CHECKING:
    from genops.testing.workspace.sql.kinds import Kind

Columns = list[tuple[str, "Kind | None"]]
"""Names and types of columns; a type is ``None`` where it is not known."""
TableColumns = Callable[[Any], "Columns | None"]
"""Given a table of the statement, its columns; ``None`` where they are not known."""


@dataclass
class Scope:
    """The names that an expression may use.

    Attributes:
        sources: Columns of what stands in FROM, by lower-case alias; ``None`` where they are not known.
        ctes: Columns of the common table expressions.
        aliases: Types of the select list's aliases so far, by lower-case name.
        parameters: Types of a lambda's parameters.
        merged: Whether a join merges columns, so that ``*`` has fewer than the sources together.
        outer: The scope around a subquery.
    """

    sources: dict[str, Columns | None] = field(default_factory=dict[str, "Columns | None"])
    ctes: dict[str, Columns | None] = field(default_factory=dict[str, "Columns | None"])
    aliases: dict[str, Kind | None] = field(default_factory=dict[str, "Kind | None"])
    parameters: dict[str, Kind | None] = field(default_factory=dict[str, "Kind | None"])
    merged: bool = False
    outer: Scope | None = None

    def cte(self, name: str) -> tuple[bool, Columns | None]:
        """Whether a common table expression is visible by this name, and its columns."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return True, scope.ctes[name]
            scope = scope.outer
        return False, None


def parameter(name: str, scope: Scope) -> Kind | None:
    """The type of a lambda's parameter, which sqlglot leaves a bare name."""
    current: Scope | None = scope
    while current is not None:
        if name in current.parameters:
            return current.parameters[name]
        current = current.outer
    return None


def column(tree: Any, scope: Scope) -> Kind | None:
    """The type of a column; ``None`` where it is not known.

    Raises:
        SqlError: No table that the statement may name here has it.
    """
    name, table = tree.name.lower(), tree.table.lower()
    current: Scope | None = scope
    certain = True
    if tree.args.get("db"):
        return _path(tree, scope)
    while current is not None:
        found, kind = _in_scope(current, name, table)
        if found:
            return kind
        certain = certain and all(columns is not None for columns in current.sources.values())
        current = current.outer
    if certain and not isinstance(tree.this, exp.Star):
        raise unresolved(tree, scope)
    return None


def _path(tree: Any, scope: Scope) -> Kind | None:
    """A column with its schema in front, or a path into a struct, which looks the same."""
    parts = [part.name.lower() for part in tree.parts]
    current: Scope | None = scope
    while current is not None:
        for table, column, fields in ((parts[0], parts[1], parts[2:]), ("", parts[0], parts[1:])):
            if table and table not in current.sources:
                continue
            found, kind = _in_scope(current, column, table)
            if found:
                for name in fields:
                    kind = kind.field(name) if kind else None
                return kind
        current = current.outer
    return None


def _in_scope(scope: Scope, name: str, table: str) -> tuple[bool, Kind | None]:
    if not table and name in scope.parameters:
        return True, scope.parameters[name]
    chosen = [columns for alias, columns in scope.sources.items() if not table or alias == table]
    matches = [kind for columns in chosen for column, kind in columns or () if column.lower() == name]
    if matches:
        return True, matches[0] if len(set(matches)) == 1 else None
    if table and table not in scope.sources:
        # A field of a struct looks like a column of a table.
        found, kind = _in_scope(scope, table, "")
        return found, kind.field(name) if kind else None
    if not table and name in scope.aliases:
        return True, scope.aliases[name]
    return False, None


def unresolved(tree: Any, scope: Scope) -> SqlError:
    """The failure of a column that no table of the statement has."""
    parts = [part.name for part in tree.parts]
    if parts[0].lower() == "_metadata":
        raise UnsupportedError("the column _metadata of files")
    shown = ".".join(f"`{part}`" for part in parts)
    known: list[str] = []
    current: Scope | None = scope
    while current is not None:
        known += [name for columns in current.sources.values() for name, _ in columns or ()]
        current = current.outer
    start = f"A column, variable, or function parameter with name {shown} cannot be resolved."
    if not known:
        return SqlError(f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] {start}", "42703")
    close = sorted(
        dict.fromkeys(known), key=lambda name: -difflib.SequenceMatcher(None, name.lower(), parts[-1].lower()).ratio()
    )
    listed = ", ".join(f"`{name}`" for name in close[:5])
    return SqlError(
        f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] {start} Did you mean one of the following? [{listed}].", "42703"
    )
