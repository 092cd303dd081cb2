"""The judge of the GenOps Governance Specification 0.1.0: reads OTLP, of any runtime, and rules on it.

It shares no code with the rest of genops: a judge that used the names, types or helpers of the judged would make the
same mistakes. ::

    bytes ──lines──▶ requests ──otlp──▶ Span, Event ──gathered──▶ Unit ──checks──▶ Violation ──verdict──▶ level
"""

from __future__ import annotations

from genops.conformance.judge import Judge
from genops.conformance.lines import requests
from genops.conformance.rules import RULES, Level, Rule
from genops.conformance.verdict import Verdict, Violation

__all__ = ["RULES", "Judge", "Level", "Rule", "Verdict", "Violation", "requests"]
