"""The workspace itself: wires the services together and gives tests their handles."""

from __future__ import annotations

import contextlib
import importlib
import secrets
import tempfile
import threading
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.clock import Clock
from genops.testing.workspace.http.faults import Faults
from genops.testing.workspace.http.handles import HttpHandles
from genops.testing.workspace.http.identity import CLOUDS, DEFAULT_CATALOG, DEFAULT_SCHEMA, Identity, stable_id
from genops.testing.workspace.http.server import WorkspaceServer
from genops.testing.workspace.http.services import noting
from genops.testing.workspace.http.tls import server_context
from genops.testing.workspace.http.tokens import Tokens
from genops.testing.workspace.http.wire import Request, Router
from genops.testing.workspace.journal import Journal
from genops.testing.workspace.persistence import DataDirectory, Persistence
from genops.testing.workspace.platform.handles import PlatformHandles
from genops.testing.workspace.seeds import check_seed, plant

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from genops.testing.workspace.compute.services import ComputeServices
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.persistence import Lasting
    from genops.testing.workspace.sql.database import Database
    from genops.testing.workspace.sql.results import Result
    from genops.testing.workspace.statements.execution import Statements

__all__ = ["LocalWorkspace"]

_CHANGES = ("object", "statement", "job_change", "warehouse_change", "pipeline_update", "run")
"""What the journal is told of that may change what lasts, besides requests."""


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


class LocalWorkspace(HttpHandles, PlatformHandles):
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
        port: TCP port on 127.0.0.1; a free one where it is 0.
        tls: Whether to speak HTTPS, with a certificate of its own; clients must trust ``ca_file``.
        data: Directory that keeps tables, files, objects, jobs and users between two starts; they go with the
            workspace where it is absent. One workspace at a time has it.
        seed: Data to begin with: ``empty``, ``flights`` (every flight that left New York City in 2013, in
            ``main.flights``) or ``tpch`` (TPC-H at scale 0.1, in ``main.tpch``).
        fault_seed: Decides which requests a fault with a probability spoils.
        oauth_seconds: Seconds that an OAuth token holds. The SDK fetches a new one 40 seconds before its end.
        log: Called after each request with it and the seconds that it took.

    Attributes:
        clock: The time of the workspace, which tests may move.
        identity: Who and where it is.
        token: The token of ``user``.
        seeded: Full names of the tables that ``seed`` gave.
        ca_file: File with the certificate to trust; ``None`` without TLS. It goes with the workspace.

    Raises:
        ImportError: DuckDB or sqlglot is not installed, or with ``tls`` trustme, or what the seed comes from.
        OSError: The port is taken.
        ValueError: An argument that no workspace has, or a data directory that cannot be used.
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
        port: int = 0,
        tls: bool = False,
        data: Path | str | None = None,
        seed: str = "empty",
        fault_seed: int = 0,
        oauth_seconds: int = 3600,
        log: Callable[[Request, float], None] | None = None,
    ) -> None:
        _need_engines()
        habits: dict[str, Any] = {"warehouse_size": warehouse_size, "page_size": page_size, "empty_pages": empty_pages}
        habits |= {"chunk_rows": chunk_rows, "transition_polls": transition_polls, "oauth_seconds": oauth_seconds}
        facts: Json = {"cloud": cloud, "region": region, "workspace_id": str(workspace_id), "user": user}
        facts |= {"account_id": account_id, "metastore_id": metastore_id or stable_id("metastore", cloud, region)}
        _check(facts, habits)
        check_seed(seed)
        self._started = self._closed = False
        self._lifecycle = threading.Lock()
        self.tier = tier
        self.clock = Clock()
        self._journal = Journal(self.clock)
        self._router = Router()
        with contextlib.ExitStack() as undo:
            root = self._place(undo, data, facts)
            self._listen(root, facts["workspace_id"], fault_seed, port, log, tls=tls)
            undo.callback(self._server.server_close)
            self._assemble(undo, root, facts, habits, token)
            undo.pop_all()
        self.seeded = self._seeded(seed)

    @property
    def _kept(self) -> Json:
        return self._data.kept if self._data else {}

    def _place(self, undo: contextlib.ExitStack, data: Path | str | None, facts: Json) -> Path:
        """The directory of what lasts; of a workspace without ``data`` it goes with it."""
        self._data = None if data is None else undo.enter_context(DataDirectory(Path(data)))
        self._directory = tempfile.TemporaryDirectory(prefix="local-workspace-", ignore_cleanup_errors=True)
        undo.callback(self._directory.cleanup)
        if self._data is None:
            return Path(self._directory.name).resolve()
        self._data.claim(facts)
        return self._data.path

    def _assemble(
        self, undo: contextlib.ExitStack, root: Path, facts: Json, habits: dict[str, Any], token: str | None
    ) -> None:
        """Say who it is, open its data and build its services."""
        self.token = token or self._kept.get("token") or f"local-{secrets.token_hex(16)}"
        tokens = Tokens(self.clock)
        self.identity = Identity(host=self._server.url, token=self.token, tier=self.tier, tokens=tokens, **facts)
        self._server.authorize = self.identity.authorize
        self._open(root)
        undo.callback(self._database.close)
        self._build(facts, root, habits)

    def _listen(
        self,
        root: Path,
        workspace_id: str,
        fault_seed: int,
        port: int,
        log: Callable[[Request, float], None] | None,
        *,
        tls: bool,
    ) -> None:
        self._spool = Path(self._directory.name).resolve() / "spool"
        self._spool.mkdir()
        context, self.ca_file = server_context(root) if tls else (None, None)
        faults = Faults(fault_seed)
        self._server = WorkspaceServer(self._router, workspace_id, self._spool, faults, port=port, tls=context)
        self._server.log = log
        self._server.noted = noting(self._journal)

    def _open(self, root: Path) -> None:
        from genops.testing.workspace.sql.database import Database

        volumes, catalogs = root / "volumes", root / "catalogs" if self._data else None
        for folder in filter(None, (volumes, catalogs)):
            folder.mkdir(exist_ok=True)
        self._restore({"clock": self.clock, "identity": self.identity})
        self._database = Database(volumes, self.clock.now, self.identity.user, catalogs)

    def _build(self, facts: Json, root: Path, habits: dict[str, Any]) -> None:
        from genops.testing.workspace.unity.reconciliation import reconcile
        from genops.testing.workspace.wiring import Ground, Habits, Services

        identity, clock, journal = self.identity, self.clock, self._journal
        ground = Ground(identity, clock, journal, self._database, self._server, root, self._spool, self._kept)
        services = Services(ground, Habits(**habits))
        self._catalog, self._platform, self._engine = services.catalog, services.platform, services.engine
        self._statements = services.statements
        self.warehouse_id = services.warehouses.default_id
        self._persistence = self._persist(facts, {"clock": clock, "identity": identity, **services.lasting})
        for done in reconcile(services.catalog, root / "volumes") if self._data else ():
            warnings.warn(f"the local workspace ended without its last state: {done}", RuntimeWarning, stacklevel=4)

        # A workspace that nobody closes is closed at exit, before DuckDB can complain of it.
        self._dispose = weakref.finalize(
            self,
            _dispose,
            self._server,
            self.clock,
            services.compute,
            self._statements,
            self._database,
            self._directory,
            self._data,
            self._persistence,
        )

    # Between two starts

    def _restore(self, parts: dict[str, Lasting]) -> None:
        for name, part in parts.items() if self._kept else ():
            part.restore(self._kept[name])

    def _persist(self, facts: Json, parts: dict[str, Lasting]) -> Persistence | None:
        if self._data is None:
            return None
        kept = Persistence(self._data, {"facts": facts, "token": self.token}, parts, self._database.writing)
        for kind in _CHANGES:
            self._journal.listen(kind, lambda _: kept.changed())
        self._journal.listen("request", lambda entry: None if entry.facts["method"] == "GET" else kept.changed())
        self.clock.on_advance(kept.changed)
        return kept

    def _changed(self) -> None:
        if self._persistence is not None:
            self._persistence.changed()

    def _seeded(self, seed: str) -> list[str]:
        try:
            tables = plant(seed, self._catalog, self.execute)
            if self._persistence is not None:
                self._persistence.save()
        except BaseException:
            self.close()
            raise
        return tables

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
        """Stop answering, stop what runs, and delete every file outside of ``data``; a second call changes nothing."""
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
            sql: One statement or several, separated by semicolons; they share a session.
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
        session = Session(catalog, schema)
        for statement in split_statements(sql):
            rows = []

            def collect(result: Result, found: list[list[Any]] = rows) -> None:
                while block := result.rows(10_000):
                    found.extend(list(row) for row in block)

            self._engine.run(statement, session, sink=collect)
        self._changed()
        return rows


def _dispose(
    server: WorkspaceServer,
    clock: Clock,
    compute: ComputeServices,
    statements: Statements,
    database: Database,
    directory: tempfile.TemporaryDirectory[str],
    data: DataDirectory | None,
    persistence: Persistence | None,
) -> None:
    server.close()
    clock.close()
    compute.close()
    statements.close()
    server.join()
    if persistence is not None:
        persistence.close()
    database.close()
    directory.cleanup()
    if data is not None:
        data.close()


def _check(facts: Json, habits: dict[str, Any]) -> None:
    from genops.testing.workspace.compute.warehouses import SIZES

    if facts["cloud"] not in CLOUDS:
        raise ValueError(f"cloud {facts['cloud']!r} is unknown; expected one of {', '.join(CLOUDS)}")
    if not facts["workspace_id"].isdigit():
        raise ValueError(f"workspace_id {facts['workspace_id']!r} must be a decimal number")
    for name in ("page_size", "chunk_rows", "oauth_seconds"):
        if habits[name] < 1:
            raise ValueError(f"{name} must be 1 or more; got {habits[name]}")
    size = habits["warehouse_size"]
    if size not in SIZES:
        raise ValueError(f"warehouse_size {size!r} is unknown; expected one of {', '.join(SIZES)}")
