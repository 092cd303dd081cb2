"""`genops doctor`: who is told of lineage, and whether anybody listens there."""

from __future__ import annotations

import socket

import pytest

from support.examined import examined
from support.lineage_receiver import receiving


def test_a_receiver_that_listens(monkeypatch):
    """It is connected to, and sent nothing; neither its key nor what follows its address is shown."""
    with receiving() as receiver:
        monkeypatch.setenv("OPENLINEAGE_URL", f"{receiver.url}/api/v1/lineage?code=hunter2")
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "hunter2")
        found = examined("--export", "none")
    assert found.section("lineage") == ["lineage.reached"]
    assert not receiver.posts
    assert "hunter2" not in str(found.tree)
    said = {setting["name"]: setting for setting in found.tree["settings"]}["lineage.openlineage.url"]
    assert said["origin"] == "environment variable OPENLINEAGE_URL"


def test_nobody_listens(monkeypatch):
    """An error with a way to mend it; with `--offline` nobody is asked."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    found = examined("--export", "none")
    (one,) = found.of("lineage.unreached")
    assert "OPENLINEAGE_URL" in one["fix"]
    assert found.code == 1
    assert examined("--export", "none", "--offline").section("lineage") == ["lineage.not_asked"]


def test_a_file_and_the_terminal(monkeypatch, tmp_path):
    """A file can be written, and is not left behind; where nothing is said there is nothing to say."""
    file = tmp_path / "events.jsonl"
    monkeypatch.setenv("OPENLINEAGE_URL", str(file))
    assert examined("--export", "none").section("lineage") == ["lineage.file"]
    assert not file.exists()
    monkeypatch.setenv("OPENLINEAGE_URL", "console")
    assert examined("--export", "none").section("lineage") == ["lineage.console"]
    monkeypatch.delenv("OPENLINEAGE_URL")
    assert examined("--export", "none").section("lineage") == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("lineage.push = true", ["lineage.pushed"]),
        ("lineage.push = true\nsql.information_schema = true", ["lineage.pushed", "lineage.asked"]),
        ("lineage.push = true\nsql.information_schema = true\nlineage.enabled = false", []),
    ],
)
def test_what_workspaces_are_told_and_asked(monkeypatch, tmp_path, lines, expected):
    """Both are named where they are on, unless nothing is kept of lineage."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genops.toml").write_text(lines)
    assert examined("--export", "none").section("lineage") == expected
