"""Behaviours of cursors that read results [Databricks SQL Connector for Python: Cursor class, Row class]."""

from __future__ import annotations

import decimal

from databricks import sql

from support.connector_table import Given, promises, raised

_FIVE = "SELECT id FROM range(5) ORDER BY id"


@promises("execute gives the cursor itself")
def _chained(given: Given) -> None:
    cursor = given.cursor()
    assert cursor.execute("SELECT 1") is cursor


@promises("a cursor is a context manager that closes itself")
def _closes(given: Given) -> None:
    with given.cursor() as cursor:
        cursor.execute("SELECT 1")
    raised(sql.Error, lambda: cursor.execute("SELECT 1"), words="closed cursor")


@promises("before a statement there is no description, no query id and nothing to fetch")
def _fresh(given: Given) -> None:
    cursor = given.cursor()
    assert cursor.description is None
    assert getattr(cursor, "query_id", None) is None
    for fetch in (cursor.fetchone, cursor.fetchall, lambda: cursor.fetchmany(1), lambda: list(cursor)):
        raised(sql.Error, fetch, words="no active result set")


@promises("description has seven items a column, the type in lower case")
def _description(given: Given) -> None:
    cursor = given.cursor().execute("SELECT 1 AS a, 'x' AS b, TRUE AS c")
    found = [tuple(column) for column in cursor.description]
    assert [column[:2] for column in found] == [("a", "int"), ("b", "string"), ("c", "boolean")]
    assert {len(column) for column in found} == {7}


@promises("description has precision and scale of decimals")
def _precision(given: Given) -> None:
    cursor = given.cursor().execute("SELECT CAST(1 AS DECIMAL(12, 3)) AS d")
    assert tuple(cursor.description[0])[4:6] == (12, 3)
    assert cursor.fetchone()[0] == decimal.Decimal("1.000")


@promises("fetchone gives one row after another, then None")
def _fetchone(given: Given) -> None:
    cursor = given.cursor().execute("SELECT id FROM range(2) ORDER BY id")
    assert [cursor.fetchone()[0], cursor.fetchone()[0], cursor.fetchone()] == [0, 1, None]


@promises("fetchmany gives so many rows, fewer at the end, then none")
def _fetchmany(given: Given) -> None:
    cursor = given.cursor().execute(_FIVE)
    assert [[row[0] for row in cursor.fetchmany(size)] for size in (2, 10, 10)] == [[0, 1], [2, 3, 4], []]


@promises("fetchmany of a negative number is refused")
def _negative(given: Given) -> None:
    cursor = given.cursor().execute(_FIVE)
    raised(ValueError, lambda: cursor.fetchmany(-1), words="must be >= 0")


@promises("fetchall gives what is left")
def _fetchall(given: Given) -> None:
    cursor = given.cursor().execute(_FIVE)
    cursor.fetchmany(3)
    assert [row[0] for row in cursor.fetchall()] == [3, 4]
    assert cursor.fetchall() == []


@promises("a cursor is iterated over row by row")
def _iterated(given: Given) -> None:
    assert [row.id for row in given.cursor().execute(_FIVE)] == [0, 1, 2, 3, 4]


@promises("rownumber is the index of the next row")
def _rownumber(given: Given) -> None:
    cursor = given.cursor()
    assert cursor.rownumber == 0
    cursor.execute(_FIVE)
    cursor.fetchmany(2)
    assert cursor.rownumber == 2
    cursor.fetchall()
    assert cursor.rownumber == 5


@promises("arraysize bounds a page, not the result")
def _arraysize(given: Given) -> None:
    cursor = given.cursor(arraysize=10)
    assert cursor.arraysize == 10
    cursor.execute("SELECT id FROM range(35) ORDER BY id")
    assert [row[0] for row in cursor.fetchall()] == list(range(35))


@promises("buffer_size_bytes bounds a page, not the result")
def _buffer(given: Given) -> None:
    cursor = given.cursor(buffer_size_bytes=200)
    cursor.execute("SELECT id, repeat('x', 50) AS text FROM range(40) ORDER BY id")
    assert [row[0] for row in cursor.fetchall()] == list(range(40))


@promises("row_limit cuts a result off", since=(4, 1))
def _row_limit(given: Given) -> None:
    assert len(given.cursor(row_limit=3).execute(_FIVE).fetchall()) == 3


@promises("rowcount is -1 after a query")
def _rowcount(given: Given) -> None:
    assert given.cursor().execute(_FIVE).rowcount == -1


@promises("rowcount is the number of changed rows after a change", since=(4, 3), sea="num_modified_rows")
def _modified(given: Given) -> None:
    table = given.table("id INT", "(1), (2), (3)")
    cursor = given.cursor()
    counts = [
        cursor.execute(statement).rowcount
        for statement in (
            f"INSERT INTO {table} VALUES (4), (5)",
            f"UPDATE {table} SET id = id + 10 WHERE id > 2",
            f"DELETE FROM {table} WHERE id = 1",
            f"SELECT id FROM {table}",
        )
    ]
    assert counts == [2, 3, 1, -1]


@promises("lastrowid is None; setinputsizes and setoutputsize do nothing")
def _unused(given: Given) -> None:
    cursor = given.cursor()
    assert getattr(cursor, "lastrowid", None) is None
    cursor.setinputsizes([1])
    cursor.setoutputsize(1)


@promises("a new statement ends the result of the one before")
def _again(given: Given) -> None:
    cursor = given.cursor().execute(_FIVE)
    cursor.fetchone()
    assert cursor.execute("SELECT 9").fetchall() == [(9,)]


@promises("a statement that gives no rows gives an empty result")
def _empty(given: Given) -> None:
    cursor = given.cursor().execute("SELECT id FROM range(5) WHERE id < 0")
    assert cursor.fetchall() == []
    assert cursor.description[0][0] == "id"
    assert cursor.execute("CREATE SCHEMA IF NOT EXISTS main.empty").fetchall() == []


@promises("a row is a tuple whose values have names")
def _row(given: Given) -> None:
    row = given.cursor().execute("SELECT 1 AS a, 'x' AS b").fetchone()
    assert row == (1, "x")
    assert (row.a, row["b"], row[0], row[:1]) == (1, "x", 1, (1,))
    assert row.asDict() == {"a": 1, "b": "x"}
    assert "a" in row


# Until then Arrow refused to put the parts of such a result together [databricks-sql-python, issue 989].
@promises("columns may have the same name", since=(4, 9))
def _duplicates(given: Given) -> None:
    assert [tuple(row) for row in given.cursor().execute("SELECT 1 AS a, 2 AS a").fetchall()] == [(1, 2)]


@promises("fetchall_arrow gives a table of Arrow", arrow=True)
def _fetchall_arrow(given: Given) -> None:
    table = given.cursor().execute("SELECT id, CAST(id AS STRING) AS text FROM range(3) ORDER BY id").fetchall_arrow()
    assert table.to_pydict() == {"id": [0, 1, 2], "text": ["0", "1", "2"]}
    assert [str(field.type) for field in table.schema] == ["int64", "string"]


@promises("fetchmany_arrow gives so many rows of Arrow", arrow=True)
def _fetchmany_arrow(given: Given) -> None:
    cursor = given.cursor().execute(_FIVE)
    assert [cursor.fetchmany_arrow(size).num_rows for size in (2, 10)] == [2, 3]


@promises("an empty result as Arrow has no rows", arrow=True)
def _empty_arrow(given: Given) -> None:
    assert given.cursor().execute("SELECT id FROM range(5) WHERE id < 0").fetchall_arrow().num_rows == 0


@promises("a large result comes in files that the client fetches itself", arrow=True)
def _cloud_fetch(given: Given) -> None:
    cursor = given.cursor().execute("SELECT id FROM range(1050) ORDER BY id")
    assert [row[0] for row in cursor.fetchmany(3)] == [0, 1, 2]
    rest = cursor.fetchall()
    assert (len(rest), rest[-1][0]) == (1047, 1049)


@promises("use_cloud_fetch=False gives the same rows without files")
def _no_cloud_fetch(given: Given) -> None:
    # Over the statement API the connector reads the first chunk of an inline result, and no other.
    count = 1050 if given.transport == "thrift" else 1000
    with given.connect(use_cloud_fetch=False) as connection:
        rows = connection.cursor().execute(f"SELECT id FROM range({count}) ORDER BY id").fetchall()
        assert [row[0] for row in rows] == list(range(count))


@promises("results need not be compressed")
def _uncompressed(given: Given) -> None:
    with given.connect(enable_query_result_lz4_compression=False) as connection:
        assert len(connection.cursor().execute("SELECT id FROM range(1050)").fetchall()) == 1050


@promises("rows are the same without pandas")
def _no_pandas(given: Given) -> None:
    with given.connect(_disable_pandas=True) as connection:
        assert connection.cursor().execute("SELECT 1 AS a, CAST(NULL AS STRING) AS b").fetchall() == [(1, None)]
