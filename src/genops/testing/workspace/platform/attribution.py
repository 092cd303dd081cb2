"""Databricks' own split of a warehouse's usage by statement: ``system.billing.attributed_usage``."""

from __future__ import annotations

import uuid
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

from genops.testing.workspace.platform.dated import Dated, Row, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from genops.testing.workspace.statements.ran import Ran

_DIGITS = Decimal(1).scaleb(-18)
_KEPT = ("account_id", "workspace_id", "usage_unit", "sku_name", "cloud", "billing_origin_product", "custom_tags")


def attributed(usage: Iterable[Dated], queries: Iterable[Ran]) -> list[Dated]:
    """Split records of usage over the statements that ran in their time.

    A moment at which several statements ran is shared by them in equal parts; a moment at which none ran is idle and
    belongs to nobody, so that the parts of a record are never more than the record.

    Args:
        usage: Rows of ``system.billing.usage``.
        queries: What ran.
    """
    by_warehouse: dict[str, list[Ran]] = {}
    for query in queries:
        by_warehouse.setdefault(query.warehouse_id, []).append(query)
    rows: list[Dated] = []
    for arrives, record in usage:
        ran = by_warehouse.get(str(record["usage_metadata"].get("warehouse_id")), [])
        rows += [(arrives, row) for row in _split(record, ran)]
    return rows


def _split(record: Row, queries: Sequence[Ran]) -> Iterator[Row]:
    start, end = (round(record[name].timestamp() * 1000) for name in ("usage_start_time", "usage_end_time"))
    ran = [query for query in queries if query.times.started < end and query.times.ended > start]
    spans = {query.id: (max(query.times.started, start), min(query.times.ended, end)) for query in ran}
    shares = shared(spans)
    for query in ran:
        with localcontext() as context:
            context.prec = 60
            part = shares[query.id] / (end - start)
            quantity = record["usage_quantity"] * part.numerator / part.denominator
            yield _row(record, query, quantity.quantize(_DIGITS))


def shared(spans: Mapping[str, tuple[int, int]]) -> dict[str, Fraction]:
    """The length of each span, what several cover at once in equal parts.

    >>> {name: int(part) for name, part in shared({"a": (0, 4), "b": (2, 4)}).items()}
    {'a': 3, 'b': 1}
    """
    edges = sorted((at, step) for start, end in spans.values() for at, step in ((start, 1), (end, -1)))
    # What one span would have got from the beginning of time until each edge.
    until: dict[int, Fraction] = {}
    total, active, last = Fraction(0), 0, 0
    for at, step in edges:
        if active:
            total += Fraction(at - last, active)
        until[at] = total
        active, last = active + step, at
    return {name: until[end] - until[start] for name, (start, end) in spans.items()}


def _row(record: Row, query: Ran, quantity: Decimal) -> Row:
    return {
        **{name: record[name] for name in _KEPT},
        "record_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{record['record_id']}/{query.id}")),
        "usage_metadata": {
            "dbsql_statement_id": query.id,
            "warehouse_id": query.warehouse_id,
            "client_application": query.client,
        },
        "identity_metadata": {"executed_by": query.user},
        "start_time": instant(query.times.started),
        "end_time": instant(query.times.ended),
        "usage_date": record["usage_date"],
        "active_usage_quantity": quantity,
        "granular_tags": {"query_tags": query.tags},
        "usage_record_ids": [record["record_id"]],
    }
