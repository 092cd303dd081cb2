"""Classes of tables by pattern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genops.core.operation import DatasetRef
from genops.errors import ConfigurationError
from genops.policy.classification import Classification, ClassOrder


def classes(tables: dict[str, str], *parts: str, kind: str = "table") -> str | None:
    """Return the class of a table."""
    return Classification(tables).classify(DatasetRef(parts, kind))


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"main.hr.salaries": "restricted", "main.hr.*": "internal"}, "restricted"),
        ({"main.hr.*": "confidential", "main.*.*": "internal", "*.*.*": "public"}, "confidential"),
        ({"main.*.sal*": "restricted", "main.hr.*": "internal"}, "internal"),
        ({"main.hr.sal*": "restricted", "main.hr.s*": "public"}, "restricted"),
        ({"main.hr.s*": "restricted", "main.hr.sal*": "public"}, "public"),
        ({"main.*.salaries": "internal", "main.hr.*": "restricted"}, "restricted"),
        ({"main.hr.*": "restricted", "main.*.salaries": "internal"}, "restricted"),
        ({"MAIN.Hr.salarie?": "internal"}, "internal"),
        ({"main.[gh]r.salaries": "internal"}, "internal"),
        ({"other.*.*": "internal"}, None),
        ({"main.hr.salar": "internal"}, None),
        ({}, None),
    ],
)
def test_most_specific_pattern_wins(tables: dict[str, str], expected: str | None) -> None:
    """More exact parts win, then more literal characters; between equals the stricter class, in any order."""
    assert classes(tables, "main", "hr", "salaries") == expected


def test_names_are_compared_without_case() -> None:
    """Names match without regard to case, as the catalog compares them."""
    assert classes({"main.hr.*": "internal"}, "Main", "HR", "X") == "internal"


def test_back_ticks() -> None:
    """A part in back-ticks may hold dots and back-ticks, and its wildcards are plain characters."""
    assert classes({"main.`a.b`.*": "internal"}, "main", "a.b", "t") == "internal"
    assert classes({"main.`a``b`.*": "internal"}, "main", "a`b", "t") == "internal"
    assert classes({"main.hr.`t*`": "internal"}, "main", "hr", "t*") == "internal"
    assert classes({"main.hr.`t*`": "internal"}, "main", "hr", "tab") is None


def test_only_tables_and_views_have_classes() -> None:
    """Volumes, functions and paths have no class, nor have names of fewer than three parts."""
    everything = {"*.*.*": "internal"}
    assert classes(everything, "a", "b", "c", kind="view") == "internal"
    assert classes(everything, "a", "b", "c", kind="volume") is None
    assert classes(everything, "b", "c") is None


@pytest.mark.parametrize(
    "pattern", ["", "main", "main.hr", "main.hr.*.x", "main..x", "main.hr.", ".a.b", "a.b.`c", "a.b.`c`d", "a.b.``"]
)
def test_bad_pattern(pattern: str) -> None:
    """A pattern that is not three parts is refused, quoting it and showing one that is."""
    with pytest.raises(ConfigurationError, match=r"expected catalog\.schema\.table.*'main\.hr\.\*'"):
        Classification({pattern: "internal"})


def test_unknown_class() -> None:
    """A class that is not in the order is refused with the nearest known one."""
    with pytest.raises(ConfigurationError, match=r"'main\.hr\.\*'.*'restrictd'.*did you mean 'restricted'"):
        Classification({"main.hr.*": "restrictd"})


@pytest.mark.parametrize("names", [[], [""], ["a", "a"]])
def test_bad_order(names: list[str]) -> None:
    """An order of classes needs different non-empty names."""
    with pytest.raises(ConfigurationError, match="expected different non-empty names"):
        ClassOrder(names)


def test_own_order() -> None:
    """An organisation may name its own classes."""
    order = ClassOrder(["green", "red"])
    assert Classification({"a.b.*": "red", "a.*.c": "green"}, order).classify(DatasetRef(("a", "b", "c"))) == "red"


def test_answers_are_kept_in_bounds() -> None:
    """What was asked is remembered, and the memory does not grow with the number of tables."""
    declared = Classification({"a.b.*": "internal"})
    for number in range(10_000):
        assert declared.classify(DatasetRef(("a", "b", f"t{number}"))) == "internal"
    assert len(declared._known) <= 4096


@given(st.tuples(*[st.text(min_size=1, max_size=8).filter(lambda text: text.lower() == text.casefold())] * 3))
def test_a_name_matches_itself(parts: tuple[str, str, str]) -> None:
    """The quoted name of any table is a pattern that matches exactly it."""
    pattern = ".".join("`" + part.replace("`", "``") + "`" for part in parts)
    declared = Classification({pattern: "restricted"})
    assert declared.classify(DatasetRef(parts)) == "restricted"
    assert declared.classify(DatasetRef((*parts[:2], parts[2] + "x"))) is None
