"""What redaction and guards take beside sqlglot's own tokenizer on the same texts. Part of `nox -s bench`.

Each text is redacted and tokenized in turn, in one process, by thread CPU time; its ratio is that of the least time of
each over the rounds. The texts are those of `texts()`: statements as programs send them, over the dialects.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import sqlglot

from genops.lineage.sql.guards import too_complex
from genops.lineage.sql.redaction import redact
from support.sql_texts import STATEMENTS

LIMIT = 1.3


class Cost(NamedTuple):
    """What the texts cost.

    Attributes:
        ratio: Median over the texts of redaction beside the tokenizer.
        redacted_us: Median of redaction, in microseconds.
        tokenized_us: Median of the tokenizer.
        guarded_us: Median of the guards.
    """

    ratio: float
    redacted_us: float
    tokenized_us: float
    guarded_us: float


def measure(rounds: int = 15) -> Cost:
    """Return what redaction, tokenizer and guards take, every text in every round."""
    rows = [_costs(text, dialect, rounds) for dialect, text in STATEMENTS]
    ratio = statistics.median(redacted / tokenized for redacted, tokenized, _ in rows)
    redacted, tokenized, guarded = (statistics.median(row[part] for row in rows) / 1000 for part in range(3))
    return Cost(ratio, redacted, tokenized, guarded)


def _costs(text: str, dialect: str, rounds: int) -> tuple[int, int, int]:
    tokenizer = sqlglot.Dialect.get_or_raise(dialect)
    ways: tuple[Callable[[], object], ...] = (
        lambda: redact(text, dialect),
        lambda: tokenizer.tokenize(text),
        lambda: too_complex(text, dialect),
    )
    times = [[_once(way) for way in ways] for _ in range(rounds + 1)][1:]
    redacted, tokenized, guarded = (min(column) for column in zip(*times, strict=True))
    return redacted, tokenized, guarded


def _once(way: Callable[[], object]) -> int:
    began = time.thread_time_ns()
    way()
    return time.thread_time_ns() - began


def main() -> None:
    """Measure and print; exit code 1 where the median ratio is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    cost = measure(parser.parse_args().rounds)
    print(
        f"redaction {cost.redacted_us:.1f} µs, sqlglot's tokenizer {cost.tokenized_us:.1f} µs, guards "
        f"{cost.guarded_us:.1f} µs a statement ({len(STATEMENTS)} statements, sqlglot {sqlglot.__version__}); "
        f"median ratio {cost.ratio:.2f}, limit {LIMIT}"
    )
    sys.exit(cost.ratio > LIMIT)


if __name__ == "__main__":
    main()
