"""What governs a program from outside: settings that cannot be honoured, switches, and the options of `genops run`."""

from __future__ import annotations

import errno
import logging
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from genops import GovernanceUnavailable, runtime, zero_code
from genops.cli import main_group, run
from genops.core import current, shapes
from genops.core.operation import Operation
from genops.instrumentation import LIBRARIES
from genops.layers import VARIABLES, asked
from genops.settings import load


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A process without a runtime, in an empty folder; the one before is back after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runtime, "_active", runtime._Active())
    monkeypatch.setattr(runtime.exits, "install", lambda *_: None)
    monkeypatch.setattr(current.slot, "governor", None)
    zero_code._say.cache_clear()
    yield tmp_path
    runtime.uninstrument()
    left = runtime._active.runtime
    if left is not None:
        left.close()


def call():
    """Make one governed call."""
    operation = Operation("table.get", "p", "table.get", "genops.p.table.get")
    site = shapes.Site("table.get", "p", "tests", describe=lambda *_: operation)
    return shapes.call(site, lambda: "ran", None, (), {})


def test_valid_settings_govern(fresh, monkeypatch):
    """Settings of the environment build the runtime, and every library is hooked."""
    monkeypatch.setenv("GENOPS_TEAM", "data-eng")
    zero_code.govern()
    assert runtime.active().settings.attribution.team == "data-eng"
    assert call() == "ran"


def test_settings_that_cannot_be_honoured_are_said_once(fresh, monkeypatch, caplog):
    """In observe mode the program runs ungoverned, and one line says what is wrong and where it stands."""
    monkeypatch.setenv("GENOPS_MODE", "obsrve")
    with caplog.at_level(logging.WARNING, "genops"):
        zero_code.govern()
        zero_code.govern()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "genops"]
    assert "mode='obsrve' (from environment variable GENOPS_MODE)" in line
    assert line.endswith("This program runs ungoverned.")
    assert current.slot.governor is None


@pytest.mark.parametrize(
    ("variables", "file"),
    [
        ({"GENOPS_MODE": "enforce"}, "[telemetry]\nexprt = 'otlp'\n"),
        ({}, "mode = 'enforce'\nbudget = 3\n"),
        ({"GENOPS_MODE": "Enforce"}, ""),
    ],
    ids=["said by the environment", "said by the file", "misspelt"],
)
def test_enforcement_that_cannot_know_its_settings_refuses(fresh, monkeypatch, caplog, variables, file):
    """Where enforcement is asked for and the settings are wrong, a governed call is refused and the log says why."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (fresh / "genops.toml").write_text(file)
    zero_code.govern()
    with pytest.raises(GovernanceUnavailable, match="the settings of genops cannot be honoured"):
        call()
    assert "refused until that is put right" in caplog.text


def test_enforcement_that_may_fail_open_does(fresh, caplog):
    """`on_fault = "allow"` lets the program run ungoverned."""
    (fresh / "genops.toml").write_text("mode = 'enforce'\non_fault = 'allow'\nbudget = 3\n")
    zero_code.govern()
    assert current.slot.governor is None
    assert "runs ungoverned" in caplog.text


def test_a_folder_that_may_not_be_searched_has_no_settings(fresh, monkeypatch):
    """Where the working directory lies behind a folder without permission, no file speaks, and the rest does."""

    def denied(_self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_file", denied)
    monkeypatch.setenv("GENOPS_TEAM", "data-eng")
    zero_code.govern()
    assert runtime.active().settings.attribution.team == "data-eng"
    assert asked("mode") is None


def test_nothing_that_fails_reaches_the_program(fresh, monkeypatch, caplog):
    """A fault of ours, even in what judges faults, is one line of the log, whatever the program's filters do."""
    monkeypatch.setattr(runtime, "instrument", lambda *_: 1 / 0)
    monkeypatch.setattr(zero_code, "asked", lambda _: {}["mode"])
    zero_code.govern()
    assert "fault of genops (KeyError). This program runs ungoverned." in caplog.text
    monkeypatch.setattr(zero_code, "_say", lambda _: 1 / 0)
    zero_code.govern()


def test_a_runtime_that_the_program_configured_stays(fresh, monkeypatch):
    """A program that configured genops itself, and better than its environment, keeps its runtime."""
    configured = runtime.configure(team="mine")
    monkeypatch.setenv("GENOPS_MODE", "nonsense")
    zero_code.govern()
    assert runtime.active() is configured


@pytest.mark.parametrize(
    ("said", "off"),
    [
        ("", False),
        ("requests , genops_databricks_sdk,genops_databricks_sql", True),
        ("*", True),
        ("databricks_sdk", False),
    ],
)
def test_the_switch_of_opentelemetry_counts(fresh, monkeypatch, said, off):
    """`OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` switches a library off by the name of its entry point, or all."""
    monkeypatch.setenv(zero_code.DISABLED, said)
    assert zero_code.switched_off("databricks_sdk") is off
    zero_code.govern()
    assert (runtime._active.runtime is None) is off


def test_every_watched_library_is_one_that_is_hooked():
    """`genops run` waits for exactly the packages whose hooks genops has."""
    source = open(os.path.join(run.STARTUP, "sitecustomize.py"), encoding="utf-8").read()  # noqa: PTH118, PTH123, SIM115
    watched = {"databricks_sdk": "databricks.sdk", "databricks_sql": "databricks.sql"}
    assert set(watched) == set(LIBRARIES)
    assert f"WATCHED = ({', '.join(map(repr, watched.values()))})".replace("'", '"') in source


def test_options_become_variables():
    """What the options say wins over the environment, and what they do not say is left alone."""
    before = {"GENOPS_TEAM": "before", "GENOPS_PROJECT": "kept", "HOME": "/home"}
    after = run.environment({"team": "after", "project": None, "settings_file": "/x.toml"}, before)
    assert after["GENOPS_TEAM"] == "after"
    assert after["GENOPS_PROJECT"] == "kept"
    assert after["GENOPS_SETTINGS_FILE"] == "/x.toml"
    assert after["PYTHONPATH"] == run.STARTUP


@pytest.mark.parametrize(
    ("before", "after"), [("", ()), ("/a:/b", ("/a", "/b")), ("/a::", ("/a", "", "")), (f"/a:{run.STARTUP}", ("/a",))]
)
def test_the_path_keeps_what_it_had(before, after):
    """The startup folder comes first and once; empty entries, which mean the working directory, stay where they are."""
    path = run.environment({}, {"PYTHONPATH": before.replace(":", os.pathsep)})["PYTHONPATH"]
    assert path.split(os.pathsep) == [run.STARTUP, *after]


def test_every_option_has_a_variable_that_is_read():
    """Each option travels by a variable that the settings read."""
    known = {*VARIABLES, run.SETTINGS_FILE}
    names = {option.name for option in run.OPTIONS} - {"command"}
    assert {run._CARRIED[name] for name in names} <= known


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument"),
        (["--team", " ", "true"], "expected a non-empty string"),
        (["--mode", "strict", "true"], "'strict' is not one of"),
        (["--settings-file", "none.toml", "true"], "does not exist"),
        (["--taem", "x", "true"], "No such option"),
    ],
)
def test_what_cannot_be_run_is_a_usage_error(arguments, told):
    """A wrong or missing argument ends with exit code 2 and a sentence, and nothing is run."""
    result = CliRunner().invoke(main_group, ["run", *arguments])
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize(
    ("given", "carried"),
    [
        (["http://collector:4318"], "http://collector:4318"),
        (["console", "out.jsonl"], "console,{here}/out.jsonl"),
        (["honeycomb,otlp"], "honeycomb,otlp"),
        (["/var/log/out"], "/var/log/out"),
    ],
)
def test_destinations_are_carried_as_they_are_meant(fresh, given, carried):
    """A file lies where `genops run` is called; a URL is left alone, so that the message about it shows it."""
    options = [word for value in given for word in ("--export", value)]
    parsed = run.command.make_context("run", [*options, "true"]).params["export"]
    assert parsed == carried.format(here=fresh)


@pytest.mark.parametrize("value", ["out.jsonl", "a.jsonl,b.jsonl"])
def test_a_path_that_cannot_be_carried_is_refused(fresh, monkeypatch, value):
    """A comma stands between destinations, so a path with one would come apart."""
    folder = fresh / ("a,b" if "," not in value else "plain")
    folder.mkdir()
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(main_group, ["run", "--export", value, "no-such-command"])
    assert result.exit_code == 2
    assert "commas stand between destinations" in " ".join(result.output.split())


def test_the_export_variable(monkeypatch, tmp_path):
    """`GENOPS_EXPORT` holds one destination, or several with commas."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENOPS_EXPORT", "console")
    assert load().telemetry.export == "console"
    monkeypatch.setenv("GENOPS_EXPORT", "console, trace.jsonl")
    assert load().telemetry.export == ("console", "trace.jsonl")
    assert load().origins["telemetry.export"] == "environment variable GENOPS_EXPORT"


def test_the_settings_file_variable(monkeypatch, tmp_path, caplog):
    """`GENOPS_SETTINGS_FILE` is read instead of the nearest file; an argument wins over it."""
    monkeypatch.chdir(tmp_path)
    for name in ("genops", "named", "given"):
        (tmp_path / f"{name}.toml").write_text(f"[attribution]\nteam = '{name}'\n")
    assert load().attribution.team == "genops"
    monkeypatch.setenv("GENOPS_SETTINGS_FILE", str(tmp_path / "named.toml"))
    assert load().attribution.team == "named"
    assert load(settings_file=str(tmp_path / "given.toml")).attribution.team == "given"
    assert not [record for record in caplog.records if record.name == "genops"]


def test_the_page_names_what_exists():
    """Every option and every variable of the documentation's page is one."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "zero-code.md").read_text("utf-8")
    commands = [line.partition(" -- ")[0] for line in text.splitlines() if line.startswith("genops run ")]
    options = set(re.findall(r"--[a-z][a-z-]+", "\n".join(commands)))
    assert options <= {name for option in run.OPTIONS for name in option.opts}
    assert set(re.findall(r"GENOPS_[A-Z_]+[A-Z]", text)) <= {*VARIABLES, run.SETTINGS_FILE}
