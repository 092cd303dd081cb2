"""What a dataset is called: a namespace, a name in it, and the other names of the same data."""

from __future__ import annotations

from typing import NamedTuple

TABLE, LOCATION = "TABLE", "LOCATION"


class Symlink(NamedTuple):
    """Another name of the same data.

    Attributes:
        namespace: Where that name is resolved.
        name: The name.
        type: `TABLE`, or `LOCATION` for a path.
    """

    namespace: str
    name: str
    type: str


class Named(NamedTuple):
    """The name of a dataset by OpenLineage's naming specification.

    Attributes:
        namespace: Where the name is resolved, for example `unitycatalog://acme.cloud.databricks.com`.
        name: For example `main.sales.orders`.
        symlinks: Other names of the same data: the path of a table, the table of a path.
    """

    namespace: str
    name: str
    symlinks: tuple[Symlink, ...] = ()

    def symlink(self, type_: str) -> Symlink:
        """Return this name as a symlink of the given type."""
        return Symlink(self.namespace, self.name, type_)
