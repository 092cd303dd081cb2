"""Every query of dashboards and rules, asked of a real Prometheus after real work, against that work's own count."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from support import boards
from support.backend_fixtures import program
from support.boards import Backend, panels, rules, substituted
from support.dashboard_figures import PRICED, Done, Within
from support.dashboard_programs import CHURN, FLIGHTS, PLATFORM, REPORTING, RESEARCH, SCIENCE, SLOW_SECONDS
from support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

OVERVIEW, GUIDE = "genops-overview", "unity-catalog-governance"
WINDOW = "10m"
TEAM, PROJECT, TYPE, RESULT = "genops_team", "genops_project", "genops_operation_type", "genops_policy_result"
ENVIRONMENT, WORKSPACE, SIGNAL = "genops_environment", "databricks_workspace_id", "genops_telemetry_signal"
# The boundaries of the histogram, from docs/telemetry.md.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
EVERY_ALERT_THAT_IS_DUE = {
    "GenOpsSpendHigh",
    "GenOpsBudgetNearLimit",
    "GenOpsBudgetExhausted",
    "GenOpsOperationsRefused",
    "GenOpsAttributionMissing",
    "GenOpsStatementsUnpriced",
    "GenOpsTelemetryLost",
    "GenOpsFaults",
    "GenOpsTablesFull",
}


@pytest.fixture(scope="module", params=boards.PROMETHEUS)
def done(
    request: pytest.FixtureRequest, collector_program: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Done]:
    """Do the work, and wait until Prometheus has heard of all of it."""
    backend = Backend(collector_program, program(request.param), tmp_path_factory.mktemp("board"))
    try:
        told = {"healthy": boards.done(boards.start("healthy", backend.otlp))}
        _heard(backend, told)
        quiet = backend.firing()
        told |= boards.all_done({name: boards.start(name, backend.otlp) for name in ("governed", "troubled")})
        _heard(backend, told)
        yield Done(backend, told, quiet)
    finally:
        backend.stop()


def _heard(backend: Backend, told: dict[str, Any]) -> None:
    """Wait until the rules, which come after the scrape, know every decision, and every span that was lost."""
    decisions = sum(count for one in told.values() for *_, count in one["decisions"])
    lost = sum(told[name]["spans"] for name in told if name == "troubled")
    eventually(lambda: backend.number("sum(genops:decisions:sum15m)") == decisions, 60)
    eventually(lambda: backend.number("sum(genops:telemetry_lost:sum15m)") == lost, 60)


def rows(done: Done, expression: str, *labels: str, **selection: str) -> dict[Any, float]:
    """Ask a query and return its values by labels; one label as it is, several as a tuple."""
    found: dict[Any, float] = {}
    for row in done.backend.query(substituted(expression, WINDOW, **selection)):
        key = tuple(row["metric"].get(label, "") for label in labels)
        key = key[0] if len(labels) == 1 else key
        assert key not in found, f"{key} comes twice in {expression}"
        found[key] = float(row["value"][1])
    return found


def seen(done: Done, name: str, title: str, *labels: str, number: int = 0, **selection: str) -> dict[Any, float]:
    """Return what a panel's query answers."""
    (panel,) = (panel for panel in panels(name) if panel["title"] == title)
    return rows(done, panel["targets"][number]["expr"], *labels, **selection)


def close(expected: dict[Any, Any]) -> dict[Any, Any]:
    """Allow figures in US dollars a millionth, which is what genops counts in."""
    return {
        key: value if isinstance(value, Within) else pytest.approx(value, abs=1e-6) for key, value in expected.items()
    }


def executed(result: str) -> bool:
    """Whether an operation with this decision ran."""
    return result in {"ALLOWED", "WARNING"}


def cost(done: Done) -> None:
    """What settled in all: what was declared in US dollars, and what statements took or reserved."""
    total = sum(done.declared(0).values())
    assert seen(done, OVERVIEW, "Cost") == {(): done.settled() + total}


def corrections(done: Done) -> None:
    """What statements took whose end came later, less what they had reserved; with the cost it is what was spent."""
    corrected = done.corrected()
    assert corrected.high < 0
    assert seen(done, OVERVIEW, "Corrections") == {(): corrected}
    final = seen(done, OVERVIEW, "Cost")[()] + seen(done, OVERVIEW, "Corrections")[()]
    assert final == done.spent() + sum(done.declared(0).values())


def operations(done: Done) -> None:
    """Every decision that let an operation run is an operation."""
    assert seen(done, OVERVIEW, "Operations") == {(): done.decisions(only=executed).total()}


def failed(done: Done) -> None:
    """What the workspace answered with an error."""
    assert seen(done, OVERVIEW, "Failed operations") == {(): sum(one["errors"] for one in done.told.values())}


def violations(done: Done) -> None:
    """Warnings and refusals."""
    assert seen(done, OVERVIEW, "Violations") == {(): done.decisions(only=lambda r: r != "ALLOWED").total()}


def unpriced(done: Done) -> None:
    """Statements on a warehouse that nothing is known of."""
    assert seen(done, OVERVIEW, "Statements without a price") == {(): done.count("unpriced")}


def cost_by_team(done: Done) -> None:
    """Only two teams spent something."""
    expected = close({SCIENCE: done.declared(0)[SCIENCE], PLATFORM: done.settled()})
    assert seen(done, OVERVIEW, "Cost by team", TEAM) == expected


def cost_by_project(done: Done) -> None:
    """Statements belong to one project, training to the other."""
    declared = done.declared(1)
    expected = close({CHURN: declared[CHURN], FLIGHTS: done.settled() + declared[FLIGHTS]})
    assert seen(done, OVERVIEW, "Cost by project", PROJECT) == expected


def cost_by_workspace(done: Done) -> None:
    """What has no workspace stands apart."""
    expected = {done.told[name]["host"]: done.settled(name) for name in PRICED}
    assert seen(done, OVERVIEW, "Cost by workspace", WORKSPACE) == close(
        {**expected, "none": sum(done.declared(0).values())}
    )


def decisions(done: Done) -> None:
    """By result."""
    assert seen(done, OVERVIEW, "Decisions", RESULT) == done.decisions(3)


def refusals(done: Done) -> None:
    """One team was refused one operation type."""
    expected = done.decisions(0, 1, 2, 3, only=lambda result: result == "BLOCKED")
    assert len(expected) == 1
    assert seen(done, OVERVIEW, "Refusals", TEAM, PROJECT, TYPE, RESULT) == expected


def slowest_mean(done: Done) -> None:
    """No more than the stopwatch around each call."""
    found = seen(done, OVERVIEW, "Slowest operation types, mean", TYPE)
    kinds = done.decisions(2, only=executed)
    assert set(found) == set(kinds)
    for kind, seconds in found.items():
        took = done.stopwatch(kind)
        assert len(took) == kinds[kind]
        assert 0 < seconds <= sum(took) / len(took)
    assert found["model.train"] >= SLOW_SECONDS


def slowest_95(done: Done) -> None:
    """Within the bucket of the slowest call."""
    found = seen(done, OVERVIEW, "Slowest operation types, 95th percentile", TYPE)
    assert set(found) == set(done.decisions(2, only=executed))
    assert found["model.train"] >= max(bound for bound in BUCKETS if bound < SLOW_SECONDS)
    for kind, seconds in found.items():
        assert seconds <= min(bound for bound in BUCKETS if bound >= max(done.stopwatch(kind)))


def most_expensive(done: Done) -> None:
    """Training, scoring, statements that were awaited, and statements that were left."""
    declared = done.declared(1)
    expected = {"model.train": declared[CHURN], "model.score": declared[FLIGHTS], **done.by_type()}
    assert seen(done, OVERVIEW, "Most expensive operation types", TYPE) == close(expected)


def budgets_used(done: Done) -> None:
    """A budget without a limit has no share."""
    science, reported = done.declared(0)[SCIENCE], done.count("reported")
    expected = close({"science": science / 150, "reporting": reported / 3, "platform": done.nearest().shared(1000)})
    assert seen(done, OVERVIEW, "Budgets used", "genops_budget_name") == expected


def budgets(done: Done) -> None:
    """Limit, use and rest, in the unit of each."""
    science, reported = done.declared(0)[SCIENCE], done.count("reported")
    overdrawn = done.decisions(3)["WARNING"]
    platform = done.nearest()
    rest = Within(1000 - platform.high, 1000 - platform.low)
    limits = {"platform": 1000.0, "science": 150.0, "reporting": 3.0, "frozen": 0.0}
    used = {"platform": platform, "science": science, "reporting": reported, "frozen": overdrawn}
    left = {"platform": rest, "science": 150 - science, "reporting": 0.0, "frozen": -overdrawn}
    for number, expected in enumerate((limits, used, left)):
        assert seen(done, OVERVIEW, "Budgets", "genops_budget_name", number=number) == close(expected)


def telemetry_lost(done: Done) -> None:
    """Every span of the troubled program was dropped or failed, and nothing else."""
    found = [seen(done, OVERVIEW, "Telemetry lost", SIGNAL, number=number) for number in (0, 1)]
    assert all(each["traces"] > 0 for each in found)
    assert sum(each["traces"] for each in found) == done.told["troubled"]["spans"]
    assert {signal: sum(each.get(signal, 0) for each in found) for signal in found[1]} == {
        "traces": done.told["troubled"]["spans"],
        "logs": 0,
        "metrics": 0,
    }


def faults(done: Done) -> None:
    """The broken sink, once a statement."""
    assert seen(done, OVERVIEW, "Faults of genops", "genops_internal_site") == {"sink:Broken": done.count("faults")}


def let_go(done: Done) -> None:
    """The full graph, and no other table."""
    found = seen(done, OVERVIEW, "Let go by full tables", "genops_internal_site")
    assert found.pop("lineage") == done.count("let_go")
    assert set(found.values()) == {0.0}


def unattributed(done: Done) -> None:
    """What was called without a team."""
    found = seen(done, OVERVIEW, "Operations without attribution", TYPE)
    assert found == {"catalog.get": done.count("unattributed")}


def unpriced_by_type(done: Done) -> None:
    """They were queries; those that define something have a price."""
    found = seen(done, OVERVIEW, "Statements without a price, by type", TYPE)
    assert found == {"table.query": done.count("unpriced"), "sql.define": 0}


def guide_cost(done: Done) -> None:
    """The guide asks for what runs on Databricks: the statements."""
    assert seen(done, GUIDE, "Cost by Team", TEAM) == {PLATFORM: done.settled()}


def guide_lineage(done: Done) -> None:
    """Each process knows its own edges: uploads and downloads."""
    found: Counter[str] = Counter()
    for (_, _, kind), edges in seen(done, GUIDE, "Data Lineage Operations", "instance", TEAM, TYPE).items():
        found[kind] += int(edges)
    assert found == {"file.upload": done.count("edges") - 2, "file.download": 2}


def guide_violations(done: Done) -> None:
    """Warnings and refusals, by whom and what."""
    found = seen(done, GUIDE, "Compliance Violations", TEAM, PROJECT, TYPE, RESULT)
    assert found == done.decisions(0, 1, 2, 3, only=lambda result: result != "ALLOWED")


SHOWN = {
    (OVERVIEW, "Cost"): cost,
    (OVERVIEW, "Corrections"): corrections,
    (OVERVIEW, "Operations"): operations,
    (OVERVIEW, "Failed operations"): failed,
    (OVERVIEW, "Violations"): violations,
    (OVERVIEW, "Statements without a price"): unpriced,
    (OVERVIEW, "Cost by team"): cost_by_team,
    (OVERVIEW, "Cost by project"): cost_by_project,
    (OVERVIEW, "Cost by workspace"): cost_by_workspace,
    (OVERVIEW, "Decisions"): decisions,
    (OVERVIEW, "Refusals"): refusals,
    (OVERVIEW, "Slowest operation types, mean"): slowest_mean,
    (OVERVIEW, "Slowest operation types, 95th percentile"): slowest_95,
    (OVERVIEW, "Most expensive operation types"): most_expensive,
    (OVERVIEW, "Budgets used"): budgets_used,
    (OVERVIEW, "Budgets"): budgets,
    (OVERVIEW, "Telemetry lost"): telemetry_lost,
    (OVERVIEW, "Faults of genops"): faults,
    (OVERVIEW, "Let go by full tables"): let_go,
    (OVERVIEW, "Operations without attribution"): unattributed,
    (OVERVIEW, "Statements without a price, by type"): unpriced_by_type,
    (GUIDE, "Cost by Team"): guide_cost,
    (GUIDE, "Data Lineage Operations"): guide_lineage,
    (GUIDE, "Compliance Violations"): guide_violations,
}


def test_every_panel_has_its_figure() -> None:
    """A panel that nobody works out a figure for fails here."""
    assert set(SHOWN) == {(name, panel["title"]) for name in (OVERVIEW, GUIDE) for panel in panels(name)}


@pytest.mark.parametrize(("name", "title"), SHOWN)
def test_a_panel_shows_what_was_done(done: Done, name: str, title: str) -> None:
    """The answer of Prometheus is the count of the programs themselves."""
    SHOWN[name, title](done)


def cost_recorded(done: Done) -> dict[Any, Any]:
    """Statements belong to the workspace that ran them, work of the programs' own to none."""
    statements = {(PLATFORM, FLIGHTS, "test", done.told[name]["host"]): done.settled(name) for name in PRICED}
    return {**statements, **{(*key, ""): amount for key, amount in done.declared(0, 1, 2).items()}}


def budgets_recorded(done: Done) -> dict[Any, Any]:
    """A budget without a limit has no share."""
    return {
        ("platform", "total", "USD"): done.nearest().shared(1000),
        ("science", "total", "USD"): done.declared(0)[SCIENCE] / 150,
        ("reporting", "total", "call"): done.count("reported") / 3,
    }


RECORDED = {
    "genops:cost_usd:sum1h": ((TEAM, PROJECT, ENVIRONMENT, WORKSPACE), cost_recorded),
    "genops:decisions:sum15m": ((TEAM, PROJECT, ENVIRONMENT, RESULT), lambda done: done.decisions(0, 1, 4, 3)),
    "genops:budget_used:ratio": (
        ("genops_budget_name", "genops_budget_period", "genops_accounting_unit"),
        budgets_recorded,
    ),
    "genops:telemetry_lost:sum15m": (
        (SIGNAL,),
        lambda done: {"traces": done.told["troubled"]["spans"], "logs": 0, "metrics": 0},
    ),
}


def test_every_recording_rule_has_its_figures() -> None:
    """A recorded series that nobody works out figures for fails here."""
    assert set(RECORDED) == {rule["record"] for rule in rules() if "record" in rule}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_rule_holds_what_was_done(done: Done, name: str) -> None:
    """Each recorded series has its labels, no other, and the value that the programs counted."""
    labels, expected = RECORDED[name]
    assert {label for row in done.backend.query(name) for label in row["metric"]} <= {"__name__", *labels}
    assert rows(done, name, *labels) == close(expected(done))


def test_alerts_fire_where_they_should_and_are_silent_otherwise(done: Done) -> None:
    """Nothing fires while nothing is wrong; then every alert does but the one of test_dashboards_down.py."""
    assert done.quiet == set()
    eventually(lambda: done.backend.firing() == EVERY_ALERT_THAT_IS_DUE, 30)
    known = {rule["alert"] for rule in rules() if "alert" in rule}
    assert known - EVERY_ALERT_THAT_IS_DUE == {"GenOpsCollectorDown"}


def test_each_variable_selects(done: Done) -> None:
    """Team, project, environment and workspace leave what belongs to them, in figures of any kind."""
    declared = done.declared(1)
    assert seen(done, OVERVIEW, "Cost", team=SCIENCE) == close({(): sum(declared.values())})
    assert seen(done, OVERVIEW, "Cost", project=CHURN) == close({(): declared[CHURN]})
    troubled = sum(count for *_, count in done.told["troubled"]["decisions"])
    assert seen(done, OVERVIEW, "Operations", environment="dev") == {(): troubled}
    assert seen(done, OVERVIEW, "Operations", workspace="localhost:.+") == {(): troubled}
    assert seen(done, OVERVIEW, "Operations", team=f"({REPORTING}|{RESEARCH})") == {
        (): done.decisions(0, only=executed)[REPORTING] + done.decisions(0, only=executed)[RESEARCH]
    }
    assert set(seen(done, OVERVIEW, "Budgets used", "genops_budget_name", project=CHURN)) == {
        "platform",
        "science",
        "reporting",
    }
    faults_of = [seen(done, OVERVIEW, "Faults of genops", "genops_internal_site", team=t) for t in (SCIENCE, RESEARCH)]
    assert faults_of == [{}, {"sink:Broken": done.count("faults")}]


def test_each_variable_offers_what_there_is(done: Done) -> None:
    """The values of a variable are those of its label."""
    offered: dict[str, set[str]] = {}
    for variable in boards.board(OVERVIEW)["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").split(", ")
            offered[variable["name"]] = {row["metric"].get(label, "") for row in done.backend.query(metric)} - {""}
    assert offered == {
        "team": {team for team in done.decisions(0) if team},
        "project": set(done.decisions(1)),
        "environment": {"test", "dev"},
        "workspace": {one["host"] for one in done.told.values()},
    }


def test_what_is_shown_over_time_adds_up(done: Done) -> None:
    """The steps of each panel over time add up to the whole: nothing is left out between two, or counted twice."""
    end = time.time()
    for panel in panels(OVERVIEW):
        for number, target in enumerate(panel["targets"]) if panel["type"] == "timeseries" else ():
            steps = done.backend.over_time(substituted(target["expr"], WINDOW, "20s"), end - 600, end, 20)
            added = sum(float(value) for series in steps for _, value in series["values"])
            whole = sum(float(row["value"][1]) for row in done.backend.query(substituted(target["expr"], WINDOW)))
            assert added == pytest.approx(whole, abs=1e-6), (panel["title"], number)
