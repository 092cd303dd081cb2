"""Calls that genops makes itself: with credentials for the very host, and governed by nobody."""

from __future__ import annotations

import pytest

from genops.core import current
from genops.instrumentation.databricks_own import source_of, ungoverned

PROFILES = """
[DEFAULT]
host = https://default.cloud.databricks.com
token = of-default
[second]
host = https://Second.cloud.databricks.com/
token = of-second
[without]
token = of-nobody
[broken]
host = https://[
"""
DEFAULT, SECOND, THIRD = (f"{name}.cloud.databricks.com" for name in ("default", "second", "third"))


@pytest.fixture
def file(tmp_path):
    """The environment that names a file of profiles, and nothing else."""
    path = tmp_path / "profiles"
    path.write_text(PROFILES)
    return {"DATABRICKS_CONFIG_FILE": str(path)}


def test_a_profile_that_names_the_host(file):
    """The default one or another; a host that only looks like one of them has none."""
    assert source_of(DEFAULT, file) == {"profile": "DEFAULT"}
    assert source_of(SECOND, file) == {"profile": "second"}
    for host in (THIRD, f"{SECOND}.example.com", f"x{SECOND}", f"{SECOND}:8443"):
        assert source_of(host, file) is None


def test_the_environment_speaks_alone(file):
    """Where it names a host or credentials no profile is looked at, so that neither is shown what is the other's."""
    environment = {**file, "DATABRICKS_HOST": f"https://{THIRD}", "DATABRICKS_TOKEN": "of-third"}
    assert source_of(THIRD, environment) == {}
    assert source_of(SECOND, environment) is None
    assert source_of(SECOND, {**file, "DATABRICKS_TOKEN": "of-whom"}) is None
    assert source_of(SECOND, {**file, "DATABRICKS_RUNTIME_VERSION": "15.4"}) == {}


@pytest.mark.parametrize("content", ["no file of profiles", "[x]\n[x]\n", "\x00", None])
def test_a_file_that_cannot_be_read_has_no_credentials(content, tmp_path):
    """It is no reason to raise."""
    path = tmp_path / "other"
    if content is not None:
        path.write_text(content)
    assert source_of(SECOND, {"DATABRICKS_CONFIG_FILE": str(path)}) is None


def test_what_runs_inside_is_governed_by_nobody():
    """The hooks take it for the library's own; afterwards they do not."""
    with ungoverned():
        assert current.running("databricks_sdk") is not None
        assert current.running("databricks_sql") is None
    assert current.running("databricks_sdk") is None
