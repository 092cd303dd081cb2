"""ALTER TABLE, ALTER VIEW and COMMENT ON: one line of the table below for each form."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import sqlglot.errors

from genops.testing.workspace.sql.commands import constraining, constraints
from genops.testing.workspace.sql.commands.columns import (
    Column,
    changed,
    columns_of,
    may_widen,
    moved,
    needs_mapping,
    place,
    rebuild,
)
from genops.testing.workspace.sql.commands.containers import set_tags, unset_tags
from genops.testing.workspace.sql.commands.grammar import (
    Command,
    Scope,
    Table,
    compiled,
    identifier,
    literal_text,
    pairs,
    split_list,
    syntax_error,
)
from genops.testing.workspace.sql.database import address
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError, already_exists
from genops.testing.workspace.sql.tables import TableName
from genops.testing.workspace.sql.values import column_type, default_of, duck_type, need_unbounded, quoted
from genops.testing.workspace.unity.names import checked_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from genops.testing.workspace.http.wire import Json

Alteration = tuple[str, "Callable[[Scope, Json, re.Match[str]], None]", str]


# The table as a whole


def _owner(scope: Scope, info: Json, match: re.Match[str]) -> None:
    scope.catalog.touch(info, owner=identifier(match["owner"]))


def _properties(scope: Scope, info: Json, match: re.Match[str]) -> None:
    scope.catalog.touch(info, properties={**info.get("properties", {}), **pairs(match["properties"])})


def _unset_properties(scope: Scope, info: Json, match: re.Match[str]) -> None:
    gone = set(pairs(match["properties"]))
    held: dict[str, Any] = info.get("properties", {})
    absent = sorted(gone - set(held))
    if absent and not match["exists"]:
        raise SqlError(
            f"[UNSET_NONEXISTENT_PROPERTIES] Attempted to unset non-existent properties [{', '.join(absent)}] in table "
            f"{info['full_name']}.",
            "42K0J",
        )
    scope.catalog.touch(info, properties={key: value for key, value in held.items() if key not in gone})


def _tags(scope: Scope, info: Json, match: re.Match[str]) -> None:
    change = set_tags if match["verb"].upper() == "SET" else unset_tags
    change(scope, "tables", info["full_name"], match["tags"])


def _column_tags(scope: Scope, info: Json, match: re.Match[str]) -> None:
    name = info["columns"][_index(info, identifier(match["column"]))]["name"]
    change = set_tags if match["verb"].upper() == "SET" else unset_tags
    change(scope, "columns", f"{info['full_name']}.{name}", match["tags"])


def _rename(scope: Scope, info: Json, match: re.Match[str]) -> None:
    given = (
        match["name"] if "." in match["name"] else f"`{info['catalog_name']}`.`{info['schema_name']}`.{match['name']}"
    )
    old, new = TableName(info["catalog_name"], info["schema_name"], info["name"]), scope.table(given)
    if (new.catalog, new.schema) != (old.catalog, old.schema):
        raise UnsupportedError("ALTER TABLE RENAME TO another schema")
    checked_name(new.name)
    if new.full in scope.catalog.tables:
        raise already_exists("TABLE_OR_VIEW", new.shown)
    kind = "VIEW" if info["table_type"] == "VIEW" else "TABLE"
    where = address(old.catalog, old.schema, old.name)
    scope.catalog.database.change(f"ALTER {kind} {where} RENAME TO {quoted(new.name)}")
    scope.catalog.rename_table(old, new)


def _cluster(scope: Scope, info: Json, match: re.Match[str]) -> None:
    names = constraints.names_of(match["columns"]) if match["columns"] else []
    for name in names:
        _index(info, name)
    scope.catalog.touch(info, clustering_columns=names)


# Columns


def _index(info: Json, name: str) -> int:
    known = [Column(column["name"], "") for column in info["columns"]]
    return place(known, name)


_ADDED = (
    "<column:column> <kind:type> [null:NOT NULL] [DEFAULT <default:value>] [COMMENT <comment:text>]"
    " [{where:FIRST|AFTER} [<after:column>]]"
)


def _definition(text: str) -> tuple[Column, str | None, str | None, str]:
    """A column of ADD COLUMNS: itself, its comment, and where it goes (``FIRST``, ``AFTER`` and which)."""
    match = compiled(_ADDED).fullmatch(text)
    if match is None:
        raise syntax_error(text)
    if match["default"]:
        raise UnsupportedError("ALTER TABLE ADD COLUMN with a DEFAULT, which Databricks does not take either")
    column = Column(identifier(match["column"]), _duck(match["kind"]), not match["null"])
    comment = literal_text(match["comment"]) if match["comment"] else None
    return column, comment, (match["where"] or "").upper() or None, match["after"] or ""


def _duck(kind: str) -> str:
    try:
        return duck_type(need_unbounded(kind))
    except sqlglot.errors.SqlglotError as error:
        raise SqlError(f"[UNSUPPORTED_DATATYPE] Unsupported data type {kind!r}.", "0A000") from error


def _add(scope: Scope, info: Json, match: re.Match[str]) -> None:
    columns = columns_of(scope, info)
    comments: dict[str, str] = {}
    for item in split_list(match["items"]):
        column, comment, where, after = _definition(item)
        if any(column.name.lower() == known.name.lower() for known in columns):
            if match["exists"]:
                continue
            raise SqlError(
                f"[FIELD_ALREADY_EXISTS] Cannot add column, because `{column.name}` already exists in "
                f"{info['full_name']}.",
                "42710",
            )
        columns = [*columns, column]
        columns = moved(columns, column.name, identifier(after) if where == "AFTER" else None) if where else columns
        comments.update({column.name: comment} if comment else {})
    rebuild(scope, info, columns, comments=comments)


def _drop(scope: Scope, info: Json, match: re.Match[str]) -> None:
    needs_mapping(info, "DROP")
    columns = columns_of(scope, info)
    names = constraints.names_of(match["items"])
    for name in names:
        if match["exists"] and all(column.name.lower() != name.lower() for column in columns):
            continue
        del columns[place(columns, name)]
    rebuild(scope, info, columns)
    constraining.drop_keys_of(scope, info, names)


def _rename_column(scope: Scope, info: Json, match: re.Match[str]) -> None:
    needs_mapping(info, "RENAME")
    old, new = identifier(match["column"]), identifier(match["name"])
    before = info["columns"][_index(info, old)]
    rebuild(
        scope,
        info,
        changed(columns_of(scope, info), old, name=new),
        comments={new: before["comment"]} if before.get("comment") else None,
        defaults={new: default_of(before)},
    )
    constraining.drop_keys_of(scope, info, [old])
    tags = scope.catalog.tags
    for tag in tags.list("columns", f"{info['full_name']}.{before['name']}"):
        tags.remove("columns", f"{info['full_name']}.{before['name']}", tag["tag_key"])
        tags.assign("columns", f"{info['full_name']}.{new}", tag["tag_key"], tag["tag_value"])


def _type(scope: Scope, info: Json, match: re.Match[str]) -> None:
    columns, name, wanted = columns_of(scope, info), identifier(match["column"]), _duck(match["kind"])
    current = columns[place(columns, name)].kind
    if not may_widen(info, current, wanted):
        raise SqlError(
            "[DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP] ALTER TABLE CHANGE COLUMN is not supported for changing "
            f"column {name} from {column_type(current).text} to {match['kind'].strip().upper()}. Types are widened "
            "only, and only with the table property 'delta.enableTypeWidening' = 'true'.",
            "0AKDC",
        )
    rebuild(scope, info, changed(columns, name, kind=wanted))


def _nullability(scope: Scope, info: Json, match: re.Match[str]) -> None:
    nullable = match["verb"].upper() == "DROP"
    rebuild(scope, info, changed(columns_of(scope, info), identifier(match["column"]), nullable=nullable))


def _default(scope: Scope, info: Json, match: re.Match[str]) -> None:
    value = scope.planner.translated(match["default"], scope.session) if match["default"] else None
    name = info["columns"][_index(info, identifier(match["column"]))]["name"]
    texts = {name: match["default"].strip() if match["default"] else None}
    rebuild(scope, info, changed(columns_of(scope, info), name, default=value), defaults=texts)


def _position(scope: Scope, info: Json, match: re.Match[str]) -> None:
    after = identifier(match["after"]) if match["after"] else None
    rebuild(scope, info, moved(columns_of(scope, info), identifier(match["column"]), after))


def _column_comment(scope: Scope, info: Json, match: re.Match[str]) -> None:
    set_comment(scope, info, identifier(match["column"]), match["comment"])


def set_comment(scope: Scope, info: Json, column: str, literal: str) -> None:
    """Give a column a comment; NULL and the empty text take it away."""
    changed_column = info["columns"][_index(info, column)]
    text = "" if literal.strip().upper() == "NULL" else literal_text(literal)
    if text:
        changed_column["comment"] = text
    else:
        changed_column.pop("comment", None)
    scope.catalog.touch(info)


_COLUMN = "{ALTER|CHANGE} [COLUMN] <column:column>"
# The pattern, what it does, and what the table's history calls it; what is not Delta's has no entry there.
_ALTERATIONS: list[Alteration] = [
    ("RENAME TO <name>", _rename, ""),
    ("[SET] OWNER TO <owner:principal>", _owner, ""),
    ("SET TBLPROPERTIES ( <properties:rest> )", _properties, "SET TBLPROPERTIES"),
    ("UNSET TBLPROPERTIES [exists:IF EXISTS] ( <properties:rest> )", _unset_properties, "UNSET TBLPROPERTIES"),
    ("{verb:SET|UNSET} TAGS ( <tags:rest> )", _tags, ""),
    (f"{_COLUMN} {{verb:SET|UNSET}} TAGS ( <tags:rest> )", _column_tags, ""),
    ("CLUSTER BY {NONE|AUTO} [<columns:nothing>]", _cluster, "CLUSTER BY"),
    ("CLUSTER BY ( <columns:list> )", _cluster, "CLUSTER BY"),
    ("ADD {COLUMN|COLUMNS} [exists:IF NOT EXISTS] ( <items:rest> )", _add, "ADD COLUMNS"),
    ("ADD {COLUMN|COLUMNS} [exists:IF NOT EXISTS] <items:rest>", _add, "ADD COLUMNS"),
    ("DROP {COLUMN|COLUMNS} [exists:IF EXISTS] ( <items:list> )", _drop, "DROP COLUMNS"),
    ("DROP {COLUMN|COLUMNS} [exists:IF EXISTS] <items:columns>", _drop, "DROP COLUMNS"),
    ("RENAME COLUMN <column:column> TO <name:column>", _rename_column, "RENAME COLUMN"),
    (f"{_COLUMN} TYPE <kind:type>", _type, "CHANGE COLUMN"),
    (f"{_COLUMN} {{verb:SET|DROP}} NOT NULL", _nullability, "CHANGE COLUMN"),
    (f"{_COLUMN} SET DEFAULT <default:rest>", _default, "CHANGE COLUMN"),
    (f"{_COLUMN} DROP DEFAULT [<default:nothing>]", _default, "CHANGE COLUMN"),
    (f"{_COLUMN} FIRST [<after:nothing>]", _position, "CHANGE COLUMN"),
    (f"{_COLUMN} AFTER <after:column>", _position, "CHANGE COLUMN"),
    (f"{_COLUMN} COMMENT <comment:text>", _column_comment, "CHANGE COLUMN"),
    ("ADD <item:constraint>", constraining.add_constraint, "ADD CONSTRAINT"),
    (
        "DROP CONSTRAINT [exists:IF EXISTS] <named:column> [{mode:RESTRICT|CASCADE}]",
        constraining.drop_named,
        "DROP CONSTRAINT",
    ),
    (
        "DROP {kind:PRIMARY KEY} [exists:IF EXISTS] [{mode:RESTRICT|CASCADE}] [<columns:nothing>]",
        constraining.drop_key,
        "DROP CONSTRAINT",
    ),
    (
        "DROP {kind:FOREIGN KEY} [exists:IF EXISTS] ( <columns:list> ) [<mode:nothing>]",
        constraining.drop_key,
        "DROP CONSTRAINT",
    ),
]
_REWRITES = ("ADD COLUMNS", "DROP COLUMNS", "RENAME COLUMN", "CHANGE COLUMN")
_OF_VIEWS = (_rename, _owner, _properties, _unset_properties, _tags, _column_tags)


def _alter(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.stored(match["name"], match["kind"].upper())
    for pattern, change, operation in _ALTERATIONS:
        found = compiled(pattern).fullmatch(match["rest"])
        if found and (info["table_type"] != "VIEW" or change in _OF_VIEWS):
            privilege = "APPLY TAG" if change in (_tags, _column_tags) else "MANAGE"
            scope.catalog.grants.need(scope.user, privilege, "table", info["full_name"])
            with _recorded(scope, info, operation):
                change(scope, info, found)
            return Table()
    raise UnsupportedError(f"ALTER {match['kind'].upper()} … {' '.join(match['rest'].split())[:60]}")


@contextlib.contextmanager
def _recorded(scope: Scope, info: Json, operation: str) -> Generator[None]:
    """Give the table a version, where the change is one of Delta's."""
    if not operation or info["table_type"] == "VIEW":
        yield
        return
    with scope.catalog.versions.changing(info, scope.user, rewrites=operation in _REWRITES) as change:
        yield
        change.commit(operation)


def _comment(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.found(match["name"])
    scope.catalog.grants.need(scope.user, "MANAGE", "table", info["full_name"])
    scope.catalog.touch(info, comment=_comment_text(match["comment"]))
    return Table()


def _comment_text(literal: str) -> str:
    return "" if literal.strip().upper() == "NULL" else literal_text(literal)


def _comment_on_column(scope: Scope, match: re.Match[str]) -> Table:
    *table, column = re.findall(r"`(?:[^`]|``)+`|[^`.\s]+", match["name"])
    info = scope.found(".".join(table))
    scope.catalog.grants.need(scope.user, "MANAGE", "table", info["full_name"])
    set_comment(scope, info, identifier(column), match["comment"])
    return Table()


_KIND = "{kind:TABLE|VIEW|MATERIALIZED VIEW|STREAMING TABLE}"
COMMANDS: list[Command] = [
    (f"ALTER {_KIND} <name> <rest>", _alter, "ALTER"),
    (f"COMMENT ON {_KIND} <name> IS <comment:value>", _comment, "OTHER"),
    ("COMMENT ON COLUMN <name> IS <comment:value>", _comment_on_column, "OTHER"),
]
