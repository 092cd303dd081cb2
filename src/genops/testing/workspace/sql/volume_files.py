"""Paths below /Volumes on disk: confined to volumes that exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from genops.testing.workspace.http.wire import absent, invalid
from genops.testing.workspace.sql.failures import SqlError

if TYPE_CHECKING:
    from pathlib import Path

    from genops.testing.workspace.unity.catalog import UnityCatalog

_DEPTH = 3
"""Catalog, schema and volume come before a file's own path."""


def locate(catalog: UnityCatalog, path: str) -> Path:
    """The place on disk of ``/Volumes/<catalog>/<schema>/<volume>/…``.

    Raises:
        ApiError: Not a path of a volume that exists.
    """
    parts = [part for part in path.split("/") if part]
    if not parts or parts[0] != "Volumes" or len(parts) <= _DEPTH:
        raise invalid(f"Invalid path: {path}. Expected /Volumes/<catalog>/<schema>/<volume>/<path>")
    inner = parts[_DEPTH + 1 :]
    if any(part in (".", "..") or "\0" in part or "\\" in part for part in inner):
        raise invalid(f"Invalid path: {path}")
    names = [part.lower() for part in parts[1 : _DEPTH + 1]]
    full_name = ".".join(names)
    if full_name not in catalog.volumes:
        raise absent(f"Volume '{full_name}' does not exist.", "NOT_FOUND")
    root = catalog.volume_path(full_name)
    found = root.joinpath(*inner)
    if not found.resolve().is_relative_to(root.resolve()):  # a link that somebody put there
        raise invalid(f"Invalid path: {path}")
    return found


def may_read(catalog: UnityCatalog, user: str, path: str) -> None:
    """Refuse a user who may not read the volume of a path of SQL.

    Raises:
        ApiError: Not a path of a volume that exists, or the user lacks ``READ VOLUME`` on it.
    """
    pure = path.removeprefix("dbfs:")
    locate(catalog, pure)
    parts = [part.lower() for part in pure.split("/") if part]
    catalog.grants.need(user, "READ VOLUME", "volume", ".".join(parts[1 : _DEPTH + 1]))


def matching(catalog: UnityCatalog, path: str) -> list[Path]:
    """The files that a path of SQL means: one file, all below a directory, or those that a glob matches.

    Raises:
        SqlError: There are none.
        ApiError: Not a path of a volume.
    """
    pure = path.removeprefix("dbfs:")
    head = re.split(r"[*?\[]", pure, maxsplit=1)[0]
    if head != pure:
        fixed = head.rsplit("/", 1)[0]
        root = locate(catalog, fixed)
        found = sorted(file for file in root.glob(pure[len(fixed) :].lstrip("/")) if file.is_file())
    else:
        root = locate(catalog, pure)
        found = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
    if not found:
        raise SqlError(f"[PATH_NOT_FOUND] Path does not exist: {path}", "42K03")
    return found
