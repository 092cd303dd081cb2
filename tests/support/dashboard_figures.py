"""What programs did, as they counted it themselves, and the figures that follow from that."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from support.dashboard_programs import LATER_SECONDS, RESERVED_SECONDS, STATEMENT_SECONDS, USD_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.boards import Backend

# The programs whose statements have a price.
PRICED = ("healthy", "governed")


class Done(NamedTuple):
    """What was done, as the programs that did it counted it.

    Attributes:
        backend: What was told of it.
        told: The programs' own counts.
        quiet: Alerts that fired when nothing was wrong yet.
    """

    backend: Backend
    told: dict[str, dict[str, Any]]
    quiet: set[str]

    def decisions(self, *by: int, only: Callable[[str], bool] = lambda _: True) -> Counter[Any]:
        """Count decisions by team (0), project (1), type (2), result (3) or environment (4)."""
        found: Counter[Any] = Counter()
        for one in self.told.values():
            for *key, count in one["decisions"]:
                if only(key[3]):
                    found[_chosen([*key, one["environment"]], by)] += count
        return found

    def declared(self, *by: int) -> Counter[Any]:
        """Add up the US dollars that the programs named, by team (0), project (1) or environment (2)."""
        found: Counter[Any] = Counter()
        for one in self.told.values():
            for *key, amount in one["cost"]:
                found[_chosen([*key, one["environment"]], by)] += amount
        return found

    def count(self, name: str) -> int:
        """Add up what they counted under a name."""
        return sum(one["counts"].get(name, 0) for one in self.told.values())

    def stopwatch(self, kind: str) -> list[float]:
        """Return how long each operation of a type took, from outside."""
        return [seconds for one in self.told.values() for seconds in one["seconds"].get(kind, [])]

    def settled(self, *programs: str) -> Within:
        """What the priced statements of programs cost when they settled: those that were left, what they reserved."""
        return self._awaited(programs) + self._left(programs) * RESERVED_SECONDS * USD_PER_SECOND

    def spent(self, *programs: str) -> Within:
        """What they cost in the end."""
        return self._awaited(programs) + self._later(programs)

    def by_type(self) -> dict[str, Within]:
        """What they cost when they settled, by type: those that were awaited, and those that were left."""
        left = self._left(PRICED) * RESERVED_SECONDS * USD_PER_SECOND
        return {"table.query": self._awaited(PRICED), "sql.define": Within(left, left)}

    def nearest(self) -> Within:
        """How much the process used of its budget in memory that used most."""
        low, high = zip(*map(self.spent, PRICED), strict=True)
        return Within(max(low), max(high))

    def corrected(self) -> Within:
        """By how much the cost of those that were left was corrected."""
        return self._later(PRICED) + -self._left(PRICED) * RESERVED_SECONDS * USD_PER_SECOND

    def _awaited(self, programs: tuple[str, ...]) -> Within:
        """No less than they were made to wait, no more than the stopwatch says."""
        return self._between(programs, "table.query", STATEMENT_SECONDS)

    def _later(self, programs: tuple[str, ...]) -> Within:
        return self._between(programs, "later", LATER_SECONDS)

    def _between(self, programs: tuple[str, ...], watch: str, least: float) -> Within:
        took = [s for name in programs or PRICED for s in self.told[name]["seconds"].get(watch, ())]
        rounded = len(took) * 0.5e-6  # each cost is counted in millionths
        return Within(len(took) * least * USD_PER_SECOND - rounded, sum(took) * USD_PER_SECOND + rounded)

    def _left(self, programs: tuple[str, ...]) -> int:
        """Count the statements that were left, and see that no statement is missing in these figures."""
        seconds = [self.told[name]["seconds"] for name in programs or PRICED]
        left = sum(len(one.get("later", ())) for one in seconds)
        statements = sum(self.told[name]["counts"]["statements"] for name in programs or PRICED)
        assert statements == left + sum(len(one["table.query"]) for one in seconds)
        return left


def _chosen(key: list[str], by: tuple[int, ...]) -> Any:
    return key[by[0]] if len(by) == 1 else tuple(key[index] for index in by)


class Within(NamedTuple):
    """A number that is known to lie between two others."""

    low: float
    high: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and self.low - 1e-6 <= other <= self.high + 1e-6

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Any) -> Within:
        low, high = other if isinstance(other, Within) else (other, other)
        return Within(self.low + low, self.high + high)

    def shared(self, whole: float) -> Within:
        """Return which share of a whole it is."""
        return Within(self.low / whole, self.high / whole)
