"""Statements with a secret planted somewhere in them that is neither a word of the language nor a name."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from support.planted_further import further

DIALECTS = ("databricks", "snowflake", "bigquery", "tsql", "athena", "postgres")
_LETTERS = "abcdefghijkmnpqrstuvwxyz"
_BACKSLASH = ("databricks", "snowflake", "bigquery")


class Planted(NamedTuple):
    """A statement and the secret in it."""

    dialect: str
    text: str
    secret: str


def statement(rng: random.Random) -> Planted:
    """Return a generated statement of one of six dialects with one secret planted once or more."""
    dialect = rng.choice(DIALECTS)
    secret = planted_secret(rng)
    text = rng.choice(_PLACES)(rng, dialect, secret)
    if rng.random() < 0.3:
        text = rng.choice(_AROUND)(rng, dialect, secret, text)
    return Planted(dialect, _spaced(rng, text), secret)


def planted_secret(rng: random.Random) -> str:
    """Return a secret: a word that begins with `zq`, or a number without a zero; at least ten characters."""
    if rng.random() < 0.3:
        return "".join(rng.choices("123456789", k=rng.randint(12, 16)))
    return "zq" + "".join(rng.choices(_LETTERS + "0123456789", k=rng.randint(8, 20)))


def _spaced(rng: random.Random, text: str) -> str:
    """Return a text with other blanks; one with a comment stays, since a line's end would end the comment."""
    if any(mark in text for mark in ("--", "#", "//")):
        return text
    return "".join(
        rng.choice((" ", "  ", "\n", " \t")) if char == " " and rng.random() < 0.1 else char for char in text
    )


def literal(rng: random.Random, dialect: str, secret: str) -> str:
    """Return a literal of the dialect that holds the secret."""
    inner = rng.choice((secret, f"a {secret}", f"{secret}; b", f"-- {secret}", f"/* {secret} */", f"é {secret} 🦆"))
    if secret.isdigit() and rng.random() < 0.5:
        return rng.choice((secret, f"-{secret}", f"{secret}.5", f"0.{secret}", f"1e{secret}", f".{secret}"))
    forms = [f"'{inner}'", f"'it''s {inner}'", f"'{inner}''s'"]
    if dialect in _BACKSLASH:
        forms += [f"'\\'{inner}'", f"'{inner}\\\\'", f"'a\\' , {inner} , \\''"]
    forms += {
        "databricks": [
            f'"{inner}"',
            f'"it\'s {inner}"',
            f"r'{inner}\\d'",
            f'R"{inner}"',
            f"X'{inner}'",
            f"$${inner} '$$",
        ],
        "snowflake": [f"$${inner} ' $$", f"x'{inner}'", f"$$ -- {inner} $$"],
        "bigquery": [
            f'"{inner}"',
            f"'''it's {inner}'''",
            f'"""a "{inner}" b"""',
            f"b'{inner}'",
            f"rb'{inner}'",
            f"R'{inner}'",
        ],
        "tsql": [f"N'{inner}'", f"n'it''s {inner}'"],
        "athena": [f"X'{inner}'"],
        "postgres": [
            f"E'\\'{inner}'",
            f"$$it's {inner}$$",
            f"$a$ $$ {inner} ' $a$",
            f"$x${inner}$x$",
            f"U&'{inner}'",
            f"B'{inner}'",
        ],
    }[dialect]
    return rng.choice(forms)


def _comment(rng: random.Random, dialect: str, secret: str) -> str:
    inner = rng.choice((secret, f"it's {secret}", f"password={secret}", f'"{secret}', f"`{secret}"))
    forms = [
        f"-- {inner}\n",
        f"/* {inner} */",
        f"/*{inner}\n*/",
        f"/*+ {inner} */",
        f"/** {inner} **/",
        f"--{inner}\r\n",
    ]
    if dialect == "snowflake":
        forms.append(f"// {inner}\n")
    if dialect == "bigquery":
        forms.append(f"# {inner}\n")
    if dialect in {"databricks", "postgres", "tsql"}:
        forms.append(f"/* a /* b */ {inner} */")
    return rng.choice(forms)


def _in_literal(rng: random.Random, dialect: str, secret: str) -> str:
    value = literal(rng, dialect, secret)
    return rng.choice(
        (
            f"SELECT a FROM s.t WHERE b = {value} AND c = 'x'",
            f"SELECT a, {value} AS b FROM s.t",
            f"SELECT a FROM s.t WHERE b IN ('x', {value}, 'y', {value})",
            f"INSERT INTO s.t (a, b) VALUES (1, {value}), (2, 'x')",
            f"UPDATE s.t SET a = {value}, b = 'it''s' WHERE c = {value}",
            f"DELETE FROM s.t WHERE a LIKE {value}",
            f"MERGE INTO s.t USING s.u ON t.a = u.a AND u.b = {value} WHEN MATCHED THEN UPDATE SET a = {value}",
            f"WITH c AS (SELECT {value} AS x) SELECT f(x, {value}, :p) FROM c",
            f"CALL s.p({value}, 1)",
            f"CREATE TABLE s.t COMMENT {value} AS SELECT 1 AS a",
            f"COMMENT ON TABLE s.t IS {value}",
            f"ALTER TABLE s.t SET TAGS ('k' = {value})",
            f"EXPLAIN SELECT {value}",
            f"SELECT CASE WHEN a = {value} THEN {value} ELSE b END FROM s.t LIMIT 5",
        )
    )


def _in_comment(rng: random.Random, dialect: str, secret: str) -> str:
    comment = _comment(rng, dialect, secret)
    before = ["SELECT", "a, b", "FROM s.t", "WHERE", "c = 'x'", "AND", "d = 5"]
    place = rng.randint(0, len(before))
    return " ".join((*before[:place], comment, *before[place:]))


def _in_option(rng: random.Random, dialect: str, secret: str) -> str:
    word = rng.choice(
        ("password", "PWD", "client_secret", "token", "api_key", "my.passwd", "aws_secret_access_key", "sasToken")
    )
    sign = rng.choice(("=", " = ", " ", "=>"))
    value = rng.choice((secret if not secret.isdigit() else f"x{secret}", literal(rng, dialect, secret)))
    return rng.choice(
        (
            f"CREATE TABLE s.t USING jdbc OPTIONS (url 'x', {word}{sign}{value}, user me) AS SELECT 1 AS a",
            f"CREATE TABLE s.t (a INT) TBLPROPERTIES ({word}{sign}{value})",
            f"ALTER TABLE s.t SET TBLPROPERTIES ({word}{sign}{value}, b = 'c')",
            f"COPY INTO s.t FROM 's3://b/x' WITH (CREDENTIAL (AWS_KEY = {value}, b{sign}{value}))",
            f"COPY INTO s.t FROM @st CREDENTIALS = (AWS_KEY_ID={value} AWS_SECRET_KEY={value})",
            f"CREATE STAGE st URL = 's3://b' CREDENTIALS = (AWS_KEY_ID = {value})",
            f"CREATE USER bob PASSWORD = {value}",
            f"CREATE USER bob IDENTIFIED BY {value}",
            f"ALTER USER bob SET PASSWORD {value}",
            f"CREATE LOGIN bob WITH PASSWORD = {value}",
            f"CREATE CONNECTION c TYPE mysql OPTIONS (password {value})",
            f"CREATE OR REPLACE PERSISTENT SECRET x (TYPE s3, SECRET {value})",
            f"CREATE DATABASE SCOPED CREDENTIAL c WITH IDENTITY = 'x', SECRET = {value}",
            f"CREATE USER MAPPING FOR u SERVER s OPTIONS ({word} {value})",
            f"EXPORT DATA OPTIONS (uri = {value}) AS SELECT 1",
            f"UNLOAD (SELECT a FROM s.t) TO 's3://b/' WITH (kms_key = {value})",
        )
    )


def _in_setting(rng: random.Random, dialect: str, secret: str) -> str:
    value = secret if not secret.isdigit() else f"x{secret}"
    return rng.choice(
        (
            f"SET x.password = {value}",
            f"SET spark.hadoop.fs.s3a.secret-key={value}",
            f"set a.token {value}",
            f"SET x.y = {value} and {value}",
            f"SET SESSION my.secret TO {value}",
            f"SET a.b=c; SET d.e={value}; SELECT 1",
            f"BEGIN SET a.password = {value}; SELECT 1; END",
            f"PUT file:///tmp/{value}.csv @stage",
            f"ADD JAR /tmp/{value}.jar",
        )
    )


def _broken(rng: random.Random, dialect: str, secret: str) -> str:
    """Return what no engine takes, but a program may send: quotes too many or too few, prose, other people's quotes."""
    return rng.choice(
        (
            f"SELECT 'it's', '{secret}', 'he's' FROM t",
            f"SELECT 'it's {secret} isn't' FROM t",
            f"SELECT '{secret} FROM t",
            f"SELECT a FROM t WHERE b = '{secret}' AND c = 'o'brien'",
            f"SELECT /* {secret}",
            f"SELECT a -- it's\r{secret} 'b'\n FROM t",
            f"SELECT \u2018{secret}\u2019 FROM t",
            f"SELECT \u201c{secret}\u201d FROM t",
            f"the password is {secret}",
            f"{secret}",
            f"SELECT $x$ {secret} FROM t",
            f"SELECT `{secret} FROM t",
            f"SELECT /* a /* b */ {secret}",
            f"SELECT '\x00{secret}' \x00 FROM t",
            f"SELECT '\ud800 {secret}' FROM t",
            f"\\password {secret}",
            f"SELECT 'a\\', '{secret}', 'b\\' FROM t",
        )
    )


def _procedure(rng: random.Random, dialect: str, secret: str) -> str:
    """Return a call with an argument that is a word where the dialect takes words for strings."""
    value = literal(rng, dialect, secret)
    word = f"x{secret}"
    return f"EXEC dbo.sp_set {word}, {word}" if dialect == "tsql" else f"EXECUTE IMMEDIATE {value}"


def _in_name(rng: random.Random, dialect: str, secret: str) -> str:
    """Return a read of an address that carries a key."""
    address = f"s3://b/x?X-Amz-Signature={secret}"
    left, right = {"databricks": "``", "bigquery": "``", "tsql": "[]"}.get(dialect, '""')
    return f"SELECT a FROM {left}{address}{right} WHERE b = 1"


def _further(rng: random.Random, dialect: str, secret: str) -> str:
    return further(rng, dialect, secret, literal(rng, dialect, secret))


_PLACES: tuple[Callable[[random.Random, str, str], str], ...] = (
    _in_literal,
    _in_literal,
    _in_literal,
    _in_comment,
    _in_comment,
    _in_option,
    _in_option,
    _in_setting,
    _broken,
    _procedure,
    _in_name,
    _further,
    _further,
    _further,
    _further,
    _further,
    _further,
)
_AROUND: tuple[Callable[[random.Random, str, str, str], str], ...] = (
    lambda rng, dialect, secret, text: f"SELECT 1; {text}",
    lambda rng, dialect, secret, text: f"{text}; SELECT {literal(rng, dialect, secret)}",
    lambda rng, dialect, secret, text: f"{_comment(rng, dialect, secret)} {text}",
    lambda rng, dialect, secret, text: f"{text} {_comment(rng, dialect, secret)}",
    lambda rng, dialect, secret, text: f"  {text} ;",
)
