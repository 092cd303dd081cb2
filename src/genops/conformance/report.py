"""The verdict for people, for programs and for continuous integration."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from genops.conformance.rules import RULES, Level
from genops.conformance.vocabulary import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genops.conformance.rules import Rule
    from genops.conformance.verdict import Verdict, Violation

SHOWN = 3
_UNSHOWN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of Unicode that control, format, break a line, or are nothing that is shown."""
_RESULTS = ("ALLOWED", "WARNING", "BLOCKED", "RATE_LIMITED", "none")


def clean(words: str) -> str:
    r"""Return words of foreign telemetry without what would command a terminal, turn its direction, or break XML.

    >>> clean("a\x1b[2Jb\ud800"), clean("gpj\u202eexe\u2028")
    ('a\\x1b[2Jb\\ud800', 'gpj\\u202eexe\\u2028')
    """
    if words.isascii() and words.isprintable():
        return words
    return "".join(
        one.encode("unicode_escape").decode("ascii") if unicodedata.category(one) in _UNSHOWN else one for one in words
    )


def as_json(verdict: Verdict, asked: Level) -> str:
    """Return the verdict as one JSON object."""
    tree: dict[str, Any] = {
        "level": verdict.level.value,
        "asked": asked.value,
        "passed": verdict.level.reaches(asked),
        "spec_version": VERSION,
        "units": verdict.units,
        "results": dict(verdict.results),
        "judged_on_events": verdict.judged_on_events,
        "sampled_out": verdict.sampled_out,
        "released": verdict.released,
        "unsettled": verdict.unsettled,
        "requests": verdict.requests,
        "violations": [_plain(one) for one in verdict.violations],
        "unlisted": dict(verdict.unlisted),
        "unattributed": [one._asdict() for one in verdict.unattributed],
    }
    return json.dumps(tree, indent=2)


def _plain(violation: Violation) -> dict[str, str]:
    law = violation.law
    return {"rule": law.id, "title": law.title, "level": law.level.value, "section": law.section, **{
        name: value for name, value in violation._asdict().items() if name != "rule"
    }}  # fmt: skip


def as_junit(verdict: Verdict, asked: Level) -> str:
    """Return the verdict as JUnit XML: one test case a rule; a broken rule beyond the level asked for is skipped."""
    broken = verdict.broken()
    suite = ET.Element("testsuite", name=f"GenOps v{VERSION}, {asked.value}", errors="0", time="0")
    failures = skipped = 0
    for rule in RULES.values():
        case = ET.SubElement(
            suite, "testcase", classname="genops.conformance", name=f"{rule.id} {rule.title}", time="0"
        )
        if rule.id not in broken:
            continue
        if not asked.reaches(rule.level):
            skipped += 1
            ET.SubElement(case, "skipped", message=f"demanded at the level {rule.level.value} only")
            continue
        failures += 1
        lines = [_located(one) for one in broken[rule.id]]
        failure = ET.SubElement(case, "failure", type=rule.id, message=f"{verdict.count(rule.id)} violations")
        failure.text = "\n".join([*lines, f"fix: {rule.fix}"])
    suite.attrib |= {"tests": str(len(RULES)), "failures": str(failures), "skipped": str(skipped)}
    root = ET.Element("testsuites", tests=str(len(RULES)), failures=str(failures), errors="0", skipped=str(skipped))
    root.append(suite)
    ET.indent(root)
    # Whatever writes it, ASCII with character references is the encoding that it says.
    return ET.tostring(root, encoding="us-ascii", xml_declaration=True).decode("ascii")


def _located(violation: Violation) -> str:
    at = f"{violation.trace_id}/{violation.span_id}" if violation.span_id else violation.where
    return clean(" ".join(part for part in (violation.unit, f"[{at}]" if at else "", violation.message) if part))


def as_text(verdict: Verdict, asked: Level) -> str:
    """Return the verdict for people."""
    return "\n".join([*_head(verdict, asked), *_rules(verdict, asked), *_unattributed(verdict)])


def _head(verdict: Verdict, asked: Level) -> Iterator[str]:
    passed = "" if asked is Level.FULL else f" ({asked.value} was asked for)"
    yield f"GenOps Governance Specification {VERSION}: {verdict.level.value}{passed}"
    counts = [f"{verdict.results[name]:,} {name}" for name in _RESULTS if verdict.results.get(name)]
    yield f"{verdict.units:,} units in {verdict.requests:,} export requests" + (
        f": {', '.join(counts)}" if counts else ""
    )
    if verdict.judged_on_events:
        yield f"{verdict.judged_on_events:,} of them have no span in the input, and were judged on their events alone"
    if verdict.sampled_out:
        yield f"     {verdict.sampled_out:,} say that their span was sampled out"
    if verdict.judged_on_events > verdict.sampled_out:
        yield (
            f"     {verdict.judged_on_events - verdict.sampled_out:,} carry no trace flags, as protobuf leaves out "
            "those of 0: a span that was sampled out cannot be told from one that was lost"
        )
    if verdict.released:
        yield f"{verdict.released:,} were let go before they ran"
    if verdict.unsettled:
        yield f"{verdict.unsettled:,} units without a span show no reconciliation: not executed, or not finished"


def _rules(verdict: Verdict, asked: Level) -> Iterator[str]:
    for name, found in verdict.broken().items():
        rule, count = RULES[name], verdict.count(name)
        yield ""
        yield f"{name}  {rule.title}  ({count:,} {'violation' if count == 1 else 'violations'}{_beyond(rule, asked)})"
        for violation in found[:SHOWN]:
            yield f"     {_located(violation)}"
        if count > SHOWN:
            yield f"     and {count - SHOWN:,} more"
        yield f"     section {rule.section}; {rule.fix}"


def _beyond(rule: Rule, asked: Level) -> str:
    return "" if asked.reaches(rule.level) else f"; demanded at the level {rule.level.value} only"


def _unattributed(verdict: Verdict) -> Iterator[str]:
    if not verdict.unattributed:
        return
    yield ""
    yield f"Unattributed: {len(verdict.unattributed):,} spans name a team or an operation and claim no governance"
    for one in verdict.unattributed[:SHOWN]:
        yield f"     {clean(one.name)} [{one.trace_id}/{one.span_id}]"
    if len(verdict.unattributed) > SHOWN:
        yield f"     and {len(verdict.unattributed) - SHOWN:,} more"


FORMATS = {"text": as_text, "json": as_json, "junit": as_junit}
