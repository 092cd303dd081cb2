"""Sessions of credential providers: what is answered to them is read like any answer."""

from __future__ import annotations

import pytest
from opentelemetry.sdk import environment_variables

from support.otlp import Receiver
from support.programs import run

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROVIDER = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}CREDENTIAL_PROVIDER"
# They came with 1.37.
KNOWN = hasattr(environment_variables, "_OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER")
needs_providers = pytest.mark.skipif(not KNOWN, reason="this OpenTelemetry has no credential providers")
SEND = """
import json
telemetry = build({config})
run(telemetry, 2)
flushed = telemetry.flush(20)
telemetry.shutdown(5)
found = {{each.signal: (each.exported, each.failed) for each in telemetry.health()}}
print(json.dumps([flushed, found["traces"], found["logs"]]))
"""


@pytest.fixture
def receiver():
    """Where telemetry is sent."""
    with Receiver() as running:
        yield running


@pytest.fixture
def installed(tmp_path):
    """What makes a package with a credential provider importable: one session that authenticates, for all signals."""
    (tmp_path / "providing.py").write_text(
        "import requests\n"
        "_session = requests.Session()\n"
        "_session.headers['authorization'] = 'of the provider'\n"
        "def session():\n"
        "    return _session\n"
    )
    about = tmp_path / "providing-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: providing\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[opentelemetry_otlp_credential_provider]\nfake = providing:session\n")
    return f"sys.path.insert(0, {str(tmp_path)!r})\n"


def send(installed, receiver, config="", **environment):
    """Send two units in a program of its own; return what its flush said, and what was counted of spans and logs."""
    import json

    out = run(SEND.format(config=config), setup=installed, **{ENDPOINT: receiver.endpoint, **environment})
    return json.loads(next(line for line in out.splitlines() if line.startswith("[")))


@needs_providers
def test_a_provider_authenticates(installed, receiver):
    """What is accepted counts as delivered, and the requests are the provider's."""
    assert send(installed, receiver, **{PROVIDER.format(""): "fake"}) == [True, [2, 0], [6, 0]]
    assert {received.headers["authorization"] for received in receiver.requests} == {"of the provider"}


@pytest.mark.parametrize("config", ["", "require_encryption=True", "export='google-cloud'"])
def test_a_redirect_is_no_delivery(installed, receiver, config):
    """With a provider as without one: it is a loss, and where it leads is not asked for."""
    with Receiver() as elsewhere:
        receiver.faults.redirect = f"{elsewhere.endpoint}/v1/traces"
        environment = {PROVIDER.format(""): "fake"}
        if "google" in config:
            environment |= {"GENOPS_EXPORT_GOOGLE_CLOUD_ENDPOINT": receiver.endpoint, "GOOGLE_CLOUD_PROJECT": "p"}
        flushed, traces, _ = send(installed, receiver, config, **environment)
        assert not flushed
        assert traces == [0, 2]
        assert elsewhere.requests == []


def test_a_partial_success_is_read_by_the_signal_that_it_answers(installed, receiver):
    """Signals may share the provider's session, and each counts its own answers."""
    receiver.faults.reject = 1
    assert send(installed, receiver, **{PROVIDER.format(""): "fake"}) == [False, [1, 1], [5, 1]]


@needs_providers
def test_a_provider_of_one_signal_is_that_signals(installed, receiver):
    """The others are sent, and read, as ever."""
    assert send(installed, receiver, **{PROVIDER.format("TRACES_"): "fake"}) == [True, [2, 0], [6, 0]]
    authorized = {(received.signal, received.headers.get("authorization")) for received in receiver.requests}
    assert authorized == {("traces", "of the provider"), ("logs", None), ("metrics", None)}


def test_a_preset_with_a_provider_sends_nobody_elses_headers(installed, receiver):
    """A provider opens no way for headers of the environment, whether or not the exporters ask for it."""
    environment = {
        PROVIDER.format(""): "fake",
        "GENOPS_EXPORT_GOOGLE_CLOUD_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-other-key=other",
    }
    send(installed, receiver, "export='google-cloud'", **environment)
    assert receiver.requests
    assert not [received for received in receiver.requests if "x-other-key" in received.headers]


def test_a_variable_that_only_ends_like_one_is_none(installed, receiver):
    """Somebody else's variable leaves redirects what they are: losses, and where they lead is not asked."""
    with Receiver() as elsewhere:
        receiver.faults.redirect = f"{elsewhere.endpoint}/v1/traces"
        others = {"MY_CREDENTIAL_PROVIDER": "x", "OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER": "x"}
        assert send(installed, receiver, **others)[:2] == [False, [0, 2]]
        assert elsewhere.requests == []


def test_a_provider_does_not_lead_plain_text_to_a_proxy(installed, receiver):
    """With encryption required a collector on this machine is asked directly, by a provider's session too."""
    with Receiver() as proxy:
        environment = {PROVIDER.format(""): "fake", "http_proxy": proxy.endpoint, "ALL_PROXY": proxy.endpoint}
        assert send(installed, receiver, "require_encryption=True", **environment)[0]
        assert proxy.asked == []
