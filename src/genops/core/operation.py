"""The nouns: what a governed operation is before it runs, and what became known of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from genops.core.attribution import NOBODY, Attribution

if TYPE_CHECKING:
    from genops.core.amounts import Amount, Grade
    from genops.core.containers import Container

AttributeValue: TypeAlias = "str | int | float | bool | tuple[str, ...]"
EMPTY: Mapping[str, AttributeValue] = MappingProxyType({})
_Named = TypeVar("_Named")


class Action(str, Enum):
    """The class of an operation: what rules and sampling rates distinguish."""

    READ = "read"
    WRITE = "write"
    QUERY = "query"
    ADMIN = "admin"


class DatasetRef(NamedTuple):
    """A dataset that an operation names.

    Attributes:
        parts: The name, from general to specific, without quotes: `("main", "sales", "orders")`.
        kind: `table`, `volume`, `schema`, `catalog`, `function`, `model`, `path`, or `file` for a file of the program's
            own machine.
        host: Host of the workspace that resolves the name, where there is one.
    """

    parts: tuple[str, ...]
    kind: str = "table"
    host: str | None = None

    @property
    def name(self) -> str:
        """The parts joined by dots, each quoted with back-ticks where it holds a dot or a back-tick.

        >>> DatasetRef(("main", "a.b")).name
        'main.`a.b`'
        """
        return ".".join("`" + p.replace("`", "``") + "`" if "." in p or "`" in p else p for p in self.parts)


class DatasetEdge(NamedTuple):
    """Data that flows from one dataset into another.

    Attributes:
        source: Dataset read.
        target: Dataset written.
    """

    source: DatasetRef
    target: DatasetRef


class ColumnEdge(NamedTuple):
    """One column that flows into another.

    Attributes:
        source: Dataset read.
        source_column: Column read.
        target: Dataset written.
        target_column: Column written.
        kind: OpenLineage's kind, for example `DIRECT:IDENTITY`; with `:MASKING` behind it where what flows no longer
            shows the value.
        ambiguous: One of several candidates, of which the statement alone does not tell the right one.
    """

    source: DatasetRef
    source_column: str
    target: DatasetRef
    target_column: str
    kind: str
    ambiguous: bool = False


class ChargeKey(NamedTuple):
    """Names the one thing that is paid for, so that it is paid for once.

    Attributes:
        platform: `databricks`, `snowflake` …
        account: Host or account that bills.
        kind: `statement`, `run`, `cluster` …
        id: Identifier within the kind.
        parent: The charge that contains this one, for example the job run of a statement.
    """

    platform: str
    account: str
    kind: str
    id: str
    parent: ChargeKey | None = None


class Place(NamedTuple):
    """Where a statement runs, as far as that decides what its names mean.

    Attributes:
        dialect: The SQL it is written in, for example `databricks`.
        host: Host of the workspace or account.
        catalog: Catalog in use; empty where the call does not say.
        schema: Schema in use; empty where the call does not say.
        session: Identifier of the session, whose statements leave something to the next; empty where there is none.
    """

    dialect: str = "databricks"
    host: str | None = None
    catalog: str = ""
    schema: str = ""
    session: str = ""


class Statement(NamedTuple):
    """What may be said of a statement's text without saying the text.

    Attributes:
        keyword: Its first word where that is a known SQL keyword, upper case.
        length: Number of characters.
        hash: Keyed hash, hexadecimal; equal texts of one key have equal hashes.
        place: Where it runs.
    """

    keyword: str | None
    length: int
    hash: str
    place: Place = Place()


class Operation(NamedTuple):
    """One governed operation, described before it runs.

    Attributes:
        type: The operation's kind in the field's words, for example `table.get`. Low cardinality.
        provider: Who performs it, for example `databricks_unity_catalog`.
        name: The operation's name; the type where the caller gave none.
        span_name: Name of its span.
        action: Class of the operation.
        attribution: Who pays. Never changes during a unit.
        host: Host name of the workspace or account, without scheme and credentials.
        resource_type: What it uses, for example `sql_warehouse`.
        resource_id: Which one.
        reads: Datasets that it names as read.
        writes: Datasets that it names as written.
        statement: What may be said of its SQL text.
        amount: What the caller declares that it will use, where it does.
        charge: The thing paid for, where it is known before the call.
        attributes: Further declared attributes of its span.
        container: The workflow it runs in.
        recorded: Declared after the fact (`Governor.record`).
        library: The instrumented library, or an empty string for the user's own code.
    """

    type: str
    provider: str
    name: str = ""
    span_name: str = ""
    action: Action = Action.READ
    attribution: Attribution = NOBODY
    host: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    reads: tuple[DatasetRef, ...] = ()
    writes: tuple[DatasetRef, ...] = ()
    statement: Statement | None = None
    amount: Amount | None = None
    charge: ChargeKey | None = None
    attributes: Mapping[str, AttributeValue] = EMPTY
    container: Container | None = None
    recorded: bool = False
    library: str = ""


class Late(NamedTuple):
    """Says that the facts of a unit come after its call returned.

    Attributes:
        key: Correlation key under which they will come.
        seconds: How long to wait for them.
        keep_open: Short tail: the span stays open until the facts or the deadline. Otherwise it ends at return and
            the unit settles as incomplete.
    """

    key: Hashable
    seconds: float
    keep_open: bool = False


class Learnt(NamedTuple):
    """A fact about a resource that a call returned in passing.

    Attributes:
        kind: `workspace`, `warehouse` …
        id: Identifier within the host and kind; empty for the host itself.
        facts: What is now known of it.
    """

    kind: str
    id: str
    facts: Mapping[str, AttributeValue]


class Facts(NamedTuple):
    """What became known while an operation ran, or after it.

    Attributes:
        rows: Rows returned or written.
        bytes: Bytes of the result or the payload.
        state: Final state in the platform's own word.
        error_type: Class or code of the failure; `None` where it succeeded.
        error_code: The platform's code of the failure, for example an SQL state.
        attempts: Requests sent.
        request_id: The platform's id of the last request.
        seconds: Time of execution where something better than the duration of the call is known.
        dbu_micros: Millionths of a DBU that the platform reported.
        money: Cost that the platform or the caller named.
        grade: Grade of `money` or `dbu_micros`.
        source: Who named it.
        reads: Datasets found to be read.
        writes: Datasets found to be written.
        columns: Column edges found.
        edges: Edges between datasets that the call named itself.
        charge: The thing paid for, where the call revealed it.
        attributes: Further declared attributes of the span.
        learnt: Facts about resources.
        late: Says that more facts come.
        resolves: Late facts of other units, by correlation key.
        incomplete: Something that should be known is not.
        executed: False where it is certain that nothing was sent.
    """

    rows: int | None = None
    bytes: int | None = None
    state: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    attempts: int = 0
    request_id: str | None = None
    seconds: float | None = None
    dbu_micros: int | None = None
    money: Amount | None = None
    grade: Grade | None = None
    source: str | None = None
    reads: tuple[DatasetRef, ...] = ()
    writes: tuple[DatasetRef, ...] = ()
    columns: tuple[ColumnEdge, ...] = ()
    edges: tuple[DatasetEdge, ...] = ()
    charge: ChargeKey | None = None
    attributes: Mapping[str, AttributeValue] = EMPTY
    learnt: tuple[Learnt, ...] = ()
    late: Late | None = None
    resolves: tuple[tuple[Hashable, Facts], ...] = ()
    incomplete: bool = False
    executed: bool = True

    def merged(self, other: Facts) -> Facts:
        """Return these facts and later ones together: counts add up, sets join, single facts are replaced.

        >>> Facts(rows=2, attempts=1).merged(Facts(rows=3, state="SUCCEEDED"))[:3]
        (5, None, 'SUCCEEDED')
        """
        if self is NOTHING:
            return other
        return Facts(
            rows=_sum(self.rows, other.rows),
            bytes=_sum(self.bytes, other.bytes),
            state=other.state or self.state,
            error_type=other.error_type or self.error_type,
            error_code=other.error_code or self.error_code,
            attempts=self.attempts + other.attempts,
            request_id=other.request_id or self.request_id,
            seconds=self.seconds if other.seconds is None else other.seconds,
            dbu_micros=self.dbu_micros if other.dbu_micros is None else other.dbu_micros,
            money=other.money or self.money,
            grade=other.grade or self.grade,
            source=other.source or self.source,
            reads=_join(self.reads, other.reads),
            writes=_join(self.writes, other.writes),
            columns=self.columns + other.columns,
            edges=_join(self.edges, other.edges) if other.edges else self.edges,
            charge=other.charge or self.charge,
            attributes={**self.attributes, **other.attributes} if other.attributes else self.attributes,
            learnt=self.learnt + other.learnt,
            late=other.late or self.late,
            resolves=self.resolves + other.resolves,
            incomplete=self.incomplete or other.incomplete,
            executed=self.executed and other.executed,
        )


NOTHING = Facts()


def _sum(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b


def _join(a: tuple[_Named, ...], b: tuple[_Named, ...]) -> tuple[_Named, ...]:
    if not b:
        return a
    known = a if len(b) == 1 else frozenset(a)
    return a + tuple(each for each in b if each not in known)
