"""CREATE and DROP FUNCTION for functions in SQL; Python has no place to run here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql.commands.grammar import (
    Command,
    Scope,
    Table,
    compiled,
    identifier,
    literal_text,
    split_list,
    syntax_error,
)
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.routines import TABLE
from genops.testing.workspace.sql.values import column_type, duck_name
from genops.testing.workspace.unity.names import checked_name

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json

_PARAMETER = "<column:column> <kind:type> [DEFAULT <default:plain>] [COMMENT <comment:text>]"


def _parameters(text: str) -> list[Json]:
    found: list[Json] = []
    for position, item in enumerate(split_list(text)):
        match = compiled(_PARAMETER).fullmatch(item)
        if match is None:
            raise syntax_error(item)
        kind = match["kind"].strip().lower()
        parameter: Json = {"name": identifier(match["column"]), "position": position, **_typed(kind)}
        if match["default"]:
            parameter["parameter_default"] = match["default"].strip()
        if match["comment"]:
            parameter["comment"] = literal_text(match["comment"])
        found.append(parameter)
    return found


def _typed(kind: str) -> Json:
    return {"type_text": kind, "type_name": column_type(duck_name(kind)).name}


# What may stand between the parameters and the body, in any order.
_CLAUSES: list[tuple[str, Callable[[re.Match[str]], Json]]] = [
    ("RETURNS TABLE ( <columns:list> )", lambda match: _table(match["columns"])),
    ("RETURNS TABLE", lambda _: {"data_type": TABLE}),
    ("RETURNS <kind:type>", lambda match: {"data_type": _typed(match["kind"].strip().lower())["type_name"],
                                           "full_data_type": match["kind"].strip().upper()}),
    ("LANGUAGE SQL", lambda _: {}),
    ("[{NOT}] DETERMINISTIC", lambda match: {"is_deterministic": not match[0].strip().upper().startswith("NOT")}),
    ("COMMENT <comment:text>", lambda match: {"comment": literal_text(match["comment"])}),
    ("{CONTAINS SQL|READS SQL DATA}", lambda match: {"sql_data_access": "_".join(match[0].upper().split())}),
    ("DEFAULT COLLATION UTF8_BINARY", lambda _: {}),
]  # fmt: skip


def _table(columns: str) -> Json:
    found = _parameters(columns)
    shown = ", ".join(f"{item['name']} {item['type_text'].upper()}" for item in found)
    return {"data_type": TABLE, "full_data_type": f"TABLE({shown})", "return_params": {"parameters": found}}


def _create(scope: Scope, match: re.Match[str]) -> Table:
    if match["temporary"]:
        raise UnsupportedError("CREATE TEMPORARY FUNCTION")
    full_name = ".".join(scope.parts(match["name"], 3))
    if full_name in scope.catalog.held["function"] and not match["replace"]:
        if match["exists"]:
            return Table()
        raise SqlError(
            f"[ROUTINE_ALREADY_EXISTS] Cannot create the function {full_name} because a function of that name already "
            "exists. Choose a different name, drop or replace the existing object, or add the IF NOT EXISTS clause.",
            "42723",
        )
    catalog, schema, name = scope.parts(match["name"], 3)
    checked_name(name)
    scope.catalog.schema(f"`{catalog}`.`{schema}`")
    scope.catalog.grants.need(scope.user, "CREATE FUNCTION", "schema", f"{catalog}.{schema}")
    given = _described(match["rest"])
    given["input_params"] = {"parameters": _parameters(match["parameters"] or "")}
    _infer(scope, given)
    facts = {"full_name": full_name, "catalog_name": catalog, "schema_name": schema, "name": name, "owner": scope.user}
    scope.routines.define({**facts, **given})
    scope.catalog.functions.register(full_name, given)
    return Table()


def _described(text: str) -> Json:
    """The clauses and the body that follow the parameters."""
    given: Json = {"routine_body": "SQL", "parameter_style": "S", "is_deterministic": True, "security_type": "DEFINER"}
    given["sql_data_access"] = "CONTAINS_SQL"
    while (body := compiled("RETURN <body:rest>").fullmatch(text)) is None:
        for pattern, take in _CLAUSES:
            found = compiled(pattern).match(text)
            if found:
                given.update(take(found))
                text = text[found.end() :]
                break
        else:
            if compiled("LANGUAGE PYTHON").match(text) or "$$" in text:
                raise UnsupportedError("functions in Python")
            raise syntax_error(text[:40])
    return {**given, "routine_definition": body["body"].strip()}


def _infer(scope: Scope, given: Json) -> None:
    """The types that a function without RETURNS has are those of its body, as far as they do not need arguments."""
    if "full_data_type" in given:
        return
    if given["input_params"]["parameters"] or given.get("data_type") == TABLE:
        raise UnsupportedError("CREATE FUNCTION with parameters and without the types that it RETURNS")
    ((_, duck),) = scope.planner.columns_of(f"SELECT {given['routine_definition']}", scope.session)
    kind = column_type(duck)
    given.update(data_type=kind.name, full_data_type=kind.text)


def _drop(scope: Scope, match: re.Match[str]) -> Table:
    full_name = ".".join(scope.parts(match["name"], 3))
    if full_name not in scope.catalog.held["function"]:
        if match["exists"]:
            return Table()
        raise SqlError(f"[ROUTINE_NOT_FOUND] The function {full_name} cannot be found.", "42883")
    scope.catalog.grants.need(scope.user, "MANAGE", "function", full_name)
    scope.routines.undefine(full_name)
    scope.catalog.functions.drop(scope.full(match["name"], 3))
    return Table()


COMMANDS: list[Command] = [
    (
        (
            "CREATE [replace:OR REPLACE] [temporary:{TEMPORARY|TEMP}] FUNCTION [exists:IF NOT EXISTS] <name>"
            " ( <parameters:list> ) <rest>"
        ),
        _create,
        "CREATE",
    ),
    ("DROP [{TEMPORARY|TEMP}] FUNCTION [exists:IF EXISTS] <name>", _drop, "DROP"),
]
