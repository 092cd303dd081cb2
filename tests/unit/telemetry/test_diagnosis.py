"""What is wrong with a receiver: errors in place of an answer, and exporters that cannot be listened to."""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import BadStatusLine

import pytest
import requests
from urllib3.exceptions import MaxRetryError, ProxyError

from genops.telemetry.config import TelemetryConfig
from genops.telemetry.export import Exporters, Sender
from genops.telemetry.otlp.diagnosis import PROBLEMS, Diagnosis, of_error, of_rpc_error
from genops.telemetry.otlp.probe import probe


class Mute:
    """A destination whose exporter says success or failure and nothing else.

    Args:
        accepted: What it says.
    """

    name = "mute"

    def __init__(self, accepted):
        self._accepted = accepted

    def sender(self, signal):
        """Take traces only."""
        return Sender(lambda _batch, _size: self._accepted) if signal == "traces" else None


def caused(outer, inner):
    """An error raised because of another."""
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (requests.ConnectionError(OSError(errno.ENETUNREACH, "Network is unreachable")), "unreachable"),
        (requests.ConnectionError(ConnectionRefusedError(errno.ECONNREFUSED, "no")), "nothing_listens"),
        (caused(requests.ConnectionError(), socket.gaierror(-2, "Name or service not known")), "unknown_host"),
        (requests.exceptions.SSLError("certificate"), "tls"),
        (caused(OSError(), ssl.SSLCertVerificationError("self-signed")), "tls"),
        (requests.exceptions.ProxyError("no tunnel"), "proxy"),
        (requests.ReadTimeout(), "no_answer"),
        (TimeoutError(), "no_answer"),
        (requests.TooManyRedirects(), "redirected"),
        (requests.ConnectionError(BadStatusLine("\x00")), "wrong_protocol"),
        (requests.ConnectionError(ConnectionResetError()), "wrong_protocol"),
        (ValueError("an adapter of the program's own"), "unreachable"),
    ],
)
def test_an_error_is_known_by_what_it_was_raised_for(error, problem):
    """Libraries wrap errors in one another: as cause, as reason, as argument."""
    found = of_error(error)
    assert found.problem == problem
    assert problem in {*PROBLEMS, "unreachable"}
    assert found.words


def refused_by(proxy):
    """What requests raises where nothing listens at a proxy, as it nests it."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "no")
    return requests.exceptions.ProxyError(MaxRetryError(None, "/v1/traces?api_key=very-secret", proxy(refused)))


def test_a_proxy_at_which_nothing_listens_is_no_receiver():
    """The proxy is what has to be put right, and the query of the request is not quoted."""
    found = of_error(refused_by(lambda inner: ProxyError("Cannot connect to proxy", inner)))
    assert found.problem == "proxy"
    assert "very-secret" not in found.words


@pytest.mark.parametrize(
    "words",
    [
        "Max retries exceeded with url: /v1/traces?api_key=very-secret (Caused by nothing)",
        "Cannot POST /v1/traces?api_key=very-secret",
        "no https://me:very-secret@example.com/v1/traces",
        '{"path": "https://example.com/v1?very-secret"}',
    ],
)
def test_words_of_others_quote_no_secret_of_a_url(words):
    """Errors and receivers quote the address that was asked for."""
    assert "very-secret" not in of_error(ValueError(words)).words
    assert "very-secret" not in of_error(requests.exceptions.SSLError(words)).words


def test_an_error_that_was_raised_for_itself_has_an_end():
    """A circle of causes is walked once."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert of_error(first).problem == "unreachable"


def test_an_error_of_another_kind_than_grpcs_own():
    """What a call raises without a code is judged as any error."""
    assert of_rpc_error(ConnectionRefusedError()).problem == "nothing_listens"


@pytest.mark.parametrize(("accepted", "problem"), [(1, ""), (0, "refused")])
def test_an_exporter_that_cannot_be_listened_to_is_believed(accepted, problem):
    """With a session of the program's own only success and failure are known; a signal it does not take is left out."""
    (probed,) = probe([Mute(accepted)], TelemetryConfig(), 30)
    assert (probed.signal, probed.destination, probed.address) == ("traces", "mute", "")
    assert probed.answer == Diagnosis(problem)


def test_an_exporter_that_raises_is_a_finding():
    """A raising exporter is one that did not accept."""

    class Raising:
        def export(self, _batch):
            raise ConnectionRefusedError

        def shutdown(self):
            """Nothing is held."""

    (probed,) = probe([Exporters("raising", logs=Raising())], TelemetryConfig(), 30)
    assert (probed.signal, probed.answer.problem) == ("logs", "nothing_listens")
