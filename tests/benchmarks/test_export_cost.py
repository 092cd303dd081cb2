"""The measure of export compares like with like: everything arrives, and compression is seen on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.export_cost import WAYS, measure

if TYPE_CHECKING:
    from support.servers import Found


@pytest.mark.full
def test_every_way_is_measured(collector_program: Found) -> None:
    """Both protocols send about as many bytes, compression saves most of them, and the collector took CPU."""
    assert collector_program.path.exists()
    *wires, file = measure(1_000)
    assert len(wires) == len(WAYS)
    sent = {cost.way: cost.sent for cost in wires}
    assert sent["OTLP/http, gzip"] < sent["OTLP/http, none"] / 3
    assert sent["OTLP/grpc, gzip"] < sent["OTLP/grpc, none"] / 3
    assert sent["OTLP/grpc, none"] == pytest.approx(sent["OTLP/http, none"], rel=0.2)
    assert file.sent > sent["OTLP/http, none"]
    assert all(cost.collectors for cost in wires)
