"""The files of `dashboards/`: up to date, of declared names only, and loaded by the programs that they are for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from genops.cli import main_group
from genops.errors import MissingDependency
from genops.telemetry.semconv import DECLARED, METRICS
from support import boards
from support.backend_fixtures import missing, program, took_part
from support.boards import FOLDER, board, expressions, panels, substituted
from support.servers import CACHE, PROGRAMS, Server, free_ports, locked

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Found

NAMES = ("genops-overview", "unity-catalog-governance")
GUIDE = {
    "Cost by Team": 'sum by (genops_team) (genops_cost_total{genops_provider="databricks_unity_catalog"})',
    "Data Lineage Operations": 'genops_data_lineage{genops_provider="databricks_unity_catalog"}',
    "Compliance Violations": 'genops_governance_violation{genops_provider="databricks_unity_catalog"}',
}
TYPES = {"@grafana/schema": "13.2.3", "typescript": "5.9.3"}
# In JSON a member of an enumeration is its text.
IN_JSON = """import type {Dashboard} from "@grafana/schema";
type Json<T> = T extends string ? `${T}` : T extends (infer U)[] ? Json<U>[]
  : T extends object ? {[K in keyof T]: Json<T[K]>} : T;
"""
MISTAKES = (
    "panels: 3",
    "unknown: 1",
    'templating: {list: [{name: "x", type: "query", auto: false}]}',
    'panels: [{type: "stat", fieldConfig: {defaults: {thresholds: {mode: "none", steps: []}}, overrides: []}}]',
)

if sys.version_info >= (3, 11):  # what builds them needs it

    def test_the_files_are_what_is_built(tmp_path: Path) -> None:
        """Building again gives the same bytes as those that lie in the folder."""
        result = CliRunner().invoke(main_group, ["dashboards", "build", "--out", str(tmp_path)], catch_exceptions=False)
        assert result.exit_code == 0
        built = {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()}
        assert built == {f"{name}.json": (FOLDER / f"{name}.json").read_text("utf-8") for name in NAMES}
        assert {line.rsplit("/", 1)[-1] for line in result.output.split()} == set(built)

    def test_the_sdk_reads_what_it_wrote() -> None:
        """Read back and written again nothing is lost."""
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
        from grafana_foundation_sdk.models.dashboard import Dashboard

        from genops.cli.dashboards.build import OF_INTERVALS

        for name in NAMES:
            again = json.loads(JSONEncoder().encode(Dashboard.from_json(board(name))))
            for variable in again["templating"]["list"]:
                for key in OF_INTERVALS:
                    variable.pop(key, None)
            assert again == board(name)

    def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the SDK is not installed the extra is named."""
        for module in [name for name in sys.modules if name.startswith("genops.cli.dashboards.")]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, "grafana_foundation_sdk.builders.bargauge", None)
        with pytest.raises(MissingDependency, match="dashboards"):
            CliRunner().invoke(main_group, ["dashboards", "build"], catch_exceptions=False)

else:

    def test_an_older_python_is_told() -> None:
        """The command says which version it needs."""
        with pytest.raises(MissingDependency, match=r"3\.11"):
            CliRunner().invoke(main_group, ["dashboards", "build"], catch_exceptions=False)


def test_the_guides_dashboard_is_the_guides() -> None:
    """Its title, its three panels, its three queries, to the letter."""
    assert board("unity-catalog-governance")["title"] == "Unity Catalog Governance Dashboard"
    found = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in panels(NAMES[1])}
    assert found == {title: [query] for title, query in GUIDE.items()}
    assert [panel["type"] for panel in panels(NAMES[1])] == ["timeseries", "table", "table"]


def _declared() -> set[str]:
    """Return every name that Prometheus can know, by the rules of its own translation."""
    known = {name.replace(".", "_") for name in DECLARED}
    for metric in METRICS:
        name = metric.name.replace(".", "_")
        name += {"s": "_seconds", "By": "_bytes"}.get(metric.unit, "") if metric.kind != "gauge" else ""
        if metric.kind == "counter":
            name = name.removesuffix("_bytes_bytes").removesuffix("_total") + "_total"
        known |= {name, *(f"{name}{part}" for part in ("_bucket", "_sum", "_count") if metric.kind == "histogram")}
    return known


def test_every_name_is_declared() -> None:
    """Each metric and label of a query, of a legend and of a table is in the registry, or recorded by a rule."""
    known = _declared()
    recorded = {rule["record"] for rule in boards.rules() if "record" in rule}
    for place, expression in expressions():
        names = set(re.findall(r"\b(?:genops|databricks)_\w+", re.sub(r'"[^"]*"', "", expression)))
        assert names or ":" in expression or place == "GenOpsCollectorDown", place
        assert names <= known, (place, names - known)
        assert set(re.findall(r"genops:\w+:\w+", expression)) <= recorded
    for name in NAMES:
        told = set(re.findall(r"\b(?:genops|databricks)_\w+", json.dumps(board(name))))
        assert told - {"databricks_unity_catalog"} <= known, told - known


def test_no_query_makes_up_a_value() -> None:
    """What is not known stays empty."""
    for place, expression in expressions():
        assert not re.search(r"or\s+vector\s*\(|absent(_over_time)?\s*\(", expression), place


def test_every_query_of_the_overview_uses_every_variable() -> None:
    """A selection holds for all figures."""
    variables = [v["name"] for v in board(NAMES[0])["templating"]["list"] if v["type"] == "query"]
    assert variables == ["team", "project", "environment", "workspace"]
    for panel in panels(NAMES[0]):
        for target in panel["targets"]:
            assert all(f'=~"${name}"' in target["expr"] for name in variables), panel["title"]
    for variable in board(NAMES[0])["templating"]["list"][1:]:
        assert variable["multi"]
        assert variable["includeAll"]
        assert variable["allValue"] == ".*"


@pytest.mark.parametrize("name", NAMES)
def test_panels_can_be_read(name: str) -> None:
    """Each has a title, a description, a unit and a place of its own on the grid; series over time have a legend."""
    places = []
    for panel in board(name)["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        places.append((place["x"], place["y"], place["x"] + place["w"], place["y"] + place["h"]))
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]
        if panel["type"] in {"timeseries", "bargauge"}:
            assert all(target["legendFormat"].startswith("{{") for target in panel["targets"])
    for one, other in combinations(places, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)
    assert len({panel["id"] for panel in board(name)["panels"]}) == len(board(name)["panels"])


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_asks_the_chosen_data_source(name: str) -> None:
    """The data source is a variable, and the provisioned one is chosen at first."""
    (source,) = (v for v in board(name)["templating"]["list"] if v["type"] == "datasource")
    (provisioned,) = _provisioning("datasources")["datasources"]
    assert (source["query"], source["current"]["value"]) == (provisioned["type"], provisioned["uid"])
    chosen = {"type": "prometheus", "uid": f"${{{source['name']}}}"}
    for panel in panels(name):
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [
            chosen,
            *([chosen] * len(panel["targets"])),
        ]


def _provisioning(what: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "grafana" / "provisioning" / what / "genops.yaml").read_text("utf-8"))


def test_provisioning_leads_to_what_is_mounted() -> None:
    """Keys as Grafana documents them; the data source is the service, the folder is where the files are mounted."""
    sources, dashboards = _provisioning("datasources"), _provisioning("dashboards")
    assert (sources["apiVersion"], dashboards["apiVersion"]) == (1, 1)
    (source,), (provider,) = sources["datasources"], dashboards["providers"]
    assert set(source) <= {"name", "uid", "type", "access", "url", "isDefault", "jsonData"}
    assert set(provider) <= {"name", "folder", "type", "allowUiUpdates", "options"}
    services = _compose()["services"]
    host, port = source["url"].removeprefix("http://").split(":")
    assert host in services
    assert any(published.endswith(f":{port}") for published in services[host]["ports"])
    mounted = {_mount(volume)[1] for volume in services["grafana"]["volumes"]}
    assert {f"{provider['options']['path']}/{name}.json" for name in NAMES} <= mounted
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in mounted


def _compose() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))


def _mount(volume: str) -> tuple[str, str]:
    source, target = volume.removesuffix(":ro").split(":")
    return source, target


def test_compose_mounts_what_is_there_and_pins_every_image() -> None:
    """Each mounted file exists, each configuration is where its program is told, each image has a full version."""
    described = _compose()
    assert set(described) == {"name", "services", "volumes"}
    for name, service in described["services"].items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
        mounts = [_mount(volume) for volume in service["volumes"]]
        for source, _ in mounts:
            assert (FOLDER / source).exists() if source.startswith(".") else source in described["volumes"], source
        for argument in service.get("command", []):
            if argument.startswith(("--config=", "--config.file=")):
                assert argument.split("=")[1] in {target for _, target in mounts}
    prometheus = yaml.safe_load((FOLDER / "prometheus.yaml").read_text("utf-8"))
    (scrape,) = prometheus["scrape_configs"]
    (target,) = scrape["static_configs"][0]["targets"]
    collector = (FOLDER / "collector.yaml").read_text("utf-8")
    assert target.split(":")[0] in described["services"]
    listening = described["services"]["collector"]["environment"]
    assert all(f"${{env:{name}:-127.0.0.1:{at.split(':')[1]}}}" in collector for name, at in listening.items())
    inside = {at.removeprefix("0.0.0.0:") for at in listening.values()}
    assert scrape["honor_labels"]
    published = {port.rsplit(":", 1)[1] for port in described["services"]["collector"]["ports"]}
    assert inside == {*published, target.split(":")[1]}
    assert "0.0.0.0" not in collector
    rules = {target for _, target in map(_mount, described["services"]["prometheus"]["volumes"])}
    assert {f"/etc/prometheus/{file}" for file in prometheus["rule_files"]} <= rules


def test_the_collector_accepts_its_file(collector_program: Found) -> None:
    """As it is, without a variable set."""
    command = [collector_program.path, "validate", "--config", FOLDER / "collector.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_compose_pins_what_the_tests_run() -> None:
    """The collector and the Prometheus that are started are of the versions that these files were loaded by."""
    images = {name: service["image"] for name, service in _compose()["services"].items()}
    assert images["collector"].rsplit(":", 1)[1] == PROGRAMS["otelcol"].version
    # Prometheus 3.15.0 is version 0.315.0 of its Go module.
    major, minor, patch = images["prometheus"].rsplit(":v", 1)[1].split(".")
    assert f"0.{major}{int(minor):02}.{patch}" == PROGRAMS["prometheus"].version


@pytest.mark.servers
@pytest.mark.parametrize("prometheus", boards.PROMETHEUS)
def test_prometheus_starts_with_its_file(prometheus: str, tmp_path: Path) -> None:
    """As it is: the rules beside it are loaded, and the collector that is not there is scraped in vain."""
    (port,) = free_ports(1)
    command = [
        program(prometheus).path,
        f"--config.file={FOLDER / 'prometheus.yaml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    server = Server(command, f"http://127.0.0.1:{port}/-/ready", tmp_path / "log")
    try:
        found = boards.fetched(f"http://127.0.0.1:{port}/api/v1/rules")["data"]["groups"]
    finally:
        server.stop()
    assert sum(len(group["rules"]) for group in found) == len(boards.rules())


@pytest.mark.servers
@pytest.mark.parametrize("promtool", boards.PROMTOOL)
@pytest.mark.parametrize("arguments", [("check", "config", "prometheus.yaml"), ("check", "rules", "rules.yaml")])
def test_promtool_accepts_each_file(promtool: str, arguments: tuple[str, ...]) -> None:
    """Configuration and rules are valid."""
    done = subprocess.run([program(promtool).path, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.servers
@pytest.mark.parametrize("promtool", boards.PROMTOOL)
def test_the_tests_of_the_rules_pass_and_would_notice(promtool: str, tmp_path: Path) -> None:
    """They hold for the rules; those that name a rule fail where it never gives anything, or for all of time."""
    whole = yaml.safe_load((FOLDER / "rules.yaml").read_text("utf-8"))
    tests = yaml.safe_load((FOLDER / "rules_test.yaml").read_text("utf-8"))
    tool = program(promtool)

    def passes(rules: dict[str, Any], chosen: list[Any]) -> bool:
        (tmp_path / "rules.yaml").write_text(json.dumps(rules))
        (tmp_path / "rules_test.yaml").write_text(json.dumps({**tests, "tests": chosen}))
        command = [tool.path, "test", "rules", "rules_test.yaml"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    assert passes(whole, tests["tests"])
    unnoticed = []
    for group, number in [(g, n) for g, found in enumerate(whole["groups"]) for n in range(len(found["rules"]))]:
        mutant = json.loads(json.dumps(whole))
        rule = mutant["groups"][group]["rules"][number]
        name = rule.get("alert") or rule["record"]
        # One by one, because the first that fails is enough; all of them for each mutant take seconds.
        naming = [test for test in tests["tests"] if name in json.dumps(test)]
        for changed in ("vector(1) > 2", "vector(1)"):
            rule["expr"] = changed
            if all(passes(mutant, [test]) for test in naming):
                unnoticed.append((name, changed))
    assert unnoticed == []


def test_dollars_are_asked_for() -> None:
    """What is shown as US dollars selects them; the guide's query stays the guide's."""
    for panel in panels(NAMES[0]):
        dollars = [target["expr"] for target in panel["targets"] if re.search(r"genops_cost_\w+{", target["expr"])]
        assert bool(dollars) == (panel["fieldConfig"]["defaults"]["unit"] == "currencyUSD"), panel["title"]
        for expression in dollars:
            selections = re.findall(r"genops_cost_(?:total|adjustment){(.*?)}", expression)
            assert selections
            assert all('genops_cost_currency="USD"' in selection for selection in selections), panel["title"]


def test_a_gap_is_no_growth(promtool: Found, tmp_path: Path) -> None:
    """One scrape that failed just before the window, of processes that did nothing since: no panel shows anything."""
    labels = {"job": "j", "instance": "i", "genops_cost_currency": "USD", "genops_cost_resource_type": "sql_warehouse"}
    labels |= {"genops_operation_type": "table.query", "genops_policy_result": "BLOCKED", "le": "+Inf"}
    asked = [substituted(expr, "5m") for _, expr in expressions() if " offset $" in expr]
    assert len(asked) > 15
    metrics = {name for expr in asked for name in re.findall(r"\bgenops_\w+(?=[{[])", expr)}
    matched = ",".join(f'{name}="{value}"' for name, value in labels.items())
    case = {
        "interval": "1m",
        "input_series": [{"series": f"{name}{{{matched}}}", "values": "50x39 stale 50x20"} for name in sorted(metrics)],
        "promql_expr_test": [{"expr": f"({expr}) > 0", "eval_time": "45m", "exp_samples": []} for expr in asked],
    }
    (tmp_path / "gap.json").write_text(json.dumps({"evaluation_interval": "1m", "tests": [case]}))
    done = subprocess.run(
        [promtool.path, "test", "rules", "gap.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _installed(command: list[Any], folder: Path) -> None:
    """Run npm; without a network, or with one that takes too long, what it installs cannot be had."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder, timeout=300)
    except subprocess.CalledProcessError as fault:
        missing("Grafana's types", fault.stderr[-500:])
    except subprocess.TimeoutExpired:
        missing("Grafana's types", "npm did not end within 300 s")


def test_grafanas_own_types_accept_the_dashboards() -> None:
    """The published types of Grafana, strictly checked."""
    npm = shutil.which("npm")
    if npm is None:
        missing("Grafana's types", "npm is not on the PATH")
    folder = CACHE / ("grafana-types-" + "-".join(TYPES.values()))
    with locked(folder):
        if not all((folder / "node_modules" / name).exists() for name in TYPES):
            wanted = [f"{name}@{version}" for name, version in TYPES.items()]
            command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, *wanted]
            _installed(command, folder)
        for name in NAMES:
            (folder / f"{name}.ts").write_text(
                f"{IN_JSON}export const d = {json.dumps(board(name))} satisfies Json<Dashboard>;\n"
            )
        # Mistakes that the types must find, so that an acceptance says something.
        for number, mistake in enumerate(MISTAKES):
            text = f"{IN_JSON}export const d = {{schemaVersion: 42, {mistake}}} satisfies Json<Dashboard>;\n"
            (folder / f"wrong{number}.ts").write_text(text)
        (folder / "package.json").write_text(json.dumps({"type": "module", "private": True}))
        options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]
        wrong = [f"wrong{number}.ts" for number in range(len(MISTAKES))]
        command = [folder / "node_modules" / ".bin" / "tsc", *options, *(f"{name}.ts" for name in NAMES), *wrong]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = re.findall(r"^(\S+\.ts)\(", done.stdout, re.MULTILINE)
    assert set(found) == set(wrong), done.stdout[:3000]
    took_part("Grafana's types", ", ".join(f"{name} {version}" for name, version in TYPES.items()))
