"""Calls of the SQL connector, plain and under every circumstance: the program must not see a difference."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest
import wrapt
from databricks.sql import client

from genops.core.decisions import Mode
from genops.core.governor import Settings
from genops.core.ports import TABLES, AllowAll, BareScope, NoTracer
from genops.core.records import Settled
from genops.errors import GovernanceError
from genops.instrumentation import databricks_results, databricks_sdk, databricks_sql, databricks_sql_calls
from genops.testing import LocalWorkspace
from support.connecting import TRANSPORTS, connected
from support.connector_calls import CALLS, told
from support.governed import BrokenLedger, DenyAll
from support.recording import TEAM, RecordingSink, active


@pytest.fixture(scope="module")
def workspace():
    """One workspace."""
    with LocalWorkspace() as running:
        yield running


@pytest.fixture(scope="module")
def connections(workspace):
    """A connection over each transport, and what each call shows on it without genops."""
    opened = {transport: connected(workspace, transport) for transport in TRANSPORTS}
    yield {
        transport: (connection, [told(workspace, connection, call) for call in CALLS])
        for transport, connection in opened.items()
    }
    for connection in opened.values():
        connection.close()


class Broken:
    """Every port at once, and none of them works."""

    needs = frozenset({TABLES})
    blocking = queued = False

    def __getattr__(self, name):
        raise OSError(f"{name} is broken")


def _raise(*_, **__):
    raise RuntimeError("broken")


class BrokenSpans(NoTracer):
    """A tracer whose spans break after the call."""

    class Span(BareScope):
        """Begins, and cannot end."""

        exit = close = _raise

    def open(self, *_):
        """Return such a span."""
        return self.Span()


class BrokenEnd:
    """A sink that takes admissions, and no settlements."""

    def write(self, record):
        """Take a record."""
        if isinstance(record, Settled):
            raise OSError("the disk is full")


@contextlib.contextmanager
def hooked(*args, **ports):
    """The hooks of connector and SDK are in, with a governor of these ports."""
    with active(*args, **ports) as governor:
        databricks_sql.install()
        databricks_sdk.install()
        try:
            yield governor
        finally:
            databricks_sql.uninstall()
            databricks_sdk.uninstall()


@contextlib.contextmanager
def twice(monkeypatch):
    """Ours are installed twice, with another layer of wrapt between and above."""

    def layer(wrapped, instance, args, kwargs):
        return wrapped(*args, **kwargs)

    methods = ("execute", "executemany", "fetchall", "catalogs", "get_query_state")
    for name in methods:
        monkeypatch.setattr(client.Cursor, name, wrapt.FunctionWrapper(vars(client.Cursor)[name], layer))
    with hooked() as governor:
        databricks_sql.install()
        for name in methods:
            monkeypatch.setattr(client.Cursor, name, wrapt.FunctionWrapper(vars(client.Cursor)[name], layer))
        yield governor


@contextlib.contextmanager
def breaking(monkeypatch, *places):
    """Functions of the hooks themselves raise."""
    for owner, name in places:
        monkeypatch.setattr(owner, name, _raise)
    with hooked() as governor:
        yield governor


_DESCRIBING = ((databricks_sql_calls, "reach_of"), (databricks_sql_calls.results, "facts_of"))
_SEEING = (
    (databricks_results, "size_of"),
    (databricks_results, "failure"),
    (databricks_results, "fetched"),
    (databricks_results, "state_of"),
    (databricks_results, "charge_of"),
    (databricks_sql_calls.Execution, "begun"),
    (databricks_sql_calls.Batch, "ran"),
)
CIRCUMSTANCES = {
    "governed": lambda _: hooked(sinks=[RecordingSink()]),
    "off": lambda _: hooked(Settings(mode=Mode.OFF)),
    "enforce": lambda _: hooked(Settings(mode=Mode.ENFORCE, attribution=TEAM)),
    "every port raises": lambda _: hooked(policy=Broken(), ledger=Broken(), pricer=Broken(), tracer=Broken()),
    "the ledger raises": lambda _: hooked(ledger=BrokenLedger()),
    "spans raise": lambda _: hooked(tracer=BrokenSpans()),
    "a sink raises": lambda _: hooked(sinks=[BrokenEnd()]),
    "a reader raises": lambda _: hooked(statements=Broken()),
    "describing raises": lambda patch: breaking(patch, *_DESCRIBING),
    "seeing raises": lambda patch: breaking(patch, *_SEEING),
    "twice": twice,
}


# What differs between the transports is what is sent and how a result is held, so not every part breaks over both.
OVER_BOTH = ("governed", "enforce", "a sink raises", "describing raises", "seeing raises", "twice")
CASES = [(name, over) for name in CIRCUMSTANCES for over in (TRANSPORTS if name in OVER_BOTH else TRANSPORTS[:1])]


@pytest.mark.faults
@pytest.mark.parametrize(("circumstance", "transport"), CASES)
def test_the_program_sees_no_difference(workspace, connections, transport, circumstance, monkeypatch):
    """Results, errors, their arguments and the requests are those of the connector alone, whatever breaks in genops."""
    connection, plain = connections[transport]
    with CIRCUMSTANCES[circumstance](monkeypatch):
        seen = [told(workspace, connection, call) for call in CALLS]
    for call, before, after in zip(CALLS, plain, seen, strict=True):
        assert after == before, call.__name__


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_refused_call_sends_nothing(workspace, connections, transport):
    """In enforce mode a refusal is raised before any request, and the cursor works afterwards."""
    connection, _ = connections[transport]
    cursor = connection.cursor()
    with hooked(Settings(mode=Mode.ENFORCE, attribution=TEAM), policy=DenyAll()) as governor:
        workspace.clear_requests()
        for call in (
            lambda: cursor.execute("SELECT 1"),
            lambda: cursor.execute_async("SELECT 1"),
            lambda: cursor.executemany("SELECT :n", [{"n": 1}]),
            cursor.catalogs,
        ):
            with pytest.raises(GovernanceError, match="nothing goes"):
                call()
        assert len(workspace.requests) == 0
        governor.policy = AllowAll()
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]
    cursor.close()


def test_uninstalling_restores_every_original():
    """The very same functions are back, and installing again wraps them again."""
    owners = (client.Connection, client.Cursor)
    before = [dict(vars(owner)) for owner in owners]
    databricks_sql.install()
    count = databricks_sql.installed()
    changed = [
        name for owner, was in zip(owners, before, strict=True) for name in was if vars(owner)[name] is not was[name]
    ]
    databricks_sql.install()
    assert databricks_sql.installed() == count == len(changed) > 10
    databricks_sql.uninstall()
    assert databricks_sql.installed() == 0
    assert [dict(vars(owner)) for owner in owners] == before
    assert type(vars(client.Cursor)["execute"]).__name__ == "function"


def test_the_connector_is_not_imported_by_its_hooks():
    """Hooks before the import wait for it, and what is taken out before the import stays out."""
    program = """
import sys
from genops.instrumentation import databricks_sql as hooks
hooks.install()
assert not any(name.startswith("databricks") for name in sys.modules)
assert hooks.installed() == 0
hooks.uninstall()
import databricks.sql.client as client
assert not hasattr(client.Cursor.execute, "__wrapped__") or hooks.installed() == 0
hooks.install()
assert hooks.installed() > 10
del sys.modules["databricks.sql.client"]
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
