"""`genops.testing.capture`: everything that would be exported, the same in every run."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import genops
from genops import runtime as root
from genops.core.amounts import Amount, Grade
from genops.core.operation import Facts, Late
from genops.runtime import Runtime, swapped
from genops.settings import load
from genops.testing import capture
from support import spec
from support.captures import RULES, TABLES, WHO, pipeline, refused
from support.governed import call
from support.recording import RecordingSink


def test_a_unit_is_its_decision_amounts_span_and_events_together() -> None:
    """What belongs to one unit is read in one place, in the words of the specification."""
    with capture(**WHO) as captured:
        pipeline()
    unit = captured.units.named("load").only
    assert (unit.type, unit.team, unit.result, unit.outcome) == ("custom.run", "data-eng", "ALLOWED", "ok")
    assert (unit.reserved, unit.actual, unit.unit) == (Decimal(1), Decimal("0.7"), "USD")
    assert (unit.cost, unit.currency, unit.grade) == (Decimal("0.7"), "USD", "estimated")
    assert (unit.rows, unit.bytes, unit.writes, unit.missing) == (12, 2048, ("main.sales.orders",), ())
    assert unit.span is not None
    assert unit.attributes["genops.data.row_count"] == 12
    assert [event.name for event in unit.events] == [
        "genops.policy.evaluated",
        "genops.budget.reservation",
        "genops.budget.reconciliation",
    ]
    failed = captured.units.where(team="finance").only
    assert (failed.outcome, failed.error_type) == ("error", "KeyError")
    assert failed.span is not None
    assert failed.span.status == "error"


def test_identities_and_times_are_the_same_in_every_run() -> None:
    """Ids count from one, the clock begins at a fixed instant, an operation with nothing inside lasts one step."""
    seen = []
    for _ in range(2):
        with capture(**WHO) as captured:
            pipeline()
        seen.append((captured.units, captured.spans, captured.events, captured.metrics, captured.snapshot()))
    assert seen[0] == seen[1]
    spans = seen[0][1]
    assert [(int(span.trace_id, 16), int(span.span_id, 16)) for span in spans] == [(1, 1), (1, 2), (1, 3), (1, 4)]
    start_ns = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()) * 10**9
    assert spans[0].started_ns == start_ns
    assert captured.units.named("count").only.seconds == 1.0


def test_time_begins_where_it_is_told_and_moves_as_it_is_told() -> None:
    """With a step of zero only `clock.advance` moves the time, and the unit lasts as long as that."""
    start = datetime(2026, 7, 31, 23, tzinfo=timezone.utc)
    with capture(start=start, step=0, **WHO) as captured:
        with genops.operation("slow", reads=["a.b.c"]):
            captured.clock.advance(90)
        unit = captured.units.only
    assert unit.seconds == 90
    assert unit.span is not None
    assert unit.span.started_ns == int(start.timestamp()) * 10**9


def test_spans_of_parts_and_containers_are_there_too() -> None:
    """A part and a workflow have a span and no unit; parents are told by span id."""
    with capture(**WHO) as captured:
        pipeline()
    assert [(span.attributes["genops.operation.name"], span.role) for span in captured.spans] == [
        ("nightly", "container"),
        ("load", "unit"),
        ("check", "part"),
        ("count", "unit"),
    ]
    workflow, unit, part, other = captured.spans
    assert (unit.parent_id, part.parent_id, other.parent_id) == (workflow.span_id, unit.span_id, workflow.span_id)


def _said(name, attributes) -> tuple[str, str]:
    """Return a name and attributes as they can be compared; how long a workflow took is the clock's affair."""
    kept = {k: list(v) if isinstance(v, tuple) else v for k, v in attributes.items() if not k.endswith(".duration")}
    return name, str(sorted(kept.items()))


def test_what_is_captured_is_what_the_sdk_exports(tmp_path: Path) -> None:
    """The same program through OpenTelemetry's SDK into a file says the same spans, events and metrics."""
    file = tmp_path / "real.jsonl"
    settings = {**WHO, **RULES, "budgets": {"month": {"limit": 100}}, "export": str(file), "sql.hash_key": "k"}
    with swapped(Runtime(load(settings, ambient=False))):
        pipeline()
        refused()
    real = spec.read(file)
    with capture(**settings) as captured:
        pipeline()
        refused()
    for captured_items, real_items in ((captured.spans, real.spans), (captured.events, real.events)):
        assert sorted(_said(item.name, item.attributes) for item in captured_items) == sorted(
            _said(item["name"], item["attributes"]) for item in real_items
        )
    assert {(m.name, m.unit, len(m.points)) for m in captured.metrics if not m.name.startswith("genops.telemetry")} == {
        (m["name"], m["unit"], len(_points(m)))
        for m in real.metrics
        if not m["name"].startswith("genops.telemetry") and _points(m)
    }
    (cost,) = [m for m in real.metrics if m["name"] == "genops.cost.total"]
    assert sum(point["asDouble"] for point in _points(cost)) == captured.metric("genops.cost.total") == 0.7


def _points(metric):
    return next(metric[kind] for kind in ("sum", "gauge", "histogram") if kind in metric).get("dataPoints", [])


def test_totals_metrics_and_units_agree() -> None:
    """Three ways to ask what a team cost have one answer."""
    with capture(**WHO) as captured:
        pipeline()
        assert captured.cost(team="data-eng") == Decimal("0.70")
        assert captured.totals.by("team")["data-eng"].final == {"USD": Decimal("0.70")}
        assert captured.metric("genops.cost.total", team="data-eng", currency="USD") == 0.7
        assert captured.metric("genops.operations", labels={"genops.team": "finance"}) == 1
        assert captured.metric("genops.operation.duration", team="finance") == 1.0
    assert captured.cost(team="finance") is None
    assert captured.metric("genops.operations", team="nobody") is None


def test_a_later_correction_is_part_of_the_cost() -> None:
    """What becomes known after the call changes what the unit cost."""
    with capture(**WHO) as captured:
        call(op_charge=None, observe=lambda *_: Facts(late=Late("bill", 3_600.0)))
        governor = genops.runtime.active().governor
        assert captured.units.only.incomplete is True
        governor.pending.resolve("bill", Facts(money=Amount.of("3.50", "USD"), grade=Grade.BILLED, source="bill"))
        unit = captured.units.only
    assert (unit.cost, unit.grade) == (Decimal("3.5"), "billed")
    assert captured.cost() == Decimal("3.5")
    assert "genops.cost.calculated" in [event.name for event in unit.events]


def test_what_waits_for_facts_gives_up_when_its_time_has_passed() -> None:
    """A deadline passes on the capture's clock, with no thread behind it."""
    with capture(step=0, **WHO) as captured:
        call(observe=lambda *_: Facts(late=Late("rows", 5.0, keep_open=True)))
        captured.clock.advance(4.9)
        assert captured.units.only.outcome == "running"
        assert captured.spans == ()
        captured.clock.advance(0.1)
        assert captured.units.only.outcome == "ok"
    assert len(captured.spans) == 1


def test_a_list_that_nobody_finished_is_settled_when_it_is_read() -> None:
    """What the collector took away is incomplete, and needs no thread to be said."""

    @genops.operation("rows", reads=["a.b.c"])
    def rows():
        yield from range(10)

    with capture(**WHO) as captured:
        unfinished = rows()
        next(unfinished)
        del unfinished
        gc.collect()
        assert captured.units.only.outcome != "running"


def test_nothing_of_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables and files say nothing inside, not even that the SDK is switched off."""
    for name, value in {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "GENOPS_TEAM": "from-the-environment",
        "GENOPS_MODE": "off",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "genops.toml").write_text('[attribution]\nproject = "from-a-file"\n')
    monkeypatch.chdir(tmp_path)
    with capture() as captured:
        with genops.operation("load", reads=["a.b.c"]):
            pass
        genops.configure(environment="test")
        with genops.operation("again", reads=["a.b.c"]):
            pass
    assert [(u.team, u.project, u.environment) for u in captured.units] == [(None, None, None), (None, None, "test")]
    assert len(captured.spans) == 2
    assert captured.units[0].missing == ("team", "project", "environment")


def test_no_thread_is_started_and_nothing_leaves(tmp_path: Path) -> None:
    """Neither facts that come late, nor an export that the program asks for, need a thread or a file."""
    before = set(threading.enumerate())
    file = tmp_path / "asked-for.jsonl"
    with capture(**WHO) as captured:
        genops.configure(export=str(file), **WHO)
        call(observe=lambda *_: Facts(late=Late("rows", 5.0, keep_open=True)))
        pipeline()
        assert captured.metrics
        assert genops.flush() is True
        assert set(threading.enumerate()) <= before
    assert not file.exists()
    assert len(captured.units) == 3


def test_providers_of_the_program_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program has a tracer provider, its spans stay its own, and captured ones stand below them."""
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    ended = []
    monkeypatch.setattr(provider._active_span_processor, "on_end", lambda span: ended.append(span.name))
    with capture(**WHO) as captured, provider.get_tracer("program").start_as_current_span("request") as around:
        pipeline()
    assert ended == ["request"]
    span = captured.spans[0]
    assert span.parent_id == f"{around.get_span_context().span_id:016x}"
    assert captured.snapshot()["spans"][0]["parent"] == "outside"


def test_a_program_that_configures_itself_is_still_captured() -> None:
    """Its settings go on top of the capture's, which stand in for environment and files; equal ones change nothing."""
    with capture(mode="enforce", policies=RULES["policies"], tables=TABLES, team="other") as captured:
        genops.configure(**WHO)
        pipeline()
        refused()
        assert genops.configure(**WHO) is root._active.runtime
    assert captured.units.named("load").only.team == "data-eng"
    captured.assert_refused("pay", policy="clearance")


def test_a_program_that_shuts_down_can_be_read_and_begins_anew() -> None:
    """After `genops.shutdown()` what was captured is there, and what follows is captured too."""
    with capture(**WHO) as captured:
        pipeline()
        genops.shutdown()
        assert len(captured.units) == 2
        assert captured.totals.total().units == captured.metric("genops.operations") == 2
        with genops.operation("after", reads=["a.b.c"]):
            pass
    assert captured.units[-1].name == "after"


def test_captures_nest_and_restore_what_was_there() -> None:
    """The innermost captures; after it the one around goes on, with its own identities and settings."""
    before = root._active.runtime
    with capture(**WHO) as outer:
        with capture(team="inner") as inner, genops.operation("inside", reads=["a.b.c"]):
            pass
        genops.configure(**WHO)
        with genops.operation("outside", reads=["a.b.c"]):
            pass
    assert [u.name for u in outer.units] == ["outside"]
    assert [(u.name, u.team) for u in inner.units] == [("inside", "inner")]
    assert outer.spans[0].span_id == inner.spans[0].span_id
    assert root._active.runtime is before


def test_a_capture_inside_an_open_operation_repeats_no_identity() -> None:
    """Its span has another identity than the one that it lies below; in every run the same."""

    def run() -> list[tuple[str, str | None]]:
        with capture(**WHO) as outer:
            with genops.operation("outer", reads=["a.b.c"]), capture(**WHO) as inner, genops.operation("inner"):
                pass
            with genops.operation("after", reads=["a.b.c"]):
                pass
        return [(span.span_id, span.parent_id) for captured in (inner, outer) for span in captured.spans]

    one, two = f"{1:016x}", f"{2:016x}"
    assert run() == run() == [(two, one), (one, None), (two, None)]


def test_threads_lose_nothing() -> None:
    """Many threads are captured whole, each unit with its own identity, span and events."""

    def work(number: int) -> None:
        with genops.operation(f"unit-{number}", reads=["a.b.c"]):
            pass

    with capture(**WHO) as captured, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))
    units = captured.units
    assert {unit.name for unit in units} == {f"unit-{number}" for number in range(400)}
    assert len({unit.span_id for unit in units}) == 400
    assert all(unit.span is not None and len(unit.events) == 3 for unit in units)
    captured.assert_compliant()


def test_coroutines_are_captured() -> None:
    """Units of concurrent tasks stay apart."""

    async def work(number: int) -> None:
        async with genops.operation(f"task-{number}", reads=["a.b.c"]):
            await asyncio.sleep(0)

    async def everything() -> None:
        await asyncio.gather(*(work(number) for number in range(5)))

    with capture(**WHO) as captured:
        asyncio.run(everything())
    assert sorted(unit.name for unit in captured.units) == [f"task-{number}" for number in range(5)]
    assert {unit.outcome for unit in captured.units} == {"ok"}


def test_a_capture_may_end_in_another_context() -> None:
    """An asynchronous fixture may begin and end it in different contexts."""
    block = capture(**WHO)
    captured = copy_context().run(block.__enter__)
    pipeline()
    copy_context().run(block.__exit__, None, None, None)
    assert len(captured.units) == 2


@pytest.mark.parametrize("settings", [{"events": "span"}, {"enable_sampling": True, "sampling_rate": 0.0}])
def test_span_events_and_unsampled_units_are_whole(settings) -> None:
    """Events on spans are found like log events; a unit that is not sampled has its events and no span."""
    with capture(**WHO, **settings) as captured, genops.operation("load", reads=["a.b.c"], cost="0.5"):
        pass
    unit = captured.units.only
    assert len(unit.events) == 3
    assert unit.reserved == Decimal("0.5")
    assert (unit.span is None) is ("enable_sampling" in settings)
    assert unit.events[0].sampled is (unit.span is not None)
    captured.assert_compliant()
    assert json.loads(json.dumps(captured.snapshot())) == captured.snapshot()


def test_what_is_captured_keeps_to_the_registry() -> None:
    """Held against the registry as it is captured, nothing is missing and nothing undeclared."""
    with capture(validate_telemetry_schema=True, enable_performance_metrics=True, **WHO, **RULES) as captured:
        pipeline()
        refused()
        assert captured.metric("genops.internal.admit.duration") is not None
        invalid = [m.points for m in captured.metrics if m.name == "genops.telemetry.invalid"]
    assert sum(point.value for points in invalid for point in points) == 0


def test_further_sinks_are_written_to() -> None:
    """A sink of the test sees the same records as the capture."""
    sink = RecordingSink()
    with capture(sinks=[sink], **WHO) as captured:
        pipeline()
    assert tuple(sink.records) == captured.records
    assert len(captured.decisions) == 2
