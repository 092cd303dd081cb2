"""The table of what the SQL connector's documentation promises: one function a behaviour, run over each transport.

It needs the connector and the standard library only, so that other versions run it in environments of their own.
"""

from __future__ import annotations

import itertools
import json
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from databricks import sql

TRANSPORTS = ("thrift", "sea")
_numbers = itertools.count(1)


def version() -> tuple[int, ...]:
    """Return the connector's version."""
    return tuple(int(part) for part in sql.__version__.split(".")[:3])


class Given:
    """A workspace, and how to connect to it over one transport.

    Args:
        host: URL of the workspace.
        token: A token.
        warehouse: Id of a warehouse.
        transport: `thrift` or `sea`.
        ca_file: The certificate of a workspace that speaks HTTPS.
    """

    def __init__(self, host: str, token: str, warehouse: str, transport: str, ca_file: str = "") -> None:
        self.host, self.token, self.warehouse, self.transport = host, token, warehouse, transport
        self.ca_file = ca_file
        self.path = f"/sql/1.0/warehouses/{warehouse}"

    def connect(self, **arguments: Any) -> Any:
        """Open a connection with further arguments of `sql.connect`."""
        path = arguments.pop("http_path", self.path)
        token = arguments.pop("access_token", self.token)
        address, _, port = self.host.rpartition(":")
        if self.ca_file:
            trusted = {"_port": int(port), "_tls_trusted_ca_file": self.ca_file}
            where = {
                "server_hostname": "127.0.0.1",
                **trusted,
                **({"use_sea": True} if self.transport == "sea" else {}),
            }
        elif self.transport == "sea":
            where = {"server_hostname": address, "_port": int(port), "use_sea": True}
        else:
            where = {"server_hostname": "127.0.0.1", "_connection_uri": self.host + path}
        # Older versions try again what is refused.
        impatient = {"_retry_stop_after_attempts_count": 1, "_retry_delay_min": 0.1, "_retry_delay_max": 5}
        return sql.connect(
            http_path=path, access_token=token, enable_telemetry=False, **where, **impatient, **arguments
        )

    @cached_property
    def connection(self) -> Any:
        """A connection that behaviours share which do not care which one they have."""
        return self.connect(catalog="main", schema="default")

    def cursor(self, **arguments: Any) -> Any:
        """Return a new cursor of the shared connection."""
        return self.connection.cursor(**arguments)

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement as plain tuples."""
        with self.cursor() as cursor:
            return [tuple(row) for row in cursor.execute(statement, *parameters).fetchall()]

    def table(self, columns: str, values: str = "") -> str:
        """Return the name of a new table, filled where values are given."""
        name = f"main.default.t{next(_numbers)}_{self.transport}"
        self.rows(f"CREATE OR REPLACE TABLE {name} ({columns})")
        if values:
            self.rows(f"INSERT INTO {name} VALUES {values}")
        return name

    def asked(self, path: str, body: Any = None) -> dict[str, Any]:
        """Return what the REST API answers; a body is posted."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.host + path, data, headers)
        trusted = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        with urllib.request.urlopen(request, timeout=30, context=trusted) as answer:
            return json.load(answer)

    def history(self, statement_id: str) -> dict[str, Any]:
        """Return a statement's entry in query history."""
        found = self.asked(f"/api/2.0/sql/history/queries?filter_by.statement_ids={statement_id}")["res"]
        assert [entry["query_id"] for entry in found] == [statement_id]
        return found[0]

    def tags(self, statement_id: str) -> dict[str, str | None]:
        """Return a statement's query tags."""
        return {tag["key"]: tag.get("value") or None for tag in self.history(statement_id)["query_tags"]}

    def close(self) -> None:
        """Close the shared connection."""
        if "connection" in vars(self):
            self.connection.close()


@dataclass(frozen=True)
class Behaviour:
    """One row of the table.

    Attributes:
        name: What is promised.
        run: Shows it, or raises.
        since: The first version of the connector that promises it.
        lacks: Transports that do not have it, each with the connector's own words.
        arrow: Whether the client needs pyarrow for it.
    """

    name: str
    run: Callable[[Given], None]
    since: tuple[int, ...] = (2, 9)
    lacks: dict[str, str] = field(default_factory=dict)
    arrow: bool = False

    def missing(self, transport: str, *, arrow: bool = True) -> str:
        """Say why this version does not have it over a transport; empty where it has."""
        if version() < self.since:
            return f"since {'.'.join(map(str, self.since))}"
        if transport == "sea" and version() < SEA_SINCE:
            return "no use_sea in this version"
        if (self.arrow or transport == "sea") and not arrow:
            return "any arrow specific api (e.g. fetchmany_arrow) and cloud fetch will be disabled"
        return self.lacks.get(transport, "")


SEA_SINCE = (4, 1)
BEHAVIOURS: dict[str, Behaviour] = {}


def promises(name: str, *, since: tuple[int, ...] = (2, 9), sea: str = "", arrow: bool = False) -> Any:
    """Put a function into the table.

    Args:
        name: What is promised.
        since: The first version that promises it.
        sea: Why the SEA transport does not have it, in the connector's own words.
        arrow: Whether it needs pyarrow.
    """

    def put(run: Callable[[Given], None]) -> Callable[[Given], None]:
        assert name not in BEHAVIOURS, name
        BEHAVIOURS[name] = Behaviour(name, run, since, {"sea": sea} if sea else {}, arrow)
        return run

    return put


def raised(kind: type[BaseException], call: Callable[[], Any], *, words: str = "") -> Any:
    """Return the error that a call raises, which must be of a kind and have these words."""
    error: BaseException | None = None
    try:
        call()
    except kind as found:
        error = found
    assert error is not None, f"{kind.__name__} was not raised"
    assert words in str(error), f"{words!r} is not in {error!s}"
    return error
