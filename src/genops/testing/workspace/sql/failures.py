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
    return SqlError(
        f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{name}' was not found. Please verify the catalog name and then retry "
        "the query or command again.",
        "42704",
    )


def already_exists(kind: str, name: str) -> SqlError:
    """An object whose name is taken; ``kind`` is the error class without its ending."""
    return SqlError(
        f"[{kind}_ALREADY_EXISTS] Cannot create {name} because it already exists. Choose a different name, drop or "
        "replace the existing object, or add the IF NOT EXISTS clause.",
        "42P07" if kind == "TABLE_OR_VIEW" else "42P06",
    )


def wrong_number(name: str, given: int, found: int) -> SqlError:
    """A view with another number of names than its query has columns."""
    kind = "NOT_ENOUGH_DATA_COLUMNS" if given > found else "TOO_MANY_DATA_COLUMNS"
    return SqlError(
        f"[CREATE_VIEW_COLUMN_ARITY_MISMATCH.{kind}] Cannot create view {name}, the reason is the view has {given} "
        f"column names and its query {found} columns.",
        "21S01",
    )


_ZERO = "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead."
_REMAINDER = "Remainder by zero. Use `try_mod` to tolerate divisor being 0 and return NULL instead."
_UNRESOLVED = "A column, variable, or function parameter with name {0} cannot be resolved."
_OVERFLOW = "Overflow. If necessary set ANSI mode to false to bypass this error, or use the `try_` function. ({0})"
_MALFORMED = (
    'The value {0} of the type "STRING" cannot be cast to "{1}" because it is malformed. Correct the value as per the '
    "syntax, or change its target type. Use `try_cast` to tolerate malformed input and return NULL instead."
)
_TOO_LARGE = (
    'The value {1} of the type "{0}" cannot be cast to "{2}" due to an overflow. Use `try_cast` to tolerate overflow '
    "and return NULL instead."
)
_NESTED = (
    "It is not allowed to use an aggregate function in the argument of another aggregate function. Please use the "
    "inner aggregate function in a sub-query."
)
_UNGROUPED = (
    'The non-aggregating expression "{0}" is based on columns which are not participating in the GROUP BY clause. Add '
    'the columns or the expression to the GROUP BY, aggregate the expression, or use "any_value({0})" if you do not '
    "care which of the values within a group is returned."
)

# SQL states of the error classes that macros of this workspace raise.
_RAISED = {
    "CAST_INVALID_INPUT": "22018",
    "CANNOT_PARSE_TIMESTAMP": "22007",
    "INVALID_ARRAY_INDEX": "22003",
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": "22003",
    "INVALID_INDEX_OF_ZERO": "22003",
    "INVALID_PARAMETER_VALUE": "22023",
    "INVALID_PARAMETER_VALUE.START": "22023",
    "DUPLICATED_MAP_KEY": "23505",
    "ILLEGAL_DAY_OF_WEEK": "22009",
    "USER_RAISED_EXCEPTION": "P0001",
}
_RAISED_TEXT = re.compile(r"\[([A-Z][A-Z_.]+)\] (.*)")

# What DuckDB says: the error class of Databricks and its SQL state; ``{0}`` is the first group.
_TRANSLATIONS = [
    (r"\[REMAINDER_BY_ZERO\]", "REMAINDER_BY_ZERO", "22012", _REMAINDER),
    (r"\[DIVIDE_BY_ZERO\]", "DIVIDE_BY_ZERO", "22012", _ZERO),
    (r"[Dd]ivision by zero", "DIVIDE_BY_ZERO", "22012", _ZERO),
    (
        r'Referenced column "?([^"\s]+)"? (?:not found|was not found)',
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        "42703",
        _UNRESOLVED,
    ),
    (
        r'does not have a column (?:named|with name) "?([^"\s]+?)"?(?:\s|$)',
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        "42703",
        _UNRESOLVED,
    ),
    (r'Referenced table "([^"]+)" not found', "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", _UNRESOLVED),
    (
        r"""Ambiguous reference to column name "([^"]+)" \(use: (.*)\)""",
        "AMBIGUOUS_REFERENCE",
        "42704",
        "Reference `{0}` is ambiguous, could be: [{1}].",
    ),
    (r'Table with name "?([^"\s]+)"? does not exist', "TABLE_OR_VIEW_NOT_FOUND", "42P01", "{0} cannot be found."),
    (r"^Conversion Error: Could not convert string '(.*)' to (\w+)", "CAST_INVALID_INPUT", "22018", _MALFORMED),
    (
        r'(?:convert string|Casting value) "(-?[\d.]+(?:e[+-]?\d+)?)" to (?:type )?DECIMAL\((\d+),\s*(\d+)\)',
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        "22003",
        "The {0} rounded half up cannot be represented as Decimal({1}, {2}).",
    ),
    (r'^Conversion Error: Could not convert string "(.*)" to (\w+)', "CAST_INVALID_INPUT", "22018", _MALFORMED),
    (r"^Conversion Error: .*\"(.*)\"()", "CAST_INVALID_INPUT", "22018", _MALFORMED),
    (r"Type INT128 with value \S+ can't be cast.*()", "ARITHMETIC_OVERFLOW", "22003", "long overflow.{0}"),
    (
        r"Type (\w+) with value (\S+) can't be cast because the value is out of range for the destination type (\w+)",
        "CAST_OVERFLOW",
        "22003",
        _TOO_LARGE,
    ),
    (
        r"Could not cast value (\S+) (?:from \w+ )?to DECIMAL\((\d+),\s*(\d+)\)",
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        "22003",
        "The {0} rounded half up cannot be represented as Decimal({1}, {2}).",
    ),
    (r"^Conversion Error: (.*)", "CAST_INVALID_INPUT", "22018", "{0}"),
    (r"^Out of Range Error: (.*)", "ARITHMETIC_OVERFLOW", "22003", _OVERFLOW),
    (
        r"NOT NULL constraint failed: (?:.*\.)?(\w+)",
        "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
        "23502",
        "NOT NULL constraint violated for column: {0}.",
    ),
    (
        r"^Constraint Error: CHECK constraint failed on table (.*)",
        "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
        "23001",
        "CHECK constraint violated by row of table {0}",
    ),
    (r'column "([^"]+)" must appear in the GROUP BY clause', "MISSING_AGGREGATION", "42803", _UNGROUPED),
    (
        r"(?:WHERE clause cannot contain (?:aggregates|window functions))",
        "INVALID_WHERE_CONDITION",
        "42903",
        "The WHERE condition contains invalid expressions: aggregate or window functions.",
    ),
    (
        r"aggregate function calls cannot be nested",
        "NESTED_AGGREGATE_FUNCTION",
        "42607",
        _NESTED,
    ),
    (
        r"More than one row returned by a subquery",
        "SCALAR_SUBQUERY_TOO_MANY_ROWS",
        "21000",
        "More than one row returned by a subquery used as an expression.",
    ),
    (
        r"Set operations can only apply to expressions with the same number of result columns",
        "NUM_COLUMNS_MISMATCH",
        "42826",
        "A set operation can only be performed on inputs with the same number of columns.",
    ),
    (
        r"Cannot compare values of type (\S+) and (?:values of )?type (\S+)",
        "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES",
        "42K09",
        "Cannot compare values of the types {0} and {1}.",
    ),
]
_COMPILED = [(re.compile(pattern, re.MULTILINE), *rest) for pattern, *rest in _TRANSLATIONS]


def translated(message: str) -> SqlError:
    """The failure that stands for a DuckDB error.

    >>> translated('Binder Error: Referenced column "x" not found in FROM clause!').sql_state
    '42703'
    """
    raised = _RAISED_TEXT.search(message)
    if raised and raised[1] in _RAISED:
        return SqlError(f"[{raised[1]}] {raised[2]}", _RAISED[raised[1]])
    if raised and raised[1] == "UNSUPPORTED_BY_LOCAL_WORKSPACE":
        return UnsupportedError(raised[2].removeprefix("The local workspace cannot run "))
    for pattern, error_class, sql_state, text in _COMPILED:
        match = pattern.search(message)
        if match:
            return SqlError(f"[{error_class}] {text.format(*_shown(match))}", sql_state)
    first = message.split("\n", 1)[0]
    return UnsupportedError(f"this statement: {first}")


def _shown(match: re.Match[str]) -> list[str]:
    types = {
        "INT8": "TINYINT",
        "INT16": "SMALLINT",
        "INT32": "INT",
        "INT64": "BIGINT",
        "VARCHAR": "STRING",
        "BOOL": "BOOLEAN",
    }
    texts = [re.sub(r"'(\w+)\.(\w+)'", r"`\1`.`\2`", text or "").replace("` or `", "`, `") for text in match.groups()]
    return [types.get(text, text) for text in texts]
