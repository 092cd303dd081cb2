"""A run that nothing disturbs: what left arrives once, whole and related, in a collector, a viewer and a Prometheus."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support import otlp_json
from support.polling import eventually
from support.teams import TEAMS, governed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genops.telemetry.delivery import Delivery
    from support.backends import Collector, Prometheus, Viewer


_EVALUATED = "genops.policy.evaluated"
_ACCOUNTED = frozenset({"genops.budget.reservation", "genops.budget.reconciliation"})


class Run(NamedTuple):
    """One governed program that has ended.

    Attributes:
        left: What left it, as genops wrote it to a file.
        arrived: What the collector wrote of it.
        deliveries: What genops says of what went over OTLP, by signal.
        spent: The exact cost of each team that had one.
        operations: The exact number of operations of each team.
        flushed: What the flush said.
        service: The name of its service.
    """

    left: otlp_json.Telemetry
    arrived: otlp_json.Telemetry
    deliveries: Mapping[str, Delivery]
    spent: Mapping[str, float]
    operations: Mapping[str, int]
    flushed: bool
    service: str


@pytest.fixture(scope="module", params=["http", "grpc"])
def run(
    request: pytest.FixtureRequest,
    collector: Collector,
    prometheus: Prometheus,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Three teams at work through the databricks-sdk, over HTTP or gRPC, to the end."""
    service = f"undisturbed-{request.param}"
    with governed(tmp_path_factory.mktemp(service), service, collector.environment(request.param)) as program:
        program.work(2)
        flushed = program.runtime.flush(30)
        teams = program.runtime.totals.by("team")
        spent = {team: float(total.cost["USD"]) for team, total in teams.items() if total.cost}
        operations = {team: total.units for team, total in teams.items()}
    assert prometheus.url
    return Run(program.written(), collector.of(service), program.otlp(), spent, operations, flushed, service)


def test_every_span_and_event_arrives_once_as_it_left(run: Run) -> None:
    """What the collector wrote is what genops wrote: no item is missing, twice, or different in any attribute."""
    assert len(run.left.spans) > 40
    assert otlp_json.counted(run.arrived.spans) == otlp_json.counted(run.left.spans)
    assert otlp_json.counted(run.arrived.logs) == otlp_json.counted(run.left.logs)
    assert set(otlp_json.counted(run.arrived.spans).values()) == {1}
    assert set(otlp_json.counted(run.arrived.logs).values()) == {1}


def test_genops_says_what_arrived(run: Run) -> None:
    """The flush was true, and genops counts as accepted what the collector has, and nothing else."""
    assert run.flushed
    assert run.deliveries["traces"][2:] == (len(run.arrived.spans), 0, 0, 0, 0)
    assert run.deliveries["logs"][2:] == (len(run.arrived.logs), 0, 0, 0, 0)
    assert run.deliveries["metrics"][2:] == (len(run.arrived.points), 0, 0, 0, 0)


def test_events_stand_on_their_spans(run: Run) -> None:
    """Each event carries trace and span of a unit that arrived, each executed unit has its three, and parents exist."""
    spans = {(span["traceId"], span["spanId"]): span for span in run.arrived.spans}
    events: dict[Any, list[str]] = {}
    for log in run.arrived.logs:
        events.setdefault((log["traceId"], log["spanId"]), []).append(log["eventName"])
    units = {key for key, span in spans.items() if "genops.spec.version" in span["attributes"]}
    assert set(events) == units
    assert {len(names) for names in events.values() if set(names) == {_EVALUATED}} == {1}  # what was refused
    settled = [Counter(names) for names in events.values() if set(names) != {_EVALUATED}]
    assert len(settled) > 20
    assert all(names[name] == 1 for names in settled for name in _ACCOUNTED)
    assert {frozenset(names) for names in settled} == {_ACCOUNTED | {_EVALUATED}}
    assert all((s["traceId"], s["parentSpanId"]) in spans for s in run.arrived.spans if s.get("parentSpanId"))


def test_every_series_ends_at_its_value(run: Run) -> None:
    """The collector's last value of each series is the one that left, and the costs are genops' exact totals."""
    arrived = run.arrived.last_points()
    assert arrived == run.left.last_points()
    cost: Counter[str] = Counter()
    for series, value in arrived.items():
        if series.name == "genops.cost.total":
            cost[dict(series.labels)["genops.team"]] += value
    assert dict(cost) == pytest.approx(run.spent, abs=1e-9)
    assert set(run.spent) == set(TEAMS)
    assert min(run.spent.values()) > 0


def test_prometheus_scrapes_the_same_values(run: Run, prometheus: Prometheus) -> None:
    """Cost and number of operations by team, as Prometheus answers, are genops' exact totals."""
    mine = f'{{job="{run.service}"}}'
    operations, cost = (f"sum by (genops_team) (genops_{name}_total{mine})" for name in ("operations", "cost"))
    eventually(lambda: prometheus.values(operations, "genops_team") == run.operations, 60)
    assert prometheus.values(cost, "genops_team") == pytest.approx(run.spent, abs=1e-9)


def test_the_viewer_shows_the_same(run: Run, viewer: Viewer) -> None:
    """Traces and logs, asked from the store that the collector sends them on to, have each attribute that left."""
    traces = {span["traceId"] for span in run.left.spans}
    expected = Counter((span["spanId"], span["name"], _plain(span)) for span in run.left.spans)

    def shown() -> Counter[Any]:
        found = (span for trace in traces for span in viewer.spans(trace))
        return Counter((span["spanID"], span["name"], _asked(span)) for span in found)

    eventually(lambda: shown() == expected)
    logs = Counter((log["spanId"], log["traceId"], log["eventName"], _plain(log)) for log in run.left.logs)
    asked = viewer.logs(run.service)
    assert Counter((log["spanID"], log["traceID"], log["eventName"], _asked(log)) for log in asked) == logs


_KINDS = {"int64": int, "float64": float, "string": str, "bool": lambda text: text == "true"}


def _plain(item: dict[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset((name, value) for name, (_, value) in item["attributes"].items())


def _asked(item: dict[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset((pair["key"], _KINDS[pair["type"]](pair["value"])) for pair in item["attributes"])
