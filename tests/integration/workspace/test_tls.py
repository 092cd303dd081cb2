"""HTTPS with a certificate that the workspace makes: clients that trust its authority work, others do not."""

from __future__ import annotations

import socket
import ssl
import sys
import urllib.request
from contextlib import suppress

import pytest
import requests

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

ME = "/api/2.0/preview/scim/v2/Me"


@pytest.fixture(scope="module")
def ws():
    """A workspace that speaks HTTPS."""
    with LocalWorkspace(tls=True, transition_polls=0) as workspace:
        yield workspace


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_authority_is_trusted(ws, name):
    """With the file of the authority both names of this machine are verified."""
    url = ws.host.replace("127.0.0.1", name) + ME
    answer = requests.get(url, headers={"Authorization": f"Bearer {ws.token}"}, verify=str(ws.ca_file), timeout=20)
    assert answer.json()["userName"] == ws.identity.user


def test_without_it_nothing_is_trusted(ws):
    """A client that does not know the authority does not connect, and nothing is recorded."""
    ws.clear_requests()
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        requests.get(ws.host + ME, timeout=20)
    assert ws.requests == []


def test_sdk_takes_it_from_the_environment(ws, monkeypatch):
    """The SDK, and whatever else uses requests, trusts what REQUESTS_CA_BUNDLE names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ws.ca_file))
    assert workspace_client(ws).current_user.me().user_name == ws.identity.user


def test_standard_library_takes_it_from_the_environment(ws, monkeypatch):
    """The standard library trusts what SSL_CERT_FILE names."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ws.ca_file))
    asked = urllib.request.Request(ws.host + ME, headers={"Authorization": f"Bearer {ws.token}"})
    # A context of its own: urlopen keeps the one of its first call in this process.
    with urllib.request.urlopen(asked, timeout=20, context=ssl.create_default_context()) as answer:
        assert answer.status == 200


def test_sdk_signs_in_as_a_machine_over_https(ws, monkeypatch):
    """Metadata, token endpoint and calls all go over HTTPS."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ws.ca_file))
    who = ws.add_service_principal("robot")
    config = {"client_id": who.client_id, "client_secret": who.client_secret, "auth_type": "oauth-m2m", "token": None}
    assert workspace_client(ws, **config).current_user.me().display_name == "robot"


def test_plain_http_is_no_danger(ws):
    """A client that speaks plain HTTP is dropped, and others go on."""
    with socket.create_connection(("127.0.0.1", int(ws.host.rpartition(":")[2])), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionResetError):
            assert b"HTTP/1.1 200" not in plain.recv(100)
    test_the_authority_is_trusted(ws, "127.0.0.1")


def test_faults_of_the_transport_hold_under_tls(ws):
    """Reset and stalled bodies work on encrypted connections too."""
    ws.fault("reset", path=ME, times=1)
    ws.fault("stalled", path=ME, times=1, seconds=0.05)
    call = {"headers": {"Authorization": f"Bearer {ws.token}"}, "verify": str(ws.ca_file), "timeout": 20}
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(ws.host + ME, **call)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        requests.get(ws.host + ME, **call)
    assert requests.get(ws.host + ME, **call).status_code == 200


def test_old_protocols_are_refused(ws):
    """Nothing below TLS 1.2 is spoken."""
    context = ssl.create_default_context(cafile=str(ws.ca_file))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
    address = ("127.0.0.1", int(ws.host.rpartition(":")[2]))
    with socket.create_connection(address, timeout=20) as plain, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_missing_trustme_says_what_to_install(monkeypatch):
    """TLS needs trustme; without it the error says how to get it."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ImportError, match="pip install trustme"):
        LocalWorkspace(tls=True)
