"""Every function of Databricks SQL that the local workspace can run."""

from genops.testing.workspace.sql.functions import aggregates, nested, numbers, session, strings, times
from genops.testing.workspace.sql.functions.spelling import Function, Invocation

__all__ = ["AGGREGATES", "FUNCTIONS", "Function", "Invocation"]

AGGREGATES: dict[str, Function] = aggregates.TABLE
FUNCTIONS: dict[str, Function] = {
    **strings.TABLE,
    **numbers.TABLE,
    **times.TABLE,
    **session.TABLE,
    **nested.TABLE,
    **aggregates.TABLE,
}
"""Functions by lower-case name."""
