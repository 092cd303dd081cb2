"""What stands where OpenTelemetry could not be connected."""

from __future__ import annotations

from genops.telemetry.delivery import Delivery, Undelivered
from support.records import run_unit


def test_what_is_offered_counts_as_failed_for_each_way():
    """Spans and records are counted apart, and every destination failed to get them."""
    lost = Undelivered([("otlp", "traces"), ("otlp", "logs"), ("x.jsonl", "traces")])
    first, second = (run_unit(lost, (lost,)) for _ in range(2))
    assert first != second
    assert lost.deliveries == (
        Delivery("otlp", "traces", 0, 2, 0, 0),
        Delivery("otlp", "logs", 0, 4, 0, 0),
        Delivery("x.jsonl", "traces", 0, 2, 0, 0),
    )


def test_a_loss_is_told_once():
    """Asked again without anything new offered, there is nothing to tell."""
    lost = Undelivered([("otlp", "traces")])
    assert lost.told()
    run_unit(lost, (lost,))
    assert not lost.told()
    assert lost.told()
