"""What the doctor says of versions: judged by genops' own metadata."""

from __future__ import annotations

import importlib.metadata
import sys
from email.message import Message

import pytest
from packaging.specifiers import Specifier

import genops
from genops.cli.doctor import libraries, versions
from genops.cli.doctor.findings import Severity
from genops.cli.doctor.ordering import holds
from genops.instrumentation import LIBRARIES

LINES = [
    "click>=8.1",
    "pydantic<3,>=2.8",
    "tomli>=2; python_version < '3.0'",
    "duckdb>=1.5; extra == 'all'",
    "duckdb>=1.5; extra == 'testing'",
    "genops[databricks]; extra == 'demo'",
]


@pytest.fixture
def installed(monkeypatch):
    """Versions that are said to be installed, and the metadata of genops."""
    found = {"click": "8.2.0", "pydantic": "2.9", "duckdb": "1.5.1", "genops": genops.__version__}

    def version(name):
        if name not in found:
            raise importlib.metadata.PackageNotFoundError(name)
        return found[name]

    ours = Message()
    ours["Requires-Python"] = ">=3.10"
    for minor in range(10, 20):
        ours["Classifier"] = f"Programming Language :: Python :: 3.{minor}"
    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: ours)
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: list(LINES))
    found["metadata"] = ours
    return found


def found(identity, word=""):
    """Findings with an id whose title has a word."""
    return [one for one in versions.versions() if one.id == identity and word in one.title]


def test_what_keeps_to_the_metadata_is_supported(installed):
    """Required and optional alike, and Python itself; another interpreter's requirements are left out."""
    titles = [one.title for one in found("versions.supported")]
    assert [title.split()[0] for title in titles] == ["python", "click", "pydantic", "duckdb"]
    assert {one.severity for one in versions.versions()} == {Severity.OK}


@pytest.mark.parametrize(("version", "fix"), [("2.7.9", "pydantic>=2.8,<3"), ("3.0.1", "pydantic>=2.8,<3")])
def test_what_lies_outside_is_unsupported(installed, version, fix):
    """Below the floor and above the ceiling; the fix names what to install."""
    installed["pydantic"] = version
    (one,) = found("versions.unsupported")
    assert one.severity is Severity.ERROR
    assert fix in one.fix


def test_what_is_newer_than_the_tests_is_untested(installed, monkeypatch):
    """Without a ceiling of its own a package may be newer than any that was run; so may Python."""
    installed["duckdb"] = "99.1"
    (one,) = found("versions.untested")
    assert one.severity is Severity.WARNING
    assert versions.TESTED["duckdb"] in one.detail
    installed["duckdb"] = versions.TESTED["duckdb"] + ".9"
    assert not found("versions.untested")
    del installed["metadata"]["Classifier"]
    installed["metadata"]["Classifier"] = "Programming Language :: Python :: 3.9"
    assert found("versions.untested", "python")


@pytest.mark.parametrize("version", ["v8.2.0", "8.1.post1", "9rc1"])
def test_every_spelling_of_a_version_is_read(installed, version):
    """A leading v, post-releases and candidates: metadata that builders write is not always normal."""
    installed["click"] = version
    assert found("versions.supported", "click")


@pytest.mark.parametrize("version", ["latest", "", None])
def test_a_version_that_cannot_be_read_is_no_error(installed, version):
    """Nothing can be said of it, which is told and no more."""
    installed["click"] = version
    (one,) = found("versions.unreadable")
    assert one.severity is Severity.INFO
    assert not found("versions.unsupported")


def test_a_candidate_of_what_is_excluded_is_unsupported(installed):
    """`<3` excludes 3.0rc1, and `>=2.8` does 2.8rc1."""
    for version in ("3.0rc1", "2.8rc1"):
        installed["pydantic"] = version
        assert found("versions.unsupported", "pydantic")


VERSIONS = [
    *("0.0.21", "v0.0.21", "1", "1.0", "1.0.0", "1.0a1", "1.0alpha1", "1.0b2", "1.0rc1", "1.0c1", "1.0.dev1"),
    *("1.0a1.dev2", "1.0.post1", "1.0-1", "1.0+cpu", "1!1.0", "2", "2.0rc1", "2.0.1", "2.1", "1.45.2", "1.45b0"),
    *("30.1", "1.35", "1.35rc1"),
]


@pytest.mark.parametrize("operator", [">=", "<=", "<", ">", "==", "!=", "~="])
def test_bounds_are_kept_as_the_packaging_library_says(operator):
    """Every version against every bound, pre-releases, post-releases and prefixes included."""
    bounds = ["1.0", "1.0rc1", "1.35", "2.0", "0.0.21", "1.0.post1", "1.0.dev1", "1!1.0"]
    bounds += ["1.*", "2.0.*", "1!1.*"] if operator in {"==", "!="} else []
    for version in VERSIONS:
        for bound in bounds:
            expected = Specifier(f"{operator}{bound}").contains(version, prereleases=True)
            assert holds(version, operator, bound) is expected, f"{version} {operator} {bound}"


def test_an_interpreter_below_the_floor_is_unsupported(installed):
    """The metadata says which Pythons genops works with."""
    installed["metadata"].replace_header("Requires-Python", ">=3.99")
    assert found("versions.unsupported", "python")


def test_what_is_missing_is_an_error_only_where_it_is_needed(installed):
    """A requirement of genops itself is missing; one of an extra is absent, and the extra is named."""
    del installed["click"], installed["duckdb"]
    assert "click>=8.1" in found("versions.missing", "click")[0].fix
    (absent,) = found("versions.absent")
    assert absent.severity is Severity.INFO
    assert ".[testing]" in absent.fix


def test_sources_without_metadata_say_so(monkeypatch):
    """Run from its sources, genops cannot judge versions, and says how to change that."""

    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    for name in ("version", "metadata", "requires"):
        monkeypatch.setattr(importlib.metadata, name, nothing)
    (one,) = versions.versions()
    assert (one.id, one.severity) == ("versions.unknown", Severity.INFO)


def test_a_distribution_of_another_project_is_found(installed):
    """The name belongs to another project on the public index: its version is not the one of this code."""
    installed["genops"] = "9.9"
    (one,) = found("versions.shadowed")
    assert "9.9" in one.title
    assert one.severity is Severity.ERROR


@pytest.mark.parametrize("spelling", ["genops/__init__.py", "genops.py"])
def test_another_package_on_the_path_is_found(installed, tmp_path, monkeypatch, spelling):
    """A package or module of the same name in a folder of the path; a folder without code is none."""
    (tmp_path / "empty" / "genops").mkdir(parents=True)
    module = tmp_path / "full" / spelling
    module.parent.mkdir(parents=True)
    module.touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "empty"), str(tmp_path / "full")])
    (one,) = found("versions.shadowed")
    assert str(tmp_path / "full") in one.title


def test_the_real_metadata_of_this_machine_is_read():
    """Whatever is installed here, every finding is one that is known, and nothing raises."""
    assert all(one.id.startswith("versions.") for one in versions.versions())


def test_every_library_has_a_home():
    """A library that genops learns to govern needs a row in the doctor's table as well."""
    assert set(libraries.HOMES) == set(LIBRARIES)


def test_tested_versions_are_of_packages_that_genops_works_with():
    """The table names nothing that neither genops' metadata nor the doctor asks for."""
    pytest.importorskip("tomli" if sys.version_info < (3, 11) else "tomllib")
    text = (__import__("pathlib").Path(__file__).parents[3] / "pyproject.toml").read_text()
    for name in set(versions.TESTED) - set(versions._INDIRECT):
        assert f'"{name}' in text
