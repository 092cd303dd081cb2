"""The dashboards, and what their queries answer: a collector and a Prometheus configured as `dashboards/` says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support.backends import fetched
from support.servers import Server, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Found

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"
# What both are loaded by: Debian's Prometheus 2 by default, and the version of compose.yaml, built from its modules.
PROMETHEUS = ("prometheus", pytest.param("prometheus_otlp", marks=pytest.mark.full))
PROMTOOL = ("promtool", pytest.param("promtool_built", marks=pytest.mark.full))
EVERYTHING = {"team": ".*", "project": ".*", "environment": ".*", "workspace": ".*"}


def board(name: str) -> dict[str, Any]:
    """Return a dashboard by the name of its file."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def panels(name: str) -> list[dict[str, Any]]:
    """Return the panels of a dashboard, its headings left out."""
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Return each query of each dashboard and each rule, with where it stands."""
    for name in ("genops-overview", "unity-catalog-governance"):
        for panel in panels(name):
            yield from ((f"{name}: {panel['title']}", target["expr"]) for target in panel["targets"])
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]


def rules() -> list[dict[str, Any]]:
    """Return the recording and alert rules."""
    read = yaml.safe_load((FOLDER / "rules.yaml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def substituted(expression: str, window: str, interval: str = "", **selection: str) -> str:
    """Return a query with its variables replaced as Grafana does."""
    chosen = {**EVERYTHING, **selection, "__range": window, "__interval": interval or window}
    for name, value in chosen.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression


class Backend:
    """A collector of `dashboards/collector.yaml`, and a Prometheus of `dashboards/prometheus.yaml` that scrapes it.

    The collector's file is loaded as it is, but what ended is kept while the tests last. In Prometheus' the target is
    this collector instead of a container, every interval is one second, and so is the time for which an alert must hold
    before it fires.

    Args:
        collector: The program.
        prometheus: The program.
        folder: Where configuration, data and logs lie.
        kept: For how long the collector keeps what is not exported any more.
    """

    def __init__(self, collector: Found, prometheus: Found, folder: Path, kept: str = "1h") -> None:
        grpc, http, health, scraped, port = free_ports(5)
        here = "127.0.0.1"
        self.otlp = f"http://{here}:{http}"
        self.url = f"http://{here}:{port}"
        self.collector = Server(
            [collector.path, "--config", FOLDER / "collector.yaml"],
            f"http://{here}:{health}/",
            folder / "collector.log",
            OTLP_GRPC_ADDRESS=f"{here}:{grpc}",
            OTLP_HTTP_ADDRESS=f"{here}:{http}",
            HEALTH_ADDRESS=f"{here}:{health}",
            PROMETHEUS_ADDRESS=f"{here}:{scraped}",
            METRIC_EXPIRATION=kept,
        )
        try:
            self.prometheus = self._scraping(prometheus, folder, port, f"{here}:{scraped}")
        except BaseException:
            self.collector.stop()
            raise

    def _scraping(self, prometheus: Found, folder: Path, port: int, target: str) -> Server:
        configuration = folder / "prometheus.json"
        configuration.write_text(json.dumps(_quick(target)))
        (folder / "rules.yaml").write_text(json.dumps(_hasty()))
        return Server(
            [
                prometheus.path,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            f"{self.url}/-/ready",
            folder / "prometheus.log",
        )

    def stop(self) -> None:
        """End both."""
        self.prometheus.stop()
        self.collector.stop()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query, now."""
        return self._asked("query", query=expression)["result"]

    def over_time(self, expression: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """Return the result of a range query."""
        return self._asked("query_range", query=expression, start=start, end=end, step=step)["result"]

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self._asked("alerts")["alerts"] if alert["state"] == "firing"}

    def number(self, expression: str) -> float:
        """Return the one number of a query; zero where there is none yet."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def _asked(self, what: str, **parameters: object) -> Any:
        answer = fetched(f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        assert answer["status"] == "success", answer
        return answer["data"]


def _quick(target: str) -> dict[str, Any]:
    read = yaml.safe_load((FOLDER / "prometheus.yaml").read_text("utf-8"))
    read["global"] = dict.fromkeys(read["global"], "1s")
    read["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    return read


def _hasty() -> dict[str, Any]:
    read = yaml.safe_load((FOLDER / "rules.yaml").read_text("utf-8"))
    for rule in (rule for group in read["groups"] for rule in group["rules"] if "for" in rule):
        rule["for"] = "1s"
    return read


def start(work: str, otlp: str, pause: float = 0.0) -> subprocess.Popen[str]:
    """Start a workload of `support.dashboard_programs` that sends its telemetry to a collector."""
    source = str(Path(sys.modules["genops"].__path__[0]).parent)
    machine = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENOPS_"))}
    environment = {
        **machine,
        "PYTHONPATH": os.pathsep.join((source, str(ROOT / "tests"))),
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_SERVICE_NAME": work,
    }
    if work == "troubled":
        # Only two spans may wait, while nobody answers to those before them; the program knows where that is.
        environment |= {"OTEL_BSP_MAX_QUEUE_SIZE": "2", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2"}
    command = [sys.executable, "-m", "support.dashboard_programs", work, str(pause)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a workload, and return what it counted; one that takes too long is ended."""
    try:
        out, err = process.communicate(timeout=300)
    finally:
        _ended(process)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.splitlines()[-1])


def all_done(processes: dict[str, subprocess.Popen[str]]) -> dict[str, dict[str, Any]]:
    """Wait for workloads that run side by side; where one fails, the others are ended."""
    try:
        return {name: done(process) for name, process in processes.items()}
    finally:
        for process in processes.values():
            _ended(process)


def _ended(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()
