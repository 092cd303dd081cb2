"""SQL that fails, with the error classes and SQL states of Databricks."""

from __future__ import annotations

import re


class SqlError(Exception):
    """A statement that ends FAILED.

    Args:
        message: Text that begins with the error class in brackets.
        sql_state: Five characters.
        error_code: The ``ServiceErrorCode`` of the statement API.
    """

    def __init__(self, message: str, sql_state: str, error_code: str = "BAD_REQUEST") -> None:
        super().__init__(message)
        self.message = message
        self.sql_state = sql_state
        self.error_code = error_code


class UnsupportedError(SqlError):
    """SQL that Databricks may run and the local workspace cannot: it fails, never guesses."""

    def __init__(self, what: str) -> None:
        super().__init__(f"[UNSUPPORTED_BY_LOCAL_WORKSPACE] The local workspace cannot run {what}", "0A000")


class CancelledStatementError(Exception):
    """The statement was cancelled while it ran."""


def table_not_found(name: str) -> SqlError:
    """A table or view that is not in the catalog."""
    return SqlError(
        f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {name} cannot be found. Verify the spelling and correctness of "
        "the schema and catalog.",
        "42P01",
    )


def schema_not_found(name: str) -> SqlError:
    """A schema that is not in its catalog."""
    return SqlError(f"[SCHEMA_NOT_FOUND] The schema {name} cannot be found.", "42704")


def catalog_not_found(name: str) -> SqlError:
    """A catalog that is not in the metastore."""
    return SqlError(f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{name}' was not found.", "42704")


def already_exists(kind: str, name: str) -> SqlError:
    """An object whose name is taken; ``kind`` is the error class without its ending."""
    return SqlError(
        f"[{kind}_ALREADY_EXISTS] Cannot create {name} because it already exists. Choose a different name, drop or "
        "replace the existing object, or add the IF NOT EXISTS clause.",
        "42P07" if kind == "TABLE_OR_VIEW" else "42P06",
    )


# What DuckDB says: the error class of Databricks and its SQL state; ``{0}`` is the first group.
_TRANSLATIONS = [
    (r"\[DIVIDE_BY_ZERO\]", "DIVIDE_BY_ZERO", "22012", "Division by zero. Use try_divide to return NULL instead."),
    (r"[Dd]ivision by zero", "DIVIDE_BY_ZERO", "22012", "Division by zero. Use try_divide to return NULL instead."),
    (
        r'Referenced column "?([^"\s]+)"? (?:not found|was not found)',
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        "42703",
        "A column with name {0} cannot be resolved.",
    ),
    (
        r'does not have a column named "?([^"\s]+?)"?(?:\s|$)',
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        "42703",
        "A column with name {0} cannot be resolved.",
    ),
    (r'Table with name "?([^"\s]+)"? does not exist', "TABLE_OR_VIEW_NOT_FOUND", "42P01", "{0} cannot be found."),
    (r"^Conversion Error: (.*)", "CAST_INVALID_INPUT", "22018", "{0}"),
    (r"^Out of Range Error: (.*)", "ARITHMETIC_OVERFLOW", "22003", "{0}"),
    (
        r"^Constraint Error: (NOT NULL.*)",
        "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
        "23502",
        "{0}",
    ),
    (
        r"must appear in the GROUP BY clause",
        "MISSING_AGGREGATION",
        "42803",
        "A column is neither grouped nor aggregated.",
    ),
    (r"^Binder Error: (.*(?:column|values|types).*)", "DATATYPE_MISMATCH", "42K09", "{0}"),
]
_COMPILED = [(re.compile(pattern, re.MULTILINE), *rest) for pattern, *rest in _TRANSLATIONS]


def translated(message: str) -> SqlError:
    """The failure that stands for a DuckDB error.

    >>> translated('Binder Error: Referenced column "x" not found in FROM clause!').sql_state
    '42703'
    """
    for pattern, error_class, sql_state, text in _COMPILED:
        match = pattern.search(message)
        if match:
            return SqlError(f"[{error_class}] {text.format(*match.groups())}", sql_state)
    first = message.split("\n", 1)[0]
    return UnsupportedError(f"this statement: {first}")
