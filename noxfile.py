"""`nox` lints and tests; `nox -s full` runs the long tier, `nox -s bench` the overhead measures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True

SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]
os.environ["UV_PYTHON_DOWNLOADS"] = "never"
# Tests start hundreds of interpreters, each of which would compile every package anew.
os.environ["UV_COMPILE_BYTECODE"] = "1"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _works(command: str, version: str) -> bool:
    """A pyenv shim is on the PATH also where its interpreter is not."""
    asked = [command, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == version


def _found() -> list[str]:
    """Return the supported interpreters of this machine; those under pyenv are put in front of its shims."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in sorted(root.glob("versions/3.*/bin")):
        if re.fullmatch(r"3\.\d+\.\d+", folder.parent.name):
            os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return [v for v in SUPPORTED if (command := shutil.which(f"python{v}")) and _works(command, v)]


PYTHONS = _found()
MISSING = [v for v in SUPPORTED if v not in PYTHONS]
print(f"interpreters: {', '.join(PYTHONS) or 'none'}; not on this machine: {', '.join(MISSING) or 'none'}")
if len(PYTHONS) < int(os.environ.get("MINIMUM_INTERPRETERS", "1")):
    message = (
        f"at least {os.environ.get('MINIMUM_INTERPRETERS', '1')} of {', '.join(SUPPORTED)} are needed, found {PYTHONS}"
    )
    raise SystemExit(message)

# The oldest and the newest interpreter; `nox -s full` runs the ones between.
nox.options.sessions = ["lint", *(f"tests-{version}" for version in dict.fromkeys((*PYTHONS[:1], *PYTHONS[-1:])))]
# The tests of a file stay in one process; see tests/support/spreading.py. One process more than there are cores: many
# tests wait for a server or for a process of their own.
COVERAGE = ("--cov", "--cov-report=term-missing:skip-covered")
MONITORED = {"COVERAGE_CORE": "sysmon"}  # hardly slower than without, from Python 3.12 on; branches only from 3.14 on
SPREAD = ("-n", str(min((os.cpu_count() or 1) + 1, 4)), "--dist=loadscope")


@nox.session(python=PYTHONS[-1] if PYTHONS else False)
def lint(session: nox.Session) -> None:
    # Nothing is run here but the tools, so no package needs to be compiled.
    session.install(".[all]", *GROUPS["lint"], env={"UV_COMPILE_BYTECODE": "0"})
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    python = shutil.which("python", path=session.bin) or "python"
    session.run("pyright", "--threads", str(os.cpu_count() or 1), "--pythonpath", python)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the suite; everything is installed, so nothing may skip.

    What one interpreter is enough for runs on the oldest or on the newest, see tests/support/spreading.py, and on every
    one between them. The newest measures which lines are covered, those between, which are run by `nox -s full`, which
    branches.
    """
    session.install(".[all]", *GROUPS["test"])
    if session.posargs:
        session.run("pytest", "-m", "not full", *session.posargs)
        return
    session.env["NO_SKIPS"] = "1"
    oldest, newest = session.python == PYTHONS[0], session.python == PYTHONS[-1]
    if oldest or not newest:
        # Before the tests, whose time limit no cold build would keep; it says what each took.
        session.run("python", "tests/servers/build.py", "servers", "peers")
        # Alone, because they compare times.
        session.run("pytest", "-m", "not full", "tests/benchmarks")
    elsewhere = "newest" if oldest and not newest else "oldest" if newest and not oldest else ""
    chosen = f"not full and not {elsewhere}" if elsewhere else "not full"
    coverage = COVERAGE if newest else () if oldest else (*COVERAGE, "--cov-branch")
    core = MONITORED if newest and session.python not in {"3.10", "3.11"} else {}
    session.run("pytest", "-m", chosen, "--ignore=tests/benchmarks", *SPREAD, *coverage, env=core)


@nox.session(python=PYTHONS[-1] if PYTHONS else False)
def bench(session: nox.Session) -> None:
    session.install(".[all]", *GROUPS["test"], *GROUPS["bench"])
    session.run("python", "tests/benchmarks/import_time.py")
    session.run("python", "tests/benchmarks/overhead.py", *session.posargs)
    session.run("python", "tests/benchmarks/export_cost.py")
    session.run("python", "tests/servers/build.py", "peers")
    session.run("python", "tests/benchmarks/local_workspace.py")
    session.run("python", "tests/benchmarks/sql_text.py")
    session.run("python", "tests/benchmarks/sql_lineage.py")
    session.run("python", "tests/benchmarks/lineage_graph.py")
    session.run("python", "tests/benchmarks/openlineage_cost.py")


def _measured_alone(session: nox.Session, *chosen: str) -> None:
    """Run the suite, and before it what compares times, with nothing beside it."""
    session.run("pytest", *chosen, "tests/benchmarks")
    session.run("pytest", *chosen, "--ignore=tests/benchmarks", *SPREAD, *session.posargs)


OTEL = (
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp",
)
MATRIX = {
    "latest": (),
    "opentelemetry-1.35": tuple(f"{name}==1.35.0" for name in OTEL),
    "wrapt-1.17": ("wrapt==1.17.*",),
    "other-floors": ("click==8.1.*", "pydantic==2.8.*", "rich==13.0.*", "duckdb==1.5.*", "sqlglot==27.0.*"),
    "databricks-sdk-0.18": ("databricks-sdk==0.18.0",),
    "databricks-sdk-0.40": ("databricks-sdk==0.40.0",),
    "databricks-sdk-0.86": ("databricks-sdk==0.86.0",),
    "databricks-sdk-0.110": ("databricks-sdk==0.110.0",),
}


@nox.session(python=PYTHONS[:1] or False)
@nox.parametrize("pins", [nox.param(pins, id=name) for name, pins in MATRIX.items()])
def full(session: nox.Session, pins: tuple[str, ...]) -> None:
    session.install(".[all]", *GROUPS["test"], *pins)
    if any(pin.startswith("databricks-sdk") for pin in pins):
        session.run("pytest", "tests/contract/test_sdk_versions.py", *session.posargs)
    elif pins:
        _measured_alone(session, "-m", "not full")
    else:
        session.run("python", "tests/servers/build.py", "all")
        _measured_alone(session)
        for version in PYTHONS[1:-1]:
            session.notify(f"tests-{version}", posargs=())
