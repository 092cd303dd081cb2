"""Catalogs, schemas and volumes: CREATE, ALTER, DROP, DESCRIBE."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.commands.grammar import (
    Clauses,
    Command,
    Scope,
    Table,
    clauses,
    comment_of,
    compiled,
    literal_text,
    moment,
    pairs,
    split_list,
    syntax_error,
)
from genops.testing.workspace.sql.failures import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.testing.workspace.http.wire import Json

_PARTS = {"CATALOG": 1, "SCHEMA": 2, "DATABASE": 2, "VOLUME": 3}
TAGGED = {"CATALOG": "catalogs", "SCHEMA": "schemas", "DATABASE": "schemas", "VOLUME": "volumes"}


def _key(scope: Scope, kind: str, name: str) -> str:
    parts = scope.parts(name, _PARTS[kind]) if kind != "CATALOG" else [name.strip().strip("`").lower()]
    return ".".join(parts)


def _held(scope: Scope, kind: str) -> dict[str, Json]:
    catalog = scope.catalog
    return {"CATALOG": catalog.catalogs, "VOLUME": catalog.volumes}.get(kind, catalog.schemas)


def _info(scope: Scope, kind: str, name: str) -> Json:
    find = {"CATALOG": scope.catalog.catalog, "VOLUME": scope.catalog.volume}.get(kind, scope.catalog.schema)
    return find(scope.full(name, _PARTS[kind]) if kind != "CATALOG" else name.strip().strip("`"))


def _need(scope: Scope, privilege: str, kind: str, name: str) -> None:
    """Refuse a user without a privilege on a catalog, schema or volume that is there."""
    scope.catalog.grants.need(scope.user, privilege, kind.lower(), scope.quoted(_key(scope, kind, name)))


# CREATE

_CLAUSES: Clauses = [
    ("COMMENT <comment:text>", comment_of),
    ("MANAGED LOCATION <location:text>", lambda match: {"storage_root": literal_text(match["location"])}),
    ("LOCATION <location:text>", lambda match: {"storage_location": literal_text(match["location"])}),
    (r"WITH DBPROPERTIES ( <properties:list> )", lambda match: {"properties": pairs(match["properties"])}),
    ("DEFAULT COLLATION UTF8_BINARY", lambda _: {}),
]


def _clauses(text: str | None) -> Json:
    """What the clauses after the name of a CREATE give, in any order."""
    given, rest = clauses(text or "", _CLAUSES)
    if rest.strip():
        raise syntax_error(rest)
    return given


def _create(scope: Scope, match: re.Match[str]) -> Table:
    kind = match["kind"].upper()
    given = _clauses(match["rest"])
    if match["exists"] and _key(scope, kind, match["name"]) in _held(scope, kind):
        return Table()
    if kind == "CATALOG":
        scope.catalog.grants.need(scope.user, "CREATE CATALOG", "metastore", "")
        scope.catalog.create_catalog(_key(scope, kind, match["name"]), given)
    elif kind == "VOLUME":
        _create_volume(scope, match, given)
    else:
        catalog, schema = scope.parts(match["name"], 2)
        scope.catalog.grants.need(scope.user, "CREATE SCHEMA", "catalog", scope.quoted(catalog))
        scope.catalog.create_schema(catalog, schema, given)
    return Table()


def _create_volume(scope: Scope, match: re.Match[str], given: Json) -> None:
    if bool(match["external"]) != ("storage_location" in given):
        raise syntax_error("an EXTERNAL VOLUME needs a LOCATION, and only an external one has it")
    if match["external"]:
        given["volume_type"] = "EXTERNAL"
    catalog, schema, name = scope.parts(match["name"], 3)
    scope.catalog.grants.need(scope.user, "CREATE VOLUME", "schema", scope.quoted(f"{catalog}.{schema}"))
    scope.catalog.create_volume(catalog, schema, name, given)


# DROP


def _drop(scope: Scope, match: re.Match[str]) -> Table:
    kind = match["kind"].upper()
    if match["exists"] and _key(scope, kind, match["name"]) not in _held(scope, kind):
        return Table()
    _need(scope, "MANAGE", kind, match["name"])
    force = (match["mode"] or "").upper() == "CASCADE"
    if kind == "VOLUME":
        scope.catalog.drop_volume(scope.full(match["name"], 3))
    elif kind == "CATALOG":
        scope.catalog.drop_catalog(_key(scope, kind, match["name"]), force=force)
    else:
        scope.catalog.drop_schema(scope.full(match["name"], 2), force=force)
    return Table()


# ALTER


def set_tags(scope: Scope, entity_type: str, full_name: str, text: str) -> None:
    """Assign the tags of ``SET TAGS ('key' = 'value', …)``."""
    for key, value in pairs(text).items():
        scope.catalog.tags.assign(entity_type, full_name, key, value)


def unset_tags(scope: Scope, entity_type: str, full_name: str, text: str) -> None:
    """Remove the tags of ``UNSET TAGS ('key', …)``; one that is not there is no error."""
    held = {tag["tag_key"] for tag in scope.catalog.tags.list(entity_type, full_name)}
    for key in held & {literal_text(item) for item in split_list(text)}:
        scope.catalog.tags.remove(entity_type, full_name, key)


def _alter(scope: Scope, match: re.Match[str]) -> Table:
    kind = match["kind"].upper()
    info = _info(scope, kind, match["name"])
    for pattern, change in _ALTERATIONS:
        found = compiled(pattern).fullmatch(match["rest"])
        if found:
            _need(scope, "APPLY TAG" if change is _tag else "MANAGE", kind, match["name"])
            change(scope, kind, info, found)
            return Table()
    raise UnsupportedError(f"ALTER {kind} {match['rest']}")


def _owner(scope: Scope, _: str, info: Json, match: re.Match[str]) -> None:
    scope.catalog.touch(info, owner=match["owner"].strip().strip("`"))


def _properties(scope: Scope, _: str, info: Json, match: re.Match[str]) -> None:
    scope.catalog.touch(info, properties={**info.get("properties", {}), **pairs(match["properties"])})


def _unset_properties(scope: Scope, _: str, info: Json, match: re.Match[str]) -> None:
    gone = {literal_text(item) for item in split_list(match["properties"])}
    kept = {key: value for key, value in info.get("properties", {}).items() if key not in gone}
    scope.catalog.touch(info, properties=kept)


def _tag(scope: Scope, kind: str, info: Json, match: re.Match[str]) -> None:
    change = unset_tags if match["unset"].upper() == "UNSET" else set_tags
    change(scope, TAGGED[kind], info["full_name"], match["tags"])


def _rename(scope: Scope, kind: str, info: Json, match: re.Match[str]) -> None:
    if kind != "VOLUME":
        raise UnsupportedError(f"ALTER {kind} … RENAME TO, which Databricks SQL does not have either")
    catalog, schema, name = scope.parts(match["name"], 3) if "." in match["name"] else (None, None, match["name"])
    if (catalog, schema) not in ((None, None), (info["catalog_name"], info["schema_name"])):
        raise UnsupportedError("ALTER VOLUME … RENAME TO another schema")
    scope.catalog.rename_volume(info, name.strip("`"))


_ALTERATIONS: list[tuple[str, Callable[[Scope, str, Json, re.Match[str]], None]]] = [
    ("[SET] OWNER TO <owner:name>", _owner),
    ("SET DBPROPERTIES ( <properties:rest> )", _properties),
    ("UNSET DBPROPERTIES [IF EXISTS] ( <properties:rest> )", _unset_properties),
    ("{unset:SET|UNSET} TAGS ( <tags:rest> )", _tag),
    ("RENAME TO <name>", _rename),
]


def _comment(scope: Scope, match: re.Match[str]) -> Table:
    info = _info(scope, match["kind"].upper(), match["name"])
    _need(scope, "MANAGE", match["kind"].upper(), match["name"])
    scope.catalog.touch(info, comment=literal_text(match["text"]))
    return Table()


# DESCRIBE


def _describe_catalog(scope: Scope, match: re.Match[str]) -> Table:
    info = _info(scope, "CATALOG", match["name"])
    scope.catalog.grants.need_sight(scope.user, "catalog", scope.quoted(info["full_name"]))
    rows = {"Catalog Name": info["name"], "Comment": info.get("comment", ""), "Owner": info["owner"]}
    if match["extended"]:
        rows.update(
            {
                "Catalog Type": "Regular",
                "Created By": info["created_by"],
                "Created At": moment(info["created_at"]),
                "Updated By": info["updated_by"],
                "Updated At": moment(info["updated_at"]),
            }
        )
    return Table(["info_name", "info_value"], [list(row) for row in rows.items()])


def _describe_schema(scope: Scope, match: re.Match[str]) -> Table:
    info = _info(scope, "SCHEMA", match["name"])
    scope.catalog.grants.need_sight(scope.user, "schema", scope.quoted(info["full_name"]))
    rows: dict[str, Any] = {
        "Catalog Name": info["catalog_name"],
        "Namespace Name": info["name"],
        "Comment": info.get("comment", ""),
        "Location": info.get("storage_root", ""),
        "Owner": info["owner"],
    }
    if match["extended"]:
        given = ",".join(f"({key},{value})" for key, value in sorted(info.get("properties", {}).items()))
        rows["Properties"] = f"({given})" if given else ""
    return Table(["database_description_item", "database_description_value"], [list(row) for row in rows.items()])


def _describe_volume(scope: Scope, match: re.Match[str]) -> Table:
    info = _info(scope, "VOLUME", match["name"])
    scope.catalog.grants.need_sight(scope.user, "volume", scope.quoted(info["full_name"]))
    location = info["storage_location"] if info["volume_type"] == "EXTERNAL" else None
    facts = [info["name"], info["catalog_name"], info["schema_name"], info["owner"], location, info["volume_type"]]
    names = ["name", "catalog", "database", "owner", "storageLocation", "volumeType", "comment"]
    return Table(names, [[*facts, info.get("comment")]])


COMMANDS: list[Command] = [
    (
        "CREATE [external:EXTERNAL] {kind:CATALOG|SCHEMA|DATABASE|VOLUME} [exists:IF NOT EXISTS] <name> [<rest>]",
        _create,
        "CREATE",
    ),
    ("DROP {kind:CATALOG|SCHEMA|DATABASE|VOLUME} [exists:IF EXISTS] <name> [{mode:CASCADE|RESTRICT}]", _drop, "DROP"),
    ("ALTER {kind:CATALOG|SCHEMA|DATABASE|VOLUME} <name> <rest>", _alter, "ALTER"),
    ("COMMENT ON {kind:CATALOG|SCHEMA|DATABASE|VOLUME} <name> IS <text>", _comment, "OTHER"),
    ("{DESCRIBE|DESC} CATALOG [extended:EXTENDED] <name>", _describe_catalog, "DESCRIBE"),
    ("{DESCRIBE|DESC} {SCHEMA|DATABASE} [extended:EXTENDED] <name>", _describe_schema, "DESCRIBE"),
    ("{DESCRIBE|DESC} VOLUME <name>", _describe_volume, "DESCRIBE"),
]
