"""The entries of the house: import, configure, the one line, first use, flush and shutdown."""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
import textwrap
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import genops
from genops import runtime as root
from genops.core import current
from genops.testing import LocalWorkspace, runtime
from support import spec
from support.recording import RecordingSink
from support.sdk import workspace_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHO = {"team": "t", "project": "p", "environment": "e"}


@pytest.fixture(autouse=True)
def _no_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin and end without a runtime and without hooks."""
    monkeypatch.chdir(tmp_path)
    yield
    genops.shutdown()
    genops.uninstrument()


def python(code: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter of its own; it must succeed."""
    import os

    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 0, ran.stderr
    return ran


def test_import_loads_the_standard_library_only(tmp_path: Path) -> None:
    """`import genops` imports nothing but itself and the standard library, and starts no thread."""
    out = python(
        """
        import sys, threading
        before = set(sys.modules)
        import genops
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(new - set(sys.stdlib_module_names)), threading.active_count())
        """,
        tmp_path,
    ).stdout
    assert out.strip() == "['genops'] 1"


def test_import_reads_no_environment(tmp_path: Path) -> None:
    """A bad environment is no error until something is used."""
    python("import genops", tmp_path, GENOPS_MODE="nonsense")
    with pytest.raises(AssertionError, match="mode='nonsense'"):
        python("import genops; genops.configure()", tmp_path, GENOPS_MODE="nonsense")


def test_every_public_name_is_there() -> None:
    """The names that stay can be imported, and are what `dir` says."""
    for name in genops.__all__:
        assert getattr(genops, name) is not None
        assert name in dir(genops)
    with pytest.raises(AttributeError, match="nonsense"):
        genops.nonsense  # noqa: B018


def test_equal_settings_give_the_same_runtime() -> None:
    """Configuring again with equal settings changes nothing; with others it replaces and drains."""
    first = genops.configure(**WHO, export="none")
    assert genops.configure(**WHO, export="none") is first
    second = genops.configure(**WHO, export="none", mode="enforce")
    assert second is not first
    assert current.slot.governor is second.governor
    assert first._closed


def test_a_replaced_runtime_is_drained(tmp_path: Path) -> None:
    """What the old runtime had queued is sent when another one takes over."""
    file = tmp_path / "old.jsonl"
    genops.configure(**WHO, export=str(file), flush_interval_seconds=3600, exit_timeout_seconds=60)
    with genops.operation("load", writes=["a.b.c"]):
        pass
    genops.configure(**WHO, export="none")
    assert "genops.custom.run" in file.read_text()


def test_a_bad_setting_leaves_the_active_runtime() -> None:
    """A refused configuration changes nothing."""
    first = genops.configure(**WHO, export="none")
    with pytest.raises(genops.ConfigurationError):
        genops.configure(mode="nonsense")
    assert root._active.runtime is first


def test_configure_patches_nothing() -> None:
    """Only instrumenting patches."""
    from databricks.sdk.service.catalog import CatalogsAPI

    before = vars(CatalogsAPI)["list"]
    genops.configure(**WHO, export="none")
    assert vars(CatalogsAPI)["list"] is before


def test_first_use_builds_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`genops.operation` without any configuration takes what the environment says."""
    monkeypatch.setenv("GENOPS_TEAM", "from-environment")
    with genops.operation("x", writes=["a.b.c"]):
        runtime_built = root._active.runtime
    assert runtime_built is not None
    assert runtime_built.totals.by("team").keys() == {"from-environment"}


def test_the_one_line_returns_the_same_adapter_and_sends_nothing() -> None:
    """Called twice it is the same object; it patches, sends no request, and can be undone."""
    from databricks.sdk.service.catalog import CatalogsAPI

    original = vars(CatalogsAPI)["list"]
    with LocalWorkspace() as workspace:
        client = workspace_client(workspace)
        workspace.clear_requests()
        first = genops.auto_instrument_databricks(**WHO, export="none")
        assert genops.auto_instrument_databricks() is first
        assert workspace.requests == []
        assert vars(CatalogsAPI)["list"] is not original
        names = [catalog.name for catalog in client.catalogs.list()]
        assert "main" in names
    assert root._active.runtime is not None
    assert root._active.runtime.totals.total().units == 1
    first.uninstrument()
    assert vars(CatalogsAPI)["list"] is original


def test_the_one_line_stands_at_the_guides_path() -> None:
    """The guide's import path gives the very same function."""
    from genops.providers.databricks_unity_catalog.registration import auto_instrument_databricks

    assert auto_instrument_databricks is genops.auto_instrument_databricks


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_one_line_works_before_and_after_the_import(order: str, tmp_path: Path) -> None:
    """The SDK may be imported before or after; instrumenting imports it never."""
    line = f"genops.auto_instrument_databricks(**{WHO!r}, export='none')"
    steps = [line, "import databricks.sdk"] if order == "before" else ["import databricks.sdk", line]
    out = python(
        f"""
        import sys, genops
        {steps[0]}
        loaded = "databricks.sdk" in sys.modules
        {steps[1]}
        from databricks.sdk.service.catalog import CatalogsAPI
        print(loaded, hasattr(CatalogsAPI.list, "__wrapped__"))
        """,
        tmp_path,
    ).stdout
    assert out.split() == [str(order == "after"), "True"]


def test_instrumenting_an_unknown_library_is_refused() -> None:
    """A typo is an error that names the nearest library."""
    with pytest.raises(genops.InvalidArgument, match="did you mean 'databricks_sdk'"):
        genops.instrument("databrick_sdk")


def test_shutdown_reports_and_lets_go(tmp_path: Path) -> None:
    """Shutdown says what became of everything; afterwards calls pass through."""
    genops.configure(**WHO, export=str(tmp_path / "out.jsonl"), exit_timeout_seconds=60)
    with genops.operation("x", writes=["a.b.c"]):
        pass
    report = genops.shutdown()
    assert report
    assert sum(delivery.exported for delivery in report) >= 4
    assert sum(delivery.lost for delivery in report) == 0
    assert current.slot.governor is None
    assert genops.flush()
    assert genops.shutdown() is None


def test_a_testing_runtime_restores_what_was_there() -> None:
    """`genops.testing.runtime` swaps the runtime inside its block only."""
    outer = genops.configure(**WHO, export="none")
    with runtime(team="inner") as inner:
        assert current.slot.governor is inner.governor
    assert current.slot.governor is outer.governor


def test_refusals_cross_process_borders() -> None:
    """Every governance error pickles with its fields."""
    for kind in (genops.PolicyDenied, genops.BudgetExceeded, genops.RateLimited, genops.GovernanceUnavailable):
        error = kind("why", reason_code="x_test", operation_type="table.get", policy="p", budget="b")
        twin = pickle.loads(pickle.dumps(error))
        assert type(twin) is kind
        assert (str(twin), vars(twin)) == (str(error), vars(error))
        assert isinstance(error, RuntimeError)
        assert not isinstance(error, OSError)


def test_a_unit_without_attribution_is_told_once(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Missing attribution invents nothing: no governance attributes, a count, and one warning that says what to set."""
    file = tmp_path / "out.jsonl"
    with runtime(team="t", export=str(file)) as built:
        for _ in range(3):
            with genops.operation("x", writes=["a.b.c"]):
                pass
        assert built.totals.missing["project"] == 3
    text = file.read_text()
    assert "genops.spec.version" not in text
    assert "genops.policy.evaluated" not in text
    assert "genops.attribution.missing" in text
    warnings = [record.getMessage() for record in caplog.records if "project" in record.getMessage()]
    assert len(warnings) == 1
    assert "GENOPS_PROJECT" in warnings[0]


def test_work_goes_on_in_a_forked_child(tmp_path: Path) -> None:
    """A child's operations arrive under its own instance id, and nothing of the parent's is counted twice."""
    file = tmp_path / "fork.jsonl"
    python(
        f"""
        import os, genops
        genops.configure(**{WHO!r}, export={str(file)!r}, exit_timeout_seconds=60)
        with genops.operation("parent", writes=["a.b.c"]):
            pass
        child = os.fork()
        if child == 0:
            with genops.operation("child", writes=["a.b.c"]):
                pass
            raise SystemExit
        assert os.waitpid(child, 0)[1] == 0
        with genops.operation("parent-again", writes=["a.b.c"]):
            pass
        """,
        tmp_path,
    )
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    by_instance: dict[str, list[str]] = {}
    units: dict[str, int] = {}
    for line in lines:
        for resource in (*line.get("resourceSpans", []), *line.get("resourceMetrics", [])):
            instance = _attributes(resource["resource"])["service.instance.id"]
            for scope in resource.get("scopeSpans", []):
                names = [_attributes(span)["genops.operation.name"] for span in scope["spans"]]
                by_instance.setdefault(instance, []).extend(names)
            for scope in resource.get("scopeMetrics", []):
                for metric in scope["metrics"]:
                    if metric["name"] == "genops.operations":
                        units[instance] = sum(int(p["asInt"]) for p in metric["sum"]["dataPoints"])
    assert sorted(map(sorted, by_instance.values())) == [["child"], ["parent", "parent-again"]]
    assert sorted(units.values()) == [1, 2]


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in item["attributes"]}


def test_totals_are_exact_under_eight_threads() -> None:
    """Eight threads of 200 operations each: totals, workflow summary and budget agree to the last one."""
    import threading

    sink = RecordingSink()
    budget = {"all": {"limit": 10_000, "unit": "call", "period": "total"}}
    with runtime(**WHO, sinks=[sink], budgets=budget) as built, genops.workflow("threads") as flow:
        given = genops.carrier()

        def work() -> None:
            with genops.attach(given):
                for _ in range(200):
                    with genops.operation("x", writes=["a.b.c"]) as operation:
                        operation.observe(rows=2)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert built.totals.total().units == 1600
        assert built.totals.total().rows == 3200
        (state,) = built.ledger.states()
        assert state.consumed == 1600 * 1_000_000
    assert len(sink.settled) == 1600
    assert flow.summary.name == "threads"


def test_totals_are_exact_under_asyncio_with_cancellation() -> None:
    """Cancelled tasks settle too: as many settlements as admissions, and the cancellation is not swallowed."""
    import asyncio

    async def one(number: int) -> None:
        async with genops.operation("x", writes=["a.b.c"]):
            await asyncio.sleep(0 if number % 3 else 30)

    async def everything() -> int:
        tasks = [asyncio.create_task(one(number)) for number in range(300)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        return sum(isinstance(result, asyncio.CancelledError) for result in results)

    sink = RecordingSink()
    with runtime(**WHO, sinks=[sink]) as built:
        assert asyncio.run(everything()) == 100
        assert built.totals.total().units == 300
    outcomes = [settled.outcome.value for settled in sink.settled]
    assert (outcomes.count("ok"), outcomes.count("cancelled")) == (200, 100)


def test_a_unit_in_flight_outlives_a_replaced_runtime(tmp_path: Path) -> None:
    """Configuring anew while an operation runs loses neither its reconciliation nor its span."""
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    genops.configure(**WHO, export=str(old), exit_timeout_seconds=60)
    with genops.operation("long", writes=["a.b.c"]):
        genops.configure(**WHO, export=str(new), exit_timeout_seconds=60)
    assert genops.flush(60)
    both = spec.Exported(*(a + b for a, b in zip(spec.read(old), spec.read(new), strict=True)))
    assert len(both.units) == 1
    assert spec.violations(both) == []


def test_budgets_that_stay_the_same_keep_what_they_have_spent() -> None:
    """Another setting is no way to a fresh budget; another budget is."""
    budgets = {"two": {"limit": 2, "unit": "call", "period": "total"}}
    genops.configure(**WHO, export="none", mode="enforce", budgets=budgets)
    for _ in range(2):
        with genops.operation("x", writes=["a.b.c"]):
            pass
    genops.configure(**WHO, export="none", mode="enforce", budgets=budgets, on_fault="allow")
    with pytest.raises(genops.BudgetExceeded), genops.operation("x", writes=["a.b.c"]):
        pass
    genops.configure(**WHO, export="none", mode="enforce", budgets={"two": {**budgets["two"], "limit": 3}})
    with genops.operation("x", writes=["a.b.c"]):
        pass


def test_hooks_stay_out_where_the_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line with a bad environment raises and patches nothing."""
    from databricks.sdk.service.catalog import CatalogsAPI

    before = vars(CatalogsAPI)["list"]
    monkeypatch.setenv("GENOPS_MODE", "nonsense")
    with pytest.raises(genops.ConfigurationError):
        genops.auto_instrument_databricks()
    assert vars(CatalogsAPI)["list"] is before


class Statements:
    """Statements of a given duration on a warehouse of a known price: 12 DBU/h at 0.70 USD, 8.40 USD an hour."""

    def __init__(self) -> None:
        from genops.core.operation import Learnt

        governor = current.slot.governor
        assert governor is not None
        facts = {"cluster_size": "Small", "warehouse_type": "PRO", "serverless": True}
        governor.inventory.learn("h", Learnt("warehouse", "w", facts))

    def run(self, hours: float) -> None:
        """Run one statement."""
        from genops.core import shapes
        from genops.core.operation import Action, Facts, Operation, Statement

        def describe(governor: Any, *_: object) -> Operation:
            return Operation(
                "table.query",
                "databricks_unity_catalog",
                "table.query",
                action=Action.QUERY,
                attribution=governor.attribution("h"),
                host="h",
                resource_type="sql_warehouse",
                resource_id="w",
                statement=Statement("SELECT", 8, "00"),
                library="tests",
            )

        site = shapes.Site(
            "table.query", "x", "tests", describe=describe, observe=lambda *_: Facts(seconds=hours * 3600)
        )
        shapes.call(site, lambda: None, None, (), {})


PRICED = {"workspaces": {"h": {"cloud": "aws", "tier": "premium", "region": "us-east-1"}}}


def consumed(built: root.Runtime) -> list[float]:
    """Return what each budget has spent, in whole units."""
    return [state.consumed / 1_000_000 for state in built.ledger.states()]


def test_an_operation_around_statements_does_not_switch_budgets_off() -> None:
    """Inside a unit that reserved no money, a billed part is refused where a budget cannot carry it."""
    budget = {"money": {"limit": 10}}
    with runtime(**WHO, **PRICED, mode="enforce", budgets=budget) as built:
        statements = Statements()
        with genops.operation("load", writes=["a.b.c"]):
            statements.run(1)
            assert consumed(built) == [8.4]
            statements.run(1)
            with pytest.raises(genops.BudgetExceeded, match="money"):
                statements.run(1)
        assert consumed(built) == [16.8]
        assert built.totals.total().cost == {"USD": Decimal("16.8")}


def test_a_unit_with_a_cost_carries_its_parts() -> None:
    """Inside a unit that reserved money, parts are covered by it, and the budget ends at what was used."""
    with runtime(
        **WHO,
        **PRICED,
        mode="enforce",
        budgets={"money": {"limit": 20}, "dbu": {"limit": 100, "unit": "DBU"}, "on_unpriced": "allow"},
    ) as built:
        statements = Statements()
        with genops.operation("load", writes=["a.b.c"], cost=18):
            statements.run(1)
            assert consumed(built)[0] == 18
        assert consumed(built) == [8.4, 12]


def test_parts_without_a_price_count_in_dbu() -> None:
    """Where the plan is unknown, the parts' DBU reach the unit and the budget; the unit says what is missing."""
    sink = RecordingSink()
    where = {"workspaces": {"h": {"cloud": "aws", "region": "us-east-1"}}}
    with runtime(**WHO, **where, sinks=[sink], budgets={"dbu": {"limit": 100, "unit": "DBU"}}) as built:
        statements = Statements()
        with genops.operation("load", writes=["a.b.c"]):
            statements.run(1)
            statements.run(1)
        assert consumed(built) == [24]
    (settled,) = sink.settled
    assert (settled.priced.dbu_micros, settled.priced.unpriced_reason) == (24_000_000, "tier_unknown")


def test_what_a_deaf_receiver_never_took_is_counted_at_the_end(tmp_path: Path) -> None:
    """At the end every event of lineage that no receiver took shows in the last metrics."""
    file = tmp_path / "end.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with runtime(**WHO, export=str(file), exit_timeout_seconds=2.4, **{"lineage.openlineage.url": url}):
            for _ in range(5):
                with genops.operation("x", reads=["a.b.c"], writes=["a.b.d"]):
                    pass
    (lost,) = {
        int(point["asInt"])
        for metric in spec.read(file).metrics
        if metric["name"] == "genops.internal.dropped"
        for point in metric["sum"]["dataPoints"]
        if _attributes(point)["genops.internal.site"] == "openlineage"
    }
    assert lost == 2 * 5  # a start and an end of each


def test_what_full_tables_let_go_is_shown(tmp_path: Path) -> None:
    """A metric says how much each bounded table and queue let go, and a flush that lost records says so."""
    from genops.core.amounts import Amount, Grade
    from genops.core.operation import ChargeKey

    class Slow:
        queued = True

        def write(self, record: Any) -> None:
            """Take a record."""

    file = tmp_path / "bounds.jsonl"
    with runtime(**WHO, export=str(file), sinks=[Slow()]) as built:
        unknown = ChargeKey("databricks", "h", "statement", "nobody's")
        assert built.governor.witness(unknown, Amount.of(1, "USD"), Grade.BILLED, "bill") == 0
        with genops.operation("x", writes=["a.b.c"]):
            pass
        assert built.flush(60)
        (queue,) = built.governor.fan_out.queues
        queue.dropped += 1
        assert not built.flush(60)
        assert built.flush(60)
    points = {
        _attributes(point)["genops.internal.site"]: int(point["asInt"])
        for metric in spec.read(file).metrics
        if metric["name"] == "genops.internal.dropped"
        for point in metric["sum"]["dataPoints"]
    }
    assert points == {
        "charges": 0,
        "charges.residual": 1,
        "charges.foreign_currency": 0,
        "inventory": 0,
        "pending": 0,
        "sinks": 1,
        "totals": 0,
        "lineage": 0,
        "statements": 0,
        "columns": 0,
    }
