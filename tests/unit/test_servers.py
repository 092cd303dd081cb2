"""The servers of the tests: a missing toolchain is named, and no silent skip where everything must be there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support import backend_fixtures, otlp_json, servers


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize(("fixture", "named"), [("collector", "`go`"), ("prometheus", "apt")])
def test_what_cannot_be_had_is_skipped_with_its_reason_or_fails(
    fixture: str, named: str, required: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Go and without apt a test is skipped and told why; in CI it fails."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(servers, "CACHE", tmp_path)
    monkeypatch.setattr(servers, "REQUIRED", required)
    monkeypatch.setattr(backend_fixtures, "_missing", {})
    outcome = pytest.fail.Exception if required else pytest.skip.Exception
    with pytest.raises(outcome, match=named):
        backend_fixtures.program(fixture)
    assert named in str(backend_fixtures._missing)


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """A program that ends instead of serving is reported with what it printed."""
    (port,) = servers.free_ports(1)
    command = ["sh", "-c", "echo no such configuration >&2; exit 3"]
    with pytest.raises(RuntimeError, match="ended with 3: no such configuration"):
        servers.Server(command, f"http://127.0.0.1:{port}/", tmp_path / "log")


def test_a_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No port is given twice, neither in this process nor in another that runs at the same time."""
    held: list[socket.socket] = []
    monkeypatch.setattr(servers, "_held", held)
    ours = servers.free_ports(200) + servers.free_ports(200)
    assert len(set(ours)) == len(ours)
    assert set(ours) <= set(servers.PORTS)
    asked = [sys.executable, "-c", "from support import servers; print(*servers.free_ports(400))"]
    environment = {**os.environ, "PYTHONPATH": str(Path(servers.__file__).parents[1])}
    told = subprocess.run(asked, check=True, capture_output=True, text=True, env=environment).stdout
    for each in held:
        each.close()
    assert set(ours).isdisjoint(map(int, told.split()))


def test_a_package_that_does_not_come_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An apt that hangs is a server that cannot be had."""
    monkeypatch.setattr(servers, "_DEBIAN_SECONDS", 0.1)
    with pytest.raises(servers.MissingServerError, match="`sleep 60` did not end within"):
        servers._apt("sleep", "60")


def test_a_file_of_a_killed_writer_is_read() -> None:
    """Rows without an end of line, and half a row, do not hide the rows around them."""
    assert otlp_json.rows('{"a":1}\n{"b":2}{"c":3}\n{"d":\n{"e":5}\n') == [{"a": 1}, {"b": 2}, {"c": 3}, {"e": 5}]
