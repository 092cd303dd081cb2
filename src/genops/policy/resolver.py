"""The resolver of declared facts: what an operation names, and the classes declared for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from genops.core.ports import CLASSIFICATION, COLUMNS, TABLES, Resolution

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef, Operation

_HIDDEN_IN_STATEMENTS = frozenset({TABLES, COLUMNS, CLASSIFICATION})


class ClassSource(Protocol):
    """Knows classes of datasets."""

    def classify(self, dataset: DatasetRef) -> str | None:
        """Return the class of a dataset, or `None` where it is not known. Answers from memory."""
        ...


class DeclaredResolver:
    """Resolves from the operation's own datasets; sends no request and parses nothing.

    What it cannot find out it calls unresolved: the tables of a statement, and the columns of any dataset.

    Args:
        classification: The declared classes; they go before every other source.
        sources: Further sources of classes, asked in order where nothing is declared.
    """

    def __init__(self, classification: ClassSource, sources: Iterable[ClassSource] = ()) -> None:
        self._sources = (classification, *sources)

    def resolve(self, operation: Operation, needs: frozenset[str]) -> Resolution:
        """Return the datasets that the operation names, with their classes where a rule needs them."""
        reads, writes = operation.reads, operation.writes
        classes: dict[DatasetRef, str] = {}
        if CLASSIFICATION in needs:
            for dataset in (*reads, *writes):
                found = self._classify(dataset)
                if found is not None:
                    classes[dataset] = found
        hidden = operation.statement is not None and not needs.isdisjoint(_HIDDEN_IN_STATEMENTS)
        columns = COLUMNS in needs and bool(reads or writes)
        return Resolution(reads, writes, classes, not (hidden or columns))

    def _classify(self, dataset: DatasetRef) -> str | None:
        for source in self._sources:
            found = source.classify(dataset)
            if found is not None:
                return found
        return None
