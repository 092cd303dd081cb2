"""dbt in a process of its own: commands go in as lines of JSON, what became of them comes out the same way.

Run as a program it needs dbt; imported by a test it needs nothing but the interpreter of such an environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PACKAGES = ("dbt-databricks==1.12.7", "dbt-core==1.11.16")
"""The newest that can be installed from PyPI alone: dbt-core 1.12 fetches a parser from elsewhere."""
_MARK = "dbt-result:"


class DbtRunner:
    """A dbt that stays between commands, so that its imports are paid for once.

    Args:
        interpreter: Python of an environment with :data:`PACKAGES`.
        project: The dbt project.
        folder: For profile, logs and what dbt compiles.
        environment: Variables of the process.
        launcher: A command that is given the process as its own last arguments, as `genops run --` is.

    Attributes:
        lineage: The graph of the last command, as JSON, where genops governs the process.
    """

    def __init__(
        self,
        interpreter: Path,
        project: Path,
        folder: Path,
        environment: Mapping[str, str],
        launcher: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.lineage: dict[str, Any] = {}
        self._options = ["--project-dir", str(project), "--profiles-dir", str(folder), "--log-path", str(folder)]
        self._options += ["--target-path", str(folder / "target"), "--quiet"]
        command = [*launcher, str(interpreter), __file__]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=dict(environment)
        )

    def run(self, *command: str) -> dict[str, str]:
        """Run a command and give the status of each node by its name.

        Raises:
            AssertionError: dbt failed; the message is what it printed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([*command, *self._options]) + "\n")
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_MARK):
                answer = json.loads(line.removeprefix(_MARK))
                assert answer["success"], "".join(printed)[-6000:] + str(answer)
                self.lineage = answer["lineage"]
                return answer["nodes"]
            printed.append(line)
        raise AssertionError("dbt ended: " + "".join(printed)[-6000:])

    def close(self) -> None:
        """Let the process end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)


def _serve() -> None:
    from dbt.cli.main import dbtRunner

    for line in sys.stdin:
        done: Any = dbtRunner().invoke(json.loads(line))
        results = getattr(done.result, "results", None) or []
        nodes = {item.node.name: str(item.status) for item in results if hasattr(item, "node")}
        answer = {
            "success": done.success,
            "nodes": nodes,
            "exception": str(done.exception or ""),
            "lineage": _lineage(),
        }
        sys.stdout.write(f"{_MARK}{json.dumps(answer)}\n")
        sys.stdout.flush()


def _lineage() -> dict[str, Any]:
    """Return what genops knows by now, in a process that was started with it."""
    if "genops.runtime" not in sys.modules:
        return {}
    from genops.lineage.exchange.rows import as_json
    from genops.runtime import active

    built = active()
    built.flush(60)
    return as_json(built.lineage.view())


if __name__ == "__main__":
    _serve()
