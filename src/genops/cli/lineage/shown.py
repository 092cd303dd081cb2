"""What was found, with names as they may be shown: an address loses its key, and what is no name is a question mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.lineage.sql.sensitive import address, presentable_parts
from genops.lineage.sql.understood import Table, dotted, is_path

if TYPE_CHECKING:
    from genops.lineage.sql.understood import Understood


def shown(found: Understood) -> Understood:
    """Return a statement as it may be shown.

    >>> from genops.lineage.sql.understanding import understand
    >>> shown(understand("SELECT id FROM read_files('s3://b/x?sig=abc')", "databricks")[0]).columns[0].source
    's3://b/x.id'
    """
    tables = dict.fromkeys((*found.reads, *found.writes))
    changed = {dotted(table): dotted(safe) for table in tables if (safe := _safe(table)) != table}
    if not changed:
        return found
    return found._replace(
        reads=tuple(dict.fromkeys(map(_safe, found.reads))),
        writes=tuple(dict.fromkeys(map(_safe, found.writes))),
        columns=tuple(
            each._replace(target=_renamed(each.target, changed), source=_renamed(each.source, changed))
            for each in found.columns
        ),
        unresolved=tuple(
            each._replace(
                name=_renamed(each.name, changed),
                candidates=tuple(_renamed(candidate, changed) for candidate in each.candidates),
            )
            for each in found.unresolved
        ),
    )


def _safe(table: Table) -> Table:
    if is_path(table):
        return (*table[:-1], address(table[-1]))
    return presentable_parts(table)


def _renamed(name: str, changed: dict[str, str]) -> str:
    """Return the name of a table or of its column with the table's name as it may be shown."""
    for old, new in changed.items():
        if name == old or name.startswith(old + "."):
            return new + name[len(old) :]
    return name
