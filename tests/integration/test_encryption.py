"""`telemetry.require_encryption`: plain text is refused where it would be read by others, and TLS is really used."""

from __future__ import annotations

import logging
import socket
import ssl

import pytest
import trustme
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import genops
from genops.core.guard import Guard
from genops.errors import ConfigurationError
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.export import plan
from genops.telemetry.providers import Telemetry
from support.otlp import Receiver
from support.records import FixedTotals, row, run_unit

BASE, PROTOCOL = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
CERTIFICATE = "OTEL_EXPORTER_OTLP_CERTIFICATE"
DEMANDING = TelemetryConfig(require_encryption=True)


@pytest.fixture(scope="module")
def authority():
    """An authority that issues certificates for this machine."""
    return trustme.CA()


@pytest.fixture
def files(authority, tmp_path):
    """The authority's certificate, and a client's certificate and key, as files."""
    client = authority.issue_cert("client@example.com")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    return tmp_path


@pytest.fixture
def context(authority):
    """The context of a server with a certificate for 127.0.0.1."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(found)
    return found


def send(**config):
    """Send one unit under a configuration; return whether it was accepted."""
    telemetry = Telemetry.build(TelemetryConfig(**config), guard=Guard(), totals=FixedTotals(row(units=1)))
    run_unit(telemetry.tracer, telemetry.sinks)
    accepted = telemetry.flush(20)
    telemetry.shutdown(2)
    return accepted


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://collector.example.com:4318",
        "HTTP://collector.example.com",
        "http://10.0.0.7:4318",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com:4318",
        "http://me:secret@collector.example.com:4318",
    ],
)
def test_plain_text_beyond_this_machine_is_refused(endpoint):
    """At once, with the endpoint, what to write instead, and no credentials."""
    with pytest.raises(ConfigurationError) as raised:
        plan(DEMANDING, {BASE: endpoint})
    told = str(raised.value)
    assert "telemetry.require_encryption" in told
    assert endpoint.rpartition("@")[2].lower().removeprefix("http://") in told.lower()
    assert "https://" in told
    assert CERTIFICATE in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "endpoint", ["collector.example.com:4317", "http://collector.example.com:4317", "10.0.0.7:4317"]
)
def test_plain_grpc_beyond_this_machine_is_refused(endpoint):
    """A host and port without a scheme speak plain text too."""
    with pytest.raises(ConfigurationError, match="plain text"):
        plan(DEMANDING, {BASE: endpoint, PROTOCOL: "grpc"})


@pytest.mark.parametrize("signal", ["TRACES", "LOGS", "METRICS"])
def test_one_plain_signal_is_enough(signal):
    """Encryption is demanded of every signal, and the one without it is named."""
    environ = {BASE: "https://ok.example.com", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT": "http://plain.example.com/in"}
    with pytest.raises(ConfigurationError, match=f"{signal.lower()} would go to http://plain.example.com/in"):
        plan(DEMANDING, environ)


@pytest.mark.parametrize(
    ("endpoint", "protocol"),
    [
        ("http://127.0.0.1:4318", "http/protobuf"),
        ("http://127.9.9.9:4318", "http/protobuf"),
        ("http://localhost:4318", "http/protobuf"),
        ("http://[::1]:4318", "http/protobuf"),
        ("localhost:4317", "grpc"),
        ("https://collector.example.com", "http/protobuf"),
        ("https://collector.example.com:4317", "grpc"),
    ],
)
def test_loopback_and_tls_pass(endpoint, protocol):
    """A collector on this machine may be spoken to in plain text, and anybody over TLS."""
    assert plan(DEMANDING, {BASE: endpoint, PROTOCOL: protocol}).destinations


def test_a_file_is_refused_with_the_reason(tmp_path):
    """Files are not encrypted, so they cannot be honoured; none is opened."""
    file = tmp_path / "out.jsonl"
    with pytest.raises(ConfigurationError, match=r"out\.jsonl'?: files of telemetry are not encrypted"):
        plan(TelemetryConfig(export=str(file), require_encryption=True), {})
    assert not file.exists()


def test_a_preset_over_a_plain_proxy_is_refused():
    """A preset's own address is TLS; an override that is not is refused as any endpoint."""
    environ = {"HONEYCOMB_API_KEY": "k", "GENOPS_EXPORT_HONEYCOMB_ENDPOINT": "http://proxy.example.com:8080"}
    with pytest.raises(ConfigurationError, match=r"honeycomb.*http://proxy\.example\.com:8080"):
        plan(TelemetryConfig(export="honeycomb", require_encryption=True), environ)
    assert plan(TelemetryConfig(export="honeycomb", require_encryption=True), {"HONEYCOMB_API_KEY": "k"}).destinations


def test_nothing_is_demanded_of_what_is_off():
    """With mode off nothing leaves, so nothing is refused."""
    assert plan(TelemetryConfig(require_encryption=True, off=True), {BASE: "http://collector.example.com"}) is not None


def test_the_guides_keyword_refuses_at_configure(monkeypatch):
    """`encrypt_telemetry_data=True`: the error comes from `genops.configure`, and the runtime before it stays."""
    monkeypatch.setenv(BASE, "http://collector.example.com:4318")
    before = genops.configure(export="none", team="t")
    try:
        with pytest.raises(ConfigurationError, match=r"collector\.example\.com"):
            genops.configure(export="otlp", encrypt_telemetry_data=True)
        assert genops.configure(export="none", team="t") is before
    finally:
        genops.shutdown()


def test_tls_is_really_used(context, files, monkeypatch):
    """Over HTTP: all three signals arrive at a receiver that speaks nothing but TLS, with a private authority."""
    monkeypatch.setenv(CERTIFICATE, str(files / "authority.pem"))
    with Receiver(context) as receiver:
        monkeypatch.setenv(BASE, receiver.endpoint)
        assert send(require_encryption=True)
        assert {received.signal for received in receiver.requests} == {"traces", "logs", "metrics"}


def test_an_unknown_authority_is_not_trusted(context, monkeypatch):
    """Without the authority's certificate nothing is sent, and the flush says so."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    with Receiver(context) as receiver:
        monkeypatch.setenv(BASE, receiver.endpoint)
        assert not send(require_encryption=True)
        assert receiver.requests == []


def test_mutual_tls_shows_the_clients_certificate(authority, context, files, monkeypatch):
    """A receiver that asks for a certificate of the client gets it, and without it gets nothing."""
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    monkeypatch.setenv(CERTIFICATE, str(files / "authority.pem"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    with Receiver(context) as receiver:
        monkeypatch.setenv(BASE, receiver.endpoint)
        assert not send(require_encryption=True)
        assert receiver.requests == []
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", str(files / "client.pem"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", str(files / "client.key"))
        assert send(require_encryption=True)
        assert {received.signal for received in receiver.requests} == {"traces", "logs", "metrics"}


def test_a_preset_uses_the_environments_certificates(context, files, monkeypatch):
    """How to encrypt is the environment's to say for presets too."""
    monkeypatch.setenv(CERTIFICATE, str(files / "authority.pem"))
    monkeypatch.setenv("HONEYCOMB_API_KEY", "k")
    with Receiver(context) as receiver:
        monkeypatch.setenv("GENOPS_EXPORT_HONEYCOMB_ENDPOINT", receiver.endpoint)
        assert send(export="honeycomb", require_encryption=True)
        assert {received.headers["x-honeycomb-team"] for received in receiver.requests} == {"k"}


def test_a_redirection_to_plain_text_is_not_followed(context, files, monkeypatch):
    """A receiver with TLS cannot lead telemetry to one without."""
    monkeypatch.setenv(CERTIFICATE, str(files / "authority.pem"))
    with Receiver() as plain, Receiver(context) as receiver:
        receiver.faults.redirect = f"{plain.endpoint}/v1/traces"
        monkeypatch.setenv(BASE, receiver.endpoint)
        assert not send(require_encryption=True)
        assert plain.requests == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_this_machine_is_not_reached_by_way_of_a_proxy(variable, monkeypatch):
    """Plain text for a collector on this machine stays on it, whatever proxy the environment names."""
    with Receiver() as proxy, Receiver() as receiver:
        monkeypatch.setenv(variable, proxy.endpoint)
        monkeypatch.setenv(BASE, receiver.endpoint)
        assert send(require_encryption=True)
        assert proxy.asked == []
        assert {received.signal for received in receiver.requests} == {"traces", "logs", "metrics"}


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_this_machine_is_not_reached_by_way_of_a_proxy_over_grpc(scheme, monkeypatch):
    """The library of gRPC looks for a proxy by itself, and is told not to."""
    pytest.importorskip("grpc")
    from support.otlp_grpc import GrpcReceiver

    with socket.create_server(("127.0.0.1", 0)) as proxy, GrpcReceiver() as receiver:
        proxy.setblocking(False)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv(BASE, f"{scheme}127.0.0.1:{receiver.port}")
        monkeypatch.setenv(PROTOCOL, "grpc")
        assert send(require_encryption=True)
        with pytest.raises(BlockingIOError):
            proxy.accept()
        assert {"Trace", "Logs", "Metrics"} <= set(receiver.taken)


@pytest.mark.parametrize("insecure", [None, "true"])
def test_grpc_uses_tls(authority, files, monkeypatch, insecure):
    """Over gRPC: https means TLS, whatever `OTEL_EXPORTER_OTLP_INSECURE` says."""
    grpc = pytest.importorskip("grpc")
    from support.otlp_grpc import GrpcReceiver

    issued = authority.issue_cert("127.0.0.1")
    pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
    monkeypatch.setenv(CERTIFICATE, str(files / "authority.pem"))
    monkeypatch.setenv(PROTOCOL, "grpc")
    if insecure is not None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", insecure)
    with GrpcReceiver(grpc.ssl_server_credentials([pair])) as receiver:
        monkeypatch.setenv(BASE, f"https://127.0.0.1:{receiver.port}")
        assert send(require_encryption=True)
        assert {"Trace", "Logs", "Metrics"} <= set(receiver.taken)


def test_the_programs_own_providers_cannot_be_judged(monkeypatch, caplog):
    """They are used as they are, and a warning says that nobody looked at what they export to."""
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    telemetry = Telemetry.build(DEMANDING, guard=Guard())
    with caplog.at_level(logging.WARNING, "genops"):
        run_unit(telemetry.tracer, telemetry.sinks)
        telemetry.shutdown(2)
    assert "cannot judge the program's own providers" in caplog.text
