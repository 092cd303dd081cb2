"""The form of snapshots, and how one is compared with its file."""

from __future__ import annotations

import json

from genops.testing import CapturedEvent, CapturedMetric, CapturedPoint, CapturedSpan
from genops.testing import plugin as pytest_plugin
from genops.testing.snapshots import UPDATE_OPTION, compare, taken

OUTER = CapturedSpan(
    "outer", "ab" * 16, "0a" * 8, None, "client", "error", 5_000_000_000, 8_000_000_000, {"b": (1, "h:80"), "a": "h:80"}
)
INNER = CapturedSpan("inner h:80", "ab" * 16, "0b" * 8, "0a" * 8, "internal", "unset", 6_500_000_000, 7_000_000_000, {})
ELSEWHERE = CapturedSpan("third", "cd" * 16, "0c" * 8, "99" * 8, "internal", "unset", 9_000_000_000, 9_000_000_000, {})


def event(span: str, trace: str = "ab" * 16, **attributes) -> CapturedEvent:
    """Make an event."""
    return CapturedEvent("said", trace, span, 6_000_000_000, "WARN", {"event.name": "said", **attributes})


def test_identities_are_ordinals_and_times_are_relative() -> None:
    """Whatever ids and instants there were, spans are numbered and times count from the first."""
    spans = taken([OUTER, INNER, ELSEWHERE], [], [])["spans"]
    assert [(s["span"], s["trace"], s["parent"], s["start"], s["seconds"]) for s in spans] == [
        (1, 1, None, 0.0, 3.0),
        (2, 1, 1, 1.5, 0.5),
        (3, 2, "outside", 4.0, 0.0),
    ]
    assert [(s["name"], s["kind"], s["status"]) for s in spans[:2]] == [
        ("outer", "client", "error"),
        ("inner h:80", "internal", "unset"),
    ]


def test_an_event_stands_with_its_span_and_says_what_that_does_not() -> None:
    """Attributes that the span has too are not said again; events without a captured span stand apart."""
    snapshot = taken([OUTER], [event("0a" * 8, a="h:80", c=1), event("ff" * 8, "ee" * 16, c=2)], [])
    (with_span,) = snapshot["spans"][0]["events"]
    assert with_span == {"name": "said", "at": 1.0, "severity": "WARN", "attributes": {"c": 1}}
    (apart,) = snapshot["events"]
    assert (apart["trace"], apart["attributes"]) == (2, {"c": 2})


def test_what_differs_from_run_to_run_can_be_left_out_or_replaced() -> None:
    """`without` drops attributes, `replace` rewrites texts in names and values, tuples included."""
    (span, inner) = taken([OUTER, INNER], [], [], without={"a"}, replace={"h:80": "<host>"})["spans"]
    assert span["attributes"] == {"b": [1, "<host>"]}
    assert inner["name"] == "inner <host>"


def test_metrics_leave_out_zero_sums_and_health() -> None:
    """A sum of zero says nothing; a gauge of zero does; genops' own health is not the program's."""
    zero, two = CapturedPoint({"t": "a"}, 0), CapturedPoint({"t": "b"}, 2)
    metrics = [
        CapturedMetric("genops.operations", "counter", "{operation}", (zero, two)),
        CapturedMetric("genops.data.rows", "counter", "{row}", (zero,)),
        CapturedMetric("genops.budget.remaining", "gauge", "{budget_unit}", (zero,)),
        CapturedMetric("genops.operation.duration", "histogram", "s", (CapturedPoint({}, 0, 1),)),
        CapturedMetric("genops.internal.dropped", "counter", "{item}", (two,)),
    ]
    found = taken([], [], metrics)["metrics"]
    assert list(found) == ["genops.operations", "genops.budget.remaining", "genops.operation.duration"]
    assert found["genops.operations"]["points"] == [{"labels": {"t": "b"}, "value": 2}]
    assert found["genops.operation.duration"]["points"] == [{"labels": {}, "value": 0, "count": 1}]


def test_a_missing_file_says_how_to_create_it(tmp_path) -> None:
    """There is no silent first time: the failure says what to run."""
    said = compare(tmp_path / "new" / "one.json", {"a": 1}, update=False)
    assert said is not None
    assert "there is no snapshot" in said
    assert UPDATE_OPTION in said
    assert not (tmp_path / "new").exists()


def test_an_updated_file_is_the_snapshot(tmp_path) -> None:
    """Updating writes sorted JSON with its folder, and the same snapshot then passes."""
    file = tmp_path / "new" / "one.json"
    assert compare(file, {"b": "é", "a": [1]}, update=True) is None
    assert file.read_bytes() == '{\n  "a": [\n    1\n  ],\n  "b": "é"\n}\n'.encode()
    assert json.loads(file.read_text("utf-8")) == {"a": [1], "b": "é"}
    assert compare(file, {"a": [1], "b": "é"}, update=False) is None


def test_a_difference_is_a_unified_diff(tmp_path) -> None:
    """The failure shows the lines that changed, in the words of a diff, and how to accept them."""
    file = tmp_path / "one.json"
    compare(file, {"a": 1, "b": 2}, update=True)
    said = compare(file, {"a": 1, "b": 3}, update=False)
    assert said is not None
    lines = said.splitlines()
    assert lines[1:3] == ["--- one.json (snapshot)", "+++ one.json (captured)"]
    assert '-  "b": 2' in lines
    assert '+  "b": 3' in lines
    assert UPDATE_OPTION in lines[-1]


def test_a_long_difference_is_cut(tmp_path) -> None:
    """Of a difference without end the first 500 lines are shown, and how many more there are."""
    file = tmp_path / "one.json"
    compare(file, {str(n): 0 for n in range(1_000)}, update=True)
    said = compare(file, {str(n): 1 for n in range(1_000)}, update=False)
    assert said is not None
    assert "more lines" in said
    assert len(said.splitlines()) < 510


def test_the_option_is_the_one_that_the_plugin_adds() -> None:
    """What failures tell people to run is the option that pytest knows."""
    options: list[str] = []

    class Group:
        def addoption(self, name, **_options):
            options.append(name)

    class Parser:
        def getgroup(self, _name):
            return Group()

    pytest_plugin.pytest_addoption(Parser())
    assert options == [UPDATE_OPTION]
