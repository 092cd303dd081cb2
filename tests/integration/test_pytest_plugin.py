"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

# Loaded before an inner run, which takes out of `sys.modules` what it has loaded itself: genops must exist once.
import genops.runtime
import genops.telemetry.wiring
import genops.testing.compliance
import genops.testing.plugin
import genops.testing.workspace
from genops.testing import capturing

pytest_plugins = ("pytester",)

SOURCE = str(Path(genops.runtime.__file__).resolve().parents[1])
WHO = 'team="data-eng", project="sales", environment="test"'
HEAD = f"""
import pytest, genops
pytestmark = pytest.mark.genops({WHO})

def load():
    with genops.operation("load", reads=["main.sales.orders"], cost="1") as operation:
        operation.observe(rows=3, cost="0.5")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Return what runs a test file in this process, with this plugin and no other that happens to be installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", SOURCE)

    def ran(code: str, *options: str, subprocess: bool = False, head: str = HEAD) -> pytest.RunResult:
        pytester.makepyfile(test_it=head + code)
        start = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        return start("-p", "genops.testing.plugin", "--strict-markers", *options)

    return ran


def test_the_fixture_captures_with_the_settings_of_markers(run, pytester: pytest.Pytester) -> None:
    """Settings come from the conftest, the module, the class and the test, the nearest wins."""
    pytester.makeconftest(
        """
        import pytest
        @pytest.fixture
        def genops_settings():
            return {"team": "from-the-conftest", "cost_center": "cc-1"}
        """
    )
    result = run("""
class TestClass:
    @pytest.mark.genops(team="nearest", mode="enforce", budgets={"b": {"limit": 0}})
    def test_refused(self, genops_capture):
        with pytest.raises(genops.BudgetExceeded):
            load()
        unit = genops_capture.units.only
        assert (unit.team, unit.project, unit.result) == ("nearest", "sales", "BLOCKED")
        assert unit.attributes["genops.cost_center"] == "cc-1"

    def test_allowed(self, genops_capture):
        load()
        genops_capture.assert_unit("load", team="data-eng", rows=3)
        genops_capture.assert_compliant()
""")
    result.assert_outcomes(passed=2)


def test_without_settings_nothing_is_made_up(run) -> None:
    """A test that names no team sees that there is none."""
    result = run(
        "def test_it(genops_capture):\n    load()\n    assert genops_capture.units.only.missing[0] == 'team'\n",
        head=HEAD.replace("pytestmark", "_"),
    )
    result.assert_outcomes(passed=1)


def test_tests_do_not_see_each_other(run) -> None:
    """Every test has a capture, identities and a clock of its own."""
    code = "def test_{}(genops_capture):\n    load()\n    assert int(genops_capture.units.only.span_id) == 1\n"
    run(code.format("one") + code.format("two")).assert_outcomes(passed=2)


def test_a_failure_shows_the_difference_and_what_was_captured(run) -> None:
    """The message has the nearest unit, the report a section with every unit, the traceback ends in the test."""
    result = run("""
def test_broken(genops_capture):
    load()
    genops_capture.assert_unit("load", result="BLOCKED", rows=4)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>       genops_capture.assert_unit("load", result="BLOCKED", rows=4)',
            "E       AssertionError: no captured unit is as expected",
            "*nearest captured unit, #1:",
            "*ALLOWED  load (custom.run)  data-eng/sales/test  ok  0.5 USD  rows=3",
            "*- result  expected 'BLOCKED', was 'ALLOWED'",
            "*- rows    expected 4, was 3",
            "*- genops -*",
            "<Capture: 1 units>",
            "  #1 ALLOWED  load (custom.run)  data-eng/sales/test  ok  0.5 USD  rows=3",
        ]
    )
    assert "capturing.py" not in result.stdout.str()


def test_any_failure_shows_what_was_captured(run) -> None:
    """A failure that has nothing to do with genops has the section too; a test that passes has none."""
    result = run("""
def test_fails(genops_capture):
    load()
    assert 1 == 2

def test_passes(genops_capture):
    load()

def test_without(request):
    assert 1 == 2
""")
    result.assert_outcomes(failed=2, passed=1)
    assert result.stdout.str().count("- genops -") == 1


def test_what_cannot_be_shown_hides_nothing(run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too much was captured the test's own failure is still there, and the section says why."""
    monkeypatch.setattr(capturing, "CAPACITY", 1)
    result = run("def test_it(genops_capture):\n    load()\n    assert 'mine' == 'other'\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 'mine' == 'other'", "what was captured cannot be shown: *call clear()*"])


def test_snapshots_are_written_on_request_and_compared(run, pytester: pytest.Pytester) -> None:
    """A missing snapshot fails and says how; the option writes it beside the test; a change is a diff."""
    code = "def test_it(genops_capture):\n    load()\n    genops_capture.assert_snapshot('snapshots/it.json')\n"
    missing = run(code)
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*there is no snapshot *it.json yet*--genops-update-snapshots*"])
    run(code, "--genops-update-snapshots").assert_outcomes(passed=1)
    file = pytester.path / "snapshots" / "it.json"
    assert file.exists()
    run(code).assert_outcomes(passed=1)
    file.write_text(file.read_text("utf-8").replace('"genops.data.row_count": 3', '"genops.data.row_count": 4'))
    changed = run(code)
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(['*-*"genops.data.row_count": 4,', '*+*"genops.data.row_count": 3,'])


def test_a_setting_that_is_wrong_is_an_error_of_that_test(run) -> None:
    """A misspelt setting and one without a name fail readably."""
    result = run("""
@pytest.mark.genops(taem="x")
def test_misspelt(genops_capture): ...

@pytest.mark.genops("enforce")
def test_unnamed(genops_capture): ...
""")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines_random(
        ["*unknown setting 'taem' (did you mean 'team'?)*", "*takes settings by name only, got ('enforce',)"]
    )


def test_coroutines_are_captured(run) -> None:
    """Tests that run a loop of their own, as plugins for asynchronous tests do, see what ran in it."""
    result = run("""
import asyncio

@pytest.fixture
def loop_of_a_plugin():
    with asyncio.Runner() if hasattr(asyncio, "Runner") else _Old() as runner:
        yield runner

class _Old:
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def run(self, coroutine):
        return asyncio.run(coroutine)

def test_it(loop_of_a_plugin, genops_capture):
    async def work():
        async with genops.operation("load", reads=["a.b.c"]):
            await asyncio.sleep(0)
    loop_of_a_plugin.run(work())
    genops_capture.assert_units([{"name": "load", "outcome": "ok"}])
""")
    result.assert_outcomes(passed=1)


def test_the_workspace_is_there_for_the_test(run) -> None:
    """The fixture gives a running workspace, and closes it after the test."""
    code = """
import urllib.request
hosts = []

def test_running(genops_workspace):
    hosts.append(genops_workspace.host)
    assert genops_workspace.execute("SELECT 1 + 1") == [["2"]]

def test_closed():
    with pytest.raises(OSError):
        urllib.request.urlopen(hosts[0], timeout=5)
"""
    # In a process of its own, since its engine cannot be loaded twice in one.
    run(code, subprocess=True).assert_outcomes(passed=2)


def test_arguments_of_the_workspace_come_from_a_fixture(run) -> None:
    """`genops_workspace_settings` of a module are the arguments of its workspaces."""
    code = """
@pytest.fixture
def genops_workspace_settings():
    return {"user": "ada@example.com", "workspace_id": 7}

def test_it(genops_workspace):
    assert genops_workspace.execute("SELECT current_user()") == [["ada@example.com"]]
    assert genops_workspace.workspace_id == "7"
"""
    run(code, subprocess=True).assert_outcomes(passed=1)


def test_a_workspace_that_cannot_be_made_says_what_to_install(run, pytester: pytest.Pytester) -> None:
    """Without the extra the test fails with the command that installs it, and without a traceback."""
    pytester.makepyfile(duckdb="raise ImportError('no module named duckdb', name='duckdb')")
    pytester.makeini("[pytest]\npythonpath = .\n")
    result = run("def test_it(genops_workspace): ...", subprocess=True)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*genops_workspace: LocalWorkspace needs DuckDB and sqlglot*pip install*testing*"])
    assert "Traceback" not in result.stdout.str()


def test_it_works_under_xdist(run) -> None:
    """Spread over processes, tests capture their own, and the section of a failure arrives."""
    pytest.importorskip("xdist")
    result = run(
        "@pytest.mark.parametrize('number', range(6))\ndef test_it(genops_capture, number):\n    load()\n"
        "    genops_capture.assert_cost('0.5')\n    assert number != 3\n",
        "-p",
        "xdist.plugin",
        "-n",
        "2",
        subprocess=True,
    )
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*- genops -*", "  #1 ALLOWED  load*"])


def test_loading_the_plugin_loads_nothing_else() -> None:
    """In every pytest run of an environment with genops the plugin loads pytest and the light start of genops only."""
    code = (
        "import pytest, sys\nbefore = set(sys.modules)\nimport genops.testing.plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    env = {**os.environ, "PYTHONPATH": SOURCE}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    loaded = ran.stdout.split()
    assert loaded == ["genops", "genops.testing", "genops.testing.plugin"]


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    """The project declares the plugin, and where it is installed from here the entry point leads to it."""
    project = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8")
    assert '[project.entry-points.pytest11]\ngenops = "genops.testing.plugin"\n' in project
    for found in metadata.entry_points(group="pytest11", name="genops"):
        assert found.load() is genops.testing.plugin
