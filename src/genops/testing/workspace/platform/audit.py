"""The audit log: which call did what, as Databricks names it, and who sent it.

Calls without a name in Databricks' audit reference are left out: lists of clusters, jobs and warehouses, reads of
statements and their results, SCIM reads, host metadata, presigned transfers, lineage, tags, effective permissions.
Catalog changes that SQL makes are there as Unity Catalog's, without a request id of their own.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from genops.testing.workspace.compute.shapes import part
from genops.testing.workspace.platform.dated import Row, day, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.journal import Entry, Journal

_AGENTS = 10_000
"""Pairs of a user and a client whose sign-in is remembered."""
_PENDING = 1_000
"""Changes of one request or statement that are remembered until its end."""

_CATALOG = {
    "catalogs": ("Catalog", "name_arg"),
    "schemas": ("Schema", "full_name_arg"),
    "tables": ("Table", "full_name_arg"),
    "volumes": ("Volume", "volume_full_name"),
    "functions": ("Function", "functions_name"),
    "models": ("RegisteredModel", "full_name_arg"),
    "connections": ("Connection", "name_arg"),
    "external-locations": ("ExternalLocation", "name_arg"),
    "storage-credentials": ("StorageCredential", "name_arg"),
}
_OBJECTS = {
    "CATALOG": "Catalog",
    "SCHEMA": "Schema",
    "TABLE": "Table",
    "VOLUME": "Volume",
    "FUNCTION": "Function",
    "MODEL": "RegisteredModel",
}
_UNITY = r"/api/2\.\d/unity-catalog"
_OTHER_UPDATES = {"Table": "updateTables"}


_Route = tuple[str, str, str, str]
"""Method, path, service and action; names of groups in the path are names of parameters."""


def _unity() -> list[_Route]:
    found: list[_Route] = []
    for kind, (word, name) in _CATALOG.items():
        one = f"{_UNITY}/{kind}/(?P<{name}>[^/]+)"
        found += [
            ("POST", f"{_UNITY}/{kind}", "unityCatalog", f"create{word}"),
            ("GET", f"{_UNITY}/{kind}", "unityCatalog", f"list{word}s"),
            ("GET", one, "unityCatalog", f"get{word}"),
            ("PATCH", one, "unityCatalog", _OTHER_UPDATES.get(word, f"update{word}")),
            ("DELETE", one, "unityCatalog", f"delete{word}"),
        ]
    permissions = f"{_UNITY}/permissions/(?P<securable_type>[^/]+)/(?P<securable_full_name>[^/]+)"
    return [
        *found,
        ("GET", f"{_UNITY}/table-summaries", "unityCatalog", "listTableSummaries"),
        ("GET", f"{_UNITY}/metastore_summary", "unityCatalog", "getMetastoreSummary"),
        ("GET", permissions, "unityCatalog", "getPermissions"),
        ("PATCH", permissions, "unityCatalog", "updatePermissions"),
    ]


def _posted(service: str, base: str, actions: dict[str, str]) -> list[_Route]:
    return [("POST", rf"/api/2\.\d/{base}/{path}", service, action) for path, action in actions.items()]


_WAREHOUSE = "/api/2.0/sql/(?:warehouses|endpoints)"
_ENDPOINT = "/api/2.0/serving-endpoints"
_SERVING = "serverlessRealTimeInference"
_PIPELINE = "/api/2.0/pipelines/(?P<pipeline_id>[^/]+)"
_FILE = "/api/2.0/fs/files(?P<path>/.*)"
_CLUSTER_ACTIONS = ("create", "edit", "start", "restart", "resize", "delete")
_JOB_ACTIONS = {
    **{name: name for name in ("create", "update", "reset", "delete")},
    "run-now": "runNow",
    "runs/submit": "submitRun",
    "runs/cancel": "cancel",
    "runs/cancel-all": "cancelAllRuns",
    "runs/delete": "deleteRun",
    "runs/repair": "repairRun",
}

_ROUTES: list[_Route] = [
    *_unity(),
    ("POST", _WAREHOUSE, "databrickssql", "createWarehouse"),
    ("POST", f"{_WAREHOUSE}/(?P<id>[^/]+)/edit", "databrickssql", "editWarehouse"),
    ("POST", f"{_WAREHOUSE}/(?P<id>[^/]+)/start", "databrickssql", "startWarehouse"),
    ("POST", f"{_WAREHOUSE}/(?P<id>[^/]+)/stop", "databrickssql", "stopWarehouse"),
    ("DELETE", f"{_WAREHOUSE}/(?P<id>[^/]+)", "databrickssql", "deleteWarehouse"),
    ("GET", "/api/2.0/sql/history/queries", "databrickssql", "listHistoryQueries"),
    *_posted(
        "clusters", "clusters", {**{name: name for name in _CLUSTER_ACTIONS}, "permanent-delete": "permanentDelete"}
    ),
    *_posted("jobs", "jobs", _JOB_ACTIONS),
    ("GET", r"/api/2\.\d/jobs/runs/get-output", "jobs", "getRunOutput"),
    ("POST", "/api/2.0/pipelines", "deltaPipelines", "create"),
    ("PUT", _PIPELINE, "deltaPipelines", "edit"),
    ("DELETE", _PIPELINE, "deltaPipelines", "delete"),
    ("POST", f"{_PIPELINE}/updates", "deltaPipelines", "startUpdate"),
    ("POST", _ENDPOINT, _SERVING, "createServingEndpoint"),
    ("GET", _ENDPOINT, _SERVING, "listServingEndpoints"),
    ("GET", f"{_ENDPOINT}/(?P<name>[^/]+)", _SERVING, "getServingEndpoint"),
    ("PUT", f"{_ENDPOINT}/(?P<name>[^/]+)/config", _SERVING, "updateServingEndpoint"),
    ("DELETE", f"{_ENDPOINT}/(?P<name>[^/]+)", _SERVING, "deleteServingEndpoint"),
    ("GET", _FILE, "filesystem", "filesGet"),
    ("PUT", _FILE, "filesystem", "filesPut"),
    ("DELETE", _FILE, "filesystem", "filesDelete"),
    ("HEAD", _FILE, "filesystem", "filesHead"),
    ("POST", "/api/2.0/token/create", "accounts", "generateDbToken"),
    ("POST", "/api/2.0/token/delete", "accounts", "revokeDbToken"),
]
_COMPILED = [(method, re.compile(path + "/?"), service, action) for method, path, service, action in _ROUTES]


class Action(NamedTuple):
    """What a call did."""

    service: str
    name: str
    params: dict[str, str]


def action_of(facts: Json) -> Action | None:
    """What a request did; ``None`` where the audit reference has no name for it."""
    params = {str(key): str(value) for key, value in part(facts.get("params")).items()}
    if "statement" in params:
        words = {"warehouseId": params.get("warehouse_id", ""), "commandText": params["statement"]}
        return Action("databrickssql", "commandSubmit", {key: value for key, value in words.items() if value})
    for method, pattern, service, name in _COMPILED:
        match = pattern.fullmatch(facts["path"]) if method == facts["method"] else None
        if match:
            return Action(service, name, {**params, **match.groupdict()})
    return None


class _Changed(threading.local):
    """What a thread has changed since its last request or statement: whose it is shows at its end.

    It is bounded because ``LocalWorkspace.execute`` has neither.
    """

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=_PENDING)


class Audit:
    """Notes what is audited in the journal, as ``audit``.

    Args:
        journal: Tells of requests, objects and queries.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changed = _Changed()
        self._signed_in: dict[tuple[str, str], None] = {}
        self._lock = threading.Lock()
        journal.listen("object", self._object)
        journal.listen("request", self._request)
        journal.listen("query", self._query)

    def _object(self, entry: Entry) -> None:
        if entry.facts["action"] in ("create", "update", "delete") and entry.facts["securable_type"] in _OBJECTS:
            self._changed.entries.append(entry)

    def _request(self, entry: Entry) -> None:
        # The request itself says what it changed.
        self._changed.entries.clear()
        facts = entry.facts
        user, agent = facts["user"], facts["user_agent"]
        with self._lock:
            new = bool(user) and (user, agent) not in self._signed_in and len(self._signed_in) < _AGENTS
            if new:
                self._signed_in[user, agent] = None
        if new:
            self._note(entry, Action("accounts", "tokenLogin", {"user": user, "tokenId": ""}))
        action = action_of(facts)
        if action is not None:
            self._note(entry, action)

    def _query(self, entry: Entry) -> None:
        while self._changed.entries:
            change = self._changed.entries.popleft()
            facts = change.facts
            word = _OBJECTS[facts["securable_type"]]
            name = f"{facts['action']}{word}"
            if facts["action"] == "update":
                name = _OTHER_UPDATES.get(word, name)
            known = {"user": facts["user"], "status": 200, "request_id": None, "user_agent": None}
            params = {"full_name_arg": facts["full_name"], "statement_id": entry.facts["query"].id}
            self._journal.note_at(change.at, "audit", service="unityCatalog", action=name, params=params, **known)

    def _note(self, entry: Entry, action: Action) -> None:
        known = {key: entry.facts[key] for key in ("user", "status", "request_id", "user_agent")}
        self._journal.note_at(
            entry.at, "audit", service=action.service, action=action.name, params=action.params, **known
        )


def audit_rows(entry: Entry, who: Identity) -> Iterator[Row]:
    """The row of ``system.access.audit`` for an entry."""
    facts = entry.facts
    # Unity Catalog belongs to the account; its events name the workspace among their parameters.
    of_account = facts["service"] == "unityCatalog"
    place = {"workspace_id": who.workspace_id, "metastore_id": who.metastore_id} if of_account else {}
    yield {
        "account_id": who.account_id,
        "workspace_id": "0" if of_account else who.workspace_id,
        "version": "2.0",
        "event_time": moment(entry.at),
        "event_date": day(entry.at),
        "source_ip_address": "127.0.0.1",
        "user_agent": facts["user_agent"],
        "user_identity": {"email": facts["user"] or None},
        "service_name": facts["service"],
        "action_name": facts["action"],
        "request_id": facts["request_id"],
        "request_params": {**facts["params"], **place},
        "response": {"status_code": facts["status"]},
        "audit_level": "ACCOUNT_LEVEL" if of_account else "WORKSPACE_LEVEL",
        "event_id": str(uuid.uuid4()),
        "identity_metadata": {},
    }
