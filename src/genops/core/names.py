"""Names of datasets and hosts as people write them."""

from __future__ import annotations

from urllib.parse import urlsplit

from genops.core.operation import DatasetRef
from genops.errors import InvalidArgument


def split_name(name: str) -> tuple[str, ...]:
    """Split a dotted name; parts in back-ticks may hold dots, a doubled back-tick stands for itself.

    Raises:
        InvalidArgument: A back-tick is not closed, or a part is empty.

    >>> split_name("a.`b.c`.`d``e`")
    ('a', 'b.c', 'd`e')
    """
    parts, part, quoted, position = [""], 0, False, 0
    while position < len(name):
        character = name[position]
        if character == "`" and quoted and name[position + 1 : position + 2] == "`":
            parts[part] += "`"
            position += 1
        elif character == "`":
            quoted = not quoted
        elif character == "." and not quoted:
            parts.append("")
            part += 1
        else:
            parts[part] += character
        position += 1
    if quoted or not all(parts):
        raise InvalidArgument(f"name {name!r}: expected parts joined by dots, as in catalog.schema.table")
    return tuple(parts)


def dataset(name: str | DatasetRef, kind: str = "table") -> DatasetRef:
    """Return the dataset that a name stands for.

    Raises:
        InvalidArgument: The name cannot be split.

    >>> dataset("main.sales.orders").parts
    ('main', 'sales', 'orders')
    """
    if isinstance(name, DatasetRef):
        return name
    if not isinstance(name, str) or not name.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"dataset {name!r}: expected a name such as 'catalog.schema.table'")
    return DatasetRef(split_name(name.strip()), kind)


def host_of(url: str) -> str:
    """Return the network location of a workspace URL, without scheme, credentials and path.

    >>> host_of("https://acme.cloud.databricks.com/?o=1"), host_of("acme.cloud.databricks.com")
    ('acme.cloud.databricks.com', 'acme.cloud.databricks.com')
    """
    return urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2].lower()
