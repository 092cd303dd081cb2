"""The Grafana Foundation SDK, read through `Any`: its types need a newer Python than the oldest that genops runs on.

That what it is told is right is found out elsewhere: its output is checked against Grafana's own published types.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def _part(name: str) -> Any:
    return import_module(f"grafana_foundation_sdk.{name}")


bargauge, stat, table, timeseries = map(_part, [f"builders.{n}" for n in ("bargauge", "stat", "table", "timeseries")])
builders, common, queries = map(_part, [f"builders.{name}" for name in ("dashboard", "common", "prometheus")])
models, looks = _part("models.dashboard"), _part("models.common")
PromQueryFormat = _part("models.prometheus").PromQueryFormat
JSONEncoder = _part("cog.encoder").JSONEncoder
