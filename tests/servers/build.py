"""Build or fetch what the tests need of others, before the tests: `python tests/servers/build.py servers peers all`.

Servers, peers of the local workspace, everything; it says what each took.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import minilake_server, mlflow_server, servers, tpch

SERVERS = {
    "otelcol": partial(servers.built, "otelcol"),
    "otel-desktop-viewer": partial(servers.built, "otel-desktop-viewer"),
    "prometheus": partial(servers.scraping, "prometheus"),
    "promtool": partial(servers.scraping, "promtool"),
}
PEERS = {
    "minilake": minilake_server.installed,
    "TPC-H": tpch.installed,
}
FULL = {
    "prometheus with the OTLP receiver": partial(servers.built, "prometheus"),
    "promtool of that Prometheus": partial(servers.built, "promtool"),
    "mlflow": mlflow_server.installed,
}


def main(wanted: list[str]) -> int:
    """Print a line for each; return the number of those that cannot be had, where all must be."""
    missing = 0
    chosen = SERVERS if "servers" in wanted or "all" in wanted else {}
    chosen = chosen | (PEERS if "peers" in wanted or "all" in wanted else {})
    for name, get in (chosen | (FULL if "all" in wanted else {})).items():
        begun = time.monotonic()
        try:
            found = get()
        except servers.MissingServerError as reason:
            missing += 1
            print(f"{name}: not to be had: {reason}", flush=True)
        else:
            print(f"{name} {found.version}: {found.origin}, {time.monotonic() - begun:.1f} s", flush=True)
    return missing if servers.REQUIRED else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
