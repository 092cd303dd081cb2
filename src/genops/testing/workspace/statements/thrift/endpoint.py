"""Where the Thrift service is: a path for every SQL warehouse and for every cluster."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, Call, Json, Reply, Routes, absent
from genops.testing.workspace.statements.requests import check_warehouse

if TYPE_CHECKING:
    from genops.testing.workspace.compute.clusters import ClusterService
    from genops.testing.workspace.compute.warehouses import WarehouseService
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.sql.sessions import Session, Sessions
    from genops.testing.workspace.statements.execution import Statements
    from genops.testing.workspace.statements.links import Links
    from genops.testing.workspace.unity.catalog import UnityCatalog

_PYTHON = "PyDatabricksSqlConnector"


class ThriftService:
    """Serves the SQL connector's default transport, with the Thrift code that the connector itself was generated with.

    Results travel as Arrow, so that pyarrow is needed too. That code is imported when the first request comes. Where
    databricks-sql-connector is not installed beside the workspace the request is refused: 501 ``NOT_IMPLEMENTED``.

    Args:
        statements: Runs the SQL.
        sessions: The sessions that are open.
        links: Signs URLs of results.
        catalog: The objects that drivers list.
        warehouses: The warehouses that have a path.
        clusters: The clusters that have one.
        journal: Tells when a statement on a cluster has ended.
        default: Catalog and schema of sessions that name none.
        workspace_id: The number of the workspace, which is in the paths of clusters.
    """

    def __init__(
        self,
        statements: Statements,
        sessions: Sessions,
        links: Links,
        catalog: UnityCatalog,
        warehouses: WarehouseService,
        clusters: ClusterService,
        journal: Journal,
        default: Session,
        workspace_id: str,
    ) -> None:
        self._statements = statements
        self._sessions = sessions
        self._links = links
        self._catalog = catalog
        self._warehouses = warehouses
        self._clusters = clusters
        self._default = default
        self._workspace_id = workspace_id
        self._first = threading.Lock()
        self._service: Any = None
        journal.listen("statement", lambda entry: self._vacate(entry.facts["statement"].request))

    def routes(self) -> Routes:
        """The paths that connectors are given as ``http_path``."""
        return {
            "POST /sql/1.0/warehouses/{id}": self._on_warehouse,
            "POST /sql/1.0/endpoints/{id}": self._on_warehouse,
            "POST /sql/protocolv1/o/{workspace}/{cluster}": self._on_cluster,
        }

    @property
    def _shared(self) -> Any:
        """The operations of all callers, made once however many come first at once."""
        with self._first:
            self._service = self._service or self._loaded()
            return self._service

    def _loaded(self) -> Any:
        try:
            from genops.testing.workspace.statements.thrift.handler import Service
        except ImportError as error:
            message = (
                "The Thrift transport needs databricks-sql-connector beside the local workspace, whose generated code "
                f"it serves with, but {error.name} is not installed: pip install databricks-sql-connector. Without "
                "it, connect with use_sea=True"
            )
            raise ApiError(501, "NOT_IMPLEMENTED", message) from error
        return Service(self._statements, self._sessions, self._catalog, self._default, self._links.sign)

    def _on_warehouse(self, call: Call) -> Reply:
        identifier = call.args["id"]
        if not self._warehouses.known(identifier):
            raise absent(f"SQL warehouse {identifier} does not exist.")
        check_warehouse(self._warehouses, identifier, call.user)
        return self._answer(call, {"warehouse_id": identifier})

    def _on_cluster(self, call: Call) -> Reply:
        identifier = call.args["cluster"]
        if call.args["workspace"] not in (self._workspace_id, "0") or not self._clusters.known(identifier):
            raise absent(f"Cluster {identifier} does not exist in workspace {call.args['workspace']}")
        self._clusters.check(identifier, call.user)
        return self._answer(call, {"warehouse_id": "", "cluster_id": identifier})

    def _answer(self, call: Call, compute: Json) -> Reply:
        shared = self._shared
        from genops.testing.workspace.statements.thrift.generated import answer
        from genops.testing.workspace.statements.thrift.handler import Handler

        handler = Handler(shared, call.user, compute, _client(call.headers.get("user-agent", "")), self._occupy)
        try:
            payload = answer(handler, call.body if isinstance(call.body, bytes) else b"")
        except Exception as error:
            raise ApiError(400, "MALFORMED_REQUEST", "The body is no call in Thrift's binary protocol") from error
        call.sql = handler.sql
        return Reply(raw=payload, headers={"Content-Type": "application/x-thrift"})

    def _occupy(self, compute: Json) -> None:
        if compute.get("cluster_id"):
            self._clusters.occupy(compute["cluster_id"])

    def _vacate(self, request: Json) -> None:
        if request.get("cluster_id"):
            self._clusters.vacate(request["cluster_id"])


def _client(user_agent: str) -> str:
    """Who asks, as query history names it."""
    product = user_agent.split("/", 1)[0]
    return "Databricks SQL Connector for Python" if product == _PYTHON else product or "Thrift"
