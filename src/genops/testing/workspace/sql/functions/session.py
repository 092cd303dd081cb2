"""Functions that tell of the session: who asks, and what time it is by the workspace's clock."""

from __future__ import annotations

from genops.testing.workspace.sql.functions.spelling import Function, say
from genops.testing.workspace.sql.kinds import DATE, STRING, TIMESTAMP

NOW = "CAST(getvariable('dbx_now') AS TIMESTAMPTZ)"
"""DuckDB SQL of the time at which the statement began."""
USER = "CAST(getvariable('dbx_user') AS VARCHAR)"
"""DuckDB SQL of the name of who asks."""

TABLE: dict[str, Function] = {
    **dict.fromkeys(("current_date", "curdate"), say(DATE, f"CAST({NOW} AS DATE)")),
    **dict.fromkeys(("current_timestamp", "now", "getdate"), say(TIMESTAMP, NOW)),
    **dict.fromkeys(("current_user", "session_user", "user"), say(STRING, USER)),
}
"""Functions by name."""
