"""Python environments of tests that need other packages than the suite's own: made once, kept outside the tree."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from support.servers import CACHE, MissingServerError, locked

# The largest is MLflow, some 650 MB of packages; less than the bound of a test.
_SECONDS = 500
GENOPS = tuple(each for each in requires("genops") or () if "extra ==" not in each)
"""What an environment needs in which genops runs from its sources."""


def environment(name: str, *packages: str, at_least: tuple[int, int] = (3, 10)) -> Path:
    """Return the interpreter of an environment with these packages, of the version that runs the tests where it can.

    Args:
        name: What it is for; part of the folder's name.
        packages: Requirements and options as pip takes them; others are another environment.
        at_least: The oldest Python that they run on.

    Raises:
        MissingServerError: It cannot be made.
    """
    key = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:8]
    python, version = _python(name, at_least)
    folder = CACHE / "python" / f"{name}-{key}-py{version}"
    interpreter, whole = folder / "venv" / "bin" / "python", folder / "whole"
    with locked(folder):
        if not (whole.exists() and interpreter.exists()):
            whole.unlink(missing_ok=True)
            run(name, python, "-m", "venv", "--clear", str(folder / "venv"))
            run(name, *installer(interpreter), *packages)
            whole.touch()
    return interpreter


def _python(name: str, at_least: tuple[int, int]) -> tuple[str, str]:
    if sys.version_info[:2] >= at_least:
        return _below(), "{}.{}".format(*sys.version_info)
    for minor in range(13, at_least[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found, f"3.{minor}"
    raise MissingServerError(f"{name} needs Python {at_least[0]}.{at_least[1]} or later, and there is none")


def _below() -> str:
    """Return the interpreter below the environment that runs the tests, which goes with its checkout."""
    below = Path(sys.base_prefix, "bin", "python{}.{}".format(*sys.version_info))
    return str(below) if below.exists() else sys.executable


def installer(interpreter: Path) -> list[str]:
    """Return the command that installs packages into the environment of an interpreter."""
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", str(interpreter)]
    return [str(interpreter), "-m", "pip", "install", "--quiet"]


def run(name: str, *command: str) -> None:
    """Run a command that installs or makes something; where it takes too long, what it started ends with it.

    Args:
        name: What it is for.
        command: Program and arguments.

    Raises:
        MissingServerError: It cannot be run, fails, or takes too long.
    """
    try:
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            try:
                _, said = process.communicate(timeout=_SECONDS)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise MissingServerError(f"{name} cannot be made: {fault}") from fault
    if process.returncode != 0:
        raise MissingServerError(f"{name} cannot be made: {said[-1000:]}")
