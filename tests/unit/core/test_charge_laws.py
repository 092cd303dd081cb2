"""The law of charges: settlements and corrections together are the last word on everything paid for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genops.core.amounts import Amount, Grade
from genops.core.declared import operation
from genops.core.operation import Facts
from support.governed import Prices, call, job_run, statement, usd
from support.recording import RecordingSink, active

RANK = [Grade.ESTIMATED, Grade.METERED, Grade.BILLED]
KEYS = [job_run(1), job_run(2), *(statement(n, job_run(1 + n % 2)) for n in range(3)), statement(9)]
WORDS = st.lists(
    st.tuples(
        st.sampled_from(["unit", "part", "witness"]),
        st.integers(0, len(KEYS) - 1),
        st.integers(0, 20),
        st.sampled_from(RANK),
    ),
    max_size=25,
)


class Expected:
    """What was last said of each charge, and what that comes to."""

    def __init__(self):
        self.last = {}

    def hear(self, key, dollars, grade, *, owns):
        known = self.last.get(key)
        if (known is None and owns) or (known is not None and RANK.index(grade) >= RANK.index(known[1])):
            self.last[key] = (dollars, grade)

    def total(self):
        """Children lie inside their parent, and a parent's whole is never less than theirs."""
        inside = {run: sum(d for key, (d, _) in self.last.items() if key.parent == run) for run in KEYS[:2]}
        runs = sum(max(self.last[run][0] if run in self.last else 0, inside[run]) for run in KEYS[:2])
        return runs + sum(d for key, (d, _) in self.last.items() if key.kind == "statement" and key.parent is None)


def says(key, dollars, grade):
    """An observation that names a cost."""
    return lambda op, result: Facts(money=usd(dollars), charge=key, grade=grade, source="test")


def reported(sink):
    """Money of all settlements and corrections, in dollars."""
    settled = sum(s.priced.money.micros for s in sink.settled if s.priced.money is not None)
    return (settled + sum(a.delta for a in sink.adjusted)) / 1e6


@given(WORDS)
def test_settlements_and_corrections_are_the_last_word_on_every_charge(words):
    """Whoever names whatever charge in whatever order: everything paid for is counted exactly once."""
    sink, expected = RecordingSink(), Expected()
    with active(sinks=[sink], pricer=Prices()) as governor:
        for who, number, dollars, grade in words:
            key = KEYS[number]
            expected.hear(key, dollars, grade, owns=who != "witness")
            if who == "unit":
                call(observe=says(key, dollars, grade))
            elif who == "part":
                with operation("load", reads=["a.b.c"]):
                    call(observe=says(key, dollars, grade))
            else:
                governor.witness(key, usd(dollars), grade, "test")
        assert reported(sink) == expected.total()
        assert all(adjusted.total >= 0 for adjusted in sink.adjusted)


@given(WORDS)
def test_the_corrections_of_a_unit_add_up_to_its_last_total(words):
    """Settled money plus deltas is, unit by unit, what the last correction states."""
    sink = RecordingSink()
    with active(sinks=[sink], pricer=Prices()) as governor:
        for who, number, dollars, grade in words:
            if who == "witness":
                governor.witness(KEYS[number], usd(dollars), grade, "test")
            else:
                call(observe=says(KEYS[number], dollars, grade))
    costs = {s.unit: s.priced.money.micros if s.priced.money else 0 for s in sink.settled}
    for adjusted in sink.adjusted:
        costs[adjusted.unit] += adjusted.delta
        assert adjusted.total == costs[adjusted.unit]


@given(WORDS)
def test_a_story_told_twice_changes_nothing(words):
    """Reading everything again, in the same order of grades, posts nothing."""
    sink = RecordingSink()
    with active(sinks=[sink], pricer=Prices()) as governor:
        for number in range(len(KEYS)):
            call(observe=says(KEYS[number], 1, Grade.ESTIMATED))
        last = {}
        for _, number, dollars, grade in sorted(words, key=lambda word: RANK.index(word[3])):
            last[number] = (dollars, grade)
            governor.witness(KEYS[number], usd(dollars), grade, "test")
        before = len(sink.adjusted)
        for number, (dollars, grade) in last.items():
            assert governor.witness(KEYS[number], usd(dollars), grade, "test") == 0
        assert len(sink.adjusted) == before


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=12), st.integers(0, 100) | st.none())
def test_a_unit_costs_what_it_names_or_its_parts_do(parts, named):
    """Parts with and without charges, and a cost named for the whole: the whole contains the parts."""
    sink = RecordingSink()
    with active(sinks=[sink], pricer=Prices()), operation("load", reads=["a.b.c"]) as running:
        for number, (keyed, dollars) in enumerate(parts):
            call(observe=says(statement(f"p{number}") if keyed else None, dollars, Grade.ESTIMATED))
        if named is not None:
            running.observe(cost=named)
    inside = sum(dollars for _, dollars in parts)
    if named is None and inside == 0:
        assert sink.settled[0].priced.money in {None, Amount(0, "USD")}
    else:
        assert sink.settled[0].priced.money == usd(max(inside, named or 0))
