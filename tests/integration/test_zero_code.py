"""An unchanged program is governed from outside as it is by the one line."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from genops.testing import LocalWorkspace
from support import declared, zero_code
from support.otlp import Receiver, plain
from support.stub import one_table
from support.zero_code import CALL, EVENTS, GENOPS_RUN, OF_A_DISTRO, OTEL, OVER_HTTP, WITHOUT_DISTRO

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
APP = Path(__file__).resolve().parents[2] / "examples" / "zero_code" / "app.py"
ONE_LINE = "import genops; genops.auto_instrument_databricks()\n"
# The ninth call of the program is beyond the budget: a decision that is not the default one. Four programs at once may
# need long to read their last statement.
SETTINGS = '[budgets.small]\nlimit = 8\nunit = "call"\nperiod = "total"\n[telemetry]\nexit_timeout_seconds = 60\n'


@pytest.fixture
def workspace():
    """A server that knows one table."""
    with one_table() as stub:
        yield stub


@pytest.fixture
def receiver():
    """A receiver of OTLP; what came to it is as the registry declares it."""
    with declared.held_receiver() as running:
        yield running


def test_the_same_units_each_way(tmp_path):
    """The same units, decisions, events and attributes by the one line, `genops run` and `opentelemetry-instrument`."""
    (tmp_path / "genops.toml").write_text(SETTINGS)
    (tmp_path / "with_line").mkdir()
    with_line = tmp_path / "with_line" / "app.py"
    future, marked, rest = APP.read_text("utf-8").partition("import annotations\n")
    with_line.write_text(future + marked + ONE_LINE + rest, "utf-8")
    ways = {
        "one line": ([], with_line, {}),
        "genops run": (GENOPS_RUN, APP, {}),
        "opentelemetry-instrument": (OTEL, APP, WITHOUT_DISTRO),
        "opentelemetry-instrument with a distro": (OTEL, APP, OVER_HTTP),
    }
    receivers = {}
    with ExitStack() as stack:
        running = []
        for way, (command, script, more) in ways.items():
            workspace = stack.enter_context(LocalWorkspace(page_size=10))
            receivers[way] = stack.enter_context(Receiver())
            env = zero_code.environment(receivers[way], workspace.host, GENOPS_HASH_KEY="0" * 32, **more)
            arguments = ["python", str(script), workspace.warehouse_id]
            env["DATABRICKS_TOKEN"] = workspace.token
            running.append(stack.enter_context(zero_code.started([*command, *arguments], tmp_path, env)))
        for process in running:
            assert "orders: [['2']]" in zero_code.ended(process)
        units, events = zero_code.comparable(receivers["one line"])
        assert [unit.name.rpartition("catalog.")[2] for unit in units] == [
            *("schema.create", "volume.create", "file.upload", "sql.define", "table.write", "table.query"),
            *("table.list", "table.get", "schema.delete"),
        ]
        assert {unit.attributes["genops.team"] for unit in units} == {"data-eng"}
        assert [unit.attributes["genops.policy.result"] for unit in units] == ["ALLOWED"] * 8 + ["WARNING"]
        assert sorted(event.name for event in events) == sorted([*EVENTS] * 9)
        for received in receivers.values():
            others, other_events = zero_code.comparable(received)
            assert [unit.attributes for unit in others] == [unit.attributes for unit in units]
            assert (others, other_events) == (units, events)
            assert list(zero_code.counted(received, "genops.operations").values()) == [9]
            declared.hold(received, OF_A_DISTRO)
        resources = [plain(received.spans()[0][1].attributes) for received in receivers.values()]
        assert [resource["service.name"] for resource in resources[:3]] == ["app"] * 3
        assert [OF_A_DISTRO in resource for resource in resources] == [False, False, False, True]


PROVIDERS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
tracing = TracerProvider()
tracing.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracing)
"""
LOOK = """
with trace.get_tracer("app").start_as_current_span("request"):
    call()
assert trace.get_tracer_provider() is tracing
call_, request = spans.get_finished_spans()
assert call_.name.endswith("table.get"), call_.name
assert call_.parent.span_id == request.context.span_id
"""


def test_a_program_with_providers_of_its_own(workspace, receiver, tmp_path):
    """Providers that the program sets, before or after its import of the SDK, are used; all ways at once are one."""
    env = zero_code.environment(receiver, workspace.url, **WITHOUT_DISTRO)
    commands = [
        [*GENOPS_RUN, "python", "-c", PROVIDERS + CALL + LOOK],
        [*GENOPS_RUN, *OTEL, *GENOPS_RUN, "python", "-c", 2 * ONE_LINE + CALL + PROVIDERS + LOOK],
    ]
    with ExitStack() as stack:
        for process in [stack.enter_context(zero_code.started(command, tmp_path, env)) for command in commands]:
            zero_code.ended(process)
    assert len(workspace.requests) == 2
    assert not receiver.spans()
