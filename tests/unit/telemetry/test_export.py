"""Destinations: read from the configuration and the environment, refused with the value and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from genops.core.guard import Guard
from genops.errors import ConfigurationError, MissingDependency
from genops.telemetry.batching import Batching, batching, metrics_interval
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.export import plan
from genops.telemetry.otlp import endpoints as endpoints_module
from genops.telemetry.otlp.endpoints import endpoints
from genops.telemetry.providers import Telemetry

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_nothing_is_exported_without_an_endpoint():
    """There is no default endpoint, and so no surprise connection to this machine."""
    assert plan(TelemetryConfig(), {}).destinations == ()


def test_an_endpoint_in_the_environment_is_enough():
    """All three signals go below the base URL, and the program did not ask for it itself."""
    urls = [endpoint.url for endpoint in endpoints({BASE: "http://collector:4318/otlp/"})]
    assert urls == [f"http://collector:4318/otlp/v1/{signal}" for signal in ("traces", "logs", "metrics")]
    planned = plan(TelemetryConfig(), {BASE: "http://collector:4318"})
    assert [destination.name for destination in planned.destinations] == ["otlp"]
    assert not planned.explicit


def test_a_signals_own_endpoint_is_taken_as_it_is():
    """A signal's variable wins and is a whole URL; the others stay silent."""
    (endpoint,) = endpoints({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://logs.example.com/in"})
    assert endpoint == ("logs", "https://logs.example.com/in", "http/protobuf")


def test_a_signal_can_be_switched_off():
    """`OTEL_TRACES_EXPORTER=none` means it."""
    found = endpoints({BASE: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"})
    assert [endpoint.signal for endpoint in found] == ["logs", "metrics"]


@pytest.mark.parametrize(
    "value", ["collector:4318", "localhost", "http://", "ftp://collector", "http://collector:notaport", "http://[::1"]
)
def test_an_endpoint_that_cannot_be_parsed_is_refused(value):
    """The error names the variable, the value and an example."""
    with pytest.raises(ConfigurationError) as raised:
        plan(TelemetryConfig(), {BASE: value})
    assert BASE in str(raised.value)
    assert repr(value) in str(raised.value)
    assert "http://collector.example.com:4318" in str(raised.value)


def test_grpc_takes_a_host_and_port(monkeypatch):
    """An endpoint of gRPC has no path and needs no scheme."""
    monkeypatch.setattr(endpoints_module, "find_spec", lambda name: name)
    found = endpoints({BASE: "collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert {(endpoint.url, endpoint.protocol) for endpoint in found} == {("collector:4317", "grpc")}


def test_grpc_without_its_extra_names_the_extra(monkeypatch):
    """A missing library is said at configuration, with how to get it."""
    monkeypatch.setattr(endpoints_module, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"extra `grpc`"):
        endpoints({BASE: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_an_unknown_protocol_is_refused():
    """OTLP over JSON is not spoken."""
    with pytest.raises(ConfigurationError, match="http/json"):
        endpoints({BASE: "http://collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})


def test_otlp_without_an_endpoint_is_refused():
    """Who asks for OTLP by name is told which variable is missing."""
    with pytest.raises(ConfigurationError, match=BASE):
        plan(TelemetryConfig(export="otlp"), {})


def test_a_misspelt_destination_is_not_a_file():
    """A bare word that is no destination is refused with the nearest one."""
    with pytest.raises(ConfigurationError, match="did you mean 'otlp'"):
        plan(TelemetryConfig(export="otpl"), {})


@pytest.mark.parametrize("name", ["missing/out.jsonl", "."])
def test_a_file_that_cannot_be_written_is_refused(tmp_path, name):
    """At configuration, with the path; not at the first operation."""
    path = tmp_path / name
    with pytest.raises(ConfigurationError) as raised:
        plan(TelemetryConfig(export=path), {})
    assert str(path) in str(raised.value)


def test_several_destinations_at_once(tmp_path):
    """A tuple names them all; the console shows operations and is no exporter."""
    path = tmp_path / "out.jsonl"
    planned = plan(TelemetryConfig(export=("otlp", str(path), "console")), {BASE: "http://collector:4318"})
    assert [destination.name for destination in planned.destinations] == ["otlp", str(path)]
    assert planned.explicit
    assert planned.console


def test_none_silences_the_environment():
    """`export="none"` wins over an endpoint in the environment."""
    assert plan(TelemetryConfig(export="none"), {BASE: "http://collector:4318"}) == ((), False, False)


def test_span_events_and_sampling_exclude_each_other():
    """The events of an unsampled span would be lost, so the combination is refused."""
    config = TelemetryConfig(events="span", sampling_enabled=True)
    with pytest.raises(ConfigurationError, match="sampling"):
        Telemetry.build(config, guard=Guard())


def test_batches_follow_the_configuration_and_the_environment_wins():
    """`OTEL_BSP_*` speaks for spans, `OTEL_BLRP_*` for events."""
    config = TelemetryConfig(batch_size=100, flush_interval_seconds=2.0)
    environ = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "64",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    }
    assert batching("traces", config, environ) == Batching(64, 32, 0.5)
    assert batching("logs", config, environ) == Batching(8192, 100, 2.0)
    assert metrics_interval(environ) == 1.0


@pytest.mark.parametrize("variable", ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"])
@pytest.mark.parametrize("value", ["soon", "0", "-1", "inf"])
def test_a_batch_setting_that_is_no_number_is_refused(monkeypatch, variable, value):
    """At configuration, with the variable and the value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as raised:
        Telemetry.build(TelemetryConfig(), guard=Guard())
    assert f"{variable}='{value}'" in str(raised.value)


def test_building_connects_nothing(tmp_path):
    """Until the first operation there is no provider, no thread and no line."""
    path = tmp_path / "out.jsonl"
    telemetry = Telemetry.build(TelemetryConfig(export=path), guard=Guard())
    assert telemetry.health() == ()
    assert telemetry.flush(1)
    assert telemetry.shutdown() == ()
    assert Path(path).read_text() == ""
