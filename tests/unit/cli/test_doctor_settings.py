"""What the doctor says of settings, budgets, rules and attribution."""

from __future__ import annotations

import pytest

from genops.cli.doctor.configuration import MASK, listed, variables
from genops.cli.doctor.governance import governance
from genops.settings import Settings, leaves, load
from support.examined import examined

HOST = "adb-1.azuredatabricks.net"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """No settings file of this project is found."""
    monkeypatch.chdir(tmp_path)


def values(**given):
    """Settings by name."""
    return {one.name: one for one in listed(load(given, ambient=False))}


def ids(environ=None, **given):
    """Ids of what is found about governance."""
    return [one.id for one in governance(load(given, ambient=False), environ or {})]


def test_every_setting_is_listed_with_its_origin(tmp_path, monkeypatch):
    """Argument over variable over file over default; each says which it was."""
    (tmp_path / "genops.toml").write_text('log_level = "INFO"\n[attribution]\nproject = "file"\nteam = "file"\n')
    monkeypatch.setenv("GENOPS_TEAM", "variable")
    found = {one.name: one for one in listed(load({"export": "none"}))}
    assert {".".join(path) for path in leaves(Settings)} - {"budgets"} <= set(found)
    assert found["telemetry.export"].origin == "argument export"
    assert found["attribution.team"][1:] == ("variable", "environment variable GENOPS_TEAM")
    assert found["attribution.project"].origin == f"file {tmp_path / 'genops.toml'}"
    assert found["on_fault"].origin == "default"


def test_tables_with_free_keys_are_listed_leaf_by_leaf():
    """A budget, a workspace and a rule each show what was said of them, and what was not."""
    found = values(
        budgets={"daily": {"limit": "12.5", "period": "day"}},
        workspaces={HOST: {"tier": "premium"}},
        policies={"c": {"clearances": {"t": "internal"}}},
    )
    assert (found["budgets.daily.limit"].value, found["budgets.daily.limit"].origin) == ("12.5", "argument budgets")
    assert found["budgets.daily.reserve_seconds"].origin == "default"
    assert found[f"workspaces.{HOST}.tier"].value == "premium"
    assert found["policies.c.clearances.t"].value == "internal"


def test_secrets_are_masked(monkeypatch):
    """The hash key, whatever is called a header, key or token, and of a URL all but scheme, host and path."""
    assert values(hash_key="very-secret")["sql.hash_key"].value == MASK
    assert values()["sql.hash_key"].value is None
    environ = {
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=very-secret",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:very-secret@collector:4318",
        "OTHER": "very-secret",
        "DATABRICKS_TOKEN": "very-secret",
        "DATABRICKS_HOST": "https://acme.cloud.databricks.com",
    }
    shown = variables(environ)
    assert "very-secret" not in str(shown)
    assert shown["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://collector:4318"
    assert shown["DATABRICKS_HOST"] == environ["DATABRICKS_HOST"]


@pytest.mark.parametrize(
    "url",
    [
        "https://h/v1?api_key=very-secret",
        "https://me:very/very-secret@h/v1",
        "https://me:very-secret?x@h/v1",
        "https://h/v1#very-secret",
        "me:very-secret@h:4317",
    ],
)
def test_no_part_of_a_url_that_may_be_secret_is_shown(monkeypatch, url):
    """Query, fragment, and a password of whatever characters: neither among the variables nor in a finding."""
    for scheme in ("", "ht"):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", scheme + url)
        assert "very-secret" not in str(examined("--offline").tree)
        assert "very-secret" not in str(variables())


def test_a_host_that_is_no_url_is_a_finding(monkeypatch):
    """`DATABRICKS_HOST` with a bracket that is never closed; also where a metastore is named for it."""
    monkeypatch.setenv("DATABRICKS_HOST", "https://[bad")
    for metastore in ("", "m"):
        monkeypatch.setenv("DATABRICKS_METASTORE_ID", metastore)
        found = examined("--export", "none")
        (one,) = found.of("settings.invalid")
        assert "DATABRICKS_HOST" in one["title"] + one["detail"]
        assert one["fix"]
        assert not found.of("doctor.fault")


def test_a_file_name_that_no_file_can_have_is_a_finding():
    """Longer than the file system takes: an error of the settings, and no fault of the doctor."""
    found = examined("--offline", "--export", f"{'x' * 300}.jsonl")
    assert "File name too long" in found.of("settings.invalid")[0]["detail"]
    assert not found.of("doctor.fault")


def test_an_override_of_no_preset_is_an_unknown_variable(monkeypatch):
    """A misspelt `GENOPS_EXPORT_<NAME>_ENDPOINT` is read by nothing."""
    monkeypatch.setenv("GENOPS_EXPORT_HONEYCOM_ENDPOINT", "https://x")
    monkeypatch.setenv("GENOPS_EXPORT_HONEYCOMB_ENDPOINT", "https://x")
    (one,) = examined("--offline").of("settings.unknown_variable")
    assert "GENOPS_EXPORT_HONEYCOM_ENDPOINT" in one["title"]
    assert "GENOPS_EXPORT_HONEYCOMB_ENDPOINT" in one["detail"]


def test_an_unknown_variable_is_named_with_the_nearest_known_one(monkeypatch):
    """A misspelt variable changes nothing, so somebody has to say so."""
    monkeypatch.setenv("GENOPS_PROJCT", "x")
    (one,) = examined("--offline").of("settings.unknown_variable")
    assert "GENOPS_PROJECT" in one["detail"]
    assert one["severity"] == "warning"


@pytest.mark.parametrize(
    ("text", "word"), [('mode = "enfroce"', "enfroce"), ("teem = 1", "teem"), ("= 1", "not valid TOML")]
)
def test_settings_that_cannot_be_honoured_are_one_error(tmp_path, text, word):
    """The message is genops' own; versions and libraries are looked at all the same."""
    (tmp_path / "genops.toml").write_text(text)
    found = examined("--offline")
    (one,) = found.of("settings.invalid")
    assert word in one["detail"]
    assert found.code == 1
    assert found.section("versions")
    assert found.tree["settings"] == []


def test_a_runtime_that_cannot_be_built_is_an_error_of_the_settings(tmp_path):
    """A destination that cannot be used: here a file in a folder that does not exist."""
    found = examined("--offline", "--export", str(tmp_path / "nowhere" / "out.jsonl"))
    (one,) = found.of("settings.invalid")
    assert "cannot be written" in one["detail"]
    assert found.tree["settings"]


def test_another_settings_file_can_be_named(tmp_path):
    """`--settings-file` reads it instead, and the finding says which."""
    file = tmp_path / "other.toml"
    file.write_text('[attribution]\nteam = "t"\nproject = "p"\nenvironment = "e"\n')
    found = examined("--offline", "--settings-file", str(file))
    assert str(file) in found.of("settings.loaded")[0]["detail"]
    assert found.of("governance.attributed")


def test_who_pays_is_complete_or_says_what_is_missing():
    """Team, project and environment; the last may follow from the workspace's name, or a workspace's defaults."""
    who = {"team": "t", "project": "p"}
    assert "governance.attributed" in ids(**who, environment="e")
    assert "governance.attributed" in ids({"DATABRICKS_HOST": "https://acme-prod.cloud.databricks.com"}, **who)
    theirs = {"workspaces": {HOST: {"attribution": {"environment": "test"}}}}
    assert "governance.attributed" in ids({"DATABRICKS_HOST": f"https://{HOST}"}, **who, **theirs)
    (one,) = [one for one in governance(load(who, ambient=False), {}) if one.id == "governance.unattributed"]
    assert "GENOPS_ENVIRONMENT" in one.fix
    assert "GENOPS_TEAM" not in one.fix


def test_budgets_are_shown_with_limit_period_and_scope():
    """Those of one workspace too; without any it says that nothing is limited."""
    assert "governance.no_budgets" in ids()
    given = {
        "budgets": {
            "a": {"limit": 5, "period": "day", "team": "t"},
            "b": {"limit": 7, "unit": "DBU", "period": "total"},
        },
        "workspaces": {HOST: {"budgets": {"c": {"limit": 1}}}},
    }
    found = [one for one in governance(load(given, ambient=False), {}) if one.id == "governance.budget"]
    assert [(one.title, one.detail) for one in found] == [
        ("budget a: 5 USD a day", "for team=t"),
        ("budget b: 7 DBU in all", "for every operation"),
        ("budget c: 1 USD a month", f"for workspace={HOST}"),
    ]


def test_rules_are_shown_with_clearances_and_classes():
    """And what makes a rule refuse everything is a warning: no classes, or a team without clearance."""
    assert "governance.no_rules" in ids()
    rule = {"policies": {"c": {"clearances": {"t": "internal"}}}, "team": "t"}
    found = governance(load({**rule, "tables": {"main.hr.*": "restricted"}}, ambient=False), {})
    (one,) = [one for one in found if one.id == "governance.rule"]
    assert "t: internal" in one.detail
    assert "restricted: main.hr.*" in one.detail
    assert "governance.unclassified" in ids(**rule)
    assert "governance.uncleared" not in ids(**rule)
    assert "governance.uncleared" in ids(**{**rule, "team": "other"})


@pytest.mark.parametrize("mode", ["off", "observe", "enforce"])
def test_the_mode_is_told_in_words(mode):
    """Off, observe or enforce, and what that means."""
    one = governance(load({"mode": mode}, ambient=False), {})[0]
    assert one.title == f"mode is {mode}"
    assert one.detail
