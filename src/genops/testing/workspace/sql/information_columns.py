"""The columns of ``information_schema``, as Databricks documents them, by table."""

from __future__ import annotations

_LIFE = "comment created created_by last_altered last_altered_by"
_SIZES = (
    "character_maximum_length character_octet_length numeric_precision numeric_precision_radix numeric_scale "
    "datetime_precision interval_type interval_precision maximum_cardinality"
)
_CONSTRAINT = "constraint_catalog constraint_schema constraint_name"
_TABLE = "table_catalog table_schema table_name"
_ROUTINE = "specific_catalog specific_schema specific_name"
_PRIVILEGE = "privilege_type is_grantable inherited_from"

TAGGED = {
    "catalog": "catalog_name",
    "schema": "catalog_name schema_name",
    "table": "catalog_name schema_name table_name",
    "column": "catalog_name schema_name table_name column_name",
    "volume": "catalog_name schema_name volume_name",
}
"""Columns that name what carries a tag, by entity."""
GRANTED = {
    "catalog": "catalog_name",
    "schema": "catalog_name schema_name",
    "table": _TABLE,
    "volume": "volume_catalog volume_schema volume_name",
    "routine": f"{_ROUTINE} routine_catalog routine_schema routine_name",
}
"""Columns that name what a privilege is on, by kind."""

COLUMNS: dict[str, str] = {
    "catalogs": f"catalog_name catalog_owner {_LIFE}",
    "schemata": f"catalog_name schema_name schema_owner {_LIFE}",
    "tables": (
        f"{_TABLE} table_type is_insertable_into commit_action table_owner {_LIFE} data_source_format "
        "storage_sub_directory storage_path"
    ),
    "views": f"{_TABLE} view_definition check_option is_updatable is_insertable_into sql_path is_materialized",
    "columns": (
        f"{_TABLE} column_name ordinal_position column_default is_nullable full_data_type data_type {_SIZES} "
        "is_identity identity_generation identity_start identity_increment identity_maximum identity_minimum "
        "identity_cycle is_generated generation_expression is_system_time_period_start is_system_time_period_end "
        "system_time_period_timestamp_generation is_updatable partition_index comment"
    ),
    "volumes": f"volume_catalog volume_schema volume_name volume_type volume_owner {_LIFE} storage_location",
    "routines": (
        f"{_ROUTINE} routine_catalog routine_schema routine_name routine_owner routine_type data_type full_data_type "
        f"{_SIZES} routine_body routine_definition external_name external_language parameter_style is_deterministic "
        f"sql_data_access is_null_call sql_path security_type as_locator {_LIFE}"
    ),
    "parameters": (
        f"{_ROUTINE} ordinal_position parameter_mode is_result as_locator parameter_name data_type full_data_type "
        f"{_SIZES} parameter_default comment"
    ),
    "table_constraints": f"{_CONSTRAINT} {_TABLE} constraint_type is_deferrable initially_deferred enforced comment",
    "key_column_usage": f"{_CONSTRAINT} {_TABLE} column_name ordinal_position position_in_unique_constraint",
    "referential_constraints": (
        f"{_CONSTRAINT} unique_constraint_catalog unique_constraint_schema unique_constraint_name match_option "
        "update_rule delete_rule"
    ),
    "constraint_table_usage": f"{_CONSTRAINT} {_TABLE}",
    "constraint_column_usage": f"{_TABLE} column_name {_CONSTRAINT}",
    "check_constraints": f"{_CONSTRAINT} check_clause sql_data_access",
    "column_masks": f"{_TABLE} column_name mask_name using_columns",
    "row_filters": f"{_TABLE} filter_name target_columns",
    **{f"{entity}_tags": f"{columns} tag_name tag_value" for entity, columns in TAGGED.items()},
    **{f"{kind}_privileges": f"grantor grantee {columns} {_PRIVILEGE}" for kind, columns in GRANTED.items()},
    "metastore_privileges": "grantor grantee metastore_name privilege_type is_grantable",
    "metastores": (
        "metastore_id metastore_name metastore_owner storage_root storage_root_credential_id "
        "storage_root_credential_name delta_sharing_scope delta_sharing_recipient_token_lifetime "
        "delta_sharing_organization_name privilege_model_version cloud region global_metastore_id created created_by "
        "last_altered last_altered_by"
    ),
    "information_schema_catalog_name": "catalog_name",
}
"""Column names by table, in order."""

_INTEGERS = (
    *("ordinal_position", "numeric_precision", "numeric_precision_radix", "numeric_scale", "datetime_precision"),
    *("interval_precision", "character_maximum_length", "character_octet_length", "maximum_cardinality"),
    *("partition_index", "position_in_unique_constraint"),
)
TYPES = {
    **dict.fromkeys(_INTEGERS, "INT"),
    **dict.fromkeys(("created", "last_altered"), "TIMESTAMP"),
    "delta_sharing_recipient_token_lifetime": "BIGINT",
}
"""Types of the columns that are no STRING."""
