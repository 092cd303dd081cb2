"""The parser's trees, as far as the resolver reads them: the one seam behind which they have no types.

Nodes are told apart by their `key`, the lower-case name of their class, and not by the classes: so nothing here imports
the parser, and a class that one of its versions does not have needs no exception.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from genops.lineage.sql.folding import Folding
    from genops.lineage.sql.understood import Table

Node: TypeAlias = Any
"""A node of a tree of sqlglot."""

SET_OPERATIONS = frozenset(("union", "intersect", "except"))
QUERIES = SET_OPERATIONS | {"select", "subquery", "table", "values", "pivot"}
COLUMNS = frozenset(("column", "parameter"))
"""What names a column, by its name or by its place in a file."""
STARS = frozenset(("star", "columns"))
NESTED = frozenset(("select", "subquery")) | SET_OPERATIONS
"""Queries that stand inside expressions."""

_RESERVED = frozenset((*keyword.kwlist, "set", "input"))
_WRAPPERS = frozenset(("paren", "subquery"))


def arg(node: Node, name: str) -> Node:
    """Return an argument of a node, whose name ends in an underscore in later versions where Python reserves it."""
    found = node.args.get(name)
    return node.args.get(f"{name}_") if found is None and name in _RESERVED else found


def args(node: Node, name: str) -> list[Node]:
    """Return an argument that is a list; one that is missing is empty, and one that is single is the only one."""
    found = arg(node, name)
    if found is None:
        return []
    if isinstance(found, list):
        return cast("list[Node]", found)
    return [found] if is_node(found) else []


def is_node(value: object) -> bool:
    """Whether an argument is a node and not a flag, a text or missing."""
    return hasattr(value, "args")


def children(node: Node) -> list[Node]:
    """Return the nodes directly below a node."""
    found: list[Node] = []
    for value in node.args.values():
        if isinstance(value, list):
            found.extend([each for each in cast("list[Node]", value) if hasattr(each, "args")])
        elif hasattr(value, "args"):
            found.append(value)
    return found


def inside(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, from the top, without recursion."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(children(each))


def identifier(node: Node, folding: Folding) -> str:
    """Return the name that an identifier, an alias or a column definition gives."""
    while is_node(node.args.get("this")):
        node = node.args["this"]
    return folding.column(str(node.args.get("this", "")), quoted=bool(node.args.get("quoted")))


def column_parts(column: Node, folding: Folding) -> tuple[str, ...]:
    """Return the parts of a column's name, from general to specific."""
    if column.key == "parameter":
        return (_text(column, folding),)
    given = column.args
    names = [given.get("catalog"), given.get("db"), given.get("table"), given.get("this")]
    return tuple([_text(each, folding) for each in names if each is not None])


def _text(node: Node, folding: Folding) -> str:
    return f"${identifier(node, folding)}" if node.key == "parameter" else identifier(node, folding)


def table_parts(table: Node, folding: Folding) -> Table | None:
    """Return the name of a table; `None` where it is computed, as by a function or a parameter."""
    parts: list[str] = []
    for part in ("catalog", "db", "this"):
        node = table.args.get(part)
        if node is None:
            continue
        while is_node(node) and node.key == "dot":  # a name of more than three parts
            parts.append(folding.table(str(node.this.name), quoted=bool(node.this.args.get("quoted"))))
            node = node.expression
        if is_node(node):
            if node.key not in {"identifier", "var", "literal"}:
                return None
            mark = "#" if node.args.get("temporary") else "##" if node.args.get("global") else ""
            parts.append(mark + folding.table(str(node.args.get("this", "")), quoted=bool(node.args.get("quoted"))))
    return tuple(part for part in parts if part) or None


def alias(node: Node, folding: Folding) -> str:
    """Return the alias of a source, or an empty string."""
    found = node.args.get("alias")
    name = found.args.get("this") if is_node(found) and found.key == "tablealias" else found
    return identifier(name, folding) if is_node(name) and name.key == "identifier" else ""


def alias_columns(node: Node, folding: Folding) -> list[str]:
    """Return the names that an alias gives to columns."""
    found = node.args.get("alias")
    return [identifier(each, folding) for each in args(found, "columns")] if is_node(found) else []


def unwrapped(node: Node) -> Node:
    """Return what parentheses hold, where they hold nothing but that."""
    while node.key in _WRAPPERS and is_node(node.this) and not arg(node, "with"):
        node = node.this
    return node


def is_default(node: Node) -> bool:
    """Whether a value that is assigned is the word DEFAULT, which the parser takes for a column."""
    name = node.this if node.key == "column" and not node.args.get("table") else node
    return name.key in {"identifier", "var"} and not name.args.get("quoted") and str(name.this).upper() == "DEFAULT"


def string(node: Node) -> str | None:
    """Return the text of a string literal, also of one that is given by name."""
    if node.key in {"kwarg", "propertyeq", "eq"}:
        node = node.expression
    return str(node.this) if node.key == "literal" and node.args.get("is_string") else None
