"""Lineage for Unity Catalog's own graph: what flows between its objects and what it cannot see by itself.

Unity Catalog sees what runs on Databricks between its own tables and volumes, so such edges are not told. An edge with
a path, or with a dataset of another system, is told once by the external lineage API; a dataset of another system
becomes an external metadata object first.

Source: Databricks, external lineage (`/api/2.0/lineage-tracking/external-lineage` and `…/external-metadata`).
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.core.edges import LOCAL_FILE
from genops.core.forks import on_fork
from genops.core.records import Admitted, Record
from genops.core.sinks import QUEUE_CAPACITY
from genops.errors import InvalidArgument
from genops.lineage.naming import UNRESOLVED, Named, name

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef, Facts, Operation
    from genops.lineage.openlineage.facets import Json

_LINEAGE = "/api/2.0/lineage-tracking/external-lineage"
_METADATA = "/api/2.0/lineage-tracking/external-metadata"
_DATABRICKS = "databricks_unity_catalog"
_WORKSPACE = "unitycatalog://"
_TABLE_PARTS = 3
_PATHS = ("s3://", "gs://", "abfss://", "wasbs://")
_SYSTEMS = {
    "azuresynapse": "AZURE_SYNAPSE",
    "bigquery": "GOOGLE_BIGQUERY",
    "fabric-warehouse": "MICROSOFT_FABRIC",
    "kafka": "KAFKA",
    "mssql": "MICROSOFT_SQL_SERVER",
    "mysql": "MYSQL",
    "oracle": "ORACLE",
    "postgres": "POSTGRESQL",
    "redshift": "AMAZON_REDSHIFT",
    "snowflake": "SNOWFLAKE",
    "sqlserver": "AZURE_SYNAPSE",
    "teradata": "TERADATA",
}
EDGES_KEPT = 10_000
_REST_SECONDS = 300.0
_log = logging.getLogger("genops")
_Columns = frozenset[tuple[str, str]]
_NO_COLUMNS: _Columns = frozenset()


class _End(NamedTuple):
    """One end of an edge as the API takes it.

    Attributes:
        kind: `table`, `path` or `external_metadata`.
        id: Its name or its URL.
        named: What the dataset is called.
        inside: It is an object of Unity Catalog.
    """

    kind: str
    id: str
    named: Named
    inside: bool = False

    @property
    def body(self) -> Json:
        return {self.kind: {"url" if self.kind == "path" else "name": self.id}}


class PushCounts(NamedTuple):
    """What became of the edges that were to be told.

    Attributes:
        told: Edges that Unity Catalog has now, by us or by somebody else.
        failed: Attempts that it refused, or that did not reach it.
        skipped: Edges that it sees by itself, or that have an end that cannot be named. Counted at every record.
        dropped: Edges brought after the end.
    """

    told: int
    failed: int
    skipped: int
    dropped: int


class UnityCatalogLineage:
    """Tells Unity Catalog of edges, each once.

    It is a queued sink: all of it happens on the thread of its own queue. The last 10,000 edges are remembered, and an
    edge among them is told again only for columns that were not known before. One that was refused rests five minutes.

    Args:
        connect: Returns a workspace client of the SDK for a host, or `None` where there is none. It is asked on the
            sink's thread, once for each host.
        capacity: Records that may wait.
    """

    queued = True

    def __init__(self, connect: Callable[[str], Any], *, capacity: int = QUEUE_CAPACITY) -> None:
        self.capacity = capacity
        self._connect = connect
        self._told: dict[tuple[str, ...], _Columns] = {}
        self._resting: dict[tuple[str, ...], float] = {}
        self._closed = self._complained = False
        self._begin()
        on_fork(self._begin)

    def _begin(self) -> None:
        """Count anew, and connect anew: a child tells what it sent itself, and not on its parent's connections."""
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self._done = self._failed = self._skipped = self._dropped = 0

    @property
    def counts(self) -> PushCounts:
        """The counts as they stand."""
        return PushCounts(self._done, self._failed, self._skipped, self._dropped)

    def write(self, record: Record) -> None:
        """Tell of the edges that a record names and that are not told yet."""
        if isinstance(record, Admitted) or not (record.facts.edges or record.facts.columns):
            return
        with self._lock:
            for (source, target), columns in _edges(record.facts):
                self._consider(source, target, columns, record.operation)

    def close(self) -> None:
        """Tell no more."""
        self._closed = True

    def _consider(self, source: DatasetRef, target: DatasetRef, columns: _Columns, operation: Operation) -> None:
        named = (target.host, source.host, operation.host if operation.provider == _DATABRICKS else None)
        here = next((host for host in named if host and _is_workspace(host)), None)
        ends = None if here is None else (_end(source, here), _end(target, here))
        if self._closed:
            self._dropped += 1
        elif here is None or ends is None or ends[0] is None or ends[1] is None or (ends[0].inside and ends[1].inside):
            self._skipped += 1
        else:
            self._tell(here, ends[0], ends[1], columns)

    def _tell(self, host: str, source: _End, target: _End, columns: _Columns) -> None:
        key = (host, *source[:2], *target[:2])
        known = self._told.get(key)
        if known is not None and columns <= known:
            return
        if self._resting.get(key, 0.0) > time.monotonic():
            return
        client = self._client(host)
        if client is None:
            self._skipped += 1
            return
        try:
            for end in (source, target):
                self._declare(client, host, end)
            self._relate(client, source, target, known, columns)
        except Exception as fault:  # whatever the SDK raises; the program's work went on long ago
            self._failed += 1
            _remember(self._resting, key, time.monotonic() + _REST_SECONDS)
            self._complain(fault)
            return
        self._done += known is None
        _remember(self._told, key, columns if known is None else columns | known)

    def _relate(self, client: Any, source: _End, target: _End, known: _Columns | None, columns: _Columns) -> None:
        whole = sorted(columns if known is None else columns | known)
        body: Json = {"source": source.body, "target": target.body}
        if whole:
            body["columns"] = [{"source": one, "target": other} for one, other in whole]
        if known is None:
            _unless_there(client, _LINEAGE, body)
        else:
            client.api_client.do("PATCH", _LINEAGE, query={"update_mask": "columns"}, body=body)

    def _declare(self, client: Any, host: str, end: _End) -> None:
        """Make sure that a dataset of another system is known."""
        key = (host, end.kind, end.id)
        if end.kind != "external_metadata" or key in self._told:
            return
        scheme = end.named.namespace.partition(":")[0]
        body: Json = {
            "name": end.id,
            "system_type": _SYSTEMS.get(scheme, "DATABRICKS" if scheme == "unitycatalog" else "OTHER"),
            "entity_type": "table",
            "properties": {"openlineage.namespace": end.named.namespace, "openlineage.name": end.named.name},
        }
        _unless_there(client, _METADATA, body)
        _remember(self._told, key, _NO_COLUMNS)

    def _client(self, host: str) -> Any:
        if host not in self._clients:
            self._clients[host] = self._connect(host)
        return self._clients[host]

    def _complain(self, fault: Exception) -> None:
        if not self._complained:
            self._complained = True
            _log.warning(
                "genops: an edge of lineage was not taken by Unity Catalog: %s; further ones are only counted.",
                type(fault).__qualname__,
            )


def _edges(facts: Facts) -> Iterable[tuple[tuple[DatasetRef, DatasetRef], _Columns]]:
    """Return each edge once, with the columns that certainly flow along it: the API has no word for doubt."""
    found: dict[tuple[DatasetRef, DatasetRef], set[tuple[str, str]]] = {
        (edge.source, edge.target): set() for edge in facts.edges
    }
    for edge in facts.columns:
        columns = found.setdefault((edge.source, edge.target), set())
        told = edge.kind.upper().startswith("DIRECT") and not edge.ambiguous
        if told and edge.source_column and edge.target_column:
            columns.add((edge.source_column, edge.target_column))
    return [(ends, frozenset(columns)) for ends, columns in found.items()]


def _is_workspace(host: str) -> bool:
    try:
        return name(("c", "s", "t"), host).namespace.startswith(_WORKSPACE)
    except InvalidArgument:
        return False


def _of_catalog(ref: DatasetRef) -> bool:
    return ref.kind in {"table", "volume"} and len(ref.parts) == _TABLE_PARTS


def _end(ref: DatasetRef, host: str) -> _End | None:
    """Return an end as the API takes it, or `None` where nobody could find it again."""
    if ref == LOCAL_FILE or ref.kind not in {"table", "volume", "path"}:
        return None
    try:
        named, here = name(ref), name(("c", "s", "t"), host).namespace
    except InvalidArgument:
        return None
    if named.namespace == here or (named.namespace == UNRESOLVED and _of_catalog(ref)):
        return _object(ref, named)
    if named.namespace.startswith(_PATHS):
        return _End("path", f"{named.namespace}/{named.name.lstrip('/')}", named)
    # A local file has no system, an unresolved name none that is known; another workspace may have the same metastore.
    if named.namespace in {UNRESOLVED, "file"} or named.namespace.startswith(_WORKSPACE):
        return None
    return _End("external_metadata", _object_name(named), named)


def _object(ref: DatasetRef, named: Named) -> _End | None:
    if not _of_catalog(ref):
        return None
    if ref.kind == "volume":
        return _End("path", "/Volumes/" + "/".join(ref.parts), named, inside=True)
    return _End("table", ".".join(ref.parts), named, inside=True)


def _object_name(named: Named) -> str:
    """Return a name for an external metadata object, which takes no dots, slashes or spaces.

    >>> _object_name(Named("snowflake://acme-eu", "SALES.PUBLIC.ORDERS")).rpartition("_")[0]
    'snowflake_acme-eu_SALES_PUBLIC_ORDERS'
    """
    whole = f"{named.namespace}/{named.name}"
    mark = blake2b(whole.encode("utf-8", "replace"), digest_size=6).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9-]+', '_', whole)[:200]}_{mark}"


def _unless_there(client: Any, path: str, body: Json) -> None:
    """Create something; that it is there already is a success."""
    try:
        client.api_client.do("POST", path, body=body)
    except Exception as fault:
        # The SDK raises these for 409: every conflict but one with another request that runs meanwhile.
        kinds = {kind.__name__ for kind in type(fault).__mro__}
        if "ResourceConflict" not in kinds or "Aborted" in kinds:
            raise


def _remember(kept: dict[tuple[str, ...], Any], key: tuple[str, ...], value: object) -> None:
    if key not in kept and len(kept) >= EDGES_KEPT:
        del kept[next(iter(kept))]
    kept[key] = value
