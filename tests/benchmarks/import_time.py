"""What `import genops` adds to the start of a program, from installed and compiled files. Part of `nox -s bench`.

Each round starts a fresh interpreter with `-X importtime` and reads the cumulative time of `genops`, which includes
every module of the standard library that nothing before it had loaded.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys

LIMIT_MS = 30.0


def once() -> float:
    """Return the cumulative milliseconds of one import."""
    command = [sys.executable, "-X", "importtime", "-c", "import genops"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    (cumulative,) = re.findall(r"import time:\s+\d+ \|\s+(\d+) \| genops$", told, re.MULTILINE)
    return int(cumulative) / 1000


def main() -> None:
    """Measure and print; exit code 1 where the median is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    once()
    taken = [once() for _ in range(rounds)]
    median = statistics.median(taken)
    print(
        f"import genops: median {median:.1f} ms, least {min(taken):.1f} ms of {rounds} starts; limit {LIMIT_MS:.0f} ms"
    )
    sys.exit(median > LIMIT_MS)


if __name__ == "__main__":
    main()
