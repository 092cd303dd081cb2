"""Data clearance: a team may touch the tables whose class is at most its clearance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from genops.core.decisions import ALLOWED, Decision, PolicyResult, ReasonCode
from genops.core.ports import CLASSIFICATION, TABLES, Resolution
from genops.errors import ConfigurationError, nearest
from genops.policy.classification import CLASSIFIED_KINDS, ClassOrder

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef, Operation

_ON_UNRESOLVED: Mapping[str, PolicyResult] = {
    "deny": PolicyResult.BLOCKED,
    "warn": PolicyResult.WARNING,
    "allow": PolicyResult.ALLOWED,
}
_NONE = -1


class DataClearance:
    """Refuses tables above a team's clearance.

    The rule looks at the tables and views that an operation names, or that its statement is found to touch, read or
    written; other datasets have no class yet. A statement that is not understood in time is unresolved.

    A table without a class is unresolved, not public: that nobody declared it is a missing fact, and no default stands
    in for one. Who wants another answer declares it, by a pattern such as `*.*.*` or by `on_unresolved`. The same
    holds for a class that is not in the order. A known denial goes before an unresolved table.

    Args:
        name: Name of the rule, as decisions carry it.
        clearances: Strictest class that a team may touch, by team.
        default: Clearance of teams that are not listed and of operations without a team; with `None` they may touch no
            table that has a class.
        order: The classes.
        on_unresolved: `deny`, `warn` or `allow`; what becomes of a table without a class.

    Raises:
        ConfigurationError: A class or `on_unresolved` is unknown.
    """

    needs = frozenset({TABLES, CLASSIFICATION})

    def __init__(
        self,
        name: str,
        clearances: Mapping[str, str],
        *,
        default: str | None = None,
        order: ClassOrder | None = None,
        on_unresolved: str = "deny",
    ) -> None:
        self.name = name
        self._order = order or ClassOrder()
        where = f"policy {name!r}"
        self._limits = {
            team: self._order.rank(held, f"{where}, clearance of {team!r}") for team, held in clearances.items()
        }
        self._default_limit = _NONE if default is None else self._order.rank(default, f"{where}, default clearance")
        if on_unresolved not in _ON_UNRESOLVED:
            close = nearest(str(on_unresolved), _ON_UNRESOLVED)
            raise ConfigurationError(
                f"{where}: on_unresolved={on_unresolved!r}{close}: expected 'deny', 'warn' or 'allow'"
            )
        self._on_unresolved = _ON_UNRESOLVED[on_unresolved]

    def evaluate(self, operation: Operation, resolution: Resolution) -> Decision:
        """Return the decision; the first table that decides is named in it, reads before writes."""
        if not resolution.reads and not resolution.writes:
            return ALLOWED if resolution.resolved else self._unresolved(_not_found("its tables", resolution))
        team = operation.attribution.values.get("team", "")
        limit = self._limits.get(team, self._default_limit)
        ranks, classes = self._order.ranks, resolution.classes
        unclassified: DatasetRef | None = None
        for tables in (resolution.reads, resolution.writes):
            for table in tables:
                if table.kind in CLASSIFIED_KINDS:
                    rank = ranks.get(classes.get(table, ""))
                    if rank is None:
                        unclassified = unclassified or table
                    elif rank > limit:
                        return self._denied(team, limit, rank, table)
        if unclassified is not None:
            return self._unresolved(_without_class(unclassified, resolution))
        return ALLOWED if resolution.resolved else self._unresolved(_not_found("some of its tables", resolution))

    def _denied(self, team: str, limit: int, rank: int, table: DatasetRef) -> Decision:
        names = self._order.names
        who = f"team {team!r}" if team else "an operation without a team"
        cleared = "has no clearance" if limit == _NONE else f"is cleared up to {names[limit]}"
        reason = f"policy {self.name!r}: table {table.name} is {names[rank]} and {who} {cleared}"
        return Decision(PolicyResult.BLOCKED, ReasonCode.POLICY_DENY_CONTENT.value, self.name, reason)

    def _unresolved(self, what: str) -> Decision:
        result = self._on_unresolved
        code = None if result is PolicyResult.ALLOWED else ReasonCode.UNRESOLVED.value
        return Decision(result, code, self.name, f"policy {self.name!r}: {what}")


def _not_found(what: str, resolution: Resolution) -> str:
    if resolution.late:
        return f"{what} were not found out in time; the same statement is known when it is run again"
    return (
        f"{what} could not be found out; write it as a plain statement that names its tables, or say under "
        "on_unresolved what is to become of such statements"
    )


def _without_class(table: DatasetRef, resolution: Resolution) -> str:
    name = resolution.classes.get(table)
    if name is not None:
        return f"table {table.name} has the class {name!r}, which is not among the declared ones"
    return f"table {table.name} has no class; declare one under classification.tables"
