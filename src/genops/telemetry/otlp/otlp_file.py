"""The file destination: OTLP as lines of JSON, one export request a line, all signals in one file.

The JSON is protobuf's mapping with OTLP's exceptions: trace and span ids are hexadecimal, enumerations are numbers.
A line starts with `{"resourceSpans"`, `{"resourceLogs"` or `{"resourceMetrics"`.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from genops.core.forks import on_fork
from genops.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


class OtlpFile:
    """Appends export requests to a file.

    Args:
        path: The file; created where it does not exist.

    Raises:
        ConfigurationError: The file cannot be opened for appending.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._senders: set[object] = set()
        self._descriptor: int | None = None
        self._lock = threading.RLock()
        on_fork(self._forked)
        os.close(self._open())

    def sending(self) -> Callable[[], object]:
        """Keep the file open from the first write on; return what ends that and may be called more than once."""
        sender = object()
        self._senders.add(sender)

        def end() -> None:
            self._senders.discard(sender)
            self._close_unneeded()

        return end

    def spans(self, batch: Sequence[Any]) -> int:
        """Write spans; return how many were written."""
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        return self._write(encode_spans(batch), len(batch))

    def logs(self, batch: Sequence[Any]) -> int:
        """Write log records; return how many were written."""
        from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs

        return self._write(encode_logs(batch), len(batch))

    def metrics(self, data: MetricsData, points: int) -> int:
        """Write metrics of a number of points; return how many were written."""
        from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

        return self._write(encode_metrics(data), points)

    def _write(self, request: Any, size: int) -> int:
        line = to_json(request).encode() + b"\n"
        with self._lock:
            if self._descriptor is None:
                self._descriptor = self._open()
            # One write a line: with O_APPEND, lines of several processes do not mix.
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        self._close_unneeded()
        return size

    def _close_unneeded(self) -> None:
        """Close the file where nobody sends any more; who is writing meanwhile does so afterwards."""
        if self._senders or not self._lock.acquire(blocking=False):
            return
        try:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)
        finally:
            self._lock.release()

    def _forked(self) -> None:
        """Begin anew: a thread that is not in the child may have held the lock."""
        self._lock = threading.RLock()
        self._senders.clear()
        self._close_unneeded()

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise ConfigurationError(
                f"telemetry.export={str(self._path)!r}: the file cannot be written ({error.strerror}); "
                "expected a path in a directory that exists and is writable"
            ) from error


def to_json(request: Any) -> str:
    """Return an OTLP export request (a protobuf message) as one line of JSON."""
    from google.protobuf import json_format

    as_dict = cast("Callable[..., dict[str, Any]]", json_format.MessageToDict)
    tree = as_dict(request, use_integers_for_enums=True)
    _spell_ids(tree)
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def _spell_ids(node: Any) -> None:
    if isinstance(node, list):
        for item in cast("list[Any]", node):
            _spell_ids(item)
    elif isinstance(node, dict):
        tree = cast("dict[str, Any]", node)
        for key, value in tree.items():
            if key in _IDS:
                tree[key] = base64.b64decode(value).hex()
            else:
                _spell_ids(value)
