"""A collector that dies: the one alert that no work of a program brings about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import boards
from support.backend_fixtures import program
from support.boards import Backend
from support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Found


@pytest.mark.parametrize("prometheus", boards.PROMETHEUS)
def test_a_collector_that_dies_is_told_of_until_it_is_back(
    collector_program: Found, prometheus: str, tmp_path: Path
) -> None:
    """Nothing fires while it is scraped; killed, its own alert does and no other; started again, none."""
    backend = Backend(collector_program, program(prometheus), tmp_path)
    try:
        eventually(lambda: backend.number('up{job="genops"}') == 1, 30)
        assert backend.firing() == set()
        backend.collector.kill()
        eventually(lambda: backend.firing() == {"GenOpsCollectorDown"}, 30)
        backend.collector.start()
        eventually(lambda: backend.firing() == set(), 30)
    finally:
        backend.stop()
