"""Statements as programs send them, and such as nobody should: for tests that ask the same of many."""

from __future__ import annotations

STATEMENTS = (
    ("databricks", "SELECT id, name FROM main.sales.customers WHERE region = 'EMEA' AND created >= DATE '2024-01-01'"),
    (
        "databricks",
        (
            "MERGE INTO main.gold.accounts AS t USING (SELECT id, max(balance) AS balance FROM main.raw.events "
            "WHERE day = '2024-03-01' AND kind IN ('a', 'b', 'c') GROUP BY id) AS s ON t.id = s.id "
            "WHEN MATCHED AND s.balance <> 0 THEN UPDATE SET t.balance = s.balance, t.note = 'nightly' "
            "WHEN NOT MATCHED THEN INSERT (id, balance) VALUES (s.id, s.balance)"
        ),
    ),
    ("databricks", "OPTIMIZE main.sales.orders WHERE day >= '2024-01-01' ZORDER BY (customer_id)"),
    (
        "databricks",
        (
            "-- the report of the month\nSELECT /*+ BROADCAST(c) */ o.region, sum(o.amount * 1.19) AS gross, "
            "count(DISTINCT o.customer_id) AS customers, `avg basket`\nFROM main.sales.orders o\n"
            "JOIN main.sales.customers c ON c.id = o.customer_id AND c.segment NOT IN ('test', \"internal\")\n"
            "WHERE o.day BETWEEN '2024-01-01' AND '2024-01-31' AND o.amount > 12.50\nGROUP BY o.region\n"
            "HAVING sum(o.amount) > 1000L\nORDER BY gross DESC\nLIMIT 100"
        ),
    ),
    ("databricks", "INSERT INTO main.raw.events (id, kind, at) VALUES " + ", ".join(["(1, 'click', now())"] * 40)),
    ("spark", "INSERT OVERWRITE TABLE s.t PARTITION (day = '2024-01-01') SELECT a, b FROM s.u WHERE c LIKE 'x%'"),
    ("spark", "CREATE TABLE s.t USING parquet OPTIONS (path 's3://b/x', password 'p') AS SELECT * FROM s.u"),
    (
        "snowflake",
        'SELECT t.$1 AS id, "Last Name", f.value:sku::string FROM @db.s.stage t WHERE id = :id AND x = $$a$$',
    ),
    (
        "snowflake",
        (
            "COPY INTO db.s.t FROM @db.s.stage/path/ FILE_FORMAT = (TYPE = 'CSV' SKIP_HEADER = 1) PATTERN = '.*csv' "
            "CREDENTIALS = (AWS_KEY_ID = 'x' AWS_SECRET_KEY = 'y')"
        ),
    ),
    ("bigquery", 'SELECT t.id, it.sku FROM `p.d.t` t, UNNEST(t.items) AS it WHERE t.name = "x" AND t.day = @day # all'),
    (
        "bigquery",
        "SELECT REGEXP_EXTRACT(a, r'(\\d+)') AS n, b'x' AS raw FROM p.d.t WHERE x IN (1, 2, 3) AND y = '''z'''",
    ),
    (
        "tsql",
        "SELECT TOP 10 c.Id, c.[E mail] INTO [dbo].[Out x] FROM [dbo].[Cust] c WITH (NOLOCK) WHERE n = N'x' AND i = @i",
    ),
    ("tsql", "UPDATE t SET t.v = s.v + 1 FROM dbo.tgt t INNER JOIN dbo.src s ON s.id = t.id WHERE s.k = 'a''b'"),
    (
        "athena",
        "CREATE TABLE db.o WITH (format = 'PARQUET', external_location = 's3://b/o/') AS SELECT id, dt FROM db.t",
    ),
    (
        "trino",
        "SELECT \"a b\", json_extract(x, '$.y') FROM c.s.t CROSS JOIN UNNEST(items) AS u WHERE d = DATE '2024-01-01'",
    ),
    ("duckdb", "SELECT * EXCLUDE (a) FROM read_csv('x.csv', header = true) WHERE b = $1 AND c[1:2] = ['x', 'y']"),
    ("postgres", "INSERT INTO s.t (a, b) SELECT x, y FROM s.u WHERE z = $1 AND w = E'\\n' ON CONFLICT (a) DO NOTHING"),
    ("postgres", "CREATE FUNCTION s.f() RETURNS int AS $body$ SELECT 42 $body$ LANGUAGE sql"),
)
"""Dialect and text of each."""
