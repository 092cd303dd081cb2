"""Which calls of the Databricks SDK name both sides of a flow of data: the whole list, by method.

A file or stream of the program is one side of an upload and a download, and is named as no more than that. Of a path
on the platform the volume is named; a path outside of every volume leaves no edge. What is only opened by a call, as by
`dbfs.download`, is named by the download that follows when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from genops.core.edges import LOCAL_FILE, flows
from genops.core.operation import Facts, Operation

if TYPE_CHECKING:
    from genops.core.shapes import Observe

_LOCAL = (LOCAL_FILE,)


def _landed(operation: Operation, _: Any) -> Facts | None:
    """Something of the program went into a volume."""
    return Facts(edges=flows(_LOCAL, operation.writes)) if operation.writes else None


def _taken(operation: Operation, _: Any) -> Facts | None:
    """Something of a volume came to the program."""
    return Facts(edges=flows(operation.reads, _LOCAL)) if operation.reads else None


def _carried(operation: Operation, _: Any) -> Facts | None:
    """What was read is what was written."""
    edges = flows(operation.reads, operation.writes)
    return Facts(edges=edges) if edges else None


NAMING: Final[dict[tuple[str, str], Observe]] = {
    ("Files", "upload"): _landed,
    ("Files", "upload_from"): _landed,
    ("Files", "download"): _taken,
    ("Files", "download_to"): _taken,
    ("Dbfs", "upload"): _landed,
    ("Dbfs", "put"): _landed,
    ("Dbfs", "copy"): _carried,
    ("Dbfs", "move"): _carried,
    ("Dbfs", "move_"): _carried,
    ("Database", "create_synced_database_table"): _carried,
    ("OnlineTables", "create"): _carried,
    ("VectorSearchIndexes", "create_index"): _carried,
}
"""What a call that returned says of the flow, by service and method."""
