"""CREATE and DROP of tables and views: what of a statement is the catalog's and what is DuckDB's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import TokenType, exp

from genops.testing.workspace.sql.commands.constraints import need_distinct
from genops.testing.workspace.sql.dialect import ALIAS
from genops.testing.workspace.sql.failures import (
    SqlError,
    UnsupportedError,
    already_exists,
    catalog_not_found,
    schema_not_found,
    table_not_found,
)
from genops.testing.workspace.sql.keys import keys_of_create
from genops.testing.workspace.sql.relations import COMPUTED
from genops.testing.workspace.sql.tables import TableName, table_name
from genops.testing.workspace.sql.values import need_unbounded, ticked
from genops.testing.workspace.sql.virtual import SYSTEM
from genops.testing.workspace.unity.names import checked_name

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


def need_place(catalog: UnityCatalog, session: Session, given: Json) -> None:
    """Make sure that the ``catalog`` and the ``schema`` that a request names are there.

    Raises:
        SqlError: One of them is not; the statement fails before anything of it runs.
    """
    if given.get("catalog") and session.catalog.lower() not in (SYSTEM, *catalog.catalogs):
        raise catalog_not_found(session.catalog)
    place = session.catalog.lower(), session.schema.lower()
    known = ".".join(place) in catalog.schemas or place[1] in catalog.virtual.schemas(place[0])
    if given.get("schema") and not known:
        raise schema_not_found(f"`{session.catalog}`.`{session.schema}`")


def need_table(catalog: UnityCatalog, name: TableName) -> Json:
    """The table of a name that a statement uses."""
    info = catalog.tables.get(name.full)
    if info is None:
        raise table_not_found(name.shown)
    return info


def not_a_view(catalog: UnityCatalog, name: TableName) -> None:
    """Rows of a view cannot be changed, nor those that the platform takes from another table."""
    kind = need_table(catalog, name)["table_type"]
    if kind == "FOREIGN":
        raise UnsupportedError(f"a change of {name.shown}, which the platform fills")
    if kind in ("VIEW", "MATERIALIZED_VIEW"):
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
    if tree.args.get("exists") and tree.args.get("replace"):
        raise SqlError(
            f"[INVALID_SQL_SYNTAX.CREATE_VIEW_WITH_IF_NOT_EXISTS_AND_REPLACE] Invalid SQL syntax: CREATE {kind} with "
            "both IF NOT EXISTS and REPLACE is not allowed.",
            "42000",
        )
    need_schema(catalog, name)
    checked_name(name.name)
    if not _may_create(catalog, tree, kind, name):
        return None
    if kind == "VIEW":
        given["view_definition"] = definition(sql)
    given["keys"] = keys_of_create(
        tree,
        name,
        given["constraints"],
        lambda text: table_name(exp.to_table(text, dialect="databricks"), session.catalog, session.schema),
        lambda parent: need_table(catalog, parent),
    )
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
    if present["table_type"] == "FOREIGN":
        raise UnsupportedError(f"CREATE OR REPLACE of {name.shown}, which the platform fills")
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
    partitions = [name.lower() for name in given.get("partitions", ())]
    for column in info["columns"]:
        if column["name"].lower() in partitions:
            column["partition_index"] = partitions.index(column["name"].lower())
    return info


def need_columns(plan: Plan, columns: list[str]) -> None:
    """Make sure that what a CREATE says of columns fits them, before anything is made.

    Args:
        plan: What is about to be created.
        columns: The names of its columns.

    Raises:
        SqlError: A name stands twice, or the layout names a column that is not there.
    """
    need_distinct(columns)
    known = [name.lower() for name in columns]
    for name in (*plan.given.get("partitions", ()), *plan.given.get("clustering_columns", ())):
        if name.lower() not in known:
            raise SqlError(
                f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column, variable, or function parameter with name `{name}` "
                "cannot be resolved.",
                "42703",
            )
    if plan.given.get("partitions") and plan.given.get("clustering_columns"):
        raise SqlError(
            "[SPECIFY_CLUSTER_BY_WITH_PARTITIONED_BY_IS_NOT_ALLOWED] Cannot specify both CLUSTER BY and PARTITIONED "
            "BY.",
            "42908",
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
    given: Json = {"comments": {}, "properties": {}, "defaults": {}, "constraints": []}
    for item in tree.args["properties"].expressions if tree.args.get("properties") else ():
        take = _PROPERTIES.get(item.__class__)
        if take is None:
            raise UnsupportedError(f"CREATE with {item.sql(dialect='databricks').split('(')[0]}")
        take(item, given)
    tree.set("properties", None)
    if given.get("partition_definitions") and isinstance(tree.this, exp.Schema):
        tree.this.set("expressions", [*tree.this.expressions, *given.pop("partition_definitions")])
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
            options = " ".join(str(option) for option in kind.args.get("options") or ())
            given["constraints"].append(f"PRIMARY KEY ({ticked(column.name)}) {options}")
        elif isinstance(kind, exp.Reference):
            given["constraints"].append(f"FOREIGN KEY ({ticked(column.name)}) {constraint.sql(dialect='databricks')}")
        elif isinstance(kind, (exp.NotNullColumnConstraint, exp.DefaultColumnConstraint)):
            kept.append(constraint)
            if isinstance(kind, exp.DefaultColumnConstraint):
                given["defaults"][column.name] = kind.this.sql(dialect="databricks")
        else:
            raise UnsupportedError(f"the column constraint {constraint.sql(dialect='databricks')}")
    column.set("constraints", kept)


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
    given["partition_definitions"] = [one for one in item.this.expressions if isinstance(one, exp.ColumnDef)]


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
    other = {"TABLE": "VIEW", "VIEW": "TABLE"}[kind]
    if (need_table(catalog, name)["table_type"] == "VIEW") != (kind == "VIEW"):
        raise SqlError(
            f"[WRONG_COMMAND_FOR_OBJECT_TYPE] The operation DROP {kind} requires a {kind}. But {name.shown} is a "
            f"{other}. Use DROP {other} instead.",
            "42809",
        )
    catalog.drop_table(".".join(ticked(part) for part in (name.catalog, name.schema, name.name)))
