"""What a method of the Databricks SDK is called in telemetry: a resource, a verb, and the class of the operation.

The tables hold where the guide's or the platform's own word differs from the name of the SDK's class; everything else,
classes of SDK versions to come included, follows the general rule: CamelCase to snake_case, and singular.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from genops.core.operation import Action

SPAN_PREFIX = "genops.databricks.unity_catalog."

_RESOURCES = {
    "CurrentUser": "current_user",
    "Dbfs": "dbfs",
    "DbsqlPermissions": "sql_permission",
    "DisableLegacyDbfs": "disable_legacy_dbfs",
    "Lakeview": "dashboard",
    "LakeviewEmbedded": "dashboard",
    "ModelRegistry": "model",
    "ModelVersions": "model",
    "OAuthPublishedApps": "oauth_published_app",
    "Postgres": "postgres",
    "RegisteredModels": "model",
    "Rfa": "access_request",
    "SecretsUc": "secret",
    "ServingEndpointsDataPlane": "serving_endpoint",
    "StatementExecution": "statement",
    "Warehouses": "sql_warehouse",
    "WorkspaceConf": "workspace_conf",
    "Workspaces": "account_workspace",
}
_MODULES = {"bundledeployments": "bundle_deployment", "ml": "feature", "networking": "network", "postgres": "postgres"}
_DATA_WORDS = (
    "catalog dbfs feature_engineering feature_store file function genie job materialized_feature model online_table"
    " pipeline schema statement table table_constraint vector_search_index volume workspace"
)
_READ_WORDS = (
    "all build check cluster command context current download events exists export find get list logs me read resolve"
    " retrieve search select share spark summary validate wait"
)
_DATA, _READS = frozenset(_DATA_WORDS.split()), frozenset(_READ_WORDS.split())
_QUERIES = frozenset({"ai", "execute", "http", "query", "scan"})
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INVARIABLE = ("ss", "us", "is", "bricks")


class OperationType(NamedTuple):
    """How an operation is named.

    Attributes:
        name: Operation type, for example `catalog.list`.
        span: Name of its span.
        action: Class of the operation.
        resource: The resource word, for example `catalog`.
    """

    name: str
    span: str
    action: Action
    resource: str


def operation_type(owner: str, method: str) -> OperationType:
    """Return how a method of a service class is named.

    Args:
        owner: Name of the class, for example `CatalogsAPI` or `ClustersExt`.
        method: Name of the method.

    >>> operation_type("WarehousesAPI", "start_and_wait").name, operation_type("JobsExt", "run_now").name
    ('sql_warehouse.start', 'job.run_now')
    >>> operation_type("VectorSearchEndpointsAPI", "create_endpoint").name
    'vector_search_endpoint.create'
    >>> operation_type("ClustersAPI", "wait_get_cluster_running").name
    'cluster.wait'
    """
    resource = resource_of(owner)
    verb = _verb(resource, method)
    return named(f"{resource}.{verb}", _action(resource, method))


def waiter_type(module: str) -> OperationType:
    """Return how waiting for a long-running operation of a service module is named.

    Args:
        module: Last part of the module's name.

    >>> waiter_type("apps").name
    'app.wait'
    """
    return named(f"{_MODULES.get(module) or _singular(module)}.wait", Action.READ)


def named(name: str, action: Action) -> OperationType:
    """Return an operation type with the name of its span."""
    return OperationType(name, SPAN_PREFIX + name, action, name.partition(".")[0])


def base_name(owner: str) -> str:
    """Return a class name without the suffix that tells a service from its extension.

    >>> base_name("JobsExt"), base_name("JobsAPI")
    ('Jobs', 'Jobs')
    """
    return owner[:-3]


@lru_cache(maxsize=1024)
def resource_of(owner: str) -> str:
    """Return the resource word of a service class.

    >>> resource_of("ServingEndpointsExt"), resource_of("AlertsV2API"), resource_of("ClusterPoliciesAPI")
    ('serving_endpoint', 'alert', 'cluster_policy')
    """
    base = base_name(owner)
    if base in _RESOURCES:
        return _RESOURCES[base]
    words = _WORD.sub("_", re.sub(r"(V\d+|Legacy)$", "", base)).lower()
    return _singular(words)


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("xes", "sses", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(_INVARIABLE) else word


def _verb(resource: str, method: str) -> str:
    """Return a method's name without the resource that it repeats."""
    if method.startswith("wait_"):
        return "wait"
    verb, _, rest = method.rstrip("_").removesuffix("_and_wait").partition("_")
    for tail in _tails(resource):
        if _singular(rest) == tail:
            return verb
        if rest.startswith(tail + "_"):
            return f"{verb}_{rest[len(tail) + 1 :]}"
    return f"{verb}_{rest}" if rest else verb


@lru_cache(maxsize=1024)
def _tails(resource: str) -> tuple[str, ...]:
    """Return the words by which a method may repeat its resource.

    >>> _tails("vector_search_index")
    ('vector_search_index', 'search_index', 'index')
    """
    words = resource.split("_")
    return tuple("_".join(words[start:]) for start in range(len(words)))


def _action(resource: str, method: str) -> Action:
    verb = method.removeprefix("batch_").partition("_")[0]
    if verb in _QUERIES:
        return Action.QUERY
    if verb in _READS:
        return Action.READ
    return Action.WRITE if resource in _DATA else Action.ADMIN
