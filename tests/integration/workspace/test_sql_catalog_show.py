"""SHOW and DESCRIBE: what the catalog holds, in the columns and rows that clients parse."""

from __future__ import annotations

import json

import pytest

from genops.testing.workspace import LocalWorkspace
from genops.testing.workspace.sql.failures import SqlError
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def ws():
    """A workspace with a table of each sort."""
    with LocalWorkspace(transition_polls=0) as workspace:
        workspace.execute(
            """
            CREATE SCHEMA main.sales COMMENT 'orders' WITH DBPROPERTIES (owner = 'ops');
            USE main.sales;
            CREATE TABLE orders (
                id INT NOT NULL COMMENT 'its number', region STRING, amount DECIMAL(10, 2),
                lines ARRAY<STRUCT<sku: STRING, n: INT>>, CONSTRAINT orders_pk PRIMARY KEY (id)
            ) USING delta PARTITIONED BY (region) COMMENT 'all orders' TBLPROPERTIES ('quality' = 'gold');
            INSERT INTO orders (id, region) VALUES (1, 'north'), (2, 'south');
            CREATE TABLE order_notes (id INT, note STRING) CLUSTER BY (id);
            CREATE VIEW big_orders (id COMMENT 'of the order') COMMENT 'the big ones'
                AS SELECT id FROM orders WHERE amount > 100;
            CREATE VOLUME main.sales.files COMMENT 'raw';
            CREATE FUNCTION net(gross DOUBLE) RETURNS DOUBLE COMMENT 'without tax' RETURN gross / 1.19
            """
        )
        yield workspace


@pytest.fixture
def show(ws):
    """Runs a statement with main.sales as the default and gives its rows."""
    return lambda text: ws.execute(text, schema="sales")


@pytest.fixture(scope="module")
def names(ws):
    """Runs a statement over REST and gives its columns as name and type."""
    w = workspace_client(ws)

    def ask(text):
        done = w.statement_execution.execute_statement(text, ws.warehouse_id, catalog="main", schema="sales")
        assert done.status.error is None, done.status.error
        return [(column.name, column.type_text) for column in done.manifest.schema.columns]

    return ask


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("SHOW CATALOGS", ["catalog"]),
        ("SHOW SCHEMAS", ["databaseName"]),
        ("SHOW TABLES", ["database", "tableName", "isTemporary BOOLEAN"]),
        ("SHOW TABLE EXTENDED LIKE 'orders'", ["database", "tableName", "isTemporary BOOLEAN", "information"]),
        ("SHOW VIEWS", ["namespace", "viewName", "isTemporary BOOLEAN", "isMaterialized BOOLEAN"]),
        ("SHOW COLUMNS IN orders", ["col_name"]),
        ("SHOW VOLUMES", ["database", "volume_name"]),
        ("SHOW USER FUNCTIONS", ["function"]),
        ("SHOW TBLPROPERTIES orders", ["key", "value"]),
        ("SHOW CREATE TABLE orders", ["createtab_stmt"]),
        ("SHOW PARTITIONS orders", ["region"]),
        ("SHOW GRANTS ON TABLE orders", ["Principal", "ActionType", "ObjectType", "ObjectKey"]),
        ("SHOW GROUPS", ["name", "directGroup"]),
        ("SHOW USERS", ["name"]),
        ("DESCRIBE TABLE orders", ["col_name", "data_type", "comment"]),
        ("DESCRIBE orders id", ["info_name", "info_value"]),
        ("DESCRIBE TABLE EXTENDED orders AS JSON", ["json_metadata"]),
        ("DESCRIBE SCHEMA sales", ["database_description_item", "database_description_value"]),
        ("DESCRIBE CATALOG main", ["info_name", "info_value"]),
        (
            "DESCRIBE VOLUME files",
            ["name", "catalog", "database", "owner", "storageLocation", "volumeType", "comment"],
        ),
        ("DESCRIBE FUNCTION net", ["function_desc"]),
        ("DESCRIBE QUERY SELECT 1 AS one", ["col_name", "data_type", "comment"]),
    ],
)
def test_columns_are_the_documented_ones(names, text, columns):
    """Each command has the columns of its documentation, text where no other type is named."""
    wanted = [(column.split()[0], column.split()[1] if " " in column else "STRING") for column in columns]
    assert names(text) == wanted


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("'order*'", ["order_notes", "orders"]),
        ("'ORDERS|big*'", ["big_orders", "orders"]),
        ("'order.'", ["orders"]),
        ("'order'", []),
        ("'%notes'", ["order_notes"]),
    ],
)
def test_patterns_are_those_of_show(show, pattern, found):
    """``*`` is anything, ``|`` is or, the rest a regular expression over the whole name; case does not count."""
    assert [row[1] for row in show(f"SHOW TABLES LIKE {pattern}")] == found
    assert [row[1] for row in show(f"SHOW TABLES IN main.sales {pattern}")] == found


def test_catalogs_and_schemas(show):
    """The platform's catalog and the information schemas are there, too."""
    assert show("SHOW CATALOGS") == [["main"], ["system"]]
    assert show("SHOW SCHEMAS IN main") == [["default"], ["information_schema"], ["sales"]]
    assert show("SHOW DATABASES LIKE 's*'") == [["sales"]]
    assert ["information_schema"] in show("SHOW SCHEMAS IN system")


def test_drivers_list_tables_and_columns_of_catalogs(show):
    """The forms in which drivers ask give the tables of a catalog with their types, and columns with theirs."""
    found = show("SHOW TABLES IN CATALOG main SCHEMA LIKE 'sales' LIKE '*orders'")
    assert [(row[0], row[1], row[4], row[5]) for row in found] == [
        ("sales", "big_orders", "main", "VIEW"),
        ("sales", "orders", "main", "TABLE"),
    ]
    columns = show("SHOW COLUMNS IN CATALOG main SCHEMA LIKE 'sales' TABLE LIKE 'orders' LIKE 'a*'")
    assert columns[0][:5] == ["amount", "main", "sales", "orders", "DECIMAL(10,2)"]
    assert ["sales", "main"] in show("SHOW SCHEMAS IN ALL CATALOGS")


def test_views_volumes_functions_partitions(show):
    """Each list holds its own kind."""
    assert show("SHOW VIEWS") == [["sales", "big_orders", "false", "false"]]
    assert show("SHOW VOLUMES") == [["sales", "files"]]
    assert show("SHOW USER FUNCTIONS LIKE 'n*'") == [["main.sales.net"]]
    assert show("SHOW PARTITIONS orders") == [["north"], ["south"]]
    with pytest.raises(SqlError, match="PARTITION_SCHEMA_IS_EMPTY") as raised:
        show("SHOW PARTITIONS order_notes")
    assert raised.value.sql_state == "42601"


def test_table_extended_is_what_dbt_parses(show):
    """The information holds facts a line each, and the schema as a tree with Spark's names of types."""
    [[database, name, temporary, information]] = show("SHOW TABLE EXTENDED IN main.sales LIKE 'orders'")
    assert (database, name, temporary) == ("sales", "orders", "false")
    lines = information.splitlines()
    assert {"Catalog: main", "Owner: user@example.com", "Type: MANAGED", "Provider: delta", "Comment: all orders"} <= {
        *lines
    }
    tree = lines[lines.index("Schema: root") + 1 :]
    assert tree == [
        " |-- id: integer (nullable = false)",
        " |-- region: string (nullable = true)",
        " |-- amount: decimal(10,2) (nullable = true)",
        " |-- lines: array (nullable = true)",
        " |    |-- element: struct (containsNull = true)",
        " |    |    |-- sku: string (nullable = true)",
        " |    |    |-- n: integer (nullable = true)",
    ]


def test_properties(show):
    """All properties, or one; what is not there is told in its place."""
    assert show("SHOW TBLPROPERTIES orders") == [["quality", "gold"]]
    assert show("SHOW TBLPROPERTIES orders ('quality')") == [["quality", "gold"]]
    assert show("SHOW TBLPROPERTIES orders (absent)") == [
        ["absent", "Table main.sales.orders does not have property: absent"]
    ]


def test_create_table_creates_it_again(ws, show):
    """What SHOW CREATE TABLE prints makes a table of the same description."""
    [[text]] = show("SHOW CREATE TABLE orders")
    ws.execute(text.replace("main.sales.orders", "main.sales.copy"))
    before, after = (show(f"DESCRIBE {name}") for name in ("orders", "copy"))
    assert before == after
    assert show("SHOW TBLPROPERTIES copy") == show("SHOW TBLPROPERTIES orders")
    show("DROP TABLE copy")


def test_describe_names_partitions_and_clusters(show):
    """Columns come first, partition and clustering columns in sections of their own."""
    described = show("DESCRIBE orders")
    assert described[0] == ["id", "int", "its number"]
    assert described[4:] == [
        ["# Partition Information", "", ""],
        ["# col_name", "data_type", "comment"],
        ["region", "string", None],
    ]
    assert show("DESC order_notes")[2:] == [
        ["# Clustering Information", "", ""],
        ["# col_name", "data_type", "comment"],
        ["id", "int", None],
    ]


def test_describe_extended_has_a_section_of_facts(show):
    """Facts and constraints follow the columns, each section after an empty line."""
    rows = show("DESCRIBE TABLE EXTENDED orders")
    facts = {row[0]: row[1] for row in rows[rows.index(["# Detailed Table Information", "", ""]) + 1 :]}
    assert facts["Catalog"] == "main"
    assert facts["Table Properties"] == "[quality=gold]"
    assert facts["orders_pk"] == "PRIMARY KEY (`id`)"
    view = {row[0]: row[1] for row in show("DESCRIBE EXTENDED big_orders")}
    assert (view["Type"], view["View Text"]) == ("VIEW", "SELECT id FROM orders WHERE amount > 100")


def test_describe_as_json(show):
    """The JSON form has types as objects, and constraints as one text."""
    [[text]] = show("DESCRIBE TABLE EXTENDED orders AS JSON")
    told = json.loads(text)
    assert (told["table_name"], told["catalog_name"], told["schema_name"]) == ("orders", "main", "sales")
    assert told["columns"][2]["type"] == {"name": "decimal", "precision": 10, "scale": 2}
    assert told["columns"][3]["type"]["element_type"]["fields"][1]["type"] == {"name": "int"}
    assert told["columns"][0] == {"name": "id", "type": {"name": "int"}, "comment": "its number", "nullable": False}
    assert told["table_constraints"] == "[(orders_pk,PRIMARY KEY (`id`))]"
    assert told["partition_columns"] == ["region"]


def test_describe_detail_is_typed(ws):
    """Times are timestamps, lists are arrays and properties a map."""
    w = workspace_client(ws)
    done = w.statement_execution.execute_statement("DESCRIBE DETAIL main.sales.orders", ws.warehouse_id)
    types = {column.name: column.type_text for column in done.manifest.schema.columns}
    assert (types["createdAt"], types["numFiles"]) == ("TIMESTAMP", "BIGINT")
    assert types["properties"].replace(" ", "") == "MAP<STRING,STRING>"
    told = dict(zip(types, done.result.data_array[0], strict=True))
    assert json.loads(told["partitionColumns"]) == ["region"]
    assert (told["name"], told["format"]) == ("main.sales.orders", "delta")


def test_describe_of_other_things(show):
    """Schemas, catalogs, volumes, functions, columns and queries tell of themselves."""
    assert ["Comment", "orders"] in show("DESCRIBE SCHEMA EXTENDED main.sales")
    assert ["Properties", "((owner,ops))"] in show("DESCRIBE SCHEMA EXTENDED main.sales")
    assert ["Owner", "user@example.com"] in show("DESCRIBE CATALOG main")
    assert show("DESCRIBE VOLUME files")[0][:3] == ["files", "main", "sales"]
    assert ["Body: gross / 1.19"] in show("DESCRIBE FUNCTION EXTENDED net")
    assert show("DESCRIBE orders id") == [["col_name", "id"], ["data_type", "int"], ["comment", "its number"]]
    assert show("DESCRIBE SELECT 1 AS n, 'x' AS t") == [["n", "int", None], ["t", "string", None]]


def test_users_and_groups(ws, show):
    """Users and groups of the workspace are listed by name."""
    ws.add_user("ann@example.com", groups=("analysts",))
    assert ["ann@example.com"] in show("SHOW USERS LIKE 'ann*'")
    assert [row[0] for row in show("SHOW GROUPS LIKE 'ana*'")] == ["analysts"]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("SHOW TABLES IN main.nowhere", "42704"),
        ("SHOW SCHEMAS IN nowhere", "42704"),
        ("DESCRIBE nowhere", "42P01"),
        ("DESCRIBE orders nothing", "42703"),
        ("SHOW COLUMNS IN a.b.c.d", "42601"),
        ("SHOW FUNCTIONS", "0A000"),
        ("SHOW LOCKS", "0A000"),
        ("EXPLAIN CODEGEN SELECT 1", "0A000"),
    ],
)
def test_what_cannot_be_shown_fails(show, text, state):
    """What is not there is not found, what is not imitated says so."""
    with pytest.raises(SqlError) as raised:
        show(text)
    assert raised.value.sql_state == state


def test_comments_around_a_command_do_not_matter(show):
    """Clients put comments before and into commands."""
    assert show('/* {"app": "dbt"} */ SHOW -- all\n TABLES LIKE \'orders\';') == [["sales", "orders", "false"]]
