"""The resolver of declared facts."""

from __future__ import annotations

from genops.core.operation import DatasetRef, Operation, Statement
from genops.core.ports import CLASSIFICATION, COLUMNS, ESTIMATE, TABLES, Resolution
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
    """Tables of a statement and columns of a dataset are unresolved where a rule needs them, and only there."""
    resolver = DeclaredResolver(DECLARED)
    query = OPERATION._replace(statement=Statement("SELECT", 8, "ab"))
    assert not resolver.resolve(query, NEEDS).resolved
    assert resolver.resolve(query, frozenset({ESTIMATE})).resolved
    assert not resolver.resolve(OPERATION, frozenset({COLUMNS})).resolved
    assert resolver.resolve(Operation("catalog.list", "p"), frozenset({COLUMNS})).resolved
