"""Statements that a seed makes out of a grammar, for the tables of `support.executed_tables`.

Every query gives the columns of `sink`: a number `a`, a text `b`, a number `c` and a text `d`. So every query fits
every statement that writes one. Expressions are such that no value is masked by another: whatever they take shows.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from support.executed import Case

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")


class Source(NamedTuple):
    """What a query may read from.

    Attributes:
        text: What stands after FROM.
        numbers: Expressions that are numbers.
        texts: Expressions that are texts.
        conditions: Conditions that some rows meet.
        key: Expressions that together are another for every row.
    """

    text: str
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    conditions: tuple[str, ...]
    key: str


_PEOPLE = Source(
    "people p",
    ("p.id", "p.age", "p.boss"),
    ("p.name", "p.city"),
    ("p.id > 1", "p.age < 60", "p.boss IS NOT NULL", "p.city <> 'lima'", "p.id IN (SELECT pid FROM orders)"),
    "p.id",
)
_ORDERS = Source(
    "orders o",
    ("o.oid", "o.pid", "o.amount", "day(o.day)"),
    ("o.item", "o.note", "CAST(o.day AS STRING)"),
    ("o.amount > 2", "o.note IS NULL OR o.note <> 'z'", "o.oid % 5 <> 1", "o.pid < 6", "o.day > DATE'2024-01-06'"),
    "o.oid",
)
_THINGS = Source(
    "things t",
    ("t.price", "size(t.tags)", "t.dims.w", "t.dims.h", "t.attrs['k']", "t.steps[0]", "cardinality(t.steps)"),
    ("t.item", "t.kind", "t.tags[0]", "array_join(t.tags, '-')"),
    ("t.price > 2", "t.dims.h > 8", "array_contains(t.steps, 3) OR t.price > 2", "t.kind IS NOT NULL"),
    "t.item",
)
_SINGLE = (_PEOPLE, _ORDERS, _THINGS)
_JOINS = (
    (_PEOPLE, _ORDERS, ("p.id = o.pid", "p.id = o.pid AND o.amount > 2")),
    (_ORDERS, _THINGS, ("o.item = t.item", "t.item = o.item AND t.price < 9")),
)
_NUMBERS = (
    "{0}",
    "{0} + 1",
    "{0} * 2 - 3",
    "coalesce({0}, -1)",
    "{0} + coalesce({1}, 0)",
    "CASE WHEN {0} > 4 THEN {0} ELSE -{0} END",
    "if({0} IS NULL, -7, {0})",
    "CAST({0} AS BIGINT)",
    "abs({0} - 5)",
    "({0} + {0})",
)
_TEXTS = ("{0}", "upper({0})", "concat({0}, '!')", "coalesce({0}, 'none')", "{0} || '-'", "concat_ws('/', {0}, {1})")
_SUMS = ("sum({0})", "max({0}) + min({0})", "sum({0} * 2)", "sum(coalesce({0}, 0))", "count({0})", "avg({0})")
_LISTS = ("max({0})", "min({0})", "concat(max({0}), min({0}))", "array_join(array_sort(collect_list({0})), ',')")
_WINDOWS = (
    "row_number() OVER (ORDER BY {key})",
    "sum({0}) OVER (PARTITION BY {text})",
    "rank() OVER (PARTITION BY {text} ORDER BY {0})",
    "lag({0}) OVER (ORDER BY {key})",
    "max({0}) OVER (ORDER BY {key} ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)",
    "count(*) OVER (PARTITION BY {text})",
)


class Grammar:
    """Makes statements.

    Args:
        seed: The same seed makes the same statements.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._depth = 0

    def case(self) -> Case:
        """Make a statement."""
        often = [self._asked, self._inserted, self._merged]
        return self._one_of(
            [*often, *often, self._asked, self._made, self._seen, self._temporary, self._updated, self._deleted]
        )()

    def _one_of(self, options: Sequence[_T]) -> _T:
        return self._random.choice(options)

    # Statements

    def _asked(self) -> Case:
        return Case(self.query())

    def _inserted(self) -> Case:
        query = self.query()
        form = self._one_of(
            (
                "INSERT INTO sink {}",
                "INSERT INTO sink BY NAME {}",
                "INSERT OVERWRITE sink {}",
                "INSERT INTO sink (c, d, a, b) {}",
                "INSERT INTO sink (a, b) SELECT a, d FROM ({}) q",
                "INSERT OVERWRITE sink BY NAME SELECT d AS b, c AS a FROM ({}) q",
                "INSERT INTO sink REPLACE WHERE a < 3 SELECT 2, b, c, d FROM ({}) q",
                "INSERT INTO sink SELECT * EXCEPT (d), upper(d) AS d FROM ({}) q",
            )
        )
        return Case(form.format(query), "sink")

    def _made(self) -> Case:
        return Case(f"CREATE OR REPLACE TABLE made AS {self.query()}", "made")

    def _seen(self) -> Case:
        names = self._one_of(("", " (x, y, z, w)"))
        return Case(f"CREATE OR REPLACE VIEW seen{names} AS {self.query()}", "seen")

    def _temporary(self) -> Case:
        view = f"CREATE TEMPORARY VIEW tv AS {self.query()}"
        after, target = self._one_of(
            (
                ("SELECT a + 1 AS x, d FROM tv", ""),
                ("SELECT b, max(c) AS n FROM tv GROUP BY b", ""),
                ("INSERT INTO sink SELECT * FROM tv", "sink"),
                ("CREATE OR REPLACE TABLE made AS SELECT * EXCEPT (a) FROM tv", "made"),
            )
        )
        return Case(f"{view}; {after}", target)

    def _merged(self) -> Case:
        source = self._keyed()
        clauses = self._one_of(
            (
                "WHEN MATCHED THEN UPDATE SET b = s.b, c = s.c, d = s.d",
                "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
                "WHEN NOT MATCHED THEN INSERT (a, c) VALUES (s.a, s.c)",
                "WHEN MATCHED THEN UPDATE SET b = s.d, c = t.c + s.c WHEN NOT MATCHED BY SOURCE THEN DELETE",
                "WHEN MATCHED AND s.c > 20 THEN DELETE WHEN NOT MATCHED THEN INSERT *",
                "WHEN MATCHED AND t.c < 30 THEN UPDATE SET d = concat(t.b, s.b)",
                "WHEN NOT MATCHED AND s.b IS NOT NULL THEN INSERT (a, d) VALUES (s.a, s.b)",
            )
        )
        return Case(f"MERGE INTO sink t USING ({source}) s ON t.a = s.a {clauses}", "sink")

    def _keyed(self) -> str:
        """A query whose `a` is another in every row."""
        source = self._one_of((_PEOPLE, _PEOPLE, _ORDERS))
        key = {"p.id": "p.id", "o.oid": "o.oid - 100"}[source.key]
        b, c, d = self._text(source), self._number(source), self._text(source)
        return f"SELECT {key} AS a, {b} AS b, {c} AS c, {d} AS d FROM {source.text}{self._where(source)}"

    def _updated(self) -> Case:
        value = self._one_of(
            (
                "c = c + a",
                "b = concat(b, coalesce(d, '')), c = a * 3",
                f"c = (SELECT max(c) FROM ({self.query()}) q)",
                f"d = (SELECT min(q.d) FROM ({self.query()}) q)",
                "d = CASE WHEN a > 1 THEN b ELSE d END",
            )
        )
        return Case(f"UPDATE sink SET {value}{self._one_of(self._of_sink())}", "sink")

    def _deleted(self) -> Case:
        return Case(f"DELETE FROM sink{self._one_of(self._of_sink()[1:])}", "sink")

    def _of_sink(self) -> list[str]:
        return [
            "",
            " WHERE c > 15",
            f" WHERE a IN (SELECT a FROM ({self.query()}) q) OR c > 15",
            f" WHERE EXISTS (SELECT 1 FROM ({self.query()}) q WHERE q.a = sink.a) OR c > 15",
            " WHERE b LIKE '%o%' AND a < 9",
        ]

    # Queries

    def query(self) -> str:
        """Make a query."""
        plain = [self._single, self._single, self._joined, self._grouped, self._windowed, self._exploded, self._aliased]
        nested = [self._derived, self._shadowing, self._with, self._united, self._qualified, self._lateral]
        self._depth += 1
        try:
            return self._one_of(plain + (nested if self._depth < 3 else []))()
        finally:
            self._depth -= 1

    def _single(self) -> str:
        source = self._one_of(_SINGLE)
        return self._selected(source, source.text)

    def _joined(self) -> str:
        left, right, conditions = self._one_of(_JOINS)
        kind = self._one_of(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
        both = Source("", left.numbers + right.numbers, left.texts + right.texts, left.conditions, left.key)
        return self._selected(both, f"{left.text} {kind} {right.text} ON {self._one_of(conditions)}", where=False)

    def _selected(self, source: Source, text: str, *, where: bool = True) -> str:
        a, b, c, d = self._number(source), self._text(source), self._number(source), self._text(source)
        distinct = self._one_of(("", "", "", "DISTINCT "))
        return (
            f"SELECT {distinct}{a} AS a, {b} AS b, {c} AS c, {d} AS d FROM {text}{self._where(source) if where else ''}"
        )

    def _grouped(self) -> str:
        source = self._one_of(_SINGLE)
        by = self._one_of(source.texts)
        a, c = (self._one_of(_SUMS).format(self._one_of(source.numbers)) for _ in range(2))
        d = self._one_of(_LISTS).format(self._one_of(source.texts))
        having = self._one_of(("", "", f" HAVING count({source.key}) > 0"))
        return (
            f"SELECT {a} AS a, {by} AS b, {c} AS c, {d} AS d "
            f"FROM {source.text} GROUP BY {self._one_of((by, '2', 'ALL', 'b'))}{having}"
        )

    def _windowed(self) -> str:
        source = self._one_of(_SINGLE)
        over = self._one_of(_WINDOWS).format(
            self._one_of(source.numbers), key=source.key, text=self._one_of(source.texts)
        )
        b, d = self._text(source), self._text(source)
        return f"SELECT {self._number(source)} AS a, {b} AS b, {over} AS c, {d} AS d FROM {source.text}"

    def _exploded(self) -> str:
        number, text, made = self._one_of(
            (
                ("s", "t.kind", "LATERAL VIEW explode(t.steps) x AS s"),
                ("v", "k", "LATERAL VIEW explode(t.attrs) x AS k, v"),
                ("p", "g", "LATERAL VIEW posexplode(t.tags) x AS p, g"),
                ("t.price", "g", "LATERAL VIEW OUTER explode(filter(t.tags, g -> length(g) > 2)) x AS g"),
            )
        )
        return f"SELECT {number} + 1 AS a, {text} AS b, {number} AS c, t.item AS d FROM things t {made}"

    def _aliased(self) -> str:
        """Outputs that name others of the same query, and lambdas whose parameters hide columns."""
        return self._one_of(
            (
                "SELECT age AS a, name AS b, a + id AS c, concat(b, city) AS d FROM people",
                "SELECT id * 2 AS a, name AS b, a * 2 AS c, lower(b) AS d FROM people WHERE boss > 0",
                "SELECT size(transform(steps, price -> price + 1)) AS a, item AS b, price AS c, kind AS d FROM things",
                "SELECT aggregate(steps, 0, (x, y) -> x + y) AS a, item AS b, attrs['m'] AS c, kind AS d FROM things",
                "SELECT aggregate(steps, price, (x, y) -> x + y) AS a, kind AS b, dims.h AS c, item AS d FROM things",
            )
        )

    def _derived(self) -> str:
        outer = self._one_of(("a > -5", "b IS NOT NULL", "c IS NULL OR c > 1"))
        return f"SELECT q.c AS a, q.d AS b, q.a AS c, q.b AS d FROM ({self.query()}) q WHERE {outer}"

    def _with(self) -> str:
        return (
            f"WITH x AS ({self.query()}), y AS (SELECT a AS n, b AS m, d AS l FROM x WHERE a IS NOT NULL) "
            "SELECT n AS a, m AS b, n * 2 AS c, l AS d FROM y"
        )

    def _shadowing(self) -> str:
        """A name of a table that stands for something else."""
        name = self._one_of(("people", "orders", "things"))
        inner = self._one_of([source for source in _SINGLE if not source.text.startswith(name)])
        query = self._selected(inner, inner.text, where=False)
        return f"WITH {name} AS ({query}) SELECT a, b, c, d FROM {name} WHERE a IS NOT NULL OR b IS NOT NULL"

    def _united(self) -> str:
        operation = self._one_of(("UNION ALL", "UNION", "EXCEPT"))
        right = "SELECT -1, 'no', -1, 'no'" if operation == "EXCEPT" else f"SELECT a, b, c, d FROM ({self.query()}) r"
        return f"SELECT a, b, c, d FROM ({self.query()}) l {operation} {right}"

    def _qualified(self) -> str:
        source = self._one_of(_SINGLE)
        a, b, c, d = self._number(source), self._text(source), self._number(source), self._text(source)
        by = self._one_of(source.texts)
        return (
            f"SELECT {a} AS a, {b} AS b, {c} AS c, {d} AS d FROM {source.text} "
            f"QUALIFY row_number() OVER (PARTITION BY {by} ORDER BY {source.key}) <= 2"
        )

    def _lateral(self) -> str:
        inner = self._one_of(
            (
                "SELECT max(o.amount) AS m, min(o.item) AS i FROM orders o WHERE o.pid = p.id",
                "SELECT p.age + 1 AS m, upper(p.city) AS i",
                "SELECT o.oid AS m, o.note AS i FROM orders o WHERE o.pid = p.id AND o.amount > 2",
            )
        )
        return f"SELECT x.m AS a, x.i AS b, p.id AS c, p.name AS d FROM people p, LATERAL ({inner}) x"

    # Expressions

    def _number(self, source: Source) -> str:
        first, second = self._one_of(source.numbers), self._one_of(source.numbers)
        return self._one_of(_NUMBERS).format(first, second)

    def _text(self, source: Source) -> str:
        first, second = self._one_of(source.texts), self._one_of(source.texts)
        return self._one_of(_TEXTS).format(first, second)

    def _where(self, source: Source) -> str:
        if self._random.random() < 0.4:
            return ""
        return f" WHERE {self._one_of(source.conditions)}"


def cases(seed: int, count: int) -> list[Case]:
    """Return statements, no two alike."""
    grammar = Grammar(seed)
    found: dict[Case, None] = {}
    while len(found) < count:
        found[grammar.case()] = None
    return list(found)
