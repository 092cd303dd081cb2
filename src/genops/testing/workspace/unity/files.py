"""The Files API: whole files, ranges, directories, multipart uploads and presigned URLs.

Presigned URLs point back at this server below ``/storage``; they carry their right in the path and
need no token, as those of a cloud's object store do.
"""

from __future__ import annotations

import email.utils
import hashlib
import re
import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.paging import listing, page
from genops.testing.workspace.http.wire import ApiError, Call, Handler, Json, Reply, Routes, absent, exists, invalid
from genops.testing.workspace.sql.volume_files import locate

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog

_PAGE = 1000
_VOLUME_DEPTH = 4
"""Parts of a volume's own path: Volumes, catalog, schema, volume."""
_URLS = 1000
"""URLs of parts that one request gives."""
_LINKS = 10_000
"""Presigned downloads that are kept; the oldest end first."""


@dataclass
class _Upload:
    path: str
    overwrite: bool
    parts: dict[int, Path] = field(default_factory=dict[int, Path])


class FilesService:
    """Files of volumes.

    Args:
        catalog: The volumes.
        host: URL of the workspace, for presigned URLs.
        spool: Directory for parts of uploads.
        gaps: Whether an empty page comes after the first of several.
    """

    def __init__(self, catalog: UnityCatalog, host: str, spool: Path, *, gaps: bool) -> None:
        self._catalog = catalog
        self._host = host
        self._spool = spool
        self._gaps = gaps
        self._lock = threading.Lock()
        self._uploads: dict[str, _Upload] = {}
        self._downloads: dict[str, str] = {}

    def routes(self) -> Routes:
        """Files, directories and presigned URLs."""
        files, directories = "/api/2.0/fs/files/{path*}", "/api/2.0/fs/directories/{path*}"
        part, read = "/storage/upload/{session}/{part}", "/storage/download/{key}"
        table: Routes = {
            f"PUT {files}": self._put,
            f"GET {files}": self._read,
            f"HEAD {files}": self._read,
            f"DELETE {files}": self._delete,
            f"POST {files}": self._act,
            f"PUT {directories}": self._make_directory,
            f"GET {directories}": self._list,
            f"HEAD {directories}": self._head_directory,
            f"DELETE {directories}": self._delete_directory,
            "POST /api/2.0/fs/create-upload-part-urls": self._part_urls,
            "POST /api/2.0/fs/create-abort-upload-url": self._abort_url,
            "POST /api/2.0/fs/create-download-url": self._download_url,
            f"PUT {part}": self._put_part,
            f"DELETE {part}": self._abort,
            f"GET {read}": self._presigned,
        }
        return {route: _on_disk(action) for route, action in table.items()}

    # Whole files

    def _put(self, call: Call) -> Reply:
        target = self._locate(_path(call), call.user, "WRITE_VOLUME")
        self._store(target, call, overwrite=call.text("overwrite", "true").lower() == "true")
        return Reply(204)

    def _store(self, target: Path, call: Call, *, overwrite: bool) -> None:
        if call.upload is None:
            raise invalid("The request has no body")
        self._place(target, call.upload, overwrite=overwrite)
        call.upload = None

    def _place(self, target: Path, source: Path, *, overwrite: bool) -> None:
        if target.is_dir():
            raise exists(f"The path {target.name} is a directory")
        if target.exists() and not overwrite:
            raise exists("The file being created already exists.")
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)

    def _locate(self, path: str, user: str, privilege: str) -> Path:
        """The place of a path on disk, for a user who may."""
        place = locate(self._catalog, path)
        self._catalog.grants.need(user, privilege, "volume", ".".join(_parts(path)[1:_VOLUME_DEPTH]))
        return place

    def _read(self, call: Call) -> Reply:
        return self._content(self._locate(_path(call), call.user, "READ_VOLUME"), call)

    def _content(self, file: Path, call: Call) -> Reply:
        if not file.is_file():
            raise absent("The file being accessed is not found.", "NOT_FOUND")
        found = file.stat()
        headers = {
            "Content-Type": "application/octet-stream",
            "Last-Modified": email.utils.formatdate(found.st_mtime, usegmt=True),
            "Accept-Ranges": "bytes",
        }
        start, stop = _range(call.headers.get("range", ""), found.st_size)
        if (start, stop) == (0, found.st_size):
            return Reply(200, headers=headers, file=file, length=found.st_size)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.st_size}"
        return Reply(206, headers=headers, file=file, start=start, length=stop - start)

    def _delete(self, call: Call) -> Reply:
        file = self._locate(_path(call), call.user, "WRITE_VOLUME")
        if not file.is_file():
            raise absent("The file being accessed is not found.", "NOT_FOUND")
        file.unlink()
        return Reply(204)

    # Directories

    def _directory(self, call: Call, privilege: str) -> Path:
        directory = self._locate(_path(call), call.user, privilege)
        if not directory.is_dir():
            raise absent("The directory being accessed is not found.", "NOT_FOUND")
        return directory

    def _make_directory(self, call: Call) -> Reply:
        directory = self._locate(_path(call), call.user, "WRITE_VOLUME")
        if directory.is_file():
            raise exists("A file exists at the directory's path.")
        directory.mkdir(parents=True, exist_ok=True)
        return Reply(204)

    def _head_directory(self, call: Call) -> Reply:
        self._directory(call, "READ_VOLUME")
        return Reply(200)

    def _delete_directory(self, call: Call) -> Reply:
        directory = self._directory(call, "WRITE_VOLUME")
        if len(_parts(_path(call))) <= _VOLUME_DEPTH:
            raise invalid("The root of a volume cannot be deleted; delete the volume instead.")
        if any(directory.iterdir()):
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", "The directory being deleted is not empty.")
        directory.rmdir()
        return Reply(204)

    def _list(self, call: Call) -> Json:
        directory, path = self._directory(call, "READ_VOLUME"), _path(call).rstrip("/")
        entries = [_entry(path, item) for item in sorted(directory.iterdir())]
        size = min(call.number("page_size") or _PAGE, _PAGE)
        return listing("contents", *page(entries, call.text("page_token"), size, gaps=self._gaps))

    # Multipart uploads

    def _act(self, call: Call) -> Json:
        action = call.text("action")
        if action == "initiate-upload":
            return self._initiate(call)
        if action == "complete-upload":
            return self._complete(call)
        raise invalid(f"action must be initiate-upload or complete-upload, not {action!r}")

    def _initiate(self, call: Call) -> Json:
        path, overwrite = _path(call), call.text("overwrite", "true").lower() == "true"
        if self._locate(path, call.user, "WRITE_VOLUME").exists() and not overwrite:
            raise exists("The file being created already exists.")
        token = secrets.token_urlsafe(12)
        with self._lock:
            self._uploads[token] = _Upload(path, overwrite)
        return {"multipart_upload": {"session_token": token}}

    def _session(self, token: Any) -> _Upload:
        upload = self._uploads.get(str(token))
        if upload is None:
            raise absent("The upload session is not found.", "NOT_FOUND")
        return upload

    def _part_urls(self, call: Call) -> Json:
        token = call.need("session_token")
        self._session(token)
        first, count = (_whole(call.need(field)) for field in ("start_part_number", "count"))
        if count > _URLS:
            raise invalid(f"count must be at most {_URLS}, not {count}")
        urls: list[Json] = [
            {"url": f"{self._host}/storage/upload/{token}/{number}", "part_number": number, "headers": []}
            for number in range(first, first + count)
        ]
        return {"upload_part_urls": urls}

    def _put_part(self, call: Call) -> Reply:
        upload = self._session(call.args["session"])
        if call.upload is None:
            raise invalid("The request has no body")
        number = _whole(call.args["part"])
        kept = self._spool / f"part-{call.args['session']}-{number}"
        call.upload.replace(kept)
        call.upload = None
        with self._lock:
            upload.parts[number] = kept
        return Reply(200, None, {"ETag": f'"{hashlib.sha256(str(kept).encode()).hexdigest()[:32]}"'})

    def _complete(self, call: Call) -> Json:
        token = call.text("session_token")
        upload = self._session(token)
        numbers = [_whole(str(part.get("part_number"))) for part in call.objects("parts")]
        if sorted(numbers) != sorted(upload.parts):
            raise invalid(f"The parts {numbers} are not those that were uploaded: {sorted(upload.parts)}")
        whole = self._spool / f"whole-{token}"
        with whole.open("wb") as out:
            for number in sorted(numbers):
                with upload.parts[number].open("rb") as source:
                    shutil.copyfileobj(source, out, 1 << 20)
        self._place(locate(self._catalog, upload.path), whole, overwrite=upload.overwrite)
        self._forget(token)
        return {}

    def _forget(self, token: str) -> None:
        with self._lock:
            upload = self._uploads.pop(token)
        for part in upload.parts.values():
            part.unlink(missing_ok=True)

    def _abort_url(self, call: Call) -> Json:
        token = call.need("session_token")
        self._session(token)
        return {"abort_upload_url": {"url": f"{self._host}/storage/upload/{token}/0", "headers": []}}

    def _abort(self, call: Call) -> Reply:
        self._session(call.args["session"])
        self._forget(call.args["session"])
        return Reply(200)

    # Presigned downloads

    def _download_url(self, call: Call) -> Json:
        path = str(call.need("path"))
        if not self._locate(path, call.user, "READ_VOLUME").is_file():
            raise absent("The file being accessed is not found.", "NOT_FOUND")
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._downloads[key] = path
            if len(self._downloads) > _LINKS:
                del self._downloads[next(iter(self._downloads))]
        return {"url": f"{self._host}/storage/download/{key}", "headers": []}

    def _presigned(self, call: Call) -> Reply:
        path = self._downloads.get(call.args["key"])
        if path is None:
            raise ApiError(403, "PERMISSION_DENIED", "The presigned URL is not valid")
        return self._content(locate(self._catalog, path), call)


def _path(call: Call) -> str:
    """The path as people write it; the oldest SDK sends two slashes in front."""
    return "/" + call.args["path"].lstrip("/")


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise invalid(f"A whole number is expected, not {text!r}")
    return int(text)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _range(header: str, size: int) -> tuple[int, int]:
    """First byte and the one after the last; everything where the header is none that makes sense (RFC 9110)."""
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header)
    if not match or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        return max(0, size - int(match[2])), size
    start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if start >= size:
        raise ApiError(416, "INVALID_PARAMETER_VALUE", f"The range {header} is outside of the file of {size} bytes")
    return (start, stop) if start < stop else (0, size)


def _on_disk(action: Handler) -> Handler:
    """An action whose path the disk may refuse: too long a name, a file where a directory should be, or gone by now."""

    def handler(call: Call) -> Json | Reply | None:
        try:
            return action(call)
        except FileNotFoundError as error:
            raise absent("The file being accessed is not found.", "NOT_FOUND") from error
        except (OSError, UnicodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "a name that is not Unicode"
            raise invalid(f"Invalid path: {said}") from error

    return handler


def _entry(parent: str, item: Path) -> Json:
    found = item.stat()
    entry: Json = {"path": f"{parent}/{item.name}", "name": item.name, "is_directory": item.is_dir()}
    if not item.is_dir():
        entry.update(file_size=found.st_size, last_modified=int(found.st_mtime * 1000))
    return entry
