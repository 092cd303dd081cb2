"""Functions of users: one store for those of the REST API and those of ``CREATE FUNCTION``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.http.identity import stable_id
from genops.testing.workspace.http.wire import Json, invalid, unserved
from genops.testing.workspace.unity.names import checked_name

if TYPE_CHECKING:
    from genops.testing.workspace.sql.routines import Routines
    from genops.testing.workspace.unity.catalog import UnityCatalog

_GIVEN = (
    "input_params",
    "return_params",
    "data_type",
    "full_data_type",
    "routine_body",
    "routine_definition",
    "routine_dependencies",
    "parameter_style",
    "is_deterministic",
    "sql_data_access",
    "is_null_call",
    "security_type",
    "specific_name",
    "external_language",
    "external_name",
    "sql_path",
)


class Functions:
    """Functions by full name.

    Args:
        catalog: What they are part of.

    Attributes:
        routines: Makes them callable; without it nothing can be created by REST.
    """

    def __init__(self, catalog: UnityCatalog) -> None:
        self._catalog = catalog
        self.routines: Routines | None = None

    def get(self, full_name: str) -> Json:
        """A function by its three-part name."""
        return self._catalog.securable("function", full_name)

    def create(self, given: Json) -> Json:
        """Create a function from a REST request; it is callable in SQL at once."""
        with self._catalog.lock:
            schema = self._catalog.schema_key(given.get("catalog_name"), given.get("schema_name"))
            full_name = self._catalog.free("function", f"{schema}.{checked_name(given.get('name'))}")
            if given.get("routine_body") != "SQL" or self.routines is None:
                raise unserved("A function whose body is not SQL")
            if not given.get("routine_definition"):
                raise invalid("Missing required field: routine_definition")
            info = self._info(full_name, given)
            self.routines.define(info)
            return self._catalog.add("function", info)

    def register(self, full_name: str, given: Json) -> Json:
        """Record a function that SQL has just defined, in the place of one of that name.

        Args:
            full_name: ``catalog.schema.name`` in lower case.
            given: ``input_params`` as ``{"parameters": [{name, type_text, type_name, position}]}``, ``data_type``,
                ``full_data_type``, ``routine_definition``, ``comment`` …, in the shape of the API.
        """
        with self._catalog.lock:
            return self._catalog.add("function", self._info(full_name, {"routine_body": "SQL", **given}))

    def _info(self, full_name: str, given: Json) -> Json:
        info = self._catalog.new("function", full_name, given)
        info.update({key: given[key] for key in _GIVEN if given.get(key) is not None})
        info["function_id"] = stable_id("function", full_name, str(info["created_at"]))
        return info

    def drop(self, full_name: str) -> None:
        """Delete a function."""
        with self._catalog.lock:
            key = self.get(full_name)["full_name"]
            if self.routines is not None:
                self.routines.undefine(key)
            self._catalog.remove("function", key)
