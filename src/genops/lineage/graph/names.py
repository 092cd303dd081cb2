"""Numbers of datasets and columns, each given once."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from genops.lineage.graph.nouns import Column

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef

NONE = -1


class Names:
    """Gives datasets and columns numbers, each kind from zero on.

    Attributes:
        datasets: Datasets by their number.
        columns: Names of columns by their number.
        dataset_of: Number of the dataset of each column.
    """

    def __init__(self) -> None:
        self.datasets: list[DatasetRef] = []
        self.columns: list[str] = []
        self.dataset_of = array("i")
        self._datasets: dict[DatasetRef, int] = {}
        self._columns: list[dict[str, int]] = []
        self._spelled: dict[str, str] = {}

    def dataset(self, ref: DatasetRef) -> int:
        """Return the number of a dataset, a new one where it has none."""
        number = self._datasets.get(ref)
        if number is None:
            number = len(self.datasets)
            self.datasets.append(ref)
            self._columns.append({})
            self._datasets[ref] = number
        return number

    def column(self, dataset: int, name: str) -> int:
        """Return the number of a column, a new one where it has none."""
        columns = self._columns[dataset]
        number = columns.get(name)
        if number is None:
            number = len(self.columns)
            # The same names come back in table after table: one string serves them all.
            name = self._spelled.setdefault(name, name)
            self.columns.append(name)
            self.dataset_of.append(dataset)
            columns[name] = number
        return number

    def known(self, ref: DatasetRef) -> int:
        """Return the number of a dataset, or -1."""
        return self._datasets.get(ref, NONE)

    def known_column(self, column: Column) -> int:
        """Return the number of a column, or -1."""
        dataset = self.known(column.dataset)
        return NONE if dataset < 0 else self._columns[dataset].get(column.name, NONE)

    def columns_of(self, dataset: int) -> list[int]:
        """Return the numbers of a dataset's columns."""
        return list(self._columns[dataset].values())

    def at(self, column: int) -> Column:
        """Return a column by its number."""
        return Column(self.datasets[self.dataset_of[column]], self.columns[column])
