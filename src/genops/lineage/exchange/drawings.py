"""Drawings of lineage: Graphviz' DOT, and Mermaid. Names are written so that nothing in them is read as markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from genops.lineage.graph.nouns import Column

if TYPE_CHECKING:
    from genops.lineage.graph.nouns import KnownEdge, Node


def dot(edges: Iterable[KnownEdge]) -> str:
    r"""Return edges as a directed graph of Graphviz.

    >>> from genops.core.operation import DatasetRef
    >>> from genops.lineage.graph.nouns import KnownEdge, Provenance
    >>> print(dot([KnownEdge(DatasetRef(("a",)), DatasetRef(("b",)), Provenance.SQL, 0, 0)]))
    digraph lineage {
      rankdir=LR;
      n0 [label="a"];
      n1 [label="b"];
      n0 -> n1 [label="sql"];
    }
    """
    numbers, pairs = _numbered(edges)
    nodes = (f'  n{number} [label="{_in_dot(label_of(node))}"];' for node, number in numbers.items())
    lines = (f'  n{one} -> n{other} [label="{label}"];' for one, other, label in pairs)
    return "\n".join(("digraph lineage {", "  rankdir=LR;", *nodes, *lines, "}"))


def mermaid(edges: Iterable[KnownEdge]) -> str:
    """Return edges as a flowchart of Mermaid.

    >>> from genops.core.operation import DatasetRef
    >>> from genops.lineage.graph.nouns import KnownEdge, Provenance
    >>> print(mermaid([KnownEdge(DatasetRef(("a",)), DatasetRef(("b",)), Provenance.SQL, 0, 0)]))
    flowchart LR
      n0["a"]
      n1["b"]
      n0 -->|sql| n1
    """
    numbers, pairs = _numbered(edges)
    nodes = (f'  n{number}["{_in_mermaid(label_of(node))}"]' for node, number in numbers.items())
    lines = (f"  n{one} -->|{label}| n{other}" if label else f"  n{one} --> n{other}" for one, other, label in pairs)
    return "\n".join(("flowchart LR", *nodes, *lines))


def label_of(node: Node) -> str:
    """Return what a node is called by people: the name of the dataset, with that of the column."""
    return f"{node.dataset.name}.{node.name}" if isinstance(node, Column) else node.name


def _numbered(edges: Iterable[KnownEdge]) -> tuple[dict[Node, int], list[tuple[int, int, str]]]:
    """Return nodes by their number, and edges between numbers with what is written beside them."""
    numbers: dict[Node, int] = {}
    pairs: list[tuple[int, int, str]] = []
    for edge in edges:
        one = numbers.setdefault(edge.source, len(numbers))
        other = numbers.setdefault(edge.target, len(numbers))
        words = [each.subtype.lower() for each in edge.transformations if each.subtype]
        doubt = ["ambiguous"] if edge.ambiguous else []
        pairs.append((one, other, ", ".join([*(words or edge.provenance.names), *doubt])))
    return numbers, pairs


def _in_dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(letter if letter.isprintable() else f"\\\\u{ord(letter):04x}" for letter in escaped)


def _in_mermaid(text: str) -> str:
    """Mermaid reads quotes, HTML, Markdown and its own entities in a label: all but plain letters are entities."""
    return "".join(letter if letter.isalnum() or letter in "._- " else f"#{ord(letter)};" for letter in text)
