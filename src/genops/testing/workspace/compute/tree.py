"""The workspace tree: directories, files, and notebooks in source format."""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import threading
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.access import Access, Owned, Place
from genops.testing.workspace.http.wire import ApiError, Call, Json, Reply, Routes, absent, exists, invalid, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock

# The first line of a notebook in source format, and the ending of its file.
_HEADERS = {
    "SQL": ("-- Databricks notebook source", ".sql"),
    "PYTHON": ("# Databricks notebook source", ".py"),
    "SCALA": ("// Databricks notebook source", ".scala"),
    "R": ("# Databricks notebook source", ".r"),
}


# What access lists call each kind of object.
_NOUNS = {"DIRECTORY": "directories", "NOTEBOOK": "notebooks", "FILE": "files"}
# Directories that everybody may list; what is in them shows to whom it is for.
_OPEN = ("/", "/Users", "/Repos", "/Shared")


@dataclass(frozen=True)
class Notebook:
    """A notebook: its source, its language (``SQL``, ``PYTHON`` …) and its object id."""

    source: str
    language: str
    identifier: int


@dataclass
class _Object:
    kind: str
    content: bytes
    identifier: int
    modified: int
    language: str = ""
    owner: str = ""


class TreeService:
    """Files, notebooks and directories of the workspace tree.

    Args:
        user: Who makes them where nobody else is known.
        clock: Gives the times.
        access: Says who may see and change them.
    """

    def __init__(self, user: str, clock: Clock, access: Access) -> None:
        self._user = user
        self._clock = clock
        self._access = access
        for kind, noun in _NOUNS.items():
            access.covers(noun, lambda identifier, kind=kind: self._owned(kind, identifier))
        self._lock = threading.Lock()
        self._held: dict[str, _Object] = {"/": _Object("DIRECTORY", b"", 1, 0)}

    def routes(self) -> Routes:
        """Import, export, status, list, mkdirs and delete."""
        base = "/api/2.0/workspace"
        return {
            f"POST {base}/import": self._import,
            f"GET {base}/export": self._export,
            f"GET {base}/get-status": self._status,
            f"GET {base}/list": self._list,
            f"POST {base}/mkdirs": self._mkdirs,
            f"POST {base}/delete": self._delete,
        }

    def state(self) -> Json:
        """What lasts; contents are base64."""
        with self._lock:
            return {
                path: {**asdict(found), "content": base64.b64encode(found.content).decode()}
                for path, found in self._held.items()
            }

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        for path, facts in state.items():
            known: Json = {**facts, "content": base64.b64decode(facts["content"])}
            self._held[path] = _Object(**known)

    def text(self, path: str, user: str) -> str:
        """The text of a file, for a user who may read it."""
        found = self._seen(user, _tree_path(path))
        if found.kind != "FILE":
            raise invalid(f"{path} is a {found.kind.lower()}, not a file")
        return found.content.decode()

    def notebook(self, path: str, user: str) -> Notebook:
        """A notebook; jobs may name it with or without the ending of its language.

        Raises:
            ApiError: There is none at this path, one in a language whose cells cannot be told apart here, or one that
                the user may not read.
        """
        found = self._seen(user, _tree_path(path))
        if found.kind != "NOTEBOOK":
            raise invalid(f"{path} is a {found.kind.lower()}, not a notebook")
        if found.language not in ("SQL", "PYTHON"):
            raise unserved(f"Running the {found.language} notebook {path}")
        return Notebook(found.content.decode(), found.language, found.identifier)

    def _get(self, path: str) -> _Object:
        found = self._held.get(path)
        if found is None:
            raise absent(f"Path ({path}) doesn't exist.")
        return found

    # Whose it is

    def _owned(self, kind: str, identifier: str) -> Owned:
        """Whose an object is, by its id."""
        held = list(self._held.items())
        path, found = next(
            ((path, one) for path, one in held if one.kind == kind and str(one.identifier) == identifier), ("", None)
        )
        if found is None:
            raise absent(f"{kind.capitalize()} with id {identifier} does not exist.")
        parent = self._held.get(_parent(path)) if path != "/" else None
        return Owned(_home(path) or found.owner, _place(parent) if parent else None)

    def _need(self, user: str, ability: str, path: str) -> _Object:
        found = self._get(path)
        self._access.need(user, ability, *_place(found))
        return found

    def _seen(self, user: str, path: str) -> _Object:
        return self._get(path) if path in _OPEN else self._need(user, "view", path)

    def _need_room(self, user: str, path: str) -> None:
        """Refuse a user who may not put something at a path; its own home and what everybody shares need not exist."""
        place = path
        while place not in self._held:
            if self._access.belongs(user, _home(place)):
                return
            place = _parent(place)
        self._need(user, "edit", place)

    def _status(self, call: Call) -> Json:
        path = _tree_path(call.need("path"))
        self._seen(call.user, path)
        return self._info(path)

    def _info(self, path: str) -> Json:
        found = self._get(path)
        info: Json = {"path": path, "object_type": found.kind, "object_id": found.identifier}
        info["resource_id"] = str(found.identifier)
        if found.kind == "DIRECTORY":
            return info
        times = {"created_at": found.modified, "modified_at": found.modified}
        return {**info, **times, **({"language": found.language} if found.language else {"size": len(found.content)})}

    def _put(self, path: str, kind: str, content: bytes, user: str, language: str = "") -> None:
        before = self._held.get(path)
        number, owner = (
            (before.identifier, before.owner)
            if before and before.kind == kind
            else (uuid.uuid4().int % 10**15, "" if path in _OPEN else user or self._user)
        )
        self._held[path] = _Object(kind, content, number, self._clock.millis(), language, owner)

    def _import(self, call: Call) -> None:
        given = _form(call) if isinstance(call.body, bytes) else call.json
        path = _tree_path(str(given.get("path") or ""))
        try:
            raw = given.get("content") or ""
            content: bytes = raw if isinstance(raw, bytes) else base64.b64decode(raw, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise invalid("content must be base64") from error
        path, kind, language = _placed(path, content, given)
        with self._lock:
            self._need_room(call.user, path)
            if path.rsplit("/", 1)[0] not in ("", *self._held):
                raise absent(f"The parent folder ({path.rsplit('/', 1)[0]}) does not exist.")
            if path in self._held and str(given.get("overwrite")).lower() != "true":
                raise exists(f"Path ({path}) already exists.", "RESOURCE_ALREADY_EXISTS")
            self._put(path, kind, content, call.user, language)

    def _export(self, call: Call) -> Json | Reply:
        found = self._seen(call.user, _tree_path(call.need("path")))
        if call.text("format", "SOURCE") not in ("SOURCE", "AUTO", "RAW"):
            raise unserved(f"Export in the format {call.text('format')}")
        if found.kind == "DIRECTORY":
            raise unserved("Export of a directory")
        content = found.content
        if found.language and not content.startswith(_HEADERS[found.language][0].encode()):
            content = f"{_HEADERS[found.language][0]}\n".encode() + content
        if call.flag("direct_download"):
            return Reply(raw=content, headers={"Content-Type": "application/octet-stream"})
        ending = _HEADERS[found.language][1][1:] if found.language else "sql"
        return {"content": base64.b64encode(content).decode(), "file_type": ending}

    def _list(self, call: Call) -> Json:
        path = _tree_path(call.need("path"))
        self._seen(call.user, path)
        children = [
            key
            for key, found in sorted(self._held.items())
            if key != "/"
            and _parent(key) == path
            and (key in _OPEN or self._access.can(call.user, "view", *_place(found)))
        ]
        return {"objects": [self._info(key) for key in children]} if children else {}

    def _mkdirs(self, call: Call) -> None:
        path = _tree_path(call.need("path"))
        parts = [part for part in path.split("/") if part]
        with self._lock:
            if path not in self._held:
                self._need_room(call.user, path)
            for depth in range(1, len(parts) + 1):
                place = "/" + "/".join(parts[:depth])
                if self._held.get(place, _Object("DIRECTORY", b"", 0, 0)).kind != "DIRECTORY":
                    raise exists(f"{place} is a file", "RESOURCE_ALREADY_EXISTS")
                if place not in self._held:
                    self._put(place, "DIRECTORY", b"", call.user)

    def _delete(self, call: Call) -> None:
        path = _tree_path(call.need("path"))
        self._need(call.user, "manage", path)
        if path == "/":
            raise ApiError(400, "DIRECTORY_PROTECTED", "Folder / is protected")
        below = [key for key in list(self._held) if key.startswith(f"{path}/")]
        if below and not call.json.get("recursive"):
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")
        with self._lock:
            for key in [path, *below]:
                self._held.pop(key, None)


def _place(found: _Object) -> Place:
    return _NOUNS[found.kind], str(found.identifier)


def _parent(path: str) -> str:
    return path.rsplit("/", 1)[0] or "/"


def _home(path: str) -> str:
    """Whose a directory is by its path: the user's whose home it is, everybody's if shared; empty for any other.

    >>> _home("/Users/ada@example.com"), _home("/Shared"), _home("/Users/ada@example.com/etl")
    ('ada@example.com', 'users', '')
    """
    _, root, *rest = path.split("/")
    if root in ("Users", "Repos") and len(rest) == 1:
        return rest[0]
    return "users" if path == "/Shared" else ""


def _tree_path(path: str) -> str:
    """A path of the tree; ``/Workspace`` in front means the same."""
    if not str(path).startswith("/"):
        raise invalid(f"Path ({path}) must be absolute")
    return str(path).removeprefix("/Workspace").rstrip("/") or "/"


def _placed(path: str, content: bytes, given: Json) -> tuple[str, str, str]:
    """Path, kind and language of what is imported.

    ``SOURCE`` makes a notebook, ``RAW`` a file, and ``AUTO`` looks at the first line: a notebook loses the ending of
    its language.
    """
    kind, language = str(given.get("format") or "SOURCE"), str(given.get("language") or "").upper()
    if kind == "AUTO":
        for name, (header, ending) in _HEADERS.items():
            if content.startswith(header.encode()) and path.lower().endswith(ending):
                return path[: -len(ending)], "NOTEBOOK", name
    if kind in ("AUTO", "RAW"):
        return path, "FILE", ""
    if kind != "SOURCE":
        raise unserved(f"Import of the format {kind}")
    if language not in _HEADERS:
        raise invalid(f"language must be one of {', '.join(_HEADERS)} for the format SOURCE, not {language!r}")
    return path, "NOTEBOOK", language


def _form(call: Call) -> Json:
    """The fields of a multipart body, as ``upload`` of the SDK sends it; files are bytes."""
    kind = call.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise ApiError(400, "MALFORMED_REQUEST", "The request body must be a JSON object or multipart/form-data")
    raw = f"Content-Type: {kind}\r\n\r\n".encode() + call.body
    fields: dict[str, Any] = {}
    for part in email.message_from_bytes(raw, policy=email.policy.HTTP).iter_parts():
        value = part.get_payload(decode=True) or b""
        assert isinstance(value, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        fields[name] = value if name == "content" else value.decode()
    return fields
