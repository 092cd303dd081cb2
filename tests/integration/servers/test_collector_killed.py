"""A collector that is killed in the midst of a run and comes back: what was lost is counted, and nothing else was."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from support import otlp_json
from support.backends import Collector
from support.polling import eventually
from support.teams import governed

if TYPE_CHECKING:
    from pathlib import Path

    from genops.telemetry.delivery import Delivery
    from support.servers import Found
    from support.teams import Governed

# Short enough for the test, long enough for one attempt and one more.
_SECONDS = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}


def _judge(left: list[dict[str, Any]], arrived: list[dict[str, Any]], said: Delivery) -> None:
    """Hold what genops says of a signal against what the collector has."""
    sent, there = otlp_json.counted(left), otlp_json.counted(arrived)
    assert not there.keys() - sent.keys()
    assert said.waiting == 0
    assert said.exported + said.failed + said.dropped == sent.total()
    # Accepted means arrived; failed means that nobody knows, as an answer may have died with the collector.
    assert said.exported <= (sent & there).total() <= said.exported + said.failed
    assert (sent - there).total() <= said.lost
    assert (there - sent).total() <= said.repeated


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_losses_and_repeats_are_counted(collector_program: Found, tmp_path: Path, protocol: str) -> None:
    """Killed under load and started again on its port: the files agree with genops' counts, and metrics end right."""
    collector = Collector(collector_program, tmp_path)
    environment = {**collector.environment(protocol), **_SECONDS}
    with governed(tmp_path, "killed", environment, flush_interval_seconds=0.02) as program:
        stop = threading.Event()
        at_work = threading.Thread(target=_until, args=(stop, program))
        at_work.start()
        eventually(lambda: program.otlp() and program.otlp()["traces"].exported > 50)
        collector.server.kill()
        eventually(lambda: program.otlp()["traces"].failed and program.otlp()["logs"].failed)
        assert not program.runtime.flush(30)
        collector.server.start()
        returned = program.otlp()["traces"].exported
        eventually(lambda: program.otlp()["traces"].exported > returned + 50)
        stop.set()
        at_work.join()
        # What was under way when it came back may have been lost after the flush that said so.
        program.runtime.flush(30)
        program.work()
        assert program.runtime.flush(30)
        said = program.otlp()
        exact = sum(row.units for row in program.runtime.totals.rows())
    collector.server.stop()
    left, arrived = program.written(), collector.of("killed")
    assert said["traces"].lost
    assert said["logs"].lost
    _judge(left.spans, arrived.spans, said["traces"])
    _judge(left.logs, arrived.logs, said["logs"])
    ends = arrived.last_points()
    assert ends.keys() == left.last_points().keys()
    assert sum(value for series, value in ends.items() if series.name == "genops.operations") == exact


def _until(stop: threading.Event, program: Governed) -> None:
    while not stop.wait(0.05):
        program.work()


def test_a_collector_that_rests_loses_exactly_what_is_said(collector_program: Found, tmp_path: Path) -> None:
    """Killed while nothing is under way: failed is exactly what is missing, accepted exactly what is there."""
    collector = Collector(collector_program, tmp_path)
    environment = {**collector.environment("http"), **_SECONDS}
    with governed(tmp_path, "rests", environment, flush_interval_seconds=3600) as program:
        program.work()
        assert program.runtime.flush(30)
        collector.server.kill()
        program.work()
        assert not program.runtime.flush(30)
        collector.server.start()
        program.work()
        assert program.runtime.flush(30)
        said = program.otlp()
    collector.server.stop()
    left, arrived = program.written(), collector.of("rests")
    for signal, items, there in (("traces", left.spans, arrived.spans), ("logs", left.logs, arrived.logs)):
        missing = otlp_json.counted(items) - otlp_json.counted(there)
        assert said[signal].failed == missing.total() > 0
        assert said[signal].exported == len(there)
        assert otlp_json.counted(there) <= otlp_json.counted(items)
