"""The report: lines for people, or JSON for programs."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

import genops
from genops.cli.doctor.findings import SECTIONS, Finding, Severity

if TYPE_CHECKING:
    from genops.cli.doctor.examination import Report

_COLOURS = {Severity.OK: "green", Severity.INFO: "blue", Severity.WARNING: "yellow", Severity.ERROR: "red"}
_INDENT = " " * 10


def as_json(report: Report) -> str:
    """Return a report as one JSON document; its keys are stable.

    `genops` is the version, `findings` are objects of `id`, `severity`, `title`, `detail` and `fix`, `settings` of
    `name`, `value` and `origin`, `variables` an object by name, `summary` the number of findings by severity.
    """
    tree = {
        "genops": genops.__version__,
        "findings": [{**one._asdict(), "severity": one.severity.value} for one in report.findings],
        "settings": [setting._asdict() for setting in report.settings],
        "variables": report.variables,
        "summary": {severity.value: report.count(severity) for severity in Severity},
    }
    return json.dumps(tree, indent=2, ensure_ascii=False)


def as_text(report: Report) -> Iterator[str]:
    """Yield the lines for people; they say the same without colour."""
    width = max(shutil.get_terminal_size((100, 0)).columns, 60)
    yield f"genops {genops.__version__}"
    for section, heading in SECTIONS.items():
        found = [finding for finding in report.findings if finding.id.partition(".")[0] == section]
        if not found:
            continue
        yield ""
        yield click.style(heading, bold=True)
        for finding in found:
            yield from _lines(finding, width)
        if section == "settings":
            yield from _settings(report)
    yield ""
    yield _summary(report)


def _lines(finding: Finding, width: int) -> Iterator[str]:
    mark = click.style(f"{finding.severity.value:8}", fg=_COLOURS[finding.severity])
    head = f"{finding.title} — {finding.detail}" if finding.detail else finding.title
    first, *rest = textwrap.wrap(head, max(width - len(_INDENT), 40), break_on_hyphens=False) or [""]
    yield f"  {mark}{first}"
    yield from (_INDENT + line for line in rest)
    if finding.fix:
        yield from textwrap.wrap(
            f"fix: {finding.fix}",
            max(width, 50),
            initial_indent=_INDENT,
            subsequent_indent=f"{_INDENT}     ",
            break_on_hyphens=False,
            break_long_words=False,
        )


def _settings(report: Report) -> Iterator[str]:
    widest = max((len(setting.name) for setting in report.settings), default=0)
    for name, value, origin in report.settings:
        said = "unset" if value is None else json.dumps(value, ensure_ascii=False)
        yield f"    {name:{widest}}  {said}  ({origin})"
    for name, value in report.variables.items():
        yield f"    {name}={value}"


def _summary(report: Report) -> str:
    counts = [(report.count(severity), severity.value) for severity in (Severity.ERROR, Severity.WARNING)]
    words = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
    return f"{words}; `genops doctor --format json` says the same for programs."
