"""The overview: cost, decisions, refusals, operation types, budgets, and how genops' own telemetry fares."""

from __future__ import annotations

from typing import Final

from genops.cli.dashboards.names import metric
from genops.cli.dashboards.panels import Panel, Query
from genops.cli.dashboards.queries import (
    BUDGET,
    IN_USD,
    PROJECT,
    REFUSED,
    RESULT,
    SIGNAL,
    SITE,
    STATEMENTS,
    TEAM,
    TYPE,
    WORKSPACE,
    by,
    changed,
    grown,
    of_selected,
    selected,
)
from genops.telemetry.semconv import Metric

TITLE: Final = "genops overview"
UID: Final = "genops-overview"
DESCRIPTION: Final = "Cost, decisions, refusals, operation types, budgets and telemetry health of governed programs."

_RANGE, _STEP = "$__range", "$__interval"
_COST = selected(Metric.COST, IN_USD)
_DECISIONS = selected(Metric.DECISIONS)
# genops reports in US dollars (telemetry.config.TelemetryConfig.currency, which no setting changes).
_OTHERS = "A cost that a call names in another currency is on its span and its event, and in no metric."
_RED_FROM_ONE = ((None, "green"), (1.0, "red"))
_ORANGE_FROM_ONE = ((None, "green"), (1.0, "orange"))
_BUDGET_NAME, _PERIOD, _UNIT = BUDGET.split(", ")


def _total(series: str) -> str:
    return f"sum ({grown(series, _RANGE)})"


def _own(series: str, labels: str, window: str) -> str:
    return by(labels, of_selected(grown(series, window), window))


def _cost_over_time(title: str, labels: str, x: int) -> Panel:
    return Panel(
        title,
        "What settled in each step, in US dollars; `none` has no such label. Prices are list prices unless your calls "
        f"named a cost; a corrected cost stays here as it was settled. {_OTHERS}",
        "bars",
        (x, 5, 8, 8),
        (Query(_named(by(labels, grown(_COST, _STEP)), labels), f"{{{{{labels}}}}}"),),
        unit="currencyUSD",
    )


def _named(expression: str, label: str) -> str:
    """Return what has no such label under the word `none`, so that its legend is not empty."""
    return f'label_replace ({expression}, "{label}", "none", "{label}", "")'


def _top(expression: str) -> str:
    return f"sort_desc (topk (10, {expression}))"


_DURATION = {part: grown(selected(Metric.DURATION, part=part), _RANGE) for part in ("_sum", "_count", "_bucket")}
_ALLOCATED, _CONSUMED, _REMAINING = map(metric, (Metric.ALLOCATED, Metric.CONSUMED, Metric.REMAINING))

FIGURES: Final = (
    Panel(
        "Cost",
        f"What settled in the time range, in US dollars. {_OTHERS}",
        "figure",
        (0, 0, 4, 4),
        (Query(_total(_COST)),),
        unit="currencyUSD",
    ),
    Panel(
        "Corrections",
        "By how much costs of settled operations were corrected in the time range, in US dollars: with them the cost "
        "is final.",
        "figure",
        (4, 0, 4, 4),
        (Query(f"sum ({changed(selected(Metric.ADJUSTMENT, IN_USD), _RANGE)})"),),
        unit="currencyUSD",
    ),
    Panel(
        "Operations",
        "Operations that settled in the time range.",
        "figure",
        (8, 0, 4, 4),
        (Query(_total(selected(Metric.OPERATIONS))),),
        decimals=0,
    ),
    Panel(
        "Failed operations",
        "Operations that ended in an error in the time range.",
        "figure",
        (12, 0, 4, 4),
        (Query(_total(selected(Metric.ERRORS))),),
        decimals=0,
        thresholds=_ORANGE_FROM_ONE,
    ),
    Panel(
        "Violations",
        "Decisions in the time range that refused an operation, or would have refused it in enforce mode.",
        "figure",
        (16, 0, 4, 4),
        (Query(_total(selected(Metric.DECISIONS, f'{RESULT}!="ALLOWED"'))),),
        decimals=0,
        thresholds=_RED_FROM_ONE,
    ),
    Panel(
        "Statements without a price",
        "Statements on SQL warehouses whose price is not known, so that no cost contains them.",
        "figure",
        (20, 0, 4, 4),
        (Query(_total(selected(Metric.UNPRICED, STATEMENTS))),),
        decimals=0,
        thresholds=_ORANGE_FROM_ONE,
    ),
)
COST: Final = (
    _cost_over_time("Cost by team", TEAM, 0),
    _cost_over_time("Cost by project", PROJECT, 8),
    _cost_over_time("Cost by workspace", WORKSPACE, 16),
)
DECISIONS: Final = (
    Panel(
        "Decisions",
        "Decisions made in each step. In observe mode what would be refused is WARNING and runs; in enforce mode it "
        "is BLOCKED and does not.",
        "bars",
        (0, 14, 12, 8),
        (Query(by(RESULT, grown(_DECISIONS, _STEP)), f"{{{{{RESULT}}}}}"),),
        decimals=0,
        colours=(("ALLOWED", "green"), ("WARNING", "orange"), ("BLOCKED", "red"), ("RATE_LIMITED", "purple")),
    ),
    Panel(
        "Refusals",
        "What was refused in the time range, by whom it was asked for.",
        "table",
        (12, 14, 12, 8),
        (
            Query(
                by(
                    f"{TEAM}, {PROJECT}, {TYPE}, {RESULT}",
                    grown(selected(Metric.DECISIONS, REFUSED), _RANGE),
                )
                + " > 0"
            ),
        ),
        columns=(
            (TEAM, "Team"),
            (PROJECT, "Project"),
            (TYPE, "Operation type"),
            (RESULT, "Result"),
            ("Value", "Refusals"),
        ),
    ),
)
TYPES: Final = (
    Panel(
        "Slowest operation types, mean",
        "Mean time of execution of settled operations in the time range; the ten slowest.",
        "ranking",
        (0, 23, 8, 8),
        (Query(_top(f"{by(TYPE, _DURATION['_sum'])} / {by(TYPE, _DURATION['_count'])} > 0"), f"{{{{{TYPE}}}}}"),),
        unit="s",
    ),
    Panel(
        "Slowest operation types, 95th percentile",
        "95 of 100 operations took at most this long, as far as the buckets of the histogram tell; the ten slowest.",
        "ranking",
        (8, 23, 8, 8),
        (Query(_top(f"histogram_quantile (0.95, {by(f'le, {TYPE}', _DURATION['_bucket'])}) > 0"), f"{{{{{TYPE}}}}}"),),
        unit="s",
    ),
    Panel(
        "Most expensive operation types",
        f"Cost that settled in the time range, in US dollars; the ten most expensive. {_OTHERS}",
        "ranking",
        (16, 23, 8, 8),
        (Query(_top(f"{by(TYPE, grown(_COST, _RANGE))} > 0"), f"{{{{{TYPE}}}}}"),),
        unit="currencyUSD",
    ),
)
BUDGETS: Final = (
    Panel(
        "Budgets used",
        "Spent and reserved, as a share of the limit. A budget in memory is held by each process for itself: shown is "
        "the process that is nearest to its limit.",
        "ranking",
        (0, 32, 12, 8),
        (
            Query(
                f"sort_desc (max by ({BUDGET}) ({of_selected(f'{_CONSUMED} / ({_ALLOCATED} > 0)', _RANGE)}))",
                f"{{{{{_BUDGET_NAME}}}}}",
            ),
        ),
        unit="percentunit",
        decimals=1,
        thresholds=((None, "green"), (0.8, "orange"), (1.0, "red")),
        most=1.0,
    ),
    Panel(
        "Budgets",
        "Limit, use and rest of each budget in its own unit, of the process that is nearest to its limit.",
        "table",
        (12, 32, 12, 8),
        (
            Query(f"max by ({BUDGET}) ({of_selected(_ALLOCATED, _RANGE)})"),
            Query(f"max by ({BUDGET}) ({of_selected(_CONSUMED, _RANGE)})"),
            Query(f"min by ({BUDGET}) ({of_selected(_REMAINING, _RANGE)})"),
        ),
        unit="none",
        decimals=2,
        columns=(
            (_BUDGET_NAME, "Budget"),
            (_PERIOD, "Period"),
            (_UNIT, "Unit"),
            ("Value #A", "Limit"),
            ("Value #B", "Used"),
            ("Value #C", "Left"),
        ),
    ),
)
HEALTH: Final = (
    Panel(
        "Telemetry lost",
        "Spans, events and metrics that a full queue dropped, or that their receiver did not accept.",
        "bars",
        (0, 41, 8, 8),
        (
            Query(_own(metric(Metric.DROPPED), SIGNAL, _STEP), f"{{{{{SIGNAL}}}}} dropped"),
            Query(_own(metric(Metric.FAILED), SIGNAL, _STEP), f"{{{{{SIGNAL}}}}} failed"),
        ),
        decimals=0,
    ),
    Panel(
        "Faults of genops",
        "Faults of genops itself, by where they were caught; the program went on. No series until the first one.",
        "bars",
        (8, 41, 8, 8),
        (Query(_own(metric(Metric.FAULTS), SITE, _STEP), f"{{{{{SITE}}}}}"),),
        decimals=0,
    ),
    Panel(
        "Let go by full tables",
        "What a full table or queue of genops let go: detail is lost, and the program is not slowed.",
        "bars",
        (16, 41, 8, 8),
        (Query(_own(metric(Metric.EVICTED), SITE, _STEP), f"{{{{{SITE}}}}}"),),
        decimals=0,
    ),
    Panel(
        "Operations without attribution",
        "Operations of which team, project or environment is not known: nobody can be charged for them. Set what is "
        "missing by genops.configure(team=...), or by GENOPS_TEAM and its like.",
        "bars",
        (0, 49, 12, 8),
        (Query(by(TYPE, grown(selected(Metric.MISSING), _STEP)), f"{{{{{TYPE}}}}}"),),
        decimals=0,
    ),
    Panel(
        "Statements without a price, by type",
        "Statements on SQL warehouses whose price is not known. Usually the workspace's tier or region is missing: set "
        "it under workspaces in the settings.",
        "bars",
        (12, 49, 12, 8),
        (Query(by(TYPE, grown(selected(Metric.UNPRICED, STATEMENTS), _STEP)), f"{{{{{TYPE}}}}}"),),
        decimals=0,
    ),
)
ROWS: Final = (
    ("", FIGURES),
    ("Cost", COST),
    ("Decisions", DECISIONS),
    ("Operation types", TYPES),
    ("Budgets", BUDGETS),
    ("Telemetry health", HEALTH),
)
"""Heading and panels of each row; a heading stands one line above its panels."""
