"""How each library is asked for the lineage of a statement, and how its answer is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Given(NamedTuple):
    """A statement and what is right of it. A name that ends in a question mark is allowed and not required.

    Attributes:
        name: What it is called.
        text: Its text.
        dialect: One of those that genops knows.
        schema: Columns by table.
        reads: Tables that it reads.
        writes: Tables that it writes.
        columns: Sources of each output; `None` where nobody has worked them out.
        partly: There may be outputs that nobody has worked out.
    """

    name: str
    text: str
    dialect: str
    schema: dict[str, list[str]]
    reads: list[str]
    writes: list[str]
    columns: dict[str, list[str]] | None
    partly: bool = False


class Answer(NamedTuple):
    """What a library says: names of tables read and written, and dotted sources by output."""

    reads: set[str]
    writes: set[str]
    columns: dict[str, set[str]]


class Ask(NamedTuple):
    """One statement, ready to be given to one library.

    Attributes:
        run: What is timed.
        told: Reads what `run` returned; raises where that is no answer.
        forget: Makes the next run as the first one.
    """

    run: Callable[[], Any]
    told: Callable[[Any], Answer]
    forget: Callable[[], object] = lambda: None


class NoAnswerError(Exception):
    """The library cannot be asked this, or does not answer."""


def of_genops(given: Given) -> Ask:
    """Ask `understand`."""
    from genops.lineage.sql import understanding
    from genops.lineage.sql.schema import Declared
    from genops.lineage.sql.understood import DIRECT, Status, dotted

    schema = Declared(given.schema)

    def told(found: tuple[Any, ...]) -> Answer:
        if not {each.status for each in found} <= {Status.RESOLVED, Status.PARTIAL, Status.OPAQUE}:
            raise NoAnswerError
        columns: dict[str, set[str]] = {}
        for flow in (flow for each in found for flow in each.columns if flow.kind == DIRECT):
            columns.setdefault(flow.target.rsplit(".", 1)[-1], set()).add(flow.source)
        reads, writes = ({dotted(t) for each in found for t in getattr(each, way)} for way in ("reads", "writes"))
        return Answer(reads, writes, columns)

    return Ask(lambda: understanding.understand(given.text, given.dialect, schema), told, understanding._cache.clear)


def of_sqlglot(given: Given) -> Ask:
    """Ask sqlglot.lineage for every output of every query of the text."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.scope import traverse_scope
    from sqlglot.schema import MappingSchema

    schema = MappingSchema(dialect=given.dialect)
    for name, columns in given.schema.items():
        schema.add_table(name, dict.fromkeys(columns, "int"), match_depth=False)

    def run() -> list[tuple[Any, Any, Any]]:
        trees = [tree for tree in sqlglot.parse(given.text, read=given.dialect) if tree is not None]
        queries = [tree if isinstance(tree, exp.Query) else tree.args.get("expression") for tree in trees]
        if not all(isinstance(query, exp.Query) for query in queries):
            raise NoAnswerError
        return [
            (tree, query, lineage(None, query, schema, dialect=given.dialect, copy=False))
            for tree, query in zip(trees, queries, strict=True)
        ]

    def told(found: list[tuple[Any, Any, Any]]) -> Answer:
        answer = Answer(set(), set(), {})
        for tree, query, outputs in found:
            target = next(_targets(tree), None)
            answer.writes.update(() if target is None else {_table(target)})
            sources = [source for scope in traverse_scope(query) for source in scope.sources.values()]
            answer.reads.update(_table(each) for each in sources if isinstance(each, exp.Table) and each.name)
            listed = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
            names = [each.name for each in listed] or list(outputs)
            for name, node in zip(names, outputs.values(), strict=False):
                answer.columns[name] = set(_leaves(node))
        return answer

    def _targets(tree: Any) -> Iterator[Any]:
        if isinstance(tree, exp.Insert | exp.Create | exp.Cache):
            yield from tree.this.find_all(exp.Table)
        elif tree.args.get("into"):
            yield tree.args["into"].this

    return Ask(run, told)


def _table(table: Any) -> str:
    return ".".join(part.name for part in table.parts if part.key != "anonymous")


def _leaves(root: Any) -> Iterator[str]:
    """Yield the columns of tables below a node of sqlglot.lineage."""
    from sqlglot import exp

    for node in root.walk():
        if isinstance(node.expression, exp.Table):
            yield f"{_table(node.expression)}.{node.name.rsplit('.', 1)[-1]}"


def of_openlineage(given: Given) -> Ask:
    """Ask openlineage-sql's `parse`."""
    from openlineage_sql import parse

    dialect = {"tsql": "mssql"}.get(given.dialect, given.dialect)

    def told(found: Any) -> Answer:
        if found is None or found.errors:
            raise NoAnswerError
        columns: dict[str, set[str]] = {}
        for each in found.column_lineage:
            sources = {f"{c.origin.qualified_name if c.origin else ''}.{c.name}" for c in each.lineage}
            columns.setdefault(each.descendant.name, set()).update(sources)
        reads, writes = ({t.qualified_name for t in tables} for tables in (found.in_tables, found.out_tables))
        return Answer(reads, writes, columns)

    return Ask(lambda: parse([given.text], dialect=dialect), told)


def of_sqllineage(given: Given) -> Ask:
    """Ask sqllineage's `LineageRunner`."""
    from sqllineage.core.metadata.dummy import DummyMetaDataProvider
    from sqllineage.runner import LineageRunner

    schema = {name if "." in name else f"<default>.{name}": columns for name, columns in given.schema.items()}
    metadata = DummyMetaDataProvider(schema)
    bare = given.columns is not None and re.match(r"\s*(?:select|with)\b", given.text, re.IGNORECASE)
    text = f"CREATE TABLE of_the_query AS {given.text}" if bare and not given.writes else given.text

    def run() -> tuple[Any, Any, Any]:
        runner = LineageRunner(text, dialect=given.dialect, metadata_provider=metadata)
        return runner.source_tables, runner.target_tables, runner.get_column_lineage()

    def told(found: tuple[Any, Any, Any]) -> Answer:
        columns: dict[str, set[str]] = {}
        for source, *_, target in found[2]:
            columns.setdefault(target.raw_name, set()).add(str(source))
        reads, writes = ({str(table) for table in tables} for tables in found[:2])
        return Answer(reads, writes - {"<default>.of_the_query"}, columns)

    return Ask(run, told)


ALL: dict[str, tuple[str, Callable[[Given], Ask]]] = {
    "genops": ("sqlglot", of_genops),
    "sqlglot.lineage": ("sqlglot", of_sqlglot),
    "openlineage-sql": ("openlineage_sql", of_openlineage),
    "sqllineage": ("sqllineage", of_sqllineage),
}
"""Package that each needs, and how it is asked."""
