"""Statements that no parser should be given, and such as take long for a reason: text by name."""

from __future__ import annotations

import random
from functools import cache


def _nested(count: int, left: str, inner: str, right: str) -> str:
    return left * count + inner + right * count


@cache
def texts() -> dict[str, str]:
    """Return thirty-odd texts, each of which once hung, crashed or overflowed a parser, or might."""
    rng = random.Random(1)
    chain = ", ".join(f"c{i} AS (SELECT a, b FROM c{i - 1})" for i in range(1, 1000))
    return {
        "in list of 1 MB": "SELECT id FROM s.t WHERE id IN (" + ",".join(f"'v{i:06d}'" for i in range(100_000)) + ")",
        "values of 1 MB": "INSERT INTO g.t VALUES " + ",".join(f"({i},'x{i}',{i}.5)" for i in range(50_000)),
        "derived tables": "SELECT a FROM " + _nested(300, "(SELECT a FROM ", "base", ") x"),
        "chained queries": f"WITH c0 AS (SELECT a, b FROM base), {chain} SELECT a, b FROM c999",
        "columns": "INSERT INTO g.t SELECT " + ", ".join(f"c{i} + d{i} AS o{i}" for i in range(5_000)) + " FROM s.t",
        "unions": " UNION ALL ".join(f"SELECT a FROM t{i}" for i in range(2_000)),
        "intersections": "SELECT a" + " INTERSECT SELECT a" * 3_000,
        "conditions": "SELECT a FROM t WHERE " + " AND ".join(f"x{i} = {i}" for i in range(5_000)),
        "concatenations": "SELECT " + "||".join(["'a'"] * 5_000) + " AS x FROM t",
        "casts": "SELECT a" + "::int" * 3_000,
        "betweens": "SELECT a" + " BETWEEN a AND a" * 3_000,
        "brackets": "SELECT " + _nested(2_000, "(", "1", ")") + " FROM t",
        "brackets of 1 MB": "(" * 1_000_000,
        "functions": "SELECT " + _nested(5_000, "f(", "1", ")") + " FROM t",
        "cases": "SELECT " + _nested(5_000, "CASE WHEN a THEN ", "1", " END") + " FROM t",
        "subqueries": "SELECT " + _nested(2_000, "(SELECT ", "1", ")"),
        "arrays": "SELECT " + _nested(5_000, "ARRAY(", "1", ")"),
        "structs": "SELECT " + _nested(40, "STRUCT(", "1", ")") + " FROM t",
        "precisions": "CREATE TABLE t (a " + _nested(40, "DECIMAL(", "1", ")") + ")",
        "types": "SELECT CAST(a AS " + _nested(5_000, "ARRAY<", "INT", ">") + ")",
        "forty types": "SELECT CAST(a AS " + _nested(40, "MAP<INT, ", "INT", ">") + ")",
        "joins": "SELECT t0.a FROM t0 " + " ".join(f"JOIN t{i} ON t{i}.a = t{i - 1}.a" for i in range(1, 501)),
        "joins without conditions": "SELECT * FROM t0 " + " ".join(f"JOIN t{i}" for i in range(24)),
        "natural joins": "SELECT * FROM t0 " + " ".join(f"NATURAL JOIN t{i}" for i in range(30)),
        "path": "SELECT " + ".".join(f"a{i}" for i in range(3_000)) + " FROM t",
        "negations": "SELECT " + "NOT " * 100_000 + "1 FROM t",
        "signs": "SELECT " + "- " * 100_000 + "1 FROM t",
        "intervals": "SELECT " + "INTERVAL " * 200 + "1 FROM t",
        "blocks": "BEGIN VACUUM " * 5_000,
        "unterminated": "SELECT '" + "x" * 1_000_000,
        "unterminated and short": "SELECT '" + "\\'" * 100_000,
        "comment of 1 MB": "SELECT 1 /* " + "x" * 1_000_000 + " */ FROM t",
        "comments in comments": "/* " * 80_000,
        "dollars": "$a" * 100_000,
        "quotes": "'" * 200_001,
        "noise": "".join(chr(rng.randrange(32, 0x2000)) for _ in range(20_000)),
        "NUL": "SELECT a\x00b FROM t\x00",
        "surrogates": "SELECT '\ud800' FROM \udfff",
        "ten megabytes": "SELECT 1; " * 1_000_000,
        "blanks": " \n\t" * 1_000_000,
        "empty": "",
    }


REFUSED = {
    "in list of 1 MB": "length",
    "values of 1 MB": "length",
    "derived tables": "depth",
    "chained queries": "selects",
    "columns": "width",
    "unions": "selects",
    "intersections": "selects",
    "conditions": "chain",
    "concatenations": "chain",
    "casts": "chain",
    "betweens": "chain",
    "brackets": "depth",
    "brackets of 1 MB": "length",
    "functions": "depth",
    "cases": "depth",
    "subqueries": "depth",
    "arrays": "types",
    "structs": "types",
    "precisions": "types",
    "types": "types",
    "forty types": "types",
    "joins": "joins",
    "joins without conditions": "joins",
    "natural joins": "joins",
    "path": "run",
    "negations": "length",
    "signs": "run",
    "intervals": "run",
    "blocks": "depth",
    "unterminated": "length",
    "comment of 1 MB": "length",
    "ten megabytes": "length",
    "blanks": "length",
    "unterminated and short": "size",
    "comments in comments": "size",
    "dollars": "size",
    "quotes": "size",
}
"""Which of them the guards refuse, and why; the others a parser takes, or gives up at once."""
