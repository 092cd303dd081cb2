"""Names of paths: object stores, file systems of Databricks and Hadoop, and files of a machine.

Schemes that mean the same store have one name (`s3a` is `s3`). What identifies no data is left out: users, passwords,
signatures and other parameters of a URI. The name is that of the dataset, not of one of its files: it ends before the
first partition (`day=2026-01-01`) or pattern (`*.parquet`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from genops.errors import InvalidArgument
from genops.lineage.naming.named import Named

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):(?://([^/?#]*))?([^?#]*)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_PATTERN = re.compile(r"[*?\[{]")
_PARTITION = re.compile(r"[^=]+=[^=]*")
_PORT = re.compile(r":\d*$")
_HOST = re.compile(r"(?:\[[^\]]*\]|[^:/?#]*)(?::\d*)?[/?#]")
_PARAMETERS = re.compile(r"[?#]")
_ON_DATABRICKS = ("/Volumes/", "/dbfs/", "/Workspace/")


class FileSystem(NamedTuple):
    """How a store of files is named.

    Attributes:
        scheme: Of its namespace.
        rooted: Names begin with a slash, as paths of a file system do; keys of an object store do not.
        container: What stands before an `@` is a container, not a user.
    """

    scheme: str
    rooted: bool = False
    container: bool = False


_S3, _GS = FileSystem("s3"), FileSystem("gs")
_ABFSS, _WASBS = FileSystem("abfss", container=True), FileSystem("wasbs", container=True)
_DBFS, _FILE, _HDFS = FileSystem("dbfs", rooted=True), FileSystem("file", rooted=True), FileSystem("hdfs", rooted=True)
FILE_SYSTEMS = {
    "s3": _S3,
    "s3a": _S3,
    "s3n": _S3,
    "gs": _GS,
    "gcs": _GS,
    "abfs": _ABFSS,
    "abfss": _ABFSS,
    "adl": FileSystem("adl"),
    "wasb": _WASBS,
    "wasbs": _WASBS,
    "hdfs": _HDFS,
    "viewfs": FileSystem("viewfs", rooted=True),
    "dbfs": _DBFS,
    "file": _FILE,
}
# Over HTTPS the same objects have another address: host, how the bucket is found in it and in the path.
_OVER_HTTPS = (
    (re.compile(r"([^.]+)\.dfs\.core\.windows\.net"), _ABFSS, "{container}@{host}"),
    (re.compile(r"([^.]+)\.blob\.core\.windows\.net"), _WASBS, "{container}@{host}"),
    (re.compile(r"storage\.(?:googleapis|cloud\.google)\.com"), _GS, "{container}"),
    (re.compile(r"s3[.\-](?:[a-z0-9.\-]+\.)?amazonaws\.com(?:\.cn)?"), _S3, "{container}"),
)
_VIRTUAL_S3 = re.compile(r"(.+)\.s3[.\-](?:[a-z0-9.\-]+\.)?amazonaws\.com(?:\.cn)?")


def is_path(text: str) -> bool:
    """Whether a text is a path or a URI, and not a name of parts.

    >>> [is_path(each) for each in ("s3://b/k", "/mnt/x", "dbfs:/x", "main.sales.orders", "a:b")]
    [True, True, True, False, False]
    """
    return text.startswith(("/", "./", "../", "~/")) or "://" in text or bool(_DRIVE.match(text)) or _known(text)


def name_path(text: str, host: str | None = None) -> Named:
    """Return the name of what lies at a path.

    Args:
        text: A path or a URI.
        host: Workspace on which the path was used. `/Volumes`, `/Workspace` and `/dbfs` are directories of Databricks
            there, and of some machine where it is not said.

    Raises:
        InvalidArgument: A password seems to stand where the host should. The message does not say it.

    >>> name_path("s3a://key:secret@landing/orders/day=2026-01-01/part-0.parquet")[:2]
    ('s3://landing', 'orders')
    >>> name_path("/Volumes/main/raw/landing/x.csv", "acme.cloud.databricks.com")[:2]
    ('dbfs://acme.cloud.databricks.com', '/Volumes/main/raw/landing/x.csv')
    """
    if _DRIVE.match(text):
        return Named("file", root("/" + text.replace("\\", "/")))
    found = _URI.match(text)
    if not found:
        return _without_scheme(text, host)
    scheme, authority, path = found[1].lower(), found[2] or "", found[3]
    if ":" in text.partition("://")[2].partition("@")[0]:
        authority, path = _without_password(text.partition("://")[2], authority, path)
    if scheme in {"http", "https"}:
        return _over_https(scheme, _without_user(authority), path)
    rules = FILE_SYSTEMS.get(scheme, FileSystem(scheme))
    if rules is _DBFS:
        return Named(_dbfs(host), root("/" + (authority + path).lstrip("/")))
    return Named(_namespace(rules, authority), _name(rules, path))


def root(path: str) -> str:
    """Return the path of a dataset: what comes before its first partition or pattern, without a slash at the end.

    >>> root("/warehouse/orders/day=1/part-0.parquet"), root("raw/2026-*/x.json"), root("/")
    ('/warehouse/orders', 'raw', '/')
    """
    kept: list[str] = []
    for segment in path.split("/"):
        if any(kept) and (_PARTITION.fullmatch(segment) or _PATTERN.search(segment)):
            break
        kept.append(segment)
    return "/".join(kept).rstrip("/") or "/"


def _without_password(rest: str, authority: str, path: str) -> tuple[str, str]:
    """Return authority and path behind a user's password, which may hold slashes as keys of S3 do.

    Args:
        rest: What follows the scheme.
        authority: What the rules of URIs take for it.
        path: Likewise.
    """
    user, at, behind = rest.partition("@")
    if not _HOST.match(user + ("" if at else "/")):
        if not at or "@" in behind:
            raise InvalidArgument("the URI has a colon where no port follows; leave user and password out of it")
        authority, slash, path = behind.partition("/")
        return authority, slash + _PARAMETERS.split(path, maxsplit=1)[0]
    return authority, path


def _known(text: str) -> bool:
    scheme, colon, rest = text.partition(":")
    return bool(colon) and rest.startswith("/") and scheme.lower() in FILE_SYSTEMS


def _without_scheme(text: str, host: str | None) -> Named:
    if host is None or not text.startswith(_ON_DATABRICKS):
        return Named("file", root(text))
    return Named(_dbfs(host), root(text.removeprefix("/dbfs")))


def _dbfs(host: str | None) -> str:
    return f"dbfs://{host}" if host else "dbfs"


def _namespace(rules: FileSystem, authority: str) -> str:
    authority = authority if rules.container else _without_user(authority)
    return f"{rules.scheme}://{authority.lower()}" if authority else rules.scheme


def _name(rules: FileSystem, path: str) -> str:
    if rules.rooted:
        return root("/" + path.lstrip("/"))
    return root(path.strip("/"))


def _without_user(authority: str) -> str:
    return authority.rpartition("@")[2]


def _over_https(scheme: str, host: str, path: str) -> Named:
    """Return the name that the object of an object store has there, or that of the address."""
    plain = _PORT.sub("", host.lower())
    if virtual := _VIRTUAL_S3.fullmatch(plain):
        return Named(f"s3://{virtual[1]}", _name(_S3, path))
    container, _, key = path.lstrip("/").partition("/")
    for address, rules, authority in _OVER_HTTPS:
        if container and address.fullmatch(plain):
            return Named(f"{rules.scheme}://{authority.format(container=container, host=plain)}", _name(rules, key))
    return Named(f"{scheme}://{host.lower()}", root("/" + path.lstrip("/")))
