"""What may hold a secret without being a literal: settings, options, accounts, and names that are addresses."""

from __future__ import annotations

import re

from genops.lineage.sql.lexing import words

_VALUE = "?"

QUERIES = words("SELECT WITH INSERT UPDATE DELETE MERGE FROM VALUES EXPLAIN TABLE REPLACE UPSERT")
_HEADS = QUERIES | words(
    "( ABORT ADD ALTER ANALYZE APPLY ASSERT ATTACH AUTO BEGIN BREAK BULK CACHE CALL CHECKPOINT CLEAR CLOSE "
    "CLUSTER COMMENT COMMIT CONTINUE CONVERT COPY CREATE CROSS DECLARE DEALLOCATE DENY DESC DESCRIBE DETACH DROP "
    "ELSE ELSEIF END EXCEPTION EXEC EXECUTE EXPORT FETCH FOR FSCK GENERATE GET GOTO GRANT IF IMPORT INSTALL "
    "ITERATE LEAVE LET LIST LOAD LOCK LOOP LS MSCK NULL OPEN OPTIMIZE PIVOT PRAGMA PREPARE PRINT PUT RAISE "
    "REASSIGN RECOVER RENAME REFRESH REINDEX RELEASE REMOVE REORG REPAIR REPEAT RESET RESIGNAL RESTORE RETURN REVOKE "
    "RM ROLLBACK SAVE SAVEPOINT SET SHOW SIGNAL START SUMMARIZE SYNC THEN THROW TRUNCATE UNCACHE UNDROP UNLOAD "
    "UNPIVOT UNSET UNTIL USE VACUUM WAITFOR WHEN WHILE"
)
_BARE_TAILS = words("PUT GET ADD LIST LS REMOVE RM PRINT WAITFOR INSTALL IMPORT BULK")
_MODIFIERS = words(
    "CREATE ALTER OR REPLACE IF NOT EXISTS TEMP TEMPORARY GLOBAL LOCAL PERSISTENT STORAGE SERVICE EXTERNAL "
    "DATABASE SCOPED FOREIGN SECURITY NOTIFICATION API CATALOG NETWORK PUBLIC PRIVATE ORGANIZATION MANAGED "
    "SYMMETRIC ASYMMETRIC MASTER UNIQUE AND SERVER COLUMN WORKLOAD"
)
_SECRET_OBJECTS = words(
    "USER ROLE LOGIN SECRET SECRETS CONNECTION CREDENTIAL CREDENTIALS INTEGRATION KEY CERTIFICATE SUBSCRIPTION "
    "ACCOUNT RECIPIENT PROVIDER GIT ENDPOINT APPLICATION WALLET PASSWORD"
)
_GROUPS = words(
    "OPTIONS OPTION TBLPROPERTIES DBPROPERTIES PROPERTIES SERDEPROPERTIES CREDENTIALS CREDENTIAL ENCRYPTION "
    "COPY_OPTIONS FORMAT_OPTIONS WITH PARAMETERS CONNECTION CONNECTION_OPTIONS"
)
_KEY = re.compile(
    r"pass(?:w|phrase|code|_|$)|pwd|secret|token|credential|api_?key|access_?key|private_?key|account[._]?key|shared_?key"
    r"|encryption_?key|master_?key|signature|\bsig\b|\bsas\b|sas_|_sas|bearer|authorization|auth_|\bpat\b",
    re.IGNORECASE,
)
_HINTS = ("pass", "pwd", "secret", "token", "cred", "key", "sig", "sas", "bearer", "auth", "pat")
_GROUPING = ("option", "propert", "encrypt", "with", "parameter", "connection", "credential")
_ASSIGNS = frozenset(("=", "=>", ":=", "==", ":"))
_STOPS = words(
    "AND OR WHERE FROM GROUP ORDER WHEN THEN ELSE END AS ON USING JOIN LEFT RIGHT INNER FULL CROSS HAVING LIMIT "
    "UNION IS IN NOT NULL LIKE BETWEEN SET VALUES SELECT"
)
_TYPES = words(
    "STRING TEXT VARCHAR CHAR NVARCHAR NCHAR CHARACTER INT INTEGER BIGINT SMALLINT TINYINT FLOAT DOUBLE REAL "
    "DECIMAL NUMERIC NUMBER BOOLEAN BOOL BIT DATE TIME TIMESTAMP DATETIME BINARY VARBINARY BYTES VARIANT JSON "
    "UUID ARRAY MAP STRUCT OBJECT"
)
_SCOPES = words("SESSION LOCAL GLOBAL VAR VARIABLE")
_SETTINGS = words(
    "CATALOG SCHEMA DATABASE ROLE TIME TIMEZONE TRANSACTION NOCOUNT XACT_ABORT ANSI_NULLS ANSI_WARNINGS "
    "ARITHABORT CONSTRAINTS IDENTITY_INSERT ROWCOUNT STATISTICS RECIPIENT TAG TAGS PATH CURRENT"
)
_PLAIN_NAME = re.compile(r"(?=.*[^\W\d])[\w .\-/:#$@*+,()\[\]&{}=~%]{1,256}", re.DOTALL)
_ADDRESS = re.compile(r"([A-Za-z][\w+.\-]*:)?(?:(//)([^/]*))?(.*)", re.DOTALL)
_HOST = re.compile(r"(?:\[[\da-fA-F:]+\]|[^:@]*)(?::\d{1,5})?")
_PARAMETERS = re.compile(r"[?#&]")
_CONTAINED = frozenset(("abfs:", "abfss:", "wasb:", "wasbs:"))
_PROSE = re.compile(r"\s[/*]|[/*]\s|^/\*.*\*/$|^--", re.DOTALL)


def presentable(name: str) -> str:
    """Return a quoted name as it may be shown: without what an address may carry, and `?` where it is no name at all.

    >>> presentable("`my table`"), presentable("`s3://b/x?sig=abc`"), presentable("`123-45-6789`"), presentable("[a'b]")
    ('`my table`', '`s3://b/x`', '?', '?')
    """
    shown = named(name[1:-1])
    return shown if shown == _VALUE else f"{name[:1]}{shown}{name[-1:]}"


def named(name: str) -> str:
    """Return a name without its quotes as it may be shown: `?` where it is none, an address without what it carries.

    >>> named("N/A"), named("https://me@host/x"), named("a'b")
    ('N/A', 'https://host/x', '?')
    """
    if ":" in name or name.startswith("/"):
        return _located(name)
    return name if _PLAIN_NAME.fullmatch(name) and not _keyed_value(name) else _VALUE


def presentable_parts(table: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parts of a table's name as they may be shown."""
    return tuple(part if part.isalnum() else named(part) for part in table)


def address(text: str) -> str:
    """Return the place of files as it may be shown: without user, parameters and fragment, `?` where it is no place.

    >>> address("s3://b/x?sig=abc"), address("https://me@host/x#t"), address("abfss://c@a.dfs.core.windows.net/x&sig=abc")
    ('s3://b/x', 'https://host/x', 'abfss://c@a.dfs.core.windows.net/x')
    >>> address("s3://key:secret@b/x"), address("jdbc:oracle:thin:u/p@h"), address("/* x */")
    ('?', '?', '?')
    """
    return _VALUE if _PROSE.search(text) else _located(text)


def _located(text: str) -> str:
    place = _PARAMETERS.split(text, maxsplit=1)[0]
    found = _ADDRESS.fullmatch(place)
    if found is None or not _PLAIN_NAME.fullmatch(place) or _keyed_value(place):
        return _VALUE
    scheme, slashes, authority, path = found.groups(default="")
    user, at, host = authority.rpartition("@")
    if scheme and not slashes and not path.startswith("/"):
        return _VALUE  # of another kind, such as jdbc: where user and password stand, each driver decides
    if "://" in path or ":" in user or not _HOST.fullmatch(host) or (":" in host and "@" in path):
        return _VALUE
    return f"{scheme}{slashes}{user + at if scheme.lower() in _CONTAINED else ''}{host}{path}"


def _keyed_value(place: str) -> bool:
    """Whether something in a name is given the value of a key."""
    return "=" in place and _KEY.search(place) is not None


def withheld(statement: list[str]) -> str | None:
    """Return why a statement must not be shown at all: `unknown` where it does not begin as SQL, `secret`.

    Args:
        statement: Its lexemes with `?` for literals, not empty.
    """
    first = statement[0].upper()
    if first not in _HEADS and not _labelled(statement):
        return "unknown"
    if first in {"CREATE", "ALTER"}:
        kind = next((word for word in map(str.upper, statement[:12]) if word not in _MODIFIERS), "")
        if kind in _SECRET_OBJECTS:
            return "secret"
    return None


def _labelled(statement: list[str]) -> bool:
    """Whether a statement of a script begins with a label or a variable: `l: LOOP`, `x := 1`."""
    return len(statement) > 1 and statement[1] in {":", ":="} and statement[0].isidentifier()


def scrubbed(statement: list[str], lowered: str, dialect: str) -> list[str]:
    """Return the lexemes of a statement with `?` for every word that may be a value.

    Args:
        statement: Its lexemes with `?` for literals, not empty.
        lowered: The text that it stands in, in lower case.
        dialect: One of `library.DIALECTS`.
    """
    first = statement[0].upper()
    if first in _BARE_TAILS:
        return [statement[0], _VALUE]
    if first in {"SET", "PRAGMA"}:
        return _setting(statement)
    if "set " in lowered or "set\n" in lowered or "set\t" in lowered:
        statement = _settings_of_script(statement)
    if (dialect == "tsql" and "exec" in lowered) or first == "EXEC":
        statement = _executed(statement)
    if any(hint in lowered for hint in _GROUPING):
        statement = _grouped(statement)
    if any(hint in lowered for hint in _HINTS):
        statement = _keyed(statement, bare=first not in QUERIES)
    return statement


def _setting(statement: list[str]) -> list[str]:
    """Return `SET key = ?`; what stands there without a sign of assignment is kept only for well-known settings."""
    end = 2 if len(statement) > 1 and statement[1].upper() in _SCOPES else 1
    if len(statement) > end and statement[end].upper() in _SETTINGS:
        return statement
    while end < len(statement) and (_name(statement[end]) or statement[end] in {".", "-"}):
        end += 1
        if end < len(statement) and statement[end] not in {".", "-"} and statement[end - 1] not in {".", "-"}:
            break
    rest = statement[end:]
    if rest[:1] and (rest[0] in _ASSIGNS or rest[0].upper() == "TO"):
        return [*statement[:end], "=", _VALUE]
    return [*statement[:end], _VALUE] if rest else statement


def _name(word: str) -> bool:
    return word[0] in '`"[@:' or word[0] == "_" or word[0].isalpha()


_BEFORE_STATEMENT = words("BEGIN THEN ELSE DO LOOP")


def _settings_of_script(statement: list[str]) -> list[str]:
    """Return a block whose `SET` shows no value."""
    for index in range(1, len(statement)):
        if statement[index].upper() == "SET" and statement[index - 1].upper() in _BEFORE_STATEMENT:
            return [*statement[:index], *_setting(statement[index:])]
    return statement


def _executed(statement: list[str]) -> list[str]:
    """Return a batch of Transact-SQL without the arguments of a procedure: a word there is a string."""
    for index, word in enumerate(statement[:-1]):
        if word.upper() in {"EXEC", "EXECUTE"} and statement[index + 1].upper() not in {"AS", "ON", "(", "TO", ","}:
            end = index + 2
            while end + 1 < len(statement) and statement[end] in {".", "="}:
                end += 2
            return [*statement[:end], _VALUE] if end < len(statement) else statement
    return statement


def _grouped(statement: list[str]) -> list[str]:
    """Return a statement whose lists of options are one `?` each."""
    kept: list[str] = []
    index = 0
    while index < len(statement):
        word = statement[index]
        kept.append(word)
        index += 1
        if word[0].isalpha() and word.upper() in _GROUPS:
            start = index + (index < len(statement) and statement[index] == "=")
            if start < len(statement) and statement[start] == "(":
                kept += [*statement[index:start], "(", _VALUE, ")"]
                index = _after(statement, start)
    return kept


def _after(statement: list[str], index: int) -> int:
    """Return what follows the bracket that closes the one at `index`, or the end."""
    depth = 0
    for position in range(index, len(statement)):
        depth += (statement[position] == "(") - (statement[position] == ")")
        if depth == 0:
            return position + 1
    return len(statement)


def _keyed(statement: list[str], *, bare: bool) -> list[str]:
    """Return a statement without the bare values of keys that read like secrets; `bare` ones need no sign between."""
    kept: list[str] = []
    index = 0
    while index < len(statement):
        word = statement[index]
        kept.append(word)
        index += 1
        if index >= len(statement) or not _KEY.search(word):
            continue
        if statement[index] in _ASSIGNS:
            kept.append(statement[index])
            index = _value_end(statement, index + 1)
            kept.append(_VALUE)
        elif bare and statement[index][0].isalnum() and statement[index].upper() not in _STOPS | _TYPES:
            index = _value_end(statement, index)
            kept.append(_VALUE)
    return kept


def _value_end(statement: list[str], index: int) -> int:
    """Return where a value ends that begins at `index`: at a comma, a closing bracket or a word of the language."""
    depth = 0
    while index < len(statement):
        word = statement[index]
        if depth == 0 and (word in {",", ")", ";"} or word.upper() in _STOPS):
            return index
        depth += (word == "(") - (word == ")")
        index += 1
    return index
