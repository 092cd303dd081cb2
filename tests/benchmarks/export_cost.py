"""The cost of export: bytes of an operation on each way out, and the CPU that a real collector takes for them.

An operation is a span and its three events; metrics are on the wire as well, as often as they leave. Bytes are counted
by a relay in front of the collector, with headers and answers; those of the file are its size. The collector decodes,
and writes everything to files. Its CPU is that of its process, in ticks of the kernel (10 ms).

No two operations are the same: five teams, forty tables, and ids, hashes, sizes and prices that never repeat, because
what repeats costs nothing once it is compressed. Run it with `nox -s bench`.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple
from unittest import mock
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from genops.core.attribution import Attribution
from genops.core.guard import Guard
from genops.core.operation import DatasetRef, Facts, Statement
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry
from support import servers
from support.backends import Collector
from support.records import EVERYBODY, FixedTotals, money, operation, row, run_unit
from support.relay import Relay

WAYS = (("http", "none"), ("http", "gzip"), ("grpc", "none"), ("grpc", "gzip"))
# Few enough to fit into the queues between two flushes.
_AT_ONCE = 1_000
_STATED = 10_000  # operations that CPU is given for
_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a way out costs.

    Attributes:
        way: Protocol and compression.
        sent: Bytes of an operation that left.
        answered: Bytes of an operation that came back.
        ours: Seconds of this process' CPU for 10,000 operations, making them included.
        collectors: Seconds of the collector's CPU for 10,000 operations; `None` where there is none.
    """

    way: str
    sent: float
    answered: float
    ours: float
    collectors: float | None


def exported(count: int, **config: object) -> float:
    """Make operations and export them; return the CPU that it took.

    Raises:
        RuntimeError: Something was not accepted.
    """
    totals = FixedTotals(row(units=1, cost=50_000, currency="USD"))
    telemetry = Telemetry.build(TelemetryConfig(**config), guard=Guard(), totals=totals)  # type: ignore[arg-type]
    dice = random.Random(7)
    begun = time.process_time()
    for _ in range(count // _AT_ONCE):
        for _ in range(_AT_ONCE):
            one(telemetry, dice)
        if not telemetry.flush(60):
            raise RuntimeError(f"not everything was accepted: {telemetry.health()}")
    telemetry.shutdown(60)
    return time.process_time() - begun


def one(telemetry: Telemetry, dice: random.Random) -> None:
    """Make one operation."""
    what = operation(
        "table.query",
        attribution=Attribution({"team": f"team-{dice.randrange(5)}"}).over(EVERYBODY),
        reads=(DatasetRef(("main", "sales", f"table_{dice.randrange(40)}")),),
        statement=Statement("SELECT", dice.randrange(40, 4_000), f"{dice.getrandbits(128):032x}"),
    )
    facts = Facts(
        rows=dice.randrange(100_000),
        bytes=dice.randrange(10_000_000),
        attempts=1,
        request_id=str(uuid.UUID(int=dice.getrandbits(128))),
    )
    run_unit(telemetry.tracer, telemetry.sinks, what, facts=facts, priced=money(dice.randrange(1, 90_000)))


def over_the_wire(collector: Collector, protocol: str, compression: str, count: int) -> Cost:
    """Export to the collector, and return what it cost."""
    environment = collector.environment(protocol)
    with Relay(urlsplit(environment["OTEL_EXPORTER_OTLP_ENDPOINT"]).port or 0) as relay:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{relay.port}"
        with mock.patch.dict(os.environ, environment):
            exported(_AT_ONCE, compression=compression)  # connections and caches
            sent, received, before = relay.sent, relay.received, ticks(collector)
            ours = exported(count, compression=compression)
            took = (ticks(collector) - before) / _TICKS
    scale = _STATED / count
    bytes_of_one = ((relay.sent - sent) / count, (relay.received - received) / count)
    return Cost(f"OTLP/{protocol}, {compression}", *bytes_of_one, ours * scale, took * scale)


def into_a_file(folder: Path, count: int) -> Cost:
    """Export to a file of OTLP JSON, and return what it cost."""
    file = folder / "own.jsonl"
    ours = exported(count, export=file)
    return Cost("file, JSON", file.stat().st_size / count, 0, ours * _STATED / count, None)


def ticks(collector: Collector) -> int:
    """Return the CPU of the collector so far, in the kernel's ticks."""
    fields = Path(f"/proc/{collector.server.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])  # utime and stime, of which proc(5) tells


def measure(count: int) -> list[Cost]:
    """Measure every way out.

    Raises:
        MissingServerError: There is no collector and none can be built.
    """
    program = servers.built("otelcol")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENOPS_"))}
    with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, clean, clear=True):
        folder = Path(name)
        collector = Collector(program, folder)
        try:
            return [*(over_the_wire(collector, *way, count) for way in WAYS), into_a_file(folder, count)]
        finally:
            collector.server.stop()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--operations", type=int, default=_STATED, help="operations of each way, in thousands")
    count = parser.parse_args().operations
    print(f"{'way':<20} {'sent B/op':>10} {'answered B/op':>14} {'genops CPU s/10k':>17} {'collector CPU s/10k':>20}")
    for cost in measure(count):
        collectors = "-" if cost.collectors is None else f"{cost.collectors:.2f}"
        print(f"{cost.way:<20} {cost.sent:>10.0f} {cost.answered:>14.1f} {cost.ours:>17.2f} {collectors:>20}")


if __name__ == "__main__":
    main()
