"""The resource: which process, of which service, where."""

from __future__ import annotations

import sys

import pytest

from genops.telemetry.config import TelemetryConfig
from genops.telemetry.resource import build_resource, program_name


def attributes(config=None, environ=None):
    """Attributes of the resource of a configuration."""
    return build_resource(config or TelemetryConfig(), environ or {}).attributes


def test_the_configured_name_wins(monkeypatch):
    """Configuration, then the environment, then the program's name."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-environment")
    assert attributes(TelemetryConfig(service_name="mine"))["service.name"] == "mine"
    assert attributes()["service.name"] == "from-environment"


def test_resource_attributes_of_the_environment_stay(monkeypatch):
    """What `OTEL_RESOURCE_ATTRIBUTES` says is part of the resource, a service name too."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=etl,team.room=42")
    assert attributes()["service.name"] == "etl"
    assert attributes()["team.room"] == "42"


@pytest.mark.parametrize(
    ("argv", "expected"), [(["/opt/jobs/nightly.py"], "nightly"), (["-c"], "python"), ([""], "python"), ([], "python")]
)
def test_a_nameless_service_is_called_like_its_program(monkeypatch, argv, expected):
    """Without any name the script's name stands in, never `unknown_service`."""
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert program_name() == expected
    assert attributes()["service.name"] == expected


def test_every_resource_is_an_instance_of_its_own():
    """`service.instance.id` is new each time, and the SDK still names itself."""
    first, second = attributes(), attributes()
    assert first["service.instance.id"] != second["service.instance.id"]
    assert first["telemetry.sdk.name"] == "opentelemetry"


def test_databricks_is_read_from_the_environment():
    """Runtime, workspace, job and run where Databricks sets them, and nothing where it does not."""
    environ = {"DATABRICKS_RUNTIME_VERSION": "16.4", "DATABRICKS_JOB_ID": "7", "DATABRICKS_RUN_ID": "9"}
    found = attributes(TelemetryConfig(environment="production"), environ)
    assert found["databricks.runtime.version"] == "16.4"
    assert found["databricks.job.id"] == "7"
    assert found["databricks.run.id"] == "9"
    assert found["deployment.environment.name"] == "production"
    assert not [name for name in attributes() if name.startswith(("databricks", "deployment"))]


def test_the_sdks_own_attributes_stay_where_its_detectors_cannot_run(monkeypatch):
    """Without threads for the SDK's detectors, the SDK's name and the environment are part of it all the same."""
    from opentelemetry.sdk.resources import Resource

    usual = dict(attributes())

    def refuse(*_):
        raise RuntimeError

    monkeypatch.setattr(Resource, "create", refuse)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team.room=42")
    late = dict(attributes())
    assert late.pop("service.instance.id") != usual.pop("service.instance.id")
    assert late == {**usual, "team.room": "42"}
