"""Lineage of SQL beside sqlglot.lineage, openlineage-sql and sqllineage: time and accuracy on the same statements.

The statements are the hand-checked ones, for tables and columns, and the queries of TPC-H and TPC-DS with their
schemas, for tables. What is timed is the way from a text to its lineage, by thread CPU time: the least of some rounds,
in each of which every contender takes a turn of three runs, so that the processor's caches are its own. One that takes
long has fewer runs, and at least one.

- genops: `understand`, with nothing in its cache. With guards, splitting and summary, which the others do not make, and
  for every kind of statement.
- sqlglot.lineage: it parses once, and asks for all output columns of the query in it by one call, without a copy of the
  tree. What has no query in it (MERGE, UPDATE …) it cannot be asked. It names no tables; those of the scopes of the
  tree are taken, beside the clock.
- openlineage-sql: `parse`, which takes no schema.
- sqllineage: `LineageRunner` with the dialect's parser; tables and columns. It tells columns of what is written only,
  so a query without target is given one.

Schemas are made before. Names are compared without quotes, case and the format in front of a path. A ratio is that of
one statement, of those which both answer.

Run it with `python tests/benchmarks/sql_lineage.py [--rounds N]`; what is not installed is said and left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import sql_contenders
from benchmarks.sql_contenders import Answer, Given
from support import benchmark_queries, hand_set

LIMIT = 0.5
THEIRS = "sqlglot.lineage"
_SECONDS = 0.5
_RUNS = 3


class Row(NamedTuple):
    """What one contender made of a set of statements.

    Attributes:
        contender: Its name.
        times: Microseconds by statement, of those that it answered.
        tables: Statements whose tables it told right.
        columns: Statements whose columns it told right.
        failed: Statements that it did not answer.
    """

    contender: str
    times: dict[str, float]
    tables: int
    columns: int
    failed: int


def of_hand() -> list[Given]:
    """The hand-checked statements but the one that is a template; none where they are not beside the checkout."""
    return [
        Given(
            one["id"],
            one["sql"],
            one["dialect"],
            one["schema"] or {},
            one["src"],
            one["tgt"],
            one["cols"],
            partly="ignored" in one["note"],
        )
        for one in hand_set.statements()
        if one["id"] != "param_groupall"
    ]


def of_benchmarks() -> list[Given]:
    """The 121 queries of TPC-H and TPC-DS.

    Raises:
        MissingServerError: The packages that hold them cannot be had.
    """
    return [
        Given(name, each.text, "databricks", each.columns, sorted(each.named), [], None)
        for name, each in benchmark_queries.queries().items()
    ]


def installed() -> list[str]:
    """Names of the contenders that are here."""
    return [name for name, (package, _) in sql_contenders.ALL.items() if importlib.util.find_spec(package) is not None]


def compared(statements: list[Given], names: Iterable[str], rounds: int) -> list[Row]:
    """Return what these contenders take for the statements, and how many they tell right."""
    makers = {name: sql_contenders.ALL[name][1] for name in names}
    times: dict[str, dict[str, float]] = {name: {} for name in makers}
    right = {name: [0, 0] for name in makers}
    for given in statements:
        asked = {name: maker(given) for name, maker in makers.items()}
        answers = {name: answer for name, ask in asked.items() if (answer := _answer(ask)) is not None}
        for name, answer in answers.items():
            right[name][0] += _tables_right(given, answer)
            right[name][1] += _columns_right(given, answer)
        for name, least in _least({name: asked[name] for name in answers}, rounds).items():
            times[name][given.name] = least
    return [Row(name, times[name], *right[name], len(statements) - len(times[name])) for name in makers]


def _answer(ask: sql_contenders.Ask) -> Answer | None:
    """Return what a contender answers; `None` where it fails in any way, a panic of its native code included."""
    try:
        return ask.told(ask.run())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # PanicException of Rust is no Exception
        return None


def _least(asked: dict[str, sql_contenders.Ask], rounds: int) -> dict[str, float]:
    """Return the least time of each in microseconds, each taking its turn in every round."""
    least: dict[str, float] = {}
    spent = dict.fromkeys(asked, 0.0)
    for _ in range(rounds):
        for name, ask in asked.items():
            for _ in range(_RUNS):
                if spent[name] < _SECONDS:
                    took = _once(ask)
                    spent[name] += took / 1e6
                    least[name] = min(took, least.get(name, took))
    return least


def _once(ask: sql_contenders.Ask) -> float:
    ask.forget()
    began = time.thread_time_ns()
    ask.run()
    return (time.thread_time_ns() - began) / 1000


def _plain(name: str) -> str:
    name = re.sub(r'[`"\[\]]', "", name.lower()).replace("<default>.", "")
    return re.sub(r"^(?:delta|parquet)\.(?=/|s3)", "", name)


def _agree(found: Iterable[str], expected: Iterable[str]) -> bool:
    return hand_set.agrees({_plain(name) for name in found}, [_plain(name) for name in expected])


def _tables_right(given: Given, answer: Answer) -> bool:
    return _agree(answer.reads, given.reads) and _agree(answer.writes, given.writes)


def _columns_right(given: Given, answer: Answer) -> bool:
    if given.columns is None:
        return False
    found = {_plain(name): sources for name, sources in answer.columns.items()}
    right = all(_agree(found.get(name, ()), expected) for name, expected in given.columns.items())
    return right and (given.partly or found.keys() <= given.columns.keys())


def ratios(row: Row, other: Row) -> list[float]:
    """Return one's time as a part of the other's, for each statement that both answer."""
    return sorted(took / other.times[name] for name, took in row.times.items() if name in other.times)


def table(title: str, statements: list[Given], rows: list[Row]) -> str:
    """Return the rows as a table in Markdown."""
    with_columns = sum(given.columns is not None for given in statements)
    theirs = next(row for row in rows if row.contender == THEIRS)
    columns = f" right sets of columns, of {with_columns} |" if with_columns else ""
    heads = f"| {title} | median µs | 90th percentile µs | median ratio to {THEIRS} "
    heads += f"| right sets of tables, of {len(statements)} |{columns} not answered |"
    lines = [heads, "|" + "---|" * (heads.count("|") - 1)]
    for row in rows:
        took = sorted(row.times.values())
        told = f"{row.tables} | {row.columns}" if with_columns else str(row.tables)
        ratio = statistics.median(ratios(row, theirs))
        lines.append(
            f"| {row.contender} | {statistics.median(took):,.0f} | {took[len(took) * 9 // 10]:,.0f} | {ratio:.2g} "
            f"| {told} | {row.failed} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the tables; exit code 1 where the median ratio is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    logging.disable()
    names = installed()
    print("not installed:", ", ".join(sorted(sql_contenders.ALL.keys() - set(names))) or "none", end="\n\n")
    sets: dict[str, Callable[[], list[Given]]] = {"hand-checked statements": of_hand, "TPC-H and TPC-DS": of_benchmarks}
    over = False
    for title, made in sets.items():
        statements = made()
        if statements:
            rows = compared(statements, names, rounds)
            print(table(title, statements, rows), end="\n\n")
            by_name: dict[str, Any] = {row.contender: row for row in rows}
            over |= statistics.median(ratios(by_name["genops"], by_name[THEIRS])) > LIMIT
    sys.exit(over)


if __name__ == "__main__":
    main()
