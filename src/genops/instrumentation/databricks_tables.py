"""What answers of the Databricks SDK show of a table's columns, kept so that nobody has to ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.core.operation import Facts, Learnt, Operation

if TYPE_CHECKING:
    from genops.core.shapes import Observe

_NAME = ("catalog_name", "schema_name", "name")


def _shown(_: Operation, result: Any) -> Facts | None:
    """Return the columns of a table that an answer, or an item of a list, shows in their order."""
    columns = getattr(result, "columns", None)
    if not isinstance(columns, list):
        return None
    parts = tuple([getattr(result, part, None) for part in _NAME])
    if not all(isinstance(part, str) for part in parts):
        return None
    names = tuple([getattr(column, "name", None) for column in columns])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  (whatever the SDK put there)
    return _fact(parts, names) if set(map(type, names)) == {str} else None


def _gone(operation: Operation, _: Any) -> Facts | None:
    """A table that was deleted has no columns."""
    return _fact(operation.writes[0].parts, ()) if operation.writes else None


def _fact(parts: tuple[Any, ...], columns: tuple[Any, ...]) -> Facts:
    return Facts(learnt=(Learnt("table", ".".join(parts), {"parts": parts, "columns": columns}),))


COLUMNS: dict[str, Observe] = {"create": _shown, "get": _shown, "list": _shown, "delete": _gone}
"""What a method of the service of tables shows, by its name."""
