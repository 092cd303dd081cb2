"""One function that names any dataset by OpenLineage's naming specification, and one that takes a name apart again."""

from __future__ import annotations

from collections.abc import Sequence

from genops.core.operation import DatasetRef
from genops.lineage.naming.identifiers import join, split
from genops.lineage.naming.named import LOCATION, TABLE, Named
from genops.lineage.naming.paths import is_path, name_path
from genops.lineage.naming.stores import Store, is_store, store
from genops.lineage.naming.systems import GLUE

UNRESOLVED = "unresolved"
"""The namespace of a name of which nobody said where it is resolved."""


def name(dataset: DatasetRef | Sequence[str] | str, at: str | None = None, *, path: str | None = None) -> Named:
    """Return what a dataset is called.

    A part that holds a dot keeps its quotes in the name, so that two datasets never share one. Letters stay as they
    are given; `identifiers.split(…, folded=True)` gives them as the platform stores them.

    Args:
        dataset: A dataset of an operation; parts without quotes; or a text: a path, a URI, or a name as a statement of
            the system spells it.
        at: Where the name is resolved: the host of a Databricks workspace, or the URL of another system (`hive://…`,
            `snowflake://…`, `jdbc:…`, `bigquery`, `kafka://…`, the ARN of a Glue catalog …). A dataset of an operation
            brings its own, its `host`.
        path: Where the data of a table lies, if that is known. It becomes a symlink.

    Raises:
        InvalidArgument: The URL is of no system that the specification knows, or the name cannot be taken apart.

    >>> name("main.sales.orders", "acme.cloud.databricks.com", path="s3a://lake/orders")
    Named(namespace='unitycatalog://acme.cloud.databricks.com', name='main.sales.orders', \
symlinks=(Symlink(namespace='s3://lake', name='orders', type='LOCATION'),))
    >>> name(("sales", "orders"), "arn:aws:glue:eu-west-1:123456789012")[:2]
    ('arn:aws:glue:eu-west-1:123456789012', 'table/sales/orders')
    >>> name("public.orders", "jdbc:postgresql://db.acme.com/shop")[:2]
    ('postgres://db.acme.com:5432', 'shop.public.orders')
    """
    named = _of_ref(dataset, at) if isinstance(dataset, DatasetRef) else _of_name(dataset, at)
    if path is None:
        return named
    return named._replace(symlinks=(*named.symlinks, name_path(path, _host(at)).symlink(LOCATION)))


def parts_of(named: Named) -> tuple[str, ...]:
    """Return the parts of a dataset's name, without quotes; a path is one part.

    >>> parts_of(name(("main", "a.b", "c"), "acme.cloud.databricks.com"))
    ('main', 'a.b', 'c')
    """
    if named.namespace == UNRESOLVED:
        return split(named.name)
    if not is_store(named.namespace):
        return (named.name,)
    system = store(named.namespace).system
    if system is GLUE and named.name.startswith("table/"):
        return tuple(named.name.split("/", 2)[1:])
    return (named.name,) if system.template or system.arity == 1 else split(named.name, system.dialect)


def _of_ref(ref: DatasetRef, at: str | None) -> Named:
    where = at or ref.host
    if ref.kind == "file":
        return Named("file", "/".join(ref.parts))
    if ref.kind == "path" or (len(ref.parts) == 1 and is_path(ref.parts[0])):
        return name_path("/".join(ref.parts), _host(where))
    named = _of_name(ref.parts, where)
    if ref.kind != "volume":
        return named
    return named._replace(symlinks=(name_path("dbfs:/Volumes/" + "/".join(ref.parts), _host(where)).symlink(LOCATION),))


def _of_name(given: Sequence[str] | str, at: str | None) -> Named:
    if isinstance(given, str) and is_path(given):
        return name_path(given, _host(at))
    if at is None:
        return Named(UNRESOLVED, join(split(given) if isinstance(given, str) else given))
    where = store(at)
    return Named(where.namespace, where.name(_parts(given, where)))


def _parts(given: Sequence[str] | str, where: Store) -> tuple[str, ...]:
    """Return the parts of a name; a topic or a queue has one, whatever characters it holds."""
    if not isinstance(given, str):
        return tuple(given)
    return (given,) if where.system.arity == 1 else split(given, where.system.dialect)


def _host(at: str | None) -> str | None:
    """Return the workspace on which a path is used; other systems have no paths of their own."""
    if at is None:
        return None
    namespace = store(at).namespace
    return namespace.removeprefix("unitycatalog://") if namespace.startswith("unitycatalog://") else None


__all__ = ["TABLE", "UNRESOLVED", "name", "parts_of"]
