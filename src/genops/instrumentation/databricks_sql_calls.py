"""Describes the calls of databricks-sql-connector: one `Site` for each method, and what one call is seen to do."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from genops.core import current
from genops.core.operation import EMPTY, AttributeValue, DatasetRef, Facts, Late, Operation, Place
from genops.core.running import Running
from genops.core.shapes import Describe, Site
from genops.instrumentation import databricks_results as results
from genops.instrumentation import databricks_statements as statements
from genops.instrumentation import databricks_tags as tags
from genops.instrumentation.databricks_connections import Reach, reach_of
from genops.instrumentation.databricks_describe import PROVIDER
from genops.instrumentation.databricks_names import named_dataset
from genops.instrumentation.databricks_types import OperationType, operation_type
from genops.instrumentation.databricks_workspaces import attributes_of

if TYPE_CHECKING:
    from genops.core.governor import Governor

LIBRARY = "databricks_sql"
BATCH_SIZE = "db.operation.batch.size"
# The platform keeps a result for an hour after the statement ended; nobody asks for it later.
_RESULT_SECONDS = 3600.0
_METADATA = {"catalogs": "catalog", "schemas": "schema", "tables": "table", "columns": "column"}
_LEVELS = ("catalog", "schema", "table")
_WILDCARDS = frozenset("%*")


def statement_site() -> Site:
    """Return how a statement is described."""
    return _site(statements.EXECUTE, _describe_statement)


def metadata_site(method: str) -> Site:
    """Return how a call that lists catalogs, schemas, tables or columns is described."""
    kind = operation_type(f"{method.capitalize()}API", "list")
    return _site(kind, _describe_listing(kind, method))


def cancel_site() -> Site:
    """Return how the cancelling of a statement is described."""
    kind = operation_type("StatementExecutionAPI", "cancel_execution")
    return _site(kind, _describe_cancel(kind))


def _site(kind: OperationType, describe: Describe) -> Site:
    return Site(kind.name, PROVIDER, LIBRARY, kind.span, kind.action, describe)


def _described(governor: Governor, reach: Reach, kind: OperationType) -> Operation:
    name, span, action, _ = kind
    return Operation(
        name, PROVIDER, name, span, action, governor.attribution(reach.host), reach.host, reach.resource_type,
        reach.resource_id, attributes=attributes_of(governor, reach.host, reach), container=governor.container(),
        library=LIBRARY,
    )  # fmt: skip


def _describe_statement(governor: Governor, cursor: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Operation:
    reach = reach_of(cursor.connection)
    text = args[0] if args else kwargs.get("operation")
    place = Place("databricks", reach.host, reach.catalog, reach.schema, reach.session)
    kind, statement = statements.described(text, place)
    if statement is not None and isinstance(text, str):
        governor.read(statement, text)
    return _described(governor, reach, kind)._replace(statement=statement)


def _describe_listing(kind: OperationType, method: str) -> Describe:
    levels = _LEVELS[: tuple(_METADATA).index(method)]

    def describe(governor: Governor, cursor: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Operation:
        operation = _described(governor, reach_of(cursor.connection), kind)
        given = [args[at] if len(args) > at else kwargs.get(f"{level}_name") for at, level in enumerate(levels)]
        ref = _within(given, operation.host)
        return operation if ref is None else operation._replace(reads=(ref,))

    return describe


def _within(given: list[Any], host: str | None) -> DatasetRef | None:
    """Return what a listing is confined to: as many names as are given without a wildcard, from the left."""
    parts: list[str] = []
    for name in given:
        if not isinstance(name, str) or not name or _WILDCARDS.intersection(name):
            break
        parts.append("`" + name.replace("`", "``") + "`")
    return named_dataset(".".join(parts), _LEVELS[len(parts) - 1], host) if parts else None


def _describe_cancel(kind: OperationType) -> Describe:
    def describe(governor: Governor, cursor: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Operation:  # noqa: ARG001  (as every description)
        return _described(governor, reach_of(cursor.connection), kind)

    return describe


cancelled: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""The latest statement of each cursor that was cancelled, by its handle."""


class Execution:
    """One governed call of a cursor that runs a statement or lists something, and what is seen of it.

    Args:
        cursor: The cursor.
    """

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        self.run: Running | None = None
        self._before = results.command_of(cursor)

    def begun(self) -> None:
        """Take note of the unit or part that the call is."""
        running = current.running(LIBRARY)
        self.run = running if isinstance(running, Running) else None

    def tagged(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], position: int) -> Mapping[str, Any]:
        """Return the keyword arguments of the call with the attribution among its tags, where that is asked for.

        Args:
            args: As the program gave them.
            kwargs: As the program gave them.
            position: Where the tags stand among the positional arguments; negative where this version takes none.
        """
        who = tags.payer(LIBRARY) if 0 <= len(args) <= position else None
        if who is None:
            return kwargs
        session = getattr(self.cursor.connection, "session", None)
        own = None if getattr(session, "use_kernel", False) else reach_of(self.cursor.connection).tags
        return kwargs if own is None else tags.tagged_mapping(kwargs, who, own)

    def command(self) -> Any:
        """Return the handle of the statement that this call has sent; `None` where it sent none."""
        found = results.command_of(self.cursor)
        return None if found is self._before else found

    def observe(self, operation: Operation, _: Any) -> Facts | None:
        """Return what a call that came back reveals."""
        charge = None if operation.statement is None else results.charge_of(operation.host, self.command())
        facts = results.facts_of(operation, self.cursor)._replace(state="SUCCEEDED", charge=charge)
        if facts.rows is None and self.run is not None:
            fetching.expect(self.cursor, self.run)
        return facts

    def failed(self, operation: Operation, error: Any) -> Facts | None:
        """Return what an error reveals."""
        charge = None if operation.statement is None else results.charge_of(operation.host, self.command())
        return self._ended(error)._replace(charge=charge)

    def _ended(self, error: BaseException) -> Facts:
        """Return how the statement ended: where it was cancelled, the connector's error is about something else."""
        command = self.command()
        stopped = command is not None and cancelled.get(self.cursor) is command
        return results.ended("CANCELED") if stopped else results.failure(error)


class Submission(Execution):
    """A statement that goes on after its call returned."""

    def observe(self, operation: Operation, _: Any) -> Facts | None:
        """Return the promise of facts to come."""
        charge = results.charge_of(operation.host, self.command())
        if charge is None:
            return None
        late = Late(results.key_of(charge), _RESULT_SECONDS)
        if self.run is not None:
            Awaited.of_cursor[self.cursor] = Awaited(self.run, late)
        return Facts(state="PENDING", charge=charge, late=late)


class Batch(Execution):
    """One statement with several sets of parameters, each of which the connector sends as a statement of its own."""

    def __init__(self, cursor: Any) -> None:
        super().__init__(cursor)
        self._sent = self._first = self._before
        self._count = 0
        self._rows: int | None = None

    def ran(self) -> None:
        """Take note of one statement that has come back."""
        sent = results.command_of(self.cursor)
        if sent is not self._sent:
            self._first = sent if self._count == 0 else self._first
            self._sent, self._count = sent, self._count + 1
        size = None if self.run is None else results.size_of(self.run.operation.type, self.cursor)
        if size is not None and size.rows is not None:
            self._rows = (self._rows or 0) + size.rows

    def observe(self, operation: Operation, _: Any) -> Facts | None:
        """Return what all of the statements reveal."""
        return self._together(operation, Facts(state="SUCCEEDED"))

    def failed(self, operation: Operation, error: Any) -> Facts | None:
        """Return what those that ran reveal, and the error of the one that ended them."""
        return self._together(operation, self._ended(error))

    def _together(self, operation: Operation, facts: Facts) -> Facts:
        # Several statements are no one thing that is paid for; each of them alone would be.
        charge = results.charge_of(operation.host, self._first) if self._count == 1 else None
        size: Mapping[str, AttributeValue] = {BATCH_SIZE: self._count} if self._count > 1 else EMPTY
        return facts._replace(rows=self._rows, charge=charge, attributes=size)


class Awaited:
    """A statement whose end the program has to look for.

    Args:
        run: The unit or part that sent it.
        late: What was promised.
    """

    of_cursor: ClassVar[weakref.WeakKeyDictionary[Any, Awaited]] = weakref.WeakKeyDictionary()

    def __init__(self, run: Running, late: Late) -> None:
        self.run = run
        self.collecting = False
        self._late = late
        self._resolved = False

    def saw(self, state: Any) -> None:
        """Take a state that the program saw; a success is told with its result, where that is being fetched."""
        word = results.state_of(state)
        if word is not None and not (self.collecting and word == "SUCCEEDED"):
            self._resolve(results.ended(word))

    def raised(self, error: Exception) -> None:
        """Take an error: the end of the statement where the platform says so, otherwise that of the look at it."""
        facts = results.failure(error)
        if facts.state is not None:
            self._resolve(facts._replace(error_type=f"{type(error).__module__}.{type(error).__qualname__}"))

    def collected(self, cursor: Any) -> None:
        """Take the result of a statement that succeeded."""
        facts = results.facts_of(self.run.operation, cursor)
        if not self._resolved:
            self._resolve(facts._replace(state="SUCCEEDED"))
        elif facts.rows is not None:
            self.run.payer.learns(self.run.operation, Facts(rows=facts.rows, bytes=facts.bytes))
        if facts.rows is None:
            fetching.expect(cursor, self.run)

    def _resolve(self, facts: Facts) -> None:
        if not self._resolved:
            self._resolved = True
            self.run.governor.pass_on(Facts(resolves=((self._late.key, facts),)))


class Fetching:
    """Counts what is fetched of results that were not counted when their statement returned.

    The connector counts the rows itself; its figure is read when the last row has gone or the result is let go of, and
    is said as a correction of the unit, which has settled by then.
    """

    def __init__(self) -> None:
        # A result leads back to its cursor through the connection, so it is not held either.
        self._expected: weakref.WeakKeyDictionary[Any, tuple[Running, weakref.ref[Any]]] = weakref.WeakKeyDictionary()

    def expect(self, cursor: Any, run: Running) -> None:
        """Count what will be fetched of a cursor's result."""
        result = results.result_of(cursor)
        if getattr(result, "description", None) and results.returns_rows(run.operation.type):
            self._expected[cursor] = run, weakref.ref(result)

    def ends(self, cursor: Any) -> None:
        """Say what was fetched of a cursor's result, if that is not said yet."""
        run, result = self._expected.pop(cursor, (None, None))
        if run is None or result is None:
            return
        rows = results.fetched(result())
        if rows:
            run.payer.learns(run.operation, Facts(rows=rows))


fetching = Fetching()
Seen = Callable[[Any], Execution]
