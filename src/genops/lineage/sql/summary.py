"""A statement in few words: what it does and to which tables, for `db.query.summary`."""

from __future__ import annotations

from collections.abc import Iterable

from genops.lineage.sql.sensitive import address, named
from genops.lineage.sql.understood import dataset

MAX_LENGTH = 255


def summarize(kind: str, reads: Iterable[tuple[str, ...]], writes: Iterable[tuple[str, ...]]) -> str:
    """Return kind and tables of a statement, written ones first, each once, as many as fit into 255 characters whole.

    OpenTelemetry, semantic conventions 1.36, "Generating a summary of the query": low cardinality, no literal, at most
    255 characters, never cut inside a name.

    Args:
        kind: What it does, for example `SELECT`.
        reads: Tables read, as parts.
        writes: Tables written, as parts.

    >>> summarize("INSERT", [("main", "raw", "orders")], [("main", "gold", "t")])
    'INSERT main.gold.t main.raw.orders'
    >>> summarize("SELECT", [("s3://b/x?sig=abc",)], [])
    'SELECT s3://b/x'
    """
    words = [kind[:MAX_LENGTH]] if kind else []
    length = len(kind)
    for ref in dict.fromkeys(dataset(table) for table in (*writes, *reads)):
        name = ".".join(address(part) if ref.kind == "path" else named(part) for part in ref.parts)
        length += len(name) + bool(words)
        if length > MAX_LENGTH:
            break
        words.append(name)
    return " ".join(words)
