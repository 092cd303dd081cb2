"""Requests that nobody would write: every route of a workspace and paths of none, with all sorts of things in them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "BREW")
# Names that exist, names that nearly do, and what climbs, ends early or is far too long.
WORDS = (
    "main", "default", "raw", "t", "main.default", "main.default.t", "main.default.raw", "catalog", "schema", "table",
    "volume", "absent", "MAIN", "0", "1", "-1", "99999999999999999999", "1e9", "true", "null", "", " ", ".", "..",
    "../..", "..%2f..", "%2e%2e", "a/b", "a\\b", "\x00", "%00", "%ff", "é", "\u202e", "🦆", "'", '"', "`", ";", "%",
    "$", "{", "a" * 300, "x" * 5000, "user@example.com", "SELECT 1", "select", "2X-Small", "RUNNING", "users", "*", "?",
    "0s", "5s", "50s", "INLINE", "EXTERNAL_LINKS", "ARROW_STREAM", "JSON_ARRAY", "CSV", "PATH", "AUTO", "SOURCE",
)  # fmt: skip
FIELDS = (
    "name", "catalog_name", "schema_name", "full_name", "statement", "warehouse_id", "comment", "properties", "owner",
    "columns", "table_type", "volume_type", "storage_location", "data_source_format", "changes", "principal", "id",
    "parameters", "query_tags", "wait_timeout", "on_wait_timeout", "disposition", "format", "row_limit", "byte_limit",
    "session_id", "catalog", "schema", "path", "content", "tasks", "job_id", "run_id", "settings", "new_settings",
    "cluster_id", "cluster_size", "max_results", "page_token", "page_size", "limit", "offset", "startIndex", "count",
    "filter", "userName", "displayName", "members", "Operations", "tag_key", "tag_value", "entity_name", "entity_type",
    "source", "target", "lineage_direction", "object_info", "include_metrics", "filter_by", "session_token", "tags",
    "start_part_number", "parts", "expire_time", "action", "overwrite", "new_name", "min_num_clusters", "function_info",
    "num_workers", "spark_version", "node_type_id", "autoscale", "messages", "inputs", "state", "update_mask",
)  # fmt: skip


@dataclass
class Odd:
    """One request."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


words = st.sampled_from(WORDS) | st.text(max_size=12)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | words, inner, max_size=4),
    max_leaves=8,
)
bodies = st.one_of(
    st.just(b""),
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=5).map(lambda body: json.dumps(body).encode()),
    st.dictionaries(st.sampled_from(FIELDS), words, max_size=6).map(lambda body: json.dumps(body).encode()),
    values.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=40),
)
queries = st.dictionaries(st.sampled_from(FIELDS) | words, words, max_size=3)
headers = st.dictionaries(
    st.sampled_from(["Range", "Content-Type", "Accept", "X-Databricks-Workspace-Id", "If-Match", "Cookie"]),
    st.sampled_from(["bytes=0-1", "bytes=-", "bytes=9-1", "text/plain", "application/json", "*/*", "\xff", "1" * 5000]),
    max_size=2,
)


def targets(routes: list[str]) -> st.SearchStrategy[tuple[str, str]]:
    """Method and path: a route with its arguments filled in, or something else."""

    def filled(route: str, given: list[str], minor: int, *, quoted: bool) -> tuple[str, str]:
        method, path = route.split(" ", 1)
        words = iter(given)
        # Half of them come as they are, so that a server is also seen to cope with what a client should have quoted.
        path = re.sub(r"\{\w+\*?\}", lambda _: quote(next(words), safe="" if quoted else "/%.@"), path)
        return method, path.replace("2.x", f"2.{minor}")

    given = st.lists(words, min_size=6, max_size=6)
    known = st.builds(filled, st.sampled_from(routes), given, st.integers(0, 2), quoted=st.booleans())
    parts = st.lists(words.map(lambda word: quote(word, safe="%.")), max_size=5).map(
        lambda parts: "/" + "/".join(parts)
    )
    return known | known | known | st.tuples(st.sampled_from(METHODS), parts)


def requests(routes: list[str], sensible: list[Odd]) -> st.SearchStrategy[Odd]:
    """Any request: to a route with anything in it, or a sensible one with one thing changed."""

    def built(
        target: tuple[str, str], other: str | None, query: dict[str, str], head: dict[str, str], body: bytes
    ) -> Odd:
        tail = "&".join(f"{quote(key)}={quote(value)}" for key, value in query.items())
        return Odd(other or target[0], target[1] + (f"?{tail}" if tail else ""), head, body)

    other = st.sampled_from([None] * 9 + [*METHODS])
    anything = st.builds(built, targets(routes), other, queries, headers, bodies)
    return anything | changed(sensible) | changed(sensible)


@st.composite
def changed(draw: st.DrawFn, sensible: list[Odd]) -> Odd:
    """A sensible request whose path, query or body is changed in one place or two."""
    odd = draw(st.sampled_from(sensible))
    target, body = odd.target, json.loads(odd.body or b"null")
    for _ in range(draw(st.integers(1, 2))):
        what = draw(st.sampled_from(["path", "query", "body", "body", "body", "body"]))
        if what == "path":
            parts = target.split("/")
            parts[draw(st.integers(3, max(3, len(parts) - 1))) % len(parts)] = quote(draw(words), safe="%.")
            target = "/".join(parts)
        elif what == "query":
            joint = "&" if "?" in target else "?"
            target += f"{joint}{draw(st.sampled_from(FIELDS))}={quote(draw(words))}"
        else:
            body = _changed_body(draw, body)
    return Odd(odd.method, target, {}, b"" if body is None else json.dumps(body).encode())


def _places(body: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value inside a body."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [above, *(place for key, value in inner for place in _places(value, (*above, key)))]


def _changed_body(draw: st.DrawFn, body: Any) -> Any:
    place = draw(st.sampled_from(_places(body)))
    if not place:
        added = {draw(st.sampled_from(FIELDS)): draw(values)}
        return {**body, **added} if isinstance(body, dict) else draw(values)
    holder = body
    for key in place[:-1]:
        holder = holder[key]
    if draw(st.booleans()) and isinstance(holder, dict):
        del holder[place[-1]]
    else:
        holder[place[-1]] = draw(values)
    return body


# Ways out of a volume, alone and one after another.
steps = st.sampled_from(
    [
        "..",
        ".",
        "%2e%2e",
        "%2e.",
        "..%2f",
        "%2f",
        "..%5c",
        "\\..",
        "..%00",
        "%c0%ae%c0%ae",
        "....",
        "~",
        "",
        "a",
        "%2F..%2F..",
    ]
)
climbs = st.lists(steps, min_size=1, max_size=8).map("/".join)
