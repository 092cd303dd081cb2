"""What is declared is emitted and what is emitted is declared, over representative work in one process."""

from __future__ import annotations

import pytest

from genops.telemetry.semconv import (
    DECLARED,
    EVENT_ATTRIBUTES,
    MEMBERS,
    METRICS,
    OPTIONAL_ATTRIBUTION,
    SPAN_ATTRIBUTES,
    Attr,
)
from genops.telemetry.spans import LIMIT, WIDE_LIMIT
from support import emitted_work
from support.declared import recorder

# A span of one of these says what a unit's says, by the same functions, where the same is known of it; so each of their
# attributes is held to be emitted by some span, not by a span of their own type.
ALIKE = {"genops.unit.refused", "genops.unit.unattributed", "genops.part"}
DESCRIBES = {Attr.STATEMENT_HASH, Attr.CATALOG_NAME, Attr.SCHEMA_NAME, Attr.TABLE_NAME, Attr.LINEAGE_INPUTS}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Everything that the work emitted, and the attributes of the resources; what is wrong on purpose stands apart."""
    recorder.reset()
    resources = emitted_work.everything(tmp_path_factory.mktemp("work"))
    emitted = list(recorder.emitted)
    recorder.reset()
    right = [one for one in emitted if one.name != f"genops.{emitted_work.INVALID}"]
    return emitted, right, resources


def of(emitted, signal):
    """Attributes that were seen, by type of span, event or metric."""
    found = {}
    for one in emitted:
        if one.signal == signal:
            found.setdefault(one.type, set()).update(one.attributes)
    return found


@pytest.mark.faults
def test_every_attribute_that_is_declared_is_emitted(work):
    """No attribute stands in the registry that nothing emits."""
    emitted, _, resources = work
    seen = set().union(*(one.attributes for one in emitted), *resources)
    assert DECLARED - seen == set()


@pytest.mark.faults
def test_every_type_of_span_is_emitted_as_declared(work):
    """Each type occurs, with nothing missing, misplaced or misspelt, and with everything that it may carry."""
    _, right, _ = work
    seen = of(right, "span")
    assert set(seen) == set(SPAN_ATTRIBUTES)
    some = set().union(*seen.values())
    for kind, carried in SPAN_ATTRIBUTES.items():
        may = carried.required | carried.optional
        assert may - (some if kind in ALIKE else seen[kind]) == set(), kind


@pytest.mark.faults
def test_every_event_is_emitted_as_declared(work):
    """Each event occurs, with everything that it may carry."""
    seen = of(work[0], "event")
    assert seen == {name: carried.required | carried.optional for name, carried in EVENT_ATTRIBUTES.items()}


@pytest.mark.faults
def test_every_metric_is_emitted_as_declared(work):
    """Each metric has points, and every label that it may have occurs."""
    seen = of(work[0], "point")
    assert seen == {metric.name: metric.required | metric.optional for metric in METRICS}


@pytest.mark.faults
def test_every_value_of_a_closed_set_is_emitted(work):
    """No value stands in the registry that nothing emits."""
    emitted, _, _ = work
    for attribute, values in MEMBERS.items():
        seen = {one.attributes[attribute] for one in emitted if attribute in one.attributes}
        assert values - seen == set(), attribute


@pytest.mark.faults
def test_nothing_is_emitted_otherwise_than_declared(work):
    """Names, places, types and values of all of it are as declared; this goes for every other test as well."""
    _, right, _ = work
    assert [(one.name, one.violations) for one in right if one.violations] == []


@pytest.mark.faults
def test_spans_keep_their_width(work):
    """At most 24 attributes, 38 where a statement or a dataset is described, optional attribution not counted."""
    _, right, _ = work
    widths = [
        (len(one.attributes.keys() - OPTIONAL_ATTRIBUTION), bool(one.attributes.keys() & DESCRIBES), one.name)
        for one in right
        if one.signal == "span"
    ]
    assert [one for one in widths if one[0] > (WIDE_LIMIT if one[1] else LIMIT)] == []
    assert max(width for width, described, _ in widths if described) > LIMIT
