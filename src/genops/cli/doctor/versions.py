"""Versions: what is installed, and whether genops' own metadata says that it works with that."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import genops
from genops.cli.doctor.findings import ERROR, INFO, OK, WARNING, Finding
from genops.cli.doctor.ordering import holds, parsed, release

_NAME = "genops"
# The newest versions that the tests ran with, where genops' metadata names no upper bound of its own.
TESTED = {"databricks-sdk": "0.156", "duckdb": "2.0", "sqlglot": "30", "grpcio": "1.85", "protobuf": "7.36"}
# What is not required by name, and decides whether telemetry leaves.
_INDIRECT = ("grpcio", "protobuf")
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?")
_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|<|>)\s*([0-9][0-9A-Za-z.*+-]*)")


class Requirement(NamedTuple):
    """What genops says it works with.

    Attributes:
        name: The distribution.
        clauses: Operator and version, all of which must hold.
        extras: The extras that ask for it; empty where genops itself does.
    """

    name: str
    clauses: tuple[tuple[str, str], ...]
    extras: frozenset[str]

    @property
    def words(self) -> str:
        """The clauses, from the lowest."""
        return ",".join(f"{operator}{version}" for operator, version in sorted(self.clauses, reverse=True)) or "any"


def versions() -> list[Finding]:
    """Return a finding for Python, and for each distribution that genops works with."""
    try:
        ours = importlib.metadata.metadata(_NAME)
        required = importlib.metadata.requires(_NAME) or []
    except importlib.metadata.PackageNotFoundError:
        return [
            Finding(
                "versions.unknown",
                INFO,
                f"genops {genops.__version__} runs from its sources",
                "Its metadata, which says what it works with, is not installed.",
                "Install it: pip install '.[databricks]'",
            ),
            *_shadows(),
        ]
    tested = [c.rpartition(" :: ")[2] for c in ours.get_all("Classifier") or [] if "Python :: 3." in c]
    found = [_python(ours["Requires-Python"] or "", tested)]
    found += [_judged(requirement) for requirement in requirements(required)]
    found += [_tested(name, version, "") for name in _INDIRECT if (version := _installed(name)) is not None]
    return [*found, *_shadows()]


def requirements(lines: Iterable[str]) -> list[Requirement]:
    """Return the requirements of this interpreter, one for each distribution.

    >>> requirements(["wrapt<3,>=1.17", "tomli>=2; python_version < '3'", "duckdb>=1.5; extra == 'testing'"])[0].words
    '>=1.17,<3'
    """
    found: dict[str, Requirement] = {}
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match is None:
            continue
        name, clauses, marker = match.group(1), tuple(_CLAUSE.findall(match.group(2))), match.group(3) or ""
        if name == _NAME or not _for_this_python(marker):
            continue
        extras = frozenset(re.findall(r"extra\s*==\s*[\"'](\w+)", marker))
        before = found.get(name)
        if before is None:
            found[name] = Requirement(name, clauses, extras)
        elif before.extras:
            found[name] = Requirement(name, before.clauses, before.extras | extras if extras else extras)
    return list(found.values())


def _for_this_python(marker: str) -> bool:
    here = ".".join(map(str, sys.version_info[:2]))
    clauses = re.findall(r"python_version\s*(>=|<=|==|!=|<|>)\s*[\"']([0-9.]+)", marker)
    return all(holds(here, operator, version) for operator, version in clauses)


def _python(required: str, tested: Iterable[str]) -> Finding:
    here = ".".join(map(str, sys.version_info[:3]))
    clauses = _CLAUSE.findall(required)
    if not all(holds(here, operator, bound) for operator, bound in clauses):
        fix = f"Use an interpreter {required}."
        return Finding("versions.unsupported", ERROR, f"python {here}", f"genops works with {required}", fix)
    newest = max(tested, key=release, default=here)
    if release(here)[:2] > release(newest):
        fix = f"Use Python {newest}, or watch for what looks odd."
        return Finding("versions.untested", WARNING, f"python {here}", f"newest tested: {newest}", fix)
    return Finding("versions.supported", OK, f"python {here}", f"genops works with {required}")


def _judged(requirement: Requirement) -> Finding:
    name, version = requirement.name, _installed(requirement.name)
    wanted = f"genops works with {requirement.words}"
    if version is None:
        if not requirement.extras:
            fix = f"pip install '{name}{_spelt(requirement)}'"
            return Finding("versions.missing", ERROR, f"{name} is not installed", wanted, fix)
        extra = min(requirement.extras, key=lambda extra: (extra == "all", extra))
        fix = f"If you need it: pip install '.[{extra}]'"
        return Finding("versions.absent", INFO, f"{name} is not installed", f"optional, of the extra {extra}", fix)
    if parsed(version) is None:
        fix = f"If it does not work: pip install '{name}{_spelt(requirement)}'"
        return Finding("versions.unreadable", INFO, f"{name} {version or 'of no version'}", wanted, fix)
    if not all(holds(version, operator, bound) for operator, bound in requirement.clauses):
        fix = f"pip install '{name}{_spelt(requirement)}'"
        return Finding("versions.unsupported", ERROR, f"{name} {version}", wanted, fix)
    return _tested(name, version, wanted)


def _spelt(requirement: Requirement) -> str:
    return "" if requirement.words == "any" else requirement.words


def _tested(name: str, version: str, wanted: str) -> Finding:
    newest = TESTED.get(name)
    if newest is not None and release(version)[: len(release(newest))] > release(newest):
        fix = f"pip install '{name}<={newest}.*', or watch for what looks odd."
        return Finding("versions.untested", WARNING, f"{name} {version}", f"newest tested: {newest}", fix)
    return Finding("versions.supported", OK, f"{name} {version}", wanted)


def _installed(name: str) -> str | None:
    """Return the version of a distribution; empty where its metadata names none, `None` where it is not there."""
    try:
        return str(importlib.metadata.version(name) or "")
    except importlib.metadata.PackageNotFoundError:
        return None
    except KeyError:  # newer interpreters raise it where the metadata names no version
        return ""


def _shadows() -> list[Finding]:
    """Find what else is called genops: on the path, or as a distribution whose version is not that of this code."""
    fix = "pip uninstall genops, as often as it finds one; then install this project's own again."
    here = Path(genops.__file__).resolve().parent
    found = [
        Finding("versions.shadowed", ERROR, f"another genops lies in {other.parent}", f"this one: {here.parent}", fix)
        for other in others(sys.path, here)
    ]
    version = _installed(_NAME)
    if version not in {None, genops.__version__}:
        detail = f"its metadata says {version}, the code that runs says {genops.__version__}"
        found.append(Finding("versions.shadowed", ERROR, f"genops {version} is installed as well", detail, fix))
    return found


def others(path: Iterable[str], here: Path) -> Iterator[Path]:
    """Yield what could be imported as genops from a path and is not the package at `here`.

    Args:
        path: Folders, as `sys.path` lists them.
        here: Folder of the package that is running.
    """
    seen = {here}
    for folder in path:
        for candidate in (Path(folder or ".") / _NAME, Path(folder or ".") / f"{_NAME}.py"):
            module = candidate / "__init__.py" if candidate.suffix == "" else candidate
            if module.is_file() and candidate.resolve() not in seen:
                seen.add(candidate.resolve())
                yield candidate.resolve()
