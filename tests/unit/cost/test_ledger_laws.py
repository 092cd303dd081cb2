"""Laws of the ledger: budgets never overspend, money conserves."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.amounts import CALL, MICROS, Amount, Estimate, Priced
from genops.core.attribution import Attribution
from genops.core.operation import Operation
from genops.core.records import Reservation
from genops.cost.budgets import Budget
from genops.cost.ledger import MemoryLedger

TEAMS = ("a", "b")
AMOUNTS = st.integers(min_value=0, max_value=400)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.sampled_from(TEAMS), AMOUNTS),
        st.tuples(st.just("reconcile"), st.integers(0, 50), AMOUNTS),
        st.tuples(st.just("release"), st.integers(0, 50), st.just(0)),
    ),
    max_size=60,
)


class Still:
    def now_ns(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0


def usd(micros: int) -> Amount:
    """Return millionths of a dollar."""
    return Amount(micros, "USD")


@dataclass
class Play:
    """A ledger beside a plain model of it: what each open reservation holds and what the closed ones used."""

    overdraft: bool
    frugal: bool
    ledger: MemoryLedger = field(init=False)
    taken: list[tuple[Operation, Reservation]] = field(default_factory=list)
    open: dict[int, tuple[str, int]] = field(default_factory=dict)
    used: list[tuple[str, int]] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=lambda: {"all": 1000, "team-a": 600, "calls": 12 * MICROS})

    def __post_init__(self) -> None:
        budgets = (
            Budget("all", usd(1000)),
            Budget("team-a", usd(600), scope={"team": "a"}),
            Budget("calls", Amount.of(12, CALL)),
        )
        self.ledger = MemoryLedger(budgets, clock=Still())

    def reserve(self, team: str, micros: int) -> None:
        operation = Operation("t", "p", attribution=Attribution({"team": team}))
        answer = self.ledger.reserve(operation, Estimate(usd(micros), billable=True), overdraft=self.overdraft)
        before = self.expected()
        fits = all(before[name] + need <= self.limits[name] for name, need in charged(team, micros) if need)
        assert isinstance(answer, Reservation) == (fits or self.overdraft)
        if isinstance(answer, Reservation):
            assert answer.overdraft == (not fits)
            self.open[len(self.taken)] = team, micros
            self.taken.append((operation, answer))

    def reconcile(self, which: int, micros: int) -> None:
        if which < len(self.taken):
            held = self.open.pop(which, None)
            actual = min(micros, held[1]) if held and self.frugal else micros
            self.ledger.reconcile(*self.taken[which], usd(actual), Priced(usd(actual)))
            if held:
                self.used.append((held[0], actual))

    def release(self, which: int, _: int) -> None:
        if which < len(self.taken):
            self.ledger.release(*self.taken[which])
            self.open.pop(which, None)

    def expected(self) -> dict[str, int]:
        totals = {"all": 0, "team-a": 0, "calls": 0}
        for team, micros in [*self.open.values(), *self.used]:
            for name, need in charged(team, micros):
                totals[name] += need
        return totals

    def run(self, steps: list[tuple[str, object, int]]) -> None:
        for step, which, micros in steps:
            getattr(self, step)(which, micros)
            consumed = {state.name: state.consumed for state in self.ledger.states()}
            assert consumed == self.expected()
            if not self.overdraft and self.frugal:
                assert all(state.consumed <= state.allocated for state in self.ledger.states())


def charged(team: str, micros: int) -> list[tuple[str, int]]:
    """Return what a unit of a team is charged, by budget."""
    money = [("all", micros), ("team-a", micros)] if team == "a" else [("all", micros)]
    return [*money, ("calls", MICROS)]


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_never_overspends(steps: list[tuple[str, object, int]]) -> None:
    """Whatever the interleaving, without overdraft no budget's consumption exceeds its limit."""
    Play(overdraft=False, frugal=True).run(steps)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), STEPS)
def test_money_conserves(overdraft: bool, steps: list[tuple[str, object, int]]) -> None:
    """Consumption is what open reservations hold and closed ones used; a release nets to zero."""
    Play(overdraft=overdraft, frugal=False).run(steps)
