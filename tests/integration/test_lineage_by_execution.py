"""Lineage beside the truth of a run: what a changed column changes, in statements that a local workspace runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from genops.testing.workspace import LocalWorkspace
from support.executed import Case, Laboratory
from support.executed_copies import COPIES, Landing
from support.executed_grammar import cases
from support.executed_statements import written
from support.executed_tables import CHANGES
from support.parsers import needs_newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SEED = 20240607
GENERATED = 100
# What the default run takes: a query of each kind and each way to write, over the columns of few tables.
FEW = frozenset(
    """\
SELECT p.name, o.item FROM people p LEFT JOIN orders o ON p.id = o.pid AND o.amount > 4
SELECT name, rank() OVER (PARTITION BY city ORDER BY age DESC) AS r FROM people
INSERT INTO sink (a, b) SELECT id, name FROM people WHERE age > 25
INSERT INTO sink BY NAME SELECT age AS c, id AS a FROM people
MERGE INTO sink t USING people s ON t.a = s.id WHEN MATCHED THEN DELETE
DELETE FROM sink WHERE a IN (SELECT id FROM people WHERE age > 24)
CREATE OR REPLACE TABLE made AS SELECT id, name AS n FROM people WHERE age > 25
CREATE OR REPLACE VIEW seen AS SELECT city, avg(age) AS a FROM people GROUP BY city
CREATE TEMP VIEW v AS SELECT id FROM people; SELECT o.item FROM orders o JOIN v ON v.id = o.pid
SELECT name, what, v FROM (SELECT name, age, boss FROM people) UNPIVOT (v FOR what IN (age, boss))
""".splitlines()
)


@pytest.fixture(scope="module")
def workspace() -> Iterator[LocalWorkspace]:
    """A workspace."""
    with LocalWorkspace(transition_polls=0) as held:
        yield held


@pytest.fixture(scope="module")
def laboratory(workspace: LocalWorkspace) -> Laboratory:
    """Tables in it whose columns can be changed."""
    return Laboratory(workspace)


def _hold(laboratory: Laboratory, ran: Iterable[Case], changes: Iterable[str] = tuple(CHANGES)) -> tuple[int, int]:
    """Every statement changes what its edges name and nothing else; returns how many statements and columns ran."""
    found = {case: list(laboratory.findings(case, changes)) for case in ran}
    wrong = {case.sql: bad for case, each in found.items() if (bad := [f for f in each if f.unexplained or f.unmoved])}
    assert wrong == {}
    return len(found), sum(finding.changes > 0 for each in found.values() for finding in each)


@needs_newest
def test_of_a_few_statements(laboratory: Laboratory) -> None:
    """Of ten statements the columns change that lineage names, and no others."""
    statements, checks = _hold(laboratory, [case for case in written() if case.sql in FEW], ("far", "moved"))
    assert statements == len(FEW)
    assert checks >= 30


def test_statements_that_a_seed_makes_are_the_same_each_time() -> None:
    """A seed gives the same statements, no two alike, and another seed gives others."""
    first, again, other = (cases(seed, 40) for seed in (1, 1, 2))
    assert first == again
    assert len({case.sql for case in first}) == 40
    assert first != other


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_of_every_statement(laboratory: Laboratory) -> None:
    """Of more than 300 statements of every form the columns change that lineage names, and no others."""
    statements, checks = _hold(laboratory, dict.fromkeys([*written(), *cases(SEED, GENERATED)]))
    assert statements >= 300
    assert checks >= 1_000


@pytest.mark.full
@pytest.mark.parametrize("copy", COPIES)
def test_of_files_that_are_copied(workspace: LocalWorkspace, copy: str) -> None:
    """Of a table that COPY INTO fills the columns change that lineage names for a column of the files."""
    landing = Landing(workspace)
    for column in landing.columns:
        changed, named = landing.changed(copy, column), landing.named(copy, column)
        assert changed == named, column
