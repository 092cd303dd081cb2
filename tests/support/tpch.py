"""TPC-H: files and reference answers, made once by DuckDB's own generator in an environment outside the tree.

The generator is an extension of DuckDB that comes as a package, for the version of DuckDB of the same number; it brings
the answers that DuckDB publishes for some scales.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.environments import environment, run
from support.servers import CACHE, Found, locked

DUCKDB = "1.4.4"
EXTENSION = "1.4.4.20260205"
SCALE = "0.1"
_QUERIES = Path(__file__).with_suffix(".sql")

TABLES = {
    "region": "r_regionkey INT NOT NULL, r_name STRING NOT NULL, r_comment STRING",
    "nation": "n_nationkey INT NOT NULL, n_name STRING NOT NULL, n_regionkey INT NOT NULL, n_comment STRING",
    "supplier": "s_suppkey INT NOT NULL, s_name STRING, s_address STRING, s_nationkey INT, s_phone STRING, "
    "s_acctbal DECIMAL(15,2), s_comment STRING",
    "customer": "c_custkey INT NOT NULL, c_name STRING, c_address STRING, c_nationkey INT, c_phone STRING, "
    "c_acctbal DECIMAL(15,2), c_mktsegment STRING, c_comment STRING",
    "part": "p_partkey INT NOT NULL, p_name STRING, p_mfgr STRING, p_brand STRING, p_type STRING, p_size INT, "
    "p_container STRING, p_retailprice DECIMAL(15,2), p_comment STRING",
    "partsupp": "ps_partkey INT NOT NULL, ps_suppkey INT NOT NULL, ps_availqty INT, ps_supplycost DECIMAL(15,2), "
    "ps_comment STRING",
    "orders": "o_orderkey BIGINT NOT NULL, o_custkey INT, o_orderstatus STRING, o_totalprice DECIMAL(15,2), "
    "o_orderdate DATE, o_orderpriority STRING, o_clerk STRING, o_shippriority INT, o_comment STRING",
    "lineitem": "l_orderkey BIGINT NOT NULL, l_partkey INT, l_suppkey INT, l_linenumber INT, l_quantity DECIMAL(15,2), "
    "l_extendedprice DECIMAL(15,2), l_discount DECIMAL(15,2), l_tax DECIMAL(15,2), l_returnflag STRING, "
    "l_linestatus STRING, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct STRING, "
    "l_shipmode STRING, l_comment STRING",
}
"""Columns of the tables, in Databricks SQL."""

# What the environment runs: its folder and the scale are the arguments.
_MAKE = """
import importlib.metadata, json, sys
import duckdb
folder, scale = sys.argv[1:]
files = importlib.metadata.files("duckdb-ext-tpch")
extension = next(str(file.locate()) for file in files if str(file).endswith(".duckdb_extension"))
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute(f"LOAD '{extension}'")
connection.execute(f"CALL dbgen(sf = {scale})")
for (name,) in connection.execute("SHOW TABLES").fetchall():
    connection.execute(f"COPY {name} TO '{folder}/{name}.parquet'")
answers = {}
for number, text in connection.execute("FROM tpch_queries()").fetchall():
    rows = connection.execute(text).fetchall()
    answers[number] = [[None if value is None else str(value) for value in row] for row in rows]
published = connection.execute("SELECT query_nr, answer FROM tpch_answers() WHERE scale_factor = ?", [float(scale)])
with open(f"{folder}/answers.json", "w") as file:
    json.dump({"computed": answers, "published": dict(published.fetchall())}, file)
"""


@dataclass(frozen=True)
class Tpch:
    """Files and answers.

    Attributes:
        folder: Holds a Parquet file for each table.
        computed: Rows of each query's answer, as DuckDB computed them from its own text of the query.
        published: The answers that DuckDB publishes, as text with bars between the values.
    """

    folder: Path
    computed: dict[int, list[list[str | None]]]
    published: dict[int, str]


def queries() -> dict[int, str]:
    """The queries in Databricks SQL, by number."""
    found = re.findall(r"^-- Q(\d+)\n(.*?);$", _QUERIES.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return {int(number): text for number, text in found}


def made() -> Tpch:
    """Return files and answers, making them where the cache has none.

    Raises:
        MissingServerError: The packages cannot be had.
    """
    folder = CACHE / "tpch" / f"duckdb-{DUCKDB}-scale-{SCALE}"
    with locked(folder):
        if not (folder / "whole").exists():
            python = environment("tpch", f"duckdb=={DUCKDB}", f"duckdb-ext-tpch=={EXTENSION}")
            run("TPC-H", str(python), "-c", _MAKE, str(folder), SCALE)
            (folder / "whole").touch()
    held: dict[str, Any] = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    computed, published = ({int(key): value for key, value in held[name].items()} for name in ("computed", "published"))
    return Tpch(folder, computed, published)


def installed() -> Found:
    """Make what `made` returns.

    Raises:
        MissingServerError: The packages cannot be had.
    """
    return Found(made().folder, SCALE, f"made by the generator of DuckDB {DUCKDB}")
