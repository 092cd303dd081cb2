"""The judge stands alone, and its documentation says what it does."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from genops import conformance
from genops.conformance import RULES, Level
from genops.conformance.vocabulary import ISO_4217, OPTIONAL, OPTIONAL_EVENTS, REQUIRED, REQUIRED_EVENTS
from genops.core.currencies import CURRENCIES

ROOM = Path(conformance.__file__).parent
DOCS = Path(__file__).resolve().parents[3] / "docs" / "conformance.md"
ELSEWHERE = ("opentelemetry.proto.", "google.protobuf", "grpc")
PROGRAM = """
import io, sys
from genops.conformance import Judge
judge = Judge()
judge.read(io.BytesIO(b"{}"))
judge.verdict()
print(*sorted(name for name in sys.modules if name.startswith(("genops", "opentelemetry", "google", "grpc"))))
"""


def test_it_has_the_same_currencies():
    """The judge keeps a list of its own; it takes every currency that genops takes, and no other."""
    assert ISO_4217 == CURRENCIES


@pytest.mark.parametrize("file", sorted(ROOM.glob("*.py")), ids=lambda file: file.stem)
def test_it_imports_the_standard_library_and_otlp_alone(file):
    """No module of the room imports anything of genops, nor of OpenTelemetry's API and SDK."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert not node.level
            names = [node.module or ""]
        for name in names:
            known = name.split(".")[0] in sys.stdlib_module_names or name.startswith(("genops.conformance", *ELSEWHERE))
            assert known, name


def test_judging_a_file_loads_nothing_else():
    """A judge in a process of its own needs genops' name and its own room."""
    source = str(ROOM.parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": source},
        timeout=240,
    )
    loaded = ran.stdout.split()
    assert "genops.conformance.judge" in loaded
    assert [name for name in loaded if name != "genops" and not name.startswith("genops.conformance")] == []


def test_rules_are_numbered_without_gaps():
    """R01 and on, each with a section and everything that people need."""
    assert list(RULES) == [f"R{number:02}" for number in range(1, len(RULES) + 1)]
    for rule in RULES.values():
        assert all(rule)
        assert rule.level in {Level.FULL, Level.PARTIAL}
        assert rule.title == rule.title.strip(".")
        assert re.fullmatch(r"\d+(\.\d+)*(, \d+(\.\d+)*)*", rule.section)


def test_the_documentation_has_every_rule():
    """The table of rules is the code's."""
    rows = [
        f"| {rule.id} | {rule.level.value} | **{rule.title}.** {rule.why} | {rule.section} | {rule.fix} |"
        for rule in RULES.values()
    ]
    assert "\n".join(rows) in DOCS.read_text("utf-8")


def test_the_words_of_the_specification_are_whole():
    """Eleven required attributes, 28 optional ones, three required and three optional events."""
    assert [len(words) for words in (REQUIRED, OPTIONAL, REQUIRED_EVENTS, OPTIONAL_EVENTS)] == [11, 28, 3, 3]
    for events in (REQUIRED_EVENTS, OPTIONAL_EVENTS):
        assert {name for names in events.values() for name in names} <= REQUIRED.keys() | OPTIONAL.keys()
