"""Prices of operations: a statement by the warehouse it runs on, everything else honestly unpriced."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from genops.core.amounts import CALL, Estimate, Grade, Priced
from genops.core.operation import Action
from genops.cost.prices import DBU_SOURCE, PriceTable, Rate, Unpriced

if TYPE_CHECKING:
    from genops.core.inventory import Inventory
    from genops.core.operation import Facts, Operation

WAREHOUSE = "sql_warehouse"
_COMPUTE = frozenset({WAREHOUSE, "cluster", "job", "pipeline", "serving_endpoint"})
_STARTS = frozenset({
    "start", "create", "restart", "edit", "resize", "ensure_is_running", "run_now", "submit", "repair_run",
    "start_update", "update_config", "query",
})  # fmt: skip
# What is created or edited without running yet.
_IDLE = frozenset({("job", "create"), ("job", "edit"), ("pipeline", "create"), ("pipeline", "edit")})


class WarehousePricer:
    """Prices statements on SQL warehouses by list price and time.

    An operation runs a statement where its `statement` is set and its resource is a `sql_warehouse`. Its rate is that
    of one running cluster: `num_clusters` says how far the warehouse scaled out for everybody, not what one statement
    used. Statements that overlap share a cluster, so their estimates add up to more than the bill.

    Calls of the control plane are not billed. Starting or reshaping other compute is billed, but nothing known at the
    call gives its price.

    Args:
        inventory: What is known of warehouses and workspaces.
        table: The prices.
    """

    def __init__(self, inventory: Inventory, table: PriceTable | None = None) -> None:
        self._inventory = inventory
        self._table = table or PriceTable()

    def estimate(self, operation: Operation) -> Estimate:
        """Return what an operation is expected to use.

        Money that the caller declared goes first; then the rate of the warehouse in money, else in DBU where only the
        price of a DBU is unknown; then any other declared amount.
        """
        declared = operation.amount
        if declared is not None and declared.is_money:
            return Estimate(amount=declared, unit=declared.unit, billable=True)
        if not _runs_statement(operation):
            reason = _unpriced_reason(operation)
            return Estimate(amount=declared, billable=reason != Unpriced.NOT_BILLED.value, unpriced_reason=reason)
        rate = self._rate(operation)
        reason = None if rate.missing is None else rate.missing.value
        per_second = rate.nanos_per_second()
        if per_second is None or (rate.price is None and declared is not None):
            return Estimate(amount=declared, billable=True, unpriced_reason=reason)
        nanos, unit = per_second
        return Estimate(
            rate_nanos=nanos, unit=unit, dbu_nanos=rate.dbu_nanos_per_second(), billable=True, unpriced_reason=reason
        )

    def price(self, operation: Operation, facts: Facts, seconds: float) -> Priced:
        """Return what an operation cost.

        Money that the platform or the caller named is the figure. DBU that they named are priced at list price;
        otherwise the time of execution is.

        Args:
            operation: What ran.
            facts: What was seen.
            seconds: Measured duration; `facts.seconds` goes before it.
        """
        if facts.money is not None:
            grade = facts.grade or Grade.ESTIMATED
            return Priced(facts.money, None, grade, facts.source, dbu_micros=facts.dbu_micros)
        if not _runs_statement(operation):
            return Priced(None, _unpriced_reason(operation), dbu_micros=facts.dbu_micros)
        return self._by_warehouse(operation, facts, seconds if facts.seconds is None else facts.seconds)

    def _by_warehouse(self, operation: Operation, facts: Facts, seconds: float) -> Priced:
        rate, grade = self._rate(operation), Grade.ESTIMATED
        if facts.dbu_micros is not None:
            dbu_micros, money = facts.dbu_micros, rate.money_of_dbu(facts.dbu_micros)
            grade = facts.grade or grade
        elif math.isfinite(seconds) and seconds >= 0:
            nanoseconds = round(seconds * 10**9)
            dbu_micros, money = rate.dbu_micros(nanoseconds), rate.money(nanoseconds)
        else:
            return Priced(None, Unpriced.DURATION_UNKNOWN.value)
        if money is None or rate.price is None:
            return Priced(None, rate.missing.value if rate.missing else None, dbu_micros=dbu_micros)
        source = f"genops price table {self._table.version}: {rate.price.source}; DBU by size: {DBU_SOURCE}"
        return Priced(money, None, grade, source, rate.price.as_of, dbu_micros)

    def _rate(self, operation: Operation) -> Rate:
        host = operation.host or ""
        warehouse = self._inventory.of(host, "warehouse", operation.resource_id or "")
        return self._table.rate(warehouse, self._inventory.workspace(host))


def _runs_statement(operation: Operation) -> bool:
    return operation.statement is not None and operation.resource_type == WAREHOUSE


def _unpriced_reason(operation: Operation) -> str:
    """Return why an operation that is no statement on a warehouse has no price.

    >>> from genops.core.amounts import Amount
    >>> from genops.core.operation import Operation
    >>> _unpriced_reason(Operation("table.get", "p"))
    'not_billed'
    >>> _unpriced_reason(Operation("cluster.start", "p", action=Action.ADMIN, resource_type="cluster"))
    'no_price_for_cluster'
    >>> _unpriced_reason(Operation("train", "p", amount=Amount(2_000_000, "DBU")))
    'no_price_for_DBU'
    """
    declared, resource = operation.amount, operation.resource_type
    if declared is not None and declared.unit != CALL:
        return Unpriced.NOT_REPORTED.value if declared.is_money else f"no_price_for_{declared.unit}"
    if operation.statement is not None:
        return f"no_price_for_{resource or 'statement'}"
    verb = operation.type.rpartition(".")[2].removesuffix("_and_wait")
    if (
        resource in _COMPUTE
        and operation.action is not Action.READ
        and verb in _STARTS
        and (resource, verb) not in _IDLE
    ):
        return f"no_price_for_{resource}"
    return Unpriced.NOT_BILLED.value
