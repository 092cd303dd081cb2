"""The workspace itself: wires the services together and gives tests their handles."""

from __future__ import annotations

import importlib
import secrets
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.clock import Clock
from genops.testing.workspace.http.identity import CLOUDS, Identity, stable_id
from genops.testing.workspace.http.server import WorkspaceServer
from genops.testing.workspace.http.wire import Json, Request, Router
from genops.testing.workspace.journal import Journal

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from genops.testing.workspace.sql.database import Database
    from genops.testing.workspace.sql.engine import SqlEngine
    from genops.testing.workspace.statements.execution import Statements

__all__ = ["LocalWorkspace"]

DEFAULT_CATALOG = "main"
DEFAULT_SCHEMA = "default"


def _need_engines() -> None:
    """Make sure that the optional engines are there.

    Raises:
        ImportError: DuckDB or sqlglot is not installed.
    """
    try:
        importlib.import_module("duckdb")
        importlib.import_module("sqlglot")
    except ImportError as error:
        raise ImportError(
            f"LocalWorkspace needs DuckDB and sqlglot, but {error.name} is not installed. "
            "Install both with: pip install '.[testing]'",
            name=error.name,
        ) from error


class LocalWorkspace:
    """A Databricks workspace on loopback, in the process of the test that uses it.

    >>> with LocalWorkspace() as ws:
    ...     ws.execute("SELECT 1 + 1 AS two")
    [['2']]

    Args:
        cloud: ``aws``, ``azure`` or ``gcp``.
        region: The cloud's name of the region.
        workspace_id: Decimal number; the ``X-Databricks-Org-Id`` of every answer.
        account_id: UUID of the account.
        metastore_id: UUID of the metastore; made from cloud and region where it is absent.
        tier: Pricing tier of the workspace.
        user: User name that the token belongs to.
        token: Bearer token; a random one where it is absent.
        warehouse_size: Size of the warehouse that runs from the start.
        page_size: Objects a page of Unity Catalog lists.
        empty_pages: Whether an empty page with a token follows the first of several, as the service may send.
        chunk_rows: Rows a chunk of a statement's result.
        transition_polls: How many reads show a state on the way (PENDING, STARTING …) of a job run, a warehouse
            or a cluster before its final state can show.

    Raises:
        ImportError: DuckDB or sqlglot is not installed.
        ValueError: An argument that no workspace has.
    """

    def __init__(
        self,
        *,
        cloud: str = "aws",
        region: str = "us-east-1",
        workspace_id: int | str = 4242424242424242,
        account_id: str = "00000000-0000-4000-8000-000000000001",
        metastore_id: str | None = None,
        tier: str = "PREMIUM",
        user: str = "user@example.com",
        token: str | None = None,
        warehouse_size: str = "2X-Small",
        page_size: int = 100,
        empty_pages: bool = True,
        chunk_rows: int = 50_000,
        transition_polls: int = 1,
    ) -> None:
        _need_engines()
        _check(cloud=cloud, workspace_id=workspace_id, page_size=page_size, chunk_rows=chunk_rows)
        from genops.testing.workspace.compute.warehouses import SIZES

        if warehouse_size not in SIZES:
            raise ValueError(f"warehouse_size {warehouse_size!r} is unknown; expected one of {', '.join(SIZES)}")
        self.token = token or f"local-{secrets.token_hex(16)}"
        self.tier = tier
        self._directory = tempfile.TemporaryDirectory(prefix="local-workspace-", ignore_cleanup_errors=True)
        root = Path(self._directory.name).resolve()
        volumes, spool = root / "volumes", root / "spool"
        volumes.mkdir()
        spool.mkdir()
        self.clock = Clock()
        self._journal = Journal(self.clock)
        self._router = Router()
        self._server = WorkspaceServer(self._router, str(workspace_id), spool)
        self._started = self._closed = False
        self._lifecycle = threading.Lock()
        self.identity = Identity(
            host=self._server.url,
            token=self.token,
            workspace_id=str(workspace_id),
            account_id=account_id,
            metastore_id=metastore_id or stable_id("metastore", cloud, region),
            cloud=cloud,
            region=region,
            tier=tier,
            user=user,
        )
        self._server.authorize = self.identity.authorize
        self._build(volumes, spool, warehouse_size, page_size, chunk_rows, transition_polls, gaps=empty_pages)

    def _build(
        self, volumes: Path, spool: Path, size: str, page_size: int, chunk_rows: int, polls: int, *, gaps: bool
    ) -> None:
        from genops.testing.workspace.compute.clusters import ClusterService
        from genops.testing.workspace.compute.jobs import JobService
        from genops.testing.workspace.compute.tree import QueryService, TreeService
        from genops.testing.workspace.compute.warehouses import WarehouseService
        from genops.testing.workspace.http.identity import IdentityService
        from genops.testing.workspace.sql.database import Database
        from genops.testing.workspace.sql.engine import SqlEngine
        from genops.testing.workspace.sql.sessions import Session, Sessions
        from genops.testing.workspace.statements.execution import Statements, StatementService
        from genops.testing.workspace.statements.history import HistoryService
        from genops.testing.workspace.unity.catalog import UnityCatalog
        from genops.testing.workspace.unity.files import FilesService
        from genops.testing.workspace.unity.rest import UnityService

        who, clock, journal = self.identity, self.clock, self._journal
        self._database = Database(volumes)
        catalog = UnityCatalog(self._database, volumes, who, clock)
        catalog.create_catalog(DEFAULT_CATALOG, {})
        self._engine: SqlEngine = SqlEngine(catalog, who.user)
        warehouses = WarehouseService(who.user, clock, journal, polls, size)
        sessions = Sessions()
        self.warehouse_id = warehouses.default_id
        self._statements: Statements = Statements(
            self._engine, warehouses, clock, journal, sessions, chunk_rows, Session(DEFAULT_CATALOG, DEFAULT_SCHEMA)
        )
        identity, queries, tree = IdentityService(who, clock), QueryService(who.user, clock), TreeService(clock)
        for service in (
            identity,
            UnityService(catalog, page_size, gaps=gaps),
            FilesService(catalog, who.host, spool, gaps=gaps),
            warehouses,
            StatementService(self._statements, warehouses),
            HistoryService(self._statements, who.user, identity.user_id),
            queries,
            tree,
            JobService(self._statements, queries, tree, who.user, clock, journal, polls),
            ClusterService(who.user, clock, journal, polls),
        ):
            self._router.add(service.routes())

        # A workspace that nobody closes is closed at exit, before DuckDB can complain of it.
        self._dispose = weakref.finalize(
            self, _dispose, self._server, self._statements, self._database, self._directory
        )

    @property
    def host(self) -> str:
        """URL of the workspace, as ``http://127.0.0.1:50123``."""
        return self._server.url

    @property
    def workspace_id(self) -> str:
        """The number of the workspace, as text."""
        return self.identity.workspace_id

    # Life

    def start(self) -> Self:
        """Answer requests; a second call changes nothing."""
        with self._lifecycle:
            if self._closed:
                raise RuntimeError("this LocalWorkspace is closed; build a new one")
            if not self._started:
                self._started = True
                self._server.start()
        return self

    def close(self) -> None:
        """Stop answering, stop what runs, and delete every file; a second call changes nothing."""
        with self._lifecycle:
            if self._closed:
                return
            self._closed = True
        self._dispose()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Handles of tests

    def execute(self, sql: str, *, catalog: str = DEFAULT_CATALOG, schema: str = DEFAULT_SCHEMA) -> list[list[Any]]:
        """Run Databricks SQL at once, for set-up: no request, no history.

        Args:
            sql: One statement or several, separated by semicolons.
            catalog: Catalog of names without one.
            schema: Schema of names without one.

        Returns:
            The rows of the last statement; values are text or ``None``.

        Raises:
            SqlError: A statement failed; ``message`` and ``sql_state`` say how.
        """
        from genops.testing.workspace.compute.runs import split_statements
        from genops.testing.workspace.sql.sessions import Session

        rows: list[list[Any]] = []
        for statement in split_statements(sql):
            rows = []

            def collect(_: list[Json], fetch: Any, found: list[list[Any]] = rows) -> None:
                while block := fetch(10_000):
                    found.extend(list(row) for row in block)

            self._engine.run(statement, Session(catalog, schema), sink=collect)
        return rows

    @property
    def requests(self) -> list[Request]:
        """Every request so far, oldest first; the last 100,000 are kept."""
        return list(self._server.recorded)

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._server.recorded.clear()

    def fault(
        self,
        kind: str,
        *,
        path: str = ".*",
        method: str | None = None,
        times: int | None = None,
        retry_after: float | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Let requests fail from now on; rules are tried in the order in which they were given.

        Args:
            kind: ``401``, ``403``, ``404``, ``409``, ``429``, ``500`` or ``503`` answer with that error;
                ``slow`` waits, ``reset`` drops the connection with a TCP RST, ``malformed`` cuts the JSON of
                the answer off.
            path: Regular expression that the whole path must match.
            method: HTTP method; any where it is absent.
            times: How many requests it spoils; every one where it is absent.
            retry_after: Seconds for a ``Retry-After`` header.
            seconds: How long ``slow`` waits.

        Raises:
            ValueError: A kind or a number of times that does not exist.
        """
        self._server.faults.add(kind, path, method, times, retry_after, seconds)

    def clear_faults(self) -> None:
        """End all faults."""
        self._server.faults.clear()


def _dispose(
    server: WorkspaceServer, statements: Statements, database: Database, directory: tempfile.TemporaryDirectory[str]
) -> None:
    server.close()
    statements.close()
    database.close()
    directory.cleanup()


def _check(*, cloud: str, workspace_id: int | str, page_size: int, chunk_rows: int) -> None:
    if cloud not in CLOUDS:
        raise ValueError(f"cloud {cloud!r} is unknown; expected one of {', '.join(CLOUDS)}")
    if not str(workspace_id).isdigit():
        raise ValueError(f"workspace_id {workspace_id!r} must be a decimal number")
    for name, value in (("page_size", page_size), ("chunk_rows", chunk_rows)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more; got {value}")
