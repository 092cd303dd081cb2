"""A collector behind TLS: who is let in by the standard variables arrives, who is not is counted and told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import trustme

from genops.core.guard import Guard
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support.backends import Collector
from support.records import FixedTotals, row, run_unit

if TYPE_CHECKING:
    from genops.telemetry.delivery import Delivery
    from support.servers import Found

UNITS = 5


class Secured(NamedTuple):
    """A collector and the files of those who know it.

    Attributes:
        collector: The collector.
        authority: Certificate of the authority that its own certificate comes from.
        stranger: That of another authority.
        key: Private key of a client.
        certificate: The client's certificate, from the same authority.
    """

    collector: Collector
    authority: Path
    stranger: Path
    key: Path
    certificate: Path


@pytest.fixture(scope="module", params=["tls", "mtls"])
def secured(request: pytest.FixtureRequest, collector_program: Found, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A collector with a certificate of an authority made here; with mTLS it asks for one of the client as well."""
    folder = tmp_path_factory.mktemp(request.param)
    authority, stranger = trustme.CA(), trustme.CA()
    server, client = authority.issue_cert("127.0.0.1"), authority.issue_cert("client.example.com")
    files = {name: folder / f"{name}.pem" for name in ("authority", "stranger", "key", "certificate", "server", "own")}
    authority.cert_pem.write_to_path(files["authority"])
    stranger.cert_pem.write_to_path(files["stranger"])
    client.private_key_pem.write_to_path(files["key"])
    client.cert_chain_pems[0].write_to_path(files["certificate"])
    server.private_key_pem.write_to_path(files["own"])
    server.cert_chain_pems[0].write_to_path(files["server"])
    tls = {"cert_file": str(files["server"]), "key_file": str(files["own"])}
    if request.param == "mtls":
        tls["client_ca_file"] = str(files["authority"])
    collector = Collector(collector_program, folder, tls=tls)
    yield Secured(collector, *(files[name] for name in Secured._fields[1:]))
    collector.server.stop()


def send(
    service: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> tuple[bool, dict[str, Delivery]]:
    """Send units and return what the flush says, and what became of each signal."""
    for name, value in {"OTEL_EXPORTER_OTLP_TIMEOUT": "5", "OTEL_SERVICE_NAME": service, **environment}.items():
        monkeypatch.setenv(name, value)
    telemetry = Telemetry.build(TelemetryConfig(), guard=Guard(), totals=FixedTotals(row(units=1)))
    for _ in range(UNITS):
        run_unit(telemetry.tracer, telemetry.sinks)
    flushed = telemetry.flush(60)
    return flushed, {delivery.signal: delivery for delivery in telemetry.shutdown(30)}


def trusting(secured: Secured, protocol: str, *, client: bool) -> dict[str, str]:
    """Return the variables of a client that knows the collector, with its own certificate or without."""
    shown = {"CLIENT_KEY": secured.key, "CLIENT_CERTIFICATE": secured.certificate} if client else {}
    files = {"CERTIFICATE": secured.authority, **shown}
    named = {f"OTEL_EXPORTER_OTLP_{name}": str(file) for name, file in files.items()}
    return {**secured.collector.environment(protocol), **named}


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_who_is_known_arrives(secured: Secured, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the authority's certificate, and the client's own, everything arrives; other bundles do not matter."""
    # Machines name a bundle of their own for `requests`, which must not win over the one that OTLP was given.
    for bundle in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(bundle, str(secured.stranger))
    service = f"known-{protocol}"
    flushed, said = send(service, trusting(secured, protocol, client=True), monkeypatch)
    assert flushed
    arrived = secured.collector.of(service)
    assert len(arrived.spans) == said["traces"].exported == UNITS
    assert len(arrived.logs) == said["logs"].exported == 3 * UNITS
    assert len(arrived.points) == said["metrics"].exported > 0


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("wrong", ["authority", "client"])
def test_who_is_not_known_is_counted_and_told(
    secured: Secured, protocol: str, wrong: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With another authority, or without the certificate that is asked for, all is counted as failed, and said."""
    environment = trusting(secured, protocol, client=wrong != "client")
    if wrong == "authority":
        environment["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(secured.stranger)
    elif "client_ca_file" not in (secured.collector.folder / "collector.json").read_text():
        environment["OTEL_EXPORTER_OTLP_CERTIFICATE"] = os.devnull
    service = f"unknown-{wrong}-{protocol}"
    flushed, said = send(service, {**environment, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}, monkeypatch)
    assert not flushed
    assert not secured.collector.of(service).spans
    assert said["traces"][2:] == (0, UNITS, 0, 0, 0)
    assert said["logs"][2:] == (0, 3 * UNITS, 0, 0, 0)
    assert f"traces to otlp: {UNITS} failed" in caplog.text
