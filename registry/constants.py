"""Writes the registry as Python: `src/genops/telemetry/semconv.py`."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reading import Registry, Signal

_WIDTH = 120
_HEAD = '''"""Every name that genops emits. Generated from registry/ by `python registry/generate.py`: edit the YAML.

Three vocabularies overlap and are all emitted: the GenOps Governance Specification (`genops.operation.type`,
`genops.policy.*`, `genops.accounting.*`), the guide (`genops.operation_type`, `genops.governance.*`,
`genops.catalog_name` …) and OpenTelemetry's database conventions (`db.*`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# fmt: off

'''
_TYPES = '''

class Carried(NamedTuple):
    """What a span or an event carries.

    Attributes:
        required: Attributes that are always there.
        optional: Attributes that may be there.
        log: Those of `required` that a span event leaves to its span.
    """

    required: frozenset[str]
    optional: frozenset[str]
    log: frozenset[str] = frozenset()


class Instrument(NamedTuple):
    """One metric.

    Attributes:
        name: Its name.
        kind: `counter`, `updowncounter`, `gauge` or `histogram`.
        unit: Its unit in UCUM; `{currency}` stands for the reporting currency in braces.
        description: What it counts.
        required: Labels that every point has.
        optional: Labels that a point may have.
        opt_in: Whether a setting brings it.
    """

    name: str
    kind: str
    unit: str
    description: str
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    opt_in: bool = False


class Metric:
    """The metrics."""

'''
_TAIL = """

METRICS: Final = tuple(metric for metric in vars(Metric).values() if isinstance(metric, Instrument))
"""


def module(registry: Registry) -> str:
    """Return the source of `semconv.py`."""
    parts = [
        _HEAD,
        _facts(registry),
        _attributes(registry),
        _sets(registry),
        _values(registry),
        _events(registry),
        _TYPES,
        _metrics(registry),
        _TAIL,
        _carried(registry),
        _boundaries(registry),
    ]
    return "".join(parts)


def _facts(registry: Registry) -> str:
    (version,) = registry.attributes["genops.spec.version"].members
    (framework,) = registry.attributes["genops.framework_type"].members
    facts = {"SCOPE": "genops", "SPEC_VERSION": version, "SCHEMA_URL": registry.schema_url, "FRAMEWORK": framework}
    return "".join(f'{name}: Final = "{value}"\n' for name, value in facts.items())


def _attributes(registry: Registry) -> str:
    text = '\n\nclass Attr:\n    """Names of attributes of spans, events, points of metrics and the resource."""\n'
    for _, story in groupby(registry.attributes.values(), lambda attribute: attribute.story):
        text += "\n" + "".join(f'    {attribute.constant}: Final = "{attribute.key}"\n' for attribute in story)
    return text


def _sets(registry: Registry) -> str:
    optional = [key for key, found in registry.attributes.items() if found.notes.get("attribution") == "optional"]
    declared = (
        "frozenset(\n    name for key, name in vars(Attr).items() if key.isupper() and isinstance(name, str)\n)\n"
    )
    return (
        f"\n\nDECLARED: Final[frozenset[str]] = {declared}{_assigned('OPTIONAL_ATTRIBUTION', _set(registry, optional))}"
    )


def _values(registry: Registry) -> str:
    attributes = registry.attributes
    checks = {
        notes["result"]: value for value, notes in registry.member_notes["genops.governance.policy_check"].items()
    }
    systems = {
        provider: value
        for value, notes in registry.member_notes["db.system.name"].items()
        for provider in notes["providers"]
    }
    resources = {found.notes["resource"]: key for key, found in attributes.items() if "resource" in found.notes}
    members = {key: _values_of(found.members) for key, found in attributes.items() if found.members}
    patterns = {key: _pattern(found.notes["pattern"]) for key, found in attributes.items() if "pattern" in found.notes}
    types = {key: f'"{found.type}"' for key, found in attributes.items() if found.type != "string"}

    def named(entries: dict[str, str]) -> dict[str, str]:
        return {_name(registry, key): value for key, value in entries.items()}

    return "".join(
        [
            _mapping("POLICY_CHECKS", {f'"{result}"': f'"{check}"' for result, check in checks.items()}),
            '"""The guide\'s word for a policy result."""\n',
            _mapping("DB_SYSTEMS", {f'"{provider}"': f'"{system}"' for provider, system in systems.items()}),
            '"""Value of `db.system.name` by provider."""\n',
            _mapping("RESOURCE_IDS", {f'"{kind}"': _name(registry, key) for kind, key in resources.items()}),
            '"""Attribute that names a resource, by the resource\'s type."""\n',
            _mapping("TYPES", named(types), "Mapping[str, str]"),
            '"""Types of values that are no strings: `int`, `double`, `boolean` or `string[]`."""\n',
            _mapping("MEMBERS", named(members), "Mapping[str, frozenset[str]]"),
            '"""The values of attributes whose values are a closed set."""\n',
            _mapping("PATTERNS", named(patterns), "Mapping[str, str]"),
            '"""What a value matches as a whole, where it is none of those above; a regular expression."""\n',
        ]
    )


def _events(registry: Registry) -> str:
    text = '\n\nclass Event:\n    """Names of events."""\n\n'
    text += "".join(f'    {_constant(event)}: Final = "{event.name}"\n' for event in registry.events)
    return text + "\n\nEVENTS: Final = frozenset(name for key, name in vars(Event).items() if key.isupper())\n"


def _constant(signal: Signal) -> str:
    return signal.notes.get("constant") or signal.name.removeprefix("genops.").replace(".", "_").upper()


def _metrics(registry: Registry) -> str:
    text = ""
    for metric in registry.metrics:
        fields = metric.fields
        text += (
            f"    {_constant(metric)}: Final = Instrument(\n"
            f'        "{metric.name}", "{fields["instrument"]}", "{fields["unit"]}",\n'
            f'        "{metric.brief}",\n'
        )
        opt_in = ["opt_in=True"] if fields.get("requirement_level") == "opt_in" else []
        text += "".join(f"        {field},\n" for field in (*_halves(registry, metric), *opt_in)) + "    )\n"
    return text


def _halves(registry: Registry, signal: Signal) -> list[str]:
    required = [use.key for use in signal.uses if use.required]
    optional = [use.key for use in signal.uses if not use.required]
    return [_set(registry, required, 8), _set(registry, optional, 8)]


def _carried(registry: Registry) -> str:
    spans = {f'"{span.name}"': _carries(registry, span) for span in registry.spans}
    events = {f"Event.{_constant(event)}": _carries(registry, event) for event in registry.events}
    return "".join(
        [
            _mapping("SPAN_ATTRIBUTES", spans, "Mapping[str, Carried]"),
            '"""What each type of span carries."""\n',
            _mapping("EVENT_ATTRIBUTES", events, "Mapping[str, Carried]"),
            '"""What each event carries."""\n',
        ]
    )


def _carries(registry: Registry, signal: Signal) -> str:
    log = [use.key for use in signal.uses if use.log]
    sorts = [*_halves(registry, signal), *([_set(registry, log, 8)] if log else [])]
    return "Carried(\n" + "".join(f"        {sort},\n" for sort in sorts) + "    )"


def _boundaries(registry: Registry) -> str:
    (found,) = [metric.notes["boundaries"] for metric in registry.metrics if "boundaries" in metric.notes]
    numbers = textwrap.fill(", ".join(map(str, found)) + ",", _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return f"DURATION_BOUNDARIES: Final = (\n{numbers}\n)\n"


def _name(registry: Registry, key: str) -> str:
    return f"Attr.{registry.attributes[key].constant}"


def _filled(items: Iterable[str], indent: int, opening: str, closing: str) -> str:
    """Return items between brackets, on one line where that holds them and otherwise on as many as it takes."""
    text = ", ".join(items)
    if indent + len(text) < _WIDTH - 60:  # what stands before the opening bracket has room
        return f"{opening}{text}{closing}"
    pad = " " * (indent + 4)
    lines = textwrap.fill(f"{text},", _WIDTH, initial_indent=pad, subsequent_indent=pad, break_on_hyphens=False)
    return f"{opening}\n{lines}\n{' ' * indent}{closing}"


def _values_of(members: Iterable[str]) -> str:
    return _filled([f'"{value}"' for value in members], 4, "frozenset({", "})")


def _pattern(text: str) -> str:
    """Return a regular expression as a literal, broken at its alternatives where it is long."""
    lines = textwrap.wrap(text.replace("|", "| "), _WIDTH - 12)
    if len(lines) == 1:
        return f'r"{text}"'
    literals = [f'        r"{line.replace("| ", "|")}"' for line in lines]
    return "(\n" + "\n".join(literals) + "\n    )"


def _set(registry: Registry, keys: list[str], indent: int = 0) -> str:
    """Return a frozenset of constants."""
    names = [_name(registry, key) for key in keys]
    return _filled(names, indent, "frozenset({", "})") if names else "frozenset()"


def _assigned(name: str, value: str) -> str:
    return f"{name}: Final = {value}\n"


def _mapping(name: str, entries: dict[str, str], kind: str = "") -> str:
    declared = f"Final[{kind}]" if kind else "Final"
    return f"{name}: {declared} = {{\n" + "".join(f"    {key}: {value},\n" for key, value in entries.items()) + "}\n"
