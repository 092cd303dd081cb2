"""Snapshots: telemetry as plain data that reads the same in every run and with every version of OpenTelemetry."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from genops.testing.captured import CapturedEvent, CapturedMetric, CapturedSpan

UPDATE_OPTION = "--genops-update-snapshots"
# What genops says of its own health: it differs with genops' version and not with the program.
_OWN = ("genops.internal.", "genops.telemetry.")
# Made anew for each request or connection, by a workspace or by the operating system.
VOLATILE = frozenset({"genops.request.id"})
_MAX_DIFF = 500


def taken(
    spans: Iterable[CapturedSpan],
    events: Iterable[CapturedEvent],
    metrics: Iterable[CapturedMetric],
    *,
    without: Collection[str] = (),
    replace: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a snapshot.

    Args:
        spans: Spans in the order in which they started.
        events: Events.
        metrics: Metrics.
        without: Further attributes that are left out.
        replace: Texts that are replaced wherever they stand in a name or a value, for example a host that differs.
    """
    spans, events = tuple(spans), tuple(events)
    lines = _Lines(spans, events, VOLATILE.union(without), replace or {})
    points = {metric.name: (metric, lines.points(metric)) for metric in metrics if not metric.name.startswith(_OWN)}
    unplaced = [event for event in events if (event.trace_id, event.span_id) not in lines.numbers]
    return {
        "spans": [lines.span(span) for span in spans],
        "events": [lines.event(event) for event in unplaced],
        "metrics": {
            name: {"kind": metric.kind, "unit": metric.unit, "points": found}
            for name, (metric, found) in points.items()
            if found
        },
    }


class _Lines:
    """Writes what was captured with ordinals for identities and seconds from the first span for times."""

    def __init__(
        self,
        spans: tuple[CapturedSpan, ...],
        events: tuple[CapturedEvent, ...],
        without: Collection[str],
        replace: Mapping[str, str],
    ) -> None:
        self.numbers = {(span.trace_id, span.span_id): number for number, span in enumerate(spans, 1)}
        traces = dict.fromkeys((*(span.trace_id for span in spans), *(event.trace_id for event in events)))
        self._traces = {trace: number for number, trace in enumerate(traces, 1)}
        starts = [*(span.started_ns for span in spans), *(event.at_ns for event in events)]
        self._origin_ns = min(starts, default=0)
        self._events: dict[tuple[str, str], list[CapturedEvent]] = {}
        for event in (*(event for span in spans for event in span.events), *events):
            self._events.setdefault((event.trace_id, event.span_id), []).append(event)
        self._without = without
        self._replace = replace

    def span(self, span: CapturedSpan) -> dict[str, Any]:
        key = (span.trace_id, span.span_id)
        parent = span.parent_id
        return {
            "span": self.numbers[key],
            "trace": self._traces[span.trace_id],
            "parent": None if parent is None else self.numbers.get((span.trace_id, parent), "outside"),
            "name": self._text(span.name),
            "kind": span.kind,
            "status": span.status,
            "start": self._seconds(span.started_ns),
            "seconds": span.seconds,
            "attributes": self._attributes(span.attributes),
            "events": [self._said(event, span.attributes) for event in self._events.get(key, ())],
        }

    def event(self, event: CapturedEvent) -> dict[str, Any]:
        return {"trace": self._traces[event.trace_id], **self._said(event, {})}

    def points(self, metric: CapturedMetric) -> list[dict[str, Any]]:
        return [
            {
                "labels": self._attributes(point.labels),
                "value": point.value,
                **({} if point.count is None else {"count": point.count}),
            }
            for point in metric.points
            if metric.kind == "gauge" or point.value or point.count
        ]

    def _said(self, event: CapturedEvent, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return an event; what its span says as well is not said again."""
        further = {name: value for name, value in event.attributes.items() if known.get(name) != value}
        return {
            "name": event.name,
            "at": self._seconds(event.at_ns),
            "severity": event.severity,
            "attributes": self._attributes(further),
        }

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self._origin_ns) / 1e9

    def _attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._value(value)
            for name, value in sorted(attributes.items())
            if name not in self._without and name != "event.name"
        }

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        return [self._value(item) for item in cast("tuple[Any, ...]", value)] if isinstance(value, tuple) else value

    def _text(self, text: str) -> str:
        for found, instead in self._replace.items():
            text = text.replace(found, instead)
        return text


def text_of(snapshot: Mapping[str, Any]) -> str:
    """Return a snapshot as it stands in its file: JSON with sorted keys, one entry a line."""
    return json.dumps(snapshot, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def compare(path: Path, snapshot: Mapping[str, Any], *, update: bool) -> str | None:
    """Return why a snapshot is not the one in a file; `None` where it is.

    Args:
        path: The file.
        snapshot: What was captured.
        update: Write the file instead of reading it.
    """
    text = text_of(snapshot)
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
        return None
    how = f"run pytest with {UPDATE_OPTION}, or call assert_snapshot(…, update=True) once"
    try:
        known = path.read_text("utf-8")
    except FileNotFoundError:
        return f"there is no snapshot {path} yet. To create it: {how}; then look at it and commit it."
    if known == text:
        return None
    diff = list(
        difflib.unified_diff(
            known.splitlines(), text.splitlines(), f"{path.name} (snapshot)", f"{path.name} (captured)", lineterm=""
        )
    )
    more = [f"… and {len(diff) - _MAX_DIFF} more lines"] if len(diff) > _MAX_DIFF else []
    return "\n".join(
        [f"what was captured is not the snapshot {path}", *diff[:_MAX_DIFF], *more, f"If this is right: {how}."]
    )
