"""Every setting has its effect: one row a setting, and a row that is missing fails."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import genops
from genops.core import current, shapes
from genops.core.names import dataset
from genops.core.operation import Action, Operation, Statement
from genops.settings import Settings, leaves, load
from genops.testing import runtime
from support.recording import RecordingSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "acme.cloud.databricks.com"
WHO = {"team": "t", "project": "p", "environment": "e"}
PRICED = {"workspaces": {HOST: {"cloud": "aws", "tier": "premium", "region": "us-east-1"}}}


@contextmanager
def governed(**settings: Any) -> Iterator[RecordingSink]:
    """Run under a runtime of these settings alone."""
    sink = RecordingSink()
    with runtime(sinks=[sink], **{**WHO, **settings}):
        yield sink


def run(kind: str = "table.get", facts: Any = None, **fields: Any) -> Any:
    """Make one governed call, of which `facts` become known, and return what it returned."""

    def describe(governor: Any, *_: object) -> Operation:
        given = {"host": HOST, "attribution": governor.attribution(fields.get("host", HOST)), **fields}
        return Operation(kind, "databricks_unity_catalog", kind, f"genops.x.{kind}", library="tests", **given)

    site = shapes.Site(kind, "databricks_unity_catalog", "tests", describe=describe, observe=lambda *_: facts)
    return shapes.call(site, lambda: "result", None, (), {})


def run_statement() -> None:
    """Make one governed call that runs a statement on a warehouse whose size is known."""
    from genops.core.operation import Learnt

    governor = current.slot.governor
    assert governor is not None
    facts = {"cluster_size": "Small", "warehouse_type": "PRO", "serverless": True}
    governor.inventory.learn(HOST, Learnt("warehouse", "w", facts))
    run(
        "table.query",
        action=Action.QUERY,
        resource_type="sql_warehouse",
        resource_id="w",
        statement=Statement("SELECT", 8, "00"),
    )


def mode(_: Path) -> None:
    """Off passes through, observe warns, enforce refuses."""
    empty = {"budgets": {"b": {"limit": 0, "unit": "call"}}}
    with governed(mode="off", **empty) as sink:
        run()
        assert sink.records == []
    with governed(mode="observe", **empty) as sink:
        run()
        assert sink.admitted[0].decision.result.value == "WARNING"
    with governed(mode="enforce", **empty) as sink, pytest.raises(genops.BudgetExceeded):
        run()


def on_fault(_: Path) -> None:
    """A policy that fails blocks, or lets run, as it says."""

    class Broken:
        needs: frozenset[str] = frozenset()

        def evaluate(self, *_: object) -> Any:
            raise RuntimeError

    for said, refused in (("block", True), ("allow", False)):
        with governed(mode="enforce", on_fault=said) as sink:
            current.slot.governor.policy = Broken()  # type: ignore[union-attr,assignment]
            if refused:
                with pytest.raises(genops.GovernanceUnavailable):
                    run()
            else:
                run()
                assert sink.admitted[0].decision.result.value == "WARNING"


def log_level(_: Path) -> None:
    """The level of the genops logger, and of no other."""
    root = logging.getLogger().level
    with governed(log_level="ERROR"):
        assert logging.getLogger("genops").level == logging.ERROR
    with governed(log_level="DEBUG"):
        assert logging.getLogger("genops").level == logging.DEBUG
    logging.getLogger("genops").setLevel(logging.NOTSET)
    assert logging.getLogger().level == root


def attribution(field: str) -> Any:
    """Make the row of an attribution field."""

    def row(_: Path) -> None:
        with governed(**{field: "value"}) as sink:
            run()
        assert sink.settled[0].operation.attribution.values[field] == "value"

    return row


def workspaces(_: Path) -> None:
    """Facts price statements, defaults attribute, budgets limit: all for the one host."""
    with governed(**PRICED) as sink:
        run_statement()
    assert sink.settled[0].priced.money is not None
    facts = {"workspaces": {HOST: {"metastore_id": "m", "attribution": {"team": "theirs"}}}}
    with governed(**facts) as sink:
        run()
        assert current.slot.governor.inventory.workspace(HOST)["metastore_id"] == "m"  # type: ignore[union-attr]
        run(host="other")
    assert [s.operation.attribution.team for s in sink.settled] == ["theirs", "t"]
    limits = {"workspaces": {HOST: {"budgets": {"b": {"limit": 0, "unit": "call"}}}}}
    with governed(mode="enforce", **limits), pytest.raises(genops.BudgetExceeded):
        run()


def export(folder: Path) -> None:
    """A path writes a file; none writes nothing; a preset sends as its back end wants it."""
    from support.otlp import Receiver

    with Receiver() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONEYCOMB_API_KEY", "k")
        patch.setenv("HONEYCOMB_API_ENDPOINT", receiver.endpoint)
        with governed(export="honeycomb"):
            run()
        assert {request.headers["x-honeycomb-team"] for request in receiver.requests} == {"k"}
    file = folder / "out.jsonl"
    with governed(export=str(file)):
        run()
    assert "genops.x.table.get" in file.read_text()
    other = folder / "none.jsonl"
    with governed(export="none"):
        run()
    assert not other.exists()


def exported(folder: Path, name: str, **settings: Any) -> list[dict[str, Any]]:
    """Run one call with an export to a file and return its lines."""
    file = folder / f"{name}.jsonl"
    with governed(export=str(file), **settings):
        run()
    return [json.loads(line) for line in file.read_text().splitlines()]


def events(folder: Path) -> None:
    """Events are log records, or span events."""
    as_logs = exported(folder, "log", events="log")
    as_span = exported(folder, "span", events="span")
    assert "genops.policy.evaluated" in json.dumps([line for line in as_logs if "resourceLogs" in line])
    assert "genops.policy.evaluated" in json.dumps([line for line in as_span if "resourceSpans" in line])
    assert not [line for line in as_span if "resourceLogs" in line]


def exit_timeout(_: Path) -> None:
    """A shutdown is given this bound."""
    seen: list[float] = []
    with governed(exit_timeout_seconds=7) as _sink:
        from genops import runtime as root

        built = root._active.runtime
        assert built is not None
        original = built.telemetry.shutdown
        built.telemetry.shutdown = lambda seconds, **how: (seen.append(seconds), original(seconds, **how))[1]  # type: ignore[method-assign]
    assert 5 < seen[0] <= 7


def batch_size(folder: Path) -> None:
    """Spans leave in batches of at most this many."""

    def most(size: int) -> int:
        file = folder / f"size{size}.jsonl"
        with governed(export=str(file), size=size):
            for _ in range(20):
                run()
        batches = [
            len(scope["spans"])
            for line in map(json.loads, file.read_text().splitlines())
            for resource in line.get("resourceSpans", [])
            for scope in resource["scopeSpans"]
        ]
        assert sum(batches) == 20
        return max(batches)

    assert most(5) <= 5
    assert most(512) > 5


def flush_interval(folder: Path) -> None:
    """A short interval exports on its own; a long one waits for the flush."""
    from support.polling import eventually

    quick, slow = folder / "quick.jsonl", folder / "slow.jsonl"
    with governed(export=str(quick), flush_interval_seconds=0.05):
        run()
        eventually(lambda: quick.exists() and "genops.x.table.get" in quick.read_text())
    with governed(export=str(slow), flush_interval_seconds=3600):
        run()
        assert not slow.exists() or "resourceSpans" not in slow.read_text()
    assert "genops.x.table.get" in slow.read_text()


def async_export(folder: Path) -> None:
    """False exports inside the call."""
    file = folder / "sync.jsonl"
    with governed(export=str(file), async_export=False, flush_interval_seconds=3600):
        run()
        assert "genops.x.table.get" in file.read_text()


def compression(_: Path) -> None:
    """OTLP requests are gzipped, or not."""
    from support.otlp import Receiver

    for said in (True, False):
        with Receiver() as receiver, pytest.MonkeyPatch.context() as patch:
            patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
            with governed(export="otlp", compression=said):
                run()
            assert {request.gzip for request in receiver.requests} == {said}


def sampling(folder: Path) -> None:
    """Spans are left out, events never; classes have rates of their own."""

    def spans(name: str, **settings: Any) -> int:
        lines = exported(folder, name, **settings)
        assert "genops.budget.reconciliation" in json.dumps([line for line in lines if "resourceLogs" in line])
        return len([line for line in lines if "resourceSpans" in line])

    assert spans("disabled", enable_sampling=False, sampling_rate=0.0) == 1
    assert spans("zero", enable_sampling=True, sampling_rate=0.0) == 0
    assert spans("all", enable_sampling=True, sampling_rate=1.0) == 1
    assert spans("class", enable_sampling=True, sampling_rate=1.0, rates={"read": 0.0}) == 0


def console(_: Path) -> None:
    """One line an operation on standard error."""
    import contextlib
    import io

    for said in (True, False):
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream), governed(console=said):
            run()
        assert ("table.get" in stream.getvalue()) is said


def require_encryption(folder: Path) -> None:
    """A plain-text endpoint beyond this machine, and a file, are refused; without it both are taken."""
    file = str(folder / "plain.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example.com:4318")
        for destination in ("otlp", file):
            with governed(export=destination, encrypt_telemetry_data=False):
                pass
            refused = pytest.raises(genops.ConfigurationError, match="require_encryption")
            with refused, governed(export=destination, encrypt_telemetry_data=True):
                pass


def trace_correlation(folder: Path) -> None:
    """Log records of the program carry the ids of the operation around them, or nothing of it."""
    from genops.telemetry.correlation import SPAN_ID, TRACE_ID

    for said in (True, False):
        file = folder / f"correlated-{said}.jsonl"
        with governed(export=str(file), trace_correlation=said), genops.operation("work", reads=["main.sales.orders"]):
            record = logging.getLogRecordFactory()("program", logging.INFO, "", 0, "text", (), None)
        spans = [line for line in file.read_text().splitlines() if "resourceSpans" in line]
        assert (getattr(record, SPAN_ID, "none") in spans[0]) is said
        assert (getattr(record, TRACE_ID, "none") in spans[0]) is said


def performance_metrics(folder: Path) -> None:
    """Four further metrics leave: admission, settlement, export and queues."""

    def names(name: str, **settings: Any) -> set[str]:
        file = folder / f"{name}.jsonl"
        with governed(export=str(file), **settings) as _sink:
            run()
            genops.flush()
            run()
        lines = map(json.loads, file.read_text().splitlines())
        scopes = [s for line in lines for r in line.get("resourceMetrics", []) for s in r["scopeMetrics"]]
        return {metric["name"] for scope in scopes for metric in scope["metrics"]}

    on = names("on", performance_metrics=True)
    off = names("off", performance_metrics=False)
    assert on - off == {
        "genops.internal.admit.duration",
        "genops.internal.settle.duration",
        "genops.telemetry.export.duration",
        "genops.telemetry.queue.size",
    }


def budgets(_: Path) -> None:
    """A budget limits its scope, and reserves its seconds."""
    few = {"b": {"limit": 1, "unit": "call", "team": "t", "period": "total"}}
    with governed(mode="enforce", budgets=few):
        run()
        with pytest.raises(genops.BudgetExceeded, match="'b'"):
            run()
        with genops.attribution(team="other"):
            run()
    reserved = []
    for seconds in (60, 120):
        limit = {"b": {"limit": 100, "reserve_seconds": seconds}}
        with governed(budgets=limit, **PRICED) as sink:
            run_statement()
        reserved.append(sink.settled[0].reservation.amount.micros)
    assert reserved[1] == pytest.approx(2 * reserved[0], abs=1)


def on_unpriced(_: Path) -> None:
    """A billable operation without a price is refused by a money budget, or not."""
    limit = {"b": {"limit": 100}}
    with governed(mode="enforce", budgets={**limit, "on_unpriced": "block"}), pytest.raises(genops.BudgetExceeded):
        run_statement()
    with governed(mode="enforce", budgets={**limit, "on_unpriced": "allow"}):
        run_statement()


def policies(_: Path) -> None:
    """A clearance rule refuses what is classified above it; `tables` says how it is classified."""
    rule = {"policies": {"c": {"clearances": {"t": "internal"}}}}
    reads = (dataset("main.hr.salaries"),)
    with governed(mode="enforce", tables={"main.hr.*": "restricted"}, **rule), pytest.raises(genops.PolicyDenied):
        run(reads=reads)
    with governed(mode="enforce", tables={"main.hr.*": "public"}, **rule):
        run(reads=reads)
    with governed(mode="enforce", tables={"main.hr.*": "restricted"}):
        run(reads=reads)


def hash_key(_: Path) -> None:
    """One key gives one hash in every process; without it two runtimes do not agree."""
    from genops.instrumentation import databricks_statements

    def hashed(**settings: Any) -> str:
        with governed(**settings):
            return databricks_statements.described("SELECT 1")[1].hash  # type: ignore[union-attr]

    assert hashed(hash_key="k") == hashed(hash_key="k")
    assert hashed(hash_key="k") != hashed(hash_key="l")


def sql_text(_: Path) -> None:
    """Spans carry nothing of a statement's text, the text without literals, or all of it, which is warned of."""
    text = "SELECT id FROM main.s.t WHERE name = 'Ada'"
    said = {}
    for telling in ("none", "redacted", "raw"):
        logger = logging.getLogger("genops")
        with mock.patch.object(logger, "warning") as warned, governed(**{"sql.text": telling}) as sink:
            statement = Statement("SELECT", len(text), telling)
            current.slot.governor.read(statement, text)
            current.slot.governor.statements.within(statement, 60)
            run(statement=statement)
        shown = sink.settled[0].facts.attributes.get("db.query.text")
        said[telling] = shown, "sql.text='raw'" in str(warned.mock_calls)
    assert said == {"none": (None, False), "redacted": (text.replace("'Ada'", "?"), False), "raw": (text, True)}


def validate(folder: Path) -> None:
    """What the registry does not declare is counted and leaves all the same, or is not looked at."""
    from support.declared import recorder

    def counted(name: str, **settings: Any) -> bool:
        file = folder / f"{name}.jsonl"
        with (
            governed(export=str(file), **settings),
            genops.operation("load", writes=["main.sales.orders"]) as running,
        ):
            running.observe(attributes={"databricks.nonsense": 1})
        assert "databricks.nonsense" in file.read_text()
        return "genops.telemetry.invalid" in file.read_text()

    assert counted("checked", validate_telemetry_schema=True)
    assert not counted("unchecked")
    recorder.reset()


def inject(_: Path) -> None:
    """A statement's tags say who pays, or are the program's own alone."""
    from genops.testing import LocalWorkspace
    from support.sdk import workspace_client

    def tags(workspace: LocalWorkspace, **settings: Any) -> Any:
        workspace.clear_requests()
        with governed(**settings):
            genops.instrument("databricks_sdk")
            client = workspace_client(workspace)
            client.statement_execution.execute_statement("SELECT 1", workspace.warehouse_id)
            genops.uninstrument("databricks_sdk")
        (request,) = workspace.requests.where(path="/api/2.0/sql/statements")
        return request.body.get("query_tags")

    with LocalWorkspace() as workspace:
        assert tags(workspace) is None
        said = {tag["key"]: tag["value"] for tag in tags(workspace, inject=True)}
    assert said == {"genops_team": "t", "genops_project": "p", "genops_environment": "e"}


def lineage(folder: Path) -> None:
    """Edges are kept, said and counted, or not; the depth says how far a span looks."""

    def told(name: str, **settings: Any) -> tuple[Any, str]:
        file = folder / f"{name}.jsonl"
        with governed(export=str(file), **settings):
            for source, target in (("a", "b"), ("b", "c"), ("c", "d")):
                with genops.operation("copy", reads=[f"main.s.{source}"], writes=[f"main.s.{target}"]):
                    pass
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        spans = [
            {attribute["key"]: attribute["value"] for attribute in span["attributes"]}
            for line in lines
            for resource in line.get("resourceSpans", [])
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
        upstream = spans[-1].get("genops.governance.lineage_upstream", {}).get("stringValue")
        return upstream, json.dumps([line for line in lines if "resourceMetrics" in line])

    assert told("off", enable_lineage_tracking=False)[0] is None
    assert "genops.data.lineage" not in told("silent", **{"lineage.enabled": False})[1]
    upstream, metrics = told("on", enable_lineage_tracking=True)
    assert upstream == "main.s.c"
    assert "genops.data.lineage" in metrics
    assert told("deep", max_depth=2)[0] == "main.s.c,main.s.b"
    assert told("deeper", max_depth=3)[0] == "main.s.c,main.s.b,main.s.a"


def information_schema(_: Path) -> None:
    """The workspace is asked for columns that a statement lacked, by a request that is no operation; or it is not."""
    from genops.testing import LocalWorkspace
    from support.polling import eventually
    from support.sdk import workspace_client

    text = "INSERT INTO main.default.copy SELECT * FROM main.default.orders"
    with LocalWorkspace() as workspace, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_HOST", workspace.host)
        patch.setenv("DATABRICKS_TOKEN", workspace.token)
        client, host = workspace_client(workspace), workspace.host.partition("://")[2]

        def execute(text: str) -> None:
            client.statement_execution.execute_statement(text, workspace.warehouse_id)

        for name in ("orders", "copy"):
            execute(f"CREATE TABLE main.default.{name} (id INT)")
        for said in (False, True):
            with governed(information_schema=said) as sink, instrumented():
                known: Any = current.slot.governor.tables  # type: ignore[union-attr]
                execute(text)
                genops.flush()
                eventually(lambda k=known, s=said: (k.of(host).columns(("main", "default", "orders")) is not None) is s)
            assert [settled.operation.type for settled in sink.settled] == ["table.write"]
        asked = [request.body for request in workspace.requests if "information_schema" in str(request.body)]
    assert [body["query_tags"] for body in asked] == [[{"key": "genops", "value": "information_schema"}]]


@contextmanager
def instrumented() -> Iterator[None]:
    """Have the hooks of the SDK in."""
    genops.instrument("databricks_sdk")
    try:
        yield
    finally:
        genops.uninstrument("databricks_sdk")


def push(_: Path) -> None:
    """Unity Catalog is told of a path that flows into a table, or is told nothing; that is no operation."""
    from genops.core.operation import DatasetEdge, DatasetRef, Facts
    from genops.testing import LocalWorkspace
    from support.sdk import workspace_client

    with LocalWorkspace() as workspace, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABRICKS_HOST", workspace.host)
        patch.setenv("DATABRICKS_TOKEN", workspace.token)
        client, host = workspace_client(workspace), workspace.host.partition("://")[2]
        client.statement_execution.execute_statement("CREATE TABLE main.default.gold (id INT)", workspace.warehouse_id)
        edge = DatasetEdge(DatasetRef(("s3://lake/orders",), "path"), dataset("main.default.gold")._replace(host=host))

        def told(**settings: Any) -> int:
            with governed(**settings) as sink, instrumented():
                run("table.write", host=host, facts=Facts(edges=(edge,)))
                assert genops.flush()
                assert len(sink.settled) == 1
            found = [request for request in workspace.requests if "external-lineage" in request.path]
            return len(found)

        assert told() == 0
        assert told(push=True) == 1
        assert told(push=True, **{"lineage.enabled": False}) == 1


def openlineage(field: str) -> Any:
    """Make the row of one of the settings of run events."""

    def row(folder: Path) -> None:
        from support.lineage_receiver import receiving

        with receiving() as receiver:
            said = {"url": receiver.url, **{"namespace": {"namespace": "acme"}, "key": {"key": "k"}}.get(field, {})}
            if field == "disabled":
                said["disabled"] = True
            with governed(**{f"lineage.openlineage.{name}": value for name, value in said.items()}):
                run()
        kinds = [event["eventType"] for event in receiver.events]
        assert kinds == ([] if field == "disabled" else ["START", "COMPLETE"])
        assert {event["job"]["namespace"] for event in receiver.events} <= {said.get("namespace", "default")}
        keys = {post.headers.get("authorization") for post in receiver.posts}
        assert keys == ({"Bearer k"} if field == "key" else set() if field == "disabled" else {None})
        file = folder / "events.jsonl"
        with governed(**{"lineage.openlineage.url": str(file)}):
            run()
        assert len(file.read_text().splitlines()) == 2

    return row


EFFECTS = {
    "mode": mode,
    "on_fault": on_fault,
    "log_level": log_level,
    **{
        f"attribution.{name}": attribution(name)
        for name in ["team", "project", "environment", "cost_center", "customer_id", "feature", "user", "business_unit"]
    },
    "attribution.inject": inject,
    "workspaces": workspaces,
    "telemetry.export": export,
    "telemetry.events": events,
    "telemetry.exit_timeout_seconds": exit_timeout,
    "telemetry.batch.size": batch_size,
    "telemetry.batch.flush_interval_seconds": flush_interval,
    "telemetry.batch.async_export": async_export,
    "telemetry.batch.compression": compression,
    "telemetry.sampling.enabled": sampling,
    "telemetry.sampling.rate": sampling,
    "telemetry.sampling.rates": sampling,
    "telemetry.console": console,
    "telemetry.validate": validate,
    "telemetry.trace_correlation": trace_correlation,
    "telemetry.performance_metrics": performance_metrics,
    "telemetry.require_encryption": require_encryption,
    "budgets": budgets,
    "budgets.on_unpriced": on_unpriced,
    "policies": policies,
    "classification.tables": policies,
    "sql.hash_key": hash_key,
    "sql.text": sql_text,
    "sql.information_schema": information_schema,
    "lineage.enabled": lineage,
    "lineage.max_depth": lineage,
    "lineage.push": push,
    **{f"lineage.openlineage.{name}": openlineage(name) for name in ("url", "namespace", "key", "disabled")},
}


def test_every_setting_has_a_row() -> None:
    """A setting without a row in the table of effects fails here."""
    assert set(EFFECTS) == {".".join(path) for path in leaves(Settings)}


@pytest.mark.parametrize("name", sorted(EFFECTS))
@pytest.mark.faults
def test_a_setting_has_its_effect(name: str, tmp_path: Path) -> None:
    """Flipping a setting changes what can be observed."""
    EFFECTS[name](tmp_path)


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("GENOPS_TEAM", "team"),
        ("GENOPS_PROJECT", "project"),
        ("GENOPS_ENVIRONMENT", "environment"),
        ("GENOPS_COST_CENTER", "cost_center"),
        ("GENOPS_CUSTOMER_ID", "customer_id"),
        ("GENOPS_FEATURE", "feature"),
        ("GENOPS_USER_ID", "user"),
        ("GENOPS_BUSINESS_UNIT", "business_unit"),
    ],
)
def test_each_variable_reaches_its_field(variable: str, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variables of attribution reach the field they name."""
    monkeypatch.setenv(variable, "value")
    assert getattr(load().attribution, field) == "value"
