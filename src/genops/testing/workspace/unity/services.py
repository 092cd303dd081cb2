"""All services of Unity Catalog over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.unity.bindings import BindingService
from genops.testing.workspace.unity.constraints import ConstraintService
from genops.testing.workspace.unity.external import ExternalService
from genops.testing.workspace.unity.lineage import LineageService
from genops.testing.workspace.unity.model_rest import ModelService
from genops.testing.workspace.unity.permissions import PermissionService
from genops.testing.workspace.unity.policies import PolicyService
from genops.testing.workspace.unity.rest import UnityService
from genops.testing.workspace.unity.stored import StoredService
from genops.testing.workspace.unity.tagging import TagService

if TYPE_CHECKING:
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
