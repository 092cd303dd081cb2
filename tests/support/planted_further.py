"""Further places for a secret: where a literal could pass for the name of a column, a table, a job or an address."""

from __future__ import annotations

import json
import random


def further(rng: random.Random, dialect: str, secret: str, value: str) -> str:
    """Return a statement of the dialect with the secret in it.

    Args:
        rng: Chooses.
        dialect: One of `planted.DIALECTS`.
        secret: The secret.
        value: A literal of the dialect that holds it.
    """
    forms = (_becoming_columns, _becoming_columns, _in_address, _in_program, _in_number)
    return rng.choice(forms)(rng, dialect, secret, value)


def _becoming_columns(rng: random.Random, dialect: str, secret: str, value: str) -> str:
    """Return a statement that writes a column for which an engine makes up a name of the literal."""
    # Brackets make a name in Transact-SQL.
    element = "a" if dialect == "tsql" else f"a[{value}], map({value}, a)[{value}]"
    query = rng.choice(
        (
            f"SELECT {value} FROM s.t",
            f"SELECT a, f(a, {value}), a = {value} FROM s.t",
            f"SELECT {value}, {value} FROM s.t JOIN s.u ON t.k = {value}",
            f"SELECT {element}, max(b) OVER (PARTITION BY {value}) FROM s.t",
            f"SELECT * FROM s.t PIVOT (SUM(x) FOR m IN ({value}, 'b'))",
            f"SELECT * FROM s.t PIVOT (SUM(x) AS y FOR m IN ({value} AS n, 'b' AS o))",
            f"SELECT * FROM (SELECT {value}, a FROM s.t) AS q",
            f"WITH q AS (SELECT {value} FROM s.t) SELECT * FROM q",
            f"SELECT {value} FROM s.t UNION ALL SELECT a FROM s.u",
            f"SELECT * FROM (VALUES ({value}, 1)) AS v (a, b)",
            f"SELECT named_struct({value}, a) FROM s.t",
            f"SELECT a FROM s.t GROUP BY a, {value} ORDER BY {value}",
            f"SELECT a FROM s.t QUALIFY row_number() OVER (ORDER BY {value}) = 1",
            f"SELECT CAST({value} AS DATE), INTERVAL {value} DAY, DATE {value} FROM s.t",
            f"SELECT from_json(a, {value}), a LIKE {value} ESCAPE '!' FROM s.t",
            f"SELECT \u2018{secret}\u2019, a FROM s.t",
            f"SELECT a, \u201c{secret}\u201d FROM s.t",
            f"SELECT a, `{secret} FROM s.t",
            f"SELECT a /* b /* c */ {secret} FROM s.t",
            f"SELECT a, 'it's {secret} isn't' FROM s.t",
            f"SELECT a -- it's\r, {secret}\n FROM s.t",
            f"SELECT {_backslash(dialect, secret)}, a FROM s.t",
            f"SELECT $x$ {secret} FROM s.t",
            f"SELECT a FROM s.t, \u2018{secret}\u2019",
            f"SELECT a FROM s.t WHERE b = \u201c{secret}\u201d OR \u2018{secret}\u2019 = c",
            f"SELECT a\x00{secret} FROM s.t",
            f"SELECT a -- b\u2028{secret}\n FROM s.t",
            f"SELECT a -- b\x85{secret}\n FROM s.t",
            f"SELECT 'a\u2028{secret}' FROM s.t",
            f"SELECT a -- b\x0b{secret}\x0c{secret}\n FROM s.t",
            f"SELECT a FROM s.t\x85WHERE b = {value}",
        )
    )
    return rng.choice(("CREATE TABLE s.x AS ", "INSERT INTO s.x ", "CREATE VIEW s.x AS ", "")) + query


def _backslash(dialect: str, secret: str) -> str:
    """Return a literal with a backslash before a quote, which ends it in some dialects and settings."""
    return f"'x\\\\{secret}'" if dialect == "tsql" else f"'x\\', {secret}, \\'y'"


def _in_address(rng: random.Random, dialect: str, secret: str, value: str) -> str:
    """Return a statement that reads or writes an address with a credential in it, or what is no address at all."""
    key = secret if not secret.isdigit() else f"k{secret}"
    places = (
        f"s3://AKIA{key}:{key}@bucket/x",
        f"https://bob:{key}@host.example/x.csv",
        f"https://host.example/x.csv?token={key}",
        f"https://a.blob.core.windows.net/c/x?sv=2022&sig={key}",
        f"abfss://c@a.dfs.core.windows.net/x?sig={key}&se=1",
        f"abfss://c@a.dfs.core.windows.net/x&sig={key}",
        f"jdbc:sqlserver://h:1433;database=d;user=u;password={key}",
        f"jdbc:postgresql://h/d?user=u&password={key}",
        f"jdbc:oracle:thin:u/{key}@h:1521/d",
        f"postgresql://u:{key}@h/d",
        f"s3a://b/x#access_key={key}",
    )
    named = rng.choice(places)
    address = rng.choice((*places, f"/* {key} */", f"-- {key} /", f"it is {key} / or not"))
    quoted = f"'{address}'"
    return rng.choice(
        (
            f"SELECT * FROM read_files({quoted}, format => 'csv', token => {value})",
            f"INSERT INTO s.x SELECT * FROM read_files({quoted})",
            f"COPY INTO s.t FROM {quoted} FILEFORMAT = CSV",
            f"COPY INTO s.t FROM (SELECT a FROM {quoted}) FILEFORMAT = JSON FORMAT_OPTIONS ('k' = {value})",
            f"COPY s.t FROM {quoted} WITH (FORMAT csv)",
            f"CREATE TABLE s.t USING delta LOCATION {quoted}",
            f"CREATE EXTERNAL TABLE s.t (a INT) LOCATION {quoted}",
            f"ALTER TABLE s.t SET LOCATION {quoted}",
            f"UNLOAD (SELECT a FROM s.t) TO {quoted}",
            f"EXPORT DATA OPTIONS (uri = {quoted}, format = 'CSV') AS SELECT a FROM s.t",
            f"LOAD DATA INPATH {quoted} INTO TABLE s.t",
            f"INSERT OVERWRITE DIRECTORY {quoted} USING csv SELECT a FROM s.t",
            f"CREATE TABLE s.x AS SELECT a FROM parquet.`{named}`",
            f"SELECT * FROM delta.`{named}`",
            f"SELECT * FROM OPENROWSET(BULK {quoted}, FORMAT = 'CSV') AS r",
            f"SELECT * FROM OPENROWSET('SQLNCLI', 'Server=s;UID=sa;PWD={key}', 'SELECT 1') AS r",
            f"SELECT * FROM dblink('host=h password={key}', 'SELECT 1') AS r (a INT)",
            f"SELECT * FROM remote_query('c', query => {quoted}, password => {value})",
            f"SELECT * FROM cloud_files({quoted}, 'json', map('k', {value}))",
            f"CREATE FUNCTION s.f AS 'C' USING JAR {quoted}",
            f"BULK INSERT s.t FROM {quoted}",
            f"BACKUP DATABASE d TO URL = {quoted}",
            f"SELECT * FROM read_files('see {key} at s3://b/x')",
            f"IMPORT FOREIGN SCHEMA s FROM SERVER r INTO x OPTIONS (password {value})",
            f"CREATE SHARE s COMMENT {value}; VACUUM delta.`{named}`",
            f"DESCRIBE DETAIL {quoted}; CONVERT TO DELTA parquet.`{named}`",
            f"OPTIMIZE delta.`{named}` WHERE a = {value}",
            f"GENERATE symlink_format_manifest FOR TABLE delta.`{named}`",
            f"ATTACH {quoted} AS d; SELECT a FROM d.s.t",
        )
    )


def _in_program(rng: random.Random, dialect: str, secret: str, value: str) -> str:
    """Return a body, a document or a statement inside a statement that holds the secret."""
    key = secret if not secret.isdigit() else f"k{secret}"
    document = json.dumps({"a": {"password": secret}, "b": ["it is", secret]})
    inner = rng.choice(
        (
            f"SELECT a FROM s.t WHERE b = ''{secret}''",
            f"DELETE FROM s.t -- {secret}",
            f"ALTER USER bob IDENTIFIED BY {key}",
            f"INSERT INTO s.t VALUES (''{secret}'')",
            f"SELECT a FROM s.t WHERE b = ''mail from {key} to {key}''",
            f"SELECT a FROM s.t, \u2018{key}\u2019",
        )
    )
    return rng.choice(
        (
            f"EXECUTE IMMEDIATE '{inner}'",
            f"EXECUTE IMMEDIATE 'SELECT a FROM s.t WHERE b = ?' USING {value}",
            f"EXECUTE IMMEDIATE $$SELECT a FROM s.t WHERE b = 'from {key}'$$",
            f"PUT 'file:///home/bob@{key}/x.csv' @stage",
            f"PUT /* @{key} */ file:///tmp/x.csv @stage -- @{key}\n",
            f"GET @stage 'file:///home/@{key}/'",
            f"EXEC('{inner}')",
            f"EXEC sp_executesql N'{inner}'",
            f"SELECT * FROM OPENQUERY(r, '{inner}')",
            f"PREPARE p FROM '{inner}'",
            f"PREPARE p AS SELECT {value}; EXECUTE p({value})",
            f"DO $$ BEGIN PERFORM '{secret}'; END $$",
            f"CREATE FUNCTION s.f() RETURNS STRING LANGUAGE PYTHON AS $$ return '{secret}' # it's $$",
            f"CREATE FUNCTION s.f() RETURNS STRING RETURN {value}",
            f"CREATE FUNCTION s.f() RETURNS STRING LANGUAGE js AS {value}",
            f"CREATE PROCEDURE s.p() AS BEGIN SELECT {value}; INSERT INTO s.t VALUES ({value}); END",
            f"BEGIN DECLARE x STRING DEFAULT {value}; SELECT x; END",
            f"DECLARE @x NVARCHAR(100) = {value}; SELECT @x FROM s.t",
            f"DECLARE VARIABLE x STRING DEFAULT {value}; SET VAR x = {value}",
            f"LET x := {value}; RETURN x",
            f"ALTER SESSION SET QUERY_TAG = {value}",
            f"SET QUERY_TAG = {value}",
            f"CREATE TABLE s.x AS SELECT parse_json('{document}') FROM s.t",
            f"INSERT INTO s.t SELECT JSON '{document}'",
            f"INSERT INTO s.t VALUES ('{document}')",
            f"SELECT get_json_object(a, '$.{secret}'), a:b FROM s.t",
            f"RAISERROR({value}, 16, 1)",
            f"PRINT {value}",
            f"NOTIFY channel, {value}",
            f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {value}",
            f"SELECT 'a'\n'{secret}' FROM s.t",
            f"SELECT 'a' '{secret}' FROM s.t",
            f"SELECT 'a' || {value} || 'b' FROM s.t",
            f"SELECT U&'!0061{secret}' UESCAPE '!' FROM s.t",
            f"SELECT '/* ', '{secret}', ' */' FROM s.t",
            f"SELECT '-- ', '{secret}' FROM s.t",
            f"SELECT /* ' */ '{secret}' /* ' */ FROM s.t",
            f"SELECT 1 -- '\n, '{secret}' -- '\nFROM s.t",
            f"SELECT ai_query('m', {value}, '{document}') FROM s.t",
            f"SELECT secret('scope', {value}), aes_encrypt(a, {value}) FROM s.t",
            f"GRANT SELECT ON TABLE s.t TO `u` -- {secret}\n",
            f"CREATE MASKING POLICY p AS (v STRING) RETURNS STRING -> CASE WHEN v = {value} THEN v ELSE {value} END",
            f"ALTER TABLE s.t ADD CONSTRAINT c CHECK (a <> {value})",
            f"ALTER TABLE s.t ADD COLUMN a STRING DEFAULT {value} COMMENT {value}",
            f"CREATE TABLE s.t (a STRING DEFAULT {value}) PARTITIONED BY (b) COMMENT {value}",
            f"ALTER TABLE s.t ADD PARTITION (a = {value})",
            f"ALTER TABLE s.t DROP PARTITION (a = {value})",
            f"INSERT OVERWRITE s.t PARTITION (a = {value}) SELECT b FROM s.u",
            f"INSERT INTO s.t REPLACE WHERE a = {value} SELECT * FROM s.u",
            f"TRUNCATE TABLE s.t PARTITION (a = {value})",
            f"SHOW TABLES IN s LIKE {value}",
            f"SHOW PARTITIONS s.t PARTITION (a = {value})",
            f"ANALYZE TABLE s.t PARTITION (a = {value}) COMPUTE STATISTICS",
            f"FROM s.t |> WHERE a = {value} |> SELECT {value}",
            f"SELECT transform(a, x -> x || {value}) FROM s.t LATERAL VIEW explode(split(a, {value})) v AS y",
        )
    )


def _in_number(rng: random.Random, dialect: str, secret: str, value: str) -> str:
    """Return a statement with a number of many digits where an engine takes a number for more than a value."""
    number = "".join(rng.choices("123456789", k=12)) if not secret.isdigit() else secret
    text = rng.choice(
        (
            f"CREATE TABLE s.x AS SELECT {number} FROM s.t",
            f"CREATE TABLE s.x AS SELECT -{number}, a[{number}] FROM s.t",
            f"INSERT INTO s.x SELECT * FROM s.t PIVOT (SUM(a) FOR m IN ({number}, 2))",
            f"SELECT * FROM s.t VERSION AS OF {number}",
            f"SELECT * FROM s.t TIMESTAMP AS OF {number}",
            f"SELECT * FROM s.t TABLESAMPLE ({number} ROWS) LIMIT {number} OFFSET {number}",
            f"SELECT TOP {number} a FROM s.t",
            f"RESTORE TABLE s.t TO VERSION AS OF {number}",
            f"VACUUM s.t RETAIN {number} HOURS",
            f"SELECT a FROM range({number}) WHERE b BETWEEN {number} AND {number}",
            f"SELECT a.{number} FROM s.t",
            f"SELECT a FROM s.t WHERE b = {number}and c = 1",
            f"SET x.y = {number}",
            f"CALL s.p({number})",
        )
    )
    return text if secret == number else f"{text} /* {secret} */"
