"""Behaviours of the cursor's questions to the catalog [Databricks SQL Connector for Python: Cursor class]."""

from __future__ import annotations

from typing import Any

from databricks import sql

from support.connector_table import Given, promises, raised


def _prepared(given: Given) -> None:
    given.rows("CREATE SCHEMA IF NOT EXISTS main.lists")
    given.rows("CREATE TABLE IF NOT EXISTS main.lists.flights (id BIGINT NOT NULL, carrier STRING COMMENT 'who flies')")
    given.rows("CREATE TABLE IF NOT EXISTS main.lists.planes (tailnum STRING, weight DECIMAL(10, 2))")
    given.rows("CREATE VIEW IF NOT EXISTS main.lists.late AS SELECT * FROM main.lists.flights")


def _named(cursor: Any, *names: str) -> list[tuple[Any, ...]]:
    """Rows by the names of columns, which differ between transports."""
    given = [column[0] for column in cursor.description]
    at = [given.index(name) for name in names]
    return [tuple(row[index] for index in at) for row in cursor.fetchall()]


# The same column in the words of HiveServer2 and of SHOW.
_WORDS = {
    "thrift": {"catalog": "TABLE_CAT", "schema": "TABLE_SCHEM", "table": "TABLE_NAME", "column": "COLUMN_NAME"},
    "sea": {"catalog": "catalog", "schema": "databaseName", "table": "tableName", "column": "col_name"},
}


@promises("catalogs lists the catalogs")
def _catalogs(given: Given) -> None:
    names = _named(given.cursor().catalogs(), _WORDS[given.transport]["catalog"])
    assert ("main",) in names


@promises("schemas lists those of a catalog, by a pattern")
def _schemas(given: Given) -> None:
    _prepared(given)
    word = _WORDS[given.transport]["schema"]
    assert {("default",), ("lists",)} <= set(_named(given.cursor().schemas(catalog_name="main"), word))
    assert _named(given.cursor().schemas(catalog_name="main", schema_name="lis%"), word) == [("lists",)]


@promises("schemas of every catalog are listed where none is named", sea="Catalog name is required for get_schemas")
def _all_schemas(given: Given) -> None:
    _prepared(given)
    assert ("main", "lists") in _named(given.cursor().schemas(), "TABLE_CATALOG", "TABLE_SCHEM")


@promises("tables lists tables and views, by patterns")
def _tables(given: Given) -> None:
    _prepared(given)
    word = _WORDS[given.transport]["table"]
    every = _named(given.cursor().tables(catalog_name="main", schema_name="lists"), word)
    some = _named(given.cursor().tables(catalog_name="main", schema_name="lists", table_name="%l%s"), word)
    assert (sorted(every), sorted(some)) == ([("flights",), ("late",), ("planes",)], [("flights",), ("planes",)])


@promises("tables lists the kinds that are asked for")
def _kinds(given: Given) -> None:
    _prepared(given)
    word = _WORDS[given.transport]["table"]
    for kind, expected in (("VIEW", [("late",)]), ("TABLE", [("flights",), ("planes",)])):
        found = given.cursor().tables(catalog_name="main", schema_name="lists", table_types=[kind])
        assert sorted(_named(found, word)) == expected


@promises("tables has the columns of JDBC", sea="SHOW TABLES IN")
def _table_columns(given: Given) -> None:
    _prepared(given)
    cursor = given.cursor().tables(catalog_name="main", schema_name="lists", table_name="flights")
    assert _named(cursor, "TABLE_CAT", "TABLE_SCHEM", "TABLE_TYPE") == [("main", "lists", "TABLE")]


@promises("columns lists the columns of tables, by patterns")
def _columns(given: Given) -> None:
    _prepared(given)
    word = _WORDS[given.transport]["column"]
    place = {"catalog_name": "main", "schema_name": "lists"}
    assert _named(given.cursor().columns(**place, table_name="planes"), word) == [("tailnum",), ("weight",)]
    assert _named(given.cursor().columns(**place, table_name="fl%", column_name="c%"), word) == [("carrier",)]


@promises("columns tells types, nullability and comments in the words of JDBC", sea="SHOW COLUMNS IN CATALOG")
def _column_facts(given: Given) -> None:
    _prepared(given)
    cursor = given.cursor().columns(catalog_name="main", schema_name="lists", table_name="flights")
    facts = ("COLUMN_NAME", "TYPE_NAME", "DATA_TYPE", "NULLABLE", "REMARKS", "ORDINAL_POSITION")
    assert _named(cursor, *facts) == [("id", "BIGINT", -5, 0, "", 0), ("carrier", "STRING", 12, 1, "who flies", 1)]
    cursor = given.cursor().columns(catalog_name="main", schema_name="lists", table_name="planes", column_name="weight")
    facts = ("TYPE_NAME", "DATA_TYPE", "COLUMN_SIZE", "DECIMAL_DIGITS", "NUM_PREC_RADIX")
    assert _named(cursor, *facts) == [("DECIMAL(10,2)", 3, 10, 2, 10)]


@promises("what a pattern does not fit is an empty result")
def _nothing(given: Given) -> None:
    _prepared(given)
    assert given.cursor().tables(catalog_name="main", schema_name="lists", table_name="nothing").fetchall() == []


@promises("lists are read like any other result, as Arrow too", arrow=True)
def _arrow(given: Given) -> None:
    assert given.cursor().catalogs().fetchall_arrow().num_rows >= 1


@promises("a closed cursor lists nothing")
def _closed(given: Given) -> None:
    cursor = given.cursor()
    cursor.close()
    raised(sql.Error, cursor.catalogs, words="closed cursor")
