"""The pytest plugin. pytest loads it wherever genops is installed, so that it imports nothing but pytest itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from genops.testing.capturing import Capture
    from genops.testing.workspace import LocalWorkspace

_CAPTURED = pytest.StashKey["Capture"]()
_OPTION = "genops_update_snapshots"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that updates snapshots."""
    parser.getgroup("genops").addoption(
        "--genops-update-snapshots",
        action="store_true",
        dest=_OPTION,
        help="write what was captured into the files of assert_snapshot, instead of comparing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "genops(**settings): settings of genops_capture, as genops.testing.capture takes them; "
        "those of a test win over those of its class and its module",
    )


@pytest.fixture
def genops_settings() -> dict[str, Any]:
    """Settings of every `genops_capture`; override it in a conftest. Markers win over it."""
    return {}


@pytest.fixture
def genops_capture(request: pytest.FixtureRequest, genops_settings: dict[str, Any]) -> Iterator[Capture]:
    """Everything that genops would export while the test runs, held in memory: `genops.testing.capture`."""
    from genops.testing.capturing import capture

    with capture(**{**genops_settings, **_marked(request.node)}) as captured:
        captured.folder = request.path.parent
        captured.update_snapshots = bool(request.config.getoption(_OPTION))
        request.node.stash[_CAPTURED] = captured
        yield captured


def _marked(node: pytest.Item) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("genops"))):
        if mark.args:
            pytest.fail(f"@pytest.mark.genops takes settings by name only, got {mark.args!r}", pytrace=False)
        settings |= mark.kwargs
    return settings


@pytest.fixture
def genops_workspace_settings() -> dict[str, Any]:
    """Arguments of every `genops_workspace`, as `LocalWorkspace` takes them; override it in a conftest or a module."""
    return {}


@pytest.fixture
def genops_workspace(genops_workspace_settings: dict[str, Any]) -> Iterator[LocalWorkspace]:
    """A Databricks workspace on loopback for one test; needs the extra `testing`."""
    from genops.testing.workspace import LocalWorkspace

    try:
        workspace = LocalWorkspace(**genops_workspace_settings)
    except ImportError as error:
        pytest.fail(f"genops_workspace: {error}", pytrace=False)
    with workspace:
        yield workspace


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Show what was captured with a test that failed."""
    outcome = yield
    captured = item.stash.get(_CAPTURED, None)
    if call.when == "call" and captured is not None:
        report = outcome.get_result()
        if report.failed:
            report.sections.append(("genops", _shown(captured)))


def _shown(captured: Capture) -> str:
    try:
        return repr(captured)
    except Exception as fault:  # what failed must not hide why the test failed
        return f"what was captured cannot be shown: {fault}"
