"""Reading OTLP: whatever comes, it is read or named with its line, and never ends the judge."""

from __future__ import annotations

import doctest
import io
import json
import random
import tracemalloc
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.conformance import Judge, Level
from genops.conformance.judge import LISTED
from genops.conformance.report import FORMATS
from support import otlp_units as clean
from support.judging import broken, judged
from support.mutants import mutants

UNIT = clean.lines(clean.ran(1))


def only(data):
    """The one violation of unreadable bytes, beside a clean unit."""
    (violation,) = [one for one in judged(data).violations if one.rule == "R01"]
    return violation


def test_a_line_that_is_no_json_is_named_with_its_number():
    """The line before and the lines after it count."""
    verdict = judged(UNIT[: UNIT.index(b"\n") + 1] + b"{nonsense\n" + UNIT[UNIT.index(b"\n") + 1 :])
    assert verdict.units == 1
    (violation,) = verdict.violations
    assert (violation.rule, violation.where) == ("R01", "telemetry.jsonl:2")
    assert "not JSON" in violation.message


def test_a_file_that_was_cut_says_so():
    """A last line without its end is told from a broken one."""
    violation = only(UNIT + UNIT[:100])
    assert "cut" in violation.message
    assert violation.where == "telemetry.jsonl:3"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"7", "a number where an export request is expected"),
        (b'{"spans": []}', "none of resourceSpans"),
        (b'{"resourceSpans": {}}', "resourceSpans is an object, expected a list"),
        (b'{"resourceSpans": [null]}', "resourceSpans holds null"),
        (b'{"resourceLogs": [{"scopeLogs": ["x"]}]}', "scopeLogs holds a string"),
        (b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": [{"key": 1}]}]}]}]}', "key is a number"),
        (
            b'{"resourceSpans": [{"instrumentationLibrarySpans": [{"spans": []}]}]}',
            "'instrumentationLibrarySpans' where",
        ),
        (b'{"resourceSpans": [{"resource": {}, "scope_Spans": [{}]}]}', "'scope_Spans' where scopeSpans is expected"),
        (b'{"resourceLogs": [{"scopeLogs": [], "instrumentation_library_logs": [{}]}]}', "where scopeLogs is expected"),
        (b'{"resourceLogs": [{"scopeLogs": [{"logs": [{}]}]}]}', "'logs' where logRecords is expected"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe", "not JSON"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_otlp_is_said_in_words(line, words):
    """Each shape that OTLP does not have is one violation that says what was found."""
    assert words in only(UNIT + line + b"\n").message


def test_empty_lines_and_a_byte_order_mark_are_nothing():
    """What some editors leave behind is not telemetry."""
    assert judged(b"\xef\xbb\xbf" + UNIT.replace(b"\n", b"\r\n\n \n") + b"{}\n").violations == ()


@pytest.mark.parametrize("indent", [None, 2])
def test_a_whole_document_is_read_as_well(indent):
    """One array of requests, or one indented request, over all lines."""
    requests = [json.loads(line) for line in UNIT.splitlines()]
    assert judged(json.dumps(requests, indent=indent).encode()).level is Level.FULL
    both = {key: content for request in requests for key, content in request.items()}
    assert judged(json.dumps(both, indent=indent).encode()).level is Level.FULL


def test_a_document_that_is_broken_is_reported_by_line():
    """An indented document that does not close is no document."""
    found = [one.where for one in judged(b'{\n"resourceSpans": [\n').violations if one.rule == "R01"]
    assert found == ["telemetry.jsonl:1", "telemetry.jsonl:2"]


def test_profiles_alone_are_passed_over():
    """A file of profiles beside others is no shape that OTLP does not have."""
    assert judged(UNIT + b'{"resourceProfiles": [{}]}\n{"resourceSpans": [{"resource": {}}]}\n').violations == ()


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("doubleValue", "1_0"), ("doubleValue", "\uff10.\uff15"), ("doubleValue", " 0.5"), ("doubleValue", "inf"),
        ("intValue", "1_0"), ("intValue", "\uff11"), ("intValue", 1 << 63), ("intValue", str(1 << 64)),
    ],
)  # fmt: skip
def test_figures_that_otlp_does_not_write_are_none(form, content):
    """Digits of other scripts, underscores, and integers of more than 64 bits are no figures."""
    name = {"doubleValue": "genops.cost.total", "intValue": "genops.tokens.input"}[form]
    assert broken(clean.ran(1, **{name: {form: content}})) == ["R36"]


def test_metrics_and_foreign_telemetry_are_passed_over():
    """Metrics, foreign spans and foreign log records are nobody's violation."""
    foreign = {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "genops.cost.total"}]}]}],
        "resourceProfiles": [{"scopeProfiles": [{"profiles": [{}]}]}],
        "resourceSpans": [{"scopeSpans": [{"spans": [clean.span(77, {"http.method": "GET"})]}]}],
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}],
    }
    verdict = judged(UNIT + json.dumps(foreign).encode() + b"\n")
    assert (verdict.level, verdict.units) == (Level.FULL, 1)


def test_what_cannot_be_read_is_listed_up_to_a_bound():
    """A large file of nonsense fills no memory; all of it is counted."""
    verdict = judged(b"nonsense\n" * (LISTED + 7))
    assert sum(one.rule == "R01" for one in verdict.violations) == LISTED
    assert verdict.count("R01") == LISTED + 7


def test_memory_grows_with_units_and_not_with_bytes():
    """A hundred times the foreign telemetry needs no more memory."""
    node = clean.span(7, {f"http.header.{n}": "v" * 50 for n in range(20)})
    line = clean.lines(clean.file([node]))

    def peak(times):
        tracemalloc.start()
        Judge().read(io.BufferedReader(_Repeated(line, times)))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    few = peak(10)
    assert peak(1_000) < few + 100_000


class _Repeated(io.RawIOBase):
    """A line over and over, without holding it."""

    def __init__(self, line, times):
        self._line, self._times, self._at = line, times, 0

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._times:
            return 0
        part = self._line[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        if self._at == len(self._line):
            self._at, self._times = 0, self._times - 1
        return len(part)


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8),
    st.sampled_from(("ALLOWED", "genops.team", "genops.policy.evaluated", clean.TRACE, "0" * 32, "1e999")),
)  # fmt: skip
_names = st.sampled_from(
    (
        "resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords", "attributes", "key", "value",
        "stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "events", "name", "eventName", "traceId",
        "spanId", "flags", "timeUnixNano", "startTimeUnixNano", "resource", "scope", "x",
    )
)  # fmt: skip
_trees = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=30,
)


def told(data):
    """Judge bytes and say the verdict in every form."""
    verdict = judged(data)
    for form in FORMATS.values():
        assert form(verdict, Level.FULL).encode()
    return verdict


@settings(max_examples=200)
@given(_trees)
def test_no_tree_ends_the_judge(tree):
    """Any JSON, with names of OTLP in any place, is judged."""
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [tree]}]}], "resourceLogs": tree}
    told(json.dumps(tree).encode() + b"\n" + json.dumps(request).encode())


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_end_the_judge(data):
    """Any bytes are judged, also behind a good line."""
    told(data)
    assert told(UNIT + data).units == 1


@settings(deadline=None, max_examples=100)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(clean.KINDS)), _scalars)
def test_no_change_anywhere_ends_the_judge(chance: random.Random, kind, content):
    """A clean unit with any one value replaced by anything is judged."""
    tree = clean.KINDS[kind](1)
    nodes = [tree]
    while nodes and chance.random() < 0.9:
        node = nodes[-1]
        inner = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        if not inner:
            break
        key, child = chance.choice(inner)
        if not isinstance(child, (dict, list)):
            node[key] = content
            break
        nodes.append(child)
    told(clean.lines(tree))


@pytest.mark.full
def test_no_mutant_with_a_byte_flipped_ends_the_judge():
    """Every mutant, with a byte changed at random."""
    chance = random.Random(17)
    for mutant in mutants():
        data = bytearray(mutant.data or b" ")
        data[chance.randrange(len(data))] = chance.randrange(256)
        told(bytes(data))


@pytest.mark.parametrize("name", ["figures", "otlp", "vocabulary", "rules", "receiver", "report"])
def test_the_examples_in_the_docstrings_hold(name):
    """Each doctest of the room runs."""
    ran = doctest.testmod(import_module(f"genops.conformance.{name}"))
    assert ran.attempted
    assert not ran.failed
