"""Fixtures of every test: nothing of the surrounding machine, and no fault of genops may pass unseen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from genops.core.guard import Guard
from support import declared, hand_set, schemas, servers

if TYPE_CHECKING:
    from collections.abc import Iterator


# No test is about time: a busy machine is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):  # there hypothesis has a profile of its own, as patient and with the same examples always
    settings.load_profile("patient")

pytest_plugins = ["support.backend_fixtures", "support.spreading"]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where everything is installed (`nox`), a test that skips is a test that does not hold what it says.

    Two exceptions: other projects' schemas and the hand-checked statements, which lie beside a checkout and are no part
    of it, and servers of other languages' toolchains, which a machine with Python alone does not have; in CI the latter
    fail where missing.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    absent = (schemas.ABSENT, servers.ABSENT, hand_set.ABSENT)
    skipped = [report for report in skipped if not any(reason in str(report.longrepr) for reason in absent)]
    if os.environ.get("NO_SKIPS") and skipped and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped, and NO_SKIPS is set", red=True)


_OURS = ("GENOPS_", "OTEL_", "OPENLINEAGE_", "DATABRICKS_")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the settings of the surrounding machine out of the environment."""
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)


@pytest.fixture(autouse=True)
def _no_silent_faults(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which genops caught a fault of its own, unless the test is about faults."""
    seen: list[tuple[str, Exception]] = []
    original = Guard.caught

    def caught(guard: Guard, site: str, fault: Exception) -> None:
        seen.append((site, fault))
        original(guard, site, fault)

    monkeypatch.setattr(Guard, "caught", caught)
    yield
    if request.node.get_closest_marker("faults") is None:
        assert not seen, f"genops caught faults of its own: {seen}"


declared.install()


@pytest.fixture(autouse=True)
def _nothing_undeclared(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which genops emitted what the registry does not declare, fixtures of its file included.

    Names that a program gives itself, with `observe(attributes=...)`, are its own.
    """
    yield
    faults = declared.recorder.faults()
    declared.recorder.reset()
    if request.node.get_closest_marker("undeclared") is not None:
        return
    assert not faults, f"emitted and not as registry/ declares it: {faults}"
