"""Where a connection of databricks-sql-connector leads: its workspace, its warehouse or cluster, its session.

Read off the connection's own fields, which differ between versions and transports; no request is sent, and what cannot
be read is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from genops.core import names
from genops.instrumentation.databricks_names import identifier_of

_WAREHOUSE = re.compile(r"/?sql/1\.0/(?:warehouses|endpoints)/([\w\-]{1,64})")
_CLUSTER = re.compile(r"/?sql/protocolv1/o/(\d{1,20})/([\w\-]{1,64})")
_WORKSPACE = re.compile(r"[?&]o=(\d{1,20})(?:&|$)")
_HTTPS = 443
_TAGS = "query_tags"


class Reach(NamedTuple):
    """Where the statements of a connection go.

    Attributes:
        host: Host of the workspace, with its port where that is not the one of HTTPS.
        resource_type: `sql_warehouse` or `cluster`; `None` where the path names neither.
        resource_id: Which one.
        workspace_id: Where the path names it.
        catalog: Catalog that the connection was opened with, or an empty string.
        schema: Schema that the connection was opened with, or an empty string.
        session: Identifier of the session, or an empty string.
        tags: Keys of the query tags that the program gave the connection; `None` where it wrote them itself.
    """

    host: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    workspace_id: str | None = None
    catalog: str = ""
    schema: str = ""
    session: str = ""
    tags: frozenset[str] | None = None


class _Asked(NamedTuple):
    """What a connection was opened with."""

    catalog: str
    schema: str
    tags: frozenset[str] | None


_asked: WeakKeyDictionary[Any, _Asked] = WeakKeyDictionary()
_reached: WeakKeyDictionary[Any, Reach] = WeakKeyDictionary()


def opening(connection: Any, arguments: Mapping[str, Any]) -> None:
    """Take note of what a connection is opened with.

    Args:
        connection: The connection.
        arguments: The arguments of its class, by name.
    """
    configuration = arguments.get("session_configuration")
    tags = _tags_given(arguments.get(_TAGS), configuration)
    _asked[connection] = _Asked(_text(arguments.get("catalog")), _text(arguments.get("schema")), tags)


def _tags_given(tags: Any, configuration: Any) -> frozenset[str] | None:
    """Return the keys of tags that are given as a mapping; `None` where they are text, which is left as it is."""
    if isinstance(tags, Mapping):
        return frozenset(map(str, _keys(tags)))
    return None if _configures_tags(configuration) else frozenset()


def _keys(mapping: Any) -> Iterable[object]:
    return mapping.keys()


def _configures_tags(configuration: Any) -> bool:
    return isinstance(configuration, Mapping) and any(str(key).lower() == _TAGS for key in _keys(configuration))


def reach_of(connection: Any) -> Reach:
    """Return where a connection leads; looked up once for each."""
    found = _reached.get(connection)
    if found is None:
        found = _reached[connection] = _looked_up(connection)
    return found


def _looked_up(connection: Any) -> Reach:
    # The fields moved from the connection to its session in version 4.1.
    session = getattr(connection, "session", connection)
    host, path = _address(session)
    warehouse, cluster, workspace = _WAREHOUSE.match(path), _CLUSTER.match(path), _WORKSPACE.search(path)
    kind, identifier = (None, None)
    if warehouse is not None:
        kind, identifier = "sql_warehouse", warehouse.group(1)
    elif cluster is not None:
        kind, identifier = "cluster", cluster.group(2)
    named = cluster or workspace
    asked = _asked.get(connection)
    if asked is None:
        tags = None if _configures_tags(getattr(session, "session_configuration", None)) else frozenset[str]()
        asked = _Asked(_text(getattr(session, "catalog", "")), _text(getattr(session, "schema", "")), tags)
    return Reach(
        host, kind, identifier_of(identifier), named.group(1) if named else None, asked.catalog, asked.schema,
        identifier_of(connection.get_session_id_hex()) or "", asked.tags,
    )  # fmt: skip


def _address(session: Any) -> tuple[str | None, str]:
    """Return host and HTTP path: those of the Thrift transport, which has the last word, or of the session."""
    backend = getattr(session, "backend", None) or getattr(session, "thrift_backend", None)
    transport = getattr(backend, "_transport", None)
    # Behind a proxy, `host` is that of the proxy.
    host = getattr(transport, "realhost", None) or getattr(transport, "host", None)
    if isinstance(host, str):
        port = getattr(transport, "realport" if getattr(transport, "realhost", None) else "port", None)
        return _netloc(host, port), _text(getattr(transport, "path", ""))
    return _netloc(_text(getattr(session, "host", "")), getattr(session, "port", None)), _text(
        getattr(session, "http_path", "")
    )


def _netloc(host: str, port: object) -> str | None:
    """Return host and port as the SDK's hosts are written.

    >>> _netloc("http://127.0.0.1", 8080), _netloc("Acme.cloud.databricks.com", 443)
    ('127.0.0.1:8080', 'acme.cloud.databricks.com')
    """
    found = names.host_of(host)
    if not found or ":" in found or not isinstance(port, int) or port == _HTTPS:
        return found or None
    return f"{found}:{port}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
