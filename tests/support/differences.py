"""Where LocalWorkspace and minilake 1.9.0 differ, and which of them Databricks agrees with, by what source."""

from __future__ import annotations

STATEMENTS = "docs.databricks.com/api/workspace/statementexecution"
SQL = "docs.databricks.com/aws/en/sql/language-manual"
SDK = "databricks-sdk 0.156.0"

DIFFERENCES: dict[str, tuple[str, str]] = {
    "a_wrong_token_is_refused": (
        "minilake asks for no token; a workspace answers 403 to one that it does not know",
        "docs.databricks.com/aws/en/dev-tools/auth/pat",
    ),
    "a_catalog_can_be_made_and_read": (
        "minilake leaves catalog_type out; a catalog without a provider or share is MANAGED_CATALOG",
        f"{SDK}: service.catalog.CatalogInfo",
    ),
    "a_catalog_twice_is_refused": (
        "Unity Catalog answers 400 with CATALOG_ALREADY_EXISTS, which the SDK maps to BadRequest; minilake answers 409",
        f"{SDK}: errors.mapper, which knows no class for that code",
    ),
    "a_catalog_that_holds_a_table_is_not_deleted": (
        "both refuse; the code of the service is INVALID_STATE, which the SDK has a class for",
        f"{SDK}: errors.overrides and errors.mapper",
    ),
    "a_schema_in_no_catalog_is_not_found": (
        "the parent is what is missing: 404 CATALOG_DOES_NOT_EXIST; minilake answers 400",
        "docs.databricks.com/api/workspace/schemas/create",
    ),
    "a_table_of_sql_has_its_columns": (
        "minilake's engine does not take the types DOUBLE NOT NULL and ARRAY<BIGINT> in CREATE TABLE",
        f"{SQL}/sql-ref-datatypes",
    ),
    "a_view_has_its_definition": (
        "minilake lists views as managed tables without a definition",
        f"{SDK}: service.catalog.TableInfo.view_definition",
    ),
    "summaries_of_tables": (
        "minilake has no table summaries and says so",
        "docs.databricks.com/api/workspace/tables/listsummaries",
    ),
    "a_file_is_not_overwritten_unasked": (
        "both refuse with 409; the Files API documents the code ALREADY_EXISTS",
        "docs.databricks.com/api/workspace/files/upload",
    ),
    "values_travel_as_text": (
        "values of JSON_ARRAY are strings or null; minilake sends numbers and truths",
        f"{STATEMENTS}/executestatement: format",
    ),
    "a_manifest_names_types": (
        "minilake names DuckDB's types INTEGER and VARCHAR; Databricks' are INT and STRING, each with a type_name",
        f"{SDK}: service.sql.ColumnInfo and ColumnInfoTypeName",
    ),
    "a_failed_statement_is_no_exception": (
        "a statement that fails is HTTP 200 with state FAILED; minilake answers 400",
        f"{STATEMENTS}/executestatement: status",
    ),
    "a_syntax_error_has_its_state": (
        "as above; the state of a syntax error is 42601",
        "docs.databricks.com/aws/en/error-messages/sqlstates",
    ),
    "division_by_zero_fails": (
        "ANSI mode is on in SQL warehouses: DIVIDE_BY_ZERO, 22012; minilake answers NULL",
        f"{SQL}/parameters/ansi_mode",
    ),
    "integers_divide_to_fractions": (
        "both divide rightly; minilake sends a number where the format has text",
        f"{STATEMENTS}/executestatement: format",
    ),
    "arrays_begin_at_zero": (
        "an array's first element is [0]; minilake does not take the expression",
        f"{SQL}/functions/bracketsign",
    ),
    "nulls_come_first": (
        "ascending order puts NULL first; minilake keeps DuckDB's order, where it comes last",
        f"{SQL}/sql-ref-syntax-qry-select-orderby",
    ),
    "named_parameters_are_bound": (
        "markers take named, typed values; minilake's parser refuses them",
        f"{STATEMENTS}/executestatement: parameters",
    ),
    "a_missing_parameter_fails": (
        "UNBOUND_SQL_PARAMETER, 42P02, in a FAILED statement; minilake answers 400",
        "docs.databricks.com/aws/en/error-messages/unbound-sql-parameter-error-class",
    ),
    "a_row_limit_truncates": (
        "row_limit cuts the result and sets truncated; minilake passes it over",
        f"{STATEMENTS}/executestatement: row_limit",
    ),
    "rows_that_changed_are_counted": (
        "INSERT answers num_affected_rows and num_inserted_rows; minilake answers DuckDB's one count",
        f"{SQL}/delta-insert-into",
    ),
    "a_merge_is_counted": (
        "MERGE answers four counts; minilake answers DuckDB's one",
        f"{SQL}/delta-merge-into",
    ),
    "a_table_shows_its_past": (
        "minilake has no time travel for managed tables",
        f"{SQL}/sql-ref-syntax-qry-select-time-travel",
    ),
    "an_asynchronous_statement_is_pending_first": (
        "a wait_timeout of 0s answers before the statement has run; minilake runs it first",
        f"{STATEMENTS}/executestatement: wait_timeout",
    ),
    "a_timeout_out_of_range_is_refused": (
        "wait_timeout is 0s or from 5s to 50s; minilake takes 3s",
        f"{STATEMENTS}/executestatement: wait_timeout",
    ),
    "an_absent_warehouse_is_refused": (
        "both refuse; who may not use a warehouse is not told whether it exists",
        f"{STATEMENTS}/executestatement: warehouse_id",
    ),
    "arrow_comes_by_links": (
        "a link says when it expires, within 15 minutes; minilake's does not",
        f"{STATEMENTS}/executestatement: external_links",
    ),
    "tags_of_a_query_are_kept": (
        "query tags come back in query history; minilake drops them",
        "docs.databricks.com/aws/en/sql/user/queries/query-tags",
    ),
    "a_size_that_is_none_is_refused": (
        "cluster_size is a closed list; minilake takes any word",
        f"{SDK}: service.sql.CreateWarehouseRequest.cluster_size",
    ),
    "an_absent_job_is_told": (
        "the service answers 400 and these words, of which the SDK makes ResourceDoesNotExist; minilake answers 404",
        f"{SDK}: errors.overrides",
    ),
    "an_absent_cluster_is_told": (
        "the service answers 400 and these words, of which the SDK makes ResourceDoesNotExist; minilake answers 404",
        f"{SDK}: errors.overrides",
    ),
    "a_tag_is_assigned": (
        "minilake has no entity tags and says so",
        "docs.databricks.com/api/workspace/entitytagassignments",
    ),
    "information_schema_lists_tables": (
        "every catalog has an information_schema; minilake has none",
        f"{SQL}/sql-ref-information-schema",
    ),
    "billing_can_be_asked": (
        "minilake has no system tables",
        "docs.databricks.com/aws/en/admin/system-tables/billing",
    ),
}
"""Behaviour → what differs and why LocalWorkspace does what it does, and the source."""
