"""Mutants of what only some units have: optional attributes, flags, a declared level; and of whole files."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

from support import otlp_units as clean

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = 0x11
CODE, RESULT, ACTUAL = "genops.policy.reason_code", "genops.policy.result", "genops.accounting.actual"
FAILED = "BUDGET_RESERVATION_FAILED"
INCOMPLETE, CURRENCY, TIMESTAMP = "genops.accounting.incomplete", "genops.cost.currency", "genops.policy.timestamp"
LEVEL = "genops.spec.level"
SLA = tuple(f"genops.sla.{name}" for name in ("tier", "latency_target_ms", "actual_latency_ms", "met"))
RAN, OPTIONAL = "ran, with log events", "with everything optional"
_WRONG = {"string": 7, "double": {"intValue": "7"}, "int": 7.5, "bool": "true"}
# Of what no unit that is clean has, in each way in which it can stand there.
_WORTHLESS = (
    ("empty", ""), ("null-like", {}), ("null-like", "None"), ("placeholder", "unknown"),
    ("wrong type", {"boolValue": True}),
)  # fmt: skip

Tree = dict[str, Any]
Broken = tuple[str, str, str, str, Tree]


def particular() -> Iterator[tuple[str, str, str, str, bytes, bool]]:
    """Yield kind, target, way, rule and bytes of each, and whether a clean unit may stand beside it."""
    for kind, target, way, rule, tree in _only_some():
        yield kind, target, way, rule, clean.lines(tree), True
    for kind, target, way, rule, data in _files():
        yield kind, target, way, rule, data, True
    for kind, target, way, rule, data in (*_levels(), *_nothing()):
        yield kind, target, way, rule, data, False


def _only_some() -> Iterator[Broken]:
    for found in (_optional, _figures, _events, _service_level, _incomplete, _codes, _failed, _refused):
        yield from found()


def _pair(node: Any, name: str) -> Any:
    return next(pair for pair in node["attributes"] if pair["key"] == name)


def _set(node: Any, name: str, content: Any) -> None:
    _pair(node, name)["value"] = clean.value(content)


def _take(node: Any, name: str) -> Any:
    pair = _pair(node, name)
    node["attributes"].remove(pair)
    return pair


def _optional() -> Iterator[Broken]:
    whole = clean.with_everything(FIRST)["spans"][0]["attributes"]
    required = {*clean.WHO, *clean.ACTUAL, *clean.VERSION, RESULT}
    for name, value in ((pair["key"], pair["value"]) for pair in whole if pair["key"] not in required):
        ((form, _),) = value.items()
        text = "R15" if form == "stringValue" else "R36"
        for way, rule, content in (
            ("wrong type", "R36", _WRONG[form.removesuffix("Value")]),
            ("null-like", "R15", {}),
            ("null-like", text, "None"),
            ("empty", text, ""),
            *([("placeholder", "R36", {"doubleValue": "NaN"})] if form == "doubleValue" else []),
        ):
            tree = clean.with_everything(FIRST)
            _set(tree["spans"][0], name, content)
            yield OPTIONAL, f"{name} on span", way, rule, tree


def _figures() -> Iterator[Broken]:
    """Yield figures and words of the right type that cannot be meant."""
    negative = ("genops.tokens.input", "genops.tokens.output", "genops.tokens.total")
    spent = ("genops.budget.allocated", "genops.budget.consumed")
    for name, way, rule, content in (
        *((name, "changed", "R36", -5) for name in (*negative, SLA[1])),
        *((name, "changed", "R36", -0.5) for name in spent),
        *((TIMESTAMP, "changed", "R36", at) for at in (5, 946_684_799_999, clean.START // 10**9, clean.START)),
        ("genops.accounting.reconciliation_delta", "changed", "R29", 0.25),
        ("genops.budget.remaining", "changed", "R36", -0.5),
        ("genops.cost.total", "changed", "R36", -0.25),
    ):
        tree = clean.with_everything(FIRST)
        _set(tree["spans"][0], name, content)
        yield OPTIONAL, f"{name} on span", way, rule, tree
    for part, index, place in (("spans", 0, "span"), ("logs", 3, "genops.cost.calculated")):
        for way, word in (
            ("wrong case", "usd"), ("wrong case", "Usd"), ("placeholder", "unknown"), ("placeholder", "TBD"),
            ("changed", "dollars"), ("changed", "QQQ"), ("changed", "DEM"), ("changed", "US"), ("changed", "DBU"),
        ):  # fmt: skip
            tree = clean.with_everything(FIRST)
            _set(tree[part][index], CURRENCY, word)
            yield OPTIONAL, f"{CURRENCY} on {place}", way, "R34", tree


def _events() -> Iterator[Broken]:
    """Yield optional events that lack what they must carry."""
    for index, names in (
        (3, ("genops.cost.total", CURRENCY)),
        (4, ("genops.budget.name", "genops.budget.consumed", "genops.budget.allocated")),
        (5, ("genops.eval.metric", "genops.eval.score")),
    ):
        event = clean.with_everything(FIRST)["logs"][index]["eventName"]
        for name, way in itertools.product(names, ("drop", "wrong case", "orphan")):
            tree = clean.with_everything(FIRST)
            pair = _take(tree["logs"][index], name)
            if way == "wrong case":
                tree["logs"][index]["attributes"].append({**pair, "key": name.upper()})
            elif way == "orphan":
                tree["resource"].append(pair)
            yield OPTIONAL, f"{name} on {event}", way, "R35", tree
        tree = clean.with_everything(FIRST)
        tree["logs"][index]["attributes"] = []
        yield OPTIONAL, event, "empty", "R35", tree


def _service_level() -> Iterator[Broken]:
    subsets = [names for size in (1, 2, 3) for names in itertools.combinations(SLA, size)]
    for names, way in itertools.product(subsets, ("drop", "wrong case", "orphan")):
        tree = clean.with_everything(FIRST)
        pairs = [_take(tree["spans"][0], name) for name in names]
        if way == "wrong case":
            tree["spans"][0]["attributes"] += [{**pair, "key": pair["key"].upper()} for pair in pairs]
        elif way == "orphan":
            tree["resource"] += pairs
        yield OPTIONAL, f"{' and '.join(names)} on span", way, "R32", tree
    for target, actual, met in ((200, 100, False), (200, 201, True), (99, 100, True), (0, 1, True), (100, 100, False)):
        tree = clean.with_everything(FIRST)
        for name, content in zip(SLA[1:], (target, actual, met), strict=True):
            _set(tree["spans"][0], name, content)
        yield OPTIONAL, "genops.sla.met on span", "changed", "R33", tree


def _incomplete() -> Iterator[Broken]:
    for place, part, index in (("span", "spans", 0), (clean.RECONCILIATION, "logs", 2)):
        for way, content in (
            ("changed", False), ("empty", ""), ("null-like", {}), ("placeholder", "TODO"), ("wrong type", "true"),
            ("wrong type", 1),
        ):  # fmt: skip
            tree = clean.incomplete(FIRST)
            _set(tree[part][index], INCOMPLETE, content)
            yield "incomplete", f"{INCOMPLETE} on {place}", way, "R31", tree
        for way in ("drop", "wrong case", "orphan"):
            tree = clean.incomplete(FIRST)
            pair = _take(tree[part][index], INCOMPLETE)
            if way == "wrong case":
                tree[part][index]["attributes"].append({**pair, "key": INCOMPLETE.upper()})
            elif way == "orphan":
                tree["resource"].append(pair)
            yield "incomplete", f"{INCOMPLETE} on {place}", way, "R31", tree


def _codes() -> Iterator[Broken]:
    """Yield reason codes that stand where none may, and codes of no list."""
    for place, part, index in (("span", "spans", 0), (clean.EVALUATED, "logs", 0)):
        for way, content in (("changed", "BUDGET_EXCEEDED"), *_WORTHLESS):
            tree = clean.ran(FIRST)
            tree[part][index]["attributes"] += clean.pairs({CODE: content})
            yield RAN, f"{CODE} on {place}", way, "R09", tree
        for way, word in (("changed", "too expensive"), ("changed", "BUDGET_GONE"), ("empty", "x_")):
            tree = clean.refused(FIRST)
            _set(tree[part][index], CODE, word)
            yield "blocked", f"{CODE} on {place}", way, "R10", tree


def _failed() -> Iterator[Broken]:
    """Yield reservations that failed and block nothing."""
    kind, places = "no reservation to be had", (("span", "spans"), (clean.EVALUATED, "logs"))
    for result, (place, part) in itertools.product(("ALLOWED", "WARNING", "RATE_LIMITED"), places):
        tree = clean.KINDS[kind](FIRST)
        _set(tree[part][0], RESULT, result)
        yield kind, f"{RESULT} on {place}", "changed", "R30", tree
    for warned in ("warned", "rate limited"):
        for place, part in places:
            tree = clean.KINDS[warned](FIRST)
            _set(tree[part][0], CODE, FAILED)
            yield warned, f"{CODE} on {place}", "changed", "R30", tree
        tree = clean.KINDS[warned](FIRST)
        for _, part in places:
            _set(tree[part][0], CODE, FAILED)
        yield warned, f"{CODE} everywhere", "changed", "R30", tree
    tree = clean.KINDS["warned"](FIRST)
    again = copy.deepcopy(tree["logs"][0])
    _set(again, CODE, FAILED)
    tree["logs"].append(again)
    yield "warned", f"{CODE} on a further {clean.EVALUATED}", "duplicate", "R30", tree
    tree = clean.ran(FIRST)
    tree["spans"][0]["attributes"] += clean.pairs({CODE: FAILED})
    yield RAN, f"{CODE} on span", "orphan", "R30", tree


def _refused() -> Iterator[Broken]:
    """Yield units that were not executed and are reconciled all the same."""
    for kind in ("blocked", "rate limited", "released"):
        tree = clean.KINDS[kind](FIRST)
        tree["logs"].append(clean.log(FIRST, clean.RECONCILIATION, 99, clean.ACTUAL))
        yield kind, clean.RECONCILIATION, "orphan", "R28", tree
        tree["logs"][-1]["attributes"] = []
        yield kind, clean.RECONCILIATION, "empty", "R28", tree
        tree = clean.KINDS[kind](FIRST)
        tree["logs"] += [clean.log(FIRST, clean.RECONCILIATION, 99, clean.ACTUAL) for _ in range(2)]
        yield kind, clean.RECONCILIATION, "duplicate", "R28", tree
        for way, content in (("placeholder", 0.0), ("orphan", 0.25), *_WORTHLESS):
            tree = clean.KINDS[kind](FIRST)
            tree["spans"][0]["attributes"] += clean.pairs({ACTUAL: content})
            yield kind, f"{ACTUAL} on span", way, "R28", tree
    for result in ("BLOCKED", "RATE_LIMITED"):
        tree = clean.ran(FIRST, "WARNING", clean.DENIED)
        for node in (tree["spans"][0], tree["logs"][0]):
            _set(node, RESULT, result)
        yield "warned", f"{RESULT} everywhere", "changed", "R28", tree
    tree = clean.released(FIRST)
    _take(tree["spans"][0], "genops.cost.unpriced_reason")
    yield "released", "genops.cost.unpriced_reason on span", "drop", "R24", tree
    tree = clean.with_a_part_refused(FIRST)
    tree["logs"][3]["spanId"] = f"{FIRST + 1:016x}"
    yield "a part refused", clean.EVALUATED, "changed", "R04", tree


def _files() -> Iterator[tuple[str, str, str, str, bytes]]:
    whole = clean.lines(clean.ran(FIRST))
    wrong = whole.replace(b"resourceLogs", b"RESOURCELOGS")
    for way, rule, data in (
        ("drop", "R01", whole[:-40]),
        ("wrong type", "R01", whole + b"not json\n"),
        ("wrong type", "R01", whole + b'{"spans": []}\n'),
        ("wrong type", "R01", whole + b"7\n"),
        ("null-like", "R01", whole + b"null\n"),
        ("placeholder", "R01", whole + b"TODO\n"),
        ("empty", "R01", whole + b'""\n'),
        ("wrong case", "R01", wrong),
        ("orphan", "R01", whole + whole[40 : whole.index(b"\n") + 1]),
        ("changed", "R01", whole.replace(b'"spans": [', b'"spans": {')),
    ):
        yield RAN, "file", way, rule, data


def _levels() -> Iterator[tuple[str, str, str, str, bytes]]:
    """Yield units of a runtime that makes no reservations and does not say that it is partial."""
    for way, content in (
        ("wrong case", "PARTIAL"), ("empty", ""), ("empty", " "), ("null-like", {}), ("null-like", "none"),
        ("placeholder", "unknown"), ("placeholder", "${LEVEL}"), ("wrong type", True),
        ("wrong type", {"arrayValue": {"values": [{"stringValue": "partial"}]}}), ("changed", "full"),
        ("changed", "partially"),
    ):  # fmt: skip
        tree = {**clean.partial(FIRST, declared=False), "resource": clean.pairs({LEVEL: content})}
        yield "partial", f"{LEVEL} on resource", way, "R37", clean.lines(tree)
    silent = clean.partial(FIRST, declared=False)
    yield "partial", f"{LEVEL} on resource", "drop", "R37", clean.lines(silent)
    spelt = {**silent, "resource": clean.pairs({LEVEL.upper(): "partial"})}
    yield "partial", f"{LEVEL} on resource", "wrong case", "R37", clean.lines(spelt)
    another = clean.lines(clean.partial(0xEE))
    yield "partial", f"{LEVEL} on resource", "orphan", "R37", clean.lines(silent) + another
    lost = clean.lines({**silent, "logs": []}) + clean.lines({**clean.partial(FIRST), "spans": []})
    yield "partial", f"{LEVEL} on the resource of its events", "orphan", "R37", lost


def _nothing() -> Iterator[tuple[str, str, str, str, bytes]]:
    """Yield files in which nothing is a unit."""
    yield RAN, "file", "empty", "R38", b""
    yield RAN, "file", "empty", "R38", b'{"resourceSpans": [], "resourceLogs": []}\n'
    yield RAN, "file", "null-like", "R38", b"{}\n"
    span, who = clean.span, clean.WHO
    for way, attributes in (
        ("drop", who),
        ("wrong case", {**who, **{name.upper(): word for name, word in {**clean.VERSION, RESULT: "ALLOWED"}.items()}}),
        ("changed", {**who, "governance.version": "0.1.0"}),
    ):
        yield RAN, "span", way, "R38", clean.lines(clean.file([span(FIRST, attributes)]))
    moved = clean.file([span(FIRST, who)], resource={**clean.VERSION, RESULT: "ALLOWED"})
    yield RAN, "span", "orphan", "R38", clean.lines(moved)
