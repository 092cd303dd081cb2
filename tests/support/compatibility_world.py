"""What the calls of the compatibility table are about: a furnished workspace, and what earlier calls gave."""

from __future__ import annotations

import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import compatibility_compute, compatibility_filled, compatibility_unity
from support.polling import eventually

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from genops.testing.workspace import LocalWorkspace
    from support.compatibility import Method

# Names of resources as the paths of these services have them, so that a call reaches the service that it means.
ELSEWHERE: dict[str, dict[str, Any]] = {
    "ai_gateway": {"name": "model-services/main.default.x", "parent": "schemas/main.default"},
    "domains": {"name": "domains/x"},
    "knowledge_assistants": {"name": "knowledge-assistants/x", "parent": "knowledge-assistants/x"},
    "sandbox": {"name": "sandboxes/x"},
    "supervisor_agents": {"name": "supervisor-agents/x", "parent": "supervisor-agents/x"},
}

ARGUMENTS = {**compatibility_unity.UNITY, **compatibility_compute.COMPUTE, **compatibility_filled.FILLED}

UNCHANGING = {
    "clusters.events": "a read that is sent by POST",
    "files.download": "a read that asks for its URL by POST",
    "files.download_to": "a read that asks for its URL by POST",
    "clusters.ensure_cluster_is_running": "the cluster runs already",
    "vector_search_indexes.query_index": "a read that is sent by POST",
    "vector_search_indexes.scan_index": "a read that is sent by POST",
    "serving_endpoints.query": "an answer changes nothing that the workspace holds",
    "pipelines.stop": "the pipeline has nothing that runs",
    "pipelines.stop_and_wait": "the pipeline has nothing that runs",
}
"""Calls that succeed without changing anything, each with its reason."""

SHOWS = {
    "grants.get": "SELECT",
    "grants.get_effective": "SELECT",
    "workspace_bindings.get": "4242424242424242",
    "workspace_bindings.get_bindings": "4242424242424242",
    "secrets.get_secret": "dg==",
    **dict.fromkeys(
        (
            f"{service}.get_permission_levels"
            for service in (
                "clusters",
                "jobs",
                "permissions",
                "pipelines",
                "serving_endpoints",
                "warehouses",
                "workspace",
            )
        ),
        "CAN_MANAGE",
    ),
    "files.get_directory_metadata": "null",
    "files.get_metadata": "content-length",
}
"""What the answer of a read holds where it does not repeat the name that it was asked for."""

APART = {
    "consumer_listings.search": "the SDK's own method calls itself without end",
    "sandbox.connect_command": "speaks gRPC to a host of its own",
    "sandbox.execute_command": "speaks gRPC to a host of its own",
    "serving_endpoints.get_langchain_chat_open_ai_client": "makes a client of another library and sends nothing",
    "serving_endpoints.get_open_ai_client": "makes a client of another library and sends nothing",
    "serving_endpoints_data_plane.query": "the SDK asks route-optimized endpoints only, which are refused at creation",
}
"""Methods that no request of the workspace's API belongs to, each with its reason."""


class Known:
    """Gives the arguments of each method.

    Args:
        ws: A workspace without objects.
        w: A client of it.
        directory: For local files.

    Attributes:
        ids: Names and ids of what there is.
        found: What calls gave, by method.
        made: How many arguments were made by a function, which may have changed the workspace.
    """

    def __init__(self, ws: LocalWorkspace, w: WorkspaceClient, directory: Path) -> None:
        self.ws = ws
        self._w = w
        self._directory = directory
        self.ids: dict[str, Any] = {}
        self.found: dict[str, Any] = {}
        self.made = 0
        compatibility_unity.furnish(ws, w)
        compatibility_compute.furnish(self, w)
        compatibility_filled.furnish(ws, w)

    def arguments(self, method: str) -> dict[str, Any] | None:
        """The arguments of a method that the workspace is expected to serve, or `None`."""
        service = method.rpartition(".")[0]
        given = [ARGUMENTS[key] for key in (service, method) if key in ARGUMENTS]
        if not given:
            return None
        self.quiet(service)
        merged = {name: value for each in given for name, value in each.items()}
        return {name: self._value(value) for name, value in merged.items()}

    def serves(self, service: str) -> bool:
        """Whether anything of a service is expected to work."""
        return any(key == service or key.rpartition(".")[0] == service for key in ARGUMENTS)

    def elsewhere(self, method: str) -> dict[str, Any]:
        """The arguments by which a call of a service that is not served reaches it."""
        return ELSEWHERE.get(method.rpartition(".")[0], {})

    def _value(self, value: Any) -> Any:
        if not isinstance(value, types.FunctionType):
            return value
        self.made += 1
        try:
            return value(self)
        except KeyError:  # what would have made the object is not served
            return "absent"

    def learn(self, method: Method, result: Any) -> None:
        """Remember what a call gave."""
        self.found[str(method)] = result

    def quiet(self, service: str) -> None:
        """Wait until nothing that earlier calls of a service started runs any more, so that no change comes of it."""
        if service == "jobs":
            eventually(lambda: not list(self._w.jobs.list_runs(active_only=True)))
        if service == "pipelines" and "pipelines.start_update" in self.found:
            self._w.pipelines.wait_get_pipeline_idle(self.found["pipelines.create"]["pipeline_id"])
            eventually(lambda: self._update().update.state.value in ("COMPLETED", "FAILED", "CANCELED"))

    def _update(self) -> Any:
        made, started = self.found["pipelines.create"], self.found["pipelines.start_update"]
        return self._w.pipelines.get_update(made["pipeline_id"], started["update_id"])

    # What takes a call of its own

    def running_cluster(self) -> str:
        """The id of a cluster, which runs."""
        self._w.clusters.wait_get_cluster_running(self.ids["cluster"])
        return self.ids["cluster"]

    def local(self, name: str, content: bytes | None = None) -> str:
        """A local file."""
        path = self._directory / name
        if content is not None:
            path.write_bytes(content)
        return str(path)

    def principal(self) -> str:
        """The id of a service principal."""
        if "principal" not in self.ids:
            self.ids["principal"] = self._w.service_principals.create(display_name="secret").id
        return self.ids["principal"]

    def statement(self) -> str:
        """The id of a statement that has ended."""
        if "statement" not in self.ids:
            done = self._w.statement_execution.execute_statement("SELECT 1", self.ws.warehouse_id)
            self.ids["statement"] = done.statement_id
        return self.ids["statement"]

    def stopped_warehouse(self) -> str:
        """The id of a warehouse that is stopped."""
        made = self._w.warehouses.create(name="ended", cluster_size="Small").result().id
        self._w.warehouses.stop(made).result()
        return made

    def endless_statement(self) -> str:
        """The id of a statement that ends only if it is cancelled."""
        endless = compatibility_compute.ENDLESS
        return self._w.statement_execution.execute_statement(
            endless, self.ws.warehouse_id, wait_timeout="0s"
        ).statement_id

    def endless_run(self) -> int:
        """The id of a job's run that ends only if it is cancelled."""
        return self._w.jobs.run_now(self.ids["endless_job"]).run_id

    def task_run(self) -> int:
        """The id of the only task's run in a run that has ended."""
        return self._w.jobs.get_run(self.ids["run"]).tasks[0].run_id

    def repair(self) -> int:
        """The id of the last repair of the run that failed."""
        self._w.jobs.wait_get_run_job_terminated_or_skipped(self.ids["failed_run"])
        return self._w.jobs.get_run(self.ids["failed_run"], include_history=True).repair_history[-1].id
