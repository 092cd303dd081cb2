"""Exits: what is installed, what is chained, what is given back."""

from __future__ import annotations

import signal
import threading

import pytest

from genops.telemetry.exits import Exits


@pytest.fixture
def before():
    """The handler of SIGTERM before and after a test."""
    previous = signal.getsignal(signal.SIGTERM)
    yield previous
    signal.signal(signal.SIGTERM, previous)


def test_the_signal_is_given_back(before):
    """Installing takes SIGTERM, uninstalling restores what was there."""
    exits = Exits()
    exits.install(lambda: None)
    assert signal.getsignal(signal.SIGTERM) != before
    exits.uninstall()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_handler_that_came_later_stays(before):
    """Uninstalling does not take the signal from somebody else."""
    exits = Exits()
    exits.install(lambda: None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    exits.uninstall()
    assert signal.getsignal(signal.SIGTERM) == signal.default_int_handler


def test_a_program_that_ignores_the_signal_goes_on_ignoring_it(before):
    """SIG_IGN is a decision of the program."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    exits = Exits()
    exits.install(lambda: None)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    exits.uninstall()


def test_only_the_main_thread_takes_signals(before):
    """Configured in another thread, genops leaves signals alone and raises nothing."""
    exits = Exits()
    thread = threading.Thread(target=exits.install, args=(lambda: None,))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == before
    exits.uninstall()


def test_the_programs_handler_runs_after_a_flush(before):
    """A handler of the program is called with the signal, once what is queued has left; nothing is ended for it."""
    happened = []
    done = threading.Event()

    def handler(number, _frame):
        happened.append(number)
        done.set()

    signal.signal(signal.SIGTERM, handler)
    exits = Exits()
    exits.install(lambda: happened.append("end"), lambda: happened.append("flush"))
    signal.raise_signal(signal.SIGTERM)
    assert done.wait(10)
    assert happened == ["flush", "flush", signal.SIGTERM]
    exits.uninstall()
