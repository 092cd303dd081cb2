"""TPC-DS: the texts of its queries in Spark SQL, the columns of its tables and rows, out of packages outside the tree.

The texts are those of `databricks-tpcds`, which runs the benchmark on Databricks; the columns are those of the tables
that DuckDB's generator makes, an extension of DuckDB that comes as a package.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from support.environments import environment, run
from support.servers import CACHE, locked

if TYPE_CHECKING:
    from pathlib import Path

DUCKDB = "1.4.4"
EXTENSION = "1.4.4.20260205"
TEXTS = "0.6.0"
SCALE = "0.05"
"""Of the rows: 144,537 sales in stores, at which three in four of the queries find some."""

# What the environment runs: the file to write is the argument.
_MAKE = """
import importlib.metadata, json, re, sys
import duckdb
extension = next(
    str(file.locate())
    for file in importlib.metadata.files("duckdb-ext-tpcds")
    if str(file).endswith(".duckdb_extension")
)
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute(f"LOAD '{extension}'")
connection.execute("CALL dsdgen(sf = 0)")
columns = {}
for table, column in connection.execute(
    "SELECT table_name, column_name FROM information_schema.columns ORDER BY table_name, ordinal_position"
).fetchall():
    columns.setdefault(table, []).append(column)
queries = {}
for file in importlib.metadata.files("databricks-tpcds"):
    found = re.fullmatch(r"q([1-9]\\d?)\\.sql", file.name)
    if found:
        queries[int(found[1])] = file.locate().read_text(encoding="utf-8")
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({"columns": columns, "queries": queries}, file)
"""

# What makes the rows: folder and scale are the arguments.
_FILL = """
import importlib.metadata, sys
import duckdb
folder, scale = sys.argv[1:]
files = importlib.metadata.files("duckdb-ext-tpcds")
extension = next(str(file.locate()) for file in files if str(file).endswith(".duckdb_extension"))
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute(f"LOAD '{extension}'")
connection.execute(f"CALL dsdgen(sf = {scale})")
for (name,) in connection.execute("SHOW TABLES").fetchall():
    connection.execute(f"COPY {name} TO '{folder}/{name}.parquet'")
"""


class Tpcds(NamedTuple):
    """The benchmark, without its data.

    Attributes:
        queries: Texts by number, from 1 to 99; four of them hold two statements.
        columns: Columns of each table, in order.
    """

    queries: dict[int, str]
    columns: dict[str, list[str]]


def made() -> Tpcds:
    """Return texts and columns, making them where the cache has none.

    Raises:
        MissingServerError: The packages cannot be had.
    """
    folder = CACHE / "tpcds" / f"duckdb-{DUCKDB}-texts-{TEXTS}"
    with locked(folder):
        file: Path = folder / "made.json"
        if not (folder / "whole").exists():
            run("TPC-DS", str(_python()), "-c", _MAKE, str(file))
            (folder / "whole").touch()
    held = json.loads(file.read_text(encoding="utf-8"))
    return Tpcds({int(number): text for number, text in held["queries"].items()}, held["columns"])


def filled() -> Path:
    """Return a folder with a Parquet file for each table, making them where the cache has none.

    Raises:
        MissingServerError: The packages cannot be had.
    """
    folder = CACHE / "tpcds" / f"duckdb-{DUCKDB}-scale-{SCALE}"
    with locked(folder):
        if not (folder / "whole").exists():
            run("TPC-DS", str(_python()), "-c", _FILL, str(folder), SCALE)
            (folder / "whole").touch()
    return folder


def _python() -> Path:
    return environment("tpcds", f"duckdb=={DUCKDB}", f"duckdb-ext-tpcds=={EXTENSION}", f"databricks-tpcds=={TEXTS}")
