"""A second witness: minilake, an emulator of Databricks that is not ours, beside LocalWorkspace."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

import genops
from genops.testing import LocalWorkspace, capture
from support import minilake_server
from support.backend_fixtures import missing, took_part
from support.behaviours import BEHAVIOURS, observed, prepare
from support.differences import DIFFERENCES
from support.servers import MissingServerError

DOCS = Path(__file__).parents[3] / "docs" / "local-workspace.md"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What a program notices of each behaviour at LocalWorkspace and at minilake, under the instrumented SDK."""
    try:
        program = minilake_server.installed()
    except MissingServerError as reason:
        missing("minilake", str(reason))
    took_part("minilake", f"{program.version}, {program.origin}")
    other = minilake_server.Minilake(program, tmp_path_factory.mktemp("minilake"))
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    try:
        with LocalWorkspace() as ours:
            yield _observations(ours.host, ours.token), _observations(other.url, "any")
    finally:
        other.server.stop()


def _observations(host, token):
    seen, units = {}, {}
    with capture(team="tests") as captured:
        genops.auto_instrument_databricks()
        client = WorkspaceClient(host=host, token=token)
        prepare(client)
        for name, call in BEHAVIOURS.items():
            before = len(captured.units)
            seen[name] = observed(call, client)
            units[name] = [(unit.type, unit.outcome) for unit in captured.units[before:]]
    return seen, units


def test_each_difference_is_explained(both):
    """The emulators differ exactly where the table says so, each row with a source."""
    (ours, _), (theirs, _) = both
    assert {name for name in BEHAVIOURS if ours[name] != theirs[name]} == set(DIFFERENCES)
    assert all(why and source for why, source in DIFFERENCES.values())


def test_nothing_fails_inside_the_client(both):
    """No answer of LocalWorkspace is one that the SDK cannot read."""
    (ours, _), _ = both
    assert not {name: seen for name, seen in ours.items() if "of the client" in str(seen)}


def test_genops_sees_the_same_operations(both):
    """Where the emulators agree, the instrumented SDK tells of the same units with the same outcomes."""
    (_, ours), (_, theirs) = both
    # minilake serves no host metadata, where the SDK finds the number of the workspace without a call.
    agreeing = BEHAVIOURS.keys() - DIFFERENCES - {"the_workspace_has_a_number"}
    assert {name: ours[name] for name in agreeing} == {name: theirs[name] for name in agreeing}
    assert sum(len(ours[name]) for name in agreeing) >= len(agreeing) > 10


def test_the_table_is_in_the_documentation():
    """The page shows each difference."""
    page = DOCS.read_text("utf-8")
    for name, (why, source) in DIFFERENCES.items():
        assert f"| {name.replace('_', ' ')} | {why} | {source} |" in page
