"""DDL over HTTP: what cannot be created is refused, and keys end with what they mean."""

from __future__ import annotations

import pytest
import sqlglot


@pytest.fixture
def fails(w, ws):
    """Runs a statement and gives the message that it fails with; empty where it succeeds."""

    def run(sql, **given):
        answer = w.statement_execution.execute_statement(sql, ws.warehouse_id, wait_timeout="30s", **given)
        return answer.status.error.message if answer.status.error else ""

    return run


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"catalog": "nope"}, "[NO_SUCH_CATALOG_EXCEPTION] Catalog 'nope' was not found"),
        ({"schema": "nope"}, "[SCHEMA_NOT_FOUND] The schema `main`.`nope` cannot be found"),
        ({"catalog": "system", "schema": "default"}, "[SCHEMA_NOT_FOUND]"),
        ({"catalog": "system", "schema": "billing"}, ""),
        ({"schema": "information_schema"}, ""),
        ({"catalog": "MAIN", "schema": "Default"}, ""),
    ],
)
def test_a_statement_needs_the_catalog_and_the_schema_it_names(fails, given, expected):
    """A statement in a catalog or schema that is not there fails, whatever it is."""
    assert fails("SELECT 1", **given).startswith(expected)
    assert bool(fails("SELECT 1", **given)) == bool(expected)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE x (a INT, A STRING)", "COLUMN_ALREADY_EXISTS"),
        ("CREATE TABLE x AS SELECT 1 AS a, 2 AS A", "COLUMN_ALREADY_EXISTS"),
        ("CREATE VIEW x (a, A) AS SELECT 1, 2", "COLUMN_ALREADY_EXISTS"),
        ("CREATE VIEW x AS SELECT 1 AS a, 2 AS A", "COLUMN_ALREADY_EXISTS"),
        ("CREATE TEMPORARY VIEW x (a, A) AS SELECT 1, 2", "COLUMN_ALREADY_EXISTS"),
        ("CREATE TEMPORARY VIEW x AS SELECT 1 AS a, 2 AS A", "COLUMN_ALREADY_EXISTS"),
        ("CREATE MATERIALIZED VIEW x AS SELECT 1 AS a, 2 AS A", "COLUMN_ALREADY_EXISTS"),
        ("CREATE TABLE x (a INT, PRIMARY KEY (a, A))", "COLUMN_ALREADY_EXISTS"),
        ("CREATE TABLE x (a INT PRIMARY KEY, b INT PRIMARY KEY)", "DELTA_CONSTRAINT_ALREADY_EXISTS"),
        ("CREATE TABLE x (a INT, PRIMARY KEY (a) ENFORCED)", "PARSE_SYNTAX_ERROR"),
        ("CREATE TABLE x (a INT) PARTITIONED BY (nope)", "UNRESOLVED_COLUMN"),
        ("CREATE TABLE x (a INT) CLUSTER BY (nope)", "UNRESOLVED_COLUMN"),
        ("CREATE TABLE x (a INT, b INT) PARTITIONED BY (a) CLUSTER BY (b)", "SPECIFY_CLUSTER_BY_WITH_PARTITIONED_BY"),
        ("CREATE TABLE x (a INT) AS SELECT 1", "PARSE_SYNTAX_ERROR"),
        ("CREATE VIEW x (a, b) AS SELECT 1", "CREATE_VIEW_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"),
        ("CREATE VIEW x (a) AS SELECT 1, 2", "CREATE_VIEW_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS"),
        ("CREATE OR REPLACE VIEW IF NOT EXISTS x AS SELECT 1", "INVALID_SQL_SYNTAX"),
    ],
)
def test_what_cannot_be_created_leaves_nothing(fails, ws, sql, expected):
    """A CREATE that contradicts itself fails in Databricks' words, and its name stays free."""
    assert f"[{expected}" in fails(sql)
    assert ws.execute("SHOW TABLES IN main.default LIKE 'x'") == []


def test_a_partition_column_may_be_defined_where_it_is_named(ws):
    """PARTITIONED BY with a type adds the column."""
    ws.execute("CREATE TABLE parted (a INT) PARTITIONED BY (day DATE)")
    assert [row[0] for row in ws.execute("SHOW COLUMNS IN parted")] == ["a", "day"]
    assert ws.execute("DESCRIBE DETAIL parted")[0][7] == '["day"]'


def test_a_view_cannot_read_itself(fails, ws):
    """A view that would reach itself, through another too, is refused and stays as it was."""
    ws.execute("CREATE VIEW first AS SELECT 1 AS a; CREATE VIEW second AS SELECT a FROM first")
    assert "[RECURSIVE_VIEW]" in fails("CREATE OR REPLACE VIEW first AS SELECT a FROM first")
    assert "[RECURSIVE_VIEW]" in fails("CREATE OR REPLACE VIEW first AS SELECT a FROM second")
    assert ws.execute("SELECT a FROM second") == [["1"]]


@pytest.mark.parametrize(
    ("foreign", "expected"),
    [
        ("(b) REFERENCES parent (A)", ""),
        ("(b) REFERENCES parent MATCH FULL ON DELETE NO ACTION", ""),
        ("(b, c) REFERENCES parent (a)", "FOREIGN_KEY_MISMATCH"),
        ("(c) REFERENCES parent", "FOREIGN_KEY_MISMATCH"),
        ("(b) REFERENCES parent (n)", "FOREIGN_KEY_MISMATCH"),
        ("(b) REFERENCES parent ON DELETE CASCADE", "PARSE_SYNTAX_ERROR"),
    ],
)
def test_a_foreign_key_fits_the_key_it_means(fails, ws, foreign, expected):
    """A foreign key has the number and the types of the primary key's columns, in any case of letters."""
    ws.execute("CREATE TABLE IF NOT EXISTS parent (a INT PRIMARY KEY, n INT)")
    assert expected in fails(f"CREATE OR REPLACE TABLE child (b INT, c STRING, FOREIGN KEY {foreign})")
    ws.execute("CREATE OR REPLACE TABLE child (b INT, c STRING)")
    assert expected in fails(f"ALTER TABLE child ADD CONSTRAINT mine FOREIGN KEY {foreign}")


def _by_sql(_, ws, name):
    ws.execute(f"DROP TABLE {name}.p")


def _by_rest(w, _, name):
    w.tables.delete(f"main.{name}.p")


def _by_cascade(_, ws, name):
    ws.execute(f"DROP SCHEMA {name} CASCADE")


def _by_force(w, _, name):
    w.schemas.delete(f"main.{name}", force=True)


def _by_key(_, ws, name):
    ws.execute(f"ALTER TABLE {name}.p DROP PRIMARY KEY CASCADE")


def _by_name(_, ws, name):
    ws.execute(f"ALTER TABLE {name}.p RENAME COLUMN id TO other")


@pytest.mark.parametrize("drop", [_by_sql, _by_rest, _by_cascade, _by_force, _by_key, _by_name])
def test_foreign_keys_end_with_what_they_mean(ws, w, drop):
    """However a table, its primary key or its key's column goes, the foreign keys that mean it go too."""
    name = f"gone{drop.__name__}"
    ws.execute(f"CREATE SCHEMA {name}")
    ws.execute(f"CREATE TABLE {name}.p (id INT PRIMARY KEY) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    ws.execute(f"CREATE TABLE of_{name} (x INT REFERENCES {name}.p, y INT REFERENCES {name}.p)")
    assert len(w.tables.get(f"main.default.of_{name}").table_constraints) == 2
    drop(w, ws, name)
    assert not w.tables.get(f"main.default.of_{name}").table_constraints


def test_a_primary_key_that_is_meant_is_dropped_by_cascade_alone(fails, ws, w):
    """RESTRICT, the default, refuses; a table's new name is known to the keys that mean it."""
    ws.execute("CREATE TABLE whole (id INT PRIMARY KEY); CREATE TABLE part (x INT REFERENCES whole)")
    assert "`part_fk` depends on the primary key" in fails("ALTER TABLE whole DROP PRIMARY KEY")
    assert "`part_fk` depends on the primary key" in fails("ALTER TABLE whole DROP CONSTRAINT whole_pk RESTRICT")
    ws.execute("ALTER TABLE whole RENAME TO entire")
    (key,) = w.tables.get("main.default.part").table_constraints
    assert key.foreign_key_constraint.parent_table == "main.default.entire"


def test_drop_names_the_kind_that_it_found(fails, ws):
    """DROP of the other kind fails, also with IF EXISTS."""
    ws.execute("CREATE TABLE kind_t (a INT); CREATE VIEW kind_v AS SELECT 1 AS a")
    assert "[WRONG_COMMAND_FOR_OBJECT_TYPE]" in fails("DROP VIEW IF EXISTS kind_t")
    assert "Use DROP VIEW instead" in fails("DROP TABLE kind_v")


_RECREATED = {
    "plain": "CREATE TABLE again (a INT)",
    "columns": r"""
        CREATE TABLE again (
          `my col` STRING DEFAULT 'it\'s' COMMENT 'it\'s\nso', `select` DECIMAL(10, 2) NOT NULL DEFAULT -1.5,
          `a.b` DATE DEFAULT current_date(), `c``d` ARRAY<STRUCT<x: INT, `y z`: MAP<STRING, INT>>>)
        CLUSTER BY (`my col`, `a.b`) COMMENT 'c\'o' TBLPROPERTIES ('x.y' = 'z\'', n = 3)""",
    "keys": """
        CREATE TABLE again (
          a INT, b STRING, t TIMESTAMP, up INT, CONSTRAINT `the key` PRIMARY KEY (a, t TIMESERIES) RELY,
          FOREIGN KEY (up) REFERENCES other)
        PARTITIONED BY (b, a)""",
    "external": "CREATE TABLE again (a INT) LOCATION 's3://bucket/it'",
    "view": """
        CREATE VIEW again (x COMMENT 'first', `y z`) COMMENT 'of two' TBLPROPERTIES ('k' = 'v')
        AS SELECT id, 'a' FROM other""",
    "materialized": """
        CREATE MATERIALIZED VIEW again COMMENT 'kept' TBLPROPERTIES ('k' = 'v')
        AS SELECT id, 2 AS `b c` FROM other""",
}


@pytest.mark.parametrize("sql", _RECREATED.values(), ids=_RECREATED)
def test_show_create_table_creates_the_same_again(ws, w, sql):
    """What SHOW CREATE TABLE prints runs, and makes what it was asked of, whatever names and texts it has."""
    ws.execute("CREATE TABLE IF NOT EXISTS other (id INT PRIMARY KEY)")
    if int(sqlglot.__version__.partition(".")[0]) < 28:  # it does not know the word yet, and the statement is refused
        sql = sql.replace(" TIMESERIES", "")
    ws.execute(sql)
    told = []
    for _ in range(2):
        ((text,),) = ws.execute("SHOW CREATE TABLE again")
        info = w.tables.get("main.default.again").as_dict()
        passing = ("table_id", "created_at", "updated_at", "storage_location", "view_dependencies")
        told.append((text, {key: value for key, value in info.items() if key not in passing}))
        ws.execute(f"DROP {'VIEW' if 'CREATE VIEW' in sql else 'TABLE'} again")
        ws.execute(text)
    ws.execute(f"DROP {'VIEW' if 'CREATE VIEW' in sql else 'TABLE'} again")
    assert told[0] == told[1]


def test_defaults_are_told(ws):
    """A default is in SHOW CREATE TABLE and information_schema, through changes of the table, until it is dropped."""
    ws.execute("CREATE TABLE defaulted (a INT DEFAULT 1, b STRING) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    ws.execute("ALTER TABLE defaulted ALTER COLUMN b SET DEFAULT 'x'; ALTER TABLE defaulted RENAME COLUMN a TO c")
    asked = (
        "SELECT column_name, column_default FROM information_schema.columns WHERE table_name = 'defaulted' "
        "AND column_default IS NOT NULL ORDER BY 1"
    )
    assert ws.execute(asked) == [["b", "'x'"], ["c", "1"]]
    ws.execute("ALTER TABLE defaulted ALTER COLUMN c DROP DEFAULT")
    assert ws.execute(asked) == [["b", "'x'"]]
