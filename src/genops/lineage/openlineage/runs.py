"""What a unit is in OpenLineage's words: a run of a job, inside the run of a workflow.

A run's id is made of the identity of its unit, a workflow's of the workflow's own identifier, so that every process and
every later event says the same one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from genops.core.edges import LOCAL_FILE
from genops.lineage.naming import Named, name
from genops.lineage.openlineage.facets import Json, facet

if TYPE_CHECKING:
    from genops.core.containers import Container
    from genops.core.operation import DatasetRef, Operation
    from genops.core.records import UnitId

_UNITS = uuid.UUID("3f0c6f0e-5c0b-5d0a-9a43-6c1f7c1b5a10")
_WORKFLOWS = uuid.UUID("6a4c2b1e-7a55-5a0c-8f6e-2f6f0f4f3b21")
_LONGEST = 512


def run_id(unit: UnitId) -> str:
    """Return the id of a unit's run.

    >>> from genops.core.records import UnitId
    >>> run_id(UnitId(1, 2)) == run_id(UnitId(1, 2, 1)) != run_id(UnitId(1, 3))
    True
    """
    return str(uuid.uuid5(_UNITS, f"{unit.trace_id:032x}/{unit.span_id:016x}"))


@lru_cache(maxsize=256)
def workflow_run_id(identifier: str) -> str:
    """Return the id of a workflow's run; its own identifier where that is a UUID.

    >>> workflow_run_id("0123456789abcdef0123456789abcdef")
    '01234567-89ab-cdef-0123-456789abcdef'
    """
    try:
        return str(uuid.UUID(identifier))
    except ValueError:
        return str(uuid.uuid5(_WORKFLOWS, identifier))


def job_name(operation: Operation, named: Callable[[DatasetRef], Named] = name, *, keyed: bool = False) -> str:
    """Return the name of an operation's job: the workflows around it, its own name, and what tells it from others.

    A job is what runs again. So an operation without a name of its own is told from others of its type by the dataset
    that it names, a statement that names none by its first word. Nothing that becomes known later takes part: all
    events of a run name the same job.

    Args:
        operation: What runs.
        named: Says what a dataset is called.
        keyed: The hash of a statement takes part too. Only useful where its key outlives the process.

    >>> from genops.core.operation import DatasetRef, Operation
    >>> job_name(Operation("table.read", "spark", reads=(DatasetRef(("main", "sales", "orders")),)))
    'table.read.main.sales.orders'
    >>> job_name(Operation("read", "spark", reads=(DatasetRef(("s3a://lake/orders/day=1?sig=x",), "path"),)))
    'read.s3://lake/orders'
    >>> job_name(Operation("table.read", "spark", name="load orders"))
    'load orders'
    """
    own = operation.name or operation.type
    told = (own,) if own != operation.type else (own, *_distinctions(operation, named, keyed=keyed))
    whole = ".".join((*(container.name for container in reversed(list(_around(operation)))), *told))
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[: _LONGEST - 17]}.{blake2b(whole.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"


def parent(operation: Operation, namespace: str) -> Json | None:
    """Return the facet that names the workflow around an operation and the outermost one; `None` outside of any."""
    around = list(_around(operation))
    if not around:
        return None
    return facet("ParentRunFacet", **_run(around, namespace), root=_run(around[-1:], namespace))


def moment(ns: int) -> str:
    """Return a time as events state it.

    >>> moment(1_700_000_000_000_001_000)
    '2023-11-14T22:13:20.000001Z'
    """
    seconds, rest = divmod(ns, 1_000_000_000)
    whole = datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    return f"{whole[:-6]}.{rest // 1_000:06d}Z"


def _around(operation: Operation) -> Iterator[Container]:
    """Go through the workflows around an operation, the innermost first."""
    container = operation.container
    while container is not None:
        yield container
        container = container.parent


def _run(around: list[Container], namespace: str) -> Json:
    job = ".".join(container.name for container in reversed(around))
    return {"run": {"runId": workflow_run_id(around[0].id)}, "job": {"namespace": namespace, "name": job}}


def _distinctions(operation: Operation, named: Callable[[DatasetRef], Named], *, keyed: bool) -> Iterator[str]:
    dataset = next((ref for ref in operation.writes + operation.reads if ref != LOCAL_FILE), None)
    statement = operation.statement
    if dataset is not None:
        # As it is named, not as it was given: a path may have been given with a signature.
        found = named(dataset)
        yield f"{found.namespace}/{found.name.lstrip('/')}" if dataset.kind == "path" else found.name
    elif statement is not None and statement.keyword:
        yield statement.keyword.lower()
    if statement is not None and keyed:
        yield statement.hash
