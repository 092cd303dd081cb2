"""What a session keeps: where names belong, its configuration, its query tags and its variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql.commands.grammar import (
    Command,
    Scope,
    Table,
    identifier,
    literal_text,
    syntax_error,
)
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.sessions import Variable
from genops.testing.workspace.sql.virtual import SYSTEM

if TYPE_CHECKING:
    import re

_DEFAULT_SCHEMA = "default"
_ANY = ""

# Configuration of a SQL warehouse: the default, and the values that mean here what they mean there
# [docs.databricks.com, configuration parameters]. An empty choice: nothing that a result shows depends on it.
PARAMETERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ANSI_MODE": ("true", ("true",)),
    "ENABLE_PHOTON": ("true", ()),
    "LEGACY_TIME_PARSER_POLICY": ("EXCEPTION", ("exception", "corrected")),
    "MAX_FILE_PARTITION_BYTES": ("128m", ()),
    "READ_ONLY_EXTERNAL_METASTORE": ("false", ("false",)),
    "STATEMENT_TIMEOUT": ("172800", ()),  # kept by `Statements`, which ends what takes longer
    "TIMEZONE": ("UTC", ("utc", "etc/utc", "z", "+00:00", "gmt")),
    "USE_CACHED_RESULT": ("true", ()),
}
TAGS = "QUERY_TAGS"
_TAG_LIMIT = 20


# USE


def _use(scope: Scope, match: re.Match[str]) -> Table:
    kind = (match["kind"] or "").upper()
    if kind == "CATALOG":
        name = literal_text(match["name"]) if match["name"][0] in "'\"" else identifier(match["name"])
        if scope.catalog_name(name) != SYSTEM:
            scope.catalog.grants.need(scope.user, "USE CATALOG", "catalog", name)
        scope.session.catalog, scope.session.schema = name.lower(), _DEFAULT_SCHEMA
        return Table()
    catalog, schema = scope.parts(match["name"], 2)
    if schema not in scope.catalog.virtual.schemas(scope.catalog_name(catalog)):
        scope.catalog.schema(scope.full(match["name"], 2))
        scope.catalog.grants.need(scope.user, "USE SCHEMA", "schema", scope.full(match["name"], 2))
    scope.session.catalog, scope.session.schema = catalog, schema
    return Table()


# SET and RESET


def checked(key: str, value: str) -> str:
    """The upper-case name of a parameter that takes this value here.

    Raises:
        SqlError: No parameter of a SQL warehouse.
        UnsupportedError: A value under which results would differ from what the local workspace computes.
    """
    name = key.strip().upper()
    if name not in PARAMETERS:
        raise SqlError(f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available.", "42K0I")
    choices = PARAMETERS[name][1]
    if choices and value.lower() not in choices:
        raise UnsupportedError(f"with {name} = {value}; it takes {', '.join(choices)}")
    return name


def _shown(scope: Scope, name: str) -> str:
    return scope.session.configuration.get(name, PARAMETERS[name][0])


def _set(scope: Scope, match: re.Match[str]) -> Table:
    value = match["value"].strip()
    value = literal_text(value) if value[:1] in ("'", '"') else value
    name = checked(match["key"], value)
    scope.session.configuration[name] = value
    return Table(["key", "value"], [[name, value]])


def _set_zone(scope: Scope, match: re.Match[str]) -> Table:
    zone = "UTC" if match["local"] else literal_text(match["zone"])
    scope.session.configuration[checked("TIMEZONE", zone)] = zone
    return Table(["key", "value"], [["TIMEZONE", zone]])


def _get(scope: Scope, match: re.Match[str]) -> Table:
    name = checked(match["key"], PARAMETERS.get(match["key"].strip().upper(), (_ANY, ()))[0])
    return Table(["key", "value"], [[name, _shown(scope, name)]])


def _all(scope: Scope, _: re.Match[str]) -> Table:
    return Table(["key", "value"], [[name, _shown(scope, name)] for name in sorted(PARAMETERS)])


def _reset(scope: Scope, match: re.Match[str]) -> Table:
    if match["key"]:
        scope.session.configuration.pop(checked(match["key"], _shown(scope, match["key"].strip().upper())), None)
    else:
        scope.session.configuration.clear()
        scope.session.query_tags.clear()
    return Table()


# Query tags


def _tag(scope: Scope, match: re.Match[str]) -> Table:
    tags = scope.session.query_tags
    key, given = literal_text(match["key"]), match["value"]
    if given.upper() == "UNSET":
        tags.pop(key, None)
    elif key not in tags and len(tags) >= _TAG_LIMIT:
        raise SqlError(f"[TOO_MANY_QUERY_TAGS] A session takes at most {_TAG_LIMIT} query tags.", "42000")
    else:
        tags[key] = literal_text(given)
    return Table()


def _tags(scope: Scope, _: re.Match[str]) -> Table:
    return Table(["key", "value"], [[key, value] for key, value in scope.session.query_tags.items()])


# Variables


def _declare(scope: Scope, match: re.Match[str]) -> Table:
    name = _variable_name(match["name"])
    if name in scope.session.variables and not match["replace"]:
        raise SqlError(
            f"[VARIABLE_ALREADY_EXISTS] Cannot create the variable `{name}` because it already exists.", "42723"
        )
    default = (match["default"] or "NULL").strip()
    ((_, duck),) = scope.planner.columns_of(f"SELECT {_as(default, match['kind'])}", scope.session)
    variable = Variable(match["kind"] or _databricks(duck), None, default)
    variable.value = scope.planner.value_of(_as(default, match["kind"]), scope.session)
    scope.session.variables[name] = variable
    return Table()


def _databricks(duck: str) -> str:
    from genops.testing.workspace.sql.values import column_type

    return column_type(duck).text


def _as(expression: str, kind: str | None) -> str:
    return f"CAST({expression} AS {kind})" if kind else expression


def _variable_name(name: str) -> str:
    *prefix, last = [part.strip("` ").lower() for part in name.split(".")]
    if prefix not in ([], ["session"], ["system", "session"]):
        raise syntax_error(name)
    return last


def _variable(scope: Scope, name: str) -> Variable:
    found = scope.session.variables.get(_variable_name(name))
    if found is None:
        raise SqlError(f"[UNRESOLVED_VARIABLE] Cannot resolve variable `{name}` on search path session.", "42883")
    return found


def _set_variable(scope: Scope, match: re.Match[str]) -> Table:
    variable = _variable(scope, match["name"])
    expression = match["value"].strip()
    expression = variable.default if expression.upper() == "DEFAULT" else expression
    variable.value = scope.planner.value_of(_as(expression, variable.kind), scope.session)
    return Table()


def _drop_variable(scope: Scope, match: re.Match[str]) -> Table:
    if not match["exists"]:
        _variable(scope, match["name"])
    scope.session.variables.pop(_variable_name(match["name"]), None)
    return Table()


COMMANDS: list[Command] = [
    ("USE [{kind:CATALOG|SCHEMA|DATABASE}] <name>", _use, "USE"),
    ("{USE|SET} {kind:CATALOG} <name:text>", _use, "USE"),
    ("SET {kind:CATALOG} <name>", _use, "USE"),
    ("SET TIME ZONE [local:LOCAL] [<zone:text>]", _set_zone, "SET"),
    ("SET QUERY_TAGS \\[ <key:text> \\] = <value:tag>", _tag, "SET"),
    ("SET QUERY_TAGS", _tags, "SET"),
    ("SET {VAR|VARIABLE} <name> = <value:rest>", _set_variable, "SET"),
    ("SET <key:name> = <value:rest>", _set, "SET"),
    ("SET <key:name>", _get, "SET"),
    ("SET", _all, "SET"),
    ("RESET [<key:name>]", _reset, "SET"),
    ("DECLARE [replace:OR REPLACE] [{VARIABLE|VAR}] <name> [<kind:type>] [DEFAULT <default:rest>]", _declare, "OTHER"),
    ("DECLARE [replace:OR REPLACE] [{VARIABLE|VAR}] <name> [<kind:type>] = <default:rest>", _declare, "OTHER"),
    ("DROP TEMPORARY {VARIABLE|VAR} [exists:IF EXISTS] <name>", _drop_variable, "DROP"),
]
