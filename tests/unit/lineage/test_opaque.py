"""What a statement does and to which tables, by its words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.operation import Action
from genops.lineage.sql.lexing import words
from genops.lineage.sql.library import DIALECTS
from genops.lineage.sql.opaque import by_words
from genops.lineage.sql.summary import MAX_LENGTH, summarize
from support.hand_set import hand_set

R, W, Q, A = Action.READ, Action.WRITE, Action.QUERY, Action.ADMIN
D = "databricks"


@pytest.mark.parametrize(
    ("dialect", "text", "kind", "action", "reads", "writes"),
    [
        (D, "OPTIMIZE main.s.t ZORDER BY (a)", "OPTIMIZE", W, "", "main.s.t"),
        (D, "VACUUM delta.`/mnt/x` RETAIN 5 HOURS", "VACUUM", W, "", "delta./mnt/x"),
        (D, "CALL main.s.p(1)", "CALL", W, "", ""),
        (D, "RESTORE TABLE s.t TO VERSION AS OF 3", "RESTORE TABLE", W, "", "s.t"),
        (D, "APPLY CHANGES INTO s.t FROM STREAM(s.u) KEYS (id)", "APPLY CHANGES INTO", W, "s.u", "s.t"),
        (D, "UNDROP TABLE s.t", "UNDROP TABLE", W, "", "s.t"),
        (D, "CONVERT TO DELTA parquet.`s3://b/x`", "CONVERT TO DELTA", W, "", "parquet.s3://b/x"),
        (D, "REORG TABLE s.t APPLY (PURGE)", "REORG TABLE", W, "", "s.t"),
        (D, "ALTER TABLE s.t SET TAGS ('a' = 'b')", "ALTER TABLE", W, "", "s.t"),
        (D, "ALTER TABLE s.t RENAME TO s.u", "ALTER TABLE", W, "", "s.t s.u"),
        (D, "ALTER TABLE s.t SET OWNER TO `bob@x.y`", "ALTER TABLE", W, "", "s.t"),
        (D, "ALTER VIEW s.t OWNER TO bob", "ALTER VIEW", W, "", "s.t"),
        (D, "ALTER TABLE s.t CHANGE COLUMN x TO y", "ALTER TABLE", W, "", "s.t"),
        (D, "FROM s.a INSERT INTO s.b SELECT x INSERT INTO s.c SELECT y", "INSERT", W, "s.a", "s.b s.c"),
        (D, "SHOW COLUMNS IN s.t", "SHOW COLUMNS", Q, "s.t", ""),
        (D, "SHOW TABLES IN s", "SHOW", Q, "", ""),
        (D, "EXPLAIN SELECT * FROM s.t", "EXPLAIN", Q, "s.t", ""),
        (D, "MSCK REPAIR TABLE s.t", "MSCK REPAIR TABLE", W, "", "s.t"),
        (D, "EXECUTE IMMEDIATE 'DELETE FROM s.t'", "EXECUTE IMMEDIATE", W, "", "s.t"),
        (D, "EXECUTE IMMEDIATE query", "EXECUTE IMMEDIATE", W, "", ""),
        (D, "CREATE FLOW f AS INSERT INTO s.t BY NAME SELECT * FROM STREAM(s.u)", "CREATE FLOW", W, "s.u", "s.t"),
        (D, "CREATE TABLE a.b DEEP CLONE c.d VERSION AS OF 3", "CREATE TABLE CLONE", W, "c.d", "a.b"),
        (D, "GRANT SELECT ON TABLE s.t TO `a b`", "GRANT", A, "", "s.t"),
        (D, "REVOKE USE SCHEMA ON SCHEMA s FROM x", "REVOKE", A, "", ""),
        (D, "DESCRIBE HISTORY s.t", "DESCRIBE", Q, "s.t", ""),
        (D, "USE CATALOG main", "USE", R, "", ""),
        (D, "SET a = b", "SET", R, "", ""),
        (D, "SET VAR a = (SELECT max(b) FROM s.t)", "SET", R, "s.t", ""),
        (D, "DECLARE a INT DEFAULT (SELECT max(b) FROM s.t)", "DECLARE", R, "s.t", ""),
        ("tsql", "DECLARE c CURSOR FOR SELECT b FROM s.t", "DECLARE", R, "s.t", ""),
        (D, "REFRESH TABLE s.t", "REFRESH TABLE", R, "s.t", ""),
        (D, "REFRESH FOREIGN TABLE a.s.t", "REFRESH FOREIGN TABLE", R, "a.s.t", ""),
        (D, "REFRESH FOREIGN SCHEMA a.s", "REFRESH FOREIGN", R, "", ""),
        (D, "REFRESH MATERIALIZED VIEW a.s.v FULL", "REFRESH MATERIALIZED VIEW", W, "", "a.s.v"),
        (D, "GENERATE symlink_format_manifest FOR TABLE a.s.t", "GENERATE", W, "", "a.s.t"),
        (D, "CREATE BLOOMFILTER INDEX ON TABLE a.s.t FOR COLUMNS (x)", "CREATE", W, "", "a.s.t"),
        (D, "DROP BLOOMFILTER INDEX ON TABLE a.s.t", "DROP BLOOMFILTER INDEX", W, "", "a.s.t"),
        (D, "ANALYZE TABLE s.t COMPUTE STATISTICS", "ANALYZE TABLE", A, "s.t", ""),
        (D, "COMMENT ON COLUMN s.t.c IS 'x'", "COMMENT ON COLUMN", W, "", "s.t"),
        (D, "TRUNCATE TABLE s.t", "TRUNCATE TABLE", W, "", "s.t"),
        (D, "DROP TABLE IF EXISTS a.b", "DROP TABLE", W, "", "a.b"),
        (D, "COPY INTO s.t FROM 's3://b/l/' FILEFORMAT = JSON", "COPY INTO", W, "s3://b/l/", "s.t"),
        (D, "WITH c AS (SELECT * FROM a.b) INSERT INTO g.t SELECT * FROM c JOIN e.f", "INSERT", W, "a.b e.f", "g.t"),
        (D, "SELECT extract(day FROM x) FROM s.t a, s.u WHERE a IS DISTINCT FROM b", "SELECT", Q, "s.t s.u", ""),
        ("athena", "UNLOAD (SELECT id FROM db.t) TO 's3://b/x/' WITH (a = 'b')", "UNLOAD", W, "db.t", "s3://b/x/"),
        ("snowflake", "PUT file:///tmp/x @db.s.st/p", "PUT", W, "", "@db.s.st/p"),
        ("snowflake", "GET @st/p file:///tmp", "GET", Q, "@st/p", ""),
        ("bigquery", "EXPORT DATA OPTIONS (uri='gs://b/*') AS SELECT * FROM `p.d.t`", "EXPORT DATA", W, "p.d.t", "gs://b/*"),
        ("bigquery", "LOAD DATA INTO p.d.t FROM FILES (uris = ['gs://b/x'])", "LOAD DATA", W, "gs://b/x", "p.d.t"),
        ("tsql", "BULK INSERT dbo.t FROM '/x/y.csv'", "BULK INSERT", W, "/x/y.csv", "dbo.t"),
        ("tsql", "EXEC dbo.p 1", "EXEC", W, "", ""),
        ("postgres", "COPY s.t (a, b) FROM '/tmp/x'", "COPY", W, "/tmp/x", "s.t"),
        ("postgres", "EXPLAIN ANALYZE DELETE FROM s.t", "EXPLAIN ANALYZE", W, "", "s.t"),
        (D, "no words of ours", "", W, "", ""),
    ],
)  # fmt: skip
def test_kind_action_and_tables(dialect: str, text: str, kind: str, action: Action, reads: str, writes: str) -> None:
    """Each head has its kind and class; tables that are changed, emptied or removed are written."""
    told = by_words(text, dialect)
    assert (told.kind, told.action) == (kind, action)
    assert [".".join(table) for table in told.reads] == reads.split()
    assert [".".join(table) for table in told.writes] == writes.split()


@pytest.mark.parametrize(
    ("text", "kind", "reads", "writes"),
    [
        ("SELECT id FROM s.t WHERE id IN (" + "'x', " * 200_000 + "'y')", "SELECT", (("s", "t"),), ()),
        ("INSERT INTO g.t (a) VALUES " + "(1), " * 200_000 + "(2)", "INSERT", (), (("g", "t"),)),
    ],
)
def test_beginning_of_what_is_too_long(text: str, kind: str, reads: object, writes: object) -> None:
    """Of a statement of 1 MB the beginning tells kind and tables."""
    assert by_words(text, D)[::2][:2] == (kind, reads)
    assert by_words(text, D).writes == writes


def test_words_against_the_hand_set() -> None:
    """Of the hand-checked statements the words alone find nearly all written tables, and invent none."""
    wrong = [
        one["id"]
        for one in hand_set()
        if {".".join(table).lower() for table in by_words(one["sql"], one["dialect"]).writes}
        - {name.rstrip("?").lower() for name in one["tgt"]}
    ]
    assert len(wrong) <= 3, wrong


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            sorted(words("WITH AS ( ) . , FROM INTO @ IDENTIFIER 'a' `` TABLE EXPLAIN CREATE COPY - ON x"))
        ),
        max_size=14,
    ),
    st.sampled_from(DIALECTS),
)
def test_any_words_are_taken(heap: list[str], dialect: str) -> None:
    """No heap of words raises."""
    assert by_words(" ".join(heap), dialect).action in set(Action)


def test_summary_is_whole_names_and_bounded() -> None:
    """A summary names kind and tables, written ones first, within 255 characters and without a cut name."""
    tables = [("main", "sales", f"table_{i}") for i in range(100)]
    summary = summarize("SELECT", tables, [("g", "t")])
    assert summary.startswith("SELECT g.t main.sales.table_0 ")
    assert len(summary) <= MAX_LENGTH
    assert summary.split()[-1] in {".".join(table) for table in tables}


def test_summary_shows_no_key_of_an_address() -> None:
    """What follows the question mark of an address stays out of a summary."""
    assert summarize("SELECT", [("parquet", "s3://b/x?sig=abc")], []) == "SELECT s3://b/x"
