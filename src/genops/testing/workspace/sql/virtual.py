"""Tables that are computed when a statement reads them: ``information_schema`` and the ``system`` catalog.

Whoever knows the facts adds a table once and gives its rows each time they are asked for::

    virtual.add("system.billing", "usage", VirtualTable({"usage_date": "DATE", "sku_name": "STRING"}, rows))

A schema without a catalog, as ``information_schema``, is in every catalog.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.generation import native
from genops.testing.workspace.sql.kinds import parse_kind
from genops.testing.workspace.sql.values import duck_type, literal, quoted

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

SYSTEM = "system"
"""The catalog of the platform's own tables; it has no tables of users."""


OWNER = "System user"
"""Who owns what is computed."""


def born(user: str) -> Json:
    """When and by whom something was made that has always been there."""
    return {"created_at": 0, "created_by": user, "updated_at": 0, "updated_by": user}


@dataclass(frozen=True)
class Viewer:
    """Who reads a table, and by which catalog.

    Attributes:
        user: User name; the workspace's own user where it is empty.
        catalog: The catalog of the table's name, for tables that every catalog has.
    """

    user: str
    catalog: str


@dataclass(frozen=True)
class VirtualTable:
    """A table without storage.

    Attributes:
        columns: Databricks types by column name, in order.
        rows: Gives the rows that a viewer may see, values in the order of the columns: text, numbers, truth,
            ``None``, ``Decimal``, ``date`` and ``datetime`` (UTC where it has no zone); a list for an ARRAY, a
            mapping for a MAP or STRUCT; seconds since the epoch do for a TIMESTAMP.
        comment: What it holds, for people.
    """

    columns: Mapping[str, str]
    rows: Callable[[Viewer], Iterable[Sequence[Any]]]
    comment: str = ""

    def info(self, catalog: str, schema: str, name: str) -> Json:
        """The table in the shape in which the API shows stored ones."""
        columns = [
            {"name": column, "type_text": kind.lower(), "position": position, "nullable": True}
            for position, (column, kind) in enumerate(self.columns.items())
        ]
        facts: Json = {"name": name, "full_name": f"{catalog}.{schema}.{name}", "catalog_name": catalog}
        facts.update(schema_name=schema, table_type="VIEW", columns=columns, comment=self.comment, view_definition="")
        return {**facts, "owner": OWNER, **born(OWNER)}

    def query(self, viewer: Viewer) -> Any:
        """The rows, as a syntax tree that stands for DuckDB SQL."""
        names = list(self.columns)
        kinds = [duck_type(kind) for kind in self.columns.values()]
        objects = [
            {name: _plain(value, kind) for name, value, kind in zip(names, row, kinds, strict=True)}
            for row in self.rows(viewer)
        ]
        text = json.dumps(objects, separators=(",", ":"), default=_text)
        shape = json.dumps([dict(zip(names, kinds, strict=True))])
        lines = f"SELECT unnest(from_json({literal(text)}, {literal(shape)})) AS line"
        shown = ", ".join(f"line.{quoted(name)} AS {quoted(name)}" for name in names)
        columns = [(name, parse_kind(kind)) for name, kind in self.columns.items()]
        return native(f"SELECT {shown} FROM ({lines}) AS lines", columns)  # noqa: S608 - names are quoted


def _plain(value: Any, kind: str) -> Any:
    if isinstance(value, (int, float)) and kind == "TIMESTAMPTZ":
        return dt.datetime.fromtimestamp(value, dt.timezone.utc).isoformat()
    return value


def _text(value: Any) -> str:
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=dt.timezone.utc).isoformat()
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a row of a virtual table holds {value!r}, which is none of the values that it can hold")


class VirtualTables:
    """All computed tables, by catalog, schema and name."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, VirtualTable]] = {}

    def add(self, schema: str, name: str, table: VirtualTable) -> None:
        """Add a table.

        Args:
            schema: ``catalog.schema`` in lower case, or a schema's name alone for every catalog.
            name: Its name in lower case.
            table: Columns and rows.
        """
        self._held.setdefault(schema, {})[name] = table

    def tables(self, catalog: str, schema: str) -> dict[str, VirtualTable]:
        """The computed tables of a schema, by name."""
        return {**self._held.get(schema, {}), **self._held.get(f"{catalog}.{schema}", {})}

    def schemas(self, catalog: str) -> list[str]:
        """The schemas of a catalog that are computed."""
        own = [key.split(".")[1] for key in self._held if key.startswith(f"{catalog}.")]
        return sorted({*own, *(key for key in self._held if "." not in key)})
