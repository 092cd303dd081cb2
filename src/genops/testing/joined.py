"""Joins records, spans and events by the unit they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from genops.core.records import Adjusted, Admitted, Record, Settled
from genops.testing.captured import REFUSED, Captured, CapturedDecision, CapturedUnit

if TYPE_CHECKING:
    from genops.core.decisions import Decision
    from genops.core.operation import Operation
    from genops.core.records import UnitId
    from genops.testing.captured import CapturedEvent, CapturedSpan


def units_of(
    records: Iterable[Record], spans: Iterable[CapturedSpan], events: Iterable[CapturedEvent]
) -> Captured[CapturedUnit]:
    """Join records, spans and events by the unit they belong to, in the order of its first decision."""
    folded: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        key = _key(record.unit)
        if isinstance(record, Admitted):
            _admit(folded, key, record)
        elif key in folded and isinstance(record, Settled):
            folded[key].update(_settled(record))
        elif key in folded and isinstance(record, Adjusted) and record.currency:
            folded[key].update(
                cost=_decimal(record.total), currency=record.currency, grade=record.grade.value, unpriced_reason=None
            )
    for span in spans:
        if (unit := folded.get((span.trace_id, span.span_id))) is not None:
            unit["span"] = span
            unit["events"] += span.events
    for event in events:
        if (unit := folded.get((event.trace_id, event.span_id))) is not None:
            unit["events"] += (event,)
    return Captured(CapturedUnit(**unit, trace_id=key[0], span_id=key[1]) for key, unit in folded.items())


def decisions_of(records: Iterable[Record]) -> Captured[CapturedDecision]:
    """Return every decision, in order."""
    return Captured(_decision(record) for record in records if isinstance(record, Admitted))


def _admit(folded: dict[tuple[str, str], dict[str, Any]], key: tuple[str, str], record: Admitted) -> None:
    decision = _decision(record)
    if record.sequence == 0:
        folded[key] = {
            **_operation(record.operation),
            **_decided(record.decision),
            **_reserved(record),
            "decisions": (decision,),
            "events": (),
        }
    elif key in folded:
        folded[key]["decisions"] += (decision,)


def _reserved(record: Admitted) -> dict[str, Any]:
    reservation = record.reservation
    if reservation is None:
        return {"outcome": REFUSED}
    carrying = None if reservation.budget is None else reservation.budget.name
    return {
        "reserved": reservation.amount.decimal,
        "unit": reservation.amount.unit,
        "budget": record.decision.budget or carrying,
    }


def _settled(record: Settled) -> dict[str, Any]:
    priced, facts, operation = record.priced, record.facts, record.operation
    money = priced.money
    seconds = record.seconds if facts.seconds is None else facts.seconds
    decided = _decided(record.decision)
    if record.decision.budget is None and record.reservation.budget is not None:
        decided["budget"] = record.reservation.budget.name
    return {
        **decided,
        "outcome": record.outcome.value,
        "actual": record.actual.decimal,
        "cost": None if money is None else money.decimal,
        "currency": None if money is None else money.unit,
        "grade": None if money is None else priced.grade.value,
        "unpriced_reason": priced.unpriced_reason,
        "incomplete": record.incomplete,
        "rows": facts.rows,
        "bytes": facts.bytes,
        "error_type": facts.error_type,
        "seconds": seconds,
        "reads": _names((*operation.reads, *facts.reads)),
        "writes": _names((*operation.writes, *facts.writes)),
    }


def _operation(operation: Operation) -> dict[str, Any]:
    return {**_about(operation), "reads": _names(operation.reads), "writes": _names(operation.writes)}


def _about(operation: Operation) -> dict[str, Any]:
    who = operation.attribution
    return {
        "name": operation.name or operation.type,
        "type": operation.type,
        "team": who.team,
        "project": who.project,
        "environment": who.environment,
    }


def _names(refs: Iterable[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ref.name for ref in refs))


def _decided(decision: Decision) -> dict[str, Any]:
    return {
        "result": decision.result.value,
        "reason_code": decision.reason_code,
        "reason": decision.reason,
        "policy": decision.policy,
        "budget": decision.budget,
    }


def _decision(record: Admitted) -> CapturedDecision:
    trace_id, span_id = _key(record.unit)
    return CapturedDecision(
        **_about(record.operation),
        **_decided(record.decision),
        sequence=record.sequence,
        trace_id=trace_id,
        span_id=span_id,
    )


def _key(unit: UnitId) -> tuple[str, str]:
    return f"{unit.trace_id:032x}", f"{unit.span_id:016x}"


def _decimal(micros: int) -> Decimal:
    return Decimal(micros) / 1_000_000
