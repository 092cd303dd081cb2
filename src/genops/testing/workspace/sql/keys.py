"""Keys that a table is created with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.commands import constraints
from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.values import column_type, duck_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.tables import TableName


def keys_of_create(
    tree: Any,
    name: TableName,
    texts: list[str],
    place: Callable[[str], TableName],
    table: Callable[[TableName], Json],
) -> list[Json]:
    """The keys of a CREATE TABLE in the shape of the REST API; columns of a primary key then take no nulls.

    Args:
        tree: The statement; its columns are changed in place.
        name: The table.
        texts: Its constraints as they were written.
        place: Gives the full name of a table from the text of a name.
        table: Gives a table that is there.

    Raises:
        SqlError: A key that cannot be.
        UnsupportedError: A check, which Databricks adds afterwards.
    """
    columns: list[Any] = list(tree.this.find_all(exp.ColumnDef)) if texts else []
    keys: list[Json] = []
    facts = [{"name": column.name, "type_text": _type_of(column)} for column in columns]
    mine: Json = {"name": name.name, "full_name": name.full, "columns": facts, "table_constraints": keys}
    for text in texts:
        kind, match = constraints.parsed(text)
        if kind == "check":
            raise UnsupportedError("CREATE TABLE with a CHECK; Databricks adds it by ALTER TABLE … ADD CONSTRAINT")
        parent = None
        if kind == "foreign":
            referred = place(match["parent"])
            parent = mine if referred == name else table(referred)
        keys.append(constraints.key_of(kind, match, mine, parent))
        if kind == "primary":
            _forbid_nulls(columns, constraints.names_of(match["columns"]))
    return keys


def _type_of(column: Any) -> str:
    """The type of a column as the catalog spells it; empty where a view's column has none."""
    if not column.kind:
        return ""
    return column_type(duck_name(column.kind.sql(dialect="databricks"))).text.lower()


def _forbid_nulls(columns: list[Any], names: list[str]) -> None:
    wanted = {name.lower() for name in names}
    for column in columns:
        held: list[Any] = column.args.get("constraints") or []
        known = any(isinstance(item.kind, exp.NotNullColumnConstraint) for item in held)
        if column.name.lower() in wanted and not known:
            column.set("constraints", [*held, exp.ColumnConstraint(kind=exp.NotNullColumnConstraint())])
