"""Short ways to the judge of the specification."""

from __future__ import annotations

import io

from genops.conformance import Judge
from support import otlp_units as clean


def judged(data, declared=""):
    """Judge bytes, or a file as `otlp_units` makes them."""
    judge = Judge(declared)
    judge.read(io.BytesIO(data if isinstance(data, bytes) else clean.lines(data)), "telemetry.jsonl")
    return judge.verdict()


def broken(data, declared=""):
    """Return the ids of the rules that do not hold."""
    return sorted({violation.rule for violation in judged(data, declared).violations})
