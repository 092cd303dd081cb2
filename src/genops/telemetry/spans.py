"""The attributes of a span: one dictionary when it starts, one when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.core.attribution import REQUIRED
from genops.core.records import Role
from genops.telemetry.semconv import (
    DB_SYSTEMS,
    FRAMEWORK,
    POLICY_CHECKS,
    RESOURCE_IDS,
    SPEC_VERSION,
    Attr,
)

if TYPE_CHECKING:
    from genops.core.amounts import Priced
    from genops.core.decisions import Decision
    from genops.core.edges import Neighbours
    from genops.core.operation import AttributeValue, DatasetRef, Facts, Operation
    from genops.core.ports import Closing
    from genops.core.records import BudgetState, Reservation, Settled

Attributes = dict[str, "AttributeValue"]
LIMIT = 24
WIDE_LIMIT = 38
MAX_NAMES = 10
_MICROS = 1_000_000
# What a span gives up first when it would be too wide: each of these stands in an event or a metric too, or can be
# worked out from its neighbours.
_EXPENDABLE = (
    Attr.POLICY_REASON,
    Attr.BUDGET_PERIOD,
    Attr.BUDGET_CONSUMED,
    Attr.BUDGET_ALLOCATED,
    Attr.RECONCILIATION_DELTA,
    Attr.BUDGET_REMAINING,
    Attr.REQUEST_ATTEMPTS,
    Attr.LINEAGE_DOWNSTREAM_COUNT,
    Attr.LINEAGE_UPSTREAM_COUNT,
    Attr.DB_NAMESPACE,
    Attr.DB_COLLECTION_NAME,
    Attr.SIZE_BYTES,
    Attr.BUDGET_NAME,
    Attr.LINEAGE_OUTPUTS,
    Attr.LINEAGE_INPUTS,
    Attr.DB_OPERATION_NAME,
    Attr.POLICY_NAME,
    Attr.PRICE_AS_OF,
    Attr.PRICE_SOURCE,
    Attr.REQUEST_ID,
    Attr.COST_GRADE,
    Attr.DB_STATUS_CODE,
    Attr.ROW_COUNT,
)


def is_governed(operation: Operation, role: Role) -> bool:
    """Return whether a span is a workload unit of the specification: a unit that is fully attributed."""
    return role is Role.UNIT and operation.attribution.complete


def start_attributes(operation: Operation, role: Role) -> Attributes:
    """Return what is known of an operation before it runs."""
    kind = operation.type
    attributes: Attributes = {
        **operation.attribution.attributes,
        Attr.OPERATION_NAME: operation.name or kind,
        Attr.OPERATION_TYPE: kind,
        Attr.OPERATION_TYPE_OF_GUIDE: kind,
        Attr.FRAMEWORK_TYPE: FRAMEWORK,
    }
    if role is not Role.UNIT:
        attributes[Attr.OPERATION_ROLE] = role.value
    elif operation.attribution.complete:
        attributes[Attr.SPEC_VERSION] = SPEC_VERSION
    if operation.recorded:
        attributes[Attr.OPERATION_RECORDED] = True
    if operation.provider:
        attributes[Attr.PROVIDER] = operation.provider
        system = DB_SYSTEMS.get(operation.provider)
        if system is not None:
            attributes[Attr.DB_SYSTEM_NAME] = system
    if operation.host:
        attributes[Attr.SERVER_ADDRESS] = operation.host
    _describe_target(operation, attributes)
    if operation.attributes:
        attributes.update(operation.attributes)
    return attributes


def _describe_target(operation: Operation, attributes: Attributes) -> None:
    resource = operation.resource_type
    if resource:
        attributes[Attr.RESOURCE_TYPE] = resource
        if operation.resource_id and resource in RESOURCE_IDS:
            attributes[RESOURCE_IDS[resource]] = operation.resource_id
    if operation.reads or operation.writes:
        attributes.update(dataset_attributes((*operation.writes, *operation.reads)))
    statement = operation.statement
    if statement is not None:
        attributes[Attr.STATEMENT_LENGTH] = statement.length
        attributes[Attr.STATEMENT_HASH] = statement.hash
        if statement.keyword:
            attributes[Attr.DB_OPERATION_NAME] = statement.keyword


def dataset_attributes(refs: tuple[DatasetRef, ...]) -> Attributes:
    """Return catalog, schema and table as far as all datasets share them.

    >>> from genops.core.operation import DatasetRef
    >>> dataset_attributes((DatasetRef(("main", "sales", "a")), DatasetRef(("main", "sales", "b"))))
    {'genops.catalog_name': 'main', 'genops.schema_name': 'sales', 'db.namespace': 'main|sales'}
    """
    catalog, schema, table = _placed(refs[0])
    for ref in refs[1:]:
        other = _placed(ref)
        catalog = catalog if other[0] == catalog else None
        schema = schema if catalog is not None and other[1] == schema else None
        table = table if schema is not None and other[2] == table else None
    attributes: Attributes = {}
    if catalog:
        attributes[Attr.CATALOG_NAME] = catalog
    if schema:
        attributes[Attr.SCHEMA_NAME] = schema
    if table:
        attributes[Attr.TABLE_NAME] = attributes[Attr.DB_COLLECTION_NAME] = table
    if catalog or schema:
        attributes[Attr.DB_NAMESPACE] = "|".join(part for part in (catalog, schema) if part)
    return attributes


def _placed(ref: DatasetRef) -> tuple[str | None, str | None, str | None]:
    if ref.kind == "path" or not ref.parts:
        return None, None, None
    if ref.kind == "catalog":
        return ref.parts[-1], None, None
    parts = ref.parts if ref.kind == "schema" else ref.parts[:-1]
    catalog = parts[-2] if len(parts) > 1 else None
    schema = parts[-1] if parts else None
    return catalog, schema, ref.parts[-1] if ref.kind == "table" else None


def end_attributes(closing: Closing, *, governed: bool) -> Attributes:
    """Return what is known of an operation after it ran, or after it was refused.

    Args:
        closing: What the spine says at the end.
        governed: Whether the span is a workload unit; policy and accounting are said of those only.
    """
    facts = closing.facts
    attributes: Attributes = {**facts.attributes, **closing.attributes}
    _say_facts(facts, attributes)
    if closing.lineage is not None:
        _say_lineage(closing.lineage, attributes)
    admitted, settled = closing.admitted, closing.settled
    if settled is not None:
        _say_cost(settled.priced, attributes)
    if admitted is None or not governed:
        return attributes
    say_decision(admitted.decision, attributes)
    attributes[Attr.POLICY_CHECK] = POLICY_CHECKS[admitted.decision.result.value]
    if closing.outcome is None:
        if admitted.decision.reason_code:
            attributes[Attr.ERROR_TYPE] = admitted.decision.reason_code
    elif admitted.reservation is not None:
        say_reservation(admitted.reservation, attributes)
        if settled is not None:
            _say_settlement(settled, attributes)
    return attributes


def say_decision(decision: Decision, attributes: Attributes) -> None:
    """Add a decision in the words of the specification."""
    attributes[Attr.POLICY_RESULT] = decision.result.value
    if decision.reason_code:
        attributes[Attr.POLICY_REASON_CODE] = decision.reason_code
    if decision.policy:
        attributes[Attr.POLICY_NAME] = decision.policy
    if decision.reason:
        attributes[Attr.POLICY_REASON] = decision.reason


def say_reservation(reservation: Reservation, attributes: Attributes) -> None:
    """Add what was set aside."""
    attributes[Attr.RESERVED] = reservation.amount.micros / _MICROS
    attributes[Attr.ACCOUNTING_UNIT] = reservation.amount.unit


def _say_settlement(settled: Settled, attributes: Attributes) -> None:
    if settled.outcome.value != "not_executed":
        attributes[Attr.ACTUAL] = settled.actual.micros / _MICROS
        attributes[Attr.RECONCILIATION_DELTA] = (settled.actual.micros - settled.reservation.amount.micros) / _MICROS
    if settled.incomplete:
        attributes[Attr.INCOMPLETE] = True
    budget = settled.balance or settled.reservation.budget
    if budget is not None:
        attributes.update(budget_attributes(budget))


def budget_attributes(budget: BudgetState) -> Attributes:
    """Return a budget as it stands, in whole units."""
    return {
        Attr.BUDGET_NAME: budget.name,
        Attr.BUDGET_ALLOCATED: budget.allocated / _MICROS,
        Attr.BUDGET_CONSUMED: budget.consumed / _MICROS,
        Attr.BUDGET_REMAINING: budget.remaining / _MICROS,
        Attr.BUDGET_PERIOD: budget.period,
    }


def _say_cost(priced: Priced, attributes: Attributes) -> None:
    if priced.money is None:
        if priced.unpriced_reason:
            attributes[Attr.UNPRICED_REASON] = priced.unpriced_reason
        return
    attributes[Attr.COST_TOTAL] = priced.money.micros / _MICROS
    attributes[Attr.COST_CURRENCY] = priced.money.unit
    attributes[Attr.COST_GRADE] = priced.grade.value
    if priced.source:
        attributes[Attr.PRICE_SOURCE] = priced.source
    if priced.as_of:
        attributes[Attr.PRICE_AS_OF] = priced.as_of


def _say_facts(facts: Facts, attributes: Attributes) -> None:
    if facts.rows is not None:
        attributes[Attr.ROW_COUNT] = facts.rows
    if facts.bytes is not None:
        attributes[Attr.SIZE_BYTES] = facts.bytes
    if facts.attempts:
        attributes[Attr.REQUEST_ATTEMPTS] = facts.attempts
    if facts.request_id:
        attributes[Attr.REQUEST_ID] = facts.request_id
    if facts.error_type:
        attributes[Attr.ERROR_TYPE] = facts.error_type
        if facts.error_code:
            attributes[Attr.DB_STATUS_CODE] = facts.error_code


def _say_lineage(lineage: Neighbours, attributes: Attributes) -> None:
    """Add where an operation stands: the guide's two strings hold at most ten names, their counts tell of all."""
    sides = (
        (lineage.upstream, Attr.LINEAGE_UPSTREAM, Attr.LINEAGE_UPSTREAM_COUNT),
        (lineage.downstream, Attr.LINEAGE_DOWNSTREAM, Attr.LINEAGE_DOWNSTREAM_COUNT),
    )
    for refs, name, count in sides:
        attributes[name] = ",".join(ref.name for ref in refs[:MAX_NAMES])
        attributes[count] = len(refs)
    attributes[Attr.LINEAGE_INPUTS] = tuple(ref.name for ref in lineage.inputs[:MAX_NAMES])
    attributes[Attr.LINEAGE_OUTPUTS] = tuple(ref.name for ref in lineage.outputs[:MAX_NAMES])


def counted(attributes: Attributes, operation: Operation) -> int:
    """Return how many of a span's attributes count against its limit: all but optional attribution."""
    who = operation.attribution
    return len(attributes) - (len(who.values) - (len(REQUIRED) - len(who.missing)))


def fit(attributes: Attributes, room: int) -> None:
    """Leave out what is expendable until at most `room` attributes remain, if they can."""
    for name in _EXPENDABLE:
        if len(attributes) <= room:
            return
        attributes.pop(name, None)
