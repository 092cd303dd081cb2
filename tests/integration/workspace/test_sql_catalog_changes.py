"""SQL that changes the catalog: tables, columns, constraints, tags, comments and owners, seen over REST."""

from __future__ import annotations

import pytest

from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client


@pytest.fixture
def table(ws, request):
    """A table of its own with two rows."""
    name = request.node.originalname
    ws.execute(
        f"CREATE OR REPLACE TABLE {name} (id INT NOT NULL, name STRING COMMENT 'called', born DATE);"
        f"INSERT INTO {name} VALUES (1, 'a', DATE'2026-01-01'), (2, 'b', NULL)"
    )
    yield name
    ws.execute(f"DROP TABLE IF EXISTS {name}")


def failure(ws, text):
    """The failure of a statement that cannot run."""
    with pytest.raises(SqlError) as raised:
        ws.execute(text)
    return raised.value


MAPPED = "SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"


def test_columns_come_where_they_are_put(ws, w, table):
    """ADD COLUMNS takes comments and positions; rows that are there have nulls."""
    ws.execute(f"ALTER TABLE {table} ADD COLUMNS (first INT COMMENT 'new' FIRST, `odd name` STRING AFTER id)")
    info = w.tables.get(f"main.default.{table}")
    assert [column.name for column in info.columns] == ["first", "id", "odd name", "name", "born"]
    assert [column.comment for column in info.columns] == ["new", None, None, "called", None]
    assert ws.execute(f"SELECT * FROM {table} ORDER BY id")[0] == [None, "1", None, "a", "2026-01-01"]
    assert failure(ws, f"ALTER TABLE {table} ADD COLUMN ID STRING").sql_state == "42710"


def test_columns_go_and_are_renamed_where_names_are_mapped(ws, w, table):
    """DROP and RENAME COLUMN need column mapping, as on Delta; comments and tags go with a column."""
    assert "DELTA_UNSUPPORTED_DROP_COLUMN" in failure(ws, f"ALTER TABLE {table} DROP COLUMN born").message
    ws.execute(
        f"ALTER TABLE {table} {MAPPED}; ALTER TABLE {table} ALTER COLUMN name SET TAGS ('pii' = 'yes');"
        f"ALTER TABLE {table} DROP COLUMNS (born); ALTER TABLE {table} RENAME COLUMN name TO title"
    )
    columns = w.tables.get(f"main.default.{table}").columns
    assert [(column.name, column.comment) for column in columns] == [("id", None), ("title", "called")]
    assert ws.execute(f"SELECT title FROM {table} ORDER BY id") == [["a"], ["b"]]
    found = ws.execute(f"SELECT column_name, tag_name FROM information_schema.column_tags WHERE table_name = '{table}'")
    assert found == [["title", "pii"]]


def test_columns_move_and_change_what_they_take(ws, w, table):
    """FIRST, AFTER, SET and DROP NOT NULL, SET DEFAULT and COMMENT change one column."""
    ws.execute(
        f"ALTER TABLE {table} ALTER COLUMN born FIRST; ALTER TABLE {table} ALTER COLUMN id AFTER name;"
        f"ALTER TABLE {table} ALTER COLUMN id DROP NOT NULL; ALTER TABLE {table} ALTER name SET NOT NULL;"
        f"ALTER TABLE {table} CHANGE COLUMN id COMMENT 'it\\'s a key'"
    )
    columns = w.tables.get(f"main.default.{table}").columns
    assert [(column.name, column.nullable) for column in columns] == [("born", True), ("name", False), ("id", True)]
    assert columns[2].comment == "it's a key"
    assert failure(ws, f"INSERT INTO {table} VALUES (NULL, NULL, 3)").sql_state == "23502"
    assert failure(ws, f"ALTER TABLE {table} ALTER COLUMN born SET NOT NULL").sql_state == "23502"
    assert ws.execute(f"SELECT name FROM {table} ORDER BY id") == [["a"], ["b"]]


def test_types_widen_where_the_table_allows_it(ws, w, table):
    """A type changes to a wider one, and only with type widening."""
    assert failure(ws, f"ALTER TABLE {table} ALTER COLUMN id TYPE BIGINT").sql_state == "0AKDC"
    ws.execute(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')")
    ws.execute(f"ALTER TABLE {table} ALTER COLUMN id TYPE BIGINT; INSERT INTO {table} VALUES (3000000000, 'c', NULL)")
    assert w.tables.get(f"main.default.{table}").columns[0].type_text == "bigint"
    assert failure(ws, f"ALTER TABLE {table} ALTER COLUMN id TYPE INT").sql_state == "0AKDC"


def test_keys_inform(ws, table):
    """Primary and foreign keys are shown and hold nothing; a foreign key fits its parent's primary key."""
    ws.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT pk PRIMARY KEY (id);"
        f"CREATE OR REPLACE TABLE child (k INT, CONSTRAINT fk FOREIGN KEY (k) REFERENCES {table});"
        f"INSERT INTO {table} VALUES (1, 'again', NULL)"
    )
    rows = ws.execute("DESCRIBE EXTENDED child")
    assert ["fk", f"FOREIGN KEY (`k`) REFERENCES `main`.`default`.`{table}` (`id`)", ""] in rows
    mismatch = failure(ws, f"ALTER TABLE child ADD CONSTRAINT f2 FOREIGN KEY (k) REFERENCES {table} (name)")
    assert mismatch.sql_state == "42830"
    assert "nullable" in failure(ws, "ALTER TABLE child ADD PRIMARY KEY (k)").message
    ws.execute("ALTER TABLE child DROP CONSTRAINT fk")
    assert "fk" not in [row[0] for row in ws.execute("DESCRIBE EXTENDED child")]
    assert failure(ws, "ALTER TABLE child DROP CONSTRAINT fk").sql_state == "42704"
    ws.execute("ALTER TABLE child DROP CONSTRAINT IF EXISTS fk")


def test_foreign_keys_end_with_their_parent(ws, table):
    """A table that foreign keys refer to can be dropped, and they go with it."""
    ws.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT pk PRIMARY KEY (id);"
        f"CREATE OR REPLACE TABLE child (k INT, CONSTRAINT fk FOREIGN KEY (k) REFERENCES {table}); DROP TABLE {table}"
    )
    assert "fk" not in [row[0] for row in ws.execute("DESCRIBE EXTENDED child")]


def test_checks_hold(ws, table):
    """A CHECK refuses rows that are there and rows to come, nulls included, and is a property of the table."""
    violated = failure(ws, f"ALTER TABLE {table} ADD CONSTRAINT later CHECK (born > DATE'2025-01-01')")
    assert (violated.sql_state, "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION" in violated.message) == ("23512", True)
    ws.execute(f"ALTER TABLE {table} ADD CONSTRAINT positive CHECK (id > 0)")
    assert failure(ws, f"INSERT INTO {table} VALUES (-1, 'x', NULL)").sql_state == "23001"
    assert failure(ws, f"UPDATE {table} SET id = 0").sql_state == "23001"
    assert ["delta.constraints.positive", "id > 0"] in ws.execute(f"SHOW TBLPROPERTIES {table}")
    ws.execute(f"ALTER TABLE {table} DROP CONSTRAINT positive; INSERT INTO {table} VALUES (-1, 'x', NULL)")
    assert ws.execute(f"SELECT count(*) FROM {table}") == [["3"]]


def test_properties_owner_comment_and_cluster(ws, w, table):
    """ALTER changes the facts of a table that REST shows."""
    ws.execute(
        f"ALTER TABLE {table} SET TBLPROPERTIES ('a' = 'b', c.d = 'e'); ALTER TABLE {table} OWNER TO `ann@example.com`;"
        f"COMMENT ON TABLE {table} IS 'of note'; ALTER TABLE {table} CLUSTER BY (name);"
        f"COMMENT ON COLUMN main.default.{table}.born IS 'a day'"
    )
    info = w.tables.get(f"main.default.{table}")
    assert (info.owner, info.comment, info.columns[2].comment) == ("ann@example.com", "of note", "a day")
    assert {"a": "b", "c.d": "e"}.items() <= info.properties.items()
    assert ["# Clustering Information", "", ""] in ws.execute(f"DESCRIBE {table}")
    ws.execute(f"ALTER TABLE {table} UNSET TBLPROPERTIES ('a'); ALTER TABLE {table} CLUSTER BY NONE")
    assert "a" not in w.tables.get(f"main.default.{table}").properties
    assert failure(ws, f"ALTER TABLE {table} UNSET TBLPROPERTIES ('a')").sql_state == "42K0J"


@pytest.mark.parametrize(
    ("what", "entity_type", "name"),
    [
        ("CATALOG main", "catalogs", "main"),
        ("SCHEMA main.default", "schemas", "main.default"),
        ("TABLE {table}", "tables", "main.default.{table}"),
        ("TABLE {table} ALTER COLUMN id", "columns", "main.default.{table}.id"),
    ],
)
def test_tags_reach_the_api(ws, w, table, what, entity_type, name):
    """SET TAGS and UNSET TAGS change what the tag assignments of the API show."""
    what, name = what.format(table=table), name.format(table=table)
    ws.execute(f"ALTER {what} SET TAGS ('team' = 'ops', 'alone')")
    found = {tag.tag_key: tag.tag_value for tag in w.entity_tag_assignments.list(entity_type, name)}
    assert found == {"team": "ops", "alone": ""}
    ws.execute(f"ALTER {what} UNSET TAGS ('team', 'alone', 'absent')")
    assert list(w.entity_tag_assignments.list(entity_type, name)) == []


def test_views_outlive_what_they_read(ws, table):
    """A dropped table leaves its views, which fail; CREATE OR REPLACE makes them work again."""
    ws.execute(f"CREATE OR REPLACE VIEW beyond AS SELECT id FROM {table}; DROP TABLE {table}")
    assert failure(ws, "SELECT * FROM beyond").sql_state == "42P01"
    ws.execute(f"CREATE TABLE {table} (id INT)")
    assert ws.execute("SELECT * FROM beyond") == []


def test_kinds_are_not_mixed_up(ws, table):
    """Commands for tables refuse views and the other way round."""
    ws.execute(f"CREATE OR REPLACE VIEW seen AS SELECT * FROM {table}")
    for text in ("DROP TABLE seen", f"DROP VIEW {table}", "ALTER TABLE seen ADD COLUMN x INT", "DELETE FROM seen"):
        assert failure(ws, text).sql_state in ("42809", "0A000")
    assert failure(ws, f"CREATE OR REPLACE VIEW {table} AS SELECT 1").sql_state == "42809"


def test_containers(ws, w):
    """Catalogs, schemas and volumes are made, changed and dropped, those with something in them only by CASCADE."""
    ws.execute(
        "CREATE CATALOG IF NOT EXISTS lab COMMENT 'tries'; CREATE CATALOG IF NOT EXISTS lab;"
        "CREATE SCHEMA lab.one COMMENT 'x' WITH DBPROPERTIES ('a' = 'b'); CREATE VOLUME lab.one.v;"
        "CREATE EXTERNAL VOLUME lab.one.far LOCATION 's3://bucket/x'; ALTER VOLUME lab.one.v RENAME TO w;"
        "ALTER SCHEMA lab.one SET DBPROPERTIES ('c' = 'd'); COMMENT ON CATALOG lab IS 'more';"
        "ALTER CATALOG lab OWNER TO `ann@example.com`"
    )
    assert (w.catalogs.get("lab").comment, w.catalogs.get("lab").owner) == ("more", "ann@example.com")
    assert w.schemas.get("lab.one").properties == {"a": "b", "c": "d"}
    assert {volume.name: volume.volume_type.value for volume in w.volumes.list("lab", "one")} == {
        "w": "MANAGED",
        "far": "EXTERNAL",
    }
    assert failure(ws, "DROP SCHEMA lab.one").sql_state == "2BP01"
    ws.execute("DROP SCHEMA lab.one CASCADE; DROP CATALOG lab; DROP CATALOG IF EXISTS lab")
    assert failure(ws, "DROP CATALOG lab").sql_state == "42704"


def test_external_tables_keep_their_location(ws, w):
    """LOCATION makes a table external."""
    ws.execute("CREATE TABLE far_away (id INT) USING delta LOCATION 's3://bucket/far'")
    info = w.tables.get("main.default.far_away")
    assert (info.table_type.value, info.storage_location) == ("EXTERNAL", "s3://bucket/far")


def test_functions_compute(ws, w):
    """SQL functions are called with declared types and defaults, by short and full names, and as tables."""
    ws.execute(
        "CREATE OR REPLACE FUNCTION discount(price DECIMAL(10, 2), share DOUBLE DEFAULT 0.1) RETURNS DECIMAL(10, 2)"
        " COMMENT 'less' RETURN price * (1 - share);"
        "CREATE OR REPLACE FUNCTION until(n INT) RETURNS TABLE (i BIGINT, odd BOOLEAN)"
        " RETURN SELECT id, id % 2 = 1 FROM range(n)"
    )
    assert ws.execute("SELECT discount(10), main.default.discount(10, 0.5)") == [["9.00", "5.00"]]
    assert ws.execute("SELECT t.i FROM until(4) AS t WHERE t.odd") == [["1"], ["3"]]
    info = w.functions.get("main.default.discount")
    assert (info.full_data_type, [item.name for item in info.input_params.parameters]) == (
        "DECIMAL(10, 2)",
        ["price", "share"],
    )
    assert failure(ws, "CREATE FUNCTION discount(a INT) RETURNS INT RETURN a").sql_state == "42723"
    assert failure(ws, "CREATE FUNCTION py(a INT) RETURNS INT LANGUAGE PYTHON AS $$ return a $$").sql_state == "0A000"
    ws.execute("DROP FUNCTION discount; DROP FUNCTION IF EXISTS discount")
    assert failure(ws, "DROP FUNCTION discount").sql_state == "42883"


def test_materialized_views_are_as_of_their_refresh(ws, w, table):
    """A materialized view changes when it is refreshed, and not by DML."""
    ws.execute(f"CREATE OR REPLACE MATERIALIZED VIEW counted COMMENT 'n' AS SELECT count(*) AS n FROM {table}")
    ws.execute(f"INSERT INTO {table} VALUES (3, 'c', NULL)")
    assert ws.execute("SELECT n FROM counted") == [["2"]]
    ws.execute("REFRESH MATERIALIZED VIEW counted")
    assert ws.execute("SELECT n FROM counted") == [["3"]]
    assert w.tables.get("main.default.counted").table_type.value == "MATERIALIZED_VIEW"
    assert failure(ws, "INSERT INTO counted VALUES (1)").sql_state == "42809"
    ws.execute("DROP MATERIALIZED VIEW counted")
    assert failure(ws, "CREATE OR REFRESH STREAMING TABLE s AS SELECT 1").sql_state == "0A000"


def test_upkeep_changes_nothing_and_says_so(ws, table):
    """OPTIMIZE, VACUUM, ANALYZE and REFRESH run on tables, tell of no file, and leave the rows."""
    before = ws.execute(f"SELECT * FROM {table} ORDER BY id")
    [[path, metrics]] = ws.execute(f"OPTIMIZE {table} ZORDER BY (id)")
    assert '"numFilesAdded":0' in metrics.replace(" ", "")
    assert ws.execute(f"VACUUM {table} RETAIN 168 HOURS") == [[path]]
    for text in (f"ANALYZE TABLE {table} COMPUTE STATISTICS", f"REFRESH TABLE {table}", f"CACHE TABLE {table}"):
        assert ws.execute(text) == []
    assert ws.execute(f"SELECT * FROM {table} ORDER BY id") == before
    assert failure(ws, f"OPTIMIZE {table} ZORDER BY (nothing)").sql_state == "42703"
    assert failure(ws, "OPTIMIZE nowhere").sql_state == "42P01"


def test_explain_shows_a_plan(ws, table):
    """EXPLAIN gives a plan in one row and does not run the query."""
    [[plan]] = ws.execute(f"EXPLAIN SELECT count(*) FROM {table} WHERE id > 1")
    assert table in plan


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE x (id INT) USING csv",
        "CREATE TABLE x (id INT, CHECK (id > 0))",
        "CREATE TABLE x (id BIGINT GENERATED ALWAYS AS IDENTITY)",
        "CREATE TEMPORARY TABLE x (id INT)",
        "CREATE GLOBAL TEMPORARY VIEW x AS SELECT 1",
        "UNDROP TABLE x",
        "ALTER SCHEMA main.default ENABLE PREDICTIVE OPTIMIZATION",
    ],
)
def test_what_is_not_imitated_is_refused(ws, text):
    """What Databricks can and nobody here would test with fails as unsupported."""
    assert failure(ws, text).message.startswith("[UNSUPPORTED_BY_LOCAL_WORKSPACE]")


@pytest.fixture(scope="module")
def stranger(ws):
    """Runs a statement as a user without privileges and gives its SQL state, ``None`` where it succeeded."""
    client = workspace_client(ws, token=ws.add_user("stranger@example.com"))

    def run(text):
        return client.statement_execution.execute_statement(text, ws.warehouse_id).status.sql_state

    return run


@pytest.mark.parametrize(
    "text",
    [
        "CREATE CATALOG theirs",
        "CREATE SCHEMA main.theirs",
        "CREATE TABLE main.default.theirs (id INT)",
        "CREATE VOLUME main.default.theirs",
        "CREATE FUNCTION main.default.theirs() RETURNS INT RETURN 1",
        "CREATE MATERIALIZED VIEW main.default.theirs AS SELECT 1 AS n",
        "USE CATALOG main",
        "USE SCHEMA main.default",
        "DESCRIBE SCHEMA main.default",
        "ALTER CATALOG main OWNER TO `stranger@example.com`",
        "ALTER SCHEMA main.default SET TAGS ('a' = 'b')",
        "COMMENT ON SCHEMA main.default IS 'mine'",
        "DROP SCHEMA main.default CASCADE",
        "GRANT USE CATALOG ON CATALOG main TO `stranger@example.com`",
    ],
)
def test_who_may_not_is_refused(stranger, text):
    """Creating, changing, using and granting need privileges."""
    assert stranger(text) == "42501"


def test_grants_open_and_close(ws, stranger, table):
    """GRANT gives what a statement needs, SHOW GRANTS tells of it, REVOKE takes it away."""
    ws.execute(
        "GRANT USE CATALOG ON CATALOG main TO `stranger@example.com`;"
        f"GRANT USE SCHEMA ON SCHEMA main.default TO `stranger@example.com`; GRANT SELECT, MODIFY ON {table}"
        " TO `stranger@example.com`"
    )
    assert stranger(f"SELECT * FROM main.default.{table}") is None
    assert stranger(f"ALTER TABLE main.default.{table} SET TBLPROPERTIES ('a' = 'b')") == "42501"
    granted = ws.execute(f"SHOW GRANTS `stranger@example.com` ON TABLE {table}")
    assert ["stranger@example.com", "SELECT", "TABLE", f"main.default.{table}"] in granted
    assert ["stranger@example.com", "USE SCHEMA", "SCHEMA", "main.default"] not in granted
    ws.execute(f"REVOKE SELECT ON TABLE {table} FROM `stranger@example.com`")
    assert stranger(f"SELECT * FROM main.default.{table}") == "42501"
    ws.execute(
        "REVOKE USE CATALOG ON CATALOG main FROM `stranger@example.com`;"
        "REVOKE USE SCHEMA ON SCHEMA main.default FROM `stranger@example.com`"
    )
    assert failure(ws, f"GRANT CREATE TABLE ON TABLE {table} TO `stranger@example.com`").sql_state == "42000"
    assert failure(ws, f"GRANT SELECT ON {table} TO `nobody@example.com`").sql_state == "42000"
