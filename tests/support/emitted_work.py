"""Representative work: together it makes genops emit everything that it can emit, in one process and a few seconds."""

from __future__ import annotations

import io
import math
import os
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from unittest import mock

import genops
from genops.core import current
from genops.core.amounts import Grade
from genops.core.attribution import Attribution
from genops.core.decisions import PolicyResult
from genops.core.operation import NOTHING, Facts, Late, Learnt, Operation, Place, Statement
from genops.core.ports import NoPrices
from genops.errors import GovernanceError
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.resource import build_resource
from genops.testing import LocalWorkspace, runtime
from support.connecting import connected
from support.governed import SECRET, BrokenLedger, DenyAll, Prices, call, job_run, statement, usd
from support.otlp import Receiver
from support.sdk import workspace_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from databricks.sdk import WorkspaceClient

    from genops.core.governor import Governor
    from genops.runtime import Runtime

WHO = {"team": "data-eng", "project": "sales", "environment": "test"}
EVERYBODY = {**WHO, "cost_center": "cc-1", "customer_id": "c-1", "feature": "f", "user": "u", "business_unit": "b"}
INVALID = "invalid.run"
"""Type of the operations that say what the registry does not allow."""
LANDING = "/Volumes/main/raw/landing"


@contextmanager
def governed(folder: Path, name: str, **settings: Any) -> Iterator[Runtime]:
    """Run the SDK under a runtime that exports to a file of its own, and read its metrics at the end."""
    with runtime(export=str(folder / f"{name}.jsonl"), **settings) as built:
        genops.instrument("databricks_sdk", "databricks_sql")
        try:
            yield built
            assert built.flush(60)
        finally:
            genops.uninstrument("databricks_sdk", "databricks_sql")


def everything(folder: Path) -> list[Mapping[str, Any]]:
    """Do all of the work; return the attributes of the resources that come with it."""
    with LocalWorkspace(warehouse_size="Small", transition_polls=0, chunk_rows=10) as workspace:
        client = workspace_client(workspace)
        facts = {workspace.host: {"tier": workspace.tier.lower(), "metastore_id": "m-1"}}
        with governed(folder, "sdk", workspaces=facts, budgets=_budgets(), performance_metrics=True, **EVERYBODY):
            with genops.workflow("nightly"):
                catalog(client)
                sql(client, workspace.warehouse_id)
                connector(workspace)
                compute(client, workspace)
                # A statement has little room left for its budget; what names a table has.
                call(op_reads=(SECRET,), op_amount=usd(1))
            with suppress(ValueError), genops.workflow("broken"):
                raise ValueError
        with governed(folder, "refused", workspaces=facts, mode="enforce", **_rules(), **WHO):
            refused(client, workspace.warehouse_id)
    with governed(folder, "spine", policies=_rules()["policies"], **WHO) as built:
        spine(built.governor)
        unpriced(built.governor)
        understood(built.governor)
    with governed(folder, "strict", mode="enforce", **WHO) as built:
        strict(built.governor)
    receivers(folder)
    with governed(folder, "nobody", validate=True):
        unattributed()
        invalid()
    return [build_resource(TelemetryConfig(environment="test"), PLATFORM).attributes]


PLATFORM = {
    "DATABRICKS_RUNTIME_VERSION": "16.4",
    "DATABRICKS_WORKSPACE_ID": "1",
    "DATABRICKS_JOB_ID": "2",
    "DATABRICKS_RUN_ID": "3",
    "DB_CLUSTER_ID": "4",
    "DATABRICKS_APP_NAME": "app",
}


def _budgets() -> dict[str, Any]:
    periods = ("day", "week", "month", "year", "total")
    return {f"by-{period}": {"limit": 1_000_000, "period": period} for period in periods}


def _rules() -> dict[str, Any]:
    return {
        "policies": {
            "clearance": {"clearances": {"data-eng": "internal"}},
            "unknown": {"clearances": {"data-eng": "internal"}, "on_unresolved": "warn"},
        },
        "tables": {"main.hr.*": "restricted", "main.sales.*": "public"},
        "budgets": {"small": {"limit": 1, "unit": "USD"}, "on_unpriced": "block"},
    }


def catalog(client: WorkspaceClient) -> None:
    """Read and write the catalog and a volume; one answer makes the SDK ask again, one call fails."""
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service.catalog import VolumeType

    client.metastores.summary()
    client.schemas.create(name="raw", catalog_name="main")
    client.volumes.create(catalog_name="main", schema_name="raw", name="landing", volume_type=VolumeType.MANAGED)
    client.files.upload(f"{LANDING}/a.csv", io.BytesIO(b"a,b\n1,2\n"))
    with client.files.download(f"{LANDING}/a.csv").contents as stream:
        stream.read()
    list(client.tables.list("main", "raw"))
    client.api_client.do("GET", "/api/2.1/unity-catalog/catalogs")
    with suppress(NotFound):
        client.tables.get("main.raw.nothing")


def sql(client: WorkspaceClient, warehouse: str) -> None:
    """Run statements that are priced, one with a result that is cut off and one with a result in chunks."""
    client.warehouses.get(warehouse)
    client.statement_execution.execute_statement("CREATE TABLE main.raw.t AS SELECT 1 AS n", warehouse)
    many = "SELECT * FROM range(100)"
    client.statement_execution.execute_statement(many, warehouse, row_limit=5)
    client.statement_execution.execute_statement(many, warehouse)


def connector(workspace: LocalWorkspace) -> None:
    """Run a statement with several sets of parameters through the SQL connector."""
    with connected(workspace, "thrift") as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO main.raw.t VALUES (:n)", [{"n": 2}, {"n": 3}])


def compute(client: WorkspaceClient, workspace: LocalWorkspace) -> None:
    """Name a cluster, a job, a run and a pipeline; a request is refused once for its rate."""
    from databricks.sdk.errors import DatabricksError

    workspace.fault("429", path="/api/2.1/clusters/get", times=1, retry_after=0)
    for ask in (
        lambda: client.clusters.get("0123-cluster"),
        lambda: client.jobs.get(1),
        lambda: client.jobs.get_run(2),
        lambda: client.pipelines.get("p-1"),
    ):
        with suppress(DatabricksError):
            ask()


def refused(client: WorkspaceClient, warehouse: str) -> None:
    """Be refused by a rule, by a budget, and for want of a price or of a class."""
    attempts = (
        lambda: client.tables.get("main.hr.salaries"),
        lambda: client.tables.get("main.other.unclassified"),
        lambda: call(op_amount=usd(50)),
        lambda: client.statement_execution.execute_statement("SELECT 1", "unheard-of"),
        lambda: client.warehouses.get(warehouse),
    )
    for attempt in attempts:
        with suppress(GovernanceError):
            attempt()


def spine(governor: Governor) -> None:
    """What needs a port of a program's own, or a later word: faults, grades, corrections, facts that come late."""
    with genops.operation("load", type="table.load", writes=["main.sales.orders"], cost=1) as running:
        call()
        running.observe(rows=2, bytes=10, cost="0.50")
    governor.record(Operation("work.done", "test", attribution=governor.attribution()), Facts(rows=1))
    _correct(governor)
    with _swapped(governor, policy=None):
        call()
    call(observe=lambda *_: Facts(late=Late("never", 3600)))
    governor.begin(Operation("table.list", "test", attribution=governor.attribution())).not_executed()
    call(op_reads=(SECRET,))


def strict(governor: Governor) -> None:
    """Be refused in ways that a rule or a ledger of the program's own brings."""
    for ports in (
        {"policy": DenyAll(PolicyResult.BLOCKED, "POLICY_DENY_REGION")},
        {"policy": DenyAll(PolicyResult.RATE_LIMITED, "RATE_LIMITED")},
        {"ledger": BrokenLedger()},
    ):
        with _swapped(governor, **ports), suppress(GovernanceError):
            call()


_PLACE = {"cloud": "aws", "tier": "premium", "region": "us-east-1"}
_SIZE = {"cluster_size": "Small", "warehouse_type": "PRO", "serverless": True}
# What is known of a warehouse and its workspace, and so what is missing for a price.
_KNOWN = (
    ({}, {}),
    ({"serverless": True}, {}),
    ({"cluster_size": "5X-Large"}, {}),
    ({"cluster_size": "Small"}, {}),
    (_SIZE, {}),
    (_SIZE, {"cloud": "aws"}),
    (_SIZE, {"cloud": "aws", "tier": "premium"}),
    (_SIZE, {**_PLACE, "region": "nowhere-1"}),
)


# Understood, in part, by its words, too deep to be parsed, and not at all.
_TEXTS = (
    "INSERT INTO main.gold.daily SELECT day, sum(price) FROM main.sales.orders WHERE price > 1 GROUP BY day",
    "SELECT id FROM main.sales.orders, main.sales.customers",
    "OPTIMIZE main.sales.orders",
    "SELECT " + "(" * 1_000,
    "nothing that is SQL",
)


def unpriced(governor: Governor) -> None:
    """Run statements and other work whose price is not known, for every reason that there is."""
    for number, (warehouse, workspace) in enumerate(_KNOWN):
        _statement(governor, f"host-{number}", warehouse, workspace)
    _statement(governor, "priced", _SIZE, _PLACE, Facts(seconds=math.nan))
    call(op_amount=usd(1))
    with _swapped(governor, pricer=NoPrices()):
        call()
    with _swapped(governor, pricer=None):
        call()
    for _ in range(2):
        call(op_charge=statement("once"), observe=lambda *_: Facts(money=usd(1)))


def _statement(
    governor: Governor, host: str, warehouse: Mapping[str, Any], workspace: Mapping[str, Any], facts: Facts = NOTHING
) -> None:
    governor.inventory.learn(host, Learnt("warehouse", "w", warehouse))
    governor.inventory.learn(host, Learnt("workspace", "", workspace))
    call(
        kind="table.query", observe=lambda *_: facts, op_host=host, op_resource_type="sql_warehouse",
        op_resource_id="w", op_statement=Statement("SELECT", 8, "00"),
    )  # fmt: skip


def understood(governor: Governor) -> None:
    """Run a statement for everything that understanding one may come to."""
    for number, text in enumerate(_TEXTS):
        ran = Statement(None, len(text), f"{number:02}", Place(host="host"))
        governor.read(ran, text)
        governor.statements.within(ran, 60)
        call(kind="table.query", op_host="host", op_statement=ran)


def receivers(folder: Path) -> None:
    """Export to a receiver that takes a part, and to one that takes nothing."""
    for faults in ({"reject": 1}, {"statuses": deque([400] * 10)}):
        with Receiver() as receiver, mock.patch.dict(os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint):
            for name, value in faults.items():
                setattr(receiver.faults, name, value)
            with runtime(export=("otlp", str(folder / "both.jsonl")), performance_metrics=True, **WHO) as built:
                call()
                call()
                built.flush(60)
                built.flush(60)


def _correct(governor: Governor) -> None:
    """Settle what is metered and billed, and correct it."""
    for number, grade in enumerate((Grade.ESTIMATED, Grade.METERED)):
        with _swapped(governor, pricer=Prices(grade)):
            call(observe=lambda *_: Facts(money=usd(1)), op_charge=statement(number))
        governor.witness(statement(number), usd(2), Grade.BILLED, "system.billing.usage")
    with _swapped(governor, pricer=Prices(Grade.BILLED)):
        call(observe=lambda *_: Facts(money=usd(1)), op_charge=job_run(1))


@contextmanager
def _swapped(governor: Governor, **ports: Any) -> Iterator[None]:
    before = {name: getattr(governor, name) for name in ports}
    for name, port in ports.items():
        setattr(governor, name, port)
    try:
        yield
    finally:
        for name, port in before.items():
            setattr(governor, name, port)


def unattributed() -> None:
    """Work that nobody is charged for."""
    assert current.slot.governor is not None
    call(op_attribution=Attribution({"team": "data-eng"}))
    known = Attribution({"project": "sales", "environment": "test"})
    call(op_attribution=known, op_host="acme.cloud.databricks.com", op_resource_type="table")


def invalid() -> None:
    """Say of a span what the registry does not allow, in every way."""
    said: tuple[dict[str, Any], ...] = (
        {"genops.nonsense": "x"},
        {"genops.workflow.units": 1},
        {"genops.statement.length": "long"},
        {"genops.budget.period": "fortnight"},
        {"genops.operation.role": "container"},
    )
    for attributes in said:
        with genops.operation(INVALID, type=INVALID, writes=["main.sales.orders"], **WHO) as running:
            running._run.saw(Facts(attributes=attributes))
