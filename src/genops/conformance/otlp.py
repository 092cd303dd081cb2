"""OTLP's JSON read with tolerance for its dialects, and without trust in its shape.

Names in camel case or snake case; ids in hexadecimal of any case or in base64; 64-bit integers as numbers or strings.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, cast

from genops.conformance.figures import INT64, number, whole
from genops.conformance.vocabulary import (
    DECLARED_LEVEL,
    EVALUATED,
    EVENTS,
    KEPT,
    ROLE,
    SPEC_VERSION,
    TEAM,
)

Node = Mapping[str, object]
Report = Callable[[str], None]
_HEX = re.compile("[0-9a-fA-F]*")
_WORDS = ("string", "bool", "int", "double", "bytes")
_KINDS = {
    **{f"{kind}Value": kind for kind in _WORDS},
    **{f"{kind}_value": kind for kind in _WORDS},
    **dict.fromkeys(("arrayValue", "array_value"), "array"),
    **dict.fromkeys(("kvlistValue", "kvlist_value"), "map"),
}
_DECISION = ("genops.policy.", "genops.accounting.")
_OPERATION = "genops.operation."
_NAMES_OF_EVENTS = "event.name"
_SAMPLED = 1
_END_OF_TIME = 1 << 64


class Value(NamedTuple):
    """One attribute's value.

    Attributes:
        kind: `string`, `bool`, `int`, `double`, `array`, `map`, `bytes`, `null` or `unreadable`.
        content: The value as Python has it; `None` for the last two.
    """

    kind: str
    content: object = None


NULL = Value("null")
UNREADABLE = Value("unreadable")
Attributes = Mapping[str, Value]


class Said(NamedTuple):
    """The attributes of a span, an event, a scope or a resource, as far as the specification names them.

    Attributes:
        attributes: Those of the specification.
        twice: Names of those that came more than once.
        governs: Whether any claims governance: `genops.spec.version`, `genops.policy.*` or `genops.accounting.*`.
        names: Whether any names a team or an operation.
        event: What `event.name` says.
    """

    attributes: Attributes
    twice: tuple[str, ...] = ()
    governs: bool = False
    names: bool = False
    event: str = ""

    @property
    def level(self) -> str:
        """The level of compliance that it declares, if any."""
        return text(self.attributes, DECLARED_LEVEL) or ""

    @property
    def role(self) -> str:
        """The role that it declares, if any."""
        return text(self.attributes, ROLE) or ""


class Event(NamedTuple):
    """One event of the specification, from a log record or a span event.

    Attributes:
        name: Its name.
        time_ns: When, in nanoseconds since the epoch; `None` where it does not say.
        said: Its attributes.
        sampled: Whether its span was sampled; `None` for a span event, which stands on its span.
        level: The level of compliance declared for it.
        flagged: Whether a log record carries trace flags. Protobuf leaves out flags of 0.
        mark: Digest of all of its attributes and of when it was observed, for a decision; empty for others.
    """

    name: str
    time_ns: int | None
    said: Said
    sampled: bool | None
    level: str
    flagged: bool = False
    mark: bytes = b""


class Span(NamedTuple):
    """One span that has to do with governance.

    Attributes:
        name: Its name.
        start_ns: Start in nanoseconds since the epoch, where it says so.
        end_ns: End.
        said: Its attributes.
        level: The level of compliance declared for it.
    """

    name: str
    start_ns: int | None
    end_ns: int | None
    said: Said
    level: str


class Item(NamedTuple):
    """A span with the events on it, or a single event.

    Attributes:
        key: `trace id/span id` in lower-case hexadecimal; empty where one of them is missing or is none.
        span: The span, where it is one.
        events: Its events.
    """

    key: str
    span: Span | None
    events: tuple[Event, ...]


def text(attributes: Attributes, name: str) -> str | None:
    """Return a string attribute; `None` where it is missing or no string."""
    value = attributes.get(name)
    return cast("str", value.content) if value is not None and value.kind == "string" else None


def items(request: object, broken: Report) -> Iterator[Item]:
    """Yield what concerns governance in one export request, or in a list of them.

    Args:
        request: As `json.loads` gives it, of any shape.
        broken: Told of each thing that is not OTLP.
    """
    for node in cast("list[object]", request) if isinstance(request, list) else [request]:
        if not isinstance(node, dict):
            broken(f"{_kind(node)} where an export request is expected")
            continue
        tree = cast("Node", node)
        if tree and not any(_either(tree, name) is not None for name in _SIGNALS):
            broken("an object with none of resourceSpans, resourceLogs, resourceMetrics and resourceProfiles")
            continue
        yield from _spans(tree, broken)
        yield from _logs(tree, broken)


_SIGNALS = (
    ("resourceSpans", "resource_spans"),
    ("resourceLogs", "resource_logs"),
    ("resourceMetrics", "resource_metrics"),
    ("resourceProfiles", "resource_profiles"),
)
_BESIDE = frozenset({"resource", "scope", "schemaUrl", "schema_url"})


def _leaves(
    tree: Node, signal: tuple[str, str], scopes: tuple[str, str], leaves: tuple[str, str], broken: Report
) -> Iterator[tuple[Node, str]]:
    """Yield what resources and scopes of a signal hold, each with the level that these declare."""
    for resource in _each(tree, signal, broken):
        level = _level(resource, "resource", "", broken)
        for scope in _held(resource, scopes, broken):
            inner = _level(scope, "scope", level, broken)
            for node in _held(scope, leaves, broken):
                yield node, inner


def _spans(tree: Node, broken: Report) -> Iterator[Item]:
    for node, level in _leaves(tree, _SIGNALS[0], ("scopeSpans", "scope_spans"), ("spans", "spans"), broken):
        item = _span(node, level, broken)
        if item is not None:
            yield item


def _span(node: Node, level: str, broken: Report) -> Item | None:
    said = _said(node, broken)
    level = said.level or level
    events: list[Event] = []
    for event in _each(node, ("events", "events"), broken):
        about = _said(event, broken)
        name = EVENTS.get(_words(event.get("name")) or about.event)
        if name is not None:
            at = _time(event, "timeUnixNano", "time_unix_nano")
            events.append(Event(name, at, about, None, level, mark=_mark(name, event, None, broken)))
    if not (said.governs or said.names or events):
        return None
    start = _time(node, "startTimeUnixNano", "start_time_unix_nano")
    end = _time(node, "endTimeUnixNano", "end_time_unix_nano")
    return Item(_key(node), Span(_words(node.get("name")), start, end, said, level), tuple(events))


def _logs(tree: Node, broken: Report) -> Iterator[Item]:
    for node, level in _leaves(tree, _SIGNALS[1], ("scopeLogs", "scope_logs"), ("logRecords", "log_records"), broken):
        event = _record(node, level, broken)
        if event is not None:
            yield Item(_key(node), None, (event,))


def _record(node: Node, level: str, broken: Report) -> Event | None:
    about = _said(node, broken)
    name = EVENTS.get(_words(_either(node, ("eventName", "event_name"))) or about.event)
    if name is None:
        return None
    observed = _time(node, "observedTimeUnixNano", "observed_time_unix_nano")
    at = _time(node, "timeUnixNano", "time_unix_nano") or observed
    flags = whole(node.get("flags"))
    sampled = bool((flags or 0) & _SAMPLED)
    mark = _mark(name, node, observed, broken)
    return Event(name, at, about, sampled, about.level or level, flags is not None, mark)


def _mark(name: str, node: Node, observed: int | None, broken: Report) -> bytes:
    """Return a digest of a decision, by which a record that comes again is told from a further decision."""
    if name != EVALUATED:
        return b""
    try:
        rows = sorted(json.dumps(pair, sort_keys=True) for pair in _each(node, ("attributes", "attributes"), broken))
    except (RecursionError, TypeError, ValueError):
        broken(f"{name} has attributes that are no JSON, or nested too deeply")
        return b""
    return hashlib.blake2b("\n".join((str(observed), *rows)).encode(), digest_size=16).digest()


def _level(node: Node, name: str, above: str, broken: Report) -> str:
    inner = node.get(name)
    return _said(cast("Node", inner), broken).level or above if isinstance(inner, dict) else above


def _said(node: Node, broken: Report) -> Said:
    """Read the attributes of something, as far as the specification names them."""
    found: dict[str, Value] = {}
    twice: list[str] = []
    governs = names = False
    event = ""
    for pair in _each(node, ("attributes", "attributes"), broken):
        key = pair.get("key")
        if not isinstance(key, str):
            broken(f"an attribute whose key is {_kind(key)}")
            continue
        if key == _NAMES_OF_EVENTS:
            event = _words(_value(pair.get("value")).content)
        if not key.startswith("genops."):
            continue
        governs = governs or key == SPEC_VERSION or key.startswith(_DECISION)
        names = names or key == TEAM or key.startswith(_OPERATION)
        kept = KEPT.get(key)
        if kept is None:
            continue
        if kept in found:
            twice.append(kept)
        found[kept] = _value(pair.get("value"))
    return Said(found, tuple(twice), governs, names, event)


def _value(node: object) -> Value:
    if not isinstance(node, dict):
        return NULL if node is None else UNREADABLE
    tree = cast("Node", node)
    for name, content in tree.items():
        kind = _KINDS.get(name)
        if kind is not None:
            return NULL if content is None else _content(kind, content)
    return UNREADABLE if tree else NULL


def _content(kind: str, content: object) -> Value:
    """Check that a value is of the kind that it says.

    >>> _content("int", "12"), _content("double", 3), _content("string", 3)
    (Value(kind='int', content=12), Value(kind='double', content=3.0), Value(kind='unreadable', content=None))
    """
    if kind == "string":
        return Value(kind, sys.intern(content)) if isinstance(content, str) else UNREADABLE
    if kind == "bool":
        return Value(kind, content) if isinstance(content, bool) else UNREADABLE
    if kind == "int":
        figure = whole(content)
        return Value(kind, figure) if figure is not None and figure in INT64 else UNREADABLE
    if kind == "double":
        double = number(content)
        return UNREADABLE if double is None else Value(kind, double)
    return Value(kind, kind)


def _time(node: Node, *names: str) -> int | None:
    """Return a time; `None` where it is zero, which is OTLP's word for unknown, or no time of 64 bits."""
    time = whole(_either(node, names)) or 0
    return time if 0 < time < _END_OF_TIME else None


def _key(node: Node) -> str:
    trace = _identifier(_either(node, ("traceId", "trace_id")), 16)
    span = _identifier(_either(node, ("spanId", "span_id")), 8)
    return f"{trace}/{span}" if trace and span else ""


def _identifier(content: object, size: int) -> str:
    """Return an id of `size` bytes in lower-case hexadecimal; empty where it is none.

    >>> _identifier("ABCDEF0123456789", 8), _identifier("q83vASNFZ4k=", 8), _identifier("0" * 16, 8)
    ('abcdef0123456789', 'abcdef0123456789', '')
    """
    if not isinstance(content, str):
        return ""
    if len(content) == 2 * size and _HEX.fullmatch(content):
        found = content.lower()
    else:
        try:
            raw = base64.b64decode(content + "=" * (-len(content) % 4), validate=True)
        except (binascii.Error, ValueError):
            return ""
        found = raw.hex() if len(raw) == size else ""
    return found if found.strip("0") else ""


def _held(node: Node, names: tuple[str, ...], broken: Report) -> Iterator[Node]:
    """Yield the objects of a list that its node is there for, so that another name in its place hides something."""
    others = [name for name, content in node.items() if name not in _BESIDE and name not in names and content]
    if others and not _either(node, names):
        broken(f"{others[0][:80]!r} where {names[0]} is expected")
    yield from _each(node, names, broken)


def _each(node: Node, names: tuple[str, ...], broken: Report) -> Iterator[Node]:
    """Yield the objects of a list under one of the names."""
    content = _either(node, names)
    if content is None:
        return
    if not isinstance(content, list):
        broken(f"{names[0]} is {_kind(content)}, expected a list")
        return
    for inner in cast("list[object]", content):
        if isinstance(inner, dict):
            yield cast("Node", inner)
        else:
            broken(f"{names[0]} holds {_kind(inner)}, expected objects")


def _either(node: Node, names: tuple[str, ...]) -> object:
    for name in names:
        content = node.get(name)
        if content is not None:
            return content
    return None


def _words(content: object) -> str:
    return content if isinstance(content, str) else ""


def _kind(content: object) -> str:
    if content is None:
        return "null"
    named = {"dict": "an object", "list": "a list", "str": "a string", "bool": "a boolean"}
    return named.get(type(content).__name__, "a number")
