"""Views that sqlglot or DuckDB do not have: temporary ones of a session, and materialized ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.commands.constraints import is_constraint, need_distinct
from genops.testing.workspace.sql.commands.grammar import (
    Clauses,
    Command,
    Scope,
    Table,
    clauses,
    compiled,
    identifier,
    literal_text,
    pairs,
    split_list,
    syntax_error,
)
from genops.testing.workspace.sql.database import address
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError, already_exists, wrong_number
from genops.testing.workspace.sql.sessions import TemporaryView
from genops.testing.workspace.sql.values import catalog_column
from genops.testing.workspace.unity.names import checked_name

if TYPE_CHECKING:
    import re

    from genops.testing.workspace.http.wire import Json


# Temporary views


def _create_temporary(scope: Scope, match: re.Match[str]) -> Table:
    if match["everywhere"]:
        raise UnsupportedError("CREATE GLOBAL TEMPORARY VIEW, which Databricks SQL does not have")
    if "." in match["name"]:
        raise SqlError(
            f"[TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS] CREATE TEMPORARY VIEW or the corresponding Dataset APIs only accept "
            f"single-part view names, but got: {match['name']}.",
            "428EK",
        )
    name = identifier(match["name"]).lower()
    if name in scope.session.views and not match["replace"]:
        if match["exists"]:
            return Table()
        raise SqlError(
            f"[TEMP_TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create the temporary view `{name}` because it already exists. "
            "Choose a different name, drop or replace the existing view, or add the IF NOT EXISTS clause to tolerate "
            "pre-existing views.",
            "42P07",
        )
    scope.session.views[name] = _temporary(scope, name, match)
    return Table()


def _temporary(scope: Scope, name: str, match: re.Match[str]) -> TemporaryView:
    found = scope.planner.columns_of(match["query"], scope.session)
    query = scope.planner.tree(match["query"], scope.session)
    given = _listed(match["columns"])
    if given:
        if len(given) != len(found):
            raise wrong_number(name, len(given), len(found))
        query = _renamed(query, list(given))
        found = [(new, kind) for new, (_, kind) in zip(given, found, strict=True)]
    need_distinct([column for column, _ in found])
    columns = [
        catalog_column(column, position, kind, nullable=True, comment=given.get(column))
        for position, (column, kind) in enumerate(found)
    ]
    info: Json = {"name": name, "full_name": name, "catalog_name": "", "schema_name": "", "columns": columns}
    info.update(table_type="VIEW", owner=scope.user, view_definition=match["query"].strip(), created_at=0, updated_at=0)
    info["created_by"] = scope.user
    if match["comment"]:
        info["comment"] = literal_text(match["comment"])
    return TemporaryView(query, scope.session.catalog, scope.session.schema, info)


def _renamed(query: Any, names: list[str]) -> Any:
    columns = [exp.to_identifier(name, quoted=True) for name in names]
    alias = exp.TableAlias(this=exp.to_identifier("renamed"), columns=columns)
    return exp.select("*").from_(exp.Subquery(this=query, alias=alias))


def _listed(columns: str | None) -> dict[str, str | None]:
    """Names of a column list, each with its comment; types and constraints are the query's affair."""
    found: dict[str, str | None] = {}
    for item in split_list(columns or ""):
        if not is_constraint(item):
            match = compiled("<column:column> [<kind:type>] [NOT NULL] [COMMENT <comment:text>]").fullmatch(item)
            if match is None:
                raise syntax_error(item)
            found[identifier(match["column"])] = literal_text(match["comment"]) if match["comment"] else None
    return found


def _drop_temporary(scope: Scope, match: re.Match[str]) -> Table | None:
    """A temporary view comes before a stored one of the same name."""
    name = match["name"].strip().strip("`").lower()
    if name not in scope.session.views:
        return None
    del scope.session.views[name]
    return Table()


# Materialized views

_CLAUSES: Clauses = [
    ("COMMENT <comment:text>", lambda match: {"comment": literal_text(match["comment"])}),
    ("TBLPROPERTIES ( <properties:list> )", lambda match: {"properties": pairs(match["properties"])}),
    ("CLUSTER BY ( <columns:list> )", lambda match: {"clustering_columns": list(_listed(match["columns"]))}),
    ("PARTITIONED BY ( <columns:list> )", lambda match: {"partitions": list(_listed(match["columns"]))}),
]


def _clauses(text: str) -> tuple[Json, str]:
    """What the clauses before a query give, and the query."""
    given, rest = clauses(text, _CLAUSES)
    query = compiled("AS <query>").fullmatch(rest)
    if query is None:
        raise UnsupportedError(f"CREATE MATERIALIZED VIEW with {' '.join(rest.split())[:40]}")
    return given, query["query"].strip()


def _create_materialized(scope: Scope, match: re.Match[str]) -> Table:
    name = scope.table(match["name"])
    checked_name(name.name)
    scope.catalog.schema(f"`{name.catalog}`.`{name.schema}`")
    present = scope.catalog.tables.get(name.full)
    if present and not match["replace"]:
        if match["exists"]:
            return Table()
        raise already_exists("TABLE_OR_VIEW", name.shown)
    if present and present["table_type"] != "MATERIALIZED_VIEW":
        raise SqlError(f"[EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE] {name.shown} is no materialized view.", "42809")
    scope.catalog.grants.need(scope.user, "CREATE MATERIALIZED VIEW", "schema", f"{name.catalog}.{name.schema}")
    given, query = _clauses(match["rest"])
    outputs = [column for column, _ in scope.planner.columns_of(query, scope.session)]
    need_distinct(outputs)
    if match["columns"] and list(_listed(match["columns"])) not in ([], outputs):
        raise UnsupportedError("CREATE MATERIALIZED VIEW with other names of columns than those of its query")
    where = address(name.catalog, name.schema, name.name)
    scope.catalog.database.change(f"CREATE OR REPLACE TABLE {where} AS {scope.planner.duck(query, scope.session)}")
    listed = {key: text for key, text in _listed(match["columns"]).items() if text}
    facts = {"table_type": "MATERIALIZED_VIEW", "view_definition": query, "comments": listed}
    info = scope.catalog.register_table(name, {**given, **facts})
    place = {"refresh_catalog": scope.session.catalog, "refresh_schema": scope.session.schema}
    info.update(view_definition=query, clustering_columns=given.get("clustering_columns", []), **place)
    return Table()


def _refresh(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.found(match["name"])
    if info["table_type"] != "MATERIALIZED_VIEW":
        raise SqlError(f"[EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE] {match['name']} is no materialized view.", "42809")
    scope.catalog.grants.need(scope.user, "REFRESH", "table", info["full_name"])
    place = scope.session.__class__(info["refresh_catalog"], info["refresh_schema"], info["owner"])
    duck = scope.planner.duck(info["view_definition"], place)
    scope.catalog.database.change(f"CREATE OR REPLACE TABLE {scope.address(info)} AS {duck}")
    scope.catalog.refresh_columns(info)
    return Table()


def _drop_materialized(scope: Scope, match: re.Match[str]) -> Table:
    name = scope.table(match["name"])
    info = scope.catalog.tables.get(name.full)
    if info is None and match["exists"]:
        return Table()
    if scope.found(match["name"])["table_type"] != "MATERIALIZED_VIEW":
        raise SqlError(f"[EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE] {name.shown} is no materialized view.", "42809")
    scope.catalog.grants.need(scope.user, "MANAGE", "table", name.full)
    scope.catalog.drop_table(scope.full(match["name"], 3))
    return Table()


def _streaming(_: Scope, __: Any) -> Table:
    raise UnsupportedError("streaming tables")


COMMANDS: list[Command] = [
    (
        (
            "CREATE [replace:OR REPLACE] [everywhere:GLOBAL] {TEMPORARY|TEMP} VIEW [exists:IF NOT EXISTS] <name>"
            " [( <columns:list> )] [COMMENT <comment:text>] AS <query>"
        ),
        _create_temporary,
        "CREATE",
    ),
    (
        "CREATE [replace:OR REPLACE] MATERIALIZED VIEW [exists:IF NOT EXISTS] <name> [( <columns:list> )] <rest>",
        _create_materialized,
        "CREATE",
    ),
    ("REFRESH MATERIALIZED VIEW <name> [{FULL|SYNC}]", _refresh, "REFRESH"),
    ("DROP MATERIALIZED VIEW [exists:IF EXISTS] <name>", _drop_materialized, "DROP"),
    ("{CREATE|REFRESH|DROP} [OR REFRESH] [OR REPLACE] STREAMING TABLE <rest>", _streaming, "OTHER"),
    ("DROP VIEW [IF EXISTS] <name>", _drop_temporary, "DROP"),
]
