"""What a Thrift request says beside the SQL, in the shape of the statement API: parameters and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.commands.settings import TAGS, checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genops.testing.workspace.http.wire import Json


def parameters_of(given: Any) -> list[Json]:
    """Parameters of a statement.

    A parameter of the statement API has a name; one without is bound to the next ``?``. A parameter that is an array
    or a map has ``arguments``, each with type and value, keys and values of a map in turn.

    Args:
        given: ``TSparkParameter`` items, or nothing.
    """
    return [{**_argument(item, item.value and _text(item.value)), "name": item.name or ""} for item in given or ()]


def _argument(item: Any, value: Any) -> Json:
    plain: Json = {"type": item.type or "STRING", "value": value}
    if item.arguments is None:
        return plain
    return {**plain, "arguments": [_argument(inner, inner.value) for inner in item.arguments]}


def _text(value: Any) -> str | None:
    if value.stringValue is not None:
        return str(value.stringValue)
    if value.booleanValue is not None:
        return "true" if value.booleanValue else "false"
    return None if value.doubleValue is None else repr(value.doubleValue)


# What a driver says for itself: how results and answers of the catalog travel.
_OF_DRIVERS = ("spark.thriftserver.", "spark.sql.thriftserver.")


def configured(settings: Mapping[str, str]) -> dict[str, str]:
    """The configuration of a session, by upper-case name; each setting is one that ``SET`` would take.

    Raises:
        SqlError: ``SET`` would not take it [docs.databricks.com, SQL connector for Python: session_configuration].
    """
    given = {key: value for key, value in settings.items() if not key.lower().startswith(_OF_DRIVERS)}
    return {checked(key, value): value for key, value in given.items() if key.upper() != TAGS}


def setting(settings: Mapping[str, str] | None, name: str) -> str:
    """A setting by its name, which is the same in any case; empty where it is absent."""
    return next((value for key, value in (settings or {}).items() if key.upper() == name), "")
