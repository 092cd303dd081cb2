"""Describes the calls of the Databricks SDK: one `Site` for each method, built when it is wrapped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from genops.core.operation import Action, DatasetRef, Facts, Learnt, Operation, Place
from genops.core.shapes import Describe, Observe, Site
from genops.instrumentation import databricks_statements as statements
from genops.instrumentation.databricks_lineage import NAMING
from genops.instrumentation.databricks_names import ARITY, Extract, extractor, identifier_of, named_dataset
from genops.instrumentation.databricks_paths import path_class
from genops.instrumentation.databricks_tables import COLUMNS
from genops.instrumentation.databricks_types import OperationType, base_name, named, operation_type, waiter_type
from genops.instrumentation.databricks_workspaces import (
    attributes_of,
    config_of,
    host_of,
    identified,
    workspace_facts,
)

if TYPE_CHECKING:
    from genops.core.governor import Governor

LIBRARY = "databricks_sdk"
PROVIDER = "databricks_unity_catalog"
API_PATH = "databricks.api.path"
_NOTHING_NAMED = ((), (), None, None)
_SIZE = re.compile(r"(?:[2-9]?X-)?(?:Small|Large)|Medium")
_PRODUCT = re.compile(r"[A-Z_]{1,32}")
_DATASETS = {
    "Functions": "function",
    "OnlineTables": "table",
    "RegisteredModels": "model",
    "Tables": "table",
    "Volumes": "volume",
}
_ANSWERED = frozenset({"create", "get", "read", "update"})
_HTTP_VERBS = {
    "GET": Action.READ,
    "HEAD": Action.READ,
    "POST": Action.WRITE,
    "PUT": Action.WRITE,
    "PATCH": Action.WRITE,
    "DELETE": Action.WRITE,
}


def site_of(owner: str, method: str, function: Callable[..., Any]) -> Site:
    """Return how the calls of a service's method are described.

    Args:
        owner: Name of the class.
        method: Name of the method.
        function: The method itself, for its signature.
    """
    service = base_name(owner)
    kind = operation_type(owner, method)
    extract = extractor(service, method, function, kind.action)
    if service == "StatementExecution" and method.startswith("execute"):
        return _site(statements.EXECUTE, _describe_statement(extract, _positions(function)), statements.executed)
    return _site(kind, _describe(kind, extract), _observer(service, method))


def waiter_site(module: str) -> Site:
    """Return how waiting for a long-running operation of a service module is described."""
    kind = waiter_type(module)
    return _site(kind, _describe(kind, None), None)


def _site(kind: OperationType, describe: Describe, observe: Observe | None) -> Site:
    return Site(
        kind.name, PROVIDER, LIBRARY, kind.span, kind.action, describe, observe, failed, counts_requests=True
    )  # fmt: skip


def _describe(kind: OperationType, extract: Extract | None) -> Describe:
    name, span, action, resource = kind

    def describe(governor: Governor, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Operation:
        config = config_of(instance)
        host = host_of(config)
        reads, writes, found, identifier = _NOTHING_NAMED if extract is None else extract(args, kwargs, host)
        return Operation(
            name, PROVIDER, name, span, action, governor.attribution(host), host, found or resource, identifier, reads,
            writes, None, None, None, attributes_of(governor, host, config), governor.container(), False, LIBRARY,
        )  # fmt: skip

    return describe


def _positions(function: Callable[..., Any]) -> int:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return names.index("statement") - 1 if "statement" in names else len(names)


def _describe_statement(extract: Extract | None, position: int) -> Describe:
    def describe(governor: Governor, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Operation:
        config = config_of(instance)
        host = host_of(config)
        _, _, _, warehouse = _NOTHING_NAMED if extract is None else extract(args, kwargs, host)
        text = args[position] if len(args) > position else kwargs.get("statement")
        place = Place("databricks", host, *(_text(kwargs.get(name)) for name in ("catalog", "schema")))
        (name, span, action, _), statement = statements.described(text, place)
        if statement is not None and isinstance(text, str):
            governor.read(statement, text)
        return Operation(
            name, PROVIDER, name, span, action, governor.attribution(host), host, "sql_warehouse", warehouse, (), (),
            statement, None, None, attributes_of(governor, host, config), governor.container(), False, LIBRARY,
        )  # fmt: skip

    return describe


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def direct_site(method: str, path: object) -> Site:
    """Return how a request that the program makes itself, without a service's method, is described.

    Args:
        method: HTTP method.
        path: Path of the request; its version and the API's own words leave, names and ids do not.
    """
    verb = method.upper() if method.upper() in _HTTP_VERBS else "request"
    kind = named(f"api.{verb.lower()}", _HTTP_VERBS.get(verb, Action.WRITE))
    attribute = {API_PATH: path_class(path)}

    def describe(governor: Governor, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Operation:
        operation = plain(governor, instance, args, kwargs)
        return operation._replace(attributes={**operation.attributes, **attribute})

    plain = _describe(kind, None)
    return _site(kind, describe, None)


def failed(_: Operation, error: Any) -> Facts | None:
    """Return the platform's code of an error, never its message."""
    code = statements.coded(getattr(error, "error_code", None))
    return None if code is None else Facts(error_code=code)


def _observer(service: str, method: str) -> Observe | None:
    seen = _seen(service, method)
    further = COLUMNS.get(method) if service == "Tables" else NAMING.get((service, method.removesuffix("_and_wait")))
    return seen if further is None else further if seen is None else _both(seen, further)


def _both(first: Observe, second: Observe) -> Observe:
    def observe(operation: Operation, result: Any) -> Facts | None:
        one, other = first(operation, result), second(operation, result)
        return one.merged(other) if one is not None and other is not None else one or other

    return observe


def _seen(service: str, method: str) -> Observe | None:
    if service == "StatementExecution":
        return statements.polled if method == "get_statement" else None
    if service == "Warehouses":
        return _warehouse if _WAREHOUSE_METHODS.fullmatch(method) else None
    if service == "Metastores":
        return _workspace if method in {"summary", "current"} else None
    if service == "Files":
        return _downloaded if method == "download" else None
    return _answered(_DATASETS[service]) if service in _DATASETS and method in _ANSWERED else None


_WAREHOUSE_METHODS = re.compile(r"get|list|wait_get_warehouse_\w+|\w+_and_wait")


def _warehouse(_: Operation, result: Any) -> Facts | None:
    """Return the size and kind of a warehouse that a response shows."""
    identifier = identifier_of(getattr(result, "id", None))
    serverless, clusters = getattr(result, "enable_serverless_compute", None), getattr(result, "num_clusters", None)
    facts = {
        "cluster_size": identified(getattr(result, "cluster_size", None), _SIZE),
        "warehouse_type": statements.coded(getattr(result, "warehouse_type", None), _PRODUCT),
        "serverless": serverless if isinstance(serverless, bool) else None,
        "num_clusters": clusters if isinstance(clusters, int) else None,
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return Facts(learnt=(Learnt("warehouse", identifier, known),)) if identifier and known else None


def _workspace(_: Operation, result: Any) -> Facts | None:
    learnt = workspace_facts(result)
    return Facts(learnt=learnt) if learnt else None


def _downloaded(_: Operation, result: Any) -> Facts | None:
    length = getattr(result, "content_length", None)
    return Facts(bytes=length) if isinstance(length, int) else None


def _answered(kind: str) -> Observe:
    """Return what takes a dataset's whole name from a response where the call named it in part or not at all."""

    def observe(operation: Operation, result: Any) -> Facts | None:
        if any(len(ref.parts) == ARITY[kind] for ref in (*operation.writes, *operation.reads)):
            return None
        # A `Wait` answers every unknown attribute with a KeyError, so it is not asked for any.
        response = result.response if type(result).__name__ == "Wait" else result
        ref = _full_name(kind, response, operation.host)
        if ref is None:
            return None
        return Facts(reads=(ref,)) if operation.action is Action.READ else Facts(writes=(ref,))

    return observe


def _full_name(kind: str, result: Any, host: str | None) -> DatasetRef | None:
    parts = tuple(getattr(result, part, None) for part in ("catalog_name", "schema_name", "name"))
    if all(isinstance(part, str) for part in parts):
        name = ".".join("`" + str(part).replace("`", "``") + "`" for part in parts)
    else:
        name = getattr(result, "full_name", None) or getattr(result, "name", None)
    ref = named_dataset(name, kind, host)
    return ref if ref is not None and len(ref.parts) == ARITY[kind] else None
