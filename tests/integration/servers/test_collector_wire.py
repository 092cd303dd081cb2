"""What goes over the wire to a real collector, compressed and not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from genops.core.guard import Guard
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support.records import run_unit
from support.relay import Relay

if TYPE_CHECKING:
    from support.backends import Collector

UNITS = 200


def sent(collector: Collector, protocol: str, compression: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Send units through a relay; return the bytes on the wire once the collector has them all."""
    service = f"wire-{protocol}-{compression}"
    environment = collector.environment(protocol)
    with Relay(urlsplit(environment["OTEL_EXPORTER_OTLP_ENDPOINT"]).port or 0) as relay:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{relay.port}"
        for name, value in {**environment, "OTEL_SERVICE_NAME": service}.items():
            monkeypatch.setenv(name, value)
        telemetry = Telemetry.build(TelemetryConfig(compression=compression), guard=Guard())
        for _ in range(UNITS):
            run_unit(telemetry.tracer, telemetry.sinks)
        assert telemetry.flush(60)
        telemetry.shutdown(10)
        arrived = collector.of(service)
        assert (len(arrived.spans), len(arrived.logs)) == (UNITS, 3 * UNITS)
        return relay.sent


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_gzip_on_the_wire_and_off(collector: Collector, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed or not the collector has every span and event; compressed it is less than a third of the bytes."""
    packed = sent(collector, protocol, "gzip", monkeypatch)
    plain = sent(collector, protocol, "none", monkeypatch)
    assert packed < plain / 3
