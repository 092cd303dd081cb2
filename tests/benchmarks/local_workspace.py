"""LocalWorkspace beside minilake: what a select, a page of 1,000 tables and the read of a catalog take, and the start.

Each is a process of its own, asked by the same databricks-sdk from this one, in turn, so that a busy moment of the
machine meets both. Times are medians. Run it with `nox -s bench`, or by itself.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from databricks.sdk import WorkspaceClient

from support import minilake_server
from support.servers import Server, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = 1_000
CLIENTS = 64
TOKEN = "benchmark"


class Peer(NamedTuple):
    """A running emulator.

    Attributes:
        name: What it is.
        server: Its process.
        client: Asks it.
        warehouse: Where statements run.
        started: Seconds from the start of the process to its first answer.
    """

    name: str
    server: Server
    client: WorkspaceClient
    warehouse: str
    started: float


def ours(folder: Path) -> Peer:
    """Start `genops workspace`."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [Path(sys.executable).with_name("genops"), "workspace", "--port", port, "--token", TOKEN, "--quiet"]
    begun = time.perf_counter()
    server = Server(command, f"{url}/.well-known/databricks-config", folder / "ours.log")
    return _peer("LocalWorkspace", server, url, time.perf_counter() - begun)


def theirs(folder: Path) -> Peer:
    """Start minilake."""
    program = minilake_server.installed()
    begun = time.perf_counter()
    other = minilake_server.Minilake(program, folder)
    return _peer(f"minilake {program.version}", other.server, other.url, time.perf_counter() - begun)


def _peer(name: str, server: Server, url: str, started: float) -> Peer:
    client = WorkspaceClient(host=url, token=TOKEN)
    found = list(client.warehouses.list())
    warehouse = found[0].id if found else client.warehouses.create(name="w", cluster_size="Small").response.id
    client.catalogs.create(name="bench")
    client.schemas.create(name="wide", catalog_name="bench")
    for number in range(TABLES):
        client.statement_execution.execute_statement(
            f"CREATE TABLE bench.wide.t{number} (a INT, b STRING)", str(warehouse)
        )
    return Peer(name, server, client, str(warehouse), started)


def select(peer: Peer) -> Any:
    """A statement without a table."""
    return peer.client.statement_execution.execute_statement("SELECT 1 AS one", peer.warehouse).result


def page(peer: Peer) -> Any:
    """All tables of a schema of 1,000."""
    found = sum(1 for _ in peer.client.tables.list("bench", "wide", max_results=TABLES))
    assert found == TABLES, f"{peer.name} lists {found} tables"
    return found


def catalog(peer: Peer) -> Any:
    """One catalog."""
    return peer.client.catalogs.get("bench")


def seconds(call: Callable[[Peer], Any], peer: Peer) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    call(peer)
    return time.perf_counter() - begun


def crowd(peer: Peer) -> tuple[float, int]:
    """64 clients at once, 8 selects each: seconds in all, and errors."""

    def one(_: int) -> int:
        client = WorkspaceClient(host=peer.client.config.host, token=TOKEN)
        mine, errors = peer._replace(client=client), 0
        for _ in range(8):
            try:
                select(mine)
            except Exception:  # a count of whatever a program would get
                errors += 1
        return errors

    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        errors = sum(pool.map(one, range(CLIENTS)))
    return time.perf_counter() - begun, errors


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        peers = [ours(Path(folder)), theirs(Path(folder))]
        try:
            print(f"{'':32}" + "".join(f"{peer.name:>20}" for peer in peers) + f"{'ratio':>10}")
            _row("start to first answer, s", [peer.started for peer in peers])
            for call, count in ((select, rounds), (page, max(rounds // 10, 3)), (catalog, rounds)):
                taken: list[list[float]] = [[], []]
                for _ in range(count):
                    for kept, peer in zip(taken, peers, strict=True):
                        kept.append(seconds(call, peer) * 1000)
                _row(f"{(call.__doc__ or '').rstrip('.')}, ms", [statistics.median(kept) for kept in taken])
            crowds = [crowd(peer) for peer in peers]
            _row(f"{CLIENTS} clients, 8 selects each, s", [total for total, _ in crowds])
            _row("  of them failed", [errors for _, errors in crowds])
        finally:
            for peer in peers:
                peer.server.stop()


def _row(name: str, values: list[float]) -> None:
    ratio = f"{values[0] / values[1]:10.2f}" if values[1] else ""
    print(f"{name:32}" + "".join(f"{value:20.2f}" for value in values) + ratio, flush=True)


if __name__ == "__main__":
    main()
