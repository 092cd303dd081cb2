"""What a statement gave."""

from __future__ import annotations

from dataclasses import dataclass, field

from genops.testing.workspace.http.wire import Json
from genops.testing.workspace.sql.database import Profile


@dataclass
class Outcome:
    """What a statement gave; a failed one leaves what was learnt until then.

    Attributes:
        statement_type: As query history names it: ``SELECT``, ``CREATE``, ``REPLACE`` …
        columns: The result schema.
        compiled: Seconds for parsing and translating.
        profile: What DuckDB measured.
        modified: Rows that a change touched, ``None`` where the statement changes none.
        staging: Whether the result tells the client to move a file.
        reads: Full names of the tables and views that it read, and paths of files.
        writes: Full names of the tables that it wrote.
        written_rows: Rows that it wrote.
        files_read: Files of volumes that it read.
    """

    statement_type: str = "OTHER"
    columns: list[Json] = field(default_factory=list[Json])
    compiled: float = 0.0
    profile: Profile = field(default_factory=Profile)
    modified: int | None = None
    staging: bool = False
    reads: list[str] = field(default_factory=list[str])
    writes: list[str] = field(default_factory=list[str])
    written_rows: int = 0
    files_read: int = 0
