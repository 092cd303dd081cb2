"""Saved queries and files of the workspace tree: the two places where a job's SQL lives."""

from __future__ import annotations

import base64
import binascii
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, exists, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock


class QueryService:
    """Saved queries.

    Args:
        user: Their owner.
        clock: Gives the times.
    """

    def __init__(self, user: str, clock: Clock) -> None:
        self._user = user
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Json] = {}

    def routes(self) -> Routes:
        """Saved queries, as the API of 2024 and later has them."""
        base = "/api/2.0/sql/queries"
        return {
            f"POST {base}": self._create,
            f"GET {base}": self._list,
            f"GET {base}/{{id}}": lambda call: dict(self.get(call.args["id"])),
            f"PATCH {base}/{{id}}": self._update,
            f"DELETE {base}/{{id}}": self._trash,
        }

    def get(self, identifier: str) -> Json:
        """A saved query by id."""
        found = self._held.get(identifier)
        if found is None:
            raise absent(f"Query with id {identifier} does not exist.")
        return found

    def _create(self, call: Call) -> Json:
        given = call.object("query")
        if not given.get("query_text") or not given.get("display_name"):
            raise invalid("A query needs display_name and query_text")
        now = _timestamp(self._clock)
        facts = {"create_time": now, "update_time": now, "owner_user_name": self._user, "lifecycle_state": "ACTIVE"}
        created = {
            "run_as_mode": "OWNER",
            **given,
            **facts,
            "id": str(uuid.uuid4()),
            "last_modifier_user_name": self._user,
        }
        with self._lock:
            self._held[created["id"]] = created
        return dict(created)

    def _list(self, call: Call) -> Json:
        active = [query for query in list(self._held.values()) if query["lifecycle_state"] == "ACTIVE"]
        size = min(call.number("page_size") or 20, 100)
        return listing("results", *page(active, call.text("page_token"), size, gaps=False))

    def _update(self, call: Call) -> Json:
        query = self.get(call.args["id"])
        given = call.object("query")
        names = str(call.need("update_mask")).split(",")
        query.update({name: given.get(name) for name in names}, update_time=_timestamp(self._clock))
        return dict(query)

    def _trash(self, call: Call) -> None:
        self.get(call.args["id"])["lifecycle_state"] = "TRASHED"


def _timestamp(clock: Clock) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now()))


@dataclass
class _Object:
    kind: str
    content: bytes
    identifier: int
    modified: int


class TreeService:
    """Files and directories of the workspace tree, as far as SQL files of jobs need them.

    Args:
        clock: Gives the times.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, _Object] = {"/": _Object("DIRECTORY", b"", 1, 0)}

    def routes(self) -> Routes:
        """Import, export, status, list, mkdirs and delete."""
        base = "/api/2.0/workspace"
        return {
            f"POST {base}/import": self._import,
            f"GET {base}/export": self._export,
            f"GET {base}/get-status": lambda call: self._info(_tree_path(call.need("path"))),
            f"GET {base}/list": self._list,
            f"POST {base}/mkdirs": lambda call: self._mkdirs(_tree_path(call.need("path"))),
            f"POST {base}/delete": self._delete,
        }

    def text(self, path: str) -> str:
        """The text of a file."""
        found = self._get(_tree_path(path))
        if found.kind == "DIRECTORY":
            raise invalid(f"{path} is a directory")
        return found.content.decode()

    def _get(self, path: str) -> _Object:
        found = self._held.get(path)
        if found is None:
            raise absent(f"Path ({path}) doesn't exist.")
        return found

    def _info(self, path: str) -> Json:
        found = self._get(path)
        info: Json = {"path": path, "object_type": found.kind, "object_id": found.identifier}
        return (
            info if found.kind == "DIRECTORY" else {**info, "modified_at": found.modified, "size": len(found.content)}
        )

    def _put(self, path: str, kind: str, content: bytes) -> None:
        self._held[path] = _Object(kind, content, uuid.uuid4().int % 10**15, self._clock.millis())

    def _import(self, call: Call) -> None:
        path = _tree_path(call.need("path"))
        try:
            content = base64.b64decode(call.json.get("content") or "", validate=True)
        except binascii.Error as error:
            raise invalid("content must be base64") from error
        with self._lock:
            if path.rsplit("/", 1)[0] not in ("", *self._held):
                raise absent(f"The parent folder ({path.rsplit('/', 1)[0]}) does not exist.")
            if path in self._held and not call.json.get("overwrite"):
                raise exists(f"Path ({path}) already exists.", "RESOURCE_ALREADY_EXISTS")
            self._put(path, "FILE", content)

    def _export(self, call: Call) -> Json:
        found = self._get(_tree_path(call.need("path")))
        return {"content": base64.b64encode(found.content).decode(), "file_type": "sql"}

    def _list(self, call: Call) -> Json:
        path = _tree_path(call.need("path"))
        self._get(path)
        children = [key for key in sorted(self._held) if key != "/" and (key.rsplit("/", 1)[0] or "/") == path]
        return {"objects": [self._info(key) for key in children]} if children else {}

    def _mkdirs(self, path: str) -> None:
        parts = [part for part in path.split("/") if part]
        with self._lock:
            for depth in range(1, len(parts) + 1):
                place = "/" + "/".join(parts[:depth])
                if self._held.get(place, _Object("DIRECTORY", b"", 0, 0)).kind != "DIRECTORY":
                    raise exists(f"{place} is a file", "RESOURCE_ALREADY_EXISTS")
                if place not in self._held:
                    self._put(place, "DIRECTORY", b"")

    def _delete(self, call: Call) -> None:
        path = _tree_path(call.need("path"))
        self._get(path)
        below = [key for key in self._held if key.startswith(f"{path}/")]
        if below and not call.json.get("recursive"):
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")
        with self._lock:
            for key in [path, *below]:
                self._held.pop(key, None)


def _tree_path(path: str) -> str:
    """A path of the tree; ``/Workspace`` in front means the same."""
    if not str(path).startswith("/"):
        raise invalid(f"Path ({path}) must be absolute")
    return str(path).removeprefix("/Workspace").rstrip("/") or "/"
