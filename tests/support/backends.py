"""The back ends of the tests, running: a collector, what it sends to, and how each is read back."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

from support import otlp_json
from support.servers import Found, Server, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SIGNALS = ("traces", "metrics", "logs")
_EVER = ["0", "9000000000000000000"]


class Collector:
    """An OpenTelemetry Collector: OTLP over HTTP and gRPC in, files, Prometheus and OTLP out.

    Args:
        program: The collector.
        folder: Where its configuration, files and log lie.
        onwards: The URL of an OTLP receiver that gets everything as well.
        tls: The `tls` settings of its receivers.
    """

    def __init__(
        self, program: Found, folder: Path, *, onwards: str | None = None, tls: Mapping[str, str] | None = None
    ) -> None:
        self.program, self.folder = program, folder
        self._grpc, self._http, self._health, self.scraped = free_ports(4)
        self._scheme = "https" if tls else "http"
        # JSON is YAML, which the collector reads.
        configuration = folder / "collector.json"
        configuration.write_text(json.dumps(self._configuration(onwards, tls)))
        command = [program.path, "--config", configuration]
        self.server = Server(command, f"http://127.0.0.1:{self._health}/", folder / "collector.log")

    @property
    def http(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` is for HTTP."""
        return f"{self._scheme}://127.0.0.1:{self._http}"

    @property
    def grpc(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` is for gRPC."""
        return f"{self._scheme}://127.0.0.1:{self._grpc}"

    def environment(self, protocol: str) -> dict[str, str]:
        """Return the variables that send telemetry here, over `http` or `grpc`."""
        spelled = {"http": "http/protobuf", "grpc": "grpc"}[protocol]
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": getattr(self, protocol), "OTEL_EXPORTER_OTLP_PROTOCOL": spelled}

    def rows(self, signal: str) -> list[dict[str, Any]]:
        """Return the requests that it wrote to its file of `traces`, `metrics` or `logs`."""
        file = self.folder / f"{signal}.jsonl"
        return otlp_json.rows(file.read_text()) if file.exists() else []

    def of(self, service: str) -> otlp_json.Telemetry:
        """Return what it wrote of one service."""
        return otlp_json.of_service([row for signal in _SIGNALS for row in self.rows(signal)], service)

    def _configuration(self, onwards: str | None, tls: Mapping[str, str] | None) -> dict[str, Any]:
        here = "127.0.0.1"
        secured = {"tls": dict(tls)} if tls else {}
        exporters: dict[str, Any] = {f"file/{signal}": self._file(signal) for signal in _SIGNALS}
        exporters["prometheus"] = {
            "endpoint": f"{here}:{self.scraped}",
            "enable_open_metrics": True,
            "without_scope_info": True,
            "translation_strategy": "UnderscoreEscapingWithSuffixes",
            "metric_expiration": "1h",
        }
        further: list[str] = []
        if onwards is not None:
            exporters["otlp_http/onwards"] = {"endpoint": onwards, "compression": "gzip"}
            further = ["otlp_http/onwards"]
        pipelines = {signal: {"receivers": ["otlp"], "exporters": [f"file/{signal}", *further]} for signal in _SIGNALS}
        pipelines["metrics"]["exporters"].append("prometheus")
        protocols = {
            "grpc": {"endpoint": f"{here}:{self._grpc}", **secured},
            "http": {"endpoint": f"{here}:{self._http}", **secured},
        }
        return {
            "extensions": {"health_check": {"endpoint": f"{here}:{self._health}"}},
            "receivers": {"otlp": {"protocols": protocols}},
            "exporters": exporters,
            "service": {
                "extensions": ["health_check"],
                # Its own metrics would want a fixed port.
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
                "pipelines": pipelines,
            },
        }

    def _file(self, signal: str) -> dict[str, Any]:
        # Rotation is what makes the exporter append and write without a buffer, so that a row which was acknowledged
        # outlives a kill.
        return {"path": str(self.folder / f"{signal}.jsonl"), "rotation": {"max_megabytes": 1000}}


class Viewer:
    """An otel-desktop-viewer: keeps traces, logs and metrics, and is asked over JSON-RPC.

    Args:
        program: The viewer.
        folder: Where its log lies.
    """

    def __init__(self, program: Found, folder: Path) -> None:
        self.program = program
        page, grpc, http = free_ports(3)
        here = "127.0.0.1"
        command = [program.path, "--host", here, "--browser-port", page, "--grpc", grpc, "--http", http]
        self.url = f"http://{here}:{page}"
        self.http = f"http://{here}:{http}"
        self.grpc = f"http://{here}:{grpc}"
        self.server = Server([*command, "--open-browser=false"], f"{self.url}/", folder / "viewer.log")

    def ask(self, method: str, *parameters: object) -> Any:
        """Return what a method of its JSON-RPC answers."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        answer = fetched(f"{self.url}/rpc", asked)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the spans of a trace; none where it does not know the trace."""
        try:
            found = self.ask("searchSpans", trace_id)
        except AssertionError:
            return []
        return [span["spanData"] for span in (found or {}).get("spans") or []]

    def logs(self, service: str) -> list[dict[str, Any]]:
        """Return the log records of a service."""
        found = self.ask("searchLogs", *_EVER) or []
        return [self.ask("getLog", log["id"]) for log in found if log["serviceName"] == service]


class Prometheus:
    """A Prometheus that scrapes a collector once a second.

    Args:
        program: Debian's, or the one built from Go modules.
        folder: Where its configuration, data and log lie.
        scraped: Port of the collector's Prometheus exporter; `None` for none.
        otlp: Whether it receives OTLP, which Debian's cannot.
    """

    def __init__(self, program: Found, folder: Path, *, scraped: int | None = None, otlp: bool = False) -> None:
        self.program = program
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        configuration = folder / "prometheus.json"
        configuration.write_text(json.dumps(_scraping(scraped) | (_RECEIVING if otlp else {})))
        command = [
            program.path,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
            *(["--web.enable-otlp-receiver"] if otlp else []),
        ]
        self.server = Server(command, f"{self.url}/-/ready", folder / "prometheus.log")

    @property
    def otlp(self) -> str:
        """What `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is."""
        return f"{self.url}/api/v1/otlp/v1/metrics"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query, now."""
        answer = fetched(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def values(self, expression: str, label: str) -> dict[str, float]:
        """Return the values of an instant query by one label."""
        return {row["metric"].get(label, ""): float(row["value"][1]) for row in self.query(expression)}


_RECEIVING = {
    "otlp": {
        "translation_strategy": "UnderscoreEscapingWithSuffixes",
        "promote_resource_attributes": ["service.name", "service.instance.id"],
    },
    "storage": {"tsdb": {"out_of_order_time_window": "10m"}},
}


def _scraping(port: int | None) -> dict[str, Any]:
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    # The collector sets job and instance from the resource, which a scrape would otherwise rename.
    job = {"job_name": "collector", "honor_labels": True, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    return {"global": every, "scrape_configs": [] if port is None else [job]}


def fetched(url: str, content: object = None) -> Any:
    """Return the JSON that a URL answers, asked with JSON where there is any."""
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())
