"""Lineage of a text in few words, so that a test is one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genops.lineage.sql.schema import Declared
from genops.lineage.sql.session import Session
from genops.lineage.sql.understanding import understand
from genops.lineage.sql.understood import DIRECT, Understood, dotted


class Shown(NamedTuple):
    """What a text comes to.

    Attributes:
        statements: What was understood.
        reads: Tables read, dotted.
        writes: Tables written, dotted.
        flows: `target <- source SUBTYPE`, with ` masked` and ` ?` for masking and ambiguity.
        doubts: `name why: candidates`.
    """

    statements: tuple[Understood, ...]
    reads: list[str]
    writes: list[str]
    flows: set[str]
    doubts: set[str]

    def direct(self) -> set[str]:
        """The direct flows, without what was done on the way."""
        flows = (flow for each in self.statements for flow in each.columns)
        return {f"{flow.target} <- {flow.source}" for flow in flows if flow.kind == DIRECT}


def shown(
    text: str,
    dialect: str = "databricks",
    session: Session | None = None,
    **schema: Sequence[str],
) -> Shown:
    """Return what a text comes to; columns of tables are given by name, `__` for the dots."""
    known: Mapping[str, Sequence[str]] = {name.replace("__", "."): columns for name, columns in schema.items()}
    found = understand(text, dialect, Declared(known) if known else None, session)
    marks = {(False, False): "", (True, False): " masked", (False, True): " ?", (True, True): " masked ?"}
    return Shown(
        found,
        [dotted(table) for each in found for table in each.reads],
        [dotted(table) for each in found for table in each.writes],
        {
            f"{flow.target} <- {flow.source} {flow.subtype}{marks[flow.masking, flow.ambiguous]}"
            for each in found
            for flow in each.columns
        },
        {f"{doubt.name} {doubt.why}: {', '.join(doubt.candidates)}" for each in found for doubt in each.unresolved},
    )
