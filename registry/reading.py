"""Reads the registry's YAML into what the generator writes from: names with their types, levels and annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).resolve().parent
# The order in which people read them; a file that is not listed is an error, so that none is forgotten.
STORIES = (
    "attribution", "operation", "policy", "accounting", "cost", "database", "databricks", "lineage", "workflow",
    "telemetry", "spans",
)  # fmt: skip


class Attribute(NamedTuple):
    """One attribute.

    Attributes:
        key: Its name.
        type: `string`, `int`, `double`, `boolean` or `string[]`.
        members: Value → what it means, where the values are a closed set.
        brief: What it says.
        note: What else there is to know.
        examples: Values that it may have.
        notes: The `genops` annotations.
        story: The file that declares it.
    """

    key: str
    type: str
    members: dict[str, str]
    brief: str
    note: str
    examples: list[Any]
    notes: dict[str, Any]
    story: str

    @property
    def constant(self) -> str:
        """Name of its constant: what stands after the first word of the name, unless it is annotated."""
        words = self.key.removeprefix("genops.").removeprefix("databricks.")
        return self.notes.get("constant") or words.replace(".", "_").upper()


class Use(NamedTuple):
    """An attribute on a span, an event, a metric or the resource.

    Attributes:
        key: Its name.
        required: Whether it is always there.
        condition: When it is there, where it is not always.
        log: Whether it is left to the span where the event is a span event.
    """

    key: str
    required: bool
    condition: str
    log: bool


class Signal(NamedTuple):
    """A span type, an event, a metric or a resource.

    Attributes:
        name: Its name.
        brief: What it is.
        note: What else there is to know.
        uses: Its attributes.
        notes: The `genops` annotations.
        fields: What else is declared of it: kind, instrument, unit, name of the span.
    """

    name: str
    brief: str
    note: str
    uses: list[Use]
    notes: dict[str, Any]
    fields: dict[str, Any]


class Registry(NamedTuple):
    """All of it, in the order of the stories.

    Attributes:
        attributes: By name.
        spans: The span types.
        events: The events.
        metrics: The metrics.
        resources: The resources.
        schema_url: The schema URL that telemetry carries.
        member_notes: Annotations of enum members, by attribute and value.
    """

    attributes: dict[str, Attribute]
    spans: list[Signal]
    events: list[Signal]
    metrics: list[Signal]
    resources: list[Signal]
    schema_url: str
    member_notes: dict[str, dict[str, dict[str, Any]]]


def read(folder: Path = FOLDER) -> Registry:
    """Return the registry of a folder.

    Raises:
        ValueError: A file is in no story, a name is declared twice, or a reference leads nowhere.
    """
    found = {path.stem for path in folder.glob("*.yaml")} - {"manifest"}
    if found != set(STORIES):
        raise ValueError(f"{folder}: expected the files {sorted(STORIES)}, found {sorted(found)}")
    files = {story: yaml.safe_load((folder / f"{story}.yaml").read_text("utf-8")) for story in STORIES}
    groups = {group["id"]: group for file in files.values() for group in file.get("attribute_groups", [])}
    every = [(story, item) for story, file in files.items() for item in file.get("attributes", [])]
    attributes = {item["key"]: _attribute(story, item) for story, item in every}
    _once([item["key"] for _, item in every])
    _once([attribute.constant for attribute in attributes.values()])

    def signals(section: str, name: str) -> list[Signal]:
        items = [item for file in files.values() for item in file.get(section, [])]
        _once([item[name] for item in items])
        return [_signal(item, name, groups, attributes) for item in items]

    return Registry(
        attributes,
        signals("spans", "type"),
        signals("events", "name"),
        signals("metrics", "name"),
        signals("entities", "type"),
        next(_notes(group)["schema_url"] for group in groups.values() if "schema_url" in _notes(group)),
        {item["key"]: _member_notes(item["type"]) for _, item in every if isinstance(item["type"], dict)},
    )


def _attribute(story: str, item: dict[str, Any]) -> Attribute:
    kind = item["type"]
    members = {one["value"]: one["brief"] for one in kind["members"]} if isinstance(kind, dict) else {}
    return Attribute(
        item["key"],
        "string" if members else kind,
        members,
        item["brief"],
        item.get("note", ""),
        item.get("examples", []),
        _notes(item),
        story,
    )


def _notes(item: dict[str, Any]) -> dict[str, Any]:
    return item.get("annotations", {}).get("genops", {})


def _member_notes(kind: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {member["value"]: _notes(member) for member in kind["members"]}


def _once(names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"declared twice: {', '.join(sorted(twice))}")


def _signal(item: dict[str, Any], name: str, groups: dict[str, Any], attributes: dict[str, Attribute]) -> Signal:
    references = [*item.get("attributes", []), *item.get("identity", []), *item.get("description", [])]
    uses = _uses(references, groups)
    unknown = [use.key for use in uses if use.key not in attributes]
    if unknown:
        raise ValueError(f"{item[name]}: no attribute {', '.join(unknown)}")
    _once([use.key for use in uses])
    return Signal(item[name], item["brief"], item.get("note", ""), uses, _notes(item), item)


def _uses(references: list[dict[str, Any]], groups: dict[str, Any]) -> list[Use]:
    uses: list[Use] = []
    for reference in references:
        if "ref_group" in reference:
            uses += _uses(groups[reference["ref_group"]]["attributes"], groups)
            continue
        level = reference["requirement_level"]
        condition = "" if isinstance(level, str) else level["conditionally_required"]
        uses.append(Use(reference["ref"], level == "required", condition, _notes(reference).get("form") == "log"))
    return uses
