"""Wires what runs jobs and pipelines together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.job_service import JobService
from genops.testing.workspace.compute.jobs import Jobs
from genops.testing.workspace.compute.pipeline_service import PipelineService
from genops.testing.workspace.compute.pipelines import Updates
from genops.testing.workspace.compute.queries import QueryService
from genops.testing.workspace.compute.run_service import RunService
from genops.testing.workspace.compute.running import Runner
from genops.testing.workspace.compute.secret_scopes import SecretService
from genops.testing.workspace.compute.serving import ServingService
from genops.testing.workspace.compute.tasks import Workplace
from genops.testing.workspace.compute.tree import TreeService

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.compute.access import Access
    from genops.testing.workspace.compute.clusters import ClusterService
    from genops.testing.workspace.compute.ownership import Ownership
    from genops.testing.workspace.compute.runs import JobRun
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json, Routes
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.persistence import Lasting
    from genops.testing.workspace.sql.sessions import Session, Sessions
    from genops.testing.workspace.statements.execution import Statements
    from genops.testing.workspace.unity.catalog import UnityCatalog


@dataclass
class _Starts:
    """What tasks of jobs start."""

    jobs: Jobs
    pipelines: PipelineService
    access: Access

    def child(self, job_id: Any, parameters: Json, parent: JobRun) -> JobRun:
        """Start a run of another job."""
        job = self.jobs.get(job_id)
        self.access.need(parent.run_as, "run", "jobs", job["job_id"])
        given = {"job_parameters": parameters}
        settings, user = job["settings"], parent.run_as
        return self.jobs.begin(job["job_id"], settings, given, user, trigger="RUN_JOB_TASK", depth=parent.depth + 1)

    def update(self, pipeline_id: str, given: Json, user: str) -> tuple[str, Callable[[], None], Callable[[], str]]:
        """Start an update of a pipeline."""
        return self.pipelines.begin(pipeline_id, given, user)

    def task_run_id(self) -> int:
        """An id for one more run of a task."""
        return self.jobs.next_id()


class ComputeServices:
    """Jobs, pipelines, serving endpoints, and the queries, notebooks and secrets that they name.

    Args:
        identity: Facts of the workspace.
        statements: Runs SQL.
        sessions: The sessions that are open.
        clusters: What notebooks run on.
        catalog: Learns which tables pipelines made.
        clock: Gives the times.
        journal: Is told of everything.
        default: Catalog and schema of SQL that names none.
        ownership: Knows who is an admin.
        access: Says who may use and change what.
        transition_polls: How many reads show a state on the way.

    Attributes:
        lasting: What lasts between two starts, by name.
    """

    def __init__(
        self,
        identity: Identity,
        statements: Statements,
        sessions: Sessions,
        clusters: ClusterService,
        catalog: UnityCatalog,
        clock: Clock,
        journal: Journal,
        default: Session,
        ownership: Ownership,
        access: Access,
        transition_polls: int,
    ) -> None:
        user, polls = identity.user, transition_polls
        facts = {"workspace.id": identity.workspace_id, "workspace.url": identity.host}
        self._queries, self._tree = QueryService(user, clock, access), TreeService(user, clock, access)
        self.jobs = Jobs(user, clock, journal, facts, polls)
        updates = Updates(statements, sessions, self._tree, catalog, clock, journal, polls)
        self._pipelines = PipelineService(updates, user, clock, journal, access)
        starts = _Starts(self.jobs, self._pipelines, access)
        place = Workplace(statements, sessions, self._queries, self._tree, clusters, default, starts, access)
        self.jobs.runner = Runner(place, clock, journal, facts, self.jobs.ended, self.jobs.stirred)
        serving, secrets = ServingService(user, clock, journal, access, polls), SecretService(clock, ownership)
        self._services = (
            self._queries,
            self._tree,
            JobService(self.jobs, ownership, access),
            RunService(self.jobs, identity.host, clock, ownership, access),
            self._pipelines,
            serving,
            secrets,
        )
        self.lasting: dict[str, Lasting] = {
            "queries": self._queries,
            "tree": self._tree,
            "jobs": self.jobs,
            "pipelines": self._pipelines,
            "serving": serving,
            "secrets": secrets,
        }

    def routes(self) -> Routes:
        """Everything that they serve."""
        found: Routes = {}
        for service in self._services:
            found.update(service.routes())
        return found

    def close(self) -> None:
        """Stop every run and every update."""
        self.jobs.close()
        self._pipelines.close()
