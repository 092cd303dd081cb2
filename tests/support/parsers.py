"""Which statements the installed parser can take."""

from __future__ import annotations

import pytest

sqlglot = pytest.importorskip("sqlglot")

needs_newest = pytest.mark.skipif(
    int(sqlglot.__version__.partition(".")[0]) < 30,
    reason="sqlglot before 30 has no tree for it, so it is read by its words",
)
