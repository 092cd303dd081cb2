"""Where the doctor is asked: away from this project, with a receiver or without one."""

from __future__ import annotations

import socket

import pytest

from support.otlp import Receiver


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """No settings file of this project is found."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def receiver(monkeypatch):
    """A receiver over HTTP that the environment names."""
    with Receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        yield receiver


@pytest.fixture
def free_port():
    """A port at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
