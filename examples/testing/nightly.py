"""A small pipeline that is governed by genops. Its tests are next to it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import genops

if TYPE_CHECKING:
    from collections.abc import Iterable

    from databricks.sdk import WorkspaceClient

PRICE_PER_ORDER = Decimal("0.02")


class Order(NamedTuple):
    """One order of the day."""

    number: int
    paid: bool


def run(orders: Iterable[Order]) -> int:
    """Load the orders of the day and report them; return how many were loaded."""
    with genops.workflow("nightly"):
        loaded = load(orders)
        report(loaded)
    return loaded


def load(orders: Iterable[Order]) -> int:
    """Load the orders that are paid; each costs a little at the provider who enriches them."""
    with genops.operation("load_orders", writes=["main.sales.orders"], cost="1.00") as operation:
        loaded = sum(order.paid for order in orders)
        operation.observe(rows=loaded, cost=PRICE_PER_ORDER * loaded)
    return loaded


def report(loaded: int) -> str:
    """Say how many orders there are."""
    with genops.operation("report_orders", type="report.build", reads=["main.sales.orders"]):
        return f"{loaded} orders"


def bonus() -> str:
    """Compare salaries; only teams with the clearance for them may."""
    with genops.operation("compare_salaries", reads=["main.hr.salaries"]):
        return "compared"


def customers(client: WorkspaceClient, warehouse_id: str) -> int:
    """Return how many customers there are; genops sees the call without any code here."""
    answer = client.statement_execution.execute_statement(
        "SELECT count(*) FROM VALUES ('ada'), ('grace') AS customers(name)", warehouse_id, wait_timeout="30s"
    )
    if answer.result is None or not answer.result.data_array:
        raise RuntimeError("the statement gave no result")
    return int(answer.result.data_array[0][0])
