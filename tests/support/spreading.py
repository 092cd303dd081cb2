"""Spreads the tests over processes and interpreters.

A file stays in one process, and so do all files that share the real servers. `nox` runs the oldest and the newest
interpreter, of which only the newest measures coverage, and most tests on one of both: on the oldest contract tests,
those that are about programs of others or whole processes, of which coverage would see nothing, and those of the local
workspace, which is no part of what governs; on the newest the other integration tests, unit tests of what turns one
text or tree into another, and those that go over the same lines with hundreds of made-up values. The other unit tests
run on both. `nox -s full` runs all of them on all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import is_hypothesis_test
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from pathlib import Path

    from xdist.remote import Producer

SERVERS = ("integration/servers/", "integration/test_dashboard")
WITHOUT_COVERAGE = (
    *SERVERS,
    "integration/test_examples",
    "integration/test_local_workspace",
    "integration/test_zero_code_processes",
    "integration/workspace/",
    "contract/",
)
WITH_COVERAGE = ("integration/", "unit/cli/", "unit/conformance/", "unit/lineage/")

LONGEST = (
    *SERVERS,
    "integration/test_examples",
    "integration/test_whole_program",
    "contract/test_databricks_sdk_hooks",
    "integration/test_zero_code",
    "integration/workspace/test_compatibility",
    "integration/workspace/test_workspace_command",
    "contract/",
)
"""What takes longest begins first, so that no process works on it alone while the others have nothing left to do."""


class BySharedFixtures(LoadScopeScheduling):
    """Keeps together what shares costly fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def scope(nodeid: str) -> str:
    """Return what a test is kept together with.

    >>> scope("tests/unit/cost/test_budgets.py::test_a[1]"), scope("tests/integration/servers/test_a.py::test_b")
    ('tests/unit/cost/test_budgets.py', 'servers')
    """
    return "servers" if any(part in nodeid for part in SERVERS) else nodeid.partition("::")[0]


def enough(path: str) -> str:
    """Return which interpreter is enough for the tests of a file, `oldest` or `newest`; empty where all are needed.

    >>> enough("tests/contract/test_a.py"), enough("tests/integration/test_b.py"), enough("tests/unit/test_c.py")
    ('oldest', 'newest', '')
    """
    if any(part in path for part in WITHOUT_COVERAGE):
        return "oldest"
    return "newest" if any(part in path for part in WITH_COVERAGE) else ""


def place(nodeid: str) -> int:
    """Return where in the order of all tests those of a file come.

    >>> place("tests/integration/servers/test_a.py::test_b") < place("tests/contract/test_c.py::test_d")
    True
    >>> place("tests/integration/test_a.py::test_b") < place("tests/unit/cost/test_budgets.py::test_a[1]")
    True
    """
    longest = next((i for i, part in enumerate(LONGEST) if part in nodeid), len(LONGEST))
    return longest + ("unit/" in nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what one interpreter is enough for, by which one; put what takes long first, and unit tests last."""
    items.sort(key=lambda item: place(item.nodeid))
    for item in items:
        mark = enough(item.nodeid) or ("newest" if is_hypothesis_test(getattr(item, "obj", None)) else "")
        if mark:
            item.add_marker(mark)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file out, unread, where all its tests would be deselected by which interpreter is enough for them."""
    if not collection_path.is_file() or not collection_path.is_relative_to(config.rootpath):
        return None
    mark = enough(collection_path.relative_to(config.rootpath).as_posix())
    return True if mark and f"not {mark}" in config.option.markexpr else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BySharedFixtures:
    """Make the scheduler, where pytest-xdist runs; it keeps the order, which counts seconds and not tests."""
    config.option.loadscopereorder = False
    return BySharedFixtures(config, log)
