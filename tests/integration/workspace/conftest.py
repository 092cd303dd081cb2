"""A workspace and its client for the tests of a file; a file with needs of its own makes its own."""

from __future__ import annotations

import pytest

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def ws():
    """A workspace whose states show their end at once."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def w(ws):
    """A real client of the workspace's own user."""
    return workspace_client(ws)


@pytest.fixture(scope="module")
def ask(ws):
    """Sends requests as they are."""
    return workspace_client(ws).api_client.do
