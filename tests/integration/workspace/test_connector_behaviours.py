"""What the SQL connector's documentation promises, over its Thrift transport and over the statement API."""

from __future__ import annotations

import os

import pytest

from genops.testing import LocalWorkspace
from support import connector_catalog, connector_connecting, connector_fetching, connector_statements, connector_types
from support.connector_table import BEHAVIOURS, TRANSPORTS, Given

PARTS = (connector_catalog, connector_connecting, connector_fetching, connector_statements, connector_types)


@pytest.fixture(scope="module")
def workspace():
    """One workspace, whose results come in files from 1,000 rows on."""
    with LocalWorkspace(chunk_rows=1000) as running, pytest.MonkeyPatch.context() as patch:
        # Each connection would read the machine's certificates, which no connection here needs.
        patch.setenv("SSL_CERT_FILE", os.devnull)
        patch.setenv("SSL_CERT_DIR", os.devnull)
        yield running


@pytest.fixture(scope="module")
def given(workspace):
    """How to connect, by transport."""
    both = {name: Given(workspace.host, workspace.token, workspace.warehouse_id, name) for name in TRANSPORTS}
    yield both
    for one in both.values():
        one.close()


def _rows():
    for transport in TRANSPORTS:
        for behaviour in BEHAVIOURS.values():
            if not behaviour.missing(transport):
                yield pytest.param(transport, behaviour, id=f"{transport}: {behaviour.name}")


def test_at_least_sixty_behaviours_over_each_transport():
    """The table is as long as it is said to be, over Thrift and over the statement API."""
    assert len(PARTS) == 5
    counts = [sum(not behaviour.missing(transport) for behaviour in BEHAVIOURS.values()) for transport in TRANSPORTS]
    assert min(counts) >= 60


@pytest.mark.parametrize(("transport", "behaviour"), list(_rows()))
def test_promised(given, transport, behaviour):
    """The connector does over this transport what its documentation promises."""
    behaviour.run(given[transport])
