"""What datasets are called, by OpenLineage's naming specification, so that lineage of different sources joins."""

from __future__ import annotations

from genops.lineage.naming.datasets import UNRESOLVED, name, parts_of
from genops.lineage.naming.named import LOCATION, TABLE, Named, Symlink

__all__ = ["LOCATION", "TABLE", "UNRESOLVED", "Named", "Symlink", "name", "parts_of"]
