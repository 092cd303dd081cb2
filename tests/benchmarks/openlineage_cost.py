"""The cost of an event: CPU to build and to serialise it, beside the reference client where that is installed.

A COMPLETE of one input, one output, three columns, schema, statistics, tags, redacted SQL and a parent, as the test of
agreement sends it. Both run in one process, interleaved; a figure is the median of the rounds. Run it with
`python tests/benchmarks/openlineage_cost.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from genops.core.containers import Container
from genops.core.operation import Action, ColumnEdge, DatasetRef, Facts, Statement
from genops.lineage.openlineage.events import Events
from support.records import admitted, operation, settled

HOST = "acme.cloud.databricks.com"
ORDERS, GOLD = (DatasetRef(("main", "sales", name), "table", HOST) for name in ("orders", "gold"))
WHAT = operation(
    "statement.execute",
    action=Action.WRITE,
    container=Container("nightly", operation("workflow.run")),
    statement=Statement("INSERT", 40, "ab12"),
    attributes={"db.query.text": "INSERT INTO gold SELECT ?", "db.system.name": "databricks"},
)
FACTS = Facts(
    rows=7,
    reads=(ORDERS,),
    writes=(GOLD,),
    columns=(
        ColumnEdge(ORDERS, "id", GOLD, "id", "DIRECT:IDENTITY"),
        ColumnEdge(ORDERS, "email", GOLD, "who", "DIRECT:TRANSFORMATION:MASKING"),
        ColumnEdge(ORDERS, "day", GOLD, "", "INDIRECT:FILTER"),
    ),
)


TO_JSON = json.JSONEncoder(separators=(",", ":")).encode


class _OneSchema:
    def columns(self, table: tuple[str, ...]) -> tuple[str, ...] | None:
        return ("id", "who") if table == GOLD.parts else None


EVENTS = Events("acme", schemas=_OneSchema(), classify=lambda _: "restricted", engines={WHAT.provider: "17.3"})


def start() -> str:
    """Build and serialise a START."""
    return TO_JSON(EVENTS.of(admitted(WHAT)))


def complete() -> str:
    """Build and serialise a COMPLETE."""
    return TO_JSON(EVENTS.of(settled(WHAT, facts=FACTS)))


def built() -> None:
    """Build a COMPLETE."""
    EVENTS.of(settled(WHAT, facts=FACTS))


def records() -> None:
    """Make the record alone, which the others do too."""
    settled(WHAT, facts=FACTS)


def reference():
    """What builds and serialises the same COMPLETE by the reference client; `None` where that is not installed."""
    try:
        from openlineage.client import event_v2, serde
    except ImportError:
        return None
    from unit.lineage import test_openlineage_client as agreed

    def run() -> str:
        event = agreed.event(event_v2.RunState.COMPLETE, "2023-11-14T22:13:20.250000Z", *agreed.datasets())
        return serde.Serde.to_json(event)

    return run


def main() -> None:
    """Print microseconds of CPU by what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--times", type=int, default=200)
    given = parser.parse_args()
    ways = {"START": start, "COMPLETE": complete, "COMPLETE, built only": built, "record alone": records}
    if (other := reference()) is not None:
        ways["reference client, COMPLETE"] = other
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name, way in ways.items():
            began = time.thread_time()
            for _ in range(given.times):
                way()
            taken[name].append((time.thread_time() - began) / given.times * 1e6)
    print(f"bytes of a COMPLETE: {len(complete())}")
    for name, each in taken.items():
        print(f"{name:28} {statistics.median(each):8.1f} µs")


if __name__ == "__main__":
    main()
