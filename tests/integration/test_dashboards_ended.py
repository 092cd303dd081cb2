"""A program that ended: what is known of it, and for how long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from support.backend_fixtures import program
from support.backends import fetched
from support.boards import Backend
from support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Found


def _exported(backend: Backend) -> None:
    """Export, as a process would, that its budget is overdrawn and that it was refused something."""
    now = time.time_ns()

    def point(value: float, **labels: str) -> dict[str, Any]:
        attributes = [{"key": f"genops.{name}", "value": {"stringValue": text}} for name, text in labels.items()]
        return {"timeUnixNano": now, "startTimeUnixNano": now - 10**9, "asDouble": value, "attributes": attributes}

    refused = point(3, **{"team": "t", "policy.result": "BLOCKED"})
    counted = {"dataPoints": [refused], "isMonotonic": True, "aggregationTemporality": 2}
    metrics = [{"name": "genops.policy.decisions", "sum": counted}] + [
        {"name": f"genops.budget.{name}", "gauge": {"dataPoints": [point(value, **{"budget.name": "b"})]}}
        for name, value in (("allocated", 10), ("consumed", 12))
    ]
    resource = [
        {"key": key, "value": {"stringValue": value}}
        for key, value in {"service.name": "s", "service.instance.id": "i"}.items()
    ]
    scope = {"scope": {"name": "genops"}, "metrics": metrics}
    fetched(
        f"{backend.otlp}/v1/metrics",
        {"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [scope]}]},
    )


def test_a_budget_is_forgotten_with_its_process_and_growth_is_not(collector_program: Found, tmp_path: Path) -> None:
    """Its alert ends soon after the last export; what it was refused stays in the window."""
    backend = Backend(collector_program, program("prometheus"), tmp_path, kept="3s")

    def known() -> bool:
        _exported(backend)
        return backend.firing() == {"GenOpsBudgetExhausted", "GenOpsOperationsRefused"}

    try:
        eventually(known, 60)
        eventually(lambda: backend.firing() == {"GenOpsOperationsRefused"}, 60)
        assert backend.query("genops_budget_consumed") == []
        assert backend.number("sum(genops:decisions:sum15m)") == 3
    finally:
        backend.stop()
