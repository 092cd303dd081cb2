"""Numbers of datasets and columns, each given once as long as it is kept."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable

from genops.core.operation import DatasetRef
from genops.lineage.graph.nouns import Column

NONE = -1
# A named tuple's own constructor takes twice as long, which a million columns show.
_as_column: Callable[[type[Column], tuple[DatasetRef, str]], Column] = tuple.__new__  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  (of any tuple)
_NO_DATASET = DatasetRef(())
_NO_COLUMN = Column(_NO_DATASET, "")


class Names:
    """Gives datasets and columns numbers, each kind from zero on. Numbers of what was dropped are given again.

    Attributes:
        datasets: Datasets by their number.
        columns: Columns by their number.
        dataset_of: Number of the dataset of each column.
        column_numbers: Numbers of the columns of each dataset by their names.
    """

    def __init__(self) -> None:
        self.datasets: list[DatasetRef] = []
        self.columns: list[Column] = []
        self.dataset_of = array("i")
        self._datasets: dict[DatasetRef, int] = {}
        self.column_numbers: list[dict[str, int]] = []
        self._free_datasets: list[int] = []
        self._free_columns: list[int] = []

    def pair(self, source: DatasetRef, target: DatasetRef) -> tuple[int, int]:
        """Return the numbers of two datasets, new ones where they have none."""
        one, other = self._datasets.get(source), self._datasets.get(target)
        if one is None:
            one = self._add(source)
            other = self._datasets.get(target)
        return one, self._add(target) if other is None else other

    def _add(self, ref: DatasetRef) -> int:
        if self._free_datasets:
            number = self._free_datasets.pop()
            self.datasets[number] = ref
        else:
            number = len(self.datasets)
            self.datasets.append(ref)
            self.column_numbers.append({})
        self._datasets[ref] = number
        return number

    def column(self, dataset: int, name: str) -> int:
        """Return the number of a column, a new one where it has none."""
        columns = self.column_numbers[dataset]
        number = columns.get(name)
        return self._add_column(dataset, name, columns) if number is None else number

    def _add_column(self, dataset: int, name: str, columns: dict[str, int]) -> int:
        # The same names come back in table after table: one string serves them all.
        name = sys.intern(name) if type(name) is str else name
        column = _as_column(Column, (self.datasets[dataset], name))
        if self._free_columns:
            number = self._free_columns.pop()
            self.columns[number], self.dataset_of[number] = column, dataset
        else:
            number = len(self.columns)
            self.dataset_of.append(dataset)
            self.columns.append(column)
        columns[name] = number
        return number

    def drop_column(self, column: int) -> None:
        """Forget a column."""
        del self.column_numbers[self.dataset_of[column]][self.columns[column].name]
        self.columns[column] = _NO_COLUMN
        self._free_columns.append(column)

    def drop_dataset(self, dataset: int) -> None:
        """Forget a dataset that has no columns."""
        del self._datasets[self.datasets[dataset]]
        self.datasets[dataset] = _NO_DATASET
        self._free_datasets.append(dataset)

    def known(self, ref: DatasetRef) -> int:
        """Return the number of a dataset, or -1."""
        return self._datasets.get(ref, NONE)

    def known_column(self, column: Column) -> int:
        """Return the number of a column, or -1."""
        dataset = self.known(column.dataset)
        return NONE if dataset < 0 else self.column_numbers[dataset].get(column.name, NONE)

    def has_columns(self, dataset: int) -> bool:
        """Whether a column of a dataset is known."""
        return bool(self.column_numbers[dataset])

    def columns_of(self, dataset: int) -> list[int]:
        """Return the numbers of a dataset's columns."""
        return list(self.column_numbers[dataset].values())
