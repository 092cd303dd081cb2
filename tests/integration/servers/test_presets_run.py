"""Presets against the real programs that they are for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from genops.core.guard import Guard
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.otlp.presets import PRESETS
from genops.telemetry.providers import Telemetry
from support.backends import fetched
from support.polling import eventually
from support.records import BUDGET, FixedBudgets, FixedTotals, TotalsRow, row, run_unit

if TYPE_CHECKING:
    from support.backends import Collector, Prometheus, Viewer
    from support.mlflow_server import Mlflow
    from support.servers import Found

PAGE = (Path(__file__).parents[3] / "docs" / "back-ends.md").read_text("utf-8")

EVENTS = ["genops.policy.evaluated", "genops.budget.reservation", "genops.budget.reconciliation"]
TOTALS = row(**{**dict.fromkeys(TotalsRow._fields[3:], 1), "cost": 1_250_000}, currency="USD")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sends one unit, and totals with a cost of 1.25 USD, through a preset at an address; returns the unit."""

    def send(name: str, address: str, service: str) -> Any:
        monkeypatch.setenv(PRESETS[name].override, address)
        config = TelemetryConfig(export=name, service_name=service)
        telemetry = Telemetry.build(config, guard=Guard(), totals=FixedTotals(TOTALS), budgets=FixedBudgets(BUDGET))
        unit = run_unit(telemetry.tracer, telemetry.sinks)
        assert telemetry.flush(30)
        telemetry.shutdown(5)
        assert all(delivery.lost == 0 for delivery in telemetry.health())
        return unit

    return send


def test_collector(sent: Any, collector: Collector) -> None:
    """The Collector has the span, its three events by name, and the running total of the cost."""
    sent("collector", collector.http, "preset-collector")
    eventually(lambda: [span["name"] for span in collector.of("preset-collector").spans] == ["table.get"])
    eventually(lambda: [log["eventName"] for log in collector.of("preset-collector").logs] == EVENTS)
    eventually(lambda: 1.25 in _costs(collector))


def _costs(collector: Collector) -> list[float]:
    points = collector.of("preset-collector").points
    return [point["asDouble"] for point in points if point["name"] == "genops.cost.total"]


def test_otel_desktop_viewer(sent: Any, viewer: Viewer) -> None:
    """The viewer gives back the span by its trace and the events by their names."""
    unit = sent("otel-desktop-viewer", viewer.http, "preset-viewer")
    eventually(lambda: len(viewer.spans(f"{unit.trace_id:032x}")) == 1)
    eventually(lambda: sorted(log["eventName"] for log in viewer.logs("preset-viewer")) == sorted(EVENTS))


@pytest.mark.full
def test_mlflow(sent: Any, mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow gives back the span by its trace, in the experiment of the header, with the three events on it."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mlflow.experiment)
    unit = sent("mlflow", mlflow.url, "preset-mlflow")
    eventually(lambda: mlflow.spans(f"{unit.trace_id:032x}"))
    (span,) = mlflow.spans(f"{unit.trace_id:032x}")
    attributes = {each["key"]: each["value"] for each in span["attributes"]}
    assert span["name"] == "table.get"
    assert attributes["genops.team"] == {"string_value": "data-eng"}
    assert [event["name"] for event in span["events"]] == EVENTS


@pytest.mark.full
def test_mlflow_refuses_a_trace_without_an_experiment(mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through `otlp` and without the preset's header the server refuses, and the flush says so."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{mlflow.url}/v1/traces")
    telemetry = Telemetry.build(TelemetryConfig(export="otlp"), guard=Guard())
    run_unit(telemetry.tracer, telemetry.sinks)
    assert not telemetry.flush(30)
    telemetry.shutdown(5)


def _names_of_the_page(prometheus: Prometheus) -> None:
    table = re.findall(r"^\| `(genops\.[\w.]+)` \| `(genops_\w+)`", PAGE, re.MULTILINE)
    assert len(table) >= 10
    assert all(name.startswith(metric.replace(".", "_")) for metric, name in table)
    wanted = {name for _, name in table}
    eventually(lambda: wanted <= set(fetched(f"{prometheus.url}/api/v1/label/__name__/values")["data"]), 60)


def test_names_in_prometheus_are_those_of_the_page(sent: Any, collector: Collector, prometheus: Prometheus) -> None:
    """Scraped from the Collector, each metric in the table of docs/back-ends.md has the name that it gives."""
    sent("collector", collector.http, "preset-names")
    _names_of_the_page(prometheus)


@pytest.mark.full
def test_prometheus(sent: Any, prometheus_otlp: Prometheus) -> None:
    """Prometheus answers the guide's query for cost with what was sent, without a scrape, under the same names."""
    sent("prometheus", prometheus_otlp.url, "preset-prometheus")
    query = 'sum by (genops_team) (genops_cost_total{job="preset-prometheus"})'
    eventually(lambda: prometheus_otlp.values(query, "genops_team") == {"data-eng": 1.25})
    _names_of_the_page(prometheus_otlp)


def test_the_pages_configuration_is_one_of_the_collectors(collector_program: Found, tmp_path: Path) -> None:
    """The Collector itself accepts the sample of docs/back-ends.md."""
    (sample,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "collector.yaml"
    file.write_text(sample)
    command = [collector_program.path, "validate", "--config", file]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert checked.returncode == 0, checked.stderr
