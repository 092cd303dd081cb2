"""Fixtures of real back ends, started once for all tests that use them, and a word at the end on which of them ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from support import mlflow_server, servers
from support.backends import Collector, Prometheus, Viewer
from support.mlflow_server import Mlflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.servers import Found

# What each fixture needs; a test that uses one of them is a test of servers.
_GETS: dict[str, tuple[str, Callable[[], Found]]] = {
    "collector": ("otelcol", lambda: servers.built("otelcol")),
    "viewer": ("otel-desktop-viewer", lambda: servers.built("otel-desktop-viewer")),
    "prometheus": ("prometheus", lambda: servers.scraping("prometheus")),
    "promtool": ("promtool", lambda: servers.scraping("promtool")),
    "promtool_built": ("promtool built from Go modules", lambda: servers.built("promtool")),
    "prometheus_otlp": ("prometheus with OTLP receiver", lambda: servers.built("prometheus")),
    "mlflow": ("mlflow", mlflow_server.installed),
}
_PROGRAMS = ("collector", "prometheus", "prometheus_otlp")
FIXTURES = frozenset(_GETS) | {f"{name}_program" for name in _PROGRAMS}
_ran: dict[str, str] = {}
_missing: dict[str, str] = {}


def missing(name: str, reason: str) -> NoReturn:
    """Skip a test for want of a program of another toolchain; fail it where all of them must be there."""
    _missing[name] = reason
    if servers.REQUIRED:
        pytest.fail(f"{name} {servers.ABSENT}{reason}", pytrace=False)
    pytest.skip(f"{name} {servers.ABSENT}{reason}")


def took_part(name: str, about: str) -> None:
    """Have the closing lines say that it ran."""
    _ran[name] = about


def program(fixture: str) -> Found:
    """Return the program of a fixture; where it cannot be had the test is skipped, or fails where all must be there."""
    name, get = _GETS[fixture]
    try:
        found = get()
    except servers.MissingServerError as reason:
        missing(name, str(reason))
    took_part(name, f"{found.version}, {found.origin}")
    return found


@pytest.fixture(scope="session")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """An otel-desktop-viewer, empty at first."""
    running = Viewer(program("viewer"), tmp_path_factory.mktemp("viewer"))
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def collector_program() -> Found:
    """The collector, for tests that start their own."""
    return program("collector")


@pytest.fixture(scope="session")
def collector(
    collector_program: Found, viewer: Viewer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collector]:
    """A collector that writes files, is scraped by `prometheus` and sends everything on to `viewer`."""
    running = Collector(collector_program, tmp_path_factory.mktemp("collector"), onwards=viewer.http)
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def prometheus_program() -> Found:
    """The Prometheus that scrapes, for tests that start their own."""
    return program("prometheus")


@pytest.fixture(scope="session")
def prometheus(
    collector: Collector, prometheus_program: Found, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes `collector` every second; its first scrape comes some six seconds after its start."""
    running = Prometheus(prometheus_program, tmp_path_factory.mktemp("prometheus"), scraped=collector.scraped)
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def promtool() -> Found:
    """The promtool that belongs to `prometheus`."""
    return program("promtool")


@pytest.fixture(scope="session")
def prometheus_otlp_program() -> Found:
    """The Prometheus with the OTLP receiver, for tests that start their own."""
    return program("prometheus_otlp")


@pytest.fixture(scope="session")
def prometheus_otlp(prometheus_otlp_program: Found, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the OTLP receiver, built from Go modules."""
    running = Prometheus(prometheus_otlp_program, tmp_path_factory.mktemp("prometheus_otlp"), otlp=True)
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    """An MLflow server with one experiment."""
    running = Mlflow(program("mlflow"), tmp_path_factory.mktemp("mlflow"))
    yield running
    running.server.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server."""
    for item in items:
        if FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a process of pytest-xdist, hand over which servers ran."""
    handed_over = getattr(session.config, "workeroutput", None)
    if handed_over is not None:
        handed_over["servers"] = {"ran": _ran, "missing": _missing}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of pytest-xdist says."""
    said = getattr(node, "workeroutput", {}).get("servers", {})
    _ran.update(said.get("ran", {}))
    _missing.update(said.get("missing", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers ran, and which could not be had and why."""
    for name, about in sorted(_ran.items()):
        terminalreporter.write_line(f"server that ran: {name} {about}")
    for name, reason in sorted(_missing.items()):
        terminalreporter.write_line(f"server that could not be had: {name}: {reason}", yellow=True)
