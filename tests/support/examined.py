"""The doctor, called as a command in this process, and what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

import genops
from genops.cli.doctor import command

_OURS = ("OTEL_", "GENOPS_", "OPENLINEAGE_", "DATABRICKS_")


class Examined(NamedTuple):
    """What one call of the doctor came to.

    Attributes:
        code: Its exit code.
        tree: Its JSON.
    """

    code: int
    tree: dict[str, Any]

    def of(self, identity: str) -> list[dict[str, Any]]:
        """Findings with an id."""
        return [finding for finding in self.tree["findings"] if finding["id"] == identity]

    def section(self, name: str) -> list[str]:
        """Ids of the findings of a section."""
        return [finding["id"] for finding in self.tree["findings"] if finding["id"].startswith(f"{name}.")]


def examined(*options: str) -> Examined:
    """Call `genops doctor --format json`, with time enough for a busy machine where a test says nothing else."""
    result = CliRunner().invoke(command, ["--format", "json", "--timeout", "30", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return Examined(result.exit_code, json.loads(result.stdout))


def doctor(
    *options: str, code: str = "from genops.cli import main; main()", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `genops doctor` as a newcomer does, in an interpreter of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return subprocess.run(
        [sys.executable, "-c", code, "doctor", *options],
        env={**env, "PYTHONPATH": str(Path(genops.__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
