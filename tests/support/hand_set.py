"""The hand-checked statements, which lie beside the checkout in `shared/prototypes/sql`."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[3] / "shared" / "prototypes" / "sql" / "gold_hand.py"
ABSENT = "the hand-checked statements are not beside this checkout"


def statements() -> list[dict[str, Any]]:
    """The statements, or none where they are not there.

    One has `id`, `dialect`, `sql`, `src` and `tgt` (tables), `cols` (sources of each output, or `None`), `schema` and
    `note`. A name that ends in a question mark is allowed and not required.
    """
    return runpy.run_path(str(FILE))["G"] if FILE.is_file() else []


def hand_set() -> list[dict[str, Any]]:
    """Return the statements; where there are none the test is skipped."""
    return statements() or pytest.skip(f"{ABSENT} ({FILE})")


def agrees(found: set[str], expected: list[str]) -> bool:
    """Whether all that is required was found and nothing that is not allowed."""
    required = {name for name in expected if not name.endswith("?")}
    return required <= found <= {name.rstrip("?") for name in expected}
