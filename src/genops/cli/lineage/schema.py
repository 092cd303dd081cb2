"""Columns of tables: those that statements made, those of SCHEMA.json, and those that a catalog told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from genops.cli.lineage.words import json_of, shortened
from genops.errors import InvalidArgument
from genops.lineage.naming.identifiers import split
from genops.lineage.sql.schema import Declared, Learnt
from genops.lineage.sql.understood import is_path

if TYPE_CHECKING:
    from genops.lineage.sql.understood import Table

_CAPACITY = 100_000
_COMPLETE = 3
_SHAPE = 'expected {"table": {"column": "type"}}'


class Columns:
    """What is known of the columns of tables, the nearest word first.

    A name without a catalog in SCHEMA.json stands for the table of that schema and name in whatever catalog.

    Args:
        declared: Columns by table, of SCHEMA.json.

    Attributes:
        made: What the statements themselves made.
        told: What a catalog told.
    """

    def __init__(self, declared: dict[Table, tuple[str, ...]]) -> None:
        self._declared = Declared(declared)
        self.made, self.told = Learnt(_CAPACITY), Learnt(_CAPACITY)

    @property
    def version(self) -> int:
        """Changes with what is known."""
        return self.made.version + self.told.version

    def columns(self, table: Table) -> tuple[str, ...] | None:
        """Return the names of a table's columns in their order; `None` where they are not known."""
        found = self.made.columns(table) or self._declared.columns(table)
        if found is None and len(table) == _COMPLETE:
            found = self._declared.columns(table[1:])
        return found or self.told.columns(table)


def declared_in(path: Path, dialect: str) -> dict[Table, tuple[str, ...]]:
    """Return the columns of SCHEMA.json.

    Args:
        path: Of the file: an object of tables, each an object from columns to their types.
        dialect: That spells the names.

    Raises:
        InvalidArgument: The file cannot be read, or is of another shape.
    """
    given = json_of(path)
    if not isinstance(given, dict):
        raise InvalidArgument(f"{path}: {_SHAPE}, found {_called(given)}")
    tables = cast("dict[str, Any]", given)
    return {named(path, name, dialect): _columns(path, name, of) for name, of in tables.items()}


def _columns(path: Path, table: str, of: Any) -> tuple[str, ...]:
    where = f"{path}: table {shortened(table)}"
    if not isinstance(of, dict):
        raise InvalidArgument(f"{where}: {_SHAPE}, found {_called(of)} in place of its columns")
    columns = cast("dict[str, Any]", of)
    if not columns:
        raise InvalidArgument(f"{where}: has no columns; name all of them, or leave the table out")
    for column, type_ in columns.items():
        if not isinstance(type_, str):
            nested = "; write nested names with dots, catalog.schema.table" if isinstance(type_, dict) else ""
            raise InvalidArgument(
                f"{where}, column {shortened(column)}: expected the name of a type, found {_called(type_)}{nested}"
            )
    return tuple(columns)


def named(where: Path | str, name: str, dialect: str) -> Table:
    """Return the parts of a table's name; a place of files is one part, or two with its format.

    Raises:
        InvalidArgument: It is no name.
    """
    for parts in ((name,), tuple(name.split(".", 1))):
        if is_path(parts):
            return parts
    try:
        return split(name, dialect)
    except InvalidArgument as error:
        raise InvalidArgument(f"{where}: {shortened(name)}: {error}") from None


def _called(value: Any) -> str:
    kinds: Iterable[tuple[type, str]] = (
        (dict, "an object"),
        (list, "a list"),
        (str, "a text"),
        (bool, "a truth value"),
    )
    return next((word for kind, word in kinds if isinstance(value, kind)), "null" if value is None else "a number")
