"""The Databricks file system of old, over HTTP: files outside of every volume, in base64 and small blocks."""

from __future__ import annotations

import base64
import binascii
import itertools
import shutil
import threading
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, absent, invalid

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 1 << 20
"""Bytes that one read or one block may have."""


class DbfsService:
    """Files below ``dbfs:/``.

    Args:
        root: Directory on disk that holds them.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(exist_ok=True)
        self._root = root
        self._handles: dict[int, Path] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def routes(self) -> Routes:
        """Every call of the API."""
        base = "/api/2.0/dbfs"
        return {
            f"POST {base}/create": self._create,
            f"POST {base}/add-block": self._add_block,
            f"POST {base}/close": self._close,
            f"POST {base}/put": self._put,
            f"POST {base}/mkdirs": self._mkdirs,
            f"POST {base}/delete": self._delete,
            f"POST {base}/move": self._move,
            f"GET {base}/read": self._read,
            f"GET {base}/get-status": lambda call: _status(*self._existing(call, "path")),
            f"GET {base}/list": self._list,
        }

    def _at(self, call: Call, field: str) -> tuple[str, Path]:
        """A path as the API shows it, and its place on disk."""
        given = call.need(field).removeprefix("dbfs:")
        parts = [part for part in given.split("/") if part]
        if not given.startswith("/") or any(part in (".", "..") or "\0" in part or "\\" in part for part in parts):
            raise invalid(f"Path must be absolute: {given}")
        return "/" + "/".join(parts), self._root.joinpath(*parts)

    def _existing(self, call: Call, field: str) -> tuple[str, Path]:
        path, place = self._at(call, field)
        if not place.exists():
            raise absent(f"No file or directory exists on path {path}.")
        return path, place

    def _new(self, call: Call) -> Path:
        path, place = self._at(call, "path")
        if place.is_dir() or (place.exists() and call.json.get("overwrite") is not True):
            raise ApiError(
                400, "RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at the input path {path}."
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"")
        return place

    # Streams

    def _create(self, call: Call) -> Json:
        place = self._new(call)
        with self._lock:
            number = next(self._numbers)
            self._handles[number] = place
        return {"handle": number}

    def _handle(self, call: Call) -> tuple[int, Path]:
        number = int(call.need("handle")) if call.need("handle").isdigit() else 0
        if number not in self._handles:
            raise absent(f"No handle {call.need('handle')} exists.")
        return number, self._handles[number]

    def _add_block(self, call: Call) -> None:
        _, place = self._handle(call)
        data = _decoded(call.json.get("data"))
        if len(data) > _BLOCK:
            raise ApiError(400, "MAX_BLOCK_SIZE_EXCEEDED", f"The size of the block exceeds {_BLOCK} bytes.")
        with self._lock, place.open("ab") as out:
            out.write(data)

    def _close(self, call: Call) -> None:
        number, _ = self._handle(call)
        with self._lock:
            del self._handles[number]

    # Whole files and directories

    def _put(self, call: Call) -> None:
        data = _decoded(call.json.get("contents") or "")
        self._new(call).write_bytes(data)

    def _mkdirs(self, call: Call) -> None:
        path, place = self._at(call, "path")
        if place.is_file():
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"A file already exists at the input path {path}.")
        place.mkdir(parents=True, exist_ok=True)

    def _delete(self, call: Call) -> None:
        path, place = self._existing(call, "path")
        if place.is_file():
            place.unlink()
            return
        if any(place.iterdir()) and call.json.get("recursive") is not True:
            raise ApiError(400, "IO_ERROR", f"The folder at path {path} is not empty; pass recursive to delete it.")
        shutil.rmtree(place)
        self._root.mkdir(exist_ok=True)

    def _move(self, call: Call) -> None:
        _, source = self._existing(call, "source_path")
        path, target = self._at(call, "destination_path")
        if target.exists():
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"A file or directory already exists at {path}.")
        if not target.parent.is_dir():
            raise absent(f"No file or directory exists on path {path.rsplit('/', 1)[0] or '/'}.")
        if source in target.parents:
            raise invalid(f"A directory cannot be moved below itself: {path}")
        source.rename(target)

    def _read(self, call: Call) -> Json:
        path, place = self._existing(call, "path")
        if place.is_dir():
            raise invalid(f"Cannot read the directory {path}")
        offset, length = call.number("offset") or 0, call.number("length")
        length = _BLOCK // 2 if length is None else length
        if offset < 0 or length < 0:
            raise invalid("offset and length must be 0 or more")
        if length > _BLOCK:
            raise ApiError(400, "MAX_READ_SIZE_EXCEEDED", f"The read length exceeds {_BLOCK} bytes.")
        with place.open("rb") as source:
            source.seek(offset)
            data = source.read(length)
        return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}

    def _list(self, call: Call) -> Json:
        path, place = self._existing(call, "path")
        found = sorted(place.iterdir()) if place.is_dir() else [place]
        parent = path.rstrip("/") if place.is_dir() else path.rsplit("/", 1)[0]
        return {"files": [_status(f"{parent}/{item.name}", item) for item in found]} if found else {}


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise invalid("The contents must be base64") from error


def _status(path: str, place: Path) -> Json:
    found = place.stat()
    size = 0 if place.is_dir() else found.st_size
    modified = int(found.st_mtime * 1000)
    return {"path": path, "is_dir": place.is_dir(), "file_size": size, "modification_time": modified}
