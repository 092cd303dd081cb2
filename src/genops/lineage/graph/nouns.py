"""The nouns of the graph: what flows into what, who says so, since when, and how."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.core.operation import DatasetRef

DIRECT, INDIRECT = "DIRECT", "INDIRECT"


class Provenance(IntFlag):
    """Who says that data flows along an edge; several may."""

    RUNTIME = 1
    """An operation that ran, by what its call names."""
    SQL = 2
    """A statement that ran, by what its text means."""
    DECLARED = 4
    """A person, a program, or the catalog of another system."""
    SYSTEM_TABLES = 8
    """The platform's own record of lineage."""

    @property
    def names(self) -> tuple[str, ...]:
        """Each of them in lower case.

        >>> (Provenance.RUNTIME | Provenance.SYSTEM_TABLES).names
        ('runtime', 'system_tables')
        """
        return tuple(str(each.name).lower() for each in Provenance if each & self)


class Transformation(NamedTuple):
    """How a value of the source takes part in the target, in OpenLineage's words.

    Attributes:
        kind: `DIRECT`: the value goes in. `INDIRECT`: it decides which values do.
        subtype: `IDENTITY`, `TRANSFORMATION` or `AGGREGATION`; `JOIN`, `FILTER`, `GROUP_BY`, `SORT`, `WINDOW` or
            `CONDITIONAL`; empty where it is not known.
        masking: The value cannot be got back from the result.
    """

    kind: str = DIRECT
    subtype: str = ""
    masking: bool = False

    @classmethod
    def of(cls, text: str) -> Transformation:
        """Return what a column edge of an operation calls its kind.

        >>> Transformation.of("DIRECT:AGGREGATION:MASKING")
        Transformation(kind='DIRECT', subtype='AGGREGATION', masking=True)
        """
        kind, _, rest = text.upper().partition(":")
        subtype, _, masking = rest.partition(":")
        return cls(INDIRECT if kind == INDIRECT else DIRECT, subtype, bool(masking))


class Logic(NamedTuple):
    """What makes the target out of the source.

    Attributes:
        text: Its text without literals; `None` where it is withheld or unknown.
        fingerprint: Keyed hash of the text, hexadecimal; empty where there is none.
        job: Name of the job or statement that runs it; empty where it has none.
    """

    text: str | None = None
    fingerprint: str = ""
    job: str = ""


class Declaration(NamedTuple):
    """What people say of a dataset, a column or an edge.

    Attributes:
        owner: Who answers for it.
        steward: Who looks after it.
        classification: How sensitive it is, for example `PII`.
        tags: Further keys and values.
    """

    owner: str | None = None
    steward: str | None = None
    classification: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


class Column(NamedTuple):
    """A column of a dataset."""

    dataset: DatasetRef
    name: str


Node: TypeAlias = "DatasetRef | Column"


class Flow(NamedTuple):
    """An edge as somebody says it.

    Attributes:
        source: Where data comes from.
        target: Where it goes to.
        transformation: How the source takes part in the target.
        logic: What makes the target out of the source.
        declaration: What people say of the edge.
    """

    source: Node
    target: Node
    transformation: Transformation | None = None
    logic: Logic | None = None
    declaration: Declaration | None = None


class KnownEdge(NamedTuple):
    """An edge and all that is known of it. Source and target are both datasets, or both columns.

    Attributes:
        source: Where data comes from.
        target: Where it goes to.
        provenance: Who says so.
        first_seen: When it was said first, in nanoseconds since the epoch.
        last_seen: When it was said last.
        ended: When it was withdrawn; `None` while it stands.
        transformations: How the source takes part in the target.
        logic: What makes the target out of the source, by the last who said it.
        declaration: What people say of the edge.
        ambiguous: Every statement that says so names it as one of several candidates, and nobody else says so.
    """

    source: Node
    target: Node
    provenance: Provenance
    first_seen: int
    last_seen: int
    ended: int | None = None
    transformations: tuple[Transformation, ...] = ()
    logic: Logic | None = None
    declaration: Declaration | None = None
    ambiguous: bool = False


class Reached(NamedTuple):
    """What a closure reaches.

    Attributes:
        node: A dataset or a column.
        distance: Edges on the shortest way to it; at least 1.
    """

    node: Node
    distance: int


class Impact(NamedTuple):
    """What depends on a dataset or a column.

    Attributes:
        datasets: Datasets that it flows into, the nearest first.
        columns: Columns that it, or a column of it, flows into, the nearest first.
        owners: Who answers for what is concerned, as far as it was declared.
        stewards: Who looks after it.
        classifications: How sensitive it is.
    """

    datasets: Sequence[Reached]
    columns: Sequence[Reached]
    owners: tuple[str, ...]
    stewards: tuple[str, ...]
    classifications: tuple[str, ...]


class Diff(NamedTuple):
    """What changed between two times.

    Attributes:
        appeared: Edges that stand at the later time and did not at the earlier.
        disappeared: Edges that stood at the earlier time and do not at the later.
    """

    appeared: tuple[KnownEdge, ...]
    disappeared: tuple[KnownEdge, ...]


_SUBTYPES = (
    (DIRECT, ("", "IDENTITY", "TRANSFORMATION", "AGGREGATION")),
    (INDIRECT, ("", "JOIN", "FILTER", "GROUP_BY", "SORT", "WINDOW", "CONDITIONAL")),
)
_PLAIN = [Transformation(kind, subtype) for kind, subtypes in _SUBTYPES for subtype in subtypes]
_BY_BIT = [*_PLAIN, *(each._replace(masking=True) for each in _PLAIN)]
_BITS = {each: 1 << bit for bit, each in enumerate(_BY_BIT)}
_CERTAIN, _AMBIGUOUS = 1 << len(_BY_BIT), 2 << len(_BY_BIT)


def bits_of(transformation: Transformation | None, *, ambiguous: bool = False) -> int:
    """Return a transformation as bits, so that an edge holds a set of them in one number.

    A subtype that OpenLineage does not know is kept as its kind alone. A bit beside it says whether the edge was told
    for certain or as one of several candidates.
    """
    if transformation is None:
        return 0
    bits = _BITS.get(transformation) or _BITS[transformation._replace(subtype="")]
    return bits | (_AMBIGUOUS if ambiguous else _CERTAIN)


def is_ambiguous(bits: int, provenance: Provenance) -> bool:
    """Whether nobody told an edge for certain: a statement alone names candidates.

    >>> doubtful, certain = (bits_of(Transformation(), ambiguous=each) for each in (True, False))
    >>> is_ambiguous(doubtful, Provenance.SQL), is_ambiguous(doubtful | certain, Provenance.SQL)
    (True, False)
    """
    return bits & (_CERTAIN | _AMBIGUOUS) == _AMBIGUOUS and provenance == Provenance.SQL


def transformations_of(bits: int) -> tuple[Transformation, ...]:
    """Return the transformations of such a number.

    >>> transformations_of(bits_of(Transformation("DIRECT", "IDENTITY")))
    (Transformation(kind='DIRECT', subtype='IDENTITY', masking=False),)
    """
    return tuple(each for bit, each in enumerate(_BY_BIT) if bits >> bit & 1)
