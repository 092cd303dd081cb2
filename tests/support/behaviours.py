"""Behaviours of a Databricks workspace that two emulators are compared by, through the real databricks-sdk.

Each is a function of a client that returns what a program would notice. Errors count as what they are to a program:
the SDK's class of them.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.catalog import (
    PermissionsChange,
    Privilege,
    VolumeType,
)
from databricks.sdk.service.sql import (
    CreateWarehouseRequestWarehouseType,
    Disposition,
    ExecuteStatementRequestOnWaitTimeout,
    Format,
    QueryTag,
    StatementParameterListItem,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks.sdk import WorkspaceClient

CATALOG, SCHEMA = "both", "things"
BEHAVIOURS: dict[str, Callable[[WorkspaceClient], Any]] = {}
FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "CLOSED")


def behaviour(function: Callable[[WorkspaceClient], Any]) -> Callable[[WorkspaceClient], Any]:
    """Add a function to the table."""
    BEHAVIOURS[function.__name__] = function
    return function


def observed(call: Callable[[WorkspaceClient], Any], client: WorkspaceClient) -> Any:
    """Return what a program notices; an error as the name of the SDK's class of it."""
    try:
        return call(client)
    except DatabricksError as error:
        return type(error).__name__
    except Exception as error:
        return f"{type(error).__name__} of the client"


def prepare(client: WorkspaceClient) -> str:
    """Make what the behaviours work on; return a warehouse's id."""
    warehouses = list(client.warehouses.list())
    warehouse = warehouses[0].id if warehouses else _warehouse(client, "first")
    client.catalogs.create(name=CATALOG)
    client.schemas.create(name=SCHEMA, catalog_name=CATALOG)
    return str(warehouse)


def _warehouse(client: WorkspaceClient, name: str) -> str:
    made = client.warehouses.create(
        name=name, cluster_size="2X-Small", warehouse_type=CreateWarehouseRequestWarehouseType.PRO, max_num_clusters=1
    )
    return str(made.response.id)


def _run(client: WorkspaceClient, statement: str, **options: Any) -> Any:
    warehouse = next(iter(client.warehouses.list())).id
    given = {"catalog": CATALOG, "schema": SCHEMA, "wait_timeout": "30s", **options}
    return client.statement_execution.execute_statement(statement, str(warehouse), **given)


def _state(response: Any) -> str:
    return str(response.status.state.value)


def _rows(response: Any) -> Any:
    return response.result.data_array if response.result else _state(response)


@behaviour
def the_caller_has_a_name(client: WorkspaceClient) -> Any:
    """SCIM Me answers with a user name."""
    return bool(client.current_user.me().user_name)


@behaviour
def the_workspace_has_a_number(client: WorkspaceClient) -> Any:
    """Answers carry the number of the workspace."""
    return client.get_workspace_id() > 0


@behaviour
def a_wrong_token_is_refused(client: WorkspaceClient) -> Any:
    """A client with another token learns nothing."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=client.config.host, token="wrong").current_user.me().user_name is not None


@behaviour
def a_catalog_can_be_made_and_read(client: WorkspaceClient) -> Any:
    """A new catalog has its name, comment and kind."""
    client.catalogs.create(name="made", comment="of ours")
    found = client.catalogs.get("made")
    return found.name, found.comment, found.catalog_type.value if found.catalog_type else None


@behaviour
def a_new_catalog_has_a_default_schema(client: WorkspaceClient) -> Any:
    """Unity Catalog gives each catalog a schema called default."""
    client.catalogs.create(name="fresh")
    return sorted(str(schema.name) for schema in client.schemas.list("fresh") if schema.name != "information_schema")


@behaviour
def a_catalog_twice_is_refused(client: WorkspaceClient) -> Any:
    """A name is taken once."""
    client.catalogs.create(name=CATALOG)


@behaviour
def an_absent_catalog_is_not_found(client: WorkspaceClient) -> Any:
    """What is not there is not found."""
    client.catalogs.get("nowhere")


@behaviour
def a_catalog_that_holds_a_table_is_not_deleted(client: WorkspaceClient) -> Any:
    """Without force nothing is lost."""
    client.catalogs.create(name="full")
    _run(client, "CREATE TABLE full.default.t (a INT)")
    client.catalogs.delete("full")


@behaviour
def a_catalog_takes_a_new_comment(client: WorkspaceClient) -> Any:
    """An update changes what it names."""
    client.catalogs.create(name="commented")
    return client.catalogs.update("commented", comment="later").comment


@behaviour
def a_schema_knows_its_full_name(client: WorkspaceClient) -> Any:
    """Two parts, with the catalog in front."""
    return client.schemas.get(f"{CATALOG}.{SCHEMA}").full_name


@behaviour
def a_schema_in_no_catalog_is_not_found(client: WorkspaceClient) -> Any:
    """The parent must be there."""
    client.schemas.create(name="s", catalog_name="nowhere")


@behaviour
def a_table_of_sql_has_its_columns(client: WorkspaceClient) -> Any:
    """What SQL makes the catalog shows, with Databricks' names of types."""
    columns = "a INT, b STRING, c DECIMAL(10,2), d TIMESTAMP, e ARRAY<BIGINT>, f DOUBLE NOT NULL"
    _run(client, f"CREATE TABLE typed ({columns})")
    found = client.tables.get(f"{CATALOG}.{SCHEMA}.typed").columns or []
    return [(c.name, c.type_text, c.type_name.value if c.type_name else None, c.nullable) for c in found]


@behaviour
def a_table_is_known_to_exist(client: WorkspaceClient) -> Any:
    """Exists is asked without reading."""
    _run(client, "CREATE TABLE there (a INT)")
    there = client.tables.exists(f"{CATALOG}.{SCHEMA}.there").table_exists
    gone = client.tables.exists(f"{CATALOG}.{SCHEMA}.not_there").table_exists
    return there, gone


@behaviour
def an_absent_table_is_not_found(client: WorkspaceClient) -> Any:
    """What is not there is not found."""
    client.tables.get(f"{CATALOG}.{SCHEMA}.nothing")


@behaviour
def a_dropped_table_is_gone(client: WorkspaceClient) -> Any:
    """The catalog follows SQL."""
    _run(client, "CREATE TABLE short_lived (a INT)")
    _run(client, "DROP TABLE short_lived")
    client.tables.get(f"{CATALOG}.{SCHEMA}.short_lived")


@behaviour
def a_view_has_its_definition(client: WorkspaceClient) -> Any:
    """A view is a table of another kind."""
    _run(client, "CREATE VIEW seen AS SELECT 1 AS one")
    found = client.tables.get(f"{CATALOG}.{SCHEMA}.seen")
    return found.table_type.value if found.table_type else None, "SELECT 1" in str(found.view_definition)


@behaviour
def summaries_of_tables(client: WorkspaceClient) -> Any:
    """Summaries name tables by pattern."""
    _run(client, "CREATE TABLE summed_up (a INT)")
    return [found.full_name for found in client.tables.list_summaries(CATALOG, table_name_pattern="summed%")]


@behaviour
def a_volume_holds_a_file(client: WorkspaceClient) -> Any:
    """What is put in comes out."""
    client.volumes.create(CATALOG, SCHEMA, "files", VolumeType.MANAGED)
    path = f"/Volumes/{CATALOG}/{SCHEMA}/files/a/b.txt"
    client.files.upload(path, io.BytesIO(b"hello"), overwrite=True)
    contents = client.files.download(path).contents
    return contents.read() if contents else None


@behaviour
def a_file_is_not_overwritten_unasked(client: WorkspaceClient) -> Any:
    """A second upload without overwrite is refused."""
    client.volumes.create(CATALOG, SCHEMA, "kept", VolumeType.MANAGED)
    path = f"/Volumes/{CATALOG}/{SCHEMA}/kept/a.txt"
    client.files.upload(path, io.BytesIO(b"1"))
    client.files.upload(path, io.BytesIO(b"2"), overwrite=False)


@behaviour
def an_absent_file_is_not_found(client: WorkspaceClient) -> Any:
    """What is not there is not found."""
    client.files.get_metadata(f"/Volumes/{CATALOG}/{SCHEMA}/files/none.txt")


@behaviour
def a_grant_is_shown(client: WorkspaceClient) -> Any:
    """What was granted is listed."""
    client.schemas.create(name="granted", catalog_name=CATALOG)
    change = PermissionsChange(principal="account users", add=[Privilege.SELECT, Privilege.USE_SCHEMA])
    client.grants.update("SCHEMA", f"{CATALOG}.granted", changes=[change])
    found = client.grants.get("SCHEMA", f"{CATALOG}.granted").privilege_assignments or []
    return sorted((str(one.principal), sorted(p.value for p in one.privileges or [])) for one in found)


@behaviour
def a_grant_is_inherited(client: WorkspaceClient) -> Any:
    """A table shows what was granted on its catalog, and from where."""
    client.catalogs.create(name="above")
    _run(client, "CREATE TABLE above.default.t (a INT)")
    change = PermissionsChange(principal="account users", add=[Privilege.SELECT])
    client.grants.update("CATALOG", "above", changes=[change])
    found = client.grants.get_effective("TABLE", "above.default.t").privilege_assignments or []
    return sorted(
        (str(one.principal), str(p.privilege.value if p.privilege else None), p.inherited_from_name)
        for one in found
        for p in one.privileges or []
        if one.principal == "account users"
    )


@behaviour
def values_travel_as_text(client: WorkspaceClient) -> Any:
    """JSON_ARRAY holds strings and nulls."""
    values = "1 AS a, 'x' AS b, CAST(NULL AS INT) AS c, true AS d, CAST(1.50 AS DECIMAL(5,2)) AS e"
    return _rows(_run(client, f"SELECT {values}"))


@behaviour
def a_manifest_names_types(client: WorkspaceClient) -> Any:
    """Columns are described in Databricks' words."""
    columns = _run(client, "SELECT 1 AS a, 'x' AS b, DATE'2026-01-02' AS c").manifest.schema.columns
    return [(c.name, c.type_text, c.type_name.value if c.type_name else None, c.position) for c in columns]


@behaviour
def a_manifest_counts(client: WorkspaceClient) -> Any:
    """Rows and bytes of the result are counted."""
    manifest = _run(client, "SELECT * FROM VALUES (1), (2), (3) AS t(a)").manifest
    return manifest.total_row_count, (manifest.total_byte_count or 0) > 0


@behaviour
def a_failed_statement_is_no_exception(client: WorkspaceClient) -> Any:
    """HTTP 200 with FAILED, an error code and a SQL state."""
    response = _run(client, "SELECT * FROM nothing_of_that_name")
    return _state(response), response.status.error.error_code.value, response.status.sql_state


@behaviour
def a_syntax_error_has_its_state(client: WorkspaceClient) -> Any:
    """42601, as Databricks says."""
    response = _run(client, "SELEC 1")
    return _state(response), response.status.sql_state


@behaviour
def division_by_zero_fails(client: WorkspaceClient) -> Any:
    """ANSI mode is the default of SQL warehouses."""
    response = _run(client, "SELECT 1 / 0")
    return _state(response), response.status.sql_state if response.status else None


@behaviour
def integers_divide_to_fractions(client: WorkspaceClient) -> Any:
    """The slash is never integer division."""
    return _rows(_run(client, "SELECT 1 / 2"))


@behaviour
def arrays_begin_at_zero(client: WorkspaceClient) -> Any:
    """Indices of arrays begin at zero."""
    return _rows(_run(client, "SELECT array(7, 8)[0]"))


@behaviour
def nulls_come_first(client: WorkspaceClient) -> Any:
    """Ascending order begins with NULL."""
    return _rows(_run(client, "SELECT a FROM VALUES (2), (NULL), (1) AS t(a) ORDER BY a"))


@behaviour
def named_parameters_are_bound(client: WorkspaceClient) -> Any:
    """A marker takes the value and type that was sent."""
    given = [StatementParameterListItem(name="n", type="INT", value="41")]
    return _rows(_run(client, "SELECT :n + 1", parameters=given))


@behaviour
def a_missing_parameter_fails(client: WorkspaceClient) -> Any:
    """A marker without a value is an error."""
    response = _run(client, "SELECT :absent")
    return _state(response), response.status.sql_state


@behaviour
def a_row_limit_truncates(client: WorkspaceClient) -> Any:
    """The result is cut, and says so."""
    response = _run(client, "SELECT * FROM VALUES (1), (2), (3) AS t(a)", row_limit=2)
    return len(response.result.data_array or []), response.manifest.truncated


@behaviour
def rows_that_changed_are_counted(client: WorkspaceClient) -> Any:
    """DML answers with its counts."""
    _run(client, "CREATE TABLE counted (a INT)")
    return _rows(_run(client, "INSERT INTO counted VALUES (1), (2)"))


@behaviour
def a_merge_is_counted(client: WorkspaceClient) -> Any:
    """MERGE answers with four counts."""
    _run(client, "CREATE TABLE merged (a INT, b STRING)")
    _run(client, "INSERT INTO merged VALUES (1, 'x')")
    return _rows(
        _run(
            client,
            "MERGE INTO merged t USING (SELECT * FROM VALUES (1, 'y'), (2, 'z') AS s(a, b)) s ON t.a = s.a "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        )
    )


@behaviour
def a_table_shows_its_past(client: WorkspaceClient) -> Any:
    """Time travel by version."""
    _run(client, "CREATE TABLE past (a INT)")
    _run(client, "INSERT INTO past VALUES (1)")
    _run(client, "INSERT INTO past VALUES (2)")
    return _rows(_run(client, "SELECT count(*) FROM past VERSION AS OF 1"))


@behaviour
def an_asynchronous_statement_is_pending_first(client: WorkspaceClient) -> Any:
    """A timeout of zero answers at once; the result is asked for."""
    begun = _run(client, "SELECT 1", wait_timeout="0s")
    state = _state(begun)
    for _ in range(200):
        found = client.statement_execution.get_statement(str(begun.statement_id))
        if _state(found) in FINAL:
            return state in ("PENDING", "RUNNING"), _rows(found)
        time.sleep(0.02)
    return "never ended"


@behaviour
def a_timeout_out_of_range_is_refused(client: WorkspaceClient) -> Any:
    """A timeout that the API does not take is refused."""
    _run(client, "SELECT 1", wait_timeout="3s", on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CANCEL)


@behaviour
def an_absent_statement_is_not_found(client: WorkspaceClient) -> Any:
    """What is not there is not found."""
    client.statement_execution.get_statement("01f00000-0000-1000-8000-000000000000")


@behaviour
def an_absent_warehouse_is_refused(client: WorkspaceClient) -> Any:
    """A statement needs a warehouse."""
    client.statement_execution.execute_statement("SELECT 1", "0000000000000000")


@behaviour
def arrow_comes_by_links(client: WorkspaceClient) -> Any:
    """EXTERNAL_LINKS with ARROW_STREAM answers with a URL and no rows."""
    response = _run(client, "SELECT 1 AS a", disposition=Disposition.EXTERNAL_LINKS, format=Format.ARROW_STREAM)
    links = response.result.external_links or []
    return len(links), bool(links[0].external_link), bool(links[0].expiration), response.result.data_array


@behaviour
def history_knows_a_statement(client: WorkspaceClient) -> Any:
    """What ran is listed, with its text and its state."""
    from databricks.sdk.service.sql import QueryFilter

    ran = _run(client, "SELECT 42 AS answer")
    found = client.query_history.list(filter_by=QueryFilter(statement_ids=[str(ran.statement_id)])).res or []
    return [(one.query_text, one.status.value if one.status else None, one.rows_produced) for one in found]


@behaviour
def tags_of_a_query_are_kept(client: WorkspaceClient) -> Any:
    """Query tags come back from history."""
    from databricks.sdk.service.sql import QueryFilter

    ran = _run(client, "SELECT 43 AS answer", query_tags=[QueryTag(key="team", value="data")])
    found = client.query_history.list(filter_by=QueryFilter(statement_ids=[str(ran.statement_id)])).res or []
    return [[(tag.key, tag.value) for tag in one.query_tags or []] for one in found]


@behaviour
def a_warehouse_has_size_and_state(client: WorkspaceClient) -> Any:
    """What was asked for is there."""
    made = client.warehouses.create(name="sized", cluster_size="Small", max_num_clusters=1, auto_stop_mins=20)
    found = client.warehouses.get(str(made.response.id))
    return found.name, found.cluster_size, found.auto_stop_mins


@behaviour
def a_size_that_is_none_is_refused(client: WorkspaceClient) -> Any:
    """Sizes are a closed list."""
    client.warehouses.create(name="odd", cluster_size="Enormous", max_num_clusters=1)


@behaviour
def an_absent_job_is_told(client: WorkspaceClient) -> Any:
    """The service answers 400, and the SDK makes ResourceDoesNotExist of it."""
    client.jobs.get(999_999_999)


@behaviour
def an_absent_cluster_is_told(client: WorkspaceClient) -> Any:
    """The service answers 400, and the SDK makes ResourceDoesNotExist of it."""
    client.clusters.get("0000-000000-nothing0")


@behaviour
def a_file_of_the_workspace_tree(client: WorkspaceClient) -> Any:
    """A directory can be made and is listed."""
    client.workspace.mkdirs("/Shared/both")
    return [item.path for item in client.workspace.list("/Shared")]


@behaviour
def a_secret_scope_is_listed(client: WorkspaceClient) -> Any:
    """Scopes and keys are listed, values are not."""
    client.secrets.create_scope("both")
    client.secrets.put_secret("both", "key", string_value="hidden")
    keys = [secret.key for secret in client.secrets.list_secrets("both")]
    return [scope.name for scope in client.secrets.list_scopes()], keys


@behaviour
def a_tag_is_assigned(client: WorkspaceClient) -> Any:
    """Tags of Unity Catalog are read back."""
    from databricks.sdk.service.catalog import EntityTagAssignment

    _run(client, "CREATE TABLE tagged (a INT)")
    name = f"{CATALOG}.{SCHEMA}.tagged"
    client.entity_tag_assignments.create(
        EntityTagAssignment(entity_type="tables", entity_name=name, tag_key="pii", tag_value="yes")
    )
    return [(one.tag_key, one.tag_value) for one in client.entity_tag_assignments.list("tables", name)]


@behaviour
def information_schema_lists_tables(client: WorkspaceClient) -> Any:
    """The catalog can be asked in SQL."""
    _run(client, "CREATE TABLE listed (a INT)")
    query = f"SELECT table_name FROM {CATALOG}.information_schema.tables WHERE table_name = 'listed'"
    return _rows(_run(client, query))


@behaviour
def billing_can_be_asked(client: WorkspaceClient) -> Any:
    """The system tables are there."""
    return _state(_run(client, "SELECT count(*) FROM system.billing.usage"))


@behaviour
def an_unknown_api_is_told(client: WorkspaceClient) -> Any:
    """A call that is not imitated does not look like one that worked."""
    return client.quality_monitors.get(f"{CATALOG}.{SCHEMA}.typed").status is not None
