"""OpenLineage: run events of what ran, and lineage for Unity Catalog's own graph."""

from __future__ import annotations

from genops.lineage.openlineage.catalog import UnityCatalogLineage
from genops.lineage.openlineage.destinations import Console, Destination, File
from genops.lineage.openlineage.receiver import Http
from genops.lineage.openlineage.sink import Counts, OpenLineage

__all__ = ["Console", "Counts", "Destination", "File", "Http", "OpenLineage", "UnityCatalogLineage"]
