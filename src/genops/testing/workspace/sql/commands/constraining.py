"""ALTER TABLE that adds and drops constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql.commands import constraints
from genops.testing.workspace.sql.commands.grammar import Scope, identifier, syntax_error
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.unity.constraints import drop_constraint

if TYPE_CHECKING:
    import re

    from genops.testing.workspace.http.wire import Json


def add_constraint(scope: Scope, info: Json, match: re.Match[str]) -> None:
    """ADD CONSTRAINT: a key or a check."""
    kind, found = constraints.parsed(match["item"])
    named = identifier(found["named"]) if found["named"] else ""
    if kind == "check":
        _add_check(scope, info, named, found["condition"])
        return
    parent = scope.found(found["parent"]) if kind == "foreign" else None
    key = constraints.key_of(kind, found, info, parent)
    if kind == "primary":
        _need_not_null(info, constraints.names_of(found["columns"]))
    scope.catalog.touch(info, table_constraints=[*info.get("table_constraints", ()), key])


def _need_not_null(info: Json, names: list[str]) -> None:
    wanted = {name.lower() for name in names}
    for column in info["columns"]:
        if column["name"].lower() in wanted and column.get("nullable", True):
            raise SqlError(
                f"Cannot create the primary key `{info['name']}_pk` because its child column(s) `{column['name']}` is "
                "nullable. Please change the column nullability and retry.",
                "42000",
            )


def _add_check(scope: Scope, info: Json, name: str, condition: str) -> None:
    if not name:
        raise syntax_error("CHECK without a name")
    if name.lower() in {key["name"].lower() for _, key in constraints.keys_of(info)} | set(constraints.checks_of(info)):
        raise constraints.taken(name)
    expression = scope.planner.condition(condition, info, scope.session)
    counted = f"SELECT count(*) FROM {scope.address(info)} WHERE ({expression}) IS NOT TRUE"  # noqa: S608 - translated
    rows = scope.catalog.database.rows(counted)[0][0]
    if rows:
        raise SqlError(
            f"[DELTA_NEW_CHECK_CONSTRAINT_VIOLATION] {rows} rows in {info['full_name']} violate the new CHECK "
            f"constraint ({condition.strip()}).",
            "23512",
        )
    held = info.get("properties", {})
    scope.catalog.touch(info, properties={**held, f"{constraints.CHECK}{name.lower()}": condition.strip()})


def drop_named(scope: Scope, info: Json, match: re.Match[str]) -> None:
    """DROP CONSTRAINT by name."""
    name = identifier(match["named"]).lower()
    keys = [key["name"] for _, key in constraints.keys_of(info) if key["name"].lower() == name]
    if name in constraints.checks_of(info):
        held = {key: value for key, value in info["properties"].items() if key != f"{constraints.CHECK}{name}"}
        scope.catalog.touch(info, properties=held)
    elif keys:
        _forget(scope, info, keys[0], match["mode"])
    elif not match["exists"]:
        raise SqlError(
            f"[DELTA_CONSTRAINT_DOES_NOT_EXIST] Cannot drop nonexistent constraint {name} from table "
            f"{info['full_name']}. To avoid throwing an error, provide the parameter IF EXISTS.",
            "42704",
        )


def _forget(scope: Scope, info: Json, name: str, mode: str | None) -> None:
    """Drop a key; one that foreign keys depend on only by CASCADE."""
    meant = scope.catalog.references(info["full_name"]) if name in _primary_name(info) else []
    if meant and (mode or "").upper() != "CASCADE":
        depending = ", ".join(f"`{key['foreign_key_constraint']['name']}`" for _, key in meant)
        raise SqlError(
            f"A foreign key {depending} depends on the primary key `{name}` of {info['full_name']}. Drop it before, or "
            "use CASCADE.",
            "42000",
        )
    drop_constraint(scope.catalog, info, name, cascade=True)


def _primary_name(info: Json) -> list[str]:
    return [key["name"] for kind, key in constraints.keys_of(info) if kind.startswith("primary")]


def drop_key(scope: Scope, info: Json, match: re.Match[str]) -> None:
    """DROP PRIMARY KEY and DROP FOREIGN KEY."""
    wanted = match["kind"].split()[0].lower()
    columns = [name.lower() for name in constraints.names_of(match["columns"])] if match["columns"] else None
    found = [
        key["name"]
        for kind, key in constraints.keys_of(info)
        if kind.startswith(wanted) and columns in (None, [name.lower() for name in key["child_columns"]])
    ]
    if not found and not match["exists"]:
        raise SqlError(f"[CONSTRAINT_DOES_NOT_EXIST] {info['full_name']} has no {match['kind']} of these.", "42704")
    for name in found:
        _forget(scope, info, name, match["mode"])


def drop_keys_of(scope: Scope, info: Json, names: list[str]) -> None:
    """Keys that use a column end when it is renamed or dropped, and the foreign keys that mean them
    [docs.databricks.com, ALTER TABLE: RENAME COLUMN, DROP COLUMN].
    """
    gone = {name.lower() for name in names}
    for _, key in constraints.keys_of(info):
        if gone & {name.lower() for name in key["child_columns"]}:
            drop_constraint(scope.catalog, info, key["name"], cascade=True)
