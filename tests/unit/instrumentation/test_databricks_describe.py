"""Types, names, identifiers, paths and statements, without the SDK."""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace

import pytest

from genops.core import hashing
from genops.core.operation import Action, DatasetRef
from genops.instrumentation import databricks_statements as statements
from genops.instrumentation.databricks_names import extractor, identifier_of
from genops.instrumentation.databricks_paths import path_class
from genops.instrumentation.databricks_types import operation_type
from genops.instrumentation.databricks_workspaces import cloud_named, host_of

TYPES = {
    "CatalogsAPI.list": "catalog.list",
    "WarehousesAPI.start": "sql_warehouse.start",
    "JobsAPI.run_now": "job.run_now",
    "JobsExt.list_runs": "job.list_runs",
    "ServingEndpointsAPI.query": "serving_endpoint.query",
    "ServingEndpointsExt.http_request": "serving_endpoint.http_request",
    "RegisteredModelsAPI.get": "model.get",
    "QueryHistoryAPI.list": "query_history.list",
    "CurrentUserAPI.me": "current_user.me",
    "StatementExecutionAPI.cancel_execution": "statement.cancel_execution",
    "StatementExecutionAPI.get_statement_result_chunk_n": "statement.get_result_chunk_n",
    "ClusterPoliciesAPI.edit": "cluster_policy.edit",
    "ClustersExt.ensure_cluster_is_running": "cluster.ensure_is_running",
    "AlertsV2API.create_alert": "alert.create",
    "FutureThingsAPI.list": "future_thing.list",
    "TagPoliciesAPI.list_tag_policies": "tag_policy.list",
}


@pytest.mark.parametrize("method", TYPES)
def test_operation_types(method):
    """Each method has its type in the platform's words, an unknown class by the general rule."""
    assert operation_type(*method.split(".")).name == TYPES[method]


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("TablesAPI.get", Action.READ),
        ("TablesAPI.delete", Action.WRITE),
        ("VectorSearchIndexesAPI.query_index", Action.QUERY),
        ("WarehousesAPI.start", Action.ADMIN),
        ("GrantsAPI.update", Action.ADMIN),
        ("ConsumerListingsAPI.batch_get", Action.READ),
    ],
)
def test_actions(method, action):
    """The first word of a method tells its class of operation; what it changes tells data from administration."""
    assert operation_type(*method.split(".")).action is action


class Kind(Enum):
    TABLE = "TABLE"


def _get(self, full_name, *, include_browse=None): ...
def _create(self, name, catalog_name, schema_name, table_type=None): ...
def _list(self, catalog_name, schema_name=None): ...
def _grants(self, securable_type, full_name): ...
def _index(self, name, endpoint_name, primary_key=None, *, delta_sync_index_spec=None): ...
def _upload(self, file_path, contents): ...


@pytest.mark.parametrize(
    ("service", "method", "function", "args", "kwargs", "named"),
    [
        ("Tables", "get", _get, ("a.`b.c`.d",), {}, (("a", "b.c", "d"), "table")),
        ("Tables", "get", _get, (), {"full_name": "b.c"}, (("b", "c"), "table")),
        ("Tables", "create", _create, ("t", "c"), {"schema_name": "s"}, (("c", "s", "t"), "table")),
        ("Tables", "list", _list, ("c", "s"), {}, (("c", "s"), "schema")),
        ("Functions", "list", _list, ("c",), {}, (("c",), "catalog")),
        ("Grants", "get", _grants, (Kind.TABLE, "c.s.t"), {}, (("c", "s", "t"), "table")),
        ("Grants", "get", _grants, ("schema", "c.s"), {}, (("c", "s"), "schema")),
        ("Grants", "get", _grants, ("storage_credential", "x"), {}, None),
        ("Files", "upload", _upload, ("/Volumes/c/s/v/x/y.csv", b""), {}, (("c", "s", "v"), "volume")),
        ("Files", "upload", _upload, ("/Volumes/c/s", b""), {}, None),
        ("Tables", "get", _get, ("https://user:pw@host/x?token=y",), {}, None),
        ("Tables", "get", _get, ("two words",), {}, None),
        ("Tables", "get", _get, (7,), {}, None),
        ("Tables", "get", _get, ("x" * 256,), {}, None),
        ("Tables", "get", _get, (), {}, None),
    ],
)
def test_datasets_of_a_call(service, method, function, args, kwargs, named):
    """Names are found by position and keyword, parsed with back-ticks; what cannot be a name stays."""
    found = extractor(service, method, function, operation_type(f"{service}API", method).action)(args, kwargs, "h")
    expected = () if named is None else (DatasetRef(*named, "h"),)
    assert (*found.reads, *found.writes) == expected


def test_several_identifiers_of_one_call():
    """One call may write one dataset, read another and use a resource."""
    spec = SimpleNamespace(source_table="c.s.source")
    extract = extractor("VectorSearchIndexes", "create_index", _index, Action.WRITE)
    found = extract(("c.s.index", "endpoint-1"), {"delta_sync_index_spec": spec}, None)
    assert found.writes == (DatasetRef(("c", "s", "index")),)
    assert found.reads == (DatasetRef(("c", "s", "source")),)
    assert found[2:] == ("vector_search_endpoint", "endpoint-1")


def test_a_method_outside_the_table_names_nothing():
    """A method that the table does not list lets nothing leave but its type."""
    assert extractor("Tokens", "create", _get, Action.ADMIN) is None


def test_a_table_entry_for_another_signature_is_left_out():
    """Where an SDK version names a parameter differently, nothing is read in its place."""
    assert extractor("Tables", "get", _upload, Action.READ) is None


@pytest.mark.parametrize("value", ["a b", "a/b", "a@b", "a?b", "a=b", "", "x" * 257, None, True, 1.5, b"x", "a\nb"])
def test_what_is_no_identifier_stays(value):
    """An id is a word of letters, digits, dots and dashes, or a number; nothing else passes for one."""
    assert identifier_of(value) is None


@pytest.mark.parametrize(
    ("text", "kind", "keyword"),
    [
        ("select 1", "table.query", "SELECT"),
        ("  (VALUES (1))", "table.query", "VALUES"),
        ("/* DROP */ -- x\n describe t", "table.query", "DESCRIBE"),
        ("Insert into t values (1)", "table.write", "INSERT"),
        ("COPY INTO t FROM '/x'", "table.write", "COPY"),
        ("create or replace table t as select 1", "sql.define", "CREATE"),
        ("grant select on t to x", "sql.grant", "GRANT"),
        ("with a as (select 1) select * from a", "sql.execute", "WITH"),
        ("optimize t", "sql.execute", "OPTIMIZE"),
        ("hunter2", "sql.execute", None),
        ("dapi0123", "sql.execute", None),
        ("password", "sql.execute", None),
        ("selectively", "sql.execute", None),
        ("", "sql.execute", None),
        ("/* never closed", "sql.execute", None),
        ("-- only a comment", "sql.execute", None),
        ("(" * 100_000 + "select 1", "sql.execute", None),
    ],
)
def test_statements(text, kind, keyword):
    """The first keyword tells what a statement does; a word that is none never leaves."""
    described, statement = statements.described(text)
    assert (described.name, statement.keyword, statement.length) == (kind, keyword, len(text))
    assert len(statement.hash) == 32


def test_hashes_are_keyed():
    """Equal texts of one key have equal hashes, another key gives others; without one the process has its own."""
    hashing.configure(None)
    own = statements.described("select 1")[1].hash
    seen = []
    for key in (b"one", b"one", b"two", b"x" * 200):
        hashing.configure(key)
        seen.append(statements.described("select 1")[1].hash)
    hashing.configure(None)
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3
    assert own not in seen
    assert statements.described("select 1")[1].hash == own


def test_a_statement_that_is_no_text_is_described_all_the_same():
    """A wrong argument is the SDK's to refuse."""
    assert statements.described(None) == (statements.EXECUTE, None)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/api/2.0/sql/statements/01ef-secret", "/api/2.0/sql/statements/{}"),
        ("/api/2.0/fs/files/Volumes/c/s/v/jane.csv", "/api/2.0/fs/files/{}/{}/{}/{}"),
        ("/api/2.1/jobs/get?job_id=1", "/api/2.1/jobs/get"),
        ("/oidc/v1/token", "{}"),
        (None, "{}"),
    ],
)
def test_paths(path, shown):
    """Version and the API's own words leave, names and ids do not."""
    assert path_class(path) == shown


def test_clouds_and_hosts():
    """A cloud is one of three names; a host is a name without scheme and credentials."""
    assert [cloud_named(value) for value in ("AWS", "azure", Kind.TABLE, None, 1)] == ["aws", "azure", None, None, None]
    assert host_of(SimpleNamespace(host="https://u:p@Acme.Cloud.databricks.com/")) == "acme.cloud.databricks.com"
    assert host_of(SimpleNamespace(host=None)) is None
    assert host_of(None) is None
