"""Functions of users: SQL that DuckDB keeps as macros, with the types that were declared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql.database import address
from genops.testing.workspace.sql.failures import UnsupportedError
from genops.testing.workspace.sql.generation import to_duckdb
from genops.testing.workspace.sql.kinds import parse_kind
from genops.testing.workspace.sql.sessions import Session
from genops.testing.workspace.sql.values import duck_type, quoted

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.planning import Planning
    from genops.testing.workspace.unity.catalog import UnityCatalog

TABLE = "TABLE_TYPE"
"""The type of a function that gives a table, as the API names it."""


class Routines:
    """Makes functions callable.

    Args:
        catalog: Has them.
        planning: Translates their bodies.
    """

    def __init__(self, catalog: UnityCatalog, planning: Planning) -> None:
        self._catalog = catalog
        self._planning = planning

    def define(self, info: Json) -> None:
        """Make a function callable, in the place of one of its name.

        Args:
            info: The function in the shape of the API.

        Raises:
            SqlError: Its body does not compile, or cannot run here.
        """
        parameters: list[Json] = info.get("input_params", {}).get("parameters", [])
        body = self._body(info, parameters)
        named = ", ".join(
            quoted(item["name"]) + (f" := {self._default(item, info)}" if item.get("parameter_default") else "")
            for item in parameters
        )
        self.undefine(info["full_name"])
        self._catalog.database.change(f"CREATE OR REPLACE MACRO {_place(info['full_name'])}({named}) AS {body}")

    def undefine(self, full_name: str) -> None:
        """Make a function's name unknown; it may be the name of a scalar or of a table function."""
        for kind in ("MACRO", "MACRO TABLE"):
            self._catalog.database.change(f"DROP {kind} IF EXISTS {_place(full_name)}")

    def _session(self, info: Json) -> Session:
        return Session(info["catalog_name"], info["schema_name"], info["owner"])

    def _default(self, parameter: Json, info: Json) -> str:
        value = self._planning.translated(str(parameter["parameter_default"]), self._session(info))
        return f"CAST({value} AS {duck_type(parameter['type_text'])})"

    def _body(self, info: Json, parameters: list[Json]) -> str:
        text = str(info["routine_definition"]).strip()
        is_query = re.match(r"\(*\s*(SELECT|WITH|VALUES|TABLE|FROM)\b", text, re.IGNORECASE) is not None
        session = self._session(info)
        tree = self._planning.tree(text if is_query else f"SELECT {text} AS result", session)
        # Values of the parameters go in once names are tables', so that a column of the same name is seen.
        names = self._planning.qualified(tree, session, annotate=False)
        self._planning.need_readable(names, session)
        self._put_parameters(tree, parameters, names, info["name"])
        self._planning.annotated(tree, {item["name"].lower(): parse_kind(item["type_text"]) for item in parameters})
        duck = to_duckdb(tree if is_query else tree.expressions[0].this)
        if info.get("data_type") == TABLE:
            return f"TABLE {_shaped(duck, info['return_params']['parameters'])}"
        return f"CAST(({duck}) AS {duck_type(info['full_data_type'])})"

    def _put_parameters(self, tree: Any, parameters: list[Json], tables: list[Any], function: str) -> None:
        kinds = {item["name"].lower(): item["type_text"] for item in parameters}
        columns = {column["name"].lower() for name in tables for column in self._catalog.tables[name.full]["columns"]}
        for column in list(tree.find_all(exp.Column)):
            name, prefix = column.name.lower(), column.table.lower()
            if name not in kinds or prefix not in ("", function):
                continue
            if name in columns and not prefix:
                raise UnsupportedError(f"a function whose parameter {name} has the name of a column that it reads")
            value = exp.Column(this=exp.to_identifier(str(column.name), quoted=True))
            column.replace(exp.Cast(this=value, to=exp.DataType.build(kinds[name], dialect="databricks")))


def _place(full_name: str) -> str:
    return address(*full_name.split("."))


def _shaped(query: str, columns: list[Json]) -> str:
    """A query with the names and types that a table function declares."""
    names = ", ".join(quoted(column["name"]) for column in columns)
    shown = ", ".join(
        f"CAST({quoted(column['name'])} AS {duck_type(column['type_text'])}) AS {quoted(column['name'])}"
        for column in columns
    )
    return f"SELECT {shown} FROM ({query}) AS result({names})"  # noqa: S608 - names are quoted
