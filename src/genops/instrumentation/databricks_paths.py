"""Paths of the Databricks API, told without the names and ids that they hold."""

from __future__ import annotations

import re
from typing import Final

_API = re.compile(r"(/api/\d\.\d/)([^?#]+)")
_MAX_SEGMENTS = 6

_WORDS = (
    "access-control accounts agents ai-functions ai-search alerts apps automl bundle cancel catalogs chunks"
    " clean-rooms clusters column-lineage commands connections contexts create credentials-manager dashboards"
    " data-sharing database dbfs delete edit effective-permissions endpoints entity-tag-assignments events execute"
    " experiments external-lineage external-locations external-metadata feature-engineering feature-store files fs"
    " functions genie get git-credentials global-init-scripts groups history identity indexes instance-pools"
    " instance-profiles ip-access-lists jobs knowledge-assistants lakeview libraries lineage-tracking list"
    " marketplace-consumer marketplace-exchange marketplace-provider metastore_summary metastores mlflow models"
    " notification-destinations online-tables permissions pipelines policies policy-families postgres preview"
    " providers quality-monitoring quality-monitors queries recipients repos result run-now runs sandboxes schemas"
    " scim secrets serving-endpoints sessions settings shares sql start statements stop storage-credentials submit"
    " supervisor-agents table-lineage table-summaries tables tag-policies tags temporary-table-credentials token"
    " token-management unity-catalog update updates v2 vector-search volumes warehouses workspace workspace-conf"
    " workspaces"
)
WORDS: Final = frozenset(_WORDS.split())
"""Words of the API's own paths; whatever is not one of them is a name or an id."""


def path_class(path: object) -> str:
    """Return a path's version and known words, everything else replaced.

    >>> path_class("/api/2.0/lineage-tracking/table-lineage")
    '/api/2.0/lineage-tracking/table-lineage'
    >>> path_class("/api/2.1/unity-catalog/tables/main.hr.pay?token=x"), path_class("https://user:pw@host/x")
    ('/api/2.1/unity-catalog/tables/{}', '{}')
    """
    found = _API.match(path) if isinstance(path, str) else None
    if found is None:
        return "{}"
    segments = found.group(2).split("/")[:_MAX_SEGMENTS]
    return found.group(1) + "/".join(word if word in WORDS else "{}" for word in segments)
