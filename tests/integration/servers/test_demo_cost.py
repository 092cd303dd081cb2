"""The demo's cost by team, asked from a real Prometheus with the guide's own query."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from support import spec
from support.backends import Collector, Prometheus
from support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.servers import Found

# The guide's cost panel, verbatim.
QUERY = 'sum by (genops_team) (genops_cost_total{genops_provider="databricks_unity_catalog"})'
MICRO_DOLLAR = Decimal("0.000001")
DEMO = "from genops.cli import main; main()"


def demo(folder: Path, **environment: str) -> dict[str, Decimal]:
    """Run the demo as a user does; return the cost of each team, added up from the spans that it wrote to its file."""
    file = folder / "telemetry.jsonl"
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("GENOPS_", "OTEL_", "DATABRICKS_"))
    }
    command = [sys.executable, "-c", DEMO, "demo", "--telemetry", str(file)]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, cwd=folder, env={**kept, **environment}
    )
    assert ran.returncode == 0, ran.stderr
    cost: Counter[str] = Counter()
    for unit in spec.read(file).units:
        cost[unit["attributes"]["genops.team"]] += Decimal(str(unit["attributes"].get("genops.cost.total", 0)))  # type: ignore[assignment]
    return dict(cost)  # type: ignore[arg-type]


def agree(prometheus: Prometheus, teams: dict[str, Decimal]) -> None:
    """Hold the answer of Prometheus against the sums, team by team; none stands at zero."""
    eventually(lambda: set(prometheus.values(QUERY, "genops_team")) == set(teams), 60)
    answer = {team: Decimal(str(value)) for team, value in prometheus.values(QUERY, "genops_team").items()}
    for team, cost in teams.items():
        assert abs(answer[team] - cost) <= MICRO_DOLLAR
        assert answer[team] > 0


@pytest.fixture
def scraped(
    collector_program: Found, prometheus_program: Found, tmp_path: Path
) -> Iterator[tuple[Collector, Prometheus]]:
    """A collector and a Prometheus that no other program sends to: the guide's query names no service."""
    collector = Collector(collector_program, tmp_path)
    prometheus = Prometheus(prometheus_program, tmp_path, scraped=collector.scraped)
    yield collector, prometheus
    prometheus.server.stop()
    collector.server.stop()


def test_over_scrape(scraped: tuple[Collector, Prometheus], tmp_path: Path) -> None:
    """Over the collector and a scrape: within one micro-dollar of the spans, for each of three teams."""
    collector, prometheus = scraped
    teams = demo(tmp_path, **collector.environment("http"))
    assert len(teams) == 3
    agree(prometheus, teams)


@pytest.mark.full
def test_over_otlp(prometheus_otlp_program: Found, tmp_path: Path) -> None:
    """Straight into the OTLP receiver of Prometheus: the same sums."""
    prometheus = Prometheus(prometheus_otlp_program, tmp_path, otlp=True)
    try:
        teams = demo(tmp_path, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=prometheus.otlp)
        assert len(teams) == 3
        agree(prometheus, teams)
    finally:
        prometheus.server.stop()
