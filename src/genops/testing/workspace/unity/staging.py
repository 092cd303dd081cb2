"""Presigned URLs for ``PUT``, ``GET`` and ``REMOVE`` of files of volumes, which clients of SQL carry out themselves.

A URL is good for one path, one operation and a quarter of an hour, and needs no token.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import PRESIGNED_SECONDS, ApiError, Call, Reply, Routes, absent, invalid
from genops.testing.workspace.sql.volume_files import locate

if TYPE_CHECKING:
    from pathlib import Path

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.unity.catalog import UnityCatalog

_KEPT = 10_000
_PRIVILEGES = {"PUT": "WRITE_VOLUME", "GET": "READ_VOLUME", "REMOVE": "WRITE_VOLUME"}
_METHODS = {"PUT": "PUT", "GET": "GET", "REMOVE": "DELETE"}


@dataclass(frozen=True)
class _Staged:
    method: str
    path: str
    expires: float


class Staging:
    """Signs URLs and serves them.

    Args:
        catalog: The volumes.
        host: URL of the workspace.
        clock: Says when a URL has expired.
    """

    def __init__(self, catalog: UnityCatalog, host: str, clock: Clock) -> None:
        self._catalog = catalog
        self._host = host
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Staged] = OrderedDict()

    def routes(self) -> Routes:
        """What the URLs point at."""
        return {f"{method} /storage/staged/{{key}}": self._serve for method in _METHODS.values()}

    def place(self, operation: str, path: str, user: str) -> Path:
        """Where a path is on disk, for a user who may do this with it.

        Args:
            operation: ``PUT``, ``GET`` or ``REMOVE``.
            path: Path below ``/Volumes``.
            user: Who asks.

        Raises:
            ApiError: The path is none of a volume, or the user may not.
        """
        found = locate(self._catalog, path)
        volume = ".".join(path.strip("/").split("/")[1:4])
        self._catalog.grants.need(user, _PRIVILEGES[operation], "volume", volume)
        return found

    def sign(self, operation: str, path: str) -> str:
        """A URL for one operation on one file."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._held[key] = _Staged(_METHODS[operation], path, self._clock.now() + PRESIGNED_SECONDS)
            if len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return f"{self._host}/storage/staged/{key}"

    def _serve(self, call: Call) -> Reply:
        staged = self._held.get(call.args["key"])
        if staged is None or staged.method != call.method or self._clock.now() >= staged.expires:
            raise ApiError(403, "PERMISSION_DENIED", "The presigned URL is not valid, or not any more")
        file = locate(self._catalog, staged.path)
        if call.method == "PUT":
            return _put(file, call)
        if not file.is_file():
            raise absent("The file being accessed is not found.", "NOT_FOUND")
        if call.method == "DELETE":
            file.unlink()
            return Reply(204)
        size = file.stat().st_size
        return Reply(200, headers={"Content-Type": "application/octet-stream"}, file=file, length=size)


def _put(file: Path, call: Call) -> Reply:
    if call.upload is None:
        raise invalid("The request has no body")
    file.parent.mkdir(parents=True, exist_ok=True)
    call.upload.replace(file)
    call.upload = None
    return Reply(200)
