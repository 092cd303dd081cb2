"""What other systems are and how data flows to and from them, as their owners tell Unity Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.http.identity import stable_id
from genops.testing.workspace.http.wire import Call, Json, Routes, absent, exists, invalid
from genops.testing.workspace.unity.names import actor, checked_name
from genops.testing.workspace.unity.pages import only
from genops.testing.workspace.unity.rest import as_caller

if TYPE_CHECKING:
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.metastore import End
    from genops.testing.workspace.unity.pages import Pages

BASE = "/api/2.x/lineage-tracking"
_METADATA = ("system_type", "entity_type", "columns", "description", "properties", "url", "owner")
_STAMPS = ("create_time", "created_by", "update_time")
_ENDS = {"table": ("name",), "external_metadata": ("name",), "path": ("url",), "model_version": ("name", "version")}


class ExternalService:
    """External metadata objects, and lineage relationships that were told rather than seen.

    Args:
        catalog: Holds the objects.
        pages: How lists are cut.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages) -> None:
        self._catalog = catalog
        self._pages = pages

    def routes(self) -> Routes:
        """Both APIs."""
        metadata, lineage = f"{BASE}/external-metadata", f"{BASE}/external-lineage"
        return as_caller(
            {
                f"POST {metadata}": self._create,
                f"GET {metadata}": self._list,
                f"GET {metadata}/{{name}}": self._get,
                f"PATCH {metadata}/{{name}}": self._update,
                f"DELETE {metadata}/{{name}}": self._delete,
                f"POST {lineage}": self._relate,
                f"GET {lineage}": self._relations,
                f"PATCH {lineage}": self._change,
                f"DELETE {lineage}": self._part,
            }
        )

    # External metadata

    def _create(self, call: Call) -> Json:
        given = only(call.json, ("name", *_STAMPS, *_METADATA), "External metadata")
        name = checked_name(given.get("name"))
        for field in ("system_type", "entity_type"):
            if not given.get(field):
                raise invalid(f"Missing required field: {field}")
        self._catalog.grants.need(call.user, "CREATE_EXTERNAL_METADATA", "metastore")
        with self._catalog.lock:
            self._catalog.free("external_metadata", name)
            facts = self._catalog.new("external_metadata", name, given)
            now = stamp(facts["created_at"] / 1000)
            shared = ("name", "full_name", "owner", "metastore_id", "securable_type", "created_by", "updated_by")
            info = {
                **{field: facts[field] for field in shared},
                **{field: given[field] for field in _METADATA if given.get(field)},
                "id": stable_id("external metadata", name, str(facts["created_at"])),
                "create_time": now,
                "update_time": now,
            }
            return _shown(self._catalog.add("external_metadata", info))

    def _list(self, call: Call) -> Json:
        held = sorted(self._catalog.held["external_metadata"].copy().items())
        return self._pages.of("external_metadata", [_shown(info) for _, info in held], call, by="page_size")

    def _get(self, call: Call) -> Json:
        return _shown(self._catalog.securable("external_metadata", call.args["name"]))

    def _update(self, call: Call) -> Json:
        info = self._catalog.securable("external_metadata", call.args["name"])
        self._catalog.grants.need(call.user, "MODIFY", "external_metadata", info["full_name"])
        given = only(call.json, ("name", *_STAMPS, *_METADATA), "A change of external metadata")
        if given.get("owner"):
            self._catalog.grants.known(str(given["owner"]))
        change = _masked(call, given, _METADATA)
        with self._catalog.lock:
            info.update(change, update_time=stamp(self._catalog.now()), updated_by=actor() or info["updated_by"])
            self._catalog.note("update", "external_metadata", info["full_name"])
        return _shown(info)

    def _delete(self, call: Call) -> None:
        info = self._catalog.securable("external_metadata", call.args["name"])
        self._catalog.grants.need(call.user, "MANAGE", "external_metadata", info["full_name"])
        with self._catalog.lock:
            self._catalog.remove("external_metadata", info["full_name"])
            gone: End = ("external_metadata", info["full_name"])
            for ends in [ends for ends in self._catalog.flows if gone in ends]:
                del self._catalog.flows[ends]

    # Relationships

    def _relate(self, call: Call) -> Json:
        given = only(call.json, ("id", "source", "target", "columns", "properties"), "An external lineage relationship")
        ends = self._ends(given)
        with self._catalog.lock:
            if ends in self._catalog.flows:
                raise exists("The lineage relationship already exists")
            kept = {field: given[field] for field in ("source", "target", "columns", "properties") if given.get(field)}
            flow = {**kept, "id": stable_id("external lineage", *ends[0], *ends[1])}
            self._catalog.flows[ends] = flow
            self._catalog.note("create", "external_lineage", flow["id"])
            return dict(flow)

    def _ends(self, given: Json) -> tuple[End, End]:
        source, target = (self._end(given.get(side), side) for side in ("source", "target"))
        if source == target:
            raise invalid("The source and the target of a lineage relationship must differ")
        return source, target

    def _end(self, value: Any, side: str) -> End:
        """One end of a flow that exists, as far as Unity Catalog can know."""
        given = cast("Json", value) if isinstance(value, dict) else {}
        kinds = [kind for kind in _ENDS if isinstance(given.get(kind), dict)]
        if len(kinds) != 1:
            raise invalid(f"{side} must be exactly one of {', '.join(_ENDS)}")
        kind = kinds[0]
        names = [str(given[kind].get(field, "")) for field in _ENDS[kind]]
        if not all(names):
            raise invalid(f"{side}.{kind} needs {' and '.join(_ENDS[kind])}")
        return (kind, *self._existing(kind, names))

    def _existing(self, kind: str, names: list[str]) -> list[str]:
        if kind == "path":
            return names
        if kind == "model_version":
            self._catalog.models.version(*names)
            return [names[0].lower(), names[1]]
        return [str(self._catalog.securable(kind, names[0])["full_name"])]

    def _relations(self, call: Call) -> Json:
        end = self._end(_nested(call, "object_info"), "object_info")
        direction = call.need("lineage_direction")
        if direction not in ("UPSTREAM", "DOWNSTREAM"):
            raise invalid(f"lineage_direction must be UPSTREAM or DOWNSTREAM, not {direction}")
        mine = 0 if direction == "DOWNSTREAM" else 1
        found = [
            {"external_lineage_info": dict(flow), **self._info(ends[1 - mine])}
            for ends, flow in self._catalog.flows.items()
            if ends[mine] == end
        ]
        return self._pages.of("external_lineage_relationships", found, call, by="page_size")

    def _info(self, end: End) -> Json:
        kind, name = end[0], end[1]
        if kind == "path":
            return {"file_info": {"path": name}}
        if kind == "model_version":
            return {"model_info": {"model_name": name, "version": int(end[2])}}
        if kind == "external_metadata":
            held = self._catalog.held[kind][name]
            return {"external_metadata_info": {key: held[key] for key in ("name", "entity_type", "system_type")}}
        catalog, schema, table = name.split(".")
        return {"table_info": {"name": table, "catalog_name": catalog, "schema_name": schema}}

    def _held(self, given: Json) -> tuple[tuple[End, End], Json]:
        ends = self._ends(given)
        if ends not in self._catalog.flows:
            raise absent("The lineage relationship does not exist")
        return ends, self._catalog.flows[ends]

    def _change(self, call: Call) -> Json:
        with self._catalog.lock:
            _, flow = self._held(call.json)
            flow.update(_masked(call, call.json, ("columns", "properties")))
            self._catalog.note("update", "external_lineage", flow["id"])
            return dict(flow)

    def _part(self, call: Call) -> None:
        with self._catalog.lock:
            ends, flow = self._held(_nested(call, "external_lineage_relationship"))
            del self._catalog.flows[ends]
            self._catalog.note("delete", "external_lineage", flow["id"])


def _shown(info: Json) -> Json:
    return {key: value for key, value in info.items() if key not in ("full_name", "securable_type")}


def _masked(call: Call, given: Json, fields: tuple[str, ...]) -> Json:
    """The fields of a change that its mask names, or all of them."""
    mask = [field for field in call.text("update_mask").split(",") if field]
    wrong = [field for field in mask if field not in (*fields, "*")]
    if wrong:
        raise invalid(f"update_mask may hold {', '.join(fields)}, not {', '.join(wrong)}")
    return {field: given[field] for field in fields if field in given and (not mask or "*" in mask or field in mask)}


def _nested(call: Call, prefix: str) -> Json:
    """The object that dotted query parameters describe: ``p.table.name=x`` is ``{"table": {"name": "x"}}``.

    The newest SDK puts the object of a deletion in the query; a body will do as well.
    """
    if isinstance(call.json.get(prefix), dict):
        return call.object(prefix)
    found: Json = {}
    for name, values in call.query.items():
        head, *path = name.split(".")
        if head != prefix or not path:
            continue
        place = found
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = values[0]
    return found
