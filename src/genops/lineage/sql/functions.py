"""Functions in place of tables: those that read what they name, and what the others call their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.syntax import Node, args, column_parts, string

if TYPE_CHECKING:
    from genops.lineage.sql.folding import Folding
    from genops.lineage.sql.understood import Table

_READS_FILES = frozenset(
    (
        "read_files",
        "cloud_files",
        "read_csv",
        "read_csv_auto",
        "readcsv",
        "read_parquet",
        "readparquet",
        "parquet_scan",
        "read_json",
        "read_json_auto",
        "read_ndjson",
        "delta_scan",
        "iceberg_scan",
        "openrowset",
        "list_files",
    )
)
_READS_TABLES = frozenset(("table_changes", "identifier", "table", "read_statestore", "cdf"))

_COLUMNS = {
    "explode": ["col", "key", "value"],
    "explodeouter": ["col", "key", "value"],
    "posexplode": ["pos", "col", "key", "value"],
    "posexplodeouter": ["pos", "col", "key", "value"],
    "generateseries": ["generate_series"],
    "range": ["id"],
    "variant_explode": ["pos", "key", "value"],
    "variant_explode_outer": ["pos", "key", "value"],
}


def _called(call: Node) -> str:
    return str(call.this).lower() if call.key == "anonymous" else str(call.key)


def named_source(call: Node, folding: Folding) -> Table | None:
    """Return what a function reads whose argument is a name: a place of files, or a table."""
    called = _called(call)
    given = [*args(call, "this"), *args(call, "expressions")]
    if called == "stream" and given and given[0].key == "column":
        return column_parts(given[0], folding)
    if called not in _READS_FILES and called not in _READS_TABLES:
        return None
    texts = [text for each in given if (text := string(each)) is not None]
    if not texts:
        return None
    return (texts[0],) if called in _READS_FILES else split_name(texts[0], folding)


def split_name(text: str, folding: Folding) -> Table:
    """Return the parts of a name that is given as text.

    >>> from genops.lineage.sql.folding import Folding
    >>> split_name("Prod.`a.b`.t", Folding("databricks"))
    ('prod', 'a.b', 't')
    """
    parts: list[str] = [""]
    quote = ""
    for letter in text:
        if quote:
            if letter == quote:
                quote = ""
            else:
                parts[-1] += letter
        elif letter in '`"':
            quote = letter
        elif letter == ".":
            parts.append("")
        else:
            parts[-1] += letter
    return tuple(folding.table(part, quoted=False) for part in parts if part)


def called_by_name(call: Node) -> bool:
    """Whether a function stands for a table whose name it is given, and that only a run may tell."""
    return _called(call) in _READS_TABLES | _READS_FILES or call.key in {"parameter", "placeholder"}


def function_names(call: Node) -> list[str]:
    """Return the names that a table function gives to its columns, where these are known."""
    return _COLUMNS.get(_called(call), [])
