"""Where settings come from: arguments, environment, file. Each value keeps its origin."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeAlias, cast

from genops.core.names import host_of
from genops.errors import ConfigurationError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_log = logging.getLogger("genops")
Path: TypeAlias = "tuple[str, ...]"


class Layer(NamedTuple):
    """Values of one source, each with its origin.

    Attributes:
        values: Value by path.
        origins: Origin by path.
    """

    values: dict[Path, Any]
    origins: dict[Path, str]


# The guide's flat keywords and what they mean here.
KEYWORDS: dict[str, Path] = {
    "default_team": ("attribution", "team"),
    "default_project": ("attribution", "project"),
    "user_id": ("attribution", "user"),
    "batch_size": ("telemetry", "batch", "size"),
    "async_telemetry_export": ("telemetry", "batch", "async_export"),
    "enable_compression": ("telemetry", "batch", "compression"),
    "enable_sampling": ("telemetry", "sampling", "enabled"),
    "enable_lineage_tracking": ("lineage", "enabled"),
    "sampling_rate": ("telemetry", "sampling", "rate"),
    "export_traces_to_console": ("telemetry", "console"),
    "encrypt_telemetry_data": ("telemetry", "require_encryption"),
    "validate_telemetry_schema": ("telemetry", "validate"),
    "enable_trace_correlation": ("telemetry", "trace_correlation"),
    "enable_performance_metrics": ("telemetry", "performance_metrics"),
}
VARIABLES: dict[str, Path] = {
    "GENOPS_MODE": ("mode",),
    "GENOPS_TEAM": ("attribution", "team"),
    "GENOPS_PROJECT": ("attribution", "project"),
    "GENOPS_ENVIRONMENT": ("attribution", "environment"),
    "GENOPS_COST_CENTER": ("attribution", "cost_center"),
    "GENOPS_CUSTOMER_ID": ("attribution", "customer_id"),
    "GENOPS_FEATURE": ("attribution", "feature"),
    "GENOPS_USER_ID": ("attribution", "user"),
    "GENOPS_BUSINESS_UNIT": ("attribution", "business_unit"),
    "GENOPS_HASH_KEY": ("sql", "hash_key"),
    "GENOPS_EXPORT": ("telemetry", "export"),
    # As the clients of OpenLineage read them.
    "OPENLINEAGE_URL": ("lineage", "openlineage", "url"),
    "OPENLINEAGE_NAMESPACE": ("lineage", "openlineage", "namespace"),
    "OPENLINEAGE_API_KEY": ("lineage", "openlineage", "key"),
    "OPENLINEAGE_DISABLED": ("lineage", "openlineage", "disabled"),
}
# Which file is read, where a program cannot say it: no setting itself.
SETTINGS_FILE = "GENOPS_SETTINGS_FILE"
# Several values in one variable, with commas between them, as in OTEL_TRACES_EXPORTER.
_LISTS = frozenset({"GENOPS_EXPORT"})
# Read and judged by `genops.telemetry.otlp.presets`.
_OF_PRESETS = "GENOPS_EXPORT_"
_SPECIAL = ("workspace_url", "metastore_id", "default_budget_limits", "enable_automated_policy_enforcement")
_LIMITS = {"daily": "day", "monthly": "month"}


def arguments(given: Mapping[str, Any], known: Mapping[Path, bool]) -> Layer:
    """Return the layer of keyword arguments.

    Raises:
        ConfigurationError: A name is unknown or ambiguous.
    """
    layer = Layer({}, {})
    for name, value in given.items():
        if value is None or name in _SPECIAL:
            continue
        path = _path_of(name, known)
        if path in layer.values and layer.values[path] != value:
            raise ConfigurationError(
                f"{layer.origins[path]} and argument {name} say different things: give one of them"
            )
        _put(layer, path, value, f"argument {name}", known)
    _special(layer, given)
    return layer


def _path_of(name: str, known: Mapping[Path, bool]) -> Path:
    if name in KEYWORDS:
        return KEYWORDS[name]
    path = tuple(name.split("."))
    if path in known or any(p[: len(path)] == path for p in known):
        return path
    if len(path) > 1 and any(free and path[: len(p)] == p for p, free in known.items()):
        return path
    matches = [p for p in known if p[-1] == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        options = " or ".join(repr(".".join(p)) for p in matches)
        raise ConfigurationError(f"setting {name!r} is ambiguous: say {options}")
    names = {*KEYWORDS, *_SPECIAL, *(p[-1] for p in known), *(p[0] for p in known), *(".".join(p) for p in known)}
    raise ConfigurationError(f"unknown setting {name!r}{nearest(name, names)}")


def _special(layer: Layer, given: Mapping[str, Any]) -> None:
    url, metastore = given.get("workspace_url"), given.get("metastore_id")
    if url is not None and not isinstance(url, str):
        raise ConfigurationError(f"workspace_url={url!r}: expected a URL such as 'https://acme.cloud.databricks.com'")
    if url is not None:
        path = ("workspaces", _host(url, "workspace_url"))
        _put(layer, (*path, "metastore_id") if metastore else path, metastore or {}, "argument workspace_url", {})
    elif metastore is not None:
        message = "metastore_id needs workspace_url: say which workspace it belongs to, or use workspaces={host: ...}"
        raise ConfigurationError(f"metastore_id={metastore!r}: {message}")
    limits = given.get("default_budget_limits")
    if limits is not None:
        _limits(layer, limits)
    enforced = given.get("enable_automated_policy_enforcement")
    if enforced is not None:
        _enforcement(layer, enforced)


def _enforcement(layer: Layer, enforced: object) -> None:
    name = "enable_automated_policy_enforcement"
    if not isinstance(enforced, bool):
        raise ConfigurationError(f"{name}={enforced!r}: expected True or False")
    mode = "enforce" if enforced else "observe"
    said = layer.values.get(("mode",), mode)
    if str(getattr(said, "value", said)) != mode:
        raise ConfigurationError(f"{name}={enforced} and mode={said!r} say different things: give one of them")
    _put(layer, ("mode",), mode, f"argument {name}", {})


def _limits(layer: Layer, limits: Any) -> None:
    if not isinstance(limits, Mapping):
        raise ConfigurationError(f"default_budget_limits={limits!r}: expected a mapping such as {{'daily': 50.0}}")
    for name, limit in cast("Mapping[str, Any]", limits).items():
        if name not in _LIMITS:
            raise ConfigurationError(f"default_budget_limits: unknown period {name!r}{nearest(name, _LIMITS)}")
        budget = {"limit": limit, "period": _LIMITS[name]}
        _put(layer, ("budgets", f"default-{name}"), budget, "argument default_budget_limits", {})


def environment(variables: Mapping[str, str] | None = None) -> Layer:
    """Return the layer of the environment; a `GENOPS_` variable that nothing reads is warned of, once."""
    variables = os.environ if variables is None else variables
    layer = Layer({}, {})
    for name, value in variables.items():
        if name in VARIABLES and value.strip():
            layer.values[VARIABLES[name]] = _several(value) if name in _LISTS else value
            layer.origins[VARIABLES[name]] = f"environment variable {name}"
    for name in unknown_variables(variables):
        if name not in _warned:
            _warned.add(name)
            _log.warning("environment variable %s is not a setting of genops%s", name, nearest(name, VARIABLES))
    host, metastore = variables.get("DATABRICKS_HOST"), variables.get("DATABRICKS_METASTORE_ID")
    if host and metastore:
        path = ("workspaces", _host(host, "DATABRICKS_HOST"), "metastore_id")
        layer.values[path] = metastore
        layer.origins[path] = "environment variable DATABRICKS_METASTORE_ID"
    return layer


def unknown_variables(variables: Mapping[str, str]) -> list[str]:
    """Return the names of the `GENOPS_` variables that nothing reads."""
    known = {*VARIABLES, SETTINGS_FILE}
    ours = (name for name in variables if name.startswith("GENOPS_") and not name.startswith(_OF_PRESETS))
    return [name for name in ours if name not in known]


_warned: set[str] = set()


def _several(value: str) -> str | tuple[str, ...]:
    """Return the values between the commas; the value itself where there is no comma.

    >>> _several("console, otlp"), _several("otlp")
    (('console', 'otlp'), 'otlp')
    """
    values = tuple(part.strip() for part in value.split(",") if part.strip())
    return values if len(values) > 1 else value.strip(" ,")


def file_layer(given: str | None, known: Mapping[Path, bool]) -> Layer:
    """Return the layer of the file: the one given, or `GENOPS_SETTINGS_FILE`, or the nearest one.

    The nearest upwards from the working directory: `genops.toml`, or a `pyproject.toml` with a table `[tool.genops]`.

    Raises:
        ConfigurationError: The file cannot be read, is not TOML, or names an unknown setting.
    """
    layer = Layer({}, {})
    found = _given_file(given) if given is not None else _found_file()
    if found is None:
        return layer
    file, table = found
    for path, value in _flat(table, known, file):
        _put(layer, path, value, f"file {file}", known)
    return layer


def asked(name: str) -> Any:
    """Return what environment or file ask for at the top level, as it stands there, however wrong the rest may be.

    Args:
        name: A setting such as `mode`.

    Returns:
        The value, unchecked; `None` where nobody asks, or the file cannot be read.
    """
    for variable, path in VARIABLES.items():
        if path == (name,) and os.environ.get(variable, "").strip():
            return os.environ[variable].strip()
    try:
        found = _found_file()
    except ConfigurationError:
        return None
    return None if found is None else found[1].get(name)


def _found_file() -> tuple[FilePath, Mapping[str, Any]] | None:
    named = os.environ.get(SETTINGS_FILE, "").strip()
    return _given_file(named) if named else _nearest_file()


def _given_file(given: str) -> tuple[FilePath, Mapping[str, Any]]:
    file = FilePath(given)
    content = _toml(file)
    tool = content.get("tool", {}).get("genops") if file.name == "pyproject.toml" else content
    return file, tool or {}


def _nearest_file() -> tuple[FilePath, Mapping[str, Any]] | None:
    try:
        here = FilePath.cwd()
    except OSError:
        return None
    for folder in (here, *here.parents):
        own = folder / "genops.toml"
        if _is_file(own):
            return own, _toml(own)
        project = folder / "pyproject.toml"
        if _is_file(project) and "[tool.genops" in _text(project):
            return project, _toml(project).get("tool", {}).get("genops", {})
    return None


def _is_file(file: FilePath) -> bool:
    try:
        return file.is_file()
    except OSError:  # a folder that may not be searched
        return False


def _text(file: FilePath) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigurationError(f"settings file {str(file)!r} cannot be read: {reason}") from None


def _toml(file: FilePath) -> dict[str, Any]:
    text = _text(file)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"settings file {str(file)!r} is not valid TOML: {error}") from None


def _flat(
    table: Mapping[str, Any], known: Mapping[Path, bool], file: FilePath, above: Path = ()
) -> Iterable[tuple[Path, Any]]:
    for name, value in table.items():
        path = (*above, name)
        inside_free = any(free and path[: len(p)] == p for p, free in known.items())
        if not inside_free and not any(p[: len(path)] == path for p in known):
            names = {".".join(p) for p in known}
            places = [".".join(p) for p in known if p[-1] == name]
            meant = f" (did you mean {places[0]!r}?)" if len(places) == 1 else nearest(".".join(path), names)
            raise ConfigurationError(f"unknown setting {'.'.join(path)!r} in {str(file)!r}{meant}")
        if isinstance(value, Mapping) and path not in known:
            yield from _flat(cast("Mapping[str, Any]", value), known, file, path)
        else:
            yield path, value


def _put(layer: Layer, path: Path, value: Any, origin: str, known: Mapping[Path, bool]) -> None:
    if isinstance(value, Mapping) and value:
        for name, inner in cast("Mapping[str, Any]", value).items():
            below = _host(str(name), "workspaces") if path == ("workspaces",) else str(name)
            _put(layer, (*path, below), inner, origin, known)
        return
    layer.values[path] = value
    layer.origins[path] = origin


def _host(url: str, said: str) -> str:
    try:
        return host_of(url)
    except ValueError:
        example = "https://acme.cloud.databricks.com"
        # What stands in front of the host may be a password.
        raise ConfigurationError(
            f"{said}={url.rpartition('@')[2].partition('?')[0]!r}: expected the URL of a workspace, such as {example}"
        ) from None


def merged(layers: Iterable[Layer]) -> tuple[dict[Path, Any], dict[Path, str]]:
    """Return the values and origins of several layers; the first one that names a path wins."""
    values: dict[Path, Any] = {}
    origins: dict[Path, str] = {}
    for layer in layers:
        for path, value in layer.values.items():
            if path not in values:
                values[path] = value
                origins[path] = layer.origins[path]
    return values, origins


def nested(values: Mapping[Path, Any]) -> dict[str, Any]:
    """Return values by path as nested tables.

    Raises:
        ConfigurationError: One value stands where another one needs a table.
    """
    root: dict[str, Any] = {}
    for path, value in values.items():
        table = root
        for number, name in enumerate(path[:-1], 1):
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                raise ConfigurationError(f"{'.'.join(path[:number])}: expected a table of settings, got a single value")
            table = cast("dict[str, Any]", inner)
        if value == {} and isinstance(table.get(path[-1]), dict):
            continue
        table[path[-1]] = value
    return root
