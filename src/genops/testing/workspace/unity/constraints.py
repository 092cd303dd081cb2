"""Constraints of tables: informational in Unity Catalog, so they are recorded and not enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, exists, invalid
from genops.testing.workspace.unity.rest import BASE, as_caller

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog

_KINDS = ("primary_key_constraint", "foreign_key_constraint", "named_table_constraint")


def constraint_name(constraint: Json) -> str:
    """The name of a constraint in the shape of the API."""
    return str(next(constraint[kind]["name"] for kind in _KINDS if kind in constraint))


def add_constraint(catalog: UnityCatalog, info: Json, constraint: Json) -> Json:
    """Record a constraint of a table.

    Args:
        catalog: Holds the tables.
        info: The table.
        constraint: One of ``primary_key_constraint``, ``foreign_key_constraint`` and ``named_table_constraint``.

    Raises:
        ApiError: Its name is taken, it names no column, or the table has a primary key already.
    """
    held: list[Json] = info.get("table_constraints", [])
    name = constraint_name(constraint)
    if any(constraint_name(other) == name for other in held):
        raise exists(f"Constraint '{name}' already exists in table '{info['full_name']}'.")
    if "primary_key_constraint" in constraint:
        _primary_key(info, constraint["primary_key_constraint"], held)
    if "foreign_key_constraint" in constraint:
        _foreign_key(catalog, info, constraint["foreign_key_constraint"])
    catalog.touch(info, table_constraints=[*held, constraint])
    return constraint


def drop_constraint(catalog: UnityCatalog, info: Json, name: str, *, cascade: bool) -> None:
    """Forget a constraint, and by ``cascade`` the foreign keys that mean it.

    Raises:
        ApiError: There is none of that name, or foreign keys mean it.
    """
    held: list[Json] = info.get("table_constraints", [])
    found = next((constraint for constraint in held if constraint_name(constraint) == name), None)
    if found is None:
        raise absent(f"Constraint '{name}' does not exist in table '{info['full_name']}'.")
    meaning = catalog.references(info["full_name"]) if "primary_key_constraint" in found else []
    if meaning and not cascade:
        names = ", ".join(other["full_name"] for other, _ in meaning)
        raise ApiError(400, "INVALID_STATE", f"Constraint '{name}' is referenced by foreign keys of: {names}")
    for other, key in meaning:
        catalog.touch(other, table_constraints=[one for one in other["table_constraints"] if one is not key])
    catalog.touch(info, table_constraints=[constraint for constraint in held if constraint is not found])


def _columns(info: Json, given: Any) -> list[Json]:
    by_name = {column["name"].lower(): column for column in info["columns"]}
    if not isinstance(given, list) or not given:
        raise invalid("A constraint needs at least one column")
    names = [str(name) for name in cast("list[Any]", given)]
    for name in names:
        if name.lower() not in by_name:
            raise invalid(f"Column '{name}' does not exist in table '{info['full_name']}'")
    return [by_name[name.lower()] for name in names]


def _primary_key(info: Json, key: Json, held: list[Json]) -> None:
    if any("primary_key_constraint" in other for other in held):
        raise invalid(f"Table '{info['full_name']}' already has a primary key")
    for column in _columns(info, key.get("child_columns")):
        if column.get("nullable", True):
            raise invalid(
                f"Cannot create the primary key '{key['name']}' because its child column(s) '{column['name']}' is "
                "nullable. Please change the column nullability and retry."
            )


def _foreign_key(catalog: UnityCatalog, info: Json, key: Json) -> None:
    children = _columns(info, key.get("child_columns"))
    parent = catalog.table(str(key.get("parent_table")))
    columns = [column["name"] for column in _columns(parent, key.get("parent_columns"))]
    keys = [
        constraint["primary_key_constraint"]["child_columns"]
        for constraint in parent.get("table_constraints", ())
        if "primary_key_constraint" in constraint
    ]
    if len(children) != len(columns):
        raise invalid(f"A foreign key of {len(children)} column(s) cannot refer to {len(columns)} column(s)")
    if columns not in keys:
        raise invalid(f"The columns {', '.join(columns)} are not the primary key of table '{parent['full_name']}'")


class ConstraintService:
    """The REST side of constraints.

    Args:
        catalog: Holds the tables.
    """

    def __init__(self, catalog: UnityCatalog) -> None:
        self._catalog = catalog

    def routes(self) -> Routes:
        """Create and delete; tables show them."""
        return as_caller(
            {
                f"POST {BASE}/constraints": self._create,
                f"DELETE {BASE}/constraints/{{name}}": self._delete,
            }
        )

    def _table(self, name: str, user: str) -> Json:
        info = self._catalog.table(name)
        self._catalog.grants.need(user, "MANAGE", "table", info["full_name"])
        return info

    def _create(self, call: Call) -> Json:
        constraint = call.object("constraint")
        kinds = [kind for kind in _KINDS if isinstance(constraint.get(kind), dict)]
        if len(kinds) != 1 or not isinstance(constraint[kinds[0]].get("name"), str):
            raise invalid(f"A constraint is one of {', '.join(_KINDS)}, with a name")
        with self._catalog.lock:
            info = self._table(call.need("full_name_arg"), call.user)
            return add_constraint(self._catalog, info, {kinds[0]: constraint[kinds[0]]})

    def _delete(self, call: Call) -> None:
        with self._catalog.lock:
            info = self._table(call.args["name"], call.user)
            drop_constraint(self._catalog, info, call.need("constraint_name"), cascade=call.flag("cascade"))
