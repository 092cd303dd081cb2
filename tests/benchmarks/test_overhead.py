"""The benchmark compares like with like, and no measure is far over its limit."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.overhead import LIMITS, Bench, Collected, measure


@pytest.fixture(scope="module")
def bench() -> Bench:
    """Build the providers and runtimes once."""
    return Bench()


def _said(bench: Bench, loop: Any) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    bench.drain()
    bench.spans.keeping = bench.logs.keeping = True
    loop(1)
    bench.drain()
    bench.spans.keeping = bench.logs.keeping = False
    (span,), logs = bench.spans.kept, bench.logs.kept
    bench.spans.kept, bench.logs.kept = [], []
    return dict(span.attributes), [(log.log_record.event_name, dict(log.log_record.attributes)) for log in logs]


def test_the_baseline_writes_the_same_telemetry(bench: Bench) -> None:
    """What is written by hand has the attributes and events of the governed call, value by value."""
    by_hand = bench.by_hand()
    assert _said(bench, by_hand) == _said(bench, bench.under("default"))


def test_the_baseline_counts_what_the_totals_count(bench: Bench) -> None:
    """By hand there are as many counters as genops has totals that one such call moves."""
    runtime = bench.runtimes["default"]
    before = runtime.totals.total()
    bench.under("default")(1)
    after = runtime.totals.total()
    moved = [name for name in ("decisions", "units", "unpriced") if getattr(after, name) > getattr(before, name)]
    assert len(moved) == len(bench.counters)


def test_the_governed_call_records_its_duration(bench: Bench) -> None:
    """The histogram that is written by hand is written by genops as well."""
    bench.drain()
    before = Collected.durations
    bench.under("default")(3)
    bench.runtimes["default"].flush(60)
    assert Collected.durations == before + 3


def test_no_measure_is_far_over_its_limit() -> None:
    """A gate with room to spare: a few rounds on a busy machine stay below twice each limit."""
    ratios = measure(3)
    assert {name: ratio for name, ratio in ratios.items() if ratio > 2 * LIMITS[name]} == {}
