"""information_schema: the catalog as tables, by any SQL, of one catalog and of all of them in ``system``."""

from __future__ import annotations

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def ws():
    """A workspace with two catalogs."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute(
            """
            CREATE TABLE parent (k INT, label STRING, PRIMARY KEY (k)) PARTITIONED BY (label) COMMENT 'top';
            CREATE TABLE child (id BIGINT, k INT, price DECIMAL(9, 3) COMMENT 'in euros',
                CONSTRAINT child_fk FOREIGN KEY (k) REFERENCES parent);
            CREATE VIEW joined AS SELECT c.id FROM child c JOIN parent p ON p.k = c.k;
            CREATE VOLUME files;
            CREATE FUNCTION twice(n INT COMMENT 'any') RETURNS INT RETURN n * 2;
            ALTER TABLE child SET TAGS ('team' = 'ops');
            ALTER TABLE child ALTER COLUMN price SET TAGS ('unit' = 'euro');
            ALTER VOLUME files SET TAGS ('raw');
            GRANT SELECT ON SCHEMA main.default TO `account users`;
            CREATE CATALOG other; CREATE SCHEMA other.s; CREATE TABLE other.s.far (x DOUBLE)
            """
        )
        yield workspace


def rows(ws, columns, table, where="table_schema = 'default'", order="ALL"):
    """Rows of a table of main's information_schema."""
    return ws.execute(f"SELECT {columns} FROM main.information_schema.{table} WHERE {where} ORDER BY {order}")


def test_tables_and_views(ws):
    """Tables have their type, owner and format, views their text."""
    found = rows(ws, "table_name, table_type, table_owner, comment", "tables")
    assert found == [
        ["child", "MANAGED", "user@example.com", None],
        ["joined", "VIEW", "user@example.com", None],
        ["parent", "MANAGED", "user@example.com", "top"],
    ]
    assert rows(ws, "table_name, is_materialized, view_definition", "views") == [
        ["joined", "false", "SELECT c.id FROM child c JOIN parent p ON p.k = c.k"]
    ]


def test_columns(ws):
    """Columns have the simple and the full type, precision and scale, and count from one."""
    found = rows(
        ws,
        "column_name, ordinal_position, is_nullable, full_data_type, data_type, numeric_precision, numeric_scale,"
        "comment",
        "columns",
        "table_name = 'child'",
        "ordinal_position",
    )
    assert found == [
        ["id", "1", "YES", "bigint", "LONG", "64", "0", None],
        ["k", "2", "YES", "int", "INT", "32", "0", None],
        ["price", "3", "YES", "decimal(9,3)", "DECIMAL", "9", "3", "in euros"],
    ]
    assert rows(ws, "column_name, partition_index", "columns", "partition_index IS NOT NULL") == [["label", "0"]]


def test_constraints(ws):
    """Keys are joined as the standard has it, from the constraint to the columns on both sides."""
    assert rows(ws, "constraint_name, table_name, constraint_type, enforced", "table_constraints") == [
        ["child_fk", "child", "FOREIGN KEY", "NO"],
        ["parent_pk", "parent", "PRIMARY KEY", "NO"],
    ]
    found = ws.execute(
        """
        SELECT k.table_name, k.column_name, u.table_name, u.column_name
        FROM main.information_schema.key_column_usage k
        JOIN main.information_schema.referential_constraints r
          USING (constraint_catalog, constraint_schema, constraint_name)
        JOIN main.information_schema.key_column_usage u
          ON u.constraint_name = r.unique_constraint_name AND u.ordinal_position = k.position_in_unique_constraint
        """
    )
    assert found == [["child", "k", "parent", "k"]]
    usage = rows(ws, "constraint_name, table_name, column_name", "constraint_column_usage")
    assert usage == [["child_fk", "parent", "k"], ["parent_pk", "parent", "k"]]
    assert rows(ws, "*", "check_constraints", "true") == []


def test_functions_and_volumes(ws):
    """Routines, their parameters, and volumes."""
    assert rows(ws, "routine_name, data_type, routine_body, routine_definition", "routines", "true") == [
        ["twice", "INT", "SQL", "n * 2"]
    ]
    assert rows(ws, "parameter_name, data_type, comment", "parameters", "true") == [["n", "INT", "any"]]
    assert rows(ws, "volume_name, volume_type", "volumes", "true") == [["files", "MANAGED"]]


def test_tags_and_privileges(ws):
    """Tags by entity, privileges with where they come from."""
    assert rows(ws, "table_name, tag_name, tag_value", "table_tags", "true") == [["child", "team", "ops"]]
    assert rows(ws, "column_name, tag_name, tag_value", "column_tags", "true") == [["price", "unit", "euro"]]
    assert rows(ws, "volume_name, tag_name, tag_value", "volume_tags", "true") == [["files", "raw", ""]]
    assert rows(ws, "grantee, privilege_type, inherited_from", "schema_privileges", "true") == [
        ["account users", "SELECT", "NONE"]
    ]
    inherited = rows(ws, "grantee, privilege_type, inherited_from", "table_privileges", "table_name = 'child'")
    assert inherited == [["account users", "SELECT", "SCHEMA"]]


def test_system_has_all_catalogs(ws):
    """``system.information_schema`` spans the catalogs, another catalog's has its own only."""
    query = "SELECT table_catalog, table_name FROM {}.information_schema.tables WHERE table_schema IN ('default', 's')"
    assert ["other", "far"] in ws.execute(query.format("system"))
    assert ["main", "child"] in ws.execute(query.format("system"))
    assert ws.execute(query.format("other")) == [["other", "far"]]
    assert {row[0] for row in ws.execute("SELECT catalog_name FROM system.information_schema.catalogs")} >= {
        "main",
        "other",
    }


def test_it_is_queried_by_any_sql(ws):
    """Common table expressions, joins, groups and parameters work as on other tables."""
    w = workspace_client(ws)
    done = w.statement_execution.execute_statement(
        "WITH t AS (SELECT * FROM information_schema.tables WHERE table_schema = :s) "
        "SELECT t.table_name, count(*) AS n FROM t JOIN information_schema.columns c USING (table_schema, table_name) "
        "GROUP BY t.table_name ORDER BY n DESC, 1",
        ws.warehouse_id,
        catalog="main",
        parameters=[_parameter("s", "default")],
    )
    assert done.status.error is None, done.status.error
    assert done.result.data_array == [["child", "3"], ["parent", "2"], ["joined", "1"]]


def _parameter(name, value):
    from databricks.sdk.service.sql import StatementParameterListItem

    return StatementParameterListItem(name=name, value=value)


def test_views_over_it_stay_up_to_date(ws):
    """A view over information_schema shows what is there when it is read, through another view, too."""
    ws.execute(
        "CREATE OR REPLACE VIEW named AS"
        " SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'late%';"
        "CREATE OR REPLACE VIEW counted AS SELECT count(*) AS n FROM named"
    )
    assert ws.execute("SELECT n FROM counted") == [["0"]]
    ws.execute("CREATE TABLE late (x INT)")
    assert ws.execute("SELECT n FROM counted") == [["1"]]
    ws.execute("DROP TABLE late; DROP VIEW counted; DROP VIEW named")


def test_users_see_what_they_may(ws):
    """Rows are limited to what the one who asks may see."""
    w = workspace_client(ws, token=ws.add_user("stranger@example.com"))
    relations = "system.information_schema.tables"
    query = f"SELECT table_name FROM {relations} WHERE table_schema IN ('default', 's') ORDER BY 1"

    def seen():
        return [
            row[0] for row in w.statement_execution.execute_statement(query, ws.warehouse_id).result.data_array or ()
        ]

    assert seen() == []
    ws.execute(
        "GRANT USE CATALOG ON CATALOG other TO `stranger@example.com`;"
        "GRANT USE SCHEMA, SELECT ON SCHEMA other.s TO `stranger@example.com`"
    )
    assert seen() == ["far"]


def test_nothing_can_be_changed_in_it(ws):
    """It takes no rows and loses none."""
    for text in ("INSERT INTO information_schema.tables VALUES (1)", "DELETE FROM information_schema.tables"):
        with pytest.raises(SqlError) as raised:
            ws.execute(text)
        assert raised.value.sql_state == "42809"
    with pytest.raises(SqlError) as raised:
        ws.execute("SELECT * FROM information_schema.nothing")
    assert raised.value.sql_state == "42P01"
