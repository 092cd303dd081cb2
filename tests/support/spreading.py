"""Spreads the tests over processes: a file stays in one of them, and so do all files that share the real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

SERVERS = ("integration/servers/", "integration/test_dashboard")


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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BySharedFixtures:
    """Make the scheduler, where pytest-xdist runs."""
    return BySharedFixtures(config, log)
