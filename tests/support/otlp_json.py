"""OTLP JSON of any writer in one shape, so that genops' file and a collector's compare."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KINDS = {
    "spans": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
}
_SHAPES = ("sum", "gauge", "histogram")
# Some writers spell whole numbers as text, and floats without a fraction.
_NUMBERS = {"intValue": int, "doubleValue": float}


class Telemetry(NamedTuple):
    """What was written.

    Attributes:
        spans: Spans, with `resource` and `scope`; attributes are dictionaries.
        logs: Log records, the same way.
        points: Points of metrics, with `name` and `shape` as well.
    """

    spans: list[dict[str, Any]]
    logs: list[dict[str, Any]]
    points: list[dict[str, Any]]

    def last_points(self) -> dict[Series, Any]:
        """Return the last value of each series: a number, or count and sum of a histogram."""
        last: dict[Series, tuple[int, Any]] = {}
        for point in self.points:
            at = int(point["timeUnixNano"])
            if at >= last.get(series(point), (0, None))[0]:
                last[series(point)] = at, value(point)
        return {found: content for found, (_, content) in last.items()}


class Series(NamedTuple):
    """A series of points: the instance that sent it, its metric and its attributes."""

    instance: str
    name: str
    labels: frozenset[tuple[str, Any]]


def rows(text: str) -> list[dict[str, Any]]:
    """Return the requests in a text; a writer that was killed may have left out an end of line, or half a request."""
    found, decoder, at = [], json.JSONDecoder(), 0
    while True:
        at = next((i for i in range(at, len(text)) if text[i] == "{"), len(text))
        if at == len(text):
            return found
        try:
            row, at = decoder.raw_decode(text, at)
        except ValueError:
            after = text.find("\n", at)
            at = len(text) if after < 0 else after
        else:
            found.append(row)


def of_service(requests: Iterable[dict[str, Any]], service: str) -> Telemetry:
    """Return what one service sent."""
    requests = list(requests)
    kinds = {kind: [i for i in _items(requests, *keys) if _service(i) == service] for kind, keys in _KINDS.items()}
    return Telemetry(kinds["spans"], kinds["logs"], [point for metric in kinds["metrics"] for point in _points(metric)])


def comparable(item: dict[str, Any]) -> str:
    """Return a span, record or point as a text that is the same whoever wrote it: without what is empty."""
    return json.dumps(_without_empty(item), sort_keys=True)


def counted(items: Iterable[dict[str, Any]]) -> Counter[str]:
    """Return how often each item is there."""
    return Counter(map(comparable, items))


def series(point: dict[str, Any]) -> Series:
    """Return the series of a point."""
    labels = frozenset((name, content) for name, (_, content) in point["attributes"].items())
    return Series(point["resource"]["attributes"]["service.instance.id"][1], point["name"], labels)


def value(point: dict[str, Any]) -> Any:
    """Return the value of a point; count and sum where it is one of a histogram."""
    if "asInt" in point:
        return int(point["asInt"])
    return point["asDouble"] if "asDouble" in point else (int(point.get("count", 0)), point.get("sum"))


def _service(item: dict[str, Any]) -> Any:
    return item["resource"]["attributes"].get("service.name", (None, None))[1]


def _items(requests: list[dict[str, Any]], outer: str, scoped: str, inner: str) -> Iterator[dict[str, Any]]:
    for request in requests:
        for one in request.get(outer, []):
            for two in one.get(scoped, []):
                for item in two.get(inner, []):
                    about = {key: level[key] for level, key in ((one, "resource"), (two, "scope"), (two, "schemaUrl"))}
                    yield _flat({**item, **about})


def _points(metric: dict[str, Any]) -> Iterator[dict[str, Any]]:
    about = {key: metric[key] for key in ("name", "unit", "resource", "scope", "schemaUrl") if key in metric}
    for shape in _SHAPES:
        for point in metric.get(shape, {}).get("dataPoints", []):
            yield {"attributes": {}, **point, **about, "shape": shape}


def _flat(node: Any) -> Any:
    if isinstance(node, list):
        return [_flat(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {pair["key"]: _typed(pair["value"]) for pair in content} if key == "attributes" else _flat(content)
        for key, content in node.items()
    }


def _typed(written: dict[str, Any]) -> tuple[str, Any]:
    ((kind, content),) = written.items()
    if kind == "arrayValue":
        return kind, tuple(_typed(each) for each in content.get("values", []))
    return kind, _NUMBERS[kind](content) if kind in _NUMBERS else content


def _without_empty(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_empty(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: content if key == "attributes" else _without_empty(content) for key, content in node.items()}
    return {key: content for key, content in kept.items() if content not in ("", 0, "0", None) and content != {}}
