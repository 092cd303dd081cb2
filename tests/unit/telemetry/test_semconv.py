"""Names: declared once, in the vocabularies that overlap."""

from __future__ import annotations

import re

import pytest

from genops.core.attribution import FIELDS, Attribution
from genops.core.containers import Summary, roll_up
from genops.core.decisions import PolicyResult
from genops.telemetry.semconv import DECLARED, EVENTS, METRICS, OPTIONAL_ATTRIBUTION, POLICY_CHECKS


def test_every_name_is_spelt_as_opentelemetry_spells_names():
    """Names are dotted and in snake case, and no metric says its unit or that it is a total sum."""
    for name in [*DECLARED, *EVENTS, *(metric.name for metric in METRICS)]:
        assert re.fullmatch(r"[a-z]+(\.[a-z0-9_]+)+", name), name
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_every_policy_result_has_the_guides_word():
    """Both vocabularies know the same four results."""
    assert set(POLICY_CHECKS) == {result.value for result in PolicyResult}
    assert POLICY_CHECKS["BLOCKED"] == "failed"


def test_attribution_and_roll_ups_use_declared_names():
    """What core writes onto spans is declared here."""
    everybody = Attribution(dict.fromkeys(FIELDS, "x")).attributes
    assert set(everybody) <= DECLARED
    assert set(everybody) >= OPTIONAL_ATTRIBUTION
    summary = Summary("w", 1, 0, 0, 0, {"USD": 1}, 0, 1.0, 0, 0, {})
    assert set(roll_up(summary)) <= DECLARED


@pytest.mark.parametrize("name", ["genops_cost_total", "genops_governance_violation", "genops_operations_total"])
def test_prometheus_sees_the_names_that_dashboards_ask_for(name):
    """Under the rules of OpenTelemetry's Prometheus exporters the guide's queries find their metrics."""
    assert name in {_prometheus(metric) for metric in METRICS}


def test_no_two_metrics_share_a_prometheus_name():
    """The rules of the Prometheus exporters keep the metrics apart."""
    assert len({_prometheus(metric) for metric in METRICS}) == len(METRICS)


def _prometheus(metric):
    """Spell a metric as the exporters do: underscores, a real unit appended, and _total after a counter."""
    name = metric.name.replace(".", "_").removesuffix("_total") if metric.kind == "counter" else metric.name
    name = name.replace(".", "_")
    unit = {"s": "seconds", "By": "bytes"}.get(metric.unit, "")
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    return f"{name}_total" if metric.kind == "counter" else name
