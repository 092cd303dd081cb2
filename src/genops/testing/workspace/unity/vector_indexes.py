"""Vector search indexes with vectors of the caller: of a Delta table, or written and deleted by requests.

Embeddings that the service would compute are refused, and with them searches by text: the models that are served here
give vectors in which near texts are not near each other.
"""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and numbers

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.shapes import checked_count
from genops.testing.workspace.http.wire import ApiError, Call, Json, Routes, invalid, objects_of, unserved
from genops.testing.workspace.sql.database import address_of
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.values import quoted
from genops.testing.workspace.unity.copies import Copies, Copy, texts_of
from genops.testing.workspace.unity.nearest import SCALAR, condition, json_of, nearest, plain, struct_value, vector_of
from genops.testing.workspace.unity.pages import only
from genops.testing.workspace.unity.vector_endpoints import VectorEndpoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.wire import Handler
    from genops.testing.workspace.unity.catalog import UnityCatalog
    from genops.testing.workspace.unity.pages import Pages

_BASE = "/api/2.0/vector-search/indexes"
_DIRECT, _DELTA = "direct_access_index_spec", "delta_sync_index_spec"
_SPECS = {
    "DIRECT_ACCESS": (_DIRECT, ("embedding_vector_columns", "schema_json")),
    "DELTA_SYNC": (_DELTA, ("embedding_vector_columns", "source_table", "pipeline_type", "columns_to_sync")),
}
_TYPES = {
    "integer": "INT",
    "long": "BIGINT",
    **{name: name.upper() for name in ("float", "double", "boolean", "string", "date", "timestamp")},
    "array<float>": "ARRAY<FLOAT>",
    "array<double>": "ARRAY<DOUBLE>",
}
_NAMED = ("endpoint_name", "primary_key", "index_type")
_QUERY = ("columns", "query_vector", "num_results", "filters_json", "score_threshold", "query_type")
_MOST = 1_000
"""Rows an answer has at most; more come in pages, which are refused [docs.databricks.com, QueryVectorIndex]."""


class VectorSearchService:
    """The endpoints and the indexes of a workspace.

    Args:
        catalog: Holds the rows.
        pages: How lists are cut.
        clock: Gives the times.
        polls: How many reads show one being prepared.
    """

    def __init__(self, catalog: UnityCatalog, pages: Pages, clock: Clock, polls: int) -> None:
        self._catalog = catalog
        self._pages = pages
        self._copies = Copies(catalog, clock, polls, "VECTOR_INDEX_FORMAT", "Vector index")
        self._endpoints = VectorEndpoints(catalog, pages, clock, polls, self._names)

    def routes(self) -> Routes:
        """Create, read and delete; rows of direct access; queries and scans."""
        indexes: Routes = {
            f"POST {_BASE}": self._create,
            f"GET {_BASE}": self._list,
            f"GET {_BASE}/{{name}}": self._read,
            f"DELETE {_BASE}/{{name}}": self._drop,
            f"POST {_BASE}/{{name}}/sync": self._sync,
            f"POST {_BASE}/{{name}}/upsert-data": self._upsert,
            f"DELETE {_BASE}/{{name}}/delete-data": self._delete,
            f"POST {_BASE}/{{name}}/query": self._query,
            f"POST {_BASE}/{{name}}/scan": self._scan,
        }
        return {**self._endpoints.routes(), **{route: self._alone(handler) for route, handler in indexes.items()}}

    def _alone(self, handler: Handler) -> Handler:
        """A handler whose index nobody drops meanwhile."""

        def answer(call: Call) -> Any:
            with self._catalog.lock:
                return handler(call)

        return answer

    def state(self) -> Json:
        """What lasts besides the rows."""
        return {"endpoints": self._endpoints.state(), "indexes": self._copies.state()}

    def restore(self, state: Json) -> None:
        """Take over what :meth:`state` gave."""
        self._endpoints.restore(state["endpoints"])
        self._copies.restore(state["indexes"])

    def _names(self, endpoint: str) -> list[str]:
        return [copy.name for copy in self._copies.all() if copy.given["endpoint_name"] == endpoint]

    # Life

    def _create(self, call: Call) -> Json:
        given = only(call.json, (*_NAMED, "name", "index_subtype", _DIRECT, _DELTA), "A vector index")
        named = {key: call.need(key) for key in _NAMED}
        kind = named["index_type"]
        if kind not in _SPECS:
            raise invalid(f"index_type must be {' or '.join(_SPECS)}, not {kind!r}")
        if given.get("index_subtype", "HYBRID") != "HYBRID":
            raise unserved(f"A vector index of the subtype {given['index_subtype']}")
        place, fields = _SPECS[kind]
        spec = only(call.object(place), fields, f"A vector index of the type {kind}")
        vector, length = _vector_column(spec)
        copy = Copy(call.user, [named["primary_key"]], {**named, place: spec}, dimensions={vector: length})
        self._endpoints.get(named["endpoint_name"])
        columns = self._of_table(copy, spec, vector) if kind == "DELTA_SYNC" else _of_schema(copy, spec, vector)
        return self._shown(self._copies.begin(call.need("name"), copy, columns))

    def _of_table(self, copy: Copy, spec: Json, vector: str) -> list[Json]:
        if spec.get("pipeline_type", "TRIGGERED") != "TRIGGERED":
            raise unserved(f"A vector index with the pipeline_type {spec['pipeline_type']}")
        (copy.source,) = texts_of([spec.get("source_table")], "source_table")
        chosen = texts_of(spec.get("columns_to_sync"), "columns_to_sync")
        source = self._catalog.table(copy.source)
        types = {column["name"].lower(): column["type_text"].lower() for column in source["columns"]}
        kind = types.get(vector.lower(), "not there")
        if kind not in ("array<float>", "array<double>"):
            raise invalid(f"The column '{vector}' of '{copy.source}' is {kind}; expected array<float> or array<double>")
        copy.columns = list(dict.fromkeys([*copy.keys, *chosen, vector])) if chosen else []
        return []

    def _shown(self, copy: Copy) -> Json:
        place = _SPECS[copy.given["index_type"]][0]
        status: Json = {"ready": copy.state == "ACTIVE", "indexed_row_count": copy.rows}
        status["message"] = copy.message or ("Index is ready" if status["ready"] else "Index creation is pending")
        return {**self._mini(copy), place: copy.given[place], "status": status}

    def _mini(self, copy: Copy) -> Json:
        named = {key: copy.given[key] for key in _NAMED}
        endpoint = self._endpoints.get(copy.given["endpoint_name"])
        return {"name": copy.name, "creator": copy.user, "endpoint_id": endpoint["id"], **named}

    def _read(self, call: Call) -> Json:
        return self._shown(self._copies.read(call.args["name"], call.user))

    def _list(self, call: Call) -> Json:
        endpoint, grants = self._endpoints.get(call.need("endpoint_name")), self._catalog.grants
        held = [copy for copy in self._copies.all() if copy.given["endpoint_name"] == endpoint["name"]]
        seen = [self._mini(copy) for copy in held if grants.sees(call.user, "table", copy.name)]
        return self._pages.of("vector_indexes", seen, call)

    def _drop(self, call: Call) -> None:
        self._copies.drop(call.args["name"], call.user)

    # Rows

    def _ready(self, call: Call, privilege: str, kind: str = "") -> Copy:
        """An index that answers, of a type that can do what is asked."""
        copy = self._copies.get(call.args["name"], call.user, privilege)
        if kind and copy.given["index_type"] != kind:
            raise invalid(f"Index '{copy.name}' is of the type {copy.given['index_type']}; this needs {kind}")
        if copy.state == "PROVISIONING":
            raise ApiError(400, "INVALID_STATE", f"Index '{copy.name}' is not ready.")
        return copy

    def _sync(self, call: Call) -> Json:
        self._copies.synchronize(self._ready(call, "MANAGE", "DELTA_SYNC"))
        return {}

    def _upsert(self, call: Call) -> Json:
        copy = self._ready(call, "MODIFY", "DIRECT_ACCESS")
        rows = objects_of(json_of(call.json.get("inputs_json"), "inputs_json", list), "inputs_json")
        names = self._columns(copy)
        key, (vector, length) = names[copy.keys[0].lower()], next(iter(copy.dimensions.items()))
        for row in rows:
            if not isinstance(row.get(key), SCALAR) or not row.keys() <= set(names.values()):
                raise invalid(f"A row needs {key} and no columns but {', '.join(names.values())}: {sorted(row)}")
            vector_of(row.get(vector), vector, length)
        last = {row[key]: [row.get(name) for name in names.values()] for row in rows}
        marks = ", ".join("?" * len(names))
        insert = f"INSERT INTO {self._address(copy)} VALUES ({marks})"
        self._run(copy, [(self._deletion(copy), [item]) for item in last] + [(insert, row) for row in last.values()])
        return {"status": "SUCCESS", "result": {"success_row_count": len(rows), "failed_primary_keys": []}}

    def _delete(self, call: Call) -> Json:
        copy = self._ready(call, "MODIFY", "DIRECT_ACCESS")
        keys = call.query.get("primary_keys", [])
        if not keys:
            raise invalid("Missing required field: primary_keys")
        before = copy.rows
        self._run(copy, [(self._deletion(copy), [key]) for key in keys])
        gone = before - copy.rows
        return {"status": "SUCCESS", "result": {"success_row_count": gone, "failed_primary_keys": []}}

    def _deletion(self, copy: Copy) -> str:
        return f"DELETE FROM {self._address(copy)} WHERE {quoted(copy.keys[0])} = ?"

    def _run(self, copy: Copy, statements: Sequence[tuple[str, list[Any]]]) -> None:
        try:
            with self._catalog.database.session() as cursor:
                cursor.execute("BEGIN")
                for sql, values in statements:
                    cursor.execute(sql, values)
                cursor.execute("COMMIT")
            self._copies.changed(copy)
        except SqlError as error:
            raise invalid(error.message) from error

    def _address(self, copy: Copy) -> str:
        return address_of(self._copies.info(copy))

    def _columns(self, copy: Copy) -> dict[str, str]:
        return {column["name"].lower(): column["name"] for column in self._copies.info(copy)["columns"]}

    def _found(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        try:
            return self._catalog.database.rows(sql, values)
        except SqlError as error:
            raise invalid(error.message) from error

    def _query(self, call: Call) -> Json:
        copy, given = self._ready(call, "SELECT"), only(call.json, _QUERY, "A query of a vector index")
        if str(given.get("query_type", "ANN")).upper() != "ANN":
            raise unserved(f"A query of the type {given['query_type']}")
        names, (vector, length) = self._columns(copy), next(iter(copy.dimensions.items()))
        wanted = texts_of(given.get("columns"), "columns")
        if missing := [name for name in wanted if name.lower() not in names]:
            raise invalid(f"Index '{copy.name}' has no column {', '.join(missing)}")
        values: list[Any] = [vector_of(given.get("query_vector"), "query_vector", length)]
        where = condition(given.get("filters_json"), names, values)
        values.append(_number(given.get("score_threshold", 0.0), "score_threshold"))
        limit = _limit(given.get("num_results"))
        columns = [names[name.lower()] for name in wanted]
        sql = nearest(self._address(copy), columns, vector, copy.keys[0], where, limit)
        rows = [[plain(value) for value in row] for row in self._found(sql, values)]
        shown = [{"name": name} for name in (*columns, "score")]
        result = {"row_count": len(rows), "data_array": rows}
        return {"manifest": {"column_count": len(shown), "columns": shown}, "result": result}

    def _scan(self, call: Call) -> Json:
        copy = self._ready(call, "SELECT")
        given = only(call.json, ("last_primary_key", "num_results"), "A scan of a vector index")
        names, key, last = self._columns(copy), copy.keys[0], given.get("last_primary_key")
        after = "" if last is None else f"WHERE {quoted(key)} > ?"
        listed = ", ".join(map(quoted, [*names.values(), key]))
        order = f"ORDER BY {quoted(key)} LIMIT {_limit(given.get('num_results'))}"
        sql = f"SELECT {listed} FROM {self._address(copy)} {after} {order}"
        rows = self._found(sql, [] if last is None else [last])
        data = [{"fields": list(map(_entry, names.values(), row))} for row in rows]
        return {"data": data, **({"last_primary_key": str(rows[-1][-1])} if rows else {})}


def _entry(name: str, value: Any) -> Json:
    return {"key": name, "value": struct_value(value)}


def _of_schema(copy: Copy, spec: Json, vector: str) -> list[Json]:
    """The columns of an index of direct access, by its ``schema_json``."""
    given: Json = json_of(spec.get("schema_json"), "schema_json", dict)
    for name, kind in given.items():
        if not isinstance(kind, str) or kind not in _TYPES:
            raise invalid(f"schema_json gives '{name}' the type {kind!r}; expected one of {', '.join(_TYPES)}")
    if missing := [name for name in (*copy.keys, vector) if name not in given]:
        raise invalid(f"schema_json has no column {', '.join(missing)}")
    if not given[vector].startswith("array"):
        raise invalid(f"The column '{vector}' is {given[vector]}; expected array<float> or array<double>")
    return [{"name": name, "type_text": _TYPES[kind]} for name, kind in given.items()]


def _vector_column(spec: Json) -> tuple[str, int]:
    """The column of the vectors and their length; embeddings that the service would compute are refused."""
    vectors = objects_of(spec.get("embedding_vector_columns"), "embedding_vector_columns")
    if len(vectors) != 1:
        raise unserved(f"A vector index of {len(vectors)} embedding_vector_columns")
    (name,) = texts_of([vectors[0].get("name")], "embedding_vector_columns.name")
    length = checked_count(vectors[0].get("embedding_dimension"), "embedding_dimension", 1)
    if not length:
        raise invalid("embedding_vector_columns needs an embedding_dimension")
    return name, length


def _limit(given: Any) -> int:
    if given is None:
        return 10
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise invalid(f"num_results must be a whole number of at least 1, not {given!r}")
    if given > _MOST:
        raise unserved(f"More than {_MOST} results of a vector index")
    return given


def _number(given: Any, name: str) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise invalid(f"{name} must be a number, not {given!r}")
    return given
