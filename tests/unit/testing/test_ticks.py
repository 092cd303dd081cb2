"""The clock and the identities of a capture."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from genops.errors import InvalidArgument
from genops.testing.ticks import START, CountedIds, TickingClock


def test_only_a_measured_duration_moves_the_clock() -> None:
    """`monotonic` moves by one step; reading the time in any other way moves nothing."""
    clock = TickingClock(step=0.5)
    readings = [clock.now_ns(), clock.now_ns(), clock.monotonic(), clock.now_ns(), clock.monotonic()]
    start_ns = 1_767_225_600_000_000_000
    assert readings == [start_ns, start_ns, 0.5, start_ns + 500_000_000, 1.0]
    assert (clock.elapsed, clock.now) == (1.0, START + timedelta(seconds=1))


def test_advance_moves_the_clock_and_tells_its_owner() -> None:
    """`advance` lets time pass and then calls what was given to be told."""
    told: list[float] = []
    clock = TickingClock(step=0, moved=lambda: told.append(clock.elapsed))
    clock.advance(90)
    clock.advance(0.25)
    assert told == [90.0, 90.25]
    assert clock.monotonic() == 90.25
    assert "2026-01-01T00:01:30" in repr(clock)


def test_the_start_may_be_in_any_time_zone() -> None:
    """A start elsewhere is the same instant in UTC."""
    elsewhere = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert TickingClock(elsewhere).now == datetime(2026, 3, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TickingClock(datetime(2026, 1, 1)), "time zone"),  # noqa: DTZ001  (what is refused)
        (lambda: TickingClock(step=-1), "step=-1"),
        (lambda: TickingClock().advance(-0.1), "seconds=-0.1"),
        (lambda: TickingClock().advance(float("nan")), "seconds=nan"),
    ],
)
def test_times_that_make_no_sense_are_refused(make, said) -> None:
    """A naive start and times that go back are refused, with the value."""
    with pytest.raises(InvalidArgument, match=said):
        make()


def test_identities_count_from_one() -> None:
    """Traces and spans are numbered apart, and none is the invalid zero."""
    ids = CountedIds()
    assert [ids.trace_id(), ids.span_id(), ids.span_id(), ids.trace_id()] == [1, 1, 2, 2]


def test_identities_count_on_above_others() -> None:
    """They begin where the others stand, which go on as if there were none above them."""
    below = CountedIds()
    below.trace_id()
    above = CountedIds(below)
    assert [above.trace_id(), above.span_id(), below.trace_id(), below.span_id()] == [2, 1, 2, 1]
