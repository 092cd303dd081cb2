"""Mutants of clean telemetry, generated: every required attribute and event in every way of breaking it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from support import otlp_units as clean
from support.particular_mutants import particular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST, OTHER = 0x11, 0xEE
MISSING = {
    "genops.team": "R06", "genops.project": "R06", "genops.environment": "R06",
    "genops.operation.name": "R07", "genops.operation.type": "R07",
    "genops.policy.result": "R08", "genops.policy.reason_code": "R09",
    "genops.accounting.reserved": "R11", "genops.accounting.unit": "R12", "genops.accounting.actual": "R13",
    "genops.spec.version": "R14",
}  # fmt: skip
CARRIED = {
    clean.EVALUATED: ("R19", ("genops.policy.result", "genops.policy.reason_code")),
    clean.RESERVATION: ("R23", ("genops.accounting.reserved", "genops.accounting.unit")),
    clean.RECONCILIATION: (
        "R25",
        ("genops.accounting.actual", "genops.accounting.reserved", "genops.accounting.unit"),
    ),
}
LOST = {clean.EVALUATED: "R18", clean.RESERVATION: "R22", clean.RECONCILIATION: "R24"}
FIGURES = {"genops.accounting.reserved": "R11", "genops.accounting.actual": "R13"}
CHANGED = {
    "genops.team": ("analytics", "R05"), "genops.project": ("trains", "R05"), "genops.environment": ("prod", "R05"),
    "genops.policy.result": ("BLOCKED", "R20"), "genops.policy.reason_code": ("POLICY_DENY_REGION", "R20"),
    "genops.accounting.reserved": (0.75, "R29"), "genops.accounting.actual": (0.125, "R29"),
    "genops.accounting.unit": ("EUR", "R29"), "genops.spec.version": ("0.2.0", "R14"),
}  # fmt: skip
CASES = {
    "genops.policy.result": "R08", "genops.policy.reason_code": "R10", "genops.accounting.unit": "R29",
    "genops.operation.name": "R07", "genops.operation.type": "R07",
    "genops.team": "R05", "genops.project": "R05", "genops.environment": "R05",
}  # fmt: skip
NULLS = ({}, None, {"stringValue": None}, "null", "None", "N/A")
EMPTY = ("", "   ", "-")
PLACEHOLDERS = ("unknown", "TODO", "${TEAM}", "Unspecified")
# Any word may be the name of an operation; what programs write where they had none is no name.
NO_NAMES = ("undefined", "(null)", "nil", "<null>")
WRONG_TYPES = ({"intValue": "7"}, {"boolValue": True}, {"arrayValue": {"values": [{"stringValue": "a"}]}},
               {"bytesValue": "YQ=="}, {"intValue": "seven"})  # fmt: skip
TIMELESS = (
    ("drop", {}), ("empty", {"timeUnixNano": ""}), ("null-like", {"timeUnixNano": "0"}),
    ("null-like", {"timeUnixNano": None}), ("placeholder", {"timeUnixNano": "TODO"}),
    ("wrong type", {"timeUnixNano": [clean.START]}), ("wrong case", {"timeunixnano": str(clean.START + clean.MS)}),
)  # fmt: skip
_IDS = (("empty", ""), ("null-like", None), ("placeholder", "TODO"), ("wrong type", 7))
_BESIDE = clean.lines(clean.refused(OTHER))


class Mutant(NamedTuple):
    """A clean file with one thing broken.

    Attributes:
        kind: Kind of unit that it was made from.
        target: Attribute or event that is broken, with its place.
        way: How it is broken.
        rule: The rule that it breaks.
        data: The bytes.
    """

    kind: str
    target: str
    way: str
    rule: str
    data: bytes


Tree = dict[str, Any]


def mutants() -> Iterator[Mutant]:
    """Yield every mutant of every kind of clean unit; beside each stands a clean unit that is left alone."""
    for kind, make in clean.KINDS.items():
        yield from _of(kind, make)
    for kind, target, way, rule, data, beside in particular():
        yield Mutant(kind, target, way, rule, data + _BESIDE * beside)


def _of(kind: str, make: Callable[[int], Tree]) -> Iterator[Mutant]:
    tree = make(FIRST)
    for target, way, rule, change in (*_attributes(tree), *_events(tree), *_spans(tree), *_lines(tree)):
        broken = make(FIRST)
        change(broken)
        yield Mutant(kind, target, way, rule, clean.lines(broken) + _BESIDE)


Change = tuple[str, str, str, "Callable[[Tree], object]"]


def _places(tree: Tree) -> Iterator[tuple[str, Callable[[Tree], Any], str]]:
    """Yield name, way to the node, and event name of each span and each required event."""
    if tree["spans"]:
        yield "span", lambda t: t["spans"][0], ""
        for index, event in enumerate(tree["spans"][0]["events"]):
            yield event["name"], lambda t, i=index: t["spans"][0]["events"][i], event["name"]
    seen: set[str] = set()
    for index, record in enumerate(tree["logs"]):
        name = record["eventName"]
        if name in CARRIED:
            yield f"a further {name}" if name in seen else name, lambda t, i=index: t["logs"][i], name
            seen.add(name)


def _attributes(tree: Tree) -> Iterator[Change]:
    alone = not tree["spans"]
    for place, find, event in _places(tree):
        there = {pair["key"]: pair["value"] for pair in find(tree)["attributes"]}
        for name, absent in MISSING.items():
            carried = name in CARRIED[event][1] if event else True
            if name in there and (carried or (alone and name in clean.WHO)):
                rule = CARRIED[event][0] if event and name not in clean.WHO else absent
                for way, aimed, change in _broken(name, there[name], rule, event):
                    yield f"{name} on {place}", way, aimed, _at(find, name, change)
                yield f"{name} on {place}", "orphan", rule, _to_the_resource(find, name)


def _at(find: Callable[[Tree], Any], name: str, change: Callable[[list[Any], Any], object]) -> Callable[[Tree], object]:
    def apply(tree: Tree) -> None:
        pairs = find(tree)["attributes"]
        change(pairs, next(pair for pair in pairs if pair["key"] == name))

    return apply


def _to_the_resource(find: Callable[[Tree], Any], name: str) -> Callable[[Tree], object]:
    def apply(tree: Tree) -> None:
        pairs = find(tree)["attributes"]
        pair = next(pair for pair in pairs if pair["key"] == name)
        pairs.remove(pair)
        tree["resource"].append(pair)

    return apply


def _set(content: Any) -> Callable[[list[Any], Any], object]:
    def change(_: list[Any], pair: Any) -> None:
        if content is None:
            pair.pop("value")
        else:
            pair["value"] = clean.value(content)

    return change


def _rename(key: str) -> Callable[[list[Any], Any], object]:
    return lambda _, pair: pair.update(key=key)


def _broken(name: str, value: Any, missing: str, event: str) -> Iterator[tuple[str, str, Callable[..., object]]]:
    """Yield each way of breaking one attribute, with the rule that it breaks."""
    figure = name in FIGURES
    yield "drop", missing, lambda pairs, pair: pairs.remove(pair)
    for word in EMPTY:
        yield "empty", "R16" if figure else "R15", _set(word)
    for word in NULLS:
        yield "null-like", "R16" if figure and isinstance(word, str) else "R15", _set(word)
    for word in NO_NAMES if name.startswith("genops.operation.") else PLACEHOLDERS:
        yield "placeholder", "R16" if figure else "R15", _set(word)
    for other in WRONG_TYPES:
        yield "wrong type", "R16", _set(other)
    yield "wrong case of the key", missing, _rename(name.upper())
    yield "wrong case of the key", missing, _rename(name.title())
    yield "duplicate", "R17", lambda pairs, pair: pairs.append(copy.deepcopy(pair))
    yield "duplicate", "R17", lambda pairs, pair: pairs.append({**pair, "value": clean.value("another")})
    if figure:
        for content in ("NaN", "Infinity"):
            yield "placeholder", FIGURES[name], _set({"doubleValue": content})
        yield "changed", FIGURES[name], _set(-0.5)
        yield "wrong type", "R16", _set(str(value["doubleValue"]))
    else:
        word = value["stringValue"]
        if name in CASES and word.swapcase() != word:
            yield "wrong case", CASES[name], _set(word.swapcase())
        yield "wrong type", "R16", _set({"doubleValue": 1.5})
    yield from _changed(name, value, event)


def _changed(name: str, value: Any, event: str) -> Iterator[tuple[str, str, Callable[..., object]]]:
    """Yield a change to another sound value that contradicts what stands elsewhere."""
    if name not in CHANGED:
        return
    other, rule = CHANGED[name]
    if name == "genops.policy.result":
        yield "changed of the word", "R08", _set("DENIED")
    if value == {"stringValue": other}:
        other = "RATE_LIMITED"
    if name == "genops.policy.result" and value == {"stringValue": "ALLOWED"}:
        rule = "R19" if event else "R09"
    yield "changed", rule, _set(other)


def _events(tree: Tree) -> Iterator[Change]:
    alone = not tree["spans"]
    for place, find, event in _places(tree):
        if not event:
            continue
        on_span, lost = "eventName" not in find(tree), LOST[event]
        again = sum(name == event for _, _, name in _places(tree)) > 1
        lost = "R20" if again else lost
        yield place, "drop", lost, lambda t, f=find: _home(t, f).remove(f(t))
        yield place, "empty", CARRIED[event][0], lambda t, f=find: f(t).update(attributes=[])
        for way, words in (
            ("empty", ("", " ")),
            ("null-like", (None, "null")),
            ("placeholder", ("TODO", "event")),
            ("wrong type", (7, {"name": event})),
            ("wrong case", (event.upper(), event.title())),
            ("changed", (f"{event}.v2",)),
        ):
            for word in words:
                yield place, f"{way} of the name", lost, lambda t, f=find, w=word: _named(f(t), w)
        yield place, "duplicate", {"R18": "R21"}.get(LOST[event], LOST[event]), _again(find)
        order = "R26" if event == clean.EVALUATED else "R27"
        if not alone or len(tree["logs"]) > 1:
            late = -3_600_000 if event == clean.RECONCILIATION else 3_600_000
            if not (again and tree["logs"] and find(tree) is not tree["logs"][0]):
                yield place, "out of order", order, _moved(find, late)
        for way, fields in TIMELESS:
            yield place, f"{way} of the time", "R26", _timed(find, fields)
        if not on_span:
            yield from _orphans(place, find, lost, alone=alone)


def _home(tree: Tree, find: Callable[[Tree], Any]) -> list[Any]:
    node = find(tree)
    return next(home for home in (tree["logs"], *(s["events"] for s in tree["spans"])) if any(x is node for x in home))


def _named(node: Any, word: Any) -> None:
    node.pop("name", None)
    node.pop("eventName", None)
    node["attributes"] = [pair for pair in node["attributes"] if pair["key"] != "event.name"]
    if word is not None:
        node["eventName"] = node["name"] = word


def _again(find: Callable[[Tree], Any]) -> Callable[[Tree], object]:
    return lambda tree: _home(tree, find).append(copy.deepcopy(find(tree)))


def _moved(find: Callable[[Tree], Any], milliseconds: int) -> Callable[[Tree], object]:
    def apply(tree: Tree) -> None:
        node = find(tree)
        node.pop("observedTimeUnixNano", None)
        node["timeUnixNano"] = str(int(node["timeUnixNano"]) + milliseconds * clean.MS)

    return apply


def _timed(find: Callable[[Tree], Any], fields: Tree) -> Callable[[Tree], object]:
    def apply(tree: Tree) -> None:
        node = find(tree)
        node.pop("observedTimeUnixNano", None)
        del node["timeUnixNano"]
        node.update(fields)

    return apply


def _orphans(place: str, find: Callable[[Tree], Any], lost: str, *, alone: bool) -> Iterator[Change]:
    unknown = {"spanId": "00000000000abcde"}
    for fields in (unknown, {"traceId": "f" * 32}):
        rule = lost if alone else "R04"
        yield place, "orphan", rule, lambda t, f=find, x=fields: f(t).update(x)
    for name in ("traceId", "spanId"):
        yield place, "orphan", "R02", lambda t, f=find, n=name: f(t).pop(n)
        yield place, "orphan", "R02", lambda t, f=find, n=name: f(t).update({n: "0" * len(f(t)[n])})
        for way, word in _IDS:
            yield place, f"{way} of the id", "R02", lambda t, f=find, n=name, w=word: f(t).update({n: w})
    if alone:
        yield place, "orphan", "R04", lambda t, f=find: f(t).update(flags=1)


def _spans(tree: Tree) -> Iterator[Change]:
    if not tree["spans"]:
        return
    yield "span", "drop", "R04", lambda t: t["spans"].pop(0)
    yield "span", "duplicate", "R03", lambda t: t["spans"].append(copy.deepcopy(t["spans"][0]))
    yield "span", "duplicate", "R03", lambda t: t["spans"].append(_in_capitals(t["spans"][0]))
    yield "span", "changed", "R03", lambda t: t["spans"][0].update(spanId=f"{OTHER:016x}")
    for name in ("traceId", "spanId"):
        yield "span", "null-like", "R02", lambda t, n=name: t["spans"][0].update({n: "0" * len(t["spans"][0][n])})
        yield "span", "drop of the id", "R02", lambda t, n=name: t["spans"][0].pop(n)
        for way, word in _IDS:
            yield "span", f"{way} of the id", "R02", lambda t, n=name, w=word: t["spans"][0].update({n: w})
    yield "span", "out of order", "R26", _ends_before_it_starts
    yield "span", "wrong type", "R01", lambda t: t["spans"].append("a span")


def _in_capitals(span: Any) -> Any:
    return {**copy.deepcopy(span), "traceId": span["traceId"].upper(), "spanId": span["spanId"].upper()}


def _ends_before_it_starts(tree: Tree) -> None:
    node = tree["spans"][0]
    node["startTimeUnixNano"], node["endTimeUnixNano"] = node["endTimeUnixNano"], node["startTimeUnixNano"]


def _lines(tree: Tree) -> Iterator[Change]:
    part = "spans" if tree["spans"] else "logs"
    yield "attributes", "wrong type", "R01", lambda t: t[part][0].update(attributes="none")
