"""What one statement leaves to the next: the catalog and schema in use, temporary views, columns of what was made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from genops.lineage.sql.understood import Table, is_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.lineage.sql.relations import Relation
    from genops.lineage.sql.schema import SchemaProvider

_K = TypeVar("_K")
_V = TypeVar("_V")
_MAX_NAMES = 1_000
_FIRST_SCHEMA = {"databricks": "default", "spark": "default", "snowflake": "public"}


class View(NamedTuple):
    """A temporary view: not a dataset, but a name for what it reads.

    Attributes:
        relation: What it gives.
        reads: Tables that it reads.
    """

    relation: Relation
    reads: tuple[Table, ...]


class State(NamedTuple):
    """A session at one moment; never changed.

    Attributes:
        catalog: Catalog in use; empty where it is not known.
        schema: Schema in use; empty where it is not known.
        views: Temporary views by name.
        tables: Columns of tables that statements of this session made.
        version: The same for equal views and tables only.
    """

    catalog: str = ""
    schema: str = ""
    views: Mapping[str, View] = MappingProxyType({})
    tables: Mapping[Table, tuple[str, ...]] = MappingProxyType({})
    version: object = None

    @property
    def key(self) -> tuple[str, str, object]:
        """What tells it from other states."""
        return (self.catalog, self.schema, self.version)


class Session:
    """A series of statements of one connection, or of one text.

    Args:
        catalog: Catalog in use at its start, where it is known.
        schema: Schema in use at its start, where it is known.

    Attributes:
        state: How it stands now.
        earlier: How it stood before the statement that was read last.
        latest: What stands for that statement.
    """

    def __init__(self, catalog: str = "", schema: str = "") -> None:
        self.state = self.earlier = State(catalog, schema)
        self.latest: object = None

    def use(self, names: Sequence[str], dialect: str, *, catalog: bool = False) -> None:
        """Use a catalog, a schema, or both.

        >>> session = Session()
        >>> session.use(["main"], "databricks", catalog=True)
        >>> session.state.catalog, session.state.schema
        ('main', 'default')
        """
        if catalog:
            self.state = self.state._replace(catalog=names[-1], schema=_FIRST_SCHEMA.get(dialect, ""))
        elif len(names) > 1:
            self.state = self.state._replace(catalog=names[-2], schema=names[-1])
        else:
            self.state = self.state._replace(schema=names[-1])

    def define_view(self, name: str, view: View) -> None:
        """Give a name to what a temporary view gives."""
        views = _with(self.state.views, name, view)
        self.state = self.state._replace(views=views, version=object())

    def define_table(self, table: Table, columns: Sequence[str]) -> None:
        """Know the columns of a table that was made."""
        tables = _with(self.state.tables, table, tuple(columns))
        self.state = self.state._replace(tables=tables, version=object())

    def forget(self, table: Table) -> None:
        """Know nothing any more of a table that was changed or removed, or of a view that was."""
        views = {name: view for name, view in self.state.views.items() if table != (name,)}
        tables = {name: columns for name, columns in self.state.tables.items() if name != table}
        if len(views) < len(self.state.views) or len(tables) < len(self.state.tables):
            self.state = self.state._replace(views=views, tables=tables, version=object())


class Known:
    """What a statement can know: its session, and a schema behind it.

    Args:
        session: The session, which the statement may change.
        schema: Knows tables that the session has not made.
    """

    def __init__(self, session: Session, schema: SchemaProvider) -> None:
        self.session = session
        self._schema = schema

    def columns(self, table: Table) -> tuple[str, ...] | None:
        """Return the columns of a table; `None` where they are not known."""
        found = self.session.state.tables.get(table)
        return self._schema.columns(table) if found is None else found

    def view(self, table: Table) -> View | None:
        """Return the temporary view of that name."""
        return self.session.state.views.get(table[-1]) if len(table) == 1 else None

    def qualified(self, table: Table) -> Table:
        """Return the name of a table with catalog and schema in use, as far as they are known.

        >>> from genops.lineage.sql.schema import NoSchema
        >>> Known(Session("main", "sales"), NoSchema()).qualified(("orders",))
        ('main', 'sales', 'orders')
        """
        state = self.session.state
        if is_path(table) or table[0].startswith(("@", "#")):
            return table
        if len(table) == 1 and state.schema:
            table = (state.schema, *table)
        return (state.catalog, *table) if len(table) == 2 and state.catalog else table  # noqa: PLR2004 - schema, name


def _with(known: Mapping[_K, _V], name: _K, value: _V) -> Mapping[_K, _V]:
    """Return a mapping with one more entry, the oldest left out where it would be too large."""
    entries = {key: each for key, each in known.items() if key != name}
    while len(entries) >= _MAX_NAMES:
        del entries[next(iter(entries))]
    return {**entries, name: value}
