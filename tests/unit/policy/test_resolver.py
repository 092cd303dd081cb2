"""The resolver of declared facts."""

from __future__ import annotations

from genops.core.operation import DatasetRef, Operation, Statement
from genops.core.ports import CLASSIFICATION, COLUMNS, ESTIMATE, TABLES, Resolution
from genops.core.statements import NoReader, Reading
from genops.policy.classification import Classification
from genops.policy.resolver import DeclaredResolver

HR, WEB = DatasetRef(("main", "hr", "t")), DatasetRef(("main", "web", "t"))
OPERATION = Operation("table.get", "p", reads=(HR,), writes=(WEB,))
DECLARED = Classification({"main.hr.*": "restricted"})
NEEDS = frozenset({TABLES, CLASSIFICATION})


class Tags:
    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[DatasetRef] = []

    def classify(self, dataset: DatasetRef) -> str | None:
        self.asked.append(dataset)
        return self.name


def test_named_datasets_with_their_classes() -> None:
    """Reads and writes come from the operation, classes from the declaration; a table without one is left out."""
    assert DeclaredResolver(DECLARED).resolve(OPERATION, NEEDS) == Resolution((HR,), (WEB,), {HR: "restricted"}, True)


def test_classes_only_where_needed() -> None:
    """No source is asked where no rule needs classes."""
    tags = Tags("public")
    resolved = DeclaredResolver(DECLARED, [tags]).resolve(OPERATION, frozenset({TABLES, ESTIMATE}))
    assert resolved == Resolution((HR,), (WEB,), {}, True)
    assert tags.asked == []


def test_declaration_goes_before_other_sources() -> None:
    """Further sources are asked in order, and only where nothing is declared."""
    first, second = Tags("internal"), Tags("public")
    resolved = DeclaredResolver(DECLARED, [first, second]).resolve(OPERATION, NEEDS)
    assert resolved.classes == {HR: "restricted", WEB: "internal"}
    assert (first.asked, second.asked) == ([WEB], [])


def test_what_it_cannot_know_is_unresolved() -> None:
    """Tables of an unread statement and columns of a dataset are unresolved where a rule needs them, and only there."""
    resolver = DeclaredResolver(DECLARED)
    query = OPERATION._replace(statement=Statement("SELECT", 8, "ab"))
    assert not resolver.resolve(query, NEEDS).resolved
    assert resolver.resolve(query, frozenset({ESTIMATE})).resolved
    assert not resolver.resolve(OPERATION, frozenset({COLUMNS})).resolved
    assert resolver.resolve(Operation("catalog.list", "p"), frozenset({COLUMNS})).resolved


class Statements(NoReader):
    """Has read every statement, or none."""

    def __init__(self, reading: Reading | None) -> None:
        self.reading = reading
        self.waited: list[float] = []

    def within(self, statement: Statement, seconds: float) -> Reading | None:
        self.waited.append(seconds)
        return self.reading


def test_what_a_statement_touches_counts_as_named() -> None:
    """Tables that the statement was found to read and write are resolved with their classes, within 25 ms."""
    query = Operation("table.query", "p", statement=Statement("SELECT", 8, "ab"))
    known = Statements(Reading(reads=(HR,), writes=(WEB,), resolved=True))
    resolver = DeclaredResolver(DECLARED, statements=known)
    assert resolver.resolve(query, NEEDS) == Resolution((HR,), (WEB,), {HR: "restricted"}, True)
    assert known.waited == [0.025]
    assert resolver.resolve(query, frozenset({ESTIMATE})) == Resolution()
    assert known.waited == [0.025]


def test_a_statement_that_is_still_read_is_unresolved() -> None:
    """Who waited in vain knows what the operation itself names, and that it is not all."""
    query = OPERATION._replace(statement=Statement("SELECT", 8, "ab"))
    for reading in (None, Reading(reads=(HR,))):
        found = DeclaredResolver(DECLARED, statements=Statements(reading)).resolve(query, NEEDS)
        assert (found.reads[0], found.resolved, found.late) == (HR, False, reading is None)
