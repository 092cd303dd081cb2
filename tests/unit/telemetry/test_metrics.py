"""Metrics over the real SDK: a view of the totals, with fixed labels."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Gauge, Histogram, InMemoryMetricReader, Sum

from genops.core.edges import LineageRow
from genops.core.guard import Guard
from genops.core.records import Outcome
from genops.telemetry.delivery import Delivery
from genops.telemetry.export import Sender
from genops.telemetry.metrics import Durations, Sources, view
from genops.telemetry.performance import Performance
from genops.telemetry.semconv import DECLARED, DURATION_BOUNDARIES, METRICS
from genops.telemetry.validation import Validation
from support.records import BUDGET, FixedBudgets, FixedTotals, operation, row, settled

ROWS = (
    row(currency="USD", units=2, decisions=2, cost=50_000, adjustment=-10_000, rows=7, bytes=70, seconds=1.0),
    row(result="WARNING", currency="USD", units=1, decisions=1, cost=30_000, violations=1),
    row(currency="EUR", units=1, cost=999_000),
    row(result="BLOCKED", decisions=3, violations=3),
    row(team="", units=4, errors=1, unpriced=4, decisions=4),
)


@pytest.fixture
def guard():
    """Counts faults."""
    return Guard()


@pytest.fixture
def sources(guard):
    """What the metrics are read from."""
    deliveries = [Delivery("otlp", "traces", 5, 3, 2, 1), Delivery("x.jsonl", "traces", 5, 1, 0, 0)]
    return Sources(FixedTotals(*ROWS), FixedBudgets(BUDGET), guard, lambda: deliveries, "USD", lambda: {"pending": 0})


@pytest.fixture
def reader():
    """Collects."""
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader):
    """The program's meter provider."""
    return MeterProvider(metric_readers=[reader], shutdown_on_exit=False)


class FixedLineage:
    """Lineage that a test owns."""

    def rows(self):
        return [LineageRow(ROWS[0].labels[:6], 2, 1)]


def collected(reader):
    """Metrics by name."""
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {m.name: m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics}


def values(metric):
    """Values of a metric by its labels."""
    return {frozenset(point.attributes.items()): point.value for point in metric.data.data_points}


def total(metric, **labels):
    """Sum of a metric over the points that have the labels."""
    wanted = {f"genops.{name}": value for name, value in labels.items()}.items()
    return sum(value for attributes, value in values(metric).items() if wanted <= attributes)


def test_cost_is_money_in_the_reporting_currency(reader, provider, sources):
    """Each unit once, by currency; another currency is never added to it."""
    view(provider, sources)
    metric = collected(reader)["genops.cost.total"]
    assert metric.unit == "{USD}"
    assert total(metric) == pytest.approx(0.08)
    assert {dict(labels)["genops.cost.currency"] for labels in values(metric)} == {"USD"}


def test_corrections_have_a_metric_of_their_own(reader, provider, sources):
    """A negative correction goes to the up-down counter, so that the cost counter never falls."""
    view(provider, sources)
    metric = collected(reader)["genops.cost.adjustment"]
    assert total(metric) == pytest.approx(-0.01)
    assert not metric.data.is_monotonic


def test_decisions_are_counted_by_result(reader, provider, sources):
    """The result is a label of decisions and of violations."""
    view(provider, sources)
    found = collected(reader)
    assert total(found["genops.policy.decisions"], **{"policy.result": "BLOCKED"}) == 3
    assert total(found["genops.governance.violation"]) == 4


def test_counts_are_exact(reader, provider, sources):
    """Operations, errors, rows, bytes and what has no price come from the totals as they are."""
    view(provider, sources)
    found = collected(reader)
    expected = {"operations": 8, "operation.errors": 1, "operation.unpriced": 4, "data.rows": 7, "data.bytes": 70}
    assert {name: total(found[f"genops.{name}"]) for name in expected} == expected


def test_missing_attribution_is_counted_and_empty_labels_are_left_out(reader, provider, sources):
    """A unit without a team shows as such; no label is ever an empty string."""
    view(provider, sources)
    found = collected(reader)
    ((labels, count),) = values(found["genops.attribution.missing"]).items()
    assert count == 4
    assert "genops.team" not in dict(labels)
    assert all(value for metric in found.values() for labels in values(metric) for _, value in labels)


def test_budgets_are_gauges_that_name_period_and_unit(reader, provider, sources):
    """Allocated, consumed and remaining as the book has them now."""
    view(provider, sources)
    found = collected(reader)
    names = ("allocated", "consumed", "remaining")
    assert [total(found[f"genops.budget.{name}"]) for name in names] == [10.0, 4.0, 6.0]
    (labels,) = values(found["genops.budget.remaining"])
    assert dict(labels) == {
        "genops.budget.name": "flights-daily",
        "genops.budget.period": "day",
        "genops.accounting.unit": "USD",
    }


@pytest.mark.faults
def test_genops_counts_its_own_faults_and_losses(reader, provider, sources, guard):
    """Faults by site, telemetry that was dropped or failed by signal over all destinations."""
    guard.caught("policy", ValueError())
    view(provider, sources)
    found = collected(reader)
    assert total(found["genops.internal.errors"], **{"internal.site": "policy"}) == 1
    assert total(found["genops.telemetry.dropped"], **{"telemetry.signal": "traces"}) == 2
    assert total(found["genops.telemetry.failed"], **{"telemetry.signal": "traces"}) == 4


def test_kinds_and_units_are_as_declared(reader, provider, sources, guard):
    """Everything declared is emitted, with its kind and unit; everything emitted is declared."""
    guard.counts["x"] = 1
    validation = Validation(guard)
    validation.span("table.get", {})
    performance = Performance()
    seen = view(provider, sources._replace(lineage=FixedLineage(), validation=validation))
    seen.measure(performance)
    performance.admitted(0.1)
    performance.settled(0.1)
    performance.timed("logs", Sender(lambda _batch, size: size)).send([], 1)
    Durations(seen).write(settled())
    found = collected(reader)
    assert set(found) == {metric.name for metric in METRICS}
    for metric in METRICS:
        data = found[metric.name].data
        assert found[metric.name].unit == metric.unit.replace("{currency}", "{USD}")
        expected = {"gauge": Gauge, "histogram": Histogram}.get(metric.kind, Sum)
        assert isinstance(data, expected)
        assert getattr(data, "is_monotonic", None) is {"counter": True, "updowncounter": False}.get(metric.kind)
        assert all(set(point.attributes) <= DECLARED for point in data.data_points)


def test_durations_are_recorded_per_operation(reader, provider, sources):
    """In seconds, with buckets up to an hour, by result; what did not run has none."""
    sink = Durations(view(provider, sources))
    sink.write(settled())
    sink.write(settled())
    sink.write(settled(outcome=Outcome.NOT_EXECUTED))
    (point,) = collected(reader)["genops.operation.duration"].data.data_points
    assert (point.count, point.sum) == (2, 0.5)
    assert point.explicit_bounds == DURATION_BOUNDARIES
    assert point.attributes["genops.policy.result"] == "ALLOWED"


def test_no_duration_is_lost_when_a_runtime_is_replaced(reader, provider, sources):
    """What ends under a runtime that another one has replaced is recorded too."""
    before, after = Durations(view(provider, sources)), Durations(view(provider, sources))
    for sink in (before, after, before):
        sink.write(settled())
    assert collected(reader)["genops.operation.duration"].data.data_points[0].count == 3


def test_labels_are_few_whatever_is_touched(reader, provider, sources):
    """A thousand tables, queries and users make one series."""
    sink = Durations(view(provider, sources))
    for number in range(1_000):
        sink.write(settled(operation(name=f"query {number}", resource_id=str(number))))
    assert len(collected(reader)["genops.operation.duration"].data.data_points) == 1


def test_a_new_configuration_reads_anew_and_counts_nothing_twice(reader, provider, sources, guard):
    """On the program's own meter provider the instruments stay and change what they read; in the end, nothing.

    Totals that are replaced are added until they are let go, and the same ones (those of a forked child) only once.
    """
    before = total(collected_with(reader, provider, sources)["genops.operations"])
    assert total(collected_with(reader, provider, sources._replace(currency="USD"))["genops.operations"]) == before
    after = Sources(FixedTotals(row(units=1)), None, guard, list, "USD")
    assert total(collected_with(reader, provider, after)["genops.operations"]) == before + 1
    found = view(provider, after)
    found.let_go(found._earlier[-1])
    assert total(collected(reader)["genops.operations"]) == 1
    found.let_go(after)
    assert "genops.operations" not in collected(reader)


def collected_with(reader, provider, sources):
    """Let these be read from now on, and collect."""
    view(provider, sources)
    return collected(reader)
