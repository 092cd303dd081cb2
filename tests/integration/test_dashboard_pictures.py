"""A picture of each panel, of real answers, in a real browser; `GENOPS_PICTURES` says where to keep them."""

from __future__ import annotations

import os
import re
import shutil
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import boards, pictures
from support.backend_fixtures import missing, program
from support.boards import Backend, board, panels
from support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("genops-overview", "unity-catalog-governance")
KEPT = os.environ.get("GENOPS_PICTURES")
# Long enough that what is shown over time has several steps.
PAUSE = float(os.environ.get("GENOPS_PICTURES_PAUSE", "65"))

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def backend(collector_program: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Minutes of work of three programs."""
    running = Backend(collector_program, program("prometheus"), tmp_path_factory.mktemp("board"))
    try:
        works = ("healthy", "governed", "troubled")
        told = boards.all_done({name: boards.start(name, running.otlp, PAUSE) for name in works})
        decisions = sum(count for one in told.values() for *_, count in one["decisions"])
        eventually(lambda: running.number("sum(genops:decisions:sum15m)") == decisions, 60)
        yield running
    finally:
        running.stop()


def test_every_panel_is_legible(backend: Backend, tmp_path: Path) -> None:
    """No panel is empty; each picture has the size of its panel, its title, its legend and its unit."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium", "it is not on the PATH")
    folder = Path(KEPT) if KEPT else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    end = (time.time() // pictures.STEP + 1) * pictures.STEP
    start = end - 10 * pictures.STEP
    for name in NAMES:
        html, size = pictures.page(board(name), backend, start, end)
        pictures.photographed(chromium, html, size, folder / f"{name}.png")
        for panel in panels(name):
            series = pictures.answered(panel, backend, start, end)
            assert series, f"{name}: {panel['title']} is empty"
            html, size = pictures.alone(panel, series, start, end)
            assert panel["title"] in html
            if panel["type"] in {"timeseries", "bargauge"}:
                assert all(each.name in html and each.name != "Value" for each in series)
            if panel["fieldConfig"]["defaults"]["unit"] == "currencyUSD":
                assert re.search(r"\$\d", html)
            picture = folder / f"{name}-{panel['id']:02d}.png"
            pictures.photographed(chromium, html, size, picture)
            assert struct.unpack(">II", picture.read_bytes()[16:24]) == (2 * size[0], 2 * size[1])
