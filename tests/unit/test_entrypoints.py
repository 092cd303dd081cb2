"""The instrumentors that OpenTelemetry's loader finds: its contract, and what the loader never sees."""

from __future__ import annotations

import logging
from dataclasses import fields
from importlib.metadata import entry_points

import pytest
from opentelemetry.instrumentation.dependencies import DependencyConflict, DependencyConflictError
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from genops import ConfigurationError, runtime
from genops.core import current
from genops.entrypoints import DatabricksSdkInstrumentor
from genops.instrumentation import LIBRARIES, databricks_sdk


@pytest.fixture
def instrumentor(monkeypatch, tmp_path):
    """An instrumentor in a process without a runtime."""
    import databricks.sdk  # noqa: F401  (hooks go in at once where it is imported)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runtime, "_active", runtime._Active())
    monkeypatch.setattr(runtime.exits, "install", lambda *_: None)
    monkeypatch.setattr(current.slot, "governor", None)
    made = DatabricksSdkInstrumentor()
    yield made
    if made.is_instrumented_by_opentelemetry:
        made.uninstrument()
    if runtime._active.runtime is not None:
        runtime._active.runtime.close()


def test_every_library_has_its_entry_point():
    """The distribution names one instrumentor a library, under the library's name, and each of them loads."""
    named = {found.name: found for found in entry_points(group="opentelemetry_instrumentor") if "genops" in found.value}
    assert set(named) == {f"genops_{name}" for name in LIBRARIES}
    for found in named.values():
        assert issubclass(found.load(), BaseInstrumentor)


def test_instrumenting_twice_is_once_and_undone_once(instrumentor, caplog):
    """The hooks go in, a second call says so and changes nothing, and uninstrumenting takes them out."""
    instrumentor.instrument(skip_dep_check=True)
    hooked = databricks_sdk.installed()
    assert hooked > 0
    with caplog.at_level(logging.WARNING):
        DatabricksSdkInstrumentor().instrument()
    assert "already instrumented" in caplog.text
    assert databricks_sdk.installed() == hooked
    instrumentor.uninstrument()
    assert databricks_sdk.installed() == 0
    instrumentor.instrument()
    assert databricks_sdk.installed() == hooked


def test_an_unknown_version_is_declined(instrumentor, monkeypatch):
    """A version of the SDK that genops does not know is declined by the error that the loader takes for an answer."""
    conflict = DependencyConflict("databricks-sdk >= 0.18", "databricks-sdk 0.1")
    monkeypatch.setattr(instrumentor, "_check_dependency_conflicts", lambda: conflict)
    with pytest.raises(DependencyConflictError, match=r"databricks-sdk 0\.1"):
        instrumentor.instrument(skip_dep_check=True, raise_exception_on_conflict=True)
    assert not instrumentor.is_instrumented_by_opentelemetry
    assert databricks_sdk.installed() == 0


def test_an_sdk_that_is_not_there_yet_is_waited_for(instrumentor, monkeypatch):
    """Where the SDK is not installed the loader's check is not repeated, and its import is waited for."""
    monkeypatch.setattr(instrumentor, "_check_dependency_conflicts", lambda: DependencyConflict("databricks-sdk"))
    instrumentor.instrument(skip_dep_check=True)
    assert instrumentor.is_instrumented_by_opentelemetry


def test_settings_as_options(instrumentor):
    """Every option of a configuration file is a setting, and reaches the runtime."""
    options = {"team": "t", "project": "p", "environment": "e", "mode": "enforce", "export": "none"}
    assert {field.name for field in fields(instrumentor.configuration)} == set(options)
    instrumentor.instrument(**options)
    settings = runtime.active().settings
    assert settings.attribution.known() == {"team": "t", "project": "p", "environment": "e"}
    assert (settings.mode.value, settings.telemetry.export) == ("enforce", "none")


def test_a_wrong_option_is_raised(instrumentor):
    """An option that cannot be honoured is raised to whoever gave it, and nothing is hooked."""
    with pytest.raises(ConfigurationError, match="tracer_provider"):
        instrumentor.instrument(tracer_provider=object())
    assert not instrumentor.is_instrumented_by_opentelemetry
    assert databricks_sdk.installed() == 0


def test_wrong_settings_of_the_environment_are_no_error_of_the_loader(instrumentor, monkeypatch):
    """What is wrong in the environment is said, and nothing is raised that would keep other instrumentors away."""
    monkeypatch.setenv("GENOPS_MODE", "obsrve")
    instrumentor.instrument(skip_dep_check=True)
    assert databricks_sdk.installed() == 0
