"""Reads scripts one after the other, so that each knows the columns of tables that those before it made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from genops.cli.lineage.ordering import ordered
from genops.cli.lineage.schema import Columns, declared_in, named
from genops.cli.lineage.scripts import Gathered, Outcome, Read, Script
from genops.cli.lineage.shown import shown
from genops.core.operation import Action
from genops.errors import InvalidArgument
from genops.lineage.sql.folding import Folding
from genops.lineage.sql.session import Known, Session
from genops.lineage.sql.splitting import split
from genops.lineage.sql.summary import summarize
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import Status, Understood

if TYPE_CHECKING:
    from genops.cli.lineage.scripts import Model
    from genops.lineage.sql.understood import Table

_DIALECT = "databricks"
_MAKING = ("CREATE", "ALTER", "DROP")
_MOST_PARTS = 2


class Chain:
    """Scripts that are read together.

    Args:
        found: What the command line names.
        schema: SCHEMA.json.
        catalog: What names of fewer parts mean: a catalog, or a catalog and a schema.
        dialect: Of the words of the command line.

    Raises:
        InvalidArgument: The schema or the catalog cannot be used.
    """

    def __init__(self, found: Gathered, schema: Path | None, catalog: str | None, dialect: str | None) -> None:
        self._scripts = [each if each.dialect else each._replace(dialect=_DIALECT) for each in found.scripts]
        self._known = found.known
        self._catalog = catalog
        spoken = dialect or next((each.dialect for each in self._scripts), _DIALECT)
        complete = Known(self._session(spoken), Columns({}))
        declared = {} if schema is None else declared_in(schema, spoken)
        self._declared = {complete.qualified(table): columns for table, columns in declared.items()}
        self._columns = self._fresh()

    def read(self) -> Outcome:
        """Return every statement, in the order of the scripts.

        Where a script reads a table that only a later one makes, the later one is read before it.
        """
        read = [list(self._script(script)) for script in self._scripts]
        order = ordered([[each for each, _ in of] for of in read])
        if order != list(range(len(order))):
            self._columns = self._fresh()
            for number in order:
                read[number] = list(self._script(self._scripts[number]))
        return Outcome(
            tuple(
                Read(script.file, text, script.dialect, shown(found))
                for script, of in zip(self._scripts, read, strict=True)
                for found, text in of
            ),
            len(self._scripts),
            self._columns,
        )

    def _fresh(self) -> Columns:
        """Return what is known before the first statement."""
        columns = Columns(self._declared)
        for each in self._known:
            columns.told.learn(named("catalog.json", each.relation, each.dialect), each.columns)
        return columns

    def _session(self, dialect: str) -> Session:
        session = Session()
        if self._catalog is not None:
            parts = tuple(Folding(dialect).table(each) for each in named("--catalog", self._catalog, dialect))
            if len(parts) > _MOST_PARTS:
                raise InvalidArgument(
                    f"--catalog {self._catalog}: expected CATALOG or CATALOG.SCHEMA; leave the rest out"
                )
            session.use(parts, dialect, catalog=len(parts) == 1)
        return session

    def _script(self, script: Script) -> Iterator[tuple[Understood, str]]:
        """Yield what each statement of a script was found to be, and its text."""
        session = self._session(script.dialect)
        if script.model is not None:
            yield from self._model(script, script.model, session)
            return
        index = 0
        for text in split(script.text, script.dialect):
            for found in understand(text, script.dialect, self._columns, session):
                self._remember(session, found)
                yield found._replace(index=index), text
                index += 1

    def _remember(self, session: Session, found: Understood) -> None:
        """Know the columns of what a statement made, and no longer those of what it changed."""
        for table in found.writes:
            columns = session.state.tables.get(table)
            if columns:
                self._columns.made.learn(table, columns)
            elif found.kind.startswith(_MAKING):
                self._columns.made.forget(table)

    def _model(self, script: Script, model: Model, session: Session) -> Iterator[tuple[Understood, str]]:
        """Yield what dbt makes of a query: it is read as a table made from it, and called what dbt does."""
        text = f"CREATE TABLE {model.relation} AS\n{script.text}"
        read = understand(text, script.dialect, self._columns, session) if script.text else ()
        first = read[0] if read and read[0].writes else self._by_dbt(script, model, session, read)
        self._remember(session, first)
        for table in first.writes if model.columns else ():
            columns = session.state.tables.get(table)
            if columns:
                self._columns.made.learn(table, dict.fromkeys((*columns, *model.columns)))
        first = first._replace(kind=model.kind, summary=summarize(model.kind, first.reads, first.writes))
        yield first, script.text
        yield from ((each, "") for each in read[1:])

    def _by_dbt(self, script: Script, model: Model, session: Session, read: tuple[Understood, ...]) -> Understood:
        """Return a model by what dbt says of it, where there is no query that could be read."""
        known, folding = Known(session, self._columns), Folding(script.dialect)
        reads, written = (self._relation(each, script, known, folding) for each in (model.reads, (model.relation,)))
        status, reason = (read[0].status, read[0].reason) if read else (Status.OPAQUE, "no query")
        return Understood(0, model.kind, Action.WRITE, status, reads, written, reason=reason)

    def _relation(self, names: tuple[str, ...], script: Script, known: Known, folding: Folding) -> tuple[Table, ...]:
        parts = (named(script.file, name, script.dialect) for name in names)
        return tuple(known.qualified(tuple(folding.table(part, quoted=False) for part in table)) for table in parts)
