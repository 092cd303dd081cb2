"""Which column a name means, where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from genops.lineage.sql.expressions import Reference, references
from genops.lineage.sql.relations import Relation, Stored
from genops.lineage.sql.syntax import COLUMNS, NESTED, STARS, Node, column_parts
from genops.lineage.sql.traces import CHANGED, NOTHING, SAME, Lineage, Step, Trace, joined, through, unsure
from genops.lineage.sql.understood import STAR

if TYPE_CHECKING:
    from genops.lineage.sql.reading import Reading
    from genops.lineage.sql.steps import Steps
    from genops.lineage.sql.understood import Table

_NO_ALIASES: Mapping[str, Lineage] = {}


class Ctes:
    """The common table expressions that are visible at one place.

    Args:
        outer: Those of the query around it.

    Attributes:
        levels: What is defined, the innermost first.
    """

    def __init__(self, outer: Ctes | None = None) -> None:
        self._own: dict[str, Relation] = {}
        self.levels: tuple[dict[str, Relation], ...] = (self._own, *(outer.levels if outer else ()))

    def define(self, name: str, relation: Relation) -> None:
        """Give a name, which hides the same name further out."""
        self._own[name] = relation

    def find(self, name: str) -> Relation | None:
        """Return what a name means, or `None`."""
        return next((own[name] for own in self.levels if name in own), None)


class Binding(NamedTuple):
    """A relation under the name that it has in a query.

    Attributes:
        name: Its alias, or the last part of its name; empty where it has none.
        relation: Its columns.
    """

    name: str
    relation: Relation


class Scope:
    """The relations that one query reads from, and the query around it.

    Args:
        reading: The statement.
        outer: The scope that names not found here are looked up in; `None` where the query sees nothing outside.
        ctes: Common table expressions that it may name.

    Attributes:
        bindings: Its relations, in order.
        merged: Columns that joins made one of several, by name.
        answers: Outcomes of the queries inside its expressions, by the identity of their nodes.
    """

    def __init__(self, reading: Reading, outer: Scope | None, ctes: Ctes | None) -> None:
        self.reading = reading
        self.outer = outer
        self.ctes = ctes
        self.bindings: list[Binding] = []
        self.merged: dict[str, Lineage] = {}
        self.answers: dict[int, Relation] = {}
        self._qualifiers: dict[tuple[str, ...], Relation] = {}
        self._columns: dict[tuple[str, ...], Lineage] = {}

    def bind(self, name: str, relation: Relation, table: Table = ()) -> None:
        """Add a relation under an alias, or under every form of the name of its table."""
        self.bindings.append(Binding(name, relation))
        self._columns.clear()
        if name:
            self._qualifiers.setdefault((name,), relation)
        for length in range(1, len(table) + 1):
            qualifier = tuple(self.reading.folding.column(part) for part in table[-length:])
            self._qualifiers.setdefault(qualifier, relation)

    def name(self, name: str, relation: Relation) -> None:
        """Give a relation that is bound a further name."""
        self._qualifiers.setdefault((name,), relation)

    def hide(self, relation: Relation) -> None:
        """Take a relation out of sight whose join only decided which rows stay."""
        self.bindings = [each for each in self.bindings if each.relation is not relation]
        self._columns.clear()

    def merge(self, name: str, lineage: Lineage) -> None:
        """Make one column of the columns that a join compares by name."""
        self.merged[name] = lineage
        self._columns.clear()

    def qualified(self, qualifier: tuple[str, ...]) -> Relation | None:
        """Return the relation of this scope that a qualifier names."""
        return self._qualifiers.get(qualifier)

    def answer(self, taken: Iterable[Reference]) -> Steps[None]:
        """Resolve the queries among what expressions take."""
        nested = [each.node for each in taken if each.node.key in NESTED]
        if nested:
            from genops.lineage.sql.queries import query

            for node in nested:
                self.answers[id(node)] = yield query(self.reading, node, self, self.ctes)

    def lineage(self, taken: Iterable[Reference], aliases: Mapping[str, Lineage] = _NO_ALIASES) -> Lineage:
        """Return the lineage of what expressions take, whose queries are answered.

        Args:
            taken: What they take.
            aliases: Names that outputs of the same query have already, where an expression may use them.
        """
        found = joined([through(self._of(node, aliases, asked=asked), step) for node, step, asked in taken])
        self.reading.spend(1 + len(found))
        return found

    def take(self, expression: Node, step: Step = SAME, aliases: Mapping[str, Lineage] = _NO_ALIASES) -> Steps[Lineage]:
        """Return the lineage of an expression, with the queries in it."""
        taken = references(expression, self.reading.folding, step)
        yield from self.answer(taken)
        return self.lineage(taken, aliases)

    def take_each(self, expressions: Iterable[Node], step: Step = SAME) -> Steps[list[Lineage]]:
        """Return the lineage of several expressions, each its own."""
        taken = [references(expression, self.reading.folding, step) for expression in expressions]
        for each in taken:
            yield from self.answer(each)
        return [self.lineage(each) for each in taken]

    def take_all(self, expressions: Iterable[Node], step: Step = SAME) -> Steps[Lineage]:
        """Return the lineage of several expressions together."""
        taken = [each for expression in expressions for each in references(expression, self.reading.folding, step)]
        yield from self.answer(taken)
        return self.lineage(taken)

    def _of(self, node: Node, aliases: Mapping[str, Lineage], *, asked: bool) -> Lineage:
        if node.key in STARS or (node.key == "column" and node.this.key == "star"):
            for each in self.bindings:
                if each.relation.open:
                    self.reading.stars(STAR, each.relation)
            return through(joined(each.relation.all() for each in self.bindings), CHANGED)
        if node.key in COLUMNS:
            return self.column(column_parts(node, self.reading.folding), aliases)
        answer = self.answers[id(node)]
        return answer.rows if asked else answer.all() | answer.rows

    def column(self, parts: tuple[str, ...], aliases: Mapping[str, Lineage] = _NO_ALIASES) -> Lineage:
        """Return the lineage of a column by the parts of its name, which may go on into a struct."""
        if parts[0] in aliases:
            return self._alias(parts, aliases[parts[0]])
        found = self._columns.get(parts)
        if found is None:
            found = self._columns[parts] = self._looked_up(parts)
        return found

    def _alias(self, parts: tuple[str, ...], meant: Lineage) -> Lineage:
        """A column of a table goes before an alias of that name; whether there is one is not always known."""
        name = parts[0]
        if len(parts) > 1 and self.qualified(parts[:1]) is not None:
            return self.column(parts)
        if any(each.relation.known(name) is not None for each in self.bindings):
            return self.column(parts)
        possible = joined(filter(None, (each.relation.possible(name) for each in self.bindings)))
        if {trace[:2] for trace in possible} <= {trace[:2] for trace in meant}:
            return meant
        self.reading.ambiguous(name, possible | meant)
        return unsure(possible | meant)

    def _looked_up(self, parts: tuple[str, ...]) -> Lineage:
        for length in range(len(parts) - 1, 0, -1):
            for scope in self.outwards():
                relation = scope.qualified(parts[:length])
                if relation is not None:
                    found = scope.member(relation, parts[: length + 1])
                    return through(found, CHANGED) if len(parts) > length + 1 else found
        found = self._unqualified(parts[0])
        return through(found, CHANGED) if len(parts) > 1 else found

    def outwards(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        here: Scope | None = self
        while here is not None:
            yield here
            here = here.outer

    def member(self, relation: Relation, parts: tuple[str, ...]) -> Lineage:
        """Return the lineage of a column of the relation that its qualifier names."""
        name = parts[-1]
        known = relation.known(name)
        if known is not None:
            return known
        possible = relation.possible(name)
        if possible is None:
            return self._missing(".".join(parts), name, [relation])
        if any(trace.ambiguous for trace in possible):
            self.reading.ambiguous(".".join(parts), possible)
        return possible

    def _unqualified(self, name: str) -> Lineage:
        """Return the lineage of a name that any relation may have, here or further out.

        A relation that is known to have it ends the search. One whose columns are not known is a candidate, and so are
        those further out: in SQL the name means the nearest that has it.
        """
        candidates: list[Lineage] = []
        for scope in self.outwards():
            known, possible = scope.holders(name)
            candidates += known or possible
            if known:
                break
        if not candidates:
            return self._whole(name) or self._missing(name, name, [each.relation for each in self.bindings])
        found = joined(candidates)
        if len(candidates) > 1 and len({trace[:2] for trace in found}) > 1:
            found = unsure(found)
        if any(trace.ambiguous for trace in found):
            self.reading.ambiguous(name, found)
        return found

    def holders(self, name: str) -> tuple[list[Lineage], list[Lineage]]:
        """Return the columns of that name in this scope that are certain, and those that are possible."""
        if name in self.merged:
            return [self.merged[name]], []
        known: list[Lineage] = []
        possible: list[Lineage] = []
        for binding in self.bindings:
            certain = binding.relation.known(name)
            if certain is not None:
                known.append(certain)
            elif (maybe := binding.relation.possible(name)) is not None:
                possible.append(maybe)
        return known, possible

    def _whole(self, name: str) -> Lineage:
        """Return the lineage of a relation that is taken as one value."""
        relation = self.qualified((name,))
        return NOTHING if relation is None else through(relation.all(), CHANGED)

    def _missing(self, name: str, column: str, relations: Iterable[Relation]) -> Lineage:
        """Note a name that no known relation has. The tables' columns may have become more since they were learnt."""
        tables = [each.table for each in relations if isinstance(each, Stored)]
        self.reading.doubt(name, "unresolved", tables)
        return unsure(Trace(table, column) for table in tables)
