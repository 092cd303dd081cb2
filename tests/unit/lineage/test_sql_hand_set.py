"""Tables and columns of the statements that people worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import DIRECT, Status, Understood, dotted
from support import hand_set
from support.parsers import needs_newest

# One of the set is a template and not SQL.
_STATEMENTS = [given for given in hand_set.statements() if given["id"] != "param_groupall"]
_WITH_COLUMNS = [given for given in _STATEMENTS if given["cols"] is not None]
_ABSENT = f"{hand_set.ABSENT} ({hand_set.FILE})"


def _of(statements: list[dict[str, Any]]) -> pytest.MarkDecorator:
    """One test for each of these statements; where there are none, one that is skipped."""
    absent = [pytest.param({}, marks=pytest.mark.skip(_ABSENT))]
    return pytest.mark.parametrize("given", statements or absent, ids=lambda given: given.get("id"))


def _understood(given: dict[str, Any]) -> tuple[Understood, ...]:
    return understand(given["sql"], given["dialect"], Declared(given["schema"] or {}))


@_of(_STATEMENTS)
def test_tables_of_the_hand_set(given: dict[str, Any]) -> None:
    """Every statement of the set reads and writes the tables that people found in it."""
    found = _understood(given)
    assert hand_set.agrees({dotted(table) for each in found for table in each.reads}, given["src"])
    assert hand_set.agrees({dotted(table) for each in found for table in each.writes}, given["tgt"])


@_of(_WITH_COLUMNS)
def test_columns_of_the_hand_set(given: dict[str, Any]) -> None:
    """Every output of the set is made of the columns that people found it to be made of, and there are no others."""
    found = _understood(given)
    outputs: dict[str, set[str]] = {}
    for flow in (flow for each in found for flow in each.columns if flow.kind == DIRECT):
        outputs.setdefault(flow.target.rsplit(".", 1)[-1], set()).add(flow.source)
    assert all(hand_set.agrees(outputs.get(name, set()), expected) for name, expected in given["cols"].items())
    assert "ignored" in given["note"] or outputs.keys() <= given["cols"].keys()


@needs_newest
@_of(_STATEMENTS)
def test_statements_of_the_hand_set_are_parsed(given: dict[str, Any]) -> None:
    """No statement of the set is left to its words alone, or refused."""
    assert {each.status for each in _understood(given)} <= {Status.RESOLVED, Status.PARTIAL}


@pytest.mark.skipif(not _STATEMENTS, reason=_ABSENT)
def test_the_hand_set_is_whole() -> None:
    """The set has the 85 statements and 68 column sets that its proof speaks of."""
    assert (len(_STATEMENTS), len(_WITH_COLUMNS)) == (85, 68)
