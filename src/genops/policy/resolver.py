"""The resolver of declared facts: what an operation names, and the classes declared for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from genops.core.ports import CLASSIFICATION, COLUMNS, TABLES, Resolution
from genops.core.statements import UNREAD, NoReader

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef, Operation
    from genops.core.statements import StatementReader

WAIT_SECONDS = 0.025
"""How long a call waits for what its statement does; it is read on beside it, and known the next time."""
_HIDDEN_IN_STATEMENTS = frozenset({TABLES, COLUMNS, CLASSIFICATION})


class ClassSource(Protocol):
    """Knows classes of datasets."""

    def classify(self, dataset: DatasetRef) -> str | None:
        """Return the class of a dataset, or `None` where it is not known. Answers from memory."""
        ...


class DeclaredResolver:
    """Resolves from the operation's own datasets and from what its statement is found to do; sends no request.

    What it cannot find out it calls unresolved: a statement that is not understood in time, and the columns of any
    dataset.

    Args:
        classification: The declared classes; they go before every other source.
        sources: Further sources of classes, asked in order where nothing is declared.
        statements: Understands statements.
    """

    def __init__(
        self,
        classification: ClassSource,
        sources: Iterable[ClassSource] = (),
        statements: StatementReader | None = None,
    ) -> None:
        self._sources = (classification, *sources)
        self._statements = statements or NoReader()

    def resolve(self, operation: Operation, needs: frozenset[str]) -> Resolution:
        """Return the datasets that the operation names, with their classes where a rule needs them."""
        reads, writes, resolved, late = operation.reads, operation.writes, True, False
        if operation.statement is not None and not needs.isdisjoint(_HIDDEN_IN_STATEMENTS):
            found = self._statements.within(operation.statement, WAIT_SECONDS)
            reading, late = found or UNREAD, found is None
            reads, writes, resolved = (*reads, *reading.reads), (*writes, *reading.writes), reading.resolved
        classes: dict[DatasetRef, str] = {}
        if CLASSIFICATION in needs:
            for dataset in (*reads, *writes):
                known = self._classify(dataset)
                if known is not None:
                    classes[dataset] = known
        columns = COLUMNS in needs and bool(reads or writes)
        return Resolution(reads, writes, classes, resolved and not columns, late)

    def _classify(self, dataset: DatasetRef) -> str | None:
        for source in self._sources:
            found = source.classify(dataset)
            if found is not None:
                return found
        return None
