"""Statements of every dialect with tables of names that stand nowhere else, in every place where a table can stand."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

_EVERYWHERE = "databricks spark snowflake bigquery tsql athena trino duckdb postgres"
_PLACE = re.compile(r"\{(\w)\}")

_QUERIES = """
SELECT a FROM {t}
SELECT a FROM {t}, {t} x, {t} AS y
SELECT x.a FROM {t} x JOIN {t} y ON x.i = y.i
SELECT a FROM {t} x LEFT JOIN {t} y ON x.i = y.i AND EXISTS (SELECT 1 FROM {t} z WHERE z.i = x.i)
SELECT a FROM {t} WHERE i IN ({q})
SELECT a FROM {t} WHERE i NOT IN (SELECT k FROM {t}) OR j > (SELECT max(b) FROM {t})
SELECT a FROM {t} WHERE EXISTS (SELECT 1 FROM {t})
SELECT a FROM {t} WHERE j > ALL (SELECT b FROM {t})
SELECT a, count(*) AS n FROM {t} GROUP BY a HAVING count(*) > (SELECT max(b) FROM {t})
SELECT a FROM {t} GROUP BY a, (SELECT max(b) FROM {t})
SELECT a FROM {t} ORDER BY (SELECT max(b) FROM {t})
SELECT (SELECT max(b) FROM {t}) AS a FROM {t}
SELECT coalesce((SELECT max(b) FROM {t}), 1) AS a FROM {t}
SELECT CASE WHEN x.a > (SELECT max(b) FROM {t}) THEN (SELECT min(c) FROM {t}) ELSE 1 END AS a FROM {t} x
SELECT sum(a) OVER (PARTITION BY b ORDER BY (SELECT max(c) FROM {t})) AS a FROM {t}
SELECT a FROM ({q}) s
SELECT x.a FROM ({q}) x CROSS JOIN ({q}) y
SELECT a FROM {t} UNION ALL {q}
SELECT a FROM {t} EXCEPT SELECT a FROM {t}
WITH c AS ({q}) SELECT a FROM c
WITH c AS ({q}), d AS (SELECT a FROM c JOIN {t} u ON c.a = u.a) SELECT a FROM d
WITH c AS (SELECT a FROM {t}) SELECT a FROM {t} WHERE a IN (SELECT a FROM c)
"""
_STATEMENTS = """
INSERT INTO {t} {q}
INSERT INTO {t} (a) SELECT a FROM {t}
INSERT INTO {t} (a) VALUES ((SELECT max(a) FROM {t}))
DELETE FROM {t} WHERE a IN ({q})
DELETE FROM {t} WHERE EXISTS (SELECT 1 FROM {t})
UPDATE {t} SET a = (SELECT max(b) FROM {t}) WHERE c IN ({q})
UPDATE {t} SET a = 1, b = coalesce((SELECT max(b) FROM {t}), 2)
CREATE TABLE {t} AS {q}
CREATE VIEW {t} AS {q}
DROP TABLE {t}
DROP TABLE IF EXISTS {t}
TRUNCATE TABLE {t}
ALTER TABLE {t} ADD COLUMN a INT
ALTER TABLE {t} RENAME TO {t}
GRANT SELECT ON {t} TO u
"""
_MERGE = """
MERGE INTO {t} x USING {t} y ON x.i = y.i WHEN MATCHED THEN UPDATE SET a = y.a
  WHEN NOT MATCHED THEN INSERT (i) VALUES (y.i)
MERGE INTO {t} x USING ({q}) y ON x.a = y.a WHEN MATCHED THEN DELETE
MERGE INTO {t} x USING {t} y ON x.i = y.i AND y.j IN (SELECT k FROM {t})
  WHEN MATCHED AND x.a > (SELECT max(a) FROM {t}) THEN UPDATE SET a = (SELECT min(b) FROM {t})
"""
_OWN = {
    "databricks spark": """
SELECT a FROM {t} LATERAL VIEW explode(xs) v AS x
SELECT a FROM {t} x LEFT SEMI JOIN {t} y ON x.i = y.i LEFT ANTI JOIN {t} z USING (i)
SELECT * FROM {t} PIVOT (sum(a) FOR b IN ('x' AS x))
SELECT * FROM {t} UNPIVOT (v FOR n IN (a, b))
SELECT a FROM {t} TABLESAMPLE (10 PERCENT) JOIN {t} USING (a)
SELECT /*+ BROADCAST(x) */ a FROM {t} x, LATERAL (SELECT b FROM {t} y WHERE y.i = x.i)
INSERT OVERWRITE TABLE {t} PARTITION (d = '1') {q}
INSERT OVERWRITE DIRECTORY '/tmp/x' USING parquet {q}
FROM {t} INSERT INTO {t} SELECT a INSERT INTO {t} SELECT b WHERE c IN (SELECT k FROM {t})
CACHE TABLE {t}
CACHE LAZY TABLE v AS {q}
UNCACHE TABLE v
DESCRIBE TABLE EXTENDED {t}
DESCRIBE HISTORY {t}
DESCRIBE DETAIL {t}
DESCRIBE QUERY {q}
SHOW CREATE TABLE {t}
SHOW COLUMNS IN {t}
SHOW TBLPROPERTIES {t}
SHOW PARTITIONS {t}
ANALYZE TABLE {t} COMPUTE STATISTICS FOR ALL COLUMNS
EXPLAIN EXTENDED {q}
EXPLAIN INSERT INTO {t} {q}
REFRESH TABLE {t}
OPTIMIZE {t} WHERE d > 1
VACUUM {t} RETAIN 10 HOURS
RESTORE TABLE {t} TO VERSION AS OF 3
MSCK REPAIR TABLE {t}
CREATE TABLE {t} LIKE {t}
CREATE TABLE {t} SHALLOW CLONE {t}
CREATE TEMPORARY VIEW v AS {q}
TABLE {t}
COMMENT ON TABLE {t} IS 'x'
SELECT a FROM {t} VERSION AS OF 3
SELECT transform(xs, x -> x + (SELECT max(a) FROM {t})) AS a FROM {t}
SELECT TRANSFORM (a) USING 'cat' AS (b) FROM {t}
SELECT a FROM VALUES ((SELECT max(a) FROM {t})) AS v(a)
WITH c AS ({q}) INSERT INTO {t} SELECT a FROM c
""",
    "databricks": """
SET VAR x = (SELECT max(a) FROM {t})
SET VARIABLE (x, y) = (SELECT a, b FROM {t})
DECLARE VARIABLE x INT DEFAULT (SELECT max(a) FROM {t})
EXECUTE IMMEDIATE 'SELECT a FROM {t}' INTO x
COPY INTO {t} FROM (SELECT a FROM 's3://b/x' WHERE a IN (SELECT k FROM {t})) FILEFORMAT = CSV
CREATE OR REFRESH STREAMING TABLE {t} AS SELECT a FROM STREAM({t})
CREATE MATERIALIZED VIEW {t} AS {q}
CREATE FUNCTION f(x INT) RETURNS INT RETURN (SELECT max(a) FROM {t})
CREATE FUNCTION f(x INT) RETURNS TABLE (a INT) RETURN {q}
INSERT INTO {t} REPLACE WHERE a > 1 {q}
DELETE FROM {t} x WHERE EXISTS (SELECT 1 FROM {t} y WHERE x.i = y.i)
BEGIN INSERT INTO {t} {q}; DELETE FROM {t}; END
BEGIN DECLARE x INT DEFAULT (SELECT max(a) FROM {t}); IF x > 1 THEN {s}; ELSE DELETE FROM {t}; END IF; END
BEGIN FOR r AS SELECT a FROM {t} DO {s}; END FOR; END
BEGIN WHILE (SELECT count(*) FROM {t}) > 0 DO {s}; END WHILE; END
BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN INSERT INTO {t} VALUES (1); END; {s}; END
BEGIN CASE WHEN EXISTS (SELECT 1 FROM {t}) THEN {s}; ELSE {s}; END CASE; END
BEGIN REPEAT {s}; UNTIL (SELECT max(a) FROM {t}) > 1 END REPEAT; END
BEGIN SET x = (SELECT max(a) FROM {t}); {s}; END
l: BEGIN l2: LOOP {s}; LEAVE l2; END LOOP l2; END l
CREATE PROCEDURE p() LANGUAGE SQL SQL SECURITY INVOKER AS BEGIN {s}; {s}; END
SELECT a FROM {t} |> JOIN {t} USING (a) |> WHERE a IN (SELECT k FROM {t})
SELECT * FROM f(TABLE({t}))
SELECT a FROM {t} QUALIFY row_number() OVER (ORDER BY a) > (SELECT max(b) FROM {t})
""",
    "snowflake": """
SET x = (SELECT max(a) FROM {t})
SELECT a FROM {t} QUALIFY row_number() OVER (ORDER BY a) > (SELECT max(b) FROM {t})
SELECT a FROM {t} x, LATERAL (SELECT b FROM {t} y WHERE y.i = x.i)
SELECT * FROM {t} PIVOT (sum(a) FOR b IN (SELECT c FROM {t}))
SELECT value FROM {t} x, LATERAL FLATTEN(input => x.v) JOIN {t} y ON x.i = y.i
SELECT a FROM {t} AT (OFFSET => -60) SAMPLE (10)
SELECT a FROM {t} ASOF JOIN {t} y MATCH_CONDITION (x >= y) ON i = j
SELECT a FROM TABLE(f((SELECT max(a) FROM {t})))
DELETE FROM {t} USING {t} y WHERE y.i = i
UPDATE {t} SET a = y.a FROM {t} y WHERE y.i = i
INSERT ALL WHEN c > 1 THEN INTO {t} ELSE INTO {t} SELECT c FROM {t}
INSERT OVERWRITE INTO {t} {q}
COPY INTO {t} FROM @s/x
COPY INTO @s/x FROM ({q})
COPY INTO @s/x FROM {t}
CREATE TABLE {t} CLONE {t}
CREATE TABLE {t} LIKE {t}
CREATE TABLE {t} USING TEMPLATE (SELECT a FROM {t})
CREATE DYNAMIC TABLE {t} TARGET_LAG = '1 minute' WAREHOUSE = w AS {q}
CREATE STREAM {t} ON TABLE {t}
CREATE OR REPLACE STREAM {t} ON VIEW {t} APPEND_ONLY = TRUE
CREATE TASK k WAREHOUSE = w SCHEDULE = '1 minute' AS {s}
CREATE TASK k AFTER j AS BEGIN {s}; {s}; END
CREATE ALERT al WAREHOUSE = w SCHEDULE = '1 minute' IF (EXISTS (SELECT 1 FROM {t})) THEN {s}
CREATE PIPE p AS COPY INTO {t} FROM @s
CREATE PROCEDURE p() RETURNS INT LANGUAGE SQL AS $$ BEGIN {s}; RETURN 1; END $$
CREATE PROCEDURE p() RETURNS INT LANGUAGE SQL AS BEGIN {s}; RETURN (SELECT max(a) FROM {t}); END
CREATE FUNCTION f() RETURNS INT AS 'SELECT max(a) FROM {t}'
CREATE FUNCTION f() RETURNS TABLE (a INT) AS $$ {q} $$
EXECUTE IMMEDIATE $$ BEGIN {s}; {s}; END $$
BEGIN LET c CURSOR FOR SELECT a FROM {t}; {s}; FOR r IN c DO {s}; END FOR; END
DECLARE x INT DEFAULT (SELECT max(a) FROM {t}); BEGIN IF (x > 1) THEN {s};
  ELSEIF (EXISTS (SELECT 1 FROM {t})) THEN {s}; END IF; EXCEPTION WHEN OTHER THEN {s}; END
DESCRIBE TABLE {t}
UNDROP TABLE {t}
ALTER TABLE {t} SWAP WITH {t}
CREATE ROW ACCESS POLICY p AS (x INT) RETURNS BOOLEAN -> EXISTS (SELECT 1 FROM {t} WHERE a = x)
EXPLAIN USING TEXT {q}
""",
    "bigquery": """
DECLARE x INT64 DEFAULT (SELECT max(a) FROM {t})
SET x = (SELECT max(a) FROM {t})
SET (x, y) = (SELECT AS STRUCT a, b FROM {t})
SELECT ARRAY(SELECT a FROM {t}) AS a FROM {t}
SELECT a FROM {t}, UNNEST(ARRAY(SELECT b FROM {t})) AS b
SELECT a FROM {t} x, x.items AS y WHERE y IN (SELECT k FROM {t})
SELECT * FROM {t} PIVOT (sum(a) FOR b IN ('x'))
SELECT a FROM {t} FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()
SELECT a FROM {t} TABLESAMPLE SYSTEM (10 PERCENT)
SELECT a FROM {t} QUALIFY row_number() OVER (ORDER BY a) > (SELECT max(b) FROM {t})
SELECT * FROM ML.PREDICT(MODEL d.m, TABLE {t})
SELECT * FROM ML.PREDICT(MODEL d.m, ({q}))
SELECT * FROM VECTOR_SEARCH(TABLE {t}, 'e', (SELECT a FROM {t}))
SELECT * FROM APPENDS(TABLE {t}, NULL, NULL)
CREATE SNAPSHOT TABLE {t} CLONE {t}
CREATE TABLE {t} COPY {t}
CREATE TABLE {t} LIKE {t}
CREATE MODEL d.m OPTIONS (model_type = 'l') AS {q}
CREATE FUNCTION d.f(x INT64) AS ((SELECT max(a) FROM {t}))
CREATE TABLE FUNCTION d.f(x INT64) AS {q}
CREATE PROCEDURE d.p() BEGIN {s}; {s}; END
CREATE MATERIALIZED VIEW {t} AS {q}
EXPORT DATA OPTIONS (uri = 'gs://b/x', format = 'CSV') AS {q}
LOAD DATA INTO {t} FROM FILES (format = 'CSV', uris = ['gs://b/x.csv'])
EXECUTE IMMEDIATE 'SELECT a FROM {t}'
ASSERT EXISTS (SELECT 1 FROM {t}) AS 'x'
BEGIN {s}; {s}; EXCEPTION WHEN ERROR THEN {s}; END
IF EXISTS (SELECT 1 FROM {t}) THEN {s}; ELSEIF (SELECT count(*) FROM {t}) > 1 THEN {s}; ELSE {s}; END IF
FOR r IN ({q}) DO {s}; END FOR
WHILE (SELECT count(*) FROM {t}) > 0 DO {s}; END WHILE
LOOP {s}; LEAVE; END LOOP
REPEAT {s}; UNTIL (SELECT max(a) FROM {t}) > 1 END REPEAT
CASE WHEN EXISTS (SELECT 1 FROM {t}) THEN {s}; ELSE {s}; END CASE
CREATE SEARCH INDEX i ON {t} (ALL COLUMNS)
CREATE ROW ACCESS POLICY p ON {t} GRANT TO ('x') FILTER USING (a IN (SELECT k FROM {t}))
FROM {t} |> JOIN {t} y USING (a) |> WHERE a IN (SELECT k FROM {t})
INSERT {t} (a) {q}
MERGE {t} x USING {t} y ON x.i = y.i WHEN NOT MATCHED THEN INSERT ROW
""",
    "tsql": """
SET @x = (SELECT max(a) FROM {t})
DECLARE @x INT = (SELECT max(a) FROM {t})
DECLARE c CURSOR FOR SELECT a FROM {t}
SELECT TOP (SELECT max(a) FROM {t}) b FROM {t}
SELECT @x = a FROM {t}
SELECT a INTO {t} FROM {t}
SELECT a FROM {t} x CROSS APPLY (SELECT b FROM {t} y WHERE y.i = x.i) z
SELECT a FROM {t} x OUTER APPLY dbo.f(x.i) WHERE x.a IN (SELECT k FROM {t})
SELECT a FROM {t} WITH (NOLOCK) INNER JOIN {t} y WITH (NOLOCK) ON y.i = i
SELECT a FROM {t} FOR SYSTEM_TIME AS OF '2024-01-01'
SELECT p FROM {t} PIVOT (sum(a) FOR b IN ([x])) p
SELECT a FROM OPENJSON((SELECT j FROM {t}))
DELETE x FROM {t} x JOIN {t} y ON x.i = y.i
DELETE TOP (10) FROM {t}
UPDATE x SET a = y.a FROM {t} x JOIN {t} y ON x.i = y.i
UPDATE {t} SET a = 1 OUTPUT inserted.a INTO {t} WHERE b IN (SELECT k FROM {t})
INSERT INTO {t} (a) OUTPUT inserted.a INTO {t} SELECT a FROM {t}
INSERT INTO {t} EXEC p
WITH c AS ({q}) INSERT INTO {t} SELECT a FROM c
WITH c AS (SELECT a FROM {t}) DELETE FROM c
IF OBJECT_ID('x') IS NOT NULL DROP TABLE {t}
IF EXISTS (SELECT 1 FROM {t}) {s} ELSE {s}
IF EXISTS (SELECT 1 FROM {t}) BEGIN {s}; {s}; END ELSE BEGIN {s} END
IF NOT EXISTS ({q}) INSERT INTO {t} {q}
BEGIN TRY {s}; {s}; END TRY BEGIN CATCH {s}; END CATCH
BEGIN {s} {s} END
WHILE (SELECT count(*) FROM {t}) > 0 BEGIN {s}; BREAK; END
WHILE EXISTS (SELECT 1 FROM {t}) DELETE FROM {t}
CREATE PROCEDURE p AS BEGIN {s}; {s}; END
CREATE PROCEDURE p @a INT AS {s}
CREATE PROCEDURE p AS BEGIN TRY {s} END TRY BEGIN CATCH {s} END CATCH
CREATE OR ALTER PROC p WITH EXECUTE AS OWNER AS SELECT a FROM {t}
ALTER PROCEDURE p AS {s}
CREATE FUNCTION f() RETURNS TABLE AS RETURN ({q})
CREATE FUNCTION f() RETURNS INT AS BEGIN RETURN (SELECT max(a) FROM {t}) END
CREATE TRIGGER g ON {t} AFTER INSERT, UPDATE AS BEGIN INSERT INTO {t} SELECT x FROM inserted JOIN {t} y ON y.i = x; END
CREATE INDEX i ON {t} (a)
ALTER TABLE {t} SWITCH TO {t}
BULK INSERT {t} FROM '/x.csv'
UPDATE STATISTICS {t}
DROP TABLE {t}, {t}
""",
    "athena": """
UNLOAD ({q}) TO 's3://b/x' WITH (format = 'PARQUET')
SELECT a FROM {t} CROSS JOIN UNNEST(xs) AS u (x)
SHOW CREATE TABLE {t}
SHOW PARTITIONS {t}
MSCK REPAIR TABLE {t}
EXPLAIN {q}
PREPARE p FROM {q}
DESCRIBE {t}
""",
    "trino": """
SELECT a FROM {t} CROSS JOIN UNNEST(xs) AS u (x)
SELECT a FROM {t} CROSS JOIN LATERAL (SELECT b FROM {t})
SELECT * FROM TABLE(exclude_columns(input => TABLE({t}), columns => DESCRIPTOR(a)))
SELECT a FROM {t} MATCH_RECOGNIZE (MEASURES last(b) AS a PATTERN (x+) DEFINE x AS d > 1)
EXPLAIN {q}
EXPLAIN ANALYZE {q}
PREPARE p FROM {q}
SHOW CREATE TABLE {t}
SHOW COLUMNS FROM {t}
SHOW STATS FOR {t}
SHOW STATS FOR ({q})
DESCRIBE {t}
ANALYZE {t}
ALTER TABLE {t} EXECUTE optimize
CREATE MATERIALIZED VIEW {t} AS {q}
CREATE TABLE {t} (LIKE {t} INCLUDING PROPERTIES, b INT)
REFRESH MATERIALIZED VIEW {t}
TABLE {t}
VALUES (1, (SELECT max(a) FROM {t}))
SELECT a FROM {t} FETCH FIRST 10 ROWS ONLY
""",
    "duckdb": """
FROM {t}
FROM {t} SELECT a WHERE b IN (SELECT k FROM {t})
SET VARIABLE x = (SELECT max(a) FROM {t})
COPY {t} TO 'x.csv'
COPY ({q}) TO 'x.csv'
COPY {t} FROM 'x.csv'
CREATE MACRO f(x) AS (SELECT max(a) FROM {t})
CREATE MACRO f(x) AS TABLE {q}
PIVOT {t} ON k USING sum(v)
UNPIVOT {t} ON a, b INTO NAME n VALUE v
SUMMARIZE {t}
DESCRIBE {t}
DESCRIBE {q}
EXPLAIN ANALYZE {q}
SELECT a FROM {t} POSITIONAL JOIN {t}
SELECT a FROM {t} ASOF JOIN {t} y USING (i, j)
SELECT a FROM {t} LIMIT (SELECT max(a) FROM {t})
SELECT [x FOR x IN (SELECT list(a) FROM {t})] AS a FROM {t}
SELECT a FROM {t} QUALIFY row_number() OVER (ORDER BY a) > (SELECT max(b) FROM {t})
DELETE FROM {t} USING {t} y WHERE y.i = i
INSERT OR REPLACE INTO {t} {q}
CREATE INDEX i ON {t} (a)
TABLE {t}
VALUES (1, (SELECT max(a) FROM {t}))
""",
    "postgres": """
SELECT a FROM {t} x, LATERAL (SELECT b FROM {t} y WHERE y.i = x.i) z
SELECT a FROM ONLY {t} LIMIT (SELECT max(a) FROM {t}) OFFSET (SELECT min(a) FROM {t})
SELECT ARRAY(SELECT a FROM {t}) AS a FROM {t} FOR UPDATE
SELECT a FROM {t} x NATURAL JOIN {t} y
SELECT DISTINCT ON ((SELECT max(a) FROM {t})) a FROM {t}
SELECT count(*) FILTER (WHERE a IN (SELECT k FROM {t})) AS n FROM {t}
SELECT a FROM generate_series(1, (SELECT max(a) FROM {t})) g
SELECT a FROM {t} WINDOW w AS (ORDER BY (SELECT max(a) FROM {t}))
SELECT a INTO {t} FROM {t}
DELETE FROM {t} USING {t} y WHERE y.i = i RETURNING (SELECT max(a) FROM {t})
UPDATE {t} SET (a, b) = (SELECT c, d FROM {t}) FROM {t} y WHERE y.i = i
INSERT INTO {t} (a) {q} ON CONFLICT (a) DO UPDATE SET a = (SELECT max(b) FROM {t})
WITH c AS (DELETE FROM {t} RETURNING a) INSERT INTO {t} SELECT a FROM c
WITH RECURSIVE c AS (SELECT a FROM {t} UNION ALL SELECT c.a FROM c JOIN {t} u ON u.a = c.a) SELECT a FROM c
CREATE TABLE {t} (LIKE {t} INCLUDING ALL)
CREATE TABLE {t} (LIKE {t}, LIKE {t}, b INT)
CREATE TABLE {t} PARTITION OF {t} FOR VALUES FROM (1) TO (2)
CREATE TABLE {t} (a INT) INHERITS ({t}, {t})
CREATE TABLE {t} (a INT DEFAULT 1, CHECK (a > 1))
CREATE MATERIALIZED VIEW {t} AS {q} WITH NO DATA
CREATE UNIQUE INDEX CONCURRENTLY i ON {t} (a) WHERE a > 1
CREATE RULE r AS ON INSERT TO {t} DO INSTEAD INSERT INTO {t} SELECT a FROM {t}
CREATE TRIGGER g AFTER INSERT ON {t} EXECUTE FUNCTION f()
CREATE POLICY p ON {t} USING (a IN (SELECT k FROM {t}))
CREATE FUNCTION f() RETURNS int AS $$ {q} $$ LANGUAGE sql
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN {s};
  IF EXISTS (SELECT 1 FROM {t}) THEN {s}; END IF; RETURN 1; END $$
CREATE FUNCTION f() RETURNS int BEGIN ATOMIC {s}; {s}; END
CREATE PROCEDURE p() LANGUAGE sql AS 'DELETE FROM {t}'
DO $$ BEGIN {s}; PERFORM a FROM {t}; END $$
ALTER TABLE {t} ATTACH PARTITION {t} DEFAULT
ALTER TABLE {t} DETACH PARTITION {t}
ALTER TABLE {t} INHERIT {t}
COPY {t} TO '/tmp/x'
COPY ({q}) TO STDOUT
COPY {t} (a) FROM STDIN
EXPLAIN (ANALYZE, BUFFERS) {q}
PREPARE p AS {q}
DECLARE c CURSOR FOR {q}
LOCK TABLE {t} IN SHARE MODE
VACUUM ANALYZE {t}
REFRESH MATERIALIZED VIEW CONCURRENTLY {t}
REINDEX TABLE {t}
TRUNCATE {t}, {t}
TABLE {t}
VALUES (1, (SELECT max(a) FROM {t}))
""",
}


class Planted(NamedTuple):
    """A statement and the names of all tables in it."""

    text: str
    dialect: str
    tables: frozenset[str]


def planted(seed: int) -> Iterator[Planted]:
    """Yield one statement of each template, with queries and statements in it that are chosen at random."""
    chance = random.Random(seed)
    for dialect in _EVERYWHERE.split():
        templates = _lines(_QUERIES) + _lines(_STATEMENTS) + (_lines(_MERGE) if dialect != "athena" else [])
        for dialects, own in _OWN.items():
            templates += _lines(own) if dialect in dialects.split() else []
        for template in templates:
            yield _filled(template, dialect, chance)


def _lines(text: str) -> list[str]:
    """Return the templates of a text, of which a line that begins with blanks goes on with the one before."""
    return text.strip().replace("\n  ", " ").splitlines()


def _filled(template: str, dialect: str, chance: random.Random) -> Planted:
    names: list[str] = []

    def put(found: re.Match[str]) -> str:
        if found.group(1) == "t":
            names.append(f"plant{len(names)}zz")
            schema = chance.choice(("", "sc.", "ca.sc."))
            return schema + names[-1]
        return chance.choice(_SIMPLE_QUERIES if found.group(1) == "q" else _SIMPLE_STATEMENTS)

    while _PLACE.search(template):
        template = _PLACE.sub(put, template)
    return Planted(template, dialect, frozenset(names))


_SIMPLE_QUERIES = [line for line in _lines(_QUERIES) if not line.startswith("WITH") and "{q}" not in line]
_SIMPLE_STATEMENTS = [line for line in _lines(_STATEMENTS) if line.startswith(("INSERT", "DELETE", "UPDATE"))]
