"""Requests that concern jobs: make, read, list and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.access import Access, Owned
from genops.testing.workspace.compute.job_settings import checked_settings
from genops.testing.workspace.compute.shapes import checked_part, items
from genops.testing.workspace.http.paging import decode_token, encode_token
from genops.testing.workspace.http.wire import Call, Json, Routes, invalid, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.compute.jobs import Jobs
    from genops.testing.workspace.compute.ownership import Ownership

_PAGE, _LARGEST_PAGE = 20, 100


class JobService:
    """Requests that concern jobs.

    Args:
        jobs: The jobs.
        ownership: Says as whom they may run.
        access: Says who may see, run and change them.
    """

    def __init__(self, jobs: Jobs, ownership: Ownership, access: Access) -> None:
        self._jobs = jobs
        self._access = access
        access.covers("jobs", lambda identifier: Owned(jobs.get(identifier)["creator_user_name"]))
        self._ownership = ownership

    def routes(self) -> Routes:
        """Jobs in every minor version of the API."""
        base = "/api/2.x/jobs"
        return {
            f"POST {base}/create": self._create,
            f"GET {base}/get": lambda call: dict(self._job(call, "view")),
            f"GET {base}/list": self._list,
            f"POST {base}/update": self._update,
            f"POST {base}/reset": self._reset,
            f"POST {base}/delete": self._delete,
        }

    def _job(self, call: Call, ability: str = "manage") -> Json:
        job = self._jobs.get(call.need("job_id"))
        self._access.need(call.user, ability, "jobs", job["job_id"])
        return job

    def _checked(self, call: Call, given: Json) -> Json:
        settings = checked_settings(given)
        self._ownership.check_run_as(call.user, settings)
        return settings

    def _create(self, call: Call) -> Json:
        if call.json.get("access_control_list"):
            raise unserved("access_control_list of a job")
        return {"job_id": self._jobs.add(self._checked(call, call.json), call.user or self._jobs.user)}

    def _list(self, call: Call) -> Json:
        name = call.text("name").lower()
        jobs = [
            job
            for job in reversed(list(self._jobs.jobs.values()))
            if name in ("", job["settings"]["name"].lower())
            and self._access.can(call.user, "view", "jobs", job["job_id"])
        ]
        return paged("jobs", jobs if call.flag("expand_tasks") else [_collapsed(job) for job in jobs], call)

    def _update(self, call: Call) -> None:
        job = self._job(call)
        settings: Json = {**job["settings"], **checked_part(call.json.get("new_settings"), "new_settings")}
        for name in items(call.json.get("fields_to_remove")):
            _remove_field(settings, str(name))
        self._jobs.change(job, self._checked(call, settings), call.user)

    def _reset(self, call: Call) -> None:
        job = self._job(call)
        self._jobs.change(job, self._checked(call, call.object("new_settings")), call.user)

    def _delete(self, call: Call) -> None:
        self._jobs.remove(self._job(call), call.user)


def _remove_field(settings: Json, path: str) -> None:
    """Take a field out; ``tasks/load`` and ``job_clusters/small`` name elements by their keys."""
    name, _, key = path.partition("/")
    if not key:
        settings.pop(name, None)
        return
    kept = [item for item in settings.get(name) or () if key not in (item.get("task_key"), item.get("job_cluster_key"))]
    settings[name] = kept


def _collapsed(job: Json) -> Json:
    return {**job, "settings": {key: value for key, value in job["settings"].items() if key != "tasks"}}


def paged(key: str, items: list[Json], call: Call) -> Json:
    """A page of jobs or runs, by token or by offset."""
    token = call.text("page_token")
    start = decode_token(token)[1] if token else call.number("offset") or 0
    size = min(call.number("limit") or _PAGE, _LARGEST_PAGE)
    if start < 0 or size < 0:
        raise invalid(f"limit and offset must not be negative: {size}, {start}")
    shown = items[start : start + size]
    body: Json = {key: shown, "has_more": start + size < len(items)} if shown else {"has_more": False}
    if body["has_more"]:
        body["next_page_token"] = encode_token(f"at:{start + size}")
    if start > 0:
        body["prev_page_token"] = encode_token(f"at:{max(0, start - size)}")
    return body
