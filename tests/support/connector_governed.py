"""Make the same calls with this interpreter's connector, plain and governed, and print what differs as JSON.

Usage: `python -m support.connector_governed HOST TOKEN WAREHOUSE [CA_FILE]`, with `src` and `tests` on the path.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from typing import Any

from genops.core.governor import Settings
from genops.instrumentation import databricks_sql
from support.connector_calls import ASYNCHRONOUS, BASIC, NAMED, shown
from support.connector_table import SEA_SINCE, TRANSPORTS, Given, version
from support.recording import TEAM, RecordingSink, active

_NAMED_SINCE = (3, 0)
_ASYNCHRONOUS_SINCE = (4, 0)
_TAGS_SINCE = (4, 2, 6)


def main(host: str, token: str, warehouse: str, ca_file: str = "") -> None:
    """Print `{transport: {"different": […], "units": […], "tags": {…}, "faults": {…}}}`."""
    logging.disable(logging.CRITICAL)
    calls = [*BASIC, *(NAMED if version() >= _NAMED_SINCE else ())]
    calls += ASYNCHRONOUS if version() >= _ASYNCHRONOUS_SINCE else ()
    found: dict[str, Any] = {"version": ".".join(map(str, version())), "tagged": version() >= _TAGS_SINCE}
    over_both = version() >= SEA_SINCE and importlib.util.find_spec("pyarrow") is not None
    for transport in TRANSPORTS if over_both else TRANSPORTS[:1]:
        given = Given(host, token, warehouse, transport, ca_file)
        found[transport] = _compared(given, calls)
        given.close()
    sys.stdout.write(json.dumps(found))


def _compared(given: Given, calls: list[Any]) -> dict[str, Any]:
    plain = [repr(shown(given.connection, call)) for call in calls]
    sink = RecordingSink()
    with active(Settings(attribution=TEAM, inject=True), sinks=[sink]) as governor:
        databricks_sql.install()
        seen = [repr(shown(given.connection, call)) for call in calls]
        cursor = given.cursor().execute("SELECT 1 AS n")
        units = [settled.operation.type for settled in sink.settled]
        last = sink.settled[-1]
        databricks_sql.uninstall()
        faults = dict(governor.guard.counts)
    return {
        "different": [call.__name__ for call, a, b in zip(calls, plain, seen, strict=True) if a != b],
        "units": units,
        "last": [
            last.operation.host,
            last.operation.resource_id,
            last.facts.rows,
            last.operation.statement is not None,
        ],
        "tags": given.tags(last.facts.charge.id) if last.facts.charge else None,
        "faults": {str(place): count for place, count in faults.items()},
        "rows": [tuple(row) for row in cursor.fetchall()],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
