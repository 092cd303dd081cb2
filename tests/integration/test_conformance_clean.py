"""What genops emits never draws a violation: programs of every kind, drawn at random, judged on the bytes."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, seed, settings

from genops.conformance import Level
from genops.conformance.report import as_text
from genops.conformance.verdict import Verdict
from support import governed_programs as governed
from support import spec
from support.governed_programs import Step
from support.judging import judged

CALL = {"end": "ok", "secret": False, "cost": 0.25, "charge": None, "who": None, "late": None}
LIST = {"items": 3, "end": "all", "secret": False, "silent": False}
GROUP = {"reads": ("main.sales.orders",), "cost": None, "observed": "0.25", "error": False, "who": None}
FEW_CALLS = {"limit": 1, "unit": "call", "period": "total"}
# Of drawing programs, before a kind that was never among them is one that is not drawn.
ROUNDS = 20
TESTS = Path(__file__).resolve().parents[1]


def under(mode="observe", events="log", rate=None, budget=None, clearance=False):
    """Settings, and what is not said is the default."""
    return governed.Settings(mode, events, rate, budget, clearance)


def call(**options):
    """One governed call."""
    return Step("call", {**CALL, **options})


def group(kind, *inside, **options):
    """A group of steps."""
    return Step(kind, {**GROUP, **options}, inside)


def clean(file: Path, known: governed.Counted):
    """Judge a file, which must be clean and hold every unit; return the verdict."""
    verdict = judged(file.read_bytes())
    # Where no step is attributed, or none begins, there is nothing to judge, which the judge has to say.
    found = [one for one in verdict.violations if one.rule != "R38" or known.governed]
    assert not found, as_text(verdict, Level.FULL)
    assert verdict.units == len(known.governed)
    return verdict


def drawn(folder: Path, wanted: int, examples: int) -> None:
    """Judge drawn programs, so many at a time, until so many units were judged and every kind was among them."""
    numbers, units, kinds, first = itertools.count(), [0], set(), random.randrange(2**32)

    def judge(given_settings, program):
        file = folder / f"{next(numbers)}.jsonl"
        counted = governed.run(file, given_settings, program)
        verdict = clean(file, counted)
        units[0] += verdict.units
        seen = Seen(given_settings, counted.performed, verdict, spec.read(file))
        kinds.update(name for name, shown in SHOWN.items() if shown(seen))
        file.unlink()

    for number in range(ROUNDS):
        if units[0] < wanted or kinds != set(KINDS):
            # A seed of its own for each round, so that no profile makes one the repetition of another.
            chosen = settings(deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck))
            seed(first + number)(chosen(given(governed.settings(), governed.programs())(judge)))()
    assert units[0] >= wanted
    assert set(KINDS) - kinds == set()


class Seen(NamedTuple):
    """What a drawn program did, and what it exported."""

    settings: governed.Settings
    performed: tuple[Step, ...]
    verdict: Verdict
    exported: spec.Exported

    def did(self, *kinds, **options):
        """Return whether a step of one of these kinds, with these options, was performed."""
        return any(step.kind in kinds and options.items() <= {**step.options}.items() for step in self.performed)

    def held(self, kind):
        """Return whether a group of this kind was performed, with something in it."""
        return any(step.kind == kind and set(map(id, step.inside)) & self._ids for step in self.performed)

    @property
    def _ids(self):
        return {id(step) for step in self.performed}

    def decided(self, result, *codes):
        """Return whether a unit has this result for one of these reasons."""
        return any(
            (unit["attributes"]["genops.policy.result"], unit["attributes"].get("genops.policy.reason_code"))
            in {(result, code) for code in codes}
            for unit in self.exported.units
        )

    def softened(self):
        """Return whether something inside a unit was refused and the unit warns of it."""
        refused = {
            (event["trace_id"], event["span_id"])
            for event in self.exported.events
            if event["attributes"].get("genops.policy.result") == "BLOCKED"
        }
        warned = self.exported.units if self.settings.mode == "enforce" else ()
        return any(
            unit["attributes"]["genops.policy.result"] == "WARNING" and (unit["trace_id"], unit["span_id"]) in refused
            for unit in warned
        )


MONEY = ("BUDGET_EXCEEDED", "BUDGET_RESERVATION_FAILED")
SHOWN = {
    "ran": lambda seen: seen.did("call", end="ok", secret=False),
    "failed": lambda seen: seen.did("call", end="error"),
    "cancelled": lambda seen: seen.did("call", end="cancel"),
    "declared": lambda seen: seen.did("record"),
    "refused by policy": lambda seen: seen.decided("BLOCKED", "POLICY_DENY_CONTENT"),
    "warned of by policy": lambda seen: seen.decided("WARNING", "POLICY_DENY_CONTENT"),
    "refused by budget": lambda seen: seen.decided("BLOCKED", *MONEY),
    "overdrawn": lambda seen: seen.decided("WARNING", *MONEY),
    "asynchronous": lambda seen: seen.did("acall"),
    "listed": lambda seen: seen.did("iterate", end="all", silent=False),
    "listed to the half": lambda seen: seen.did("iterate", end="close"),
    "listed and left": lambda seen: seen.did("iterate", end="left"),
    "listed and collected": lambda seen: seen.did("iterate", end="collected"),
    "listed asynchronously": lambda seen: seen.did("aiterate"),
    "never listed": lambda seen: seen.did("iterate", end="never"),
    "given up": lambda seen: seen.verdict.released,
    "kept open": lambda seen: seen.did("call", late="open"),
    "pending, and its facts come": lambda seen: seen.did("call", late="resolved"),
    "pending, and they do not": lambda seen: seen.did("call", late="expired"),
    "corrected by a bill": lambda seen: seen.did("call", charge="one") and seen.did("witness", cost=2.0),
    "with parts": lambda seen: seen.held("operation"),
    "with a part refused": Seen.softened,
    "in a workflow": lambda seen: seen.held("workflow"),
    "in threads": lambda seen: seen.held("threads"),
    "carried elsewhere": lambda seen: seen.held("carried"),
    "sampled out": lambda seen: seen.verdict.judged_on_events,
    "with span events": lambda seen: seen.settings.events == "span" and seen.verdict.units,
    "unattributed": lambda seen: seen.verdict.unattributed,
    "unattributed and sampled out": lambda seen: seen.settings.rate == 0.0 and seen.verdict.unattributed,
}


def test_some_hundred_units_draw_no_violation(tmp_path):
    """Drawn programs: calls, lists, operations, parts, threads, refusals, corrections, under every kind of setting."""
    drawn(tmp_path, 400, 20)


@pytest.mark.full
def test_ten_thousand_units_draw_no_violation(tmp_path):
    """The same with 25 times as many units."""
    drawn(tmp_path, 10_000, 100)


KINDS = {
    "ran": (under(), [call()], "units"),
    "failed": (under(), [call(end="error")], "units"),
    "cancelled": (under(), [call(end="cancel")], "units"),
    "declared": (under(), [Step("record", {"seconds": 5.0})], "units"),
    "refused by policy": (under("enforce", clearance=True), [call(secret=True)], "BLOCKED"),
    "warned of by policy": (under(clearance=True), [call(secret=True)], "WARNING"),
    "refused by budget": (under("enforce", budget=FEW_CALLS), [call(), call()], "BLOCKED"),
    "overdrawn": (under(budget=FEW_CALLS), [call(), call()], "WARNING"),
    "asynchronous": (under(), [Step("acall", CALL)], "units"),
    "listed": (under(), [Step("iterate", LIST)], "units"),
    "listed to the half": (under(), [Step("iterate", {**LIST, "end": "close"})], "units"),
    "listed and left": (under(), [Step("iterate", {**LIST, "end": "left"})], "units"),
    "listed and collected": (under(), [Step("iterate", {**LIST, "end": "collected"})], "units"),
    "listed asynchronously": (under(), [Step("aiterate", {**LIST, "end": "close"})], "units"),
    "never listed": (under(), [call(), Step("iterate", {**LIST, "end": "never"})], "units"),
    "given up": (under(), [Step("released", {})], "released"),
    "kept open": (under(), [call(late="open")], "units"),
    "pending, and its facts come": (under(), [call(late="resolved")], "units"),
    "pending, and they do not": (under(), [call(late="expired")], "units"),
    "corrected by a bill": (under(), [call(charge="one"), Step("witness", {"cost": 2.0})], "units"),
    "with parts": (under(), [group("operation", call(), call(end="error"))], "units"),
    "with a part refused": (under("enforce", clearance=True), [group("operation", call(secret=True))], "WARNING"),
    "in a workflow": (under(), [group("workflow", call(), call())], "units"),
    "in threads": (under(), [group("threads", *[call(charge="one") for _ in range(8)])], "units"),
    "carried elsewhere": (under(clearance=True), [group("operation", group("carried", call(secret=True)))], "units"),
    "sampled out": (under(rate=0.0), [call(), group("operation", call())], "judged_on_events"),
    "with span events": (under(events="span"), [call(), group("operation", call())], "units"),
    "unattributed": (under(), [Step("nobody", {}), Step("witness", {"cost": 2.0})], "unattributed"),
    "unattributed and sampled out": (
        under(rate=0.0),
        [Step("nobody", {}), Step("witness", {"cost": 2.0})],
        "unattributed",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_unit_is_clean(kind, tmp_path):
    """Each kind is there, counted as what it is, and draws no violation on its own."""
    given_settings, program, counted = KINDS[kind]
    verdict = clean(tmp_path / "a.jsonl", governed.run(tmp_path / "a.jsonl", given_settings, program))
    seen = verdict.results.get(counted, 0) if counted.isupper() else getattr(verdict, counted)
    assert seen


def test_declared_work_is_clean(tmp_path):
    """A unit of declared work is decided, reserved and reconciled in this order."""
    program = [Step("record", {"seconds": seconds}) for seconds in (0.0, 0.001, 5.0)] * 10
    clean(tmp_path / "a.jsonl", governed.run(tmp_path / "a.jsonl", under(), program))


PROCESS = """
import sys
from pathlib import Path
from support import governed_programs as governed
from support.governed_programs import Step
call = {"end": "ok", "secret": False, "cost": 0.25, "charge": None, "who": None, "late": None}
settings = governed.Settings("observe", "log", None, None, False)
known = governed.run(Path(sys.argv[1]), settings, [Step("call", call)] * 40)
print(len(known.governed))
"""


def test_several_processes_write_one_file(tmp_path):
    """Three processes append to one file at the same time; all of their units are there, and clean."""
    source = str(Path(sys.modules["genops"].__path__[0]).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((source, str(TESTS)))}
    file = tmp_path / "together.jsonl"
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(file)], env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [int(process.communicate(timeout=120)[0]) for process in processes] == [40] * 3
    verdict = judged(file.read_bytes())
    assert (verdict.level, verdict.units) == (Level.FULL, 120)


def test_the_second_opinion_agrees(tmp_path):
    """A small judge of the tests' own, written apart, finds the same file clean."""
    file = tmp_path / "a.jsonl"
    program = [call(), call(end="error"), call(), group("workflow", call(charge="one"))]
    clean(file, governed.run(file, under(budget={"limit": 3, "unit": "call", "period": "total"}), program))
    assert spec.violations(spec.read(file)) == []
