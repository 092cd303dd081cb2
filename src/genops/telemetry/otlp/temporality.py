"""Temporality: whether metrics are sent as running sums or as what was added since the last export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genops.telemetry.otlp.preset import Preset


def preferences(preset: Preset) -> dict[str, Any]:
    """Return what the exporter of metrics is told for a preset, whatever the environment says of `otlp`.

    Delta is what OpenTelemetry calls so in `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`: counters and histograms
    are sent as differences, up-down counters and gauges as they stand.
    """
    from opentelemetry.sdk import metrics
    from opentelemetry.sdk.metrics.export import AggregationTemporality
    from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, ExponentialBucketHistogramAggregation

    running = AggregationTemporality.CUMULATIVE
    added = AggregationTemporality.DELTA if preset.delta else running
    buckets = ExponentialBucketHistogramAggregation if preset.exponential else ExplicitBucketHistogramAggregation
    return {
        "preferred_temporality": {
            metrics.Counter: added,
            metrics.ObservableCounter: added,
            metrics.Histogram: added,
            metrics.UpDownCounter: running,
            metrics.ObservableUpDownCounter: running,
            metrics.ObservableGauge: running,
        },
        "preferred_aggregation": {metrics.Histogram: buckets()},
    }
