"""The registry: valid as Weaver asks for it, and the source of what is generated from it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from genops.core.amounts import Grade
from genops.core.attribution import FIELDS, Attribution
from genops.core.decisions import PolicyResult, ReasonCode
from genops.core.records import Role
from genops.cost.prices import Unpriced
from genops.settings import BudgetSettings
from genops.telemetry.semconv import DECLARED, MEMBERS, OPTIONAL_ATTRIBUTION, PATTERNS, SPEC_VERSION, Attr
from support.schemas import schema

REGISTRY = Path(__file__).resolve().parents[2] / "registry"
FILES = sorted(REGISTRY.glob("*.yaml"))


@pytest.fixture(scope="module")
def reading():
    """The module of the registry's own scripts that reads it."""
    spec = importlib.util.spec_from_file_location("registry_reading", REGISTRY / "reading.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_valid_in_weavers_syntax(path):
    """Each file is what the published schemas of Weaver's second syntax ask for."""
    name = "definition-manifest.v2.json" if path.stem == "manifest" else "semconv.schema.v2.json"
    validator = jsonschema.Draft202012Validator(schema(f"weaver/{name}"))
    faults = [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(yaml.safe_load(path.read_text()))]
    assert not faults


def test_a_fault_is_found():
    """The schemas are asked in earnest: a metric without a unit is not valid."""
    validator = jsonschema.Draft202012Validator(schema("weaver/semconv.schema.v2.json"))
    file = yaml.safe_load((REGISTRY / "cost.yaml").read_text())
    del file["metrics"][0]["unit"]
    assert list(validator.iter_errors(file))


def test_what_is_generated_is_up_to_date():
    """The constants and the page say what the registry says."""
    command = [sys.executable, str(REGISTRY / "generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def test_what_is_stale_is_shown(tmp_path):
    """A changed registry makes the check fail and print what would change."""
    root = tmp_path / "project"
    (root / "src/genops/telemetry").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "registry").mkdir()
    for file in REGISTRY.glob("*.[py]*"):
        (root / "registry" / file.name).write_bytes(file.read_bytes())

    def generate(*options):
        command = [sys.executable, str(root / "registry/generate.py"), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert generate().returncode == 0
    assert generate("--check").returncode == 0
    file = root / "registry" / "cost.yaml"
    file.write_text(file.read_text().replace("genops.cost.delta", "genops.cost.change"))
    result = generate("--check")
    assert result.returncode == 1
    assert '+    COST_CHANGE: Final = "genops.cost.change"' in result.stdout


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        ("cost.yaml", "key: genops.cost.delta", "key: genops.team", "declared twice: genops.team"),
        ("spans.yaml", "ref: genops.spec.version", "ref: genops.spec.versoin", "no attribute genops.spec.versoin"),
        ("workflow.yaml", "genops.workflow.units, type", "genops.operations, type", "no attribute genops.workflow.un"),
    ],
)
def test_a_registry_that_contradicts_itself_is_refused(reading, tmp_path, file, before, after, message):
    """A name that is declared twice, or that is used and not declared, stops the generator."""
    for path in FILES:
        text = path.read_text()
        (tmp_path / path.name).write_text(text.replace(before, after, 1) if path.name == file else text)
    with pytest.raises(ValueError, match=message):
        reading.read(tmp_path)


def test_a_file_that_is_in_no_story_is_refused(reading, tmp_path):
    """No file is left out unnoticed."""
    for path in FILES:
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "more.yaml").write_text("file_format: definition/2\n")
    with pytest.raises(ValueError, match="more"):
        reading.read(tmp_path)


def test_every_attribute_says_where_it_comes_from(reading):
    """Every attribute says where it comes from, and every one of text and no closed set shows an example."""
    for attribute in reading.read().attributes.values():
        assert attribute.notes["source"] in {"specification", "guide", "opentelemetry", "genops"}, attribute.key
        assert attribute.type != "string" or attribute.members or attribute.examples, attribute.key


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        (Attr.POLICY_RESULT, {result.value for result in PolicyResult}),
        (Attr.COST_GRADE, {grade.value for grade in Grade}),
        (Attr.OPERATION_ROLE, {role.value for role in Role} - {Role.UNIT.value}),
        (Attr.BUDGET_PERIOD, set(BudgetSettings.model_fields["period"].annotation.__args__)),
        (Attr.SPEC_VERSION, {SPEC_VERSION}),
    ],
)
def test_closed_sets_are_those_of_the_code(attribute, values):
    """Where the code has an enumeration of its own, the registry has the same members."""
    assert MEMBERS[attribute] == values


def test_reasons_are_those_of_the_code():
    """Every reason that the code can give is declared: codes of decisions, and reasons for want of a price."""
    import re

    reasons = {reason.value for reason in ReasonCode}
    form = re.compile(PATTERNS[Attr.POLICY_REASON_CODE])
    assert {r for r in reasons if r not in MEMBERS[Attr.POLICY_REASON_CODE] and not form.fullmatch(r)} == set()
    assert {reason.value for reason in Unpriced} <= MEMBERS[Attr.UNPRICED_REASON]


def test_attribution_is_declared_as_the_code_knows_it():
    """The eight fields are declared, and the five that are optional are marked so."""
    everybody = Attribution(dict.fromkeys(FIELDS, "x")).attributes
    assert set(everybody) <= DECLARED
    assert set(everybody) - OPTIONAL_ATTRIBUTION == {Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT}


def test_the_constants_load_nothing():
    """The generated module needs nothing but the standard library's typing."""
    code = (
        "import sys, genops.telemetry.semconv;"
        "print([m for m in ('yaml', 'opentelemetry', 'pydantic') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
