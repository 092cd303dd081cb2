"""What an importer reads from the catalog of another system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef
    from genops.lineage.graph.graph import LineageGraph
    from genops.lineage.graph.nouns import Declaration, Flow, Node


class Definition(NamedTuple):
    """The text of a view or a job, kept as it was given, so that it can be understood later.

    Its text may hold literals: it is no part of its `repr`, and enters no graph and no export.

    Attributes:
        name: Of the view or the job in its system.
        text: As given.
        dialect: Of the text, as the SQL parser calls it; empty where it is no SQL.
        target: The view, where it is one.
    """

    name: str
    text: str
    dialect: str
    target: DatasetRef | None = None

    def __repr__(self) -> str:
        return f"Definition(name={self.name!r}, {len(self.text)} characters, dialect={self.dialect!r})"


class Imported(NamedTuple):
    """What was read.

    Attributes:
        flows: Edges of datasets and of columns.
        described: What people say of datasets and columns.
        definitions: Texts of views and jobs.
        locations: Paths of tables.
        columns: Names of the columns of tables.
        skipped: How many entities were not read, by the reason.
    """

    flows: tuple[Flow, ...] = ()
    described: tuple[tuple[Node, Declaration], ...] = ()
    definitions: tuple[Definition, ...] = ()
    locations: Mapping[DatasetRef, str] = {}
    columns: Mapping[DatasetRef, tuple[str, ...]] = {}
    skipped: Mapping[str, int] = {}

    def into(self, graph: LineageGraph, *, at: int) -> None:
        """Add all that can be drawn to a graph.

        Args:
            graph: Where to.
            at: When it was said, in nanoseconds since the epoch.
        """
        graph.extend(self.flows, at=at)
        for node, declaration in self.described:
            graph.describe(node, declaration)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value of an export where it is an object; an empty one otherwise."""
    return value if isinstance(value, Mapping) else {}  # pyright: ignore[reportUnknownVariableType] — JSON


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in a list of an export."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []  # pyright: ignore[reportUnknownVariableType] — JSON


def text(value: Any) -> str:
    """Return a value of an export where it is a text; an empty one otherwise."""
    return value if isinstance(value, str) else ""


def texts(value: Any) -> list[str]:
    """Return the texts in a list of an export, without empty ones."""
    return [found for each in value if (found := text(each))] if isinstance(value, list | tuple) else []  # pyright: ignore[reportUnknownVariableType] — JSON
