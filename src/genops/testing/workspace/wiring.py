"""Wires the services of a workspace together. It is imported once the engines are known to be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from genops.testing.workspace.compute.access import Access
from genops.testing.workspace.compute.clusters import ClusterService
from genops.testing.workspace.compute.ownership import Ownership
from genops.testing.workspace.compute.services import ComputeServices
from genops.testing.workspace.compute.warehouses import WarehouseService
from genops.testing.workspace.http.identity import DEFAULT_CATALOG, DEFAULT_SCHEMA
from genops.testing.workspace.http.services import http_services
from genops.testing.workspace.platform.wiring import Platform
from genops.testing.workspace.sql.engine import SqlEngine
from genops.testing.workspace.sql.information_schema import install
from genops.testing.workspace.sql.sessions import Session, Sessions
from genops.testing.workspace.statements.execution import Statements
from genops.testing.workspace.statements.history import HistoryService
from genops.testing.workspace.statements.links import Links
from genops.testing.workspace.statements.rest import StatementService
from genops.testing.workspace.statements.session_rest import SessionService
from genops.testing.workspace.statements.thrift.endpoint import ThriftService
from genops.testing.workspace.unity.catalog import UnityCatalog
from genops.testing.workspace.unity.dbfs import DbfsService
from genops.testing.workspace.unity.files import FilesService
from genops.testing.workspace.unity.pages import Pages
from genops.testing.workspace.unity.services import filled_services, unity_services

if TYPE_CHECKING:
    from pathlib import Path

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.server import WorkspaceServer
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.persistence import Lasting
    from genops.testing.workspace.sql.database import Database


@dataclass(frozen=True)
class Habits:
    """How a workspace answers.

    Attributes:
        warehouse_size: Size of its first warehouse.
        page_size: Objects a page of Unity Catalog lists.
        empty_pages: Whether an empty page follows the first of several.
        chunk_rows: Rows a chunk of a result.
        transition_polls: How many reads show a state on the way.
        oauth_seconds: How long an OAuth token holds.
    """

    warehouse_size: str
    page_size: int
    empty_pages: bool
    chunk_rows: int
    transition_polls: int
    oauth_seconds: int


@dataclass(frozen=True)
class Ground:
    """What the services stand on.

    Attributes:
        root: Directory of what lasts.
        spool: Directory of what does not.
        kept: The state of an earlier life; empty in a new workspace.
    """

    identity: Identity
    clock: Clock
    journal: Journal
    database: Database
    server: WorkspaceServer
    root: Path
    spool: Path
    kept: Json


class Services:
    """All services, with their routes on the server.

    Args:
        ground: What they stand on.
        habits: How they answer.

    Attributes:
        lasting: What lasts between two starts, by name.
    """

    def __init__(self, ground: Ground, habits: Habits) -> None:
        who, clock, journal = ground.identity, ground.clock, ground.journal
        self.catalog = UnityCatalog(ground.database, ground.root / "volumes", who, clock, journal)
        if not ground.kept:
            self.catalog.create_catalog(DEFAULT_CATALOG, {})
        self.platform = Platform(who, clock, journal, self.catalog)
        self.engine = SqlEngine(self.catalog, who.user)
        install(self.catalog, who, clock.millis())
        self.sessions, self.default = Sessions(clock), Session(DEFAULT_CATALOG, DEFAULT_SCHEMA)
        polls = habits.transition_polls
        ownership = Ownership(who)
        self.access = Access(ownership, who.principals)
        self.warehouses = WarehouseService(who.user, who.host, clock, journal, self.sessions, self.access, polls)
        self.statements = Statements(
            self.engine, self.warehouses, clock, journal, self.sessions, ground.server.faults, ground.spool,
            habits.chunk_rows, self.default,
        )  # fmt: skip
        self.clusters = ClusterService(who, clock, journal, ownership, self.access, polls)
        self.compute = ComputeServices(
            who, self.statements, self.sessions, self.clusters, self.catalog, clock, journal, self.default, ownership,
            self.access, polls,
        )  # fmt: skip
        pages = Pages(habits.page_size, gaps=habits.empty_pages)
        self.filled = filled_services(self.catalog, pages, clock, polls)
        self._serve(ground, habits, pages)
        self.lasting: dict[str, Lasting] = {
            "access": self.access,
            "unity": self.catalog,
            **self.filled,
            "warehouses": self.warehouses,
            "clusters": self.clusters,
            **self.compute.lasting,
        }
        for name, part in self.lasting.items():
            # An older directory lacks what came later.
            if name in ground.kept:
                part.restore(ground.kept[name])
        if not ground.kept:
            self.warehouses.begin(habits.warehouse_size)

    def _serve(self, ground: Ground, habits: Habits, pages: Pages) -> None:
        who, clock, journal = ground.identity, ground.clock, ground.journal
        links = Links(self.statements, who.host, clock)
        for service in (
            *http_services(who, clock, habits.oauth_seconds),
            *unity_services(self.catalog, pages, journal),
            *self.filled.values(),
            FilesService(self.catalog, who.host, ground.spool, gaps=habits.empty_pages),
            self.catalog.staging,
            DbfsService(ground.root / "dbfs"),
            self.warehouses,
            StatementService(self.statements, self.warehouses, links),
            links,
            SessionService(self.sessions, self.warehouses, self.catalog, self.default),
            ThriftService(
                self.statements, self.sessions, links, self.catalog, self.warehouses, self.clusters, journal,
                self.default, who.workspace_id,
            ),
            HistoryService(self.statements, clock, journal, who.user, who.principals),
            self.compute,
            self.clusters,
            self.access,
        ):  # fmt: skip
            ground.server.router.add(service.routes())
