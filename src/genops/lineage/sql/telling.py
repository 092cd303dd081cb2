"""What was understood of a text, in the words of the spine: datasets, edges, and what a span may say of it.

A name is told where it certainly is one. Where a text can be read in two ways, what one reading takes for names may be
a literal in the other, so none is told, and to rules its tables are unresolved. Names that an engine makes of values
are not told either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

from genops.core.edges import flows
from genops.core.operation import ColumnEdge, DatasetRef, Facts
from genops.core.statements import UNREAD, Reading
from genops.lineage.sql.sensitive import address, presentable_parts
from genops.lineage.sql.understood import STAR, Status, ValueName, dataset, dotted

if TYPE_CHECKING:
    from genops.core.operation import DatasetEdge, Place
    from genops.lineage.sql.redaction import Redacted
    from genops.lineage.sql.understood import ColumnFlow, Table, Understood

TEXT, SUMMARY, FINGERPRINT = "db.query.text", "db.query.summary", "genops.statement.fingerprint"
STATUS = "genops.statement.understood"
MAX_TEXT = 8_192
"""Characters of a text on a span."""
MAX_SUMMARY = 255
"""Characters of a summary [OpenTelemetry, semantic conventions for databases]."""
_GRAVITY = list(Status)
CERTAIN = frozenset(("", "secret"))
"""Why a text is withheld, where what its names are is certain all the same."""


class Telling(str, Enum):
    """What may be said of a statement's text."""

    NONE = "none"
    REDACTED = "redacted"
    RAW = "raw"


def told(understood: tuple[Understood, ...], text: str, shown: Redacted, place: Place, telling: Telling) -> Reading:
    """Return what the statements of a text come to together.

    Args:
        understood: What was understood of each.
        text: The whole text.
        shown: What may be shown of it.
        place: Where it runs.
        telling: What may be said of the text.
    """
    if not understood:
        return UNREAD
    refs: dict[Table, DatasetRef] = {}
    edges: dict[DatasetEdge, None] = {}
    for each in understood:
        refs.update((table, _at(table, place)) for table in (*each.reads, *each.writes))
        edges.update(dict.fromkeys(flows([refs[t] for t in each.reads], [refs[t] for t in each.writes])))
    reads = tuple(dict.fromkeys(refs[table] for each in understood for table in each.reads))
    writes = tuple(dict.fromkeys(refs[table] for each in understood for table in each.writes))
    if shown.reason not in CERTAIN:
        return Reading(Facts(attributes=_doubtful(understood, shown, text, telling)))
    names = {dotted(table): ref for table, ref in refs.items()}
    columns = tuple(dict.fromkeys(edge for each in understood for edge in _columns(each.columns, names)))
    said = _said(understood, shown, text, telling)
    facts = Facts(reads=reads, writes=writes, columns=columns, edges=tuple(edges), attributes=said)
    return Reading(facts, reads, writes, all(each.tables_known for each in understood))


def _at(table: Table, place: Place) -> DatasetRef:
    ref = dataset(table)
    if ref.kind != "path":
        return ref._replace(parts=presentable_parts(ref.parts), host=place.host)
    return ref._replace(parts=tuple(map(address, ref.parts)))


def _columns(found: Iterable[ColumnFlow], names: dict[str, DatasetRef]) -> Iterator[ColumnEdge]:
    """Yield the flows between columns of datasets; an output that no table takes is none."""
    for flow in found:
        target, source = _placed(flow.target, names), _placed(flow.source, names)
        if target is not None and source is not None:
            masking = ":MASKING" if flow.masking else ""
            yield ColumnEdge(*source, *target, f"{flow.kind}:{flow.subtype}{masking}", flow.ambiguous)


def _placed(column: str, names: dict[str, DatasetRef]) -> tuple[DatasetRef, str] | None:
    """Return dataset and column of a dotted name, whose parts may have dots of their own."""
    cut = column.find(".")
    while cut > 0:
        ref = names.get(column[:cut])
        if ref is not None:
            return ref, STAR if isinstance(column, ValueName) else column[cut + 1 :]
        cut = column.find(".", cut + 1)
    return None


def _doubtful(understood: tuple[Understood, ...], shown: Redacted, text: str, telling: Telling) -> dict[str, str]:
    """Return what a span may say of a text of which it is not certain what its names are."""
    complex_ = all(each.status is Status.TOO_COMPLEX for each in understood)
    said = {STATUS: (Status.TOO_COMPLEX if complex_ else Status.ERROR).value, FINGERPRINT: shown.fingerprint}
    return {**said, TEXT: text[:MAX_TEXT]} if telling is Telling.RAW else said


def _said(understood: tuple[Understood, ...], shown: Redacted, text: str, telling: Telling) -> dict[str, str]:
    said = {
        STATUS: max((each.status for each in understood), key=_GRAVITY.index).value,
        FINGERPRINT: shown.fingerprint,
    }
    summary = "; ".join(dict.fromkeys(each.summary for each in understood if each.summary))
    if summary:
        said[SUMMARY] = summary if len(summary) <= MAX_SUMMARY else understood[0].summary or summary[:MAX_SUMMARY]
    if telling is Telling.RAW:
        said[TEXT] = text[:MAX_TEXT]
    elif telling is Telling.REDACTED and shown.text:
        said[TEXT] = shown.text[:MAX_TEXT]
    return said
