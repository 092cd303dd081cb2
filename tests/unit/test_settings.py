"""Settings: names, layers, origins, and errors for people."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from genops.core.decisions import Mode
from genops.errors import ConfigurationError
from genops.settings import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where no settings file is found."""
    monkeypatch.chdir(tmp_path)


BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"taem": "x"}, ["'taem'", "'team'"]),
    ({"telemetry.exprt": "none"}, ["'telemetry.exprt'", "'telemetry.export'"]),
    ({"team": ""}, ["team=''", "non-empty", "argument team"]),
    ({"team": "   "}, ["team='   '", "non-empty"]),
    ({"team": 7}, ["team=7", "string"]),
    ({"mode": "blok"}, ["mode='blok'", "'enforce'"]),
    ({"sampling_rate": 2}, ["rate=2", "less than or equal to 1"]),
    ({"sampling_rate": float("nan")}, ["rate=nan"]),
    ({"exit_timeout_seconds": -1}, ["exit_timeout_seconds=-1", "greater than 0"]),
    ({"budgets": {"a": {"limit": -5}}}, ["budgets.a.limit=-5", "greater than or equal to 0"]),
    ({"budgets": {"a": {"limit": "NaN"}}}, ["budgets.a.limit='NaN'", "finite"]),
    ({"budgets": {"a": {"limit": 5, "unit": "Dollars"}}}, ["budgets.a.unit='Dollars'", "ISO 4217"]),
    ({"budgets": {"a": {"limit": 5, "unit": "USA"}}}, ["budgets.a.unit='USA'", "ISO 4217"]),
    ({"budgets": {"a": {"limit": 5, "perod": "day"}}}, ["budgets.a.perod", "'period'"]),
    ({"default_budget_limits": {"dayly": 5}}, ["'dayly'", "'daily'"]),
    ({"default_budget_limits": 5}, ["default_budget_limits=5", "mapping"]),
    ({"budgets": {"a": {"limit": "0.0000001"}}}, ["budgets.a.limit='0.0000001'", "6 decimal"]),
    ({"workspace_url": 5}, ["workspace_url=5", "URL"]),
    ({"enable_automated_policy_enforcement": "false"}, ["'false'", "True or False"]),
    ({"enable_automated_policy_enforcement": True, "mode": "observe"}, ["mode='observe'", "give one of them"]),
    ({"default_team": "a", "team": "b"}, ["default_team", "argument team", "give one of them"]),
    ({"sql": {"hash_kye": "s"}}, ["sql.hash_kye=(withheld)", "'hash_key'"]),
    ({"metastore_id": "m"}, ["metastore_id='m'", "workspace_url"]),
    ({"telemetry": 5}, ["telemetry=5"]),
    ({"events": "span", "enable_sampling": True}, ["events='span'", "events='log'"]),
    ({"policies": {"p": {"type": "x"}}}, ["policies.p.type='x'", "data_clearance"]),
    ({"tables": {"a.b.c": "secret"}}, ["classification.tables.a.b.c='secret'", "restricted"]),
    ({"workspaces": {"https://h": {"cloud": "ibm"}}}, ["workspaces.h.cloud='ibm'", "'aws'"]),
]


@pytest.mark.parametrize(("given", "told"), BAD, ids=[str(given)[:50] for given, _ in BAD])
def test_bad_settings_are_refused_by_name_value_and_way_out(given: dict[str, Any], told: list[str]) -> None:
    """A setting that cannot be honoured is a ConfigurationError that names the value and what was expected."""
    with pytest.raises(ConfigurationError) as caught:
        load(given)
    for part in told:
        assert part in str(caught.value)


def test_a_configuration_error_is_a_value_error() -> None:
    """Code that guards against ValueError guards against bad settings."""
    assert issubclass(ConfigurationError, ValueError)


def test_arguments_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer hides the ones below it, value by value, and each value knows its origin."""
    (tmp_path / "genops.toml").write_text(
        'mode = "enforce"\n[attribution]\nteam = "file"\nproject = "file"\nfeature = "file"\n'
    )
    monkeypatch.setenv("GENOPS_TEAM", "environment")
    monkeypatch.setenv("GENOPS_PROJECT", "environment")
    settings = load({"team": "argument"})
    assert settings.attribution.known() == {"team": "argument", "project": "environment", "feature": "file"}
    assert settings.mode is Mode.ENFORCE
    assert settings.origins["attribution.team"] == "argument team"
    assert settings.origins["attribution.project"] == "environment variable GENOPS_PROJECT"
    assert settings.origins["attribution.feature"].startswith("file ")
    assert "telemetry.console" not in settings.origins


def test_pyproject_is_read_from_a_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest [tool.genops] upwards from the working directory counts."""
    (tmp_path / "pyproject.toml").write_text('[tool.genops.attribution]\nteam = "above"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert load().attribution.team == "above"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"team = 'x'\n", ["genops.toml", "'team'", "'attribution.team'"]),
        (b"[attribution]\ntaem = 'x'\n", ["attribution.taem", "'attribution.team'"]),
        (b"mode = \n", ["not valid TOML"]),
        (b"\xff\xfe", ["not UTF-8"]),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes, told: list[str]) -> None:
    """A settings file that cannot be honoured is named with the reason."""
    file = tmp_path / "genops.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load()
    for part in told:
        assert part in str(caught.value)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    """A file that was named and cannot be read is an error, not an empty layer."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml.*cannot be read"):
        load(settings_file=str(tmp_path / "nowhere.toml"))


def test_an_unknown_genops_variable_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A GENOPS_ variable that nothing reads is one warning with the nearest name, never an error."""
    monkeypatch.setenv("GENOPS_TAEM", "x")
    with caplog.at_level(logging.WARNING, "genops"):
        load()
        load()
    warnings = [record.getMessage() for record in caplog.records if "GENOPS_TAEM" in record.getMessage()]
    assert warnings == ["environment variable GENOPS_TAEM is not a setting of genops (did you mean 'GENOPS_TEAM'?)"]


def test_the_guides_keywords_are_spellings_of_settings() -> None:
    """The flat keywords of the guide reach the settings they mean."""
    settings = load(
        {
            "default_team": "t",
            "default_project": "p",
            "workspace_url": "https://user:password@Acme.cloud.databricks.com/?o=1",
            "metastore_id": "m",
            "batch_size": 100,
            "flush_interval_seconds": 5,
            "async_telemetry_export": False,
            "enable_compression": False,
            "enable_sampling": True,
            "sampling_rate": 0.5,
            "export_traces_to_console": True,
            "log_level": "DEBUG",
            "enable_trace_correlation": True,
            "enable_performance_metrics": True,
            "validate_telemetry_schema": True,
            "encrypt_telemetry_data": True,
            "enable_lineage_tracking": False,
            "default_budget_limits": {"daily": 5, "monthly": 50},
            "enable_automated_policy_enforcement": True,
        }
    )
    assert settings.attribution.known() == {"team": "t", "project": "p"}
    assert settings.workspaces["acme.cloud.databricks.com"].metastore_id == "m"
    assert settings.telemetry.batch.model_dump() == {
        "size": 100,
        "flush_interval_seconds": 5.0,
        "async_export": False,
        "compression": False,
    }
    assert settings.telemetry.sampling.enabled
    assert settings.telemetry.sampling.rate == 0.5
    assert settings.telemetry.console
    assert settings.telemetry.trace_correlation
    assert settings.telemetry.performance_metrics
    assert settings.telemetry.validate is True
    assert settings.telemetry.require_encryption
    assert not settings.lineage.enabled
    assert {name: budget.period for name, budget in settings.budgets.named().items()} == {
        "default-daily": "day",
        "default-monthly": "month",
    }
    assert settings.mode is Mode.ENFORCE


def test_a_password_in_a_workspace_url_is_kept_nowhere() -> None:
    """Credentials in a URL reach neither the settings nor their origins."""
    settings = load({"workspace_url": "https://user:hunter2@h.example", "metastore_id": "m"})
    assert "hunter2" not in repr(settings) + str(settings.origins)


def test_databricks_variables_name_the_metastore_of_their_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABRICKS_METASTORE_ID belongs to DATABRICKS_HOST."""
    monkeypatch.setenv("DATABRICKS_HOST", "https://h.example/")
    monkeypatch.setenv("DATABRICKS_METASTORE_ID", "m")
    assert load().workspaces["h.example"].metastore_id == "m"


def test_the_hash_key_is_never_shown() -> None:
    """The key of statement hashes stays out of representations and error messages."""
    assert "hunter2" not in repr(load({"hash_key": "hunter2"}))
    with pytest.raises(ConfigurationError) as caught:
        load({"hash_key": ["hunter2"]})
    assert "hunter2" not in str(caught.value)


def test_settings_are_equal_by_value() -> None:
    """Equal settings are equal, whatever layer they came from; another hash key is another setting."""
    assert load({"team": "t", "hash_key": "a"}) == load({"attribution": {"team": "t"}, "hash_key": "a"})
    assert load({"hash_key": "a"}) != load({"hash_key": "b"})
