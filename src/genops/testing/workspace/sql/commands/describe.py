"""DESCRIBE of tables, columns, queries and functions, and what SHOW CREATE TABLE prints."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.clock import stamp
from genops.testing.workspace.sql.commands.constraints import described, shown_as
from genops.testing.workspace.sql.commands.grammar import Command, Scope, Table, identifier, moment
from genops.testing.workspace.sql.commands.types import json_type
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.values import column_type

if TYPE_CHECKING:
    import re

    from genops.testing.workspace.http.wire import Json

_VIEWS = ("VIEW", "MATERIALIZED_VIEW")
_ISO = "%Y-%m-%dT%H:%M:%SZ"


def relation(info: Json) -> dict[str, str]:
    """What DESCRIBE EXTENDED and SHOW TABLE EXTENDED say of a table besides its columns, in order."""
    is_view = info["table_type"] == "VIEW"
    properties = ",".join(f"{key}={value}" for key, value in sorted(info.get("properties", {}).items()))
    facts = {
        "Catalog": info["catalog_name"],
        "Database": info["schema_name"],
        "Table": info["name"],
        "Owner": info["owner"],
        "Created Time": moment(info["created_at"]),
        "Last Access": "UNKNOWN",
        "Created By": info["created_by"],
        "Type": info["table_type"],
        "Provider": "" if is_view else str(info.get("data_source_format", "delta")).lower(),
        "Comment": info.get("comment", ""),
        "Table Properties": f"[{properties}]" if properties else "",
        "Location": "" if is_view else info.get("storage_location", ""),
        "View Text": info.get("view_definition", ""),
        "View Original Text": info.get("view_definition", ""),
        "View Catalog and Namespace": f"{info['catalog_name']}.{info['schema_name']}" if is_view else "",
        "View Query Output Columns": _outputs(info) if is_view else "",
    }
    always = ("Catalog", "Database", "Table", "Owner", "Type", "Comment")
    return {key: value for key, value in facts.items() if value or key in always}


def _outputs(info: Json) -> str:
    return "[" + ", ".join(f"`{column['name']}`" for column in info["columns"]) + "]"


def partition_columns(info: Json) -> list[Json]:
    """The columns by which a table is partitioned, in order."""
    found = [column for column in info["columns"] if column.get("partition_index") is not None]
    return sorted(found, key=lambda column: column["partition_index"])


def _lines(columns: list[Json]) -> list[list[Any]]:
    return [[column["name"], column["type_text"], column.get("comment")] for column in columns]


def _section(title: str, columns: list[Json]) -> list[list[Any]]:
    head = [[f"# {title}", "", ""], ["# col_name", "data_type", "comment"]]
    return [*head, *_lines(columns)] if columns else []


def _describe(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.found(match["name"])
    if match["json"]:
        return Table(["json_metadata"], [[json.dumps(_as_json(info))]])
    if match["column"]:
        return _describe_column(info, identifier(match["column"]))
    clustering = [column for column in info["columns"] if column["name"] in info.get("clustering_columns", ())]
    rows = [
        *_lines(info["columns"]),
        *_section("Partition Information", partition_columns(info)),
        *_section("Clustering Information", clustering),
    ]
    if match["extended"] and "table_id" in info:
        rows += [["", "", ""], ["# Detailed Table Information", "", ""]]
        rows += [[key, value, ""] for key, value in relation(info).items()]
        keys = described(info)
        rows += [["", "", ""], ["# Constraints", "", ""], *[[*key, ""] for key in keys]] if keys else []
    return Table(["col_name", "data_type", "comment"], rows)


def _describe_column(info: Json, name: str) -> Table:
    column = next((column for column in info["columns"] if column["name"].lower() == name.lower()), None)
    if column is None:
        raise SqlError(
            f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column, variable, or function parameter with name `{name}` "
            "cannot be resolved.",
            "42703",
        )
    facts = [["col_name", column["name"]], ["data_type", column["type_text"]]]
    return Table(["info_name", "info_value"], [*facts, ["comment", column.get("comment", "NULL")]])


def _as_json(info: Json) -> Json:
    columns = [
        {
            "name": column["name"],
            "type": json_type(column["type_text"]),
            **({"comment": column["comment"]} if column.get("comment") else {}),
            "nullable": column.get("nullable", True),
        }
        for column in info["columns"]
    ]
    facts: Json = {
        "table_name": info["name"],
        "catalog_name": info["catalog_name"],
        "namespace": [info["schema_name"]],
        "schema_name": info["schema_name"],
        "columns": columns,
        "type": info["table_type"],
        "owner": info["owner"],
        "created_by": info["created_by"],
        "created_time": time.strftime(_ISO, time.gmtime(info["created_at"] / 1000)),
        "last_access": "UNKNOWN",
        "comment": info.get("comment"),
        "table_properties": info.get("properties") or None,
        "partition_columns": [column["name"] for column in partition_columns(info)] or None,
        "clustering_columns": info.get("clustering_columns") or None,
        "table_constraints": shown_as(described(info)) or None,
        "view_text": info.get("view_definition"),
        "view_original_text": info.get("view_definition"),
        "provider": None if info["table_type"] == "VIEW" else str(info.get("data_source_format", "delta")).lower(),
        "location": info.get("storage_location"),
    }
    return {key: value for key, value in facts.items() if value is not None}


def _describe_query(scope: Scope, match: re.Match[str]) -> Table:
    found = scope.planner.columns_of(match["query"], scope.session)
    rows = [[name, column_type(duck).text.lower(), None] for name, duck in found]
    return Table(["col_name", "data_type", "comment"], rows)


def _detail(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.stored(match["name"])
    facts: dict[str, tuple[str, Any]] = {
        "format": ("VARCHAR", str(info.get("data_source_format", "delta")).lower()),
        "id": ("VARCHAR", info["table_id"]),
        "name": ("VARCHAR", info["full_name"]),
        "description": ("VARCHAR", info.get("comment")),
        "location": ("VARCHAR", info.get("storage_location")),
        "createdAt": ("TIMESTAMP WITH TIME ZONE", stamp(info["created_at"] / 1000)),
        "lastModified": ("TIMESTAMP WITH TIME ZONE", stamp(info["updated_at"] / 1000)),
        "partitionColumns": ("VARCHAR[]", json.dumps([column["name"] for column in partition_columns(info)])),
        "clusteringColumns": ("VARCHAR[]", json.dumps(info.get("clustering_columns", []))),
        # The local workspace keeps no files, so it has no number of them and no size to tell.
        "numFiles": ("BIGINT", None),
        "sizeInBytes": ("BIGINT", None),
        "properties": ("MAP(VARCHAR, VARCHAR)", json.dumps(info.get("properties", {}))),
        "minReaderVersion": ("INTEGER", 1),
        "minWriterVersion": ("INTEGER", 2),
        "tableFeatures": ("VARCHAR[]", '["appendOnly","invariants"]'),
        "statistics": ("MAP(VARCHAR, BIGINT)", None),
    }
    kinds = {name: kind for name, (kind, _) in facts.items()}
    return Table(list(facts), [[value for _, value in facts.values()]], kinds)


_HISTORY = {
    "version": "BIGINT",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "userId": "VARCHAR",
    "userName": "VARCHAR",
    "operation": "VARCHAR",
    "operationParameters": "MAP(VARCHAR, VARCHAR)",
    "job": "STRUCT(jobId VARCHAR, jobName VARCHAR, jobRunId VARCHAR, runId VARCHAR, jobOwnerId VARCHAR, "
    "triggerType VARCHAR)",
    "notebook": "STRUCT(notebookId VARCHAR)",
    "clusterId": "VARCHAR",
    "readVersion": "BIGINT",
    "isolationLevel": "VARCHAR",
    "isBlindAppend": "BOOLEAN",
    "operationMetrics": "MAP(VARCHAR, VARCHAR)",
    "userMetadata": "VARCHAR",
    "engineInfo": "VARCHAR",
}


def _history(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.stored(match["name"])
    rows: list[list[Any]] = []
    for version in scope.catalog.versions.history(info)[: int(match["limit"]) if match["limit"] else None]:
        parameters = {key: str(value) for key, value in version.parameters.items()}
        told: dict[str, Any] = {
            "version": version.number,
            "timestamp": stamp(version.at),
            "userName": version.user or scope.user,
            "operation": version.operation,
            "operationParameters": json.dumps(parameters),
            "readVersion": version.number - 1 if version.number else None,
            "isolationLevel": "WriteSerializable",
            "isBlindAppend": str(version.parameters.get("mode") == "Append").lower(),
            "operationMetrics": json.dumps(version.metrics),
            "engineInfo": "LocalWorkspace",
        }
        rows.append([told.get(name) for name in _HISTORY])
    return Table(list(_HISTORY), rows, _HISTORY)


def _function(scope: Scope, match: re.Match[str]) -> Table:
    info = scope.catalog.securable("function", scope.full(match["name"], 3))
    scope.catalog.grants.need_sight(scope.user, "function", info["full_name"])
    parameters = info.get("input_params", {}).get("parameters", [])
    shown = ", ".join(f"{item['name']} {item['type_text'].upper()}" for item in parameters)
    kind = "TABLE" if info.get("data_type") == "TABLE_TYPE" else "SCALAR"
    lines = [f"Function: {info['full_name']}", f"Type: {kind}", f"Input: {shown}", f"Returns: {info['full_data_type']}"]
    if match["extended"]:
        lines += [
            f"Comment: {info.get('comment', '')}",
            "Deterministic: true",
            "Data Access: CONTAINS SQL",
            f"Owner: {info['owner']}",
            f"Create Time: {moment(info['created_at'])}",
            f"Body: {info['routine_definition']}",
        ]
    return Table(["function_desc"], [[line] for line in lines])


_WORD = "{DESCRIBE|DESC}"
COMMANDS: list[Command] = [
    (f"{_WORD} DETAIL <name>", _detail, "DESCRIBE"),
    (f"{_WORD} HISTORY <name> [LIMIT <limit:name>]", _history, "DESCRIBE"),
    (f"{_WORD} FUNCTION [extended:EXTENDED] <name>", _function, "DESCRIBE"),
    (f"{_WORD} QUERY <query:query>", _describe_query, "DESCRIBE"),
    (f"{_WORD} <query:select>", _describe_query, "DESCRIBE"),
    (f"{_WORD} [TABLE] [extended:EXTENDED] <name> [<column:name>] [json:AS JSON]", _describe, "DESCRIBE"),
]
