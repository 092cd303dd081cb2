"""The judge against generated mutants: what is broken is seen, by the rule that it breaks."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from genops.conformance import RULES, Level
from support import otlp_units as clean
from support.judging import judged
from support.mutants import mutants

DOCS = Path(__file__).resolve().parents[3] / "docs" / "conformance.md"
SPAN_EVENTS = "with span events|blocked, with span events"


class Survivor(NamedTuple):
    """Mutants that no reader of the telemetry could tell from clean units."""

    kinds: str
    target: str
    ways: str
    reason: str


SURVIVORS = (
    Survivor(
        ".*", r"genops\.operation\.(name|type) on .*", "wrong case",
        "Any spelling of an operation's name or type is a name or a type, and an event may name a part's.",
    ),
    Survivor(
        SPAN_EVENTS, r"genops\.(team|project|environment) on span", "wrong case|changed",
        "Where the events of a unit name nobody, nothing contradicts its span: it is another team's unit.",
    ),
    Survivor(
        SPAN_EVENTS, "span", "drop",
        "Span events leave with their span, and nothing shows that there was a unit.",
    ),
    Survivor(
        "sampled out", r"genops\.budget\.reconciliation", "drop|.* of the name",
        "A unit whose span was sampled out and that shows no reconciliation may be one that reserved and was never "
        "executed. The verdict counts it as unsettled.",
    ),
    Survivor(
        "a part refused", r"genops\.policy\.result on a further genops\.policy\.evaluated", "changed",
        "Whether a part was blocked or rate limited is said by its decision event alone.",
    ),
    Survivor(
        "with everything optional", r"genops\.(budget\.remaining|cost\.total) on span", "changed",
        "What remains of a budget that is overdrawn is negative, and so is a cost that is a credit.",
    ),
)  # fmt: skip
SEEN_BY_ANOTHER_RULE = {
    ("sampled out", "genops.budget.reconciliation", "orphan"): "as a unit of its own, without decision and reservation",
    ("a part refused", "genops.policy.result on span", "changed"): "as a unit that was blocked and ran",
}
WAYS = (
    "drop", "empty", "null-like", "placeholder", "wrong type", "wrong case", "out of order", "duplicate", "orphan",
    "changed",
)  # fmt: skip
WORTHLESS = ("empty", "null-like", "placeholder")


class Without(NamedTuple):
    """Ways that cannot break a rule: each breaks another one, or nothing."""

    rules: str
    ways: tuple[str, ...]
    reason: str


DOES_NOT_APPLY = (
    Without("R01 R02 R03 R04 R38", ("out of order",), "lines, spans and records may come in any order"),
    Without(
        "R05 R06 R07 R08 R09 R10 R11 R12 R13 R14 R15 R16 R17 R29 R30 R31 R32 R33 R34 R35 R36 R37", ("out of order",),
        "an attribute has no order: its place in the list means nothing",
    ),
    Without("R18 R19 R20 R21 R22 R23 R24 R25 R28", ("out of order",), "an event at a wrong time breaks R26 or R27"),
    Without(
        "R01 R02 R04 R05 R06 R07 R08 R09 R10 R11 R12 R13 R14 R15 R16 R18 R19 R20 R23 R25 R26 R27 R29 R31 R32 R33 R34 "
        "R35 R36 R37 R38", ("duplicate",),
        "what comes twice breaks R03 (a span), R17 (an attribute) or R21, R22 and R24 (an event)",
    ),
    Without("R05 R06 R07 R08 R12 R14 R29 R30 R32 R33", WORTHLESS, "what stands and says nothing breaks R15 or R16"),
    Without("R11 R13", WORTHLESS[:2], "a figure that says nothing breaks R15 or R16"),
    Without("R10 R19 R23 R25 R35", WORTHLESS[1:], "what stands and says nothing breaks R15, R16 or R36"),
    Without("R34", WORTHLESS[:2], "what stands and says nothing breaks R15"),
    Without(
        "R05 R06 R07 R08 R10 R11 R12 R13 R14 R15 R19 R23 R25 R29 R30 R32 R33 R34 R35", ("wrong type",),
        "another type breaks R16, on an optional attribute R36",
    ),
    Without("R03 R04", (*WORTHLESS, "wrong type"), "an id that is none breaks R02"),
    Without("R02 R03 R04", ("wrong case",), "ids in capitals are the same ids"),
    Without("R02", ("changed",), "another id is another unit: R04"),
    Without("R03", ("drop", "orphan"), "what comes once is not used again"),
    Without("R05 R15 R16 R17 R29 R33 R34 R36", ("drop", "orphan"), "what is absent breaks the rule that demands it"),
    Without("R10", ("drop", "orphan"), "a missing code breaks R09"),
    Without("R30", ("drop",), "a missing result or code breaks R08 or R09"),
    Without("R30", ("wrong case",), "a result or code that is misspelt breaks R08 or R10"),
    Without("R15 R16 R17 R33 R36", ("wrong case",), "a key in another case is another attribute, and absent here"),
    Without("R15 R16", ("changed",), "a value that says something and has its type meets the rule"),
    Without("R06 R07 R12 R23 R25 R32 R35", ("changed",), "it is there; whether the value agrees is R05, R29, R33, R36"),
    Without("R17", (*WORTHLESS, "wrong type", "changed"), "only what comes twice breaks it"),
    Without(
        "R21", ("drop", *WORTHLESS, "wrong type", "wrong case", "orphan", "changed"), "only what comes twice breaks it",
    ),
    Without("R20", ("orphan",), "an event that is cut off breaks R04"),
    Without("R24", ("orphan",), "a reconciliation that is cut off breaks R04; without spans the unit is unsettled"),
    Without("R26", ("orphan", "changed"), "an event that is cut off breaks R04; a changed time is out of order"),
    Without(
        "R27", ("drop", *WORTHLESS, "wrong type", "wrong case", "orphan", "changed"), "an event without a time is R26",
    ),
    Without("R28", ("drop", "wrong case"), "nothing is owed that could be dropped or misspelt"),
    Without("R38", ("placeholder", "wrong type"), "the names of attributes make a unit, whatever their values are"),
)  # fmt: skip


@pytest.fixture(scope="module")
def tried():
    """Each mutant with the rules that the judge finds broken."""
    return [(mutant, {one.rule for one in judged(mutant.data).violations}) for mutant in mutants()]


def expected(mutant):
    """The reason why a mutant may survive, if it may."""
    for row in SURVIVORS:
        if all(
            re.fullmatch(pattern, field)
            for pattern, field in ((row.kinds, mutant.kind), (row.target, mutant.target), (row.ways, mutant.way))
        ):
            return row
    return None


@pytest.mark.parametrize("kind", clean.KINDS)
def test_what_is_broken_was_clean_before(kind):
    """Each kind of unit that mutants are made of is fully compliant."""
    verdict = judged(clean.KINDS[kind](1))
    assert (verdict.violations, verdict.level, verdict.units) == ((), Level.FULL, 1)


def test_nearly_every_mutant_is_caught(tried, capsys):
    """At least 95 in 100 mutants break a rule; those that do not are exactly the ones that have a reason."""
    table = by_way(tried)
    with capsys.disabled():
        print("\n" + "\n".join(table))  # noqa: T201  (the result that is asked for)
    survivors = [mutant for mutant, rules in tried if not rules]
    assert len(survivors) <= 0.05 * len(tried)
    assert [mutant[:4] for mutant in survivors if expected(mutant) is None] == []
    assert [mutant[:4] for mutant, rules in tried if rules and expected(mutant)] == []
    assert {expected(mutant) for mutant in survivors} == set(SURVIVORS)


def test_the_rule_that_is_broken_is_named(tried):
    """What is caught is caught by the rule that the mutant breaks."""
    other = {mutant[:3] for mutant, rules in tried if rules and mutant.rule not in rules}
    assert other == set(SEEN_BY_ANOTHER_RULE)


def test_each_rule_is_broken_by_a_mutant(tried):
    """Every numbered rule has at least one mutant that is made to break it, and is seen to."""
    assert {mutant.rule for mutant, rules in tried if mutant.rule in rules} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_broken_in_each_way(tried, rule):
    """Each way of breaking a rule has a mutant that is caught as that rule, or a reason why there is none."""
    caught = {mutant.way.split(" of the ")[0] for mutant, rules in tried if mutant.rule == rule and rule in rules}
    without = [way for row in DOES_NOT_APPLY if rule in row.rules.split() for way in row.ways]
    assert sorted([*caught, *without]) == sorted(WAYS)


def test_the_required_are_broken_in_every_way(tried):
    """Every required attribute and event is dropped, emptied, nulled, filled in, mistyped, misspelt and repeated."""
    ways = {(target, way.split(" of the ")[0]) for mutant, _ in tried for target, way in [mutant[1:3]]}
    for name in clean.WHO | clean.ACTUAL | clean.VERSION | clean.decided("BLOCKED", "x"):
        for way in ("drop", "empty", "null-like", "placeholder", "wrong type", "wrong case", "duplicate"):
            assert (f"{name} on span", way) in ways
    for name in (clean.EVALUATED, clean.RESERVATION, clean.RECONCILIATION):
        for way in (
            "drop", "empty", "null-like", "placeholder", "wrong type", "wrong case", "out of order", "duplicate",
            "orphan",
        ):  # fmt: skip
            assert (name, way) in ways


def test_the_documentation_has_these_figures(tried):
    """The table of mutants and the reasons of the survivors stand in the documentation as they are."""
    text = DOCS.read_text("utf-8")
    assert "\n".join(by_way(tried)) in text
    flowing = " ".join(text.split())
    for row in SURVIVORS:
        assert row.reason in flowing


def by_way(tried):
    """Return the rows of the table: caught and all mutants by way of breaking."""
    made, caught = Counter(), Counter()
    for mutant, rules in tried:
        way = mutant.way.split(" of the ")[0]
        made[way] += 1
        caught[way] += bool(rules)
    rows = [f"| {way} | {caught[way]:,} | {made[way]:,} |" for way in made]
    whole = f"| all | {caught.total():,} | {made.total():,} |"
    return ["| way | caught | mutants |", "|---|---:|---:|", *rows, whole]
