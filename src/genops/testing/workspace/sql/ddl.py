"""CREATE and DROP of tables and views: what of a statement is the catalog's and what is DuckDB's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import TokenType, exp

from genops.testing.workspace.sql.commands import constraints
from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import (
    SqlError,
    UnsupportedError,
    already_exists,
    catalog_not_found,
    schema_not_found,
    table_not_found,
)
from genops.testing.workspace.sql.relations import COMPUTED
from genops.testing.workspace.sql.tables import TableName, table_name
from genops.testing.workspace.sql.values import need_unbounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import ApiError, Json
    from genops.testing.workspace.sql.sessions import Session
    from genops.testing.workspace.unity.catalog import UnityCatalog

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
    "PERMISSION_DENIED": ("INSUFFICIENT_PERMISSIONS", "42501"),
    "NOT_IMPLEMENTED": ("UNSUPPORTED_BY_LOCAL_WORKSPACE", "0A000"),
}


def as_failure(error: ApiError) -> SqlError:
    """The failure of a statement that the catalog refused."""
    error_class, sql_state = _STATES.get(str(error.code), (str(error.code), "42000"))
    before = "Insufficient privileges:\n" if error.code == "PERMISSION_DENIED" else ""
    return SqlError(f"[{error_class}] {before}{error.message}", sql_state)


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
    if need_table(catalog, name)["table_type"] in ("VIEW", "MATERIALIZED_VIEW"):
        raise SqlError(f"[EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE] {name.shown} is a view, expected a table.", "42809")


# CREATE


@dataclass
class Plan:
    """A table or view about to be created; ``given`` is what the catalog records of it."""

    kind: str
    name: TableName
    given: Json


def plan_create(catalog: UnityCatalog, tree: Any, session: Session, sql: str) -> Plan | None:
    """Check a CREATE TABLE or VIEW and strip it to what DuckDB knows.

    Args:
        catalog: Knows what is there.
        tree: The statement; changed in place.
        session: Whose statement it is.
        sql: Its text, of which a view's definition is kept.

    Returns:
        The plan, or ``None`` where IF NOT EXISTS found the table.

    Raises:
        SqlError: The place does not exist, or the name is taken.
        UnsupportedError: Another kind of object, or an option that is not imitated.
    """
    kind = str(tree.kind).upper()
    if kind not in ("TABLE", "VIEW") or tree.args.get("clone"):
        raise UnsupportedError(f"CREATE {kind}" if kind != "TABLE" else "CREATE TABLE … CLONE")
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    name = table_name(target, session.catalog, session.schema)
    given = _harvest(tree)
    given["table_type"] = "VIEW" if kind == "VIEW" else "EXTERNAL" if given.get("storage_location") else "MANAGED"
    need_schema(catalog, name)
    if not _may_create(catalog, tree, kind, name):
        return None
    if kind == "VIEW":
        given["view_definition"] = definition(sql)
    given["keys"] = _keys(catalog, tree, name, given["constraints"], session)
    _strip_columns(tree)
    target.replace(_duck_table(name))
    return Plan(kind, name, given)


def _may_create(catalog: UnityCatalog, tree: Any, kind: str, name: TableName) -> bool:
    present = catalog.tables.get(name.full)
    if present is None:
        return True
    if tree.args.get("exists"):
        return False
    if not tree.args.get("replace"):
        raise already_exists("TABLE_OR_VIEW", name.shown)
    if (present["table_type"] == "VIEW") != (kind == "VIEW") or present["table_type"] == "MATERIALIZED_VIEW":
        other = "VIEW" if kind == "TABLE" else "TABLE"
        raise SqlError(
            f"[EXPECT_{kind}_NOT_{other}.NO_ALTERNATIVE] {name.shown} is a {other.lower()}, expected a {kind.lower()}.",
            "42809",
        )
    return True


def definition(sql: str) -> str:
    """The query of a CREATE … AS, as it was written."""
    depth = 0
    for token in sqlglot.tokenize(sql, read="databricks"):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if token.token_type is TokenType.ALIAS and depth == 0:
            return sql[token.end + 1 :].strip().removesuffix(";").strip()
    return ""


def register(catalog: UnityCatalog, plan: Plan, *, computed: bool = False) -> Json:
    """Record a table or view that DuckDB now has.

    Args:
        catalog: Keeps it.
        plan: What was created.
        computed: Whether it is a view over computed tables, whose text is read anew each time.
    """
    given = plan.given
    info = catalog.register_table(plan.name, given)
    if given["keys"]:
        info["table_constraints"] = given["keys"]
    if given.get("clustering_columns"):
        info["clustering_columns"] = given["clustering_columns"]
    if given.get("storage_location"):
        info["storage_location"] = given["storage_location"]
    if computed:
        info[COMPUTED] = True
    for position, name in enumerate(given.get("partitions", ())):
        _column(info, name)["partition_index"] = position
    for name in given.get("clustering_columns", ()):
        _column(info, name)
    return info


def _column(info: Json, name: str) -> Json:
    for column in info["columns"]:
        if column["name"].lower() == name.lower():
            return column
    raise SqlError(
        f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column, variable, or function parameter with name `{name}` cannot "
        "be resolved.",
        "42703",
    )


def _duck_table(name: TableName) -> Any:
    return exp.table_(
        exp.to_identifier(name.name, quoted=True),
        db=exp.to_identifier(name.schema, quoted=True),
        catalog=exp.to_identifier(ALIAS + name.catalog, quoted=True),
    )


# What a CREATE says besides DuckDB's part


def _harvest(tree: Any) -> Json:
    """Take comments, properties, layout and constraints out of a CREATE; they are the catalog's, not DuckDB's."""
    given: Json = {"comments": {}, "properties": {}, "constraints": []}
    for item in tree.args["properties"].expressions if tree.args.get("properties") else ():
        take = _PROPERTIES.get(item.__class__)
        if take is None:
            raise UnsupportedError(f"CREATE with {item.sql(dialect='databricks').split('(')[0]}")
        take(item, given)
    tree.set("properties", None)
    for column in tree.this.find_all(exp.ColumnDef) if isinstance(tree.this, exp.Schema) else ():
        _harvest_column(column, given)
    if isinstance(tree.this, exp.Schema):
        kept: list[Any] = []
        for item in tree.this.expressions:
            if isinstance(item, (exp.ColumnDef, exp.Identifier)):
                kept.append(item)
            else:
                given["constraints"].append(item.sql(dialect="databricks"))
        tree.this.set("expressions", kept)
    return given


def _harvest_column(column: Any, given: Json) -> None:
    if column.kind:
        need_unbounded(column.kind.sql(dialect="databricks"))
    kept: list[Any] = []
    for constraint in column.args.get("constraints") or ():
        kind = constraint.kind
        if isinstance(kind, exp.CommentColumnConstraint):
            given["comments"][column.name] = kind.this.name
        elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
            given["constraints"].append(f"PRIMARY KEY (`{column.name}`)")
        elif isinstance(kind, exp.Reference):
            given["constraints"].append(f"FOREIGN KEY (`{column.name}`) {constraint.sql(dialect='databricks')}")
        elif isinstance(kind, (exp.NotNullColumnConstraint, exp.DefaultColumnConstraint)):
            kept.append(constraint)
        else:
            raise UnsupportedError(f"the column constraint {constraint.sql(dialect='databricks')}")
    column.set("constraints", kept)


def _keys(catalog: UnityCatalog, tree: Any, name: TableName, texts: list[str], session: Session) -> list[Json]:
    columns: list[Any] = list(tree.this.find_all(exp.ColumnDef)) if texts else []
    mine: Json = {"name": name.name, "full_name": name.full, "columns": [{"name": column.name} for column in columns]}
    keys: list[Json] = []
    for text in texts:
        kind, match = constraints.parsed(text)
        if kind == "check":
            raise UnsupportedError("CREATE TABLE with a CHECK; Databricks adds it by ALTER TABLE … ADD CONSTRAINT")
        mine["table_constraints"] = keys
        parent = None
        if kind == "foreign":
            referred = table_name(exp.to_table(match["parent"], dialect="databricks"), session.catalog, session.schema)
            parent = mine if referred == name else need_table(catalog, referred)
        keys = [*keys, constraints.key_of(kind, match, mine, parent)]
        if kind == "primary":
            _forbid_nulls(columns, constraints.names_of(match["columns"]))
    return keys


def _forbid_nulls(columns: list[Any], names: list[str]) -> None:
    """Columns of a primary key that is made with its table take no nulls."""
    wanted = {name.lower() for name in names}
    for column in columns:
        held: list[Any] = column.args.get("constraints") or []
        known = any(isinstance(item.kind, exp.NotNullColumnConstraint) for item in held)
        if column.name.lower() in wanted and not known:
            column.set("constraints", [*held, exp.ColumnConstraint(kind=exp.NotNullColumnConstraint())])


def _strip_columns(tree: Any) -> None:
    """Leave DuckDB a list of columns only where it has one: definitions of a table, names of a view."""
    if not isinstance(tree.this, exp.Schema):
        return
    items = tree.this.expressions
    if tree.kind == "VIEW":
        names: list[Any] = [exp.to_identifier(item.name, quoted=True) for item in items]
        tree.this.set("expressions", names)
    elif not any(isinstance(item, exp.ColumnDef) for item in items):
        tree.set("this", tree.this.this)


def _property(item: Any, given: Json) -> None:
    value = item.args["value"]
    given["properties"][item.name] = value.name if isinstance(value, exp.Literal) else value.sql().lower()


def _comment_property(item: Any, given: Json) -> None:
    given["comment"] = item.name


def _format(item: Any, _: Json) -> None:
    if item.name.lower() != "delta":
        raise UnsupportedError(f"CREATE TABLE USING {item.name.upper()}")


def _partitions(item: Any, given: Json) -> None:
    given["partitions"] = [column.name for column in item.this.expressions]


def _clusters(item: Any, given: Json) -> None:
    given["clustering_columns"] = [column.name for column in item.expressions]


def _clusters_of_27(item: Any, given: Json) -> None:
    """The clause as sqlglot 27 reads it: like the one of a query, in which AUTO and NONE are columns."""
    (key,) = item.expressions
    listed = isinstance(key.this, (exp.Paren, exp.Tuple))
    given["clustering_columns"] = [column.name for column in key.find_all(exp.Column)] if listed else []


def _location(item: Any, given: Json) -> None:
    given["storage_location"] = item.name


def _binding(item: Any, _: Json) -> None:
    if item.name.upper() not in ("BINDING", "COMPENSATION"):
        raise UnsupportedError(f"CREATE VIEW WITH SCHEMA {item.name.upper()}")


def _nothing(_: Any, __: Json) -> None:
    """Said by the location already."""


_PROPERTIES: dict[type[Any], Callable[[Any, Json], None]] = {
    exp.Property: _property,
    exp.SchemaCommentProperty: _comment_property,
    exp.FileFormatProperty: _format,
    exp.PartitionedByProperty: _partitions,
    exp.Cluster: _clusters_of_27,
    exp.LocationProperty: _location,
    exp.ExternalProperty: _nothing,
}
# Newer sqlglot has these classes; a version that lacks one refuses the clause as syntax.
for _optional, _take in (("ClusterProperty", _clusters), ("WithSchemaBindingProperty", _binding)):
    if hasattr(exp, _optional):
        _PROPERTIES[getattr(exp, _optional)] = _take


# DROP


def drop(catalog: UnityCatalog, tree: Any, session: Session) -> None:
    """DROP of a table or view; views over it stay and fail, as those of Databricks do."""
    kind = str(tree.args.get("kind")).upper()
    if kind not in ("TABLE", "VIEW"):
        raise UnsupportedError(f"DROP {kind}")
    name = table_name(tree.find(exp.Table), session.catalog, session.schema)
    info = catalog.tables.get(name.full)
    if info is None and tree.args.get("exists"):
        return
    if (need_table(catalog, name)["table_type"] == "VIEW") != (kind == "VIEW"):
        raise SqlError(f"[WRONG_COMMAND_FOR_OBJECT_TYPE] {name.shown} is not a {kind.lower()}.", "42809")
    catalog.drop_table(".".join(f"`{part}`" for part in (name.catalog, name.schema, name.name)))
    _forget_references(catalog, name.full)


def _forget_references(catalog: UnityCatalog, full_name: str) -> None:
    """Foreign keys end with the table that they refer to."""
    for info in catalog.tables.values():
        held = info.get("table_constraints", ())
        kept = [item for item in held if next(iter(item.values())).get("parent_table") != full_name]
        if len(kept) < len(held):
            info["table_constraints"] = kept
