"""PromQL over the metrics of genops: what was selected, and how much something grew.

Cost and counts are cumulative in each process, and processes come and go. `increase()` leaves out what a series
begins with, which for a job of a few seconds is all of it, and extrapolates. So growth is the highest value inside the
window less the last value before it, nothing where the series began inside it, series by series. The last value is
looked for over an hour: a scrape that failed is a gap in a series, not its beginning.
"""

from __future__ import annotations

from typing import Final

from genops.cli.dashboards.names import label, metric
from genops.telemetry.semconv import Attr, Instrument, Metric

TEAM, PROJECT, ENVIRONMENT = label(Attr.TEAM), label(Attr.PROJECT), label(Attr.ENVIRONMENT)
WORKSPACE, TYPE, RESULT = label(Attr.WORKSPACE_ID), label(Attr.OPERATION_TYPE), label(Attr.POLICY_RESULT)
SIGNAL, SITE = label(Attr.SIGNAL), label(Attr.SITE)
BUDGET = f"{label(Attr.BUDGET_NAME)}, {label(Attr.BUDGET_PERIOD)}, {label(Attr.ACCOUNTING_UNIT)}"

VARIABLES: Final = {"team": TEAM, "project": PROJECT, "environment": ENVIRONMENT, "workspace": WORKSPACE}
"""Label by template variable."""
REFUSED: Final = f'{RESULT}=~"BLOCKED|RATE_LIMITED"'
IN_USD: Final = f'{label(Attr.COST_CURRENCY)}="USD"'
STATEMENTS: Final = f'{label(Attr.RESOURCE_TYPE)}="sql_warehouse",{TYPE}=~"(sql|table)[.].+"'
"""Statements on SQL warehouses: what a price is known for at all."""
_LOOKED_BACK: Final = "1h"
"""The longest gap of a series behind which it goes on instead of beginning anew."""
_SELECTION = ",".join(f'{name}=~"${variable}"' for variable, name in VARIABLES.items())


def selected(instrument: Instrument, *further: str, part: str = "") -> str:
    """Return a metric's series of the teams, projects, environments and workspaces that are selected.

    Args:
        instrument: The metric.
        *further: Further matchers.
        part: `_sum`, `_count` or `_bucket` of a histogram.
    """
    return f"{metric(instrument)}{part}{{{','.join((_SELECTION, *further))}}}"


def of_selected(expression: str, window: str) -> str:
    """Return those series of processes that worked for what is selected, at any time in a window.

    What a process says of itself has no team. Its decisions have: every process emits them from its first operation on.
    """
    return f"({expression} and on (job, instance) {_over('last', selected(Metric.DECISIONS), window)})"


def grown(series: str, window: str) -> str:
    """Return by how much cumulative series grew in a window, each on its own.

    >>> grown("a_total", "5m")
    '(max_over_time(a_total[5m]) - (last_over_time(a_total[1h] offset 5m) or 0 * max_over_time(a_total[5m])))'
    """
    return _less_before(_over("max", series, window), series, window)


def changed(series: str, window: str) -> str:
    """Return by how much series that go up and down changed in a window, each on its own."""
    return _less_before(_over("last", series, window), series, window)


def _less_before(now: str, series: str, window: str) -> str:
    return f"({now} - (last_over_time({series}[{_LOOKED_BACK}] offset {window}) or 0 * {now}))"


def _over(what: str, series: str, window: str) -> str:
    return f"{what}_over_time({series}[{window}])"


def by(labels: str, expression: str) -> str:
    """Return the sum by labels.

    >>> by("a, b", "x")
    'sum by (a, b) (x)'
    """
    return f"sum by ({labels}) ({expression})"
