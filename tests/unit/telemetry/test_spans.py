"""Attributes of spans: both vocabularies, nothing empty, nothing invented, never too many."""

from __future__ import annotations

import pytest

from genops.core.amounts import Amount
from genops.core.attribution import Attribution
from genops.core.decisions import Decision, PolicyResult
from genops.core.operation import DatasetRef, Facts
from genops.core.ports import Closing
from genops.core.records import Outcome, Role
from genops.telemetry.semconv import DECLARED, OPTIONAL_ATTRIBUTION
from genops.telemetry.spans import (
    LIMIT,
    WIDE_LIMIT,
    counted,
    dataset_attributes,
    end_attributes,
    fit,
    start_attributes,
)
from support.records import (
    BUDGET,
    EVERYBODY,
    STATEMENT,
    TABLE,
    WHO,
    admitted,
    closing,
    money,
    operation,
    reservation,
    settled,
)

BLOCKED = Decision(PolicyResult.BLOCKED, "POLICY_DENY_CONTENT", "clearance", "the team may not read pii")
WARNED = BLOCKED.softened()
FACTS = Facts(rows=3, bytes=90, attempts=2, request_id="r1", error_type="NotFound", error_code="42P01")
MANY = settled(
    decision=WARNED,
    held=reservation(Amount(60_000, "USD"), BUDGET),
    actual=Amount(50_000, "USD"),
    priced=money(),
    facts=FACTS,
    incomplete=True,
    balance=BUDGET,
)


def whole(what, record, role=Role.UNIT):
    """What a span carries in the end, as the tracer puts it together."""
    start = start_attributes(what, role)
    end = end_attributes(closing(record), governed=role is Role.UNIT)
    wide = what.statement is not None or what.reads or what.writes
    fit(end, (WIDE_LIMIT if wide else LIMIT) - counted(start, what))
    return {**start, **end}


def test_a_unit_says_what_it_is_in_every_vocabulary():
    """Guide, specification and database conventions stand side by side."""
    what = operation(
        "table.query", reads=(TABLE,), statement=STATEMENT, resource_type="sql_warehouse", resource_id="w1"
    )
    assert start_attributes(what, Role.UNIT) == {
        "genops.team": "data-eng",
        "genops.project": "flights",
        "genops.environment": "test",
        "genops.operation.name": "table.query",
        "genops.operation.type": "table.query",
        "genops.operation_type": "table.query",
        "genops.framework_type": "data_platform",
        "genops.spec.version": "0.1.0",
        "genops.provider": "databricks_unity_catalog",
        "db.system.name": "databricks",
        "server.address": "acme.cloud.databricks.com",
        "genops.cost.resource_type": "sql_warehouse",
        "databricks.warehouse.id": "w1",
        "genops.catalog_name": "main",
        "genops.schema_name": "sales",
        "genops.table_name": "orders",
        "db.collection.name": "orders",
        "db.namespace": "main|sales",
        "genops.statement.length": 42,
        "genops.statement.hash": "ab12cd34",
        "db.operation.name": "SELECT",
    }


@pytest.mark.parametrize("role", [Role.PART, Role.CONTAINER])
def test_parts_and_containers_are_not_units(role):
    """Their spans name their role and carry no specification version, policy or accounting."""
    attributes = whole(operation(), MANY, role)
    assert attributes["genops.operation.role"] == role.value
    assert not [name for name in attributes if name.startswith(("genops.spec", "genops.policy", "genops.accounting"))]


@pytest.mark.parametrize("missing", ["team", "project", "environment"])
def test_incomplete_attribution_never_passes_for_governed(missing):
    """Without team, project or environment a span carries nothing of the specification."""
    who = Attribution({name: value for name, value in WHO.values.items() if name != missing})
    what = operation(attribution=who)
    attributes = {**start_attributes(what, Role.UNIT), **end_attributes(closing(MANY), governed=False)}
    assert not [name for name in attributes if name.startswith(("genops.spec", "genops.policy", "genops.accounting"))]
    assert "genops.governance.policy_check" not in attributes


def test_a_settled_unit_says_what_it_reserved_used_and_cost():
    """Figures are in whole units, and a cost comes with grade, source and date."""
    attributes = whole(operation(reads=(TABLE,)), MANY)
    assert attributes["genops.policy.result"] == "WARNING"
    assert attributes["genops.governance.policy_check"] == "warning"
    assert attributes["genops.accounting.reserved"] == 0.06
    assert attributes["genops.accounting.actual"] == 0.05
    assert attributes["genops.accounting.unit"] == "USD"
    assert attributes["genops.accounting.incomplete"] is True
    assert attributes["genops.cost.total"] == 0.05
    assert attributes["genops.cost.price_source"] == "list price"
    assert attributes["genops.cost.price_as_of"] == "2026-08-01"
    assert attributes["genops.budget.name"] == "flights-daily"
    assert attributes["error.type"] == "NotFound"


def test_zero_never_stands_for_unpriced():
    """Without a price there is a reason and no figure."""
    attributes = whole(operation(), settled())
    assert attributes["genops.cost.unpriced_reason"] == "no_prices"
    assert "genops.cost.total" not in attributes


def test_a_refused_unit_has_no_accounting():
    """What was refused before it reserved owes the decision only."""
    attributes = end_attributes(closing(admission=admitted(decision=BLOCKED, held=None)), governed=True)
    assert attributes["genops.policy.reason_code"] == "POLICY_DENY_CONTENT"
    assert attributes["error.type"] == "POLICY_DENY_CONTENT"
    assert not [name for name in attributes if "accounting" in name]


def test_what_was_not_executed_has_no_actual():
    """A released reservation was made, and nothing was used."""
    attributes = whole(operation(), settled(outcome=Outcome.NOT_EXECUTED))
    assert "genops.accounting.reserved" in attributes
    assert "genops.accounting.actual" not in attributes


@pytest.mark.parametrize(
    "what",
    [
        operation(resource_type="job", resource_id="1", recorded=True, attribution=EVERYBODY),
        operation(reads=(TABLE,), statement=STATEMENT, resource_type="sql_warehouse", resource_id="w"),
        operation(reads=(TABLE,), resource_type="sql_warehouse", resource_id="w", attribution=EVERYBODY),
    ],
)
def test_no_span_is_too_wide(what):
    """24 attributes, 38 where a statement or a table is described, optional attribution aside; and what must stays."""
    attributes = whole(what, MANY)
    limit = WIDE_LIMIT if what.reads else LIMIT
    assert sum(name not in OPTIONAL_ATTRIBUTION for name in attributes) <= limit
    required = {"genops.policy.result", "genops.policy.reason_code", "genops.cost.total", "genops.cost.currency"}
    accounting = {f"genops.accounting.{name}" for name in ("reserved", "actual", "unit", "incomplete")}
    assert required | accounting <= set(attributes)


def test_everything_on_a_span_is_declared_and_full():
    """No undeclared name, no empty value, no missing one."""
    what = operation(
        reads=(TABLE,), statement=STATEMENT, resource_type="cluster", resource_id="c", attribution=EVERYBODY
    )
    attributes = whole(what, MANY)
    assert set(attributes) <= DECLARED
    assert all(value is not None and value != "" for value in attributes.values())


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        ([DatasetRef(("main",), "catalog")], {"genops.catalog_name": "main", "db.namespace": "main"}),
        (
            [DatasetRef(("main", "raw", "files"), "volume")],
            {"genops.catalog_name": "main", "genops.schema_name": "raw", "db.namespace": "main|raw"},
        ),
        ([DatasetRef(("/tmp/x",), "path")], {}),
        ([DatasetRef(("a", "s", "t")), DatasetRef(("b", "s", "t"))], {}),
        ([DatasetRef(("t",))], {"genops.table_name": "t", "db.collection.name": "t"}),
    ],
)
def test_a_dataset_is_named_as_far_as_it_is_known(refs, expected):
    """Catalog, schema and table stand only where the reference names them, and all references agree."""
    assert dataset_attributes(tuple(refs)) == expected


def test_a_container_carries_its_roll_up():
    """What the spine adds at the end stands on the span."""
    end = end_attributes(Closing(1, Outcome.OK, Facts(), attributes={"genops.workflow.units": 2}), governed=False)
    assert end == {"genops.workflow.units": 2}
