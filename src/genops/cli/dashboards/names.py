"""What Prometheus calls the metrics and attributes of genops."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genops.telemetry.semconv import Instrument

_UNITS = {"s": "seconds", "By": "bytes"}
_OTHER = re.compile(r"[^A-Za-z0-9:]+")


def metric(instrument: Instrument) -> str:
    """Return the name of a metric as Prometheus' own translation writes it, with its suffixes.

    A unit in braces is an annotation and vanishes; a counter ends in `_total`. The same name comes from the
    Collector's Prometheus exporter, from Prometheus' OTLP receiver and from the Python exporter.

    >>> from genops.telemetry.semconv import Metric
    >>> metric(Metric.COST), metric(Metric.LINEAGE), metric(Metric.BYTES), metric(Metric.DURATION)
    ('genops_cost_total', 'genops_data_lineage', 'genops_data_bytes_total', 'genops_operation_duration_seconds')
    """
    words = label(instrument.name)
    unit = _UNITS.get(instrument.unit)
    if unit is not None and not words.endswith(unit):
        words = f"{words}_{unit}"
    return f"{words}_total" if instrument.kind == "counter" and not words.endswith("_total") else words


def label(attribute: str) -> str:
    """Return the label of an attribute.

    >>> label("genops.cost.resource_type")
    'genops_cost_resource_type'
    """
    return _OTHER.sub("_", attribute)
