"""Run the table of behaviours with the connector of this interpreter, and print what became of each as JSON.

Usage: `python -m support.connector_program HOST TOKEN WAREHOUSE [CA_FILE]`, with `tests` on the path, without genops.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import traceback

from support import connector_catalog, connector_connecting, connector_fetching, connector_statements, connector_types
from support.connector_table import BEHAVIOURS, TRANSPORTS, Given

PARTS = (connector_catalog, connector_connecting, connector_fetching, connector_statements, connector_types)


def main(host: str, token: str, warehouse: str, ca_file: str = "") -> None:
    """Print `{transport: {behaviour: "works" | "absent: why" | traceback}}`."""
    logging.disable(logging.CRITICAL)
    arrow = importlib.util.find_spec("pyarrow") is not None
    found: dict[str, dict[str, str]] = {}
    for transport in TRANSPORTS:
        given = Given(host, token, warehouse, transport, ca_file)
        outcomes = found[transport] = {}
        for name, behaviour in BEHAVIOURS.items():
            missing = behaviour.missing(transport, arrow=arrow)
            outcomes[name] = f"absent: {missing}" if missing else _outcome(behaviour.run, given)
        given.close()
    sys.stdout.write(json.dumps(found))


def _outcome(run, given):
    try:
        run(given)
    except BaseException:
        return traceback.format_exc(limit=-3)
    return "works"


if __name__ == "__main__":
    main(*sys.argv[1:])
