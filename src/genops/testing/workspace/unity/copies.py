"""Tables that the platform fills: online tables, synced tables and vector indexes, and how they get their rows.

Each is a table of the catalog of the type FOREIGN, whose rows no statement changes. What has a source holds the rows
that its source had at the last synchronization.
"""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and numbers

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.compute.passages import Passages
from genops.testing.workspace.http.wire import Json, absent, invalid, unserved
from genops.testing.workspace.sql.database import address, address_of
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.tables import TableName
from genops.testing.workspace.sql.values import quoted
from genops.testing.workspace.unity.columns import column_ddl
from genops.testing.workspace.unity.names import acting, checked_name, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.unity.catalog import UnityCatalog

PREPARATION_SECONDS = 5 * 60
"""How long the first synchronization takes by the clock; our figure, as the service promises none."""
_STORED = ("MANAGED", "EXTERNAL", "STREAMING_TABLE")


@dataclass
class Copy:
    """One table that the platform fills.

    Attributes:
        user: Who made it.
        keys: Columns of its primary key.
        given: What else it was asked to be.
        source: Full name of the table whose rows it holds; empty where they come by requests.
        columns: The columns that it takes of its source; all of them where it is empty.
        latest: The column that says which of several rows with one key counts.
        dimensions: Length of each vector, by column.
        name: Its full name.
        table_id: The id of its table: one of that name with another id is something else.
        state: ``PROVISIONING``, ``ACTIVE`` or ``FAILED``.
        message: What is wrong.
        created: When it was made, in milliseconds since the epoch.
        synced: When its rows were taken, as ``created``.
        version: The version of the source that they were taken from.
        rows: How many rows it has.
    """

    user: str
    keys: list[str]
    given: Json
    source: str = ""
    columns: list[str] = field(default_factory=list[str])
    latest: str = ""
    dimensions: dict[str, int] = field(default_factory=dict[str, int])
    name: str = ""
    table_id: str = ""
    state: str = "PROVISIONING"
    message: str = ""
    created: int = 0
    synced: int = 0
    version: int = 0
    rows: int = 0


class Copies:
    """The tables of one kind that the platform fills.

    Args:
        catalog: Holds tables and rows.
        clock: Gives the times.
        polls: How many reads show one being prepared.
        data_format: ``data_source_format`` of its tables.
        kind: As messages name one.
    """

    def __init__(self, catalog: UnityCatalog, clock: Clock, polls: int, data_format: str, kind: str) -> None:
        self._catalog = catalog
        self._clock = clock
        self._format = data_format
        self._kind = kind
        self._held: dict[str, Copy] = {}
        self._passages = Passages(clock, catalog.lock, polls)

    def state(self) -> Json:
        """What lasts besides the rows."""
        return {copy.name: asdict(copy) for copy in self.all()}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave; what was being prepared is prepared anew."""
        for name, facts in state.items():
            copy = self._held[name] = Copy(**facts)
            if copy.state == "PROVISIONING":
                self._prepare(copy)

    # Finding

    def all(self) -> list[Copy]:
        """Everything that is there, by name."""
        with self._catalog.lock:
            return [copy for _, copy in sorted(self._held.items()) if self._is_there(copy)]

    def _is_there(self, copy: Copy) -> bool:
        return self._catalog.tables.get(copy.name, {}).get("table_id") == copy.table_id

    def get(self, name: str, user: str, privilege: str = "") -> Copy:
        """One by its full name, for a user who may see it or has a privilege on it.

        Raises:
            ApiError: 404 where there is none, 403 where the user lacks the right.
        """
        key = ".".join(parts_of(name, 3))
        copy = self._held.get(key)
        if copy is None or not self._is_there(copy):
            raise absent(f"{self._kind} '{key}' does not exist.")
        grants = self._catalog.grants
        if privilege:
            grants.need(user, privilege, "table", key)
            self._catalog.policies.need_none(key)
        else:
            grants.need_sight(user, "table", key, browse=True)
        return copy

    def read(self, name: str, user: str) -> Copy:
        """As :meth:`get`; one that is being prepared may be ready by then."""
        copy = self.get(name, user)
        self._passages.read(copy.name)
        return copy

    # Life

    def begin(self, name: str, copy: Copy, columns: Sequence[Json] = ()) -> Copy:
        """Make one; its rows come a while later.

        Args:
            name: Its full name.
            copy: What it is to be.
            columns: Its columns in the shape of the API, where it has no source.

        Raises:
            ApiError: Its name is taken, its schema or its source is not there, a column is not one of the source, or
                the user may not.
        """
        catalog = self._catalog
        with catalog.lock, acting(copy.user):
            place = parts_of(name, 3)
            schema = catalog.schema_key(*place[:2])
            catalog.grants.need(copy.user, "CREATE_TABLE", "schema", schema)
            home, inner = schema.split(".")
            table = TableName(home, inner, checked_name(place[2]))
            catalog.free("table", table.full)
            ddl = self._selection(copy) if copy.source else f"({column_ddl(list(columns))})"
            catalog.database.change(f"CREATE TABLE {address(table.catalog, table.schema, table.name)} {ddl}")
            info = catalog.register_table(table, {"table_type": "FOREIGN"})
            info["data_source_format"] = self._format
            copy.name, copy.table_id, copy.created = table.full, info["table_id"], self._clock.millis()
            self._held[table.full] = copy
            self._prepare(copy)
            return copy

    def _selection(self, copy: Copy) -> str:
        """The empty copy of a source."""
        source = self._catalog.table(copy.source)
        copy.source = source["full_name"]
        self._catalog.grants.need(copy.user, "SELECT", "table", copy.source)
        self._catalog.policies.need_none(copy.source)
        if source["table_type"] not in _STORED:
            raise unserved(f"{self._kind} of a {source['table_type']}")
        names = {column["name"].lower(): column["name"] for column in source["columns"]}

        def known(column: str) -> str:
            if column.lower() not in names:
                raise invalid(f"Column '{column}' does not exist in table '{copy.source}'")
            return names[column.lower()]

        copy.keys = [known(column) for column in copy.keys or key_of(source)]
        if not copy.keys:
            raise invalid(f"{self._kind} needs a primary key: name its columns, as '{copy.source}' has none")
        copy.latest = known(copy.latest) if copy.latest else ""
        copy.columns = [known(column) for column in copy.columns]
        return f"AS SELECT {_listed(copy.columns) or '*'} FROM {address_of(source)} LIMIT 0"

    def _prepare(self, copy: Copy) -> None:
        self._passages.begin(copy.name, PREPARATION_SECONDS, lambda: self.synchronize(copy))

    def drop(self, name: str, user: str) -> None:
        """Delete one with its rows.

        Raises:
            ApiError: 404 where there is none, 403 where the user may not.
        """
        with self._catalog.lock, acting(user):
            copy = self.get(name, user, "MANAGE")
            self._passages.drop(copy.name)
            del self._held[copy.name]
            self._catalog.drop_table(copy.name)

    # Rows

    def synchronize(self, copy: Copy) -> None:
        """Take the rows of the source as they are now; it has FAILED where they cannot be taken."""
        with self._catalog.lock, acting(copy.user):
            if not self._is_there(copy):
                return
            copy.message = self._taken(copy) if copy.source else ""
            copy.state, copy.synced = "FAILED" if copy.message else "ACTIVE", self._clock.millis()
            self.changed(copy)

    def _taken(self, copy: Copy) -> str:
        """What is wrong with the source; empty once its rows are here."""
        source, database = self._catalog.tables.get(copy.source), self._catalog.database
        if source is None:
            return f"The source table '{copy.source}' does not exist."
        keys, whole = _listed(copy.keys), " AND ".join(f"{quoted(key)} IS NOT NULL" for key in copy.keys)
        rows = f"(SELECT {_listed(copy.columns) or '*'} FROM {address_of(source)} WHERE {whole}) AS source"
        order = f" ORDER BY {quoted(copy.latest)} DESC NULLS LAST" if copy.latest else ""
        once = f"QUALIFY row_number() OVER (PARTITION BY {keys}{order}) = 1"
        target = address_of(self._catalog.tables[copy.name])
        try:
            twice = database.rows(f"SELECT {keys} FROM {rows} GROUP BY ALL HAVING count(*) > 1 LIMIT 1")
            if twice and not copy.latest:
                return f"Several rows of '{copy.source}' have the primary key {', '.join(map(str, twice[0]))}."
            for column, length in copy.dimensions.items():
                if database.rows(f"SELECT 1 FROM {rows} WHERE len({quoted(column)}) <> {length} LIMIT 1"):
                    return f"A vector in the column '{column}' of '{copy.source}' has not {length} dimensions."
            database.together([f"DELETE FROM {target}", f"INSERT INTO {target} SELECT * FROM {rows} {once}"])
        except SqlError as error:  # the source has other columns by now
            return error.message
        copy.version = self._catalog.versions.history(source)[0].number
        return ""

    def changed(self, copy: Copy) -> None:
        """Its rows are others by now."""
        info = self.info(copy)
        copy.rows = int(self._catalog.database.rows(f"SELECT count(*) FROM {address_of(info)}")[0][0])
        self._catalog.touch(info)

    def info(self, copy: Copy) -> Json:
        """Its table, in the shape of the API."""
        return self._catalog.tables[copy.name]


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))


def key_of(table: Json) -> list[str]:
    """The columns of a table's primary key; none where it has no such constraint."""
    constraints: list[Json] = table.get("table_constraints", [])
    found = [one["primary_key_constraint"]["child_columns"] for one in constraints if "primary_key_constraint" in one]
    return list(found[0]) if found else []


def texts_of(value: Any, name: str) -> list[str]:
    """A value that is a list of texts, or nothing.

    Raises:
        ApiError: It is something else.
    """
    items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [None]
    if not all(isinstance(item, str) and item for item in items):
        raise invalid(f"{name} must be a list of names, not {value!r}")
    return items
