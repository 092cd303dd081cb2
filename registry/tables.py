"""Writes the registry for people: `docs/telemetry.md`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reading import Attribute, Registry, Signal, Use

_SOURCES = {
    "specification": "specification",
    "guide": "guide",
    "opentelemetry": "OpenTelemetry",
    "genops": "genops",
}
_TITLES = {
    "attribution": "Who pays",
    "operation": "What runs",
    "policy": "What was decided",
    "accounting": "What was set aside and used",
    "cost": "What it cost",
    "database": "Datasets and statements",
    "databricks": "Databricks",
    "lineage": "What flows where",
    "workflow": "What a container adds up",
    "telemetry": "genops itself, and the process",
}
_HEAD = """# Telemetry

Generated from `registry/` by `python registry/generate.py`: edit the YAML, not this page.

Everything that genops emits stands here, and nothing stands here that genops does not emit: tests hold both. A name
comes from one of four places: the *specification* (GenOps Governance Specification {version}), the *guide* (its names
for Unity Catalog), *OpenTelemetry*'s conventions, or *genops* itself. Where one thing has two names both are emitted.

Scope of all of it is `genops`, with the schema URL {url}.
"""
_SPANS = """
## Spans

A span carries at most 24 attributes, 38 where a statement or a dataset is described, optional attribution not counted.
Where that is too few, what stands in an event or a metric as well is left out. Attributes that a program adds with
`observe(attributes=…)` are its own and stand in no table. Names that begin with `genops.` are refused there, and
`telemetry.validate` counts undeclared ones that begin with `databricks.`.
"""
_EVENTS = """
## Events

Events are log records with an event name, on the context of their span. With `telemetry.events = "span"` they are span
events, and leave what is marked *log record* to their span.
"""
_METRICS = """
## Metrics

All but the histograms are read from exact totals when they are collected. Labels in brackets are absent where they are
not known. A table, a query, a user or a run is never a label.
"""
_WRAP = textwrap.TextWrapper(120, break_on_hyphens=False, break_long_words=False)
_RESOURCE = """
## Resource
"""


def page(registry: Registry) -> str:
    """Return the text of `docs/telemetry.md`."""
    (version,) = registry.attributes["genops.spec.version"].members
    parts = [_HEAD.format(version=version, url=registry.schema_url), _SPANS]
    parts += [
        _section(span, f"Name: {span.fields['name']['note']}. Kind: {span.fields['kind']}.") for span in registry.spans
    ]
    parts.append(_EVENTS)
    parts += [_section(event, f"From: {_source(event.notes)}.") for event in registry.events]
    parts += [_METRICS, _table(("metric", "instrument", "unit", "what", "labels"), map(_metric, registry.metrics))]
    parts.append(_RESOURCE)
    parts += [f"\n{resource.brief}\n\n{_levels(resource.uses)}" for resource in registry.resources]
    parts.append("\n## Attributes\n")
    for story, title in _TITLES.items():
        found = [attribute for attribute in registry.attributes.values() if attribute.story == story]
        parts.append(
            f"\n### {title}\n\n" + _table(("attribute", "type", "what", "values", "from"), map(_attribute, found))
        )
    return "".join(parts)


def _source(notes: dict[str, Any]) -> str:
    source = _SOURCES[notes.get("source", "genops")]
    return f"{source}, {notes['section'][0].lower()}{notes['section'][1:]}" if "section" in notes else source


def _section(signal: Signal, facts: str) -> str:
    said = _WRAP.fill(f"{signal.brief} {signal.note}".strip())
    return f"\n### `{signal.name}`\n\n{said}\n\n{_WRAP.fill(facts)}\n\n{_levels(signal.uses)}"


def _levels(uses: list[Use]) -> str:
    return _table(("attribute", "when"), ((f"`{use.key}`", _when(use)) for use in uses))


def _when(use: Use) -> str:
    if use.log:
        return "always; log record"
    return "always" if use.required else f"where {use.condition}"


def _metric(metric: Signal) -> tuple[str, ...]:
    labels = [f"`{use.key}`" if use.required else f"(`{use.key}`)" for use in metric.uses]
    opt_in = " Off by default." if metric.fields.get("requirement_level") == "opt_in" else ""
    note = f" {metric.note}" if metric.note else ""
    return (
        f"`{metric.name}`",
        metric.fields["instrument"],
        f"`{metric.fields['unit']}`",
        f"{metric.brief}.{note}{opt_in}",
        ", ".join(labels) or "none",
    )


def _attribute(attribute: Attribute) -> tuple[str, ...]:
    if attribute.members:
        values = ", ".join(f"`{value}`" for value in attribute.members)
    else:
        values = ", ".join(f"`{_shown(example)}` …" for example in attribute.examples[:1])
    alias = f" Same as `{attribute.notes['alias']}`." if "alias" in attribute.notes else ""
    note = f" {attribute.note}" if attribute.note else ""
    return f"`{attribute.key}`", attribute.type, f"{attribute.brief}{note}{alias}", values, _source(attribute.notes)


def _shown(example: Any) -> str:
    return ", ".join(example) if isinstance(example, list) else str(example)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
