"""Which paths belong to an API of Databricks at all, served here or not.

The families are those of every path of databricks-sdk 0.156.0 and of the REST reference: what lies in one is
refused as not implemented, anything else is answered as the service answers a path that it does not know.
"""

from __future__ import annotations

import re

_SECOND_VERSION = (
    "access-control|accounts|account|agents|ai-functions|ai-search|alerts|app-spaces|apps|apps-settings|automl|bundle"
    "|clean-rooms|clusters|credentials-manager|custom-llms|data-sharing|database|dbfs|domains|entity-tag-assignments"
    "|external-function|feature-engineering|feature-store|fs|genie|git-credentials|global-init-scripts|groups|identity"
    "|instance-pools|instance-profiles|ip-access-lists|jobs|knowledge-assistants|lakeview|libraries|lineage-tracking"
    "|marketplace-consumer|marketplace-exchange|marketplace-provider|mlflow|mlflow-artifacts"
    "|notification-destinations|online-tables|permissionmigration|permissions|pipelines|policies|policy-families"
    "|postgres|preview|quality-monitoring|quality-monitors|redash-v2|repos|sandbox-exec|sandbox-files|sandboxes"
    "|secrets|serving-endpoints|settings|settings-metadata|sql|supervisor-agents|tag-policies|token"
    "|token-management|tracing|unity-catalog|vector-search|workspace|workspace-conf"
)
_SQL = "alerts|alerts-legacy|config|dashboards|data_sources|endpoints|history|permissions|queries|sessions|statements"
_UNITY = (
    "artifact-allowlists|bindings|catalogs|connections|constraints|credentials|current-metastore-assignment"
    "|effective-permissions|effective-privilege-assignments|entity-tag-assignments|external-locations|functions"
    "|lineage|mcp-services|metastore_summary|metastores|model-provider-services|model-services|models|permissions"
    "|policies|privilege-assignments|providers|public|recipients|resource-quotas|schemas|secrets|shares|skills"
    "|staging-tables|storage-credentials|table-summaries|tables|temporary-[a-z-]+|validate-[a-z-]+|volumes"
    "|workspace-bindings|workspaces"
)
_FAMILIES = re.compile(
    rf"""
    (?: /api/1\.2/(?:clusters|commands|contexts)
  | /api/2\.[0-2]/(?!sql/|unity-catalog/)(?:{_SECOND_VERSION})
  | /api/2\.0/sql/(?:{_SQL}|visualizations|warehouses)
  | /api/2\.[01]/unity-catalog/(?:{_UNITY})
  | /api/3\.0/rfa
  | /api/(?:data-classification|data-quality|disaster-recovery|environments|networking|warehouses)/v1
  | /oidc | /serving-endpoints | /sql/1\.0 | /sql/protocolv1 | /telemetry-ext
    )(?=[/:]|$)
    """,
    re.VERBOSE,
)


def no_such_api(method: str, path: str) -> str | None:
    """What the service says of a path that no API of Databricks has; nothing where one has it.

    >>> no_such_api("GET", "/api/2.0/pipelines/1"), no_such_api("GET", "/api/2.0/pipelines-of-mine")
    (None, "No API found for 'GET /pipelines-of-mine'")
    """
    if _FAMILIES.match(path):
        return None
    return f"No API found for '{method} {re.sub(r'^/api/[0-9.]+(?=/)', '', path)}'"
