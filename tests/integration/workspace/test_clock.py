"""The clock of the workspace: what is due happens once, in order, at its own moment."""

from __future__ import annotations

import threading

import pytest

from genops.testing.workspace.clock import Clock


@pytest.fixture
def clock():
    """A clock that is stopped at the end."""
    made = Clock()
    yield made
    made.close()


def test_what_is_due_happens_in_order_at_its_moment(clock):
    """An advance goes through each moment; what is due then sees that time, and may make more due."""
    begun, seen = clock.now(), []

    def note(name):
        seen.append((name, round((clock.now() - begun) / 60)))

    def twice():
        note("first")
        clock.at(begun + 1800, lambda: note("made by first"))

    clock.at(begun + 3600, lambda: note("last"))
    clock.at(begun + 600, twice)
    clock.at(begun + 7200, lambda: note("never"))
    clock.advance(minutes=90)
    assert seen == [("first", 10), ("made by first", 30), ("last", 60)]
    assert round((clock.now() - begun) / 60) == 90


def test_what_is_due_by_itself_happens_too(clock):
    """Nobody has to move the clock for something that is due now."""
    happened = threading.Event()
    clock.at(clock.now() + 0.01, happened.set)
    assert happened.wait(20)


def test_closed_clock_does_nothing_more():
    """After close nothing happens by time, and the clock's thread has ended."""
    clock, happened = Clock(), threading.Event()
    clock.at(clock.now() + 3600, happened.set)
    clock.close()
    clock.advance(hours=2)
    assert not happened.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "local-clock" and thread is clock._thread]


def test_time_does_not_go_back(clock):
    """A negative step is refused."""
    with pytest.raises(ValueError, match="only moves forward"):
        clock.advance(seconds=-1)


def test_what_fails_does_not_end_the_clock(clock, caplog):
    """One callback that raises is logged, and those due at the same moment still happen, in their order."""
    happened, seen = threading.Event(), []
    now = clock.now()
    clock.at(now + 0.01, lambda: seen.append("first"))
    clock.at(now + 0.01, lambda: 1 / 0)
    clock.at(now + 0.01, lambda: seen.append("last"))
    clock.at(now + 0.01, happened.set)
    assert happened.wait(20)
    clock.at(now + 3600, lambda: 1 / 0)
    clock.at(now + 3600, lambda: seen.append("moved to"))
    clock.advance(hours=2)
    assert seen == ["first", "last", "moved to"]
    assert "the clock goes on" in caplog.text
