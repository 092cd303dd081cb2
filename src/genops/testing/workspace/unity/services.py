"""All services of Unity Catalog over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.unity.bindings import BindingService
from genops.testing.workspace.unity.constraints import ConstraintService
from genops.testing.workspace.unity.external import ExternalService
from genops.testing.workspace.unity.lineage import LineageService
from genops.testing.workspace.unity.model_rest import ModelService
from genops.testing.workspace.unity.online import OnlineTableService
from genops.testing.workspace.unity.permissions import PermissionService
from genops.testing.workspace.unity.policies import PolicyService
from genops.testing.workspace.unity.rest import UnityService
from genops.testing.workspace.unity.stored import StoredService
from genops.testing.workspace.unity.synced import DatabaseService
from genops.testing.workspace.unity.tagging import TagService
from genops.testing.workspace.unity.vector_indexes import VectorSearchService

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.wire import Service
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages


def unity_services(catalog: UnityCatalog, pages: Pages, journal: Journal) -> list[Service]:
    """Every service, over the same objects.

    Args:
        catalog: The objects.
        pages: How lists are cut.
        journal: Knows the lineage of what ran.
    """
    return [
        UnityService(catalog, pages),
        ModelService(catalog, pages),
        PermissionService(catalog, pages),
        TagService(catalog, pages),
        PolicyService(catalog, pages),
        StoredService(catalog, pages),
        ConstraintService(catalog),
        BindingService(catalog, pages),
        ExternalService(catalog, pages),
        LineageService(catalog, journal),
    ]


def filled_services(
    catalog: UnityCatalog, pages: Pages, clock: Clock, polls: int
) -> dict[str, OnlineTableService | DatabaseService | VectorSearchService]:
    """Tables that the platform fills, by the name under which they last.

    Args:
        catalog: The objects.
        pages: How lists are cut.
        clock: Gives the times.
        polls: How many reads show one being prepared.
    """
    return {
        "online_tables": OnlineTableService(catalog, clock, polls),
        "database": DatabaseService(catalog, pages, clock, polls),
        "vector_search": VectorSearchService(catalog, pages, clock, polls),
    }
