"""Libraries: what would be governed, and whether a program can be governed without a change to it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from importlib.util import find_spec
from typing import NamedTuple

from genops.cli.doctor.findings import INFO, OK, WARNING, Finding
from genops.instrumentation import LIBRARIES

_GROUP = "opentelemetry_instrumentor"
_COUNT_SECONDS = 60.0
_COUNT = (
    "import sys\n"
    "from importlib import import_module\n"
    "from genops.instrumentation import LIBRARIES\n"
    "LIBRARIES[sys.argv[1]].install()\n"
    "import_module(sys.argv[2])\n"
    "print(LIBRARIES[sys.argv[1]].installed())\n"
)


class Home(NamedTuple):
    """Where a library comes from.

    Attributes:
        distribution: What is installed.
        module: What is imported.
        extra: The extra of genops that installs it.
    """

    distribution: str
    module: str
    extra: str


HOMES = {
    "databricks_sdk": Home("databricks-sdk", "databricks.sdk", "databricks"),
    "databricks_sql": Home("databricks-sql-connector", "databricks.sql.client", "databricks-sql"),
}


def libraries(*, deep: bool) -> list[Finding]:
    """Return a finding for each library, and one for zero code.

    Args:
        deep: Import each library, in a process of its own, and count the methods that would be governed.
    """
    return [*(_library(name, deep=deep) for name in LIBRARIES), _zero_code()]


def _library(name: str, *, deep: bool) -> Finding:
    home = HOMES[name]
    try:
        version = importlib.metadata.version(home.distribution)
    except importlib.metadata.PackageNotFoundError:
        fix = f"If you need it: pip install '.[{home.extra}]'"
        return Finding("libraries.absent", INFO, f"{home.distribution} is not installed", "", fix)
    title = f"{home.distribution} {version}"
    how = f"genops.instrument({name!r}), genops.auto_instrument_databricks() or `genops run` installs its hooks"
    if not deep:
        return Finding("libraries.governed", OK, title, f"{how}; --deep counts its methods")
    counted, words = _counted(name, home)
    if counted == 0:
        fix = f"Make sure that `import {home.module}` works: {words or 'no method was found'}"
        return Finding("libraries.uncounted", WARNING, title, "none of its methods could be governed", fix)
    return Finding("libraries.governed", OK, title, f"{counted} methods are governed: {how}")


def _counted(name: str, home: Home) -> tuple[int, str]:
    """Return how many methods are wrapped once a library is imported, and what it says where that fails."""
    arguments = [sys.executable, "-c", _COUNT, name, home.module]
    try:
        ended = subprocess.run(arguments, capture_output=True, text=True, timeout=_COUNT_SECONDS, check=False)  # noqa: S603  (this interpreter, and names from our own table)
    except subprocess.TimeoutExpired:
        return 0, f"no end within {_COUNT_SECONDS:.0f} s"
    lines = (ended.stdout if ended.returncode == 0 else ended.stderr).strip().splitlines()
    last = lines[-1] if lines else ""
    return (int(last), "") if ended.returncode == 0 and last.isdigit() else (0, last)


def _zero_code() -> Finding:
    names = [
        point.name
        for point in importlib.metadata.entry_points(group=_GROUP)
        if point.value.partition(":")[0].split(".")[0] == "genops"
    ]
    if names:
        detail = f"entry points: {', '.join(sorted(names))}"
        if not _there("opentelemetry.instrumentation"):
            detail += "; the command itself comes with opentelemetry-distro, which is not installed"
        return Finding("libraries.zero_code", OK, "opentelemetry-instrument governs a program without a change", detail)
    fix = "Install genops (pip install '.[databricks]'), or start programs with `genops run -- …`."
    title = "opentelemetry-instrument finds no entry point of genops"
    return Finding("libraries.no_zero_code", INFO, title, "", fix)


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
