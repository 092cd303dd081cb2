"""OpenLineage's own schemas, read from where the project keeps them, as judges of events."""

from __future__ import annotations

import functools
import json

import pytest

from support import schemas

FOLDER = schemas.FOLDER / "openlineage"


@functools.cache
def _registry():
    from referencing import Registry, Resource

    if not FOLDER.is_dir():
        return None
    files = [FOLDER / "OpenLineage.json", *sorted((FOLDER / "facets").glob("*.json"))]
    documents = [json.loads(path.read_text()) for path in files]
    return Registry().with_resources([(each["$id"], Resource.from_contents(each)) for each in documents])


@functools.cache
def _validator(reference):
    from jsonschema import Draft202012Validator, FormatChecker

    if _registry() is None:
        pytest.skip(f"{schemas.ABSENT} ({FOLDER.parent.name}/{FOLDER.name})")
    return Draft202012Validator({"$ref": reference}, registry=_registry(), format_checker=FormatChecker())


def facets_of(event):
    """Every facet of an event with the key that it stands under."""
    holders = [(event[part], "facets") for part in ("run", "job") if part in event]
    for dataset in [*event["inputs"], *event["outputs"]]:
        holders += [(dataset, kind) for kind in ("facets", "inputFacets", "outputFacets")]
    return [pair for holder, kind in holders for pair in holder.get(kind, {}).items()]


def check(event):
    """Hold an event against the core document, and each facet against its own file and the key that it names."""
    event = json.loads(json.dumps(event))
    _validator(event["schemaURL"]).validate(event)
    _validator("https://openlineage.io/spec/2-0-2/OpenLineage.json").validate(event)
    for key, facet in facets_of(event):
        _validator(facet["_schemaURL"]).validate(facet)
        _validator(facet["_schemaURL"].partition("#")[0]).validate({key: facet})
        keys = _registry().contents(facet["_schemaURL"].partition("#")[0])["properties"]
        assert key in keys
