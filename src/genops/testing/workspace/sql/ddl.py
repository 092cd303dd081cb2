"""SQL that changes the catalog: CREATE, DROP, ALTER and COMMENT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.database import address
from genops.testing.workspace.sql.dialect import ALIAS, to_duckdb
from genops.testing.workspace.sql.failures import (
    SqlError,
    UnsupportedError,
    already_exists,
    catalog_not_found,
    schema_not_found,
    table_not_found,
)
from genops.testing.workspace.sql.tables import TableName, table_name
from genops.testing.workspace.sql.values import quoted
from genops.testing.workspace.unity.catalog import UnityCatalog, quote_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import ApiError, Json

_STATES = {
    "CATALOG_DOES_NOT_EXIST": ("NO_SUCH_CATALOG_EXCEPTION", "42704"),
    "SCHEMA_DOES_NOT_EXIST": ("SCHEMA_NOT_FOUND", "42704"),
    "TABLE_DOES_NOT_EXIST": ("TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    "CATALOG_ALREADY_EXISTS": ("CATALOG_ALREADY_EXISTS", "42710"),
    "SCHEMA_ALREADY_EXISTS": ("SCHEMA_ALREADY_EXISTS", "42P06"),
    "TABLE_ALREADY_EXISTS": ("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
    "ALREADY_EXISTS": ("VOLUME_ALREADY_EXISTS", "42000"),
    "RESOURCE_DOES_NOT_EXIST": ("VOLUME_DOES_NOT_EXIST", "42704"),
    "NOT_FOUND": ("PATH_NOT_FOUND", "42K03"),
    "INVALID_STATE": ("SCHEMA_NOT_EMPTY", "2BP01"),
}


def as_failure(error: ApiError) -> SqlError:
    """The failure of a statement that the catalog refused."""
    error_class, sql_state = _STATES.get(error.code, (error.code, "42000"))
    return SqlError(f"[{error_class}] {error.message}", sql_state)


def need_schema(catalog: UnityCatalog, name: TableName) -> None:
    """Make sure that a table's schema is there."""
    if name.catalog not in catalog.catalogs:
        raise catalog_not_found(name.catalog)
    if f"{name.catalog}.{name.schema}" not in catalog.schemas:
        raise schema_not_found(f"`{name.catalog}`.`{name.schema}`")


def need_table(catalog: UnityCatalog, name: TableName) -> Json:
    """The table of a name that a statement uses."""
    info = catalog.tables.get(name.full)
    if info is None:
        raise table_not_found(name.shown)
    return info


def not_a_view(catalog: UnityCatalog, name: TableName) -> None:
    """Rows of a view cannot be changed."""
    if need_table(catalog, name)["table_type"] == "VIEW":
        raise SqlError(f"[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] {name.shown} is a view, expected a table.", "42809")


@dataclass
class Plan:
    """A table or view about to be created; ``given`` is what the catalog records of it."""

    kind: str
    name: TableName
    given: Json


def plan_create(catalog: UnityCatalog, tree: Any, default_catalog: str, default_schema: str) -> Plan | None:
    """Check a CREATE TABLE or VIEW and strip it to what DuckDB knows.

    Returns:
        The plan, or ``None`` where IF NOT EXISTS found the table.

    Raises:
        SqlError: The place does not exist, or the name is taken.
        UnsupportedError: Another kind of object, or an option that is not imitated.
    """
    kind = str(tree.kind).upper()
    if kind not in ("TABLE", "VIEW"):
        raise UnsupportedError(f"CREATE {kind}")
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    name = table_name(target, default_catalog, default_schema)
    given = _harvest(tree)
    given["table_type"] = "VIEW" if kind == "VIEW" else "MANAGED"
    need_schema(catalog, name)
    present = catalog.tables.get(name.full)
    if present is not None:
        if tree.args.get("exists"):
            return None
        if not tree.args.get("replace"):
            raise already_exists("TABLE_OR_VIEW", name.shown)
        if (present["table_type"] == "VIEW") != (kind == "VIEW"):
            raise SqlError(f"[EXPECT_{kind}_NOT_{'VIEW' if kind == 'TABLE' else 'TABLE'}] {name.shown}", "42809")
    target.replace(_duck_table(name))
    return Plan(kind, name, given)


def _duck_table(name: TableName) -> Any:
    return exp.table_(
        exp.to_identifier(name.name, quoted=True),
        db=exp.to_identifier(name.schema, quoted=True),
        catalog=exp.to_identifier(ALIAS + name.catalog, quoted=True),
    )


def _harvest(tree: Any) -> Json:
    """Take comments and properties out of a CREATE; they are the catalog's, not DuckDB's."""
    given: Json = {"comments": _column_comments(tree), "properties": {}}
    for item in tree.args["properties"].expressions if tree.args.get("properties") else ():
        take = _PROPERTIES.get(item.__class__)
        if take is None:
            raise UnsupportedError(f"CREATE with {item.sql(dialect='databricks').split('(')[0]}")
        take(item, given)
    tree.set("properties", None)
    if isinstance(tree.this, exp.Schema):
        # Keys are informational in Unity Catalog: they are not enforced.
        kept = [
            item
            for item in tree.this.expressions
            if not isinstance(item, (exp.PrimaryKey, exp.ForeignKey, exp.Constraint))
        ]
        tree.this.set("expressions", kept)
        if not any(isinstance(item, exp.ColumnDef) for item in kept):
            tree.set("this", tree.this if tree.kind == "VIEW" else tree.this.this)
    return given


def _column_comments(tree: Any) -> dict[str, str]:
    comments: dict[str, str] = {}
    for column in tree.find_all(exp.ColumnDef):
        kept: list[Any] = []
        for constraint in column.args.get("constraints") or ():
            kind = constraint.kind
            if isinstance(kind, exp.CommentColumnConstraint):
                comments[column.name] = kind.this.name
            elif isinstance(kind, (exp.NotNullColumnConstraint, exp.DefaultColumnConstraint)):
                kept.append(constraint)
            elif not isinstance(kind, (exp.PrimaryKeyColumnConstraint, exp.Reference)):
                raise UnsupportedError(f"the column constraint {constraint.sql(dialect='databricks')}")
        column.set("constraints", kept)
    return comments


def _property(item: Any, given: Json) -> None:
    value = item.args["value"]
    given["properties"][item.name] = value.name if isinstance(value, exp.Literal) else value.sql().lower()


def _comment_property(item: Any, given: Json) -> None:
    given["comment"] = item.name


def _format(item: Any, _: Json) -> None:
    if item.name.lower() != "delta":
        raise UnsupportedError(f"CREATE TABLE USING {item.name.upper()}")


def _layout(_: Any, __: Json) -> None:
    """Partitions and clusters change where rows lie, not what they are."""


_PROPERTIES: dict[type[Any], Callable[[Any, Json], None]] = {
    exp.Property: _property,
    exp.SchemaCommentProperty: _comment_property,
    exp.FileFormatProperty: _format,
    exp.PartitionedByProperty: _layout,
}
for _optional in ("ClusterProperty", "ClusteredByProperty"):
    if hasattr(exp, _optional):
        _PROPERTIES[getattr(exp, _optional)] = _layout


def create_schema(catalog: UnityCatalog, tree: Any, default_catalog: str) -> None:
    """CREATE SCHEMA."""
    target = tree.find(exp.Table)
    where = (target.args.get("catalog") and target.catalog) or default_catalog
    given = _harvest(tree)
    if f"{where}.{target.db}".lower() in catalog.schemas and tree.args.get("exists"):
        return
    catalog.create_schema(where, target.db, given)


def drop(catalog: UnityCatalog, tree: Any, default_catalog: str, default_schema: str) -> None:
    """DROP of a schema, table or view."""
    kind = str(tree.args.get("kind")).upper()
    target = tree.find(exp.Table)
    if kind in ("SCHEMA", "DATABASE"):
        full_name = f"{quote_part(target.catalog or default_catalog)}.{quote_part(target.db)}"
        if tree.args.get("exists") and full_name.replace("`", "").lower() not in catalog.schemas:
            return
        catalog.drop_schema(full_name, force=bool(tree.args.get("cascade")))
        return
    if kind not in ("TABLE", "VIEW"):
        raise UnsupportedError(f"DROP {kind}")
    name = table_name(target, default_catalog, default_schema)
    info = catalog.tables.get(name.full)
    if info is None and tree.args.get("exists"):
        return
    if (need_table(catalog, name)["table_type"] == "VIEW") != (kind == "VIEW"):
        raise SqlError(f"[WRONG_COMMAND_FOR_OBJECT_TYPE] {name.shown} is not a {kind.lower()}.", "42809")
    catalog.drop_table(name.full)


def comment(catalog: UnityCatalog, tree: Any, default_catalog: str, default_schema: str) -> None:
    """COMMENT ON TABLE."""
    if str(tree.args.get("kind")).upper() != "TABLE":
        raise UnsupportedError(f"COMMENT ON {tree.args.get('kind')}")
    name = table_name(tree.this, default_catalog, default_schema)
    catalog.touch(need_table(catalog, name), comment=tree.expression.name)


def alter(catalog: UnityCatalog, tree: Any, default_catalog: str, default_schema: str) -> None:
    """ALTER TABLE: properties, tags, columns and the name."""
    name = table_name(tree.this, default_catalog, default_schema)
    info = need_table(catalog, name)
    for action in tree.args["actions"]:
        if isinstance(action, exp.AlterSet):
            _set(catalog, info, action)
        elif isinstance(action, exp.AlterRename):
            _rename(catalog, name, table_name(action.this, name.catalog, name.schema))
        else:
            _alter_columns(catalog, info, name, action)


def _set(catalog: UnityCatalog, info: Json, action: Any) -> None:
    properties = {item.name: item.args["value"].name for item in action.find_all(exp.Property)}
    tags = {
        item.this.name: item.expression.name for tag in action.args.get("tag") or () for item in tag.find_all(exp.EQ)
    }
    if not properties and not tags:
        raise UnsupportedError(f"ALTER TABLE {action.sql(dialect='databricks')}")
    if properties:
        catalog.touch(info, properties={**info.get("properties", {}), **properties})
    for key, value in tags.items():
        catalog.tags.assign("tables", info["full_name"], key, value)


def _rename(catalog: UnityCatalog, old: TableName, new: TableName) -> None:
    if (new.catalog, new.schema) != (old.catalog, old.schema):
        raise UnsupportedError("ALTER TABLE RENAME TO another schema")
    if new.full in catalog.tables:
        raise already_exists("TABLE_OR_VIEW", new.shown)
    kind = "VIEW" if catalog.tables[old.full]["table_type"] == "VIEW" else "TABLE"
    where = address(old.catalog, old.schema, old.name)
    catalog.database.change(f"ALTER {kind} {where} RENAME TO {quoted(new.name)}")
    catalog.rename_table(old, new)


def _alter_columns(catalog: UnityCatalog, info: Json, name: TableName, action: Any) -> None:
    comments = _column_comments(exp.Schema(expressions=[action]) if isinstance(action, exp.ColumnDef) else action)
    columns = action.expressions if isinstance(action, exp.Schema) else [action]
    where = address(name.catalog, name.schema, name.name)
    for column in columns:
        if isinstance(column, exp.ColumnDef):
            change = f"ADD COLUMN {to_duckdb(column)}"
        elif isinstance(column, exp.RenameColumn):
            change = to_duckdb(column)
        else:
            raise UnsupportedError(f"ALTER TABLE {column.sql(dialect='databricks')}")
        catalog.database.change(f"ALTER TABLE {where} {change}")
    catalog.refresh_columns(info, comments)
