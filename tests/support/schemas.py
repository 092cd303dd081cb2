"""Published schemas of the formats that genops writes; they lie beside the checkout, in `shared/schemas`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "schemas"
ABSENT = "the published schemas are not beside this checkout"


def schema(name: str) -> Any:
    """Return a schema by its path below the folder; where there are none the test is skipped.

    Args:
        name: For example `weaver/semconv.schema.v2.json`.
    """
    if not FOLDER.is_dir():
        pytest.skip(f"{ABSENT} ({FOLDER})")
    return json.loads((FOLDER / name).read_text("utf-8"))
