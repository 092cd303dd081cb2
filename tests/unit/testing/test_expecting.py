"""What can be asked of captured units, and what a failed expectation says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from genops.errors import InvalidArgument
from genops.testing import Captured, CapturedSpan, CapturedUnit
from genops.testing.captured import expectation
from genops.testing.expecting import not_these, nothing_matches


def unit(name: str, **fields) -> CapturedUnit:
    """Make a unit of a fully attributed operation."""
    given = {"type": "table.write", "team": "data-eng", "project": "sales", "environment": "test", "result": "ALLOWED"}
    return CapturedUnit(name, **{**given, "outcome": "ok", **fields})


def spanned(name: str, **attributes) -> CapturedUnit:
    """Make a unit with a span."""
    said = {key.replace("_", "."): value for key, value in attributes.items()}
    return unit(name, span=CapturedSpan(name, "0" * 31 + "1", "0" * 15 + "1", None, "client", "unset", 0, 1, said))


LOAD = unit("load", cost=Decimal("0.70"), currency="USD", rows=12, writes=("main.sales.orders",))
REFUSED = unit("pay", team=None, result="BLOCKED", outcome="refused", reason_code="BUDGET_EXCEEDED", budget="daily")
UNITS = Captured([LOAD, REFUSED, spanned("query", db_system="databricks")])


def test_units_are_found_by_name_field_and_attribute() -> None:
    """`named` and `where` keep what has every value, numbers compared as decimals and lists as tuples."""
    assert UNITS.named("load") == (LOAD,)
    assert UNITS.where(team=None) == (REFUSED,)
    assert UNITS.where(cost="0.7", writes=["main.sales.orders"]).only is LOAD
    assert UNITS.where(attributes={"db.system": "databricks"}).only.name == "query"
    assert UNITS.where(result="ALLOWED").where(rows=12) == (LOAD,)
    assert UNITS.named("other") == ()


def test_a_field_that_does_not_exist_is_refused() -> None:
    """A misspelt field is an error that names the nearest one, and not an empty answer."""
    with pytest.raises(InvalidArgument, match="did you mean 'result'"):
        UNITS.where(resutl="BLOCKED")


def test_only_says_what_there_is_instead() -> None:
    """`only` of none or several lists them."""
    with pytest.raises(AssertionError, match=r"captured are 3:\n  #1 ALLOWED  load"):
        _ = UNITS.only
    with pytest.raises(AssertionError, match=r"captured are 0:\n  \(none\)"):
        _ = UNITS.named("x").only


def test_a_unit_reads_in_one_line_and_in_full() -> None:
    """`str` is one line; `repr` shows every field that is not the default."""
    assert str(LOAD) == "ALLOWED  load (table.write)  data-eng/sales/test  ok  0.70 USD  rows=12"
    assert str(REFUSED) == (
        "BLOCKED  pay (table.write)  ?/sales/test  refused  reason_code=BUDGET_EXCEEDED  budget=daily"
    )
    assert repr(REFUSED).startswith("CapturedUnit(name='pay', type='table.write', team=None, project='sales'")
    assert "cost" not in repr(REFUSED)
    assert REFUSED.missing == ("team",)


def test_a_failure_shows_the_nearest_unit_and_what_differs() -> None:
    """The unit with most values in common stands first, then every unit in a line."""
    wanted = expectation({"db.system": "databricks"}, {"name": "qury", "result": "ALLOWED", "rows": 3})
    assert nothing_matches("unit", wanted, UNITS).splitlines() == [
        "no captured unit is as expected",
        "expected:",
        "  name       'qury'",
        "  result     'ALLOWED'",
        "  rows       3",
        "  db.system  'databricks'",
        "nearest captured unit, #3:",
        "  ALLOWED  query (table.write)  data-eng/sales/test  ok  unpriced (None)",
        "  - name  expected 'qury', was 'query'",
        "  - rows  expected 3, was None",
        "captured units (3):",
        "  #1 ALLOWED  load (table.write)  data-eng/sales/test  ok  0.70 USD  rows=12",
        "  #2 BLOCKED  pay (table.write)  ?/sales/test  refused  reason_code=BUDGET_EXCEEDED  budget=daily",
        "  #3 ALLOWED  query (table.write)  data-eng/sales/test  ok  unpriced (None)",
    ]


def test_a_failure_without_any_unit_says_so() -> None:
    """Where nothing was captured there is no nearest unit."""
    said = nothing_matches("unit", {"name": "load"}, Captured())
    assert said.splitlines()[-2:] == ["captured units (0):", "  (none)"]
    assert "nearest" not in said


def test_a_failure_lists_at_most_fifty_units() -> None:
    """Of many units the first fifty are listed, and how many more there are."""
    said = nothing_matches("unit", {"name": "x"}, Captured([LOAD] * 60)).splitlines()
    assert said[-1] == "  … and 10 more"
    assert said[-2].startswith("  #50 ")


def test_a_sequence_that_differs_says_where() -> None:
    """Each position that is wrong, missing or too much is named."""
    assert not_these([{"name": "load"}, {"name": "pay"}, {"db.system": "databricks"}], UNITS) is None
    said = not_these([{"name": "load"}, {"name": "pay", "result": "ALLOWED"}, {}, {"name": "more"}], UNITS)
    assert said is not None
    assert said.startswith("expected 4 units, captured 3 units\n#2 is not as expected:")
    assert "  - result  expected 'ALLOWED', was 'BLOCKED'" in said
    assert "#4 is missing; expected:\n  name  'more'" in said
    said = not_these([{"name": "load"}, {}, {"name": "ask"}], UNITS)
    assert said is not None
    assert said.startswith("captured units are not as expected\n#3 is not as expected:")
    said = not_these([{"name": "load"}], UNITS)
    assert said is not None
    assert said.startswith("expected 1 unit, captured 3 units\n#2 was not expected: BLOCKED  pay")
