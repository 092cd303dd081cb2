"""Files of volumes as DuckDB queries: what ``read_files`` and ``csv.`/Volumes/…` `` read."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and escaped literals

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.generation import native
from genops.testing.workspace.sql.kinds import parse_kind
from genops.testing.workspace.sql.values import column_type, duck_type, literal, quoted

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".txt": "text",
}
_COMPRESSED = (".gz", ".zst")

# Databricks infers these; DuckDB tries them from left to right. TIMESTAMPTZ is Databricks' TIMESTAMP.
_CANDIDATES = "['BOOLEAN','INTEGER','BIGINT','DOUBLE','DATE','TIMESTAMPTZ','VARCHAR']"

# Options of read_files: the argument of DuckDB's read_csv and whether it is text or a truth.
_CSV_OPTIONS = {
    "sep": ("delim", str),
    "delimiter": ("delim", str),
    "quote": ("quote", str),
    "escape": ("escape", str),
    "comment": ("comment", str),
    "nullvalue": ("nullstr", str),
    "dateformat": ("dateformat", str),
    "skiprows": ("skip", int),
}
_NEUTRAL = frozenset(
    {"header", "infercolumntypes", "inferschema", "rescueddatacolumn", "schema", "schemahints", "mode", "multiline"}
)

Describe = Callable[[str], list[tuple[str, str]]]


def reading(file_format: str, path: str, paths: list[Path], options: dict[str, Any], describe: Describe) -> Any:
    """A query over files, as a syntax tree that stands for DuckDB SQL.

    Args:
        file_format: ``csv``, ``json``, ``parquet``, ``text``, or empty to go by the file name.
        path: How the statement names the files.
        paths: Files on disk, at least one.
        options: Options by lower-case name.
        describe: Gives names and DuckDB types of a query's columns.

    Raises:
        UnsupportedError: A format or an option that is not served.
        SqlError: A value that the format cannot take.
    """
    kind = file_format or _guess(paths[0])
    build = {"csv": _csv, "json": _json, "parquet": _parquet, "text": _text}.get(kind)
    if build is None:
        raise UnsupportedError(f"files of the format {kind}")
    sql = build(_list(paths), options, describe)
    rescued = options.get("rescueddatacolumn", "_rescued_data")
    if rescued and kind in ("csv", "json") and "schema" not in options:
        sql = f"SELECT *, CAST(NULL AS VARCHAR) AS {quoted(str(rescued))} FROM ({sql}) AS files"
    columns = [(name, parse_kind(column_type(duck).text)) for name, duck in describe(sql)]
    return native(sql, columns, path=path, files=len(paths))


def _list(paths: list[Path]) -> str:
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"


def _guess(path: Path) -> str:
    name = path
    while name.suffix in _COMPRESSED:
        name = name.with_suffix("")
    if name.suffix not in _SUFFIXES:
        raise SqlError(f"[CF_UNABLE_TO_DETECT_FILE_FORMAT] Unable to detect the file format of {path.name}.", "42000")
    return _SUFFIXES[name.suffix]


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _csv(files: str, options: dict[str, Any], describe: Describe) -> str:
    header = _is_true(options.get("header", False))
    infer = _is_true(options.get("infercolumntypes", options.get("inferschema", True)))
    arguments = [files, f"header={str(header).lower()}", *_csv_arguments(options)]
    if "schema" in options:
        types = _schema(str(options["schema"]))
        columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types)
        return f"SELECT * FROM read_csv({', '.join(arguments)}, auto_detect=false, columns={{{columns}}})"
    arguments += [f"auto_type_candidates={_CANDIDATES}", "sample_size=-1"] if infer else ["all_varchar=true"]
    arguments += _hints(options)
    call = f"read_csv({', '.join(arguments)})"
    if header:
        return f"SELECT * FROM {call}"
    found = describe(f"SELECT * FROM {call}")
    renamed = ", ".join(f"{quoted(name)} AS {quoted(f'_c{index}')}" for index, (name, _) in enumerate(found))
    return f"SELECT {renamed} FROM {call}"


def _csv_arguments(options: dict[str, Any]) -> list[str]:
    arguments = ["delim=','"] if not {"sep", "delimiter"} & set(options) else []
    for name, value in options.items():
        if name in _NEUTRAL:
            continue
        if name not in _CSV_OPTIONS:
            raise UnsupportedError(f"read_files with the option {name}")
        argument, kind = _CSV_OPTIONS[name]
        arguments.append(f"{argument}={int(value) if kind is int else literal(str(value))}")
    return arguments


def _hints(options: dict[str, Any]) -> list[str]:
    if "schemahints" not in options:
        return []
    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in _schema(str(options["schemahints"])))
    return [f"types={{{types}}}"]


def _schema(text: str) -> list[tuple[str, str]]:
    """Columns and DuckDB types of a DDL text such as ``id INT, name STRING``."""
    tree: Any = sqlglot.parse_one(f"CREATE TABLE t ({text})", read="databricks")
    return [(column.name, duck_type(column.kind.sql(dialect="databricks"))) for column in tree.find_all(exp.ColumnDef)]


def _plain(options: dict[str, Any]) -> None:
    unknown = set(options) - _NEUTRAL
    if unknown or {"schema", "schemahints"} & set(options):
        raise UnsupportedError(f"read_files of this format with the options {', '.join(sorted(options))}")


def _json(files: str, options: dict[str, Any], _: Describe) -> str:
    _plain(options)
    return f"SELECT * FROM read_json_auto({files})"


def _parquet(files: str, options: dict[str, Any], _: Describe) -> str:
    _plain(options)
    return f"SELECT * FROM read_parquet({files})"


def _text(files: str, options: dict[str, Any], _: Describe) -> str:
    _plain(options)
    columns = "columns={'value': 'VARCHAR'}"
    # A character that text does not hold, so that a line stays whole.
    layout = f"header=false, auto_detect=false, {columns}, delim='\x01', quote='', escape=''"
    return f"SELECT * FROM read_csv({files}, {layout})"
