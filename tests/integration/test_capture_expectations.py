"""What can be expected of a capture, and what a failed expectation says."""

from __future__ import annotations

from pathlib import Path

import pytest

import genops
from genops.errors import ConfigurationError, GenOpsError, InvalidArgument
from genops.testing import LocalWorkspace, capture, capturing
from support.captures import RULES, WHO, pipeline, refused


def test_expectations_hold_and_fail_readably() -> None:
    """Each kind of expectation passes where it holds, and otherwise shows what was captured."""
    with capture(**WHO, **RULES) as captured:
        pipeline()
        refused()
    captured.assert_units(["load", {"name": "count", "outcome": "error"}, {"genops.operation.name": "pay"}])
    assert captured.assert_unit("load", cost="0.70", attributes={"genops.provider": "genops"}).rows == 12
    assert captured.assert_refused(policy="clearance", reason_code="POLICY_DENY_CONTENT").name == "pay"
    captured.assert_cost("0.7")
    captured.assert_cost(None, team="finance")
    captured.assert_no_units(team="nobody")
    captured.assert_compliant()
    wrong = [
        (lambda: captured.assert_unit("load", result="BLOCKED"), "expected 'BLOCKED', was 'ALLOWED'"),
        (lambda: captured.assert_units(["load"]), "#2 was not expected: ALLOWED  count"),
        (lambda: captured.assert_refused("load"), "nearest captured decision, #1"),
        (lambda: captured.assert_refused("pay", result="RATE_LIMITED"), "expected 'RATE_LIMITED', was 'BLOCKED'"),
        (lambda: captured.assert_cost("0.71", team="data-eng"), "expected a cost of 0.71, was 0.7"),
        (lambda: captured.assert_no_units(name="pay"), "expected no unit"),
    ]
    for expectation, said in wrong:
        with pytest.raises(AssertionError) as failure:
            expectation()
        assert said in str(failure.value)
        assert "captured " in str(failure.value)


def test_names_that_do_not_exist_are_refused() -> None:
    """A misspelt field, label, metric or setting is an error with the nearest name, and never an empty answer."""
    with capture(**WHO) as captured:
        pipeline()
        for ask, said in (
            (lambda: captured.assert_unit(tema="x"), "did you mean 'team'"),
            (lambda: captured.metric("genops.cost.totl"), "did you mean 'genops.cost.total'"),
            (lambda: captured.metric("genops.cost.total", taem="x"), "did you mean 'team'"),
        ):
            with pytest.raises(InvalidArgument, match=said):
                ask()
    with pytest.raises(ConfigurationError, match="did you mean 'team'"), capture(taem="x"):
        raise AssertionError("it began")


def test_costs_of_several_currencies_are_never_added() -> None:
    """A sum over currencies is refused; each can be asked for."""
    with capture(**WHO) as captured:
        for currency in ("USD", "EUR"):
            with genops.operation("buy", cost="2", currency=currency) as bought:
                bought.observe(cost="2", currency=currency)
        with pytest.raises(InvalidArgument, match="EUR and USD"):
            captured.cost()
        captured.assert_cost(2, currency="EUR")


def test_compliance_is_the_judges_and_names_who_is_missing() -> None:
    """A unit without a team fails, and so does telemetry that breaks a rule of the specification."""
    with capture(project="sales", environment="test") as captured:
        pipeline()
        with pytest.raises(AssertionError, match="load: nobody is named as its team"):
            captured.assert_compliant()
    with capture(**WHO) as captured:
        pipeline()
        captured._memory._events.pop()
        with pytest.raises(AssertionError, match=r"count: R\d\d"):
            captured.assert_compliant()
        captured.clear()
        with pytest.raises(AssertionError, match="no unit"):
            captured.assert_compliant()


def test_snapshots_are_compared_with_files(tmp_path: Path) -> None:
    """A snapshot is written once on request, then compared; a change is a unified diff."""
    with capture(**WHO) as captured:
        captured.folder = tmp_path
        pipeline()
        with pytest.raises(AssertionError, match="there is no snapshot"):
            captured.assert_snapshot("one.json")
        captured.assert_snapshot("one.json", update=True)
        captured.assert_snapshot("one.json")
        with genops.operation("further", reads=["a.b.c"]):
            pass
        with pytest.raises(AssertionError, match=r'\+.*"genops.operation.name": "further"'):
            captured.assert_snapshot(tmp_path / "one.json")
        captured.update_snapshots = True
        captured.assert_snapshot("one.json")
    assert [file.name for file in tmp_path.iterdir()] == ["one.json"]


def test_calls_to_a_workspace_are_the_same_in_every_run() -> None:
    """With its host and warehouse replaced, a snapshot of SDK calls does not know which workspace answered."""
    from databricks.sdk import WorkspaceClient

    seen = []
    genops.instrument("databricks_sdk")
    try:
        for _ in range(2):
            with LocalWorkspace() as workspace, capture(**WHO) as captured:
                client = WorkspaceClient(host=workspace.host, token=workspace.token)
                client.statement_execution.execute_statement("SELECT 1", workspace.warehouse_id, wait_timeout="30s")
                assert [catalog.name for catalog in client.catalogs.list()] == ["main"]
                captured.assert_unit(type="table.query", rows=1, seconds=1)
                names = {workspace.host.removeprefix("http://"): "<workspace>", workspace.warehouse_id: "<warehouse>"}
                seen.append(captured.snapshot(replace=names))
    finally:
        genops.uninstrument("databricks_sdk")
        genops.shutdown()
    assert seen[0] == seen[1]
    assert seen[0]["spans"][0]["attributes"]["server.address"] == "<workspace>"


def test_clear_forgets_and_budgets_remember() -> None:
    """After `clear` there are no units, totals or counts; what a budget has spent stays spent."""
    with capture(**WHO, budgets={"month": {"limit": 10}}) as captured:
        pipeline()
        captured.clear()
        captured.assert_no_units()
        assert (captured.spans, captured.events, captured.records) == ((), (), ())
        assert captured.totals.total().units == 0
        assert "genops.operation.duration" not in [metric.name for metric in captured.metrics]
        assert captured.metric("genops.budget.consumed", budget="month") == 0.7


def test_a_full_capture_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not kept is never passed over in silence."""
    monkeypatch.setattr(capturing, "CAPACITY", 5)
    with capture(**WHO) as captured:
        pipeline()
        with pytest.raises(GenOpsError, match="first 5 spans"):
            _ = captured.units
        captured.clear()
        captured.assert_no_units()
