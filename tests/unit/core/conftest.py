"""A recording sink and tracer, and a governor made of them."""

from __future__ import annotations

import pytest

from genops.core.decisions import Mode, OnFault
from genops.core.governor import Settings
from support.recording import TEAM, RecordingSink, RecordingTracer, active


@pytest.fixture
def sink():
    """Keeps every record."""
    return RecordingSink()


@pytest.fixture
def tracer():
    """Keeps every scope."""
    return RecordingTracer()


@pytest.fixture
def govern(sink, tracer):
    """Activate a governor for the rest of the test."""
    opened = []

    def start(mode="observe", on_fault="block", *, sinks=(), settings=None, **ports):
        chosen = settings or Settings(Mode(mode), OnFault(on_fault), TEAM)
        block = active(chosen, **{"tracer": tracer, "sinks": [sink, *sinks], **ports})
        opened.append(block)
        return block.__enter__()

    yield start
    for block in reversed(opened):
        block.__exit__(None, None, None)


@pytest.fixture
def governor(govern):
    """A governor in observe mode without rules, budgets and prices."""
    return govern()
