"""Time travel over a bounded history: versions of tables, RESTORE and clones."""

from __future__ import annotations

import datetime as dt

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql import versions
from genops.testing.workspace.sql.failures import SqlError
from support.catalogs import empty


@pytest.fixture(scope="module")
def workspace():
    """A workspace for all."""
    with LocalWorkspace() as shared:
        yield shared


@pytest.fixture
def ws(workspace):
    """The workspace with nothing but a table of four versions, an hour apart."""
    empty(workspace)
    for sql in (
        "CREATE TABLE t (id INT, name STRING)",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO t VALUES (3, 'c')",
        "UPDATE t SET name = 'B' WHERE id = 2",
    ):
        workspace.execute(sql)
        workspace.clock.advance(hours=1)
    return workspace


def ids(ws, spec):
    """Ids in a version."""
    return [row[0] for row in ws.execute(f"SELECT id FROM t {spec} ORDER BY id")]


def history(ws, name="main.default.t"):
    """The versions of a table, newest first."""
    catalog = ws._engine.catalog
    return catalog.versions.history(catalog.tables[name])


def moment(ws, hours):
    """A time so many hours ago, as SQL."""
    at = dt.datetime.fromtimestamp(ws.clock.now() - hours * 3600, dt.timezone.utc)
    return at.strftime("TIMESTAMP'%Y-%m-%d %H:%M:%S'")


def test_versions_by_number_and_by_time(ws):
    """VERSION AS OF, @v, and TIMESTAMP AS OF, which goes by the workspace's clock, give the rows of then."""
    assert [ids(ws, f"VERSION AS OF {number}") for number in range(4)] == [
        [],
        ["1", "2"],
        ["1", "2", "3"],
        ["1", "2", "3"],
    ]
    assert ids(ws, "@v1 AS old") == ["1", "2"]
    assert ids(ws, "@v1") == ["1", "2"]
    assert ws.execute("SELECT name FROM t VERSION AS OF 2 WHERE id = 2") == [["b"]]
    assert ws.execute("SELECT name FROM t WHERE id = 2") == [["B"]]
    assert ids(ws, f"TIMESTAMP AS OF {moment(ws, 2.5)}") == ["1", "2"]
    assert ids(ws, f"TIMESTAMP AS OF {moment(ws, 1.5)}") == ["1", "2", "3"]


def test_versions_join_with_each_other(ws):
    """A version is a table like any other: in joins, in subqueries and as the source of a change."""
    assert ws.execute(
        "SELECT n.id FROM t AS n LEFT ANTI JOIN t VERSION AS OF 1 AS o ON n.id = o.id AND n.name = o.name ORDER BY n.id"
    ) == [["2"], ["3"]]
    ws.execute("CREATE TABLE lost AS SELECT * FROM t VERSION AS OF 1")
    assert ws.execute("SELECT count(*), max(name) FROM lost") == [["2", "b"]]


@pytest.mark.parametrize(
    ("spec", "error_class", "sql_state"),
    [
        ("VERSION AS OF 9", "DELTA_VERSION_NOT_FOUND", "22003"),
        ("TIMESTAMP AS OF '2001-01-01'", "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION", "42816"),
        ("TIMESTAMP AS OF '2999-01-01'", "DELTA_TIMESTAMP_GREATER_THAN_COMMIT", "42816"),
        ("VERSION AS OF 'x'", "INVALID_TIME_TRAVEL_SPEC", "22023"),
    ],
)
def test_versions_that_are_not(ws, spec, error_class, sql_state):
    """A version that never was is an error of Delta's."""
    with pytest.raises(SqlError) as failure:
        ids(ws, spec)
    assert (failure.value.message.split("]")[0][1:], failure.value.sql_state) == (error_class, sql_state)


def test_a_view_has_no_versions(ws):
    """Time travel is for tables."""
    ws.execute("CREATE VIEW v AS SELECT * FROM t")
    with pytest.raises(SqlError, match=r"UNSUPPORTED_FEATURE\.TIME_TRAVEL"):
        ws.execute("SELECT * FROM v VERSION AS OF 0")


def test_history_says_what_was_done(ws):
    """Every version has its operation, what it was told and what it did, newest first."""
    ws.execute("MERGE INTO t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE")
    ws.execute("DELETE FROM t WHERE id = 99")
    entries = history(ws)
    assert [(entry.number, entry.operation) for entry in entries] == [
        (4, "MERGE"),
        (3, "UPDATE"),
        (2, "WRITE"),
        (1, "WRITE"),
        (0, "CREATE TABLE"),
    ]
    assert entries[1].parameters == {"predicate": '["id = 2"]'}
    assert entries[0].metrics["numTargetRowsDeleted"] == "1"
    assert entries[2].metrics["numOutputRows"] == "1"
    assert {entry.user for entry in entries} == {"user@example.com"}
    assert round((entries[1].at - entries[3].at) / 3600) == 2


def test_restore_makes_a_new_version(ws):
    """RESTORE TABLE gives the rows of then, as a version of its own."""
    ws.execute("DELETE FROM t")
    assert ws.execute("RESTORE TABLE t TO VERSION AS OF 1")[0][1:4] == ["1", "0", "1"]
    assert ids(ws, "") == ["1", "2"]
    assert [entry.operation for entry in history(ws)][:2] == ["RESTORE", "DELETE"]
    ws.execute(f"RESTORE t TO TIMESTAMP AS OF {moment(ws, 1.5)}")
    assert ids(ws, "") == ["1", "2", "3"]


def test_replace_keeps_the_history(ws):
    """CREATE OR REPLACE TABLE is a version; the rows and columns before it can still be read."""
    ws.execute("CREATE OR REPLACE TABLE t AS SELECT 'x' AS other")
    assert ws.execute("SELECT * FROM t") == [["x"]]
    assert ids(ws, "VERSION AS OF 3") == ["1", "2", "3"]
    assert history(ws)[0].operation == "CREATE OR REPLACE TABLE AS SELECT"


def test_columns_that_were_added_or_renamed(ws):
    """An older version has the columns of its time."""
    ws.execute("ALTER TABLE t ADD COLUMN more INT")
    assert ws.execute("SELECT * FROM t VERSION AS OF 3 WHERE id = 1") == [["1", "a"]]
    ws.execute("ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    ws.execute("ALTER TABLE t RENAME COLUMN name TO label")
    assert ws.execute("SELECT name FROM t VERSION AS OF 3 WHERE id = 1") == [["a"]]
    assert ws.execute("SELECT label, more FROM t WHERE id = 1") == [["a", None]]
    with pytest.raises(SqlError, match="UNSUPPORTED_BY_LOCAL_WORKSPACE"):
        ws.execute("RESTORE TABLE t TO VERSION AS OF 3")


def test_clones(ws):
    """A clone has the rows and the comments of its source at a version, and goes its own way from there."""
    ws.execute("COMMENT ON TABLE t IS 'source'")
    assert ws.execute("CREATE TABLE deep DEEP CLONE t")[0][3] == "1"
    ws.execute("CREATE TABLE shallow SHALLOW CLONE t VERSION AS OF 1")
    ws.execute("INSERT INTO deep VALUES (9, 'z')")
    assert [ws.execute(f"SELECT count(*) FROM {name}") for name in ("deep", "shallow", "t")] == [
        [["4"]],
        [["2"]],
        [["3"]],
    ]
    assert ws._engine.catalog.tables["main.default.deep"]["comment"] == "source"
    assert history(ws, "main.default.deep")[-1].operation == "CLONE"


@pytest.mark.parametrize("how", ["DROP TABLE t", "DROP SCHEMA main.default CASCADE; CREATE SCHEMA main.default"])
def test_a_table_that_is_dropped_takes_its_history_along(ws, how):
    """A table of the same name begins anew, and nothing of the old one's versions is kept, however it went."""
    assert ws._engine.catalog.versions._copies
    ws.execute(f"{how}; CREATE TABLE t (id INT)")
    assert [entry.number for entry in history(ws)] == [0]
    assert not ws._engine.catalog.versions._copies


def test_a_version_that_failed_is_none(ws):
    """A change that fails, or that touches no row, makes no version."""
    with pytest.raises(SqlError):
        ws.execute("UPDATE t SET id = 1 / (id - 1)")
    ws.execute("UPDATE t SET name = 'x' WHERE id = 99")
    assert history(ws)[0].number == 3


def test_history_shows_times_that_can_be_travelled_to(ws):
    """The time that history shows of a version gives that version back."""
    times = [row[1] for row in ws.execute("DESCRIBE HISTORY t")]
    assert [len(ids(ws, f"TIMESTAMP AS OF '{at}'")) for at in times] == [3, 3, 2, 0]


def test_versions_are_bounded(ws, monkeypatch):
    """Old versions go, by number and by rows, with the error of a version that is gone; appends cost no copy."""
    monkeypatch.setattr(versions, "KEPT_VERSIONS", 3)
    ws.execute("UPDATE t SET name = 'z'")
    with pytest.raises(SqlError, match="DELTA_FILE_NOT_FOUND_DETAILED"):
        ids(ws, "VERSION AS OF 1")
    assert ids(ws, "VERSION AS OF 2") == ["1", "2", "3"]
    kept = ws._engine.catalog.versions._copies
    before = len(kept)
    for number in range(5):
        ws.execute(f"INSERT INTO t VALUES ({number}, 'n')")
    assert len(kept) <= before
    monkeypatch.setattr(versions, "KEPT_ROWS", 1)
    ws.execute("DELETE FROM t WHERE id = 1")
    with pytest.raises(SqlError, match="DELTA_FILE_NOT_FOUND_DETAILED"):
        ids(ws, "VERSION AS OF 8")
    assert not kept
