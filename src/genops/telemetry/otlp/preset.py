"""A preset: what a back end wants of OTLP, and how that is filled in from the environment.

A preset was asked for in so many words, so `OTEL_EXPORTER_OTLP_*` decides neither where it sends to nor as whom: those
variables speak of `telemetry.export="otlp"`, and a key for one back end must not reach another. They do decide how:
`..._TIMEOUT`, `..._COMPRESSION` and the certificates hold for presets too. A proxy or a gateway in front of a back end
is named by `GENOPS_EXPORT_<NAME>_ENDPOINT`, whose URL stands in the place of the preset's.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from genops.errors import ConfigurationError
from genops.telemetry.otlp.endpoints import GRPC, HTTP, SIGNALS, Endpoint, checked_url

STANDARD = {signal: f"/v1/{signal}" for signal in SIGNALS}
# What a variable may hold: printable text, or a name that stands in that of a host.
TEXT, HOST = r"[\x20-\x7e]+", r"[A-Za-z0-9.-]+"
OVERRIDES = "GENOPS_EXPORT_"
_PROVIDER = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER"


class Variable(NamedTuple):
    """What a preset reads from the environment.

    Attributes:
        name: Name of the variable.
        what: What it holds and where that comes from.
        default: What holds where it is not set; `None`: it has to be set; empty: what needs it is left out.
        pattern: Regular expression that its value has to match.
        values: What stands in the place of each value that it may have; empty: the value itself.
    """

    name: str
    what: str
    default: str | None = None
    pattern: str = TEXT
    values: Mapping[str, str] = {}


@dataclass(frozen=True)
class Preset:
    """What a back end wants of OTLP.

    Attributes:
        name: What `telemetry.export` calls it.
        title: Its name among people.
        source: The public document that says so.
        base: URL without the paths; `{NAME}` stands for a variable.
        variables: What is read from the environment.
        root: What every path begins with; a base that ends with it already is taken as it is.
        paths: Path of each signal that it takes.
        headers: Headers of every request; `{NAME}` stands for a variable.
        by_signal: Further headers of one signal.
        basic: Variables that hold user and password, where it wants HTTP basic authentication.
        protocol: `http/protobuf` or `grpc`.
        delta: Whether counters and histograms are sent as what was added since the last export. Up-down counters and
            gauges are always sent as they stand.
        exponential: Whether histograms are sent with exponential buckets.
        provider: Whether the SDK's credential provider (`OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER`) may
            authenticate in the place of the variables.
        limits: What is lost or has to be known.
    """

    name: str
    title: str
    source: str
    base: str
    variables: tuple[Variable, ...] = ()
    root: str = ""
    paths: Mapping[str, str] = field(default_factory=lambda: STANDARD)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    by_signal: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    basic: tuple[str, ...] = ()
    protocol: str = HTTP
    delta: bool = False
    exponential: bool = False
    provider: bool = False
    limits: str = ""

    @property
    def override(self) -> str:
        """Name of the variable whose URL stands in the place of the preset's."""
        return f"{OVERRIDES}{self.name.upper().replace('-', '_')}_ENDPOINT"


@dataclass(frozen=True)
class Filled:
    """A preset with its variables filled in.

    Attributes:
        preset: The preset.
        endpoints: Endpoint of each signal that it takes.
        headers: Headers by signal; they hold keys, so nothing shows them.
    """

    preset: Preset
    endpoints: tuple[Endpoint, ...]
    headers: Mapping[str, Mapping[str, str]] = field(repr=False)


def filled(preset: Preset, environ: Mapping[str, str] = os.environ) -> Filled:
    """Fill in a preset from the environment.

    Args:
        preset: The preset.
        environ: Where its variables are read.

    Raises:
        ConfigurationError: A variable is missing or has a value that cannot be used; the message names the variable,
            never the value of one that may hold a key.
    """
    provided = preset.provider and bool(environ.get(_PROVIDER, "").strip())
    override = environ.get(preset.override, "").strip()
    unneeded = _named_in(preset.base) if override else set[str]()
    values = _values(preset, environ, unneeded | (_named_in(*preset.headers.values()) if provided else set()))
    said = preset.override if override else next(iter(sorted(_named_in(preset.base))), preset.name)
    base = _rooted(override or preset.base.format_map(values), preset.root)
    checked_url(said, base, grpc=preset.protocol == GRPC)
    paths = dict.fromkeys(preset.paths, "") if preset.protocol == GRPC else preset.paths
    endpoints = tuple(Endpoint(signal, f"{base}{path}", preset.protocol) for signal, path in paths.items())
    headers = {signal: _headers(preset, signal, values) for signal in preset.paths}
    return Filled(preset, endpoints, headers)


def _values(preset: Preset, environ: Mapping[str, str], unneeded: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    missing: list[str] = []
    for variable in preset.variables:
        value = environ.get(variable.name, "").strip() or variable.default
        if value is None and variable.name not in unneeded:
            missing.append(f"{variable.name} is not set: {variable.what}")
        elif value:
            values[variable.name] = _accepted(preset, variable, value)
        else:
            values[variable.name] = ""
    if missing:
        raise ConfigurationError(f"telemetry.export={preset.name!r}: {'; '.join(missing)}")
    return values


def _accepted(preset: Preset, variable: Variable, value: str) -> str:
    if variable.values:
        found = variable.values.get(value) or variable.values.get(value.upper()) or variable.values.get(value.lower())
        if found is not None:
            return found
    elif re.fullmatch(variable.pattern, value):
        return value
    raise ConfigurationError(
        f"telemetry.export={preset.name!r}: {variable.name} has a value that cannot be used: expected {variable.what}"
    )


def _rooted(base: str, root: str) -> str:
    with_scheme = base if "://" in base else f"https://{base}"
    return with_scheme.rstrip("/").removesuffix(root) + root


def _headers(preset: Preset, signal: str, values: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, template in {**preset.headers, **preset.by_signal.get(signal, {})}.items():
        if all(values[variable] for variable in _named_in(template)):
            found[name] = template.format_map(values)
    if preset.basic:
        pair = ":".join(values[name] for name in preset.basic)
        found["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return found


def _named_in(*templates: str) -> set[str]:
    return {name for template in templates for name in re.findall(r"{(\w+)}", template)}
