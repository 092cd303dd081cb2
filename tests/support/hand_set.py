"""Statements with lineage that people worked out; they lie beside the checkout, in `shared/prototypes/sql`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[3] / "shared" / "prototypes" / "sql" / "gold_hand.py"


def statements() -> list[dict[str, Any]]:
    """The set, or nothing where the file is not there.

    An entry has `id`, `dialect`, `sql`, `src` and `tgt` (tables), `cols` (sources of each output, or `None`), `schema`
    and `note`. A name that ends in a question mark is allowed and not required.
    """
    if not FILE.exists():
        return []
    spec = importlib.util.spec_from_file_location("gold_hand", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.G


def agrees(found: set[str], expected: list[str]) -> bool:
    """Whether all that is required was found and nothing that is not allowed."""
    required = {name for name in expected if not name.endswith("?")}
    return required <= found <= {name.rstrip("?") for name in expected}
