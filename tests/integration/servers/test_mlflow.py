"""MLflow as a second store of traces: what it gives back is what left."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from support.teams import governed

if TYPE_CHECKING:
    from pathlib import Path

    from support.mlflow_server import Mlflow

pytestmark = pytest.mark.full


def test_traces_read_back(mlflow: Mlflow, tmp_path: Path) -> None:
    """Every span once, with its parent, its attributes and, as span events, its governance events."""
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{mlflow.url}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"x-mlflow-experiment-id={mlflow.experiment}",
    }
    with governed(tmp_path, "mlflow", environment, events="span") as program:
        program.work()
        assert program.runtime.flush(60)
    left = program.written().spans
    assert sum(len(span.get("events", [])) for span in left) > len(left)
    stored = [_stored(span) for trace in {span["traceId"] for span in left} for span in mlflow.spans(trace)]
    assert sorted(stored, key=str) == sorted(map(_left, left), key=str)


def _left(span: dict[str, Any]) -> Any:
    events = [(event["name"], _plain(event)) for event in span.get("events", [])]
    return span["traceId"], span["spanId"], span.get("parentSpanId"), span["name"], _plain(span), events


def _plain(item: dict[str, Any]) -> list[Any]:
    return sorted((name, value) for name, (_, value) in item.get("attributes", {}).items())


def _stored(span: dict[str, Any]) -> Any:
    ids = [_hexadecimal(span.get(name)) for name in ("trace_id", "span_id", "parent_span_id")]
    events = [(event["name"], _read(event)) for event in span.get("events", [])]
    return *ids, span["name"], _read(span), events


def _hexadecimal(written: str | None) -> str | None:
    return base64.b64decode(written).hex() if written else None


def _read(item: dict[str, Any]) -> list[Any]:
    pairs = [(pair["key"], *pair["value"].values()) for pair in item.get("attributes", [])]
    # The store adds names of its own.
    return sorted(pair for pair in pairs if not pair[0].startswith("mlflow."))
