"""Every name that genops emits. Generated from registry/ by `python registry/generate.py`: edit the YAML.

Three vocabularies overlap and are all emitted: the GenOps Governance Specification (`genops.operation.type`,
`genops.policy.*`, `genops.accounting.*`), the guide (`genops.operation_type`, `genops.governance.*`,
`genops.catalog_name` …) and OpenTelemetry's database conventions (`db.*`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# fmt: off

SCOPE: Final = "genops"
SPEC_VERSION: Final = "0.1.0"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.33.0"
FRAMEWORK: Final = "data_platform"


class Attr:
    """Names of attributes of spans, events, points of metrics and the resource."""

    TEAM: Final = "genops.team"
    PROJECT: Final = "genops.project"
    ENVIRONMENT: Final = "genops.environment"
    COST_CENTER: Final = "genops.cost_center"
    CUSTOMER_ID: Final = "genops.customer_id"
    FEATURE: Final = "genops.feature"
    USER_ID: Final = "genops.user.id"
    BUSINESS_UNIT: Final = "genops.business_unit"

    SPEC_VERSION: Final = "genops.spec.version"
    PROVIDER: Final = "genops.provider"
    FRAMEWORK_TYPE: Final = "genops.framework_type"
    OPERATION_NAME: Final = "genops.operation.name"
    OPERATION_TYPE: Final = "genops.operation.type"
    OPERATION_TYPE_OF_GUIDE: Final = "genops.operation_type"
    OPERATION_ROLE: Final = "genops.operation.role"
    OPERATION_RECORDED: Final = "genops.operation.recorded"
    ROW_COUNT: Final = "genops.data.row_count"
    SIZE_BYTES: Final = "genops.data.size_bytes"
    REQUEST_ATTEMPTS: Final = "genops.request.attempts"
    REQUEST_ID: Final = "genops.request.id"

    POLICY_RESULT: Final = "genops.policy.result"
    POLICY_CHECK: Final = "genops.governance.policy_check"
    POLICY_REASON_CODE: Final = "genops.policy.reason_code"
    POLICY_NAME: Final = "genops.policy.name"
    POLICY_REASON: Final = "genops.policy.reason"

    RESERVED: Final = "genops.accounting.reserved"
    ACTUAL: Final = "genops.accounting.actual"
    ACCOUNTING_UNIT: Final = "genops.accounting.unit"
    RECONCILIATION_DELTA: Final = "genops.accounting.reconciliation_delta"
    INCOMPLETE: Final = "genops.accounting.incomplete"
    BUDGET_NAME: Final = "genops.budget.name"
    BUDGET_ALLOCATED: Final = "genops.budget.allocated"
    BUDGET_CONSUMED: Final = "genops.budget.consumed"
    BUDGET_REMAINING: Final = "genops.budget.remaining"
    BUDGET_PERIOD: Final = "genops.budget.period"

    COST_TOTAL: Final = "genops.cost.total"
    COST_DELTA: Final = "genops.cost.delta"
    COST_CURRENCY: Final = "genops.cost.currency"
    COST_GRADE: Final = "genops.cost.grade"
    RESOURCE_TYPE: Final = "genops.cost.resource_type"
    PRICE_SOURCE: Final = "genops.cost.price_source"
    PRICE_AS_OF: Final = "genops.cost.price_as_of"
    UNPRICED_REASON: Final = "genops.cost.unpriced_reason"

    CATALOG_NAME: Final = "genops.catalog_name"
    SCHEMA_NAME: Final = "genops.schema_name"
    TABLE_NAME: Final = "genops.table_name"
    STATEMENT_LENGTH: Final = "genops.statement.length"
    STATEMENT_HASH: Final = "genops.statement.hash"
    STATEMENT_FINGERPRINT: Final = "genops.statement.fingerprint"
    STATEMENT_UNDERSTOOD: Final = "genops.statement.understood"
    DB_QUERY_TEXT: Final = "db.query.text"
    DB_QUERY_SUMMARY: Final = "db.query.summary"
    DB_SYSTEM_NAME: Final = "db.system.name"
    DB_NAMESPACE: Final = "db.namespace"
    DB_COLLECTION_NAME: Final = "db.collection.name"
    DB_OPERATION_NAME: Final = "db.operation.name"
    DB_BATCH_SIZE: Final = "db.operation.batch.size"
    DB_STATUS_CODE: Final = "db.response.status_code"
    SERVER_ADDRESS: Final = "server.address"
    ERROR_TYPE: Final = "error.type"
    EVENT_NAME: Final = "event.name"

    WORKSPACE_ID: Final = "databricks.workspace.id"
    METASTORE_ID: Final = "databricks.metastore.id"
    API_PATH: Final = "databricks.api.path"
    RETRY_REASON: Final = "databricks.retry.reason"
    STATEMENT_TRUNCATED: Final = "databricks.statement.truncated"
    STATEMENT_CHUNKS: Final = "databricks.statement.chunks"
    WAREHOUSE_ID: Final = "databricks.warehouse.id"
    CLUSTER_ID: Final = "databricks.cluster.id"
    JOB_ID: Final = "databricks.job.id"
    RUN_ID: Final = "databricks.run.id"
    PIPELINE_ID: Final = "databricks.pipeline.id"

    LINEAGE_UPSTREAM: Final = "genops.governance.lineage_upstream"
    LINEAGE_DOWNSTREAM: Final = "genops.governance.lineage_downstream"
    LINEAGE_UPSTREAM_COUNT: Final = "genops.lineage.upstream_count"
    LINEAGE_DOWNSTREAM_COUNT: Final = "genops.lineage.downstream_count"
    LINEAGE_INPUTS: Final = "genops.lineage.inputs"
    LINEAGE_OUTPUTS: Final = "genops.lineage.outputs"

    WORKFLOW_UNITS: Final = "genops.workflow.units"
    WORKFLOW_REFUSED: Final = "genops.workflow.refused"
    WORKFLOW_WARNINGS: Final = "genops.workflow.warnings"
    WORKFLOW_ERRORS: Final = "genops.workflow.errors"
    WORKFLOW_UNPRICED: Final = "genops.workflow.unpriced"
    WORKFLOW_DURATION: Final = "genops.workflow.duration"
    WORKFLOW_ROWS: Final = "genops.workflow.rows"
    WORKFLOW_COST: Final = "genops.workflow.cost"
    WORKFLOW_CURRENCY: Final = "genops.workflow.currency"

    SITE: Final = "genops.internal.site"
    SIGNAL: Final = "genops.telemetry.signal"
    OUTCOME: Final = "genops.telemetry.outcome"
    PROBLEM: Final = "genops.telemetry.problem"
    SERVICE_NAME: Final = "service.name"
    SERVICE_INSTANCE_ID: Final = "service.instance.id"
    DEPLOYMENT_ENVIRONMENT_NAME: Final = "deployment.environment.name"
    TELEMETRY_SDK_LANGUAGE: Final = "telemetry.sdk.language"
    TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
    TELEMETRY_SDK_VERSION: Final = "telemetry.sdk.version"
    RUNTIME_VERSION: Final = "databricks.runtime.version"
    APP_NAME: Final = "databricks.app.name"


DECLARED: Final[frozenset[str]] = frozenset(
    name for key, name in vars(Attr).items() if key.isupper() and isinstance(name, str)
)
OPTIONAL_ATTRIBUTION: Final = frozenset({
    Attr.COST_CENTER, Attr.CUSTOMER_ID, Attr.FEATURE, Attr.USER_ID, Attr.BUSINESS_UNIT,
})
POLICY_CHECKS: Final = {
    "ALLOWED": "passed",
    "WARNING": "warning",
    "BLOCKED": "failed",
    "RATE_LIMITED": "rate_limited",
}
"""The guide's word for a policy result."""
DB_SYSTEMS: Final = {
    "databricks": "databricks",
    "databricks_unity_catalog": "databricks",
}
"""Value of `db.system.name` by provider."""
RESOURCE_IDS: Final = {
    "sql_warehouse": Attr.WAREHOUSE_ID,
    "cluster": Attr.CLUSTER_ID,
    "job": Attr.JOB_ID,
    "job_run": Attr.RUN_ID,
    "pipeline": Attr.PIPELINE_ID,
}
"""Attribute that names a resource, by the resource's type."""
TYPES: Final[Mapping[str, str]] = {
    Attr.OPERATION_RECORDED: "boolean",
    Attr.ROW_COUNT: "int",
    Attr.SIZE_BYTES: "int",
    Attr.REQUEST_ATTEMPTS: "int",
    Attr.RESERVED: "double",
    Attr.ACTUAL: "double",
    Attr.RECONCILIATION_DELTA: "double",
    Attr.INCOMPLETE: "boolean",
    Attr.BUDGET_ALLOCATED: "double",
    Attr.BUDGET_CONSUMED: "double",
    Attr.BUDGET_REMAINING: "double",
    Attr.COST_TOTAL: "double",
    Attr.COST_DELTA: "double",
    Attr.STATEMENT_LENGTH: "int",
    Attr.DB_BATCH_SIZE: "int",
    Attr.STATEMENT_TRUNCATED: "boolean",
    Attr.STATEMENT_CHUNKS: "int",
    Attr.LINEAGE_UPSTREAM_COUNT: "int",
    Attr.LINEAGE_DOWNSTREAM_COUNT: "int",
    Attr.LINEAGE_INPUTS: "string[]",
    Attr.LINEAGE_OUTPUTS: "string[]",
    Attr.WORKFLOW_UNITS: "int",
    Attr.WORKFLOW_REFUSED: "int",
    Attr.WORKFLOW_WARNINGS: "int",
    Attr.WORKFLOW_ERRORS: "int",
    Attr.WORKFLOW_UNPRICED: "int",
    Attr.WORKFLOW_DURATION: "double",
    Attr.WORKFLOW_ROWS: "int",
    Attr.WORKFLOW_COST: "double",
}
"""Types of values that are no strings: `int`, `double`, `boolean` or `string[]`."""
MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    Attr.SPEC_VERSION: frozenset({"0.1.0"}),
    Attr.FRAMEWORK_TYPE: frozenset({"data_platform"}),
    Attr.OPERATION_ROLE: frozenset({"part", "container"}),
    Attr.POLICY_RESULT: frozenset({"ALLOWED", "WARNING", "BLOCKED", "RATE_LIMITED"}),
    Attr.POLICY_CHECK: frozenset({"passed", "warning", "failed", "rate_limited"}),
    Attr.POLICY_REASON_CODE: frozenset({
        "BUDGET_EXCEEDED", "BUDGET_RESERVATION_FAILED", "POLICY_DENY_CONTENT", "x_policy_error", "x_unresolved",
        "x_unpriced",
    }),
    Attr.BUDGET_PERIOD: frozenset({"day", "week", "month", "year", "total"}),
    Attr.COST_GRADE: frozenset({"estimated", "metered", "billed"}),
    Attr.UNPRICED_REASON: frozenset({
        "warehouse_unknown", "size_unknown", "type_unknown", "cloud_unknown", "tier_unknown", "region_unknown",
        "no_dbu_rate", "no_list_price", "not_billed", "not_reported", "duration_unknown", "not_executed", "pending",
        "charged_elsewhere", "pricer_failed", "no_prices",
    }),
    Attr.STATEMENT_UNDERSTOOD: frozenset({"resolved", "partial", "opaque", "too_complex", "error"}),
    Attr.DB_SYSTEM_NAME: frozenset({"databricks"}),
    Attr.SIGNAL: frozenset({"traces", "logs", "metrics"}),
    Attr.OUTCOME: frozenset({"accepted", "partial", "failed"}),
    Attr.PROBLEM: frozenset({
        "undeclared", "misplaced", "missing", "wrong_type", "wrong_value",
    }),
}
"""The values of attributes whose values are a closed set."""
PATTERNS: Final[Mapping[str, str]] = {
    Attr.POLICY_REASON_CODE: (
        r"POLICY_DENY_MODEL|POLICY_DENY_REGION|RATE_LIMITED|SLA_LATENCY_VIOLATION|PROVIDER_ERROR_UPSTREAM|"
        r"ACCOUNTING_INVARIANT_VIOLATION|x_[a-z0-9_]+"
    ),
    Attr.ACCOUNTING_UNIT: r"[A-Z]{3}|compute_second|call",
    Attr.COST_CURRENCY: r"[A-Z]{3}",
    Attr.UNPRICED_REASON: r"no_price_for_\w+",
    Attr.WORKFLOW_CURRENCY: r"[A-Z]{3}",
}
"""What a value matches as a whole, where it is none of those above; a regular expression."""


class Event:
    """Names of events."""

    POLICY_EVALUATED: Final = "genops.policy.evaluated"
    BUDGET_RESERVATION: Final = "genops.budget.reservation"
    BUDGET_RECONCILIATION: Final = "genops.budget.reconciliation"
    COST_CALCULATED: Final = "genops.cost.calculated"


EVENTS: Final = frozenset(name for key, name in vars(Event).items() if key.isupper())


class Carried(NamedTuple):
    """What a span or an event carries.

    Attributes:
        required: Attributes that are always there.
        optional: Attributes that may be there.
        log: Those of `required` that a span event leaves to its span.
    """

    required: frozenset[str]
    optional: frozenset[str]
    log: frozenset[str] = frozenset()


class Instrument(NamedTuple):
    """One metric.

    Attributes:
        name: Its name.
        kind: `counter`, `updowncounter`, `gauge` or `histogram`.
        unit: Its unit in UCUM; `{currency}` stands for the reporting currency in braces.
        description: What it counts.
        required: Labels that every point has.
        optional: Labels that a point may have.
        opt_in: Whether a setting brings it.
    """

    name: str
    kind: str
    unit: str
    description: str
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    opt_in: bool = False


class Metric:
    """The metrics."""

    MISSING: Final = Instrument(
        "genops.attribution.missing", "counter", "{operation}",
        "Operations without team, project or environment",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    OPERATIONS: Final = Instrument(
        "genops.operations", "counter", "{operation}",
        "Operations settled",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    ERRORS: Final = Instrument(
        "genops.operation.errors", "counter", "{operation}",
        "Operations that ended in an error",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    DURATION: Final = Instrument(
        "genops.operation.duration", "histogram", "s",
        "Time of execution of settled operations",
        frozenset({Attr.OPERATION_TYPE, Attr.POLICY_RESULT}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE,
        }),
    )
    ROWS: Final = Instrument(
        "genops.data.rows", "counter", "{row}",
        "Rows returned or written",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    BYTES: Final = Instrument(
        "genops.data.bytes", "counter", "By",
        "Bytes of results and payloads",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    DECISIONS: Final = Instrument(
        "genops.policy.decisions", "counter", "{decision}",
        "Decisions made",
        frozenset({Attr.OPERATION_TYPE, Attr.POLICY_RESULT}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    VIOLATIONS: Final = Instrument(
        "genops.governance.violation", "gauge", "{violation}",
        "Decisions that refused, or would have in enforce mode",
        frozenset({Attr.OPERATION_TYPE, Attr.POLICY_RESULT}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    ALLOCATED: Final = Instrument(
        "genops.budget.allocated", "gauge", "{budget_unit}",
        "Limit of a budget for its period",
        frozenset({
            Attr.BUDGET_NAME, Attr.BUDGET_PERIOD, Attr.ACCOUNTING_UNIT,
        }),
        frozenset(),
    )
    CONSUMED: Final = Instrument(
        "genops.budget.consumed", "gauge", "{budget_unit}",
        "Spent and reserved in the period",
        frozenset({
            Attr.BUDGET_NAME, Attr.BUDGET_PERIOD, Attr.ACCOUNTING_UNIT,
        }),
        frozenset(),
    )
    REMAINING: Final = Instrument(
        "genops.budget.remaining", "gauge", "{budget_unit}",
        "What is left of a budget",
        frozenset({
            Attr.BUDGET_NAME, Attr.BUDGET_PERIOD, Attr.ACCOUNTING_UNIT,
        }),
        frozenset(),
    )
    COST: Final = Instrument(
        "genops.cost.total", "counter", "{currency}",
        "Cost of settled operations",
        frozenset({Attr.OPERATION_TYPE, Attr.COST_CURRENCY}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    ADJUSTMENT: Final = Instrument(
        "genops.cost.adjustment", "updowncounter", "{currency}",
        "Later corrections of costs",
        frozenset({Attr.OPERATION_TYPE, Attr.COST_CURRENCY}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    UNPRICED: Final = Instrument(
        "genops.operation.unpriced", "counter", "{operation}",
        "Operations without a price",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.RESOURCE_TYPE, Attr.WORKSPACE_ID,
        }),
    )
    LINEAGE: Final = Instrument(
        "genops.data.lineage", "updowncounter", "{edge}",
        "Edges of lineage that are known now, each once, under the operation that named it first",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.WORKSPACE_ID,
        }),
    )
    LINEAGE_OPERATIONS: Final = Instrument(
        "genops.data.lineage.operations", "counter", "{operation}",
        "Operations that named an edge of lineage",
        frozenset({Attr.OPERATION_TYPE}),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PROVIDER, Attr.WORKSPACE_ID,
        }),
    )
    FAULTS: Final = Instrument(
        "genops.internal.errors", "counter", "{error}",
        "Faults of genops itself",
        frozenset({Attr.SITE}),
        frozenset(),
    )
    EVICTED: Final = Instrument(
        "genops.internal.dropped", "counter", "{item}",
        "What a full table or queue of genops let go",
        frozenset({Attr.SITE}),
        frozenset(),
    )
    DROPPED: Final = Instrument(
        "genops.telemetry.dropped", "counter", "{item}",
        "Telemetry that a full queue dropped",
        frozenset({Attr.SIGNAL}),
        frozenset(),
    )
    FAILED: Final = Instrument(
        "genops.telemetry.failed", "counter", "{item}",
        "Telemetry that its receiver did not accept",
        frozenset({Attr.SIGNAL}),
        frozenset(),
    )
    INVALID: Final = Instrument(
        "genops.telemetry.invalid", "counter", "{item}",
        "Telemetry that does not keep to the registry",
        frozenset({Attr.SIGNAL, Attr.PROBLEM}),
        frozenset(),
        opt_in=True,
    )
    ADMIT_DURATION: Final = Instrument(
        "genops.internal.admit.duration", "histogram", "s",
        "Time that deciding and reserving took",
        frozenset(),
        frozenset(),
        opt_in=True,
    )
    SETTLE_DURATION: Final = Instrument(
        "genops.internal.settle.duration", "histogram", "s",
        "Time that pricing, reconciling and closing took",
        frozenset(),
        frozenset(),
        opt_in=True,
    )
    EXPORT_DURATION: Final = Instrument(
        "genops.telemetry.export.duration", "histogram", "s",
        "Time that one export took",
        frozenset({Attr.SIGNAL, Attr.OUTCOME}),
        frozenset(),
        opt_in=True,
    )
    QUEUE_SIZE: Final = Instrument(
        "genops.telemetry.queue.size", "gauge", "{item}",
        "Telemetry that waits to be exported",
        frozenset({Attr.SIGNAL}),
        frozenset(),
        opt_in=True,
    )


METRICS: Final = tuple(metric for metric in vars(Metric).values() if isinstance(metric, Instrument))
SPAN_ATTRIBUTES: Final[Mapping[str, Carried]] = {
    "genops.unit": Carried(
        frozenset({
            Attr.SPEC_VERSION, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
            Attr.OPERATION_TYPE_OF_GUIDE, Attr.FRAMEWORK_TYPE, Attr.POLICY_RESULT, Attr.POLICY_CHECK, Attr.RESERVED,
            Attr.ACCOUNTING_UNIT,
        }),
        frozenset({
            Attr.COST_CENTER, Attr.CUSTOMER_ID, Attr.FEATURE, Attr.USER_ID, Attr.BUSINESS_UNIT, Attr.PROVIDER,
            Attr.OPERATION_RECORDED, Attr.DB_SYSTEM_NAME, Attr.SERVER_ADDRESS, Attr.WORKSPACE_ID, Attr.METASTORE_ID,
            Attr.API_PATH, Attr.RESOURCE_TYPE, Attr.WAREHOUSE_ID, Attr.CLUSTER_ID, Attr.JOB_ID, Attr.RUN_ID,
            Attr.PIPELINE_ID, Attr.CATALOG_NAME, Attr.SCHEMA_NAME, Attr.TABLE_NAME, Attr.DB_NAMESPACE,
            Attr.DB_COLLECTION_NAME, Attr.STATEMENT_LENGTH, Attr.STATEMENT_HASH, Attr.DB_OPERATION_NAME,
            Attr.STATEMENT_FINGERPRINT, Attr.STATEMENT_UNDERSTOOD, Attr.DB_QUERY_TEXT, Attr.DB_QUERY_SUMMARY,
            Attr.ROW_COUNT, Attr.SIZE_BYTES, Attr.REQUEST_ATTEMPTS, Attr.REQUEST_ID, Attr.ERROR_TYPE,
            Attr.DB_STATUS_CODE, Attr.RETRY_REASON, Attr.DB_BATCH_SIZE, Attr.STATEMENT_TRUNCATED, Attr.STATEMENT_CHUNKS,
            Attr.POLICY_REASON_CODE, Attr.POLICY_NAME, Attr.POLICY_REASON, Attr.ACTUAL, Attr.RECONCILIATION_DELTA,
            Attr.INCOMPLETE, Attr.BUDGET_NAME, Attr.BUDGET_ALLOCATED, Attr.BUDGET_CONSUMED, Attr.BUDGET_REMAINING,
            Attr.BUDGET_PERIOD, Attr.COST_TOTAL, Attr.COST_CURRENCY, Attr.COST_GRADE, Attr.PRICE_SOURCE,
            Attr.PRICE_AS_OF, Attr.UNPRICED_REASON, Attr.LINEAGE_UPSTREAM, Attr.LINEAGE_DOWNSTREAM,
            Attr.LINEAGE_UPSTREAM_COUNT, Attr.LINEAGE_DOWNSTREAM_COUNT, Attr.LINEAGE_INPUTS, Attr.LINEAGE_OUTPUTS,
        }),
    ),
    "genops.unit.refused": Carried(
        frozenset({
            Attr.SPEC_VERSION, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
            Attr.OPERATION_TYPE_OF_GUIDE, Attr.FRAMEWORK_TYPE, Attr.POLICY_RESULT, Attr.POLICY_CHECK, Attr.ERROR_TYPE,
        }),
        frozenset({
            Attr.COST_CENTER, Attr.CUSTOMER_ID, Attr.FEATURE, Attr.USER_ID, Attr.BUSINESS_UNIT, Attr.PROVIDER,
            Attr.OPERATION_RECORDED, Attr.DB_SYSTEM_NAME, Attr.SERVER_ADDRESS, Attr.WORKSPACE_ID, Attr.METASTORE_ID,
            Attr.API_PATH, Attr.RESOURCE_TYPE, Attr.WAREHOUSE_ID, Attr.CLUSTER_ID, Attr.JOB_ID, Attr.RUN_ID,
            Attr.PIPELINE_ID, Attr.CATALOG_NAME, Attr.SCHEMA_NAME, Attr.TABLE_NAME, Attr.DB_NAMESPACE,
            Attr.DB_COLLECTION_NAME, Attr.STATEMENT_LENGTH, Attr.STATEMENT_HASH, Attr.DB_OPERATION_NAME,
            Attr.STATEMENT_FINGERPRINT, Attr.STATEMENT_UNDERSTOOD, Attr.DB_QUERY_TEXT, Attr.DB_QUERY_SUMMARY,
            Attr.POLICY_REASON_CODE, Attr.POLICY_NAME, Attr.POLICY_REASON,
        }),
    ),
    "genops.unit.unattributed": Carried(
        frozenset({
            Attr.OPERATION_NAME, Attr.OPERATION_TYPE, Attr.OPERATION_TYPE_OF_GUIDE, Attr.FRAMEWORK_TYPE,
        }),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.COST_CENTER, Attr.CUSTOMER_ID, Attr.FEATURE, Attr.USER_ID,
            Attr.BUSINESS_UNIT, Attr.PROVIDER, Attr.OPERATION_RECORDED, Attr.DB_SYSTEM_NAME, Attr.SERVER_ADDRESS,
            Attr.WORKSPACE_ID, Attr.METASTORE_ID, Attr.API_PATH, Attr.RESOURCE_TYPE, Attr.WAREHOUSE_ID, Attr.CLUSTER_ID,
            Attr.JOB_ID, Attr.RUN_ID, Attr.PIPELINE_ID, Attr.CATALOG_NAME, Attr.SCHEMA_NAME, Attr.TABLE_NAME,
            Attr.DB_NAMESPACE, Attr.DB_COLLECTION_NAME, Attr.STATEMENT_LENGTH, Attr.STATEMENT_HASH,
            Attr.DB_OPERATION_NAME, Attr.STATEMENT_FINGERPRINT, Attr.STATEMENT_UNDERSTOOD, Attr.DB_QUERY_TEXT,
            Attr.DB_QUERY_SUMMARY, Attr.ROW_COUNT, Attr.SIZE_BYTES, Attr.REQUEST_ATTEMPTS, Attr.REQUEST_ID,
            Attr.ERROR_TYPE, Attr.DB_STATUS_CODE, Attr.RETRY_REASON, Attr.DB_BATCH_SIZE, Attr.STATEMENT_TRUNCATED,
            Attr.STATEMENT_CHUNKS, Attr.COST_TOTAL, Attr.COST_CURRENCY, Attr.COST_GRADE, Attr.PRICE_SOURCE,
            Attr.PRICE_AS_OF, Attr.UNPRICED_REASON, Attr.LINEAGE_UPSTREAM, Attr.LINEAGE_DOWNSTREAM,
            Attr.LINEAGE_UPSTREAM_COUNT, Attr.LINEAGE_DOWNSTREAM_COUNT, Attr.LINEAGE_INPUTS, Attr.LINEAGE_OUTPUTS,
        }),
    ),
    "genops.part": Carried(
        frozenset({
            Attr.OPERATION_ROLE, Attr.OPERATION_NAME, Attr.OPERATION_TYPE, Attr.OPERATION_TYPE_OF_GUIDE,
            Attr.FRAMEWORK_TYPE,
        }),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.COST_CENTER, Attr.CUSTOMER_ID, Attr.FEATURE, Attr.USER_ID,
            Attr.BUSINESS_UNIT, Attr.PROVIDER, Attr.OPERATION_RECORDED, Attr.DB_SYSTEM_NAME, Attr.SERVER_ADDRESS,
            Attr.WORKSPACE_ID, Attr.METASTORE_ID, Attr.API_PATH, Attr.RESOURCE_TYPE, Attr.WAREHOUSE_ID, Attr.CLUSTER_ID,
            Attr.JOB_ID, Attr.RUN_ID, Attr.PIPELINE_ID, Attr.CATALOG_NAME, Attr.SCHEMA_NAME, Attr.TABLE_NAME,
            Attr.DB_NAMESPACE, Attr.DB_COLLECTION_NAME, Attr.STATEMENT_LENGTH, Attr.STATEMENT_HASH,
            Attr.DB_OPERATION_NAME, Attr.STATEMENT_FINGERPRINT, Attr.STATEMENT_UNDERSTOOD, Attr.DB_QUERY_TEXT,
            Attr.DB_QUERY_SUMMARY, Attr.ROW_COUNT, Attr.SIZE_BYTES, Attr.REQUEST_ATTEMPTS, Attr.REQUEST_ID,
            Attr.ERROR_TYPE, Attr.DB_STATUS_CODE, Attr.RETRY_REASON, Attr.DB_BATCH_SIZE, Attr.STATEMENT_TRUNCATED,
            Attr.STATEMENT_CHUNKS, Attr.LINEAGE_UPSTREAM, Attr.LINEAGE_DOWNSTREAM, Attr.LINEAGE_UPSTREAM_COUNT,
            Attr.LINEAGE_DOWNSTREAM_COUNT, Attr.LINEAGE_INPUTS, Attr.LINEAGE_OUTPUTS,
        }),
    ),
    "genops.container": Carried(
        frozenset({
            Attr.OPERATION_ROLE, Attr.OPERATION_NAME, Attr.OPERATION_TYPE, Attr.OPERATION_TYPE_OF_GUIDE,
            Attr.FRAMEWORK_TYPE, Attr.PROVIDER, Attr.WORKFLOW_UNITS, Attr.WORKFLOW_REFUSED, Attr.WORKFLOW_WARNINGS,
            Attr.WORKFLOW_ERRORS, Attr.WORKFLOW_UNPRICED, Attr.WORKFLOW_DURATION, Attr.WORKFLOW_ROWS,
        }),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.COST_CENTER, Attr.CUSTOMER_ID, Attr.FEATURE, Attr.USER_ID,
            Attr.BUSINESS_UNIT, Attr.ERROR_TYPE, Attr.WORKFLOW_COST, Attr.WORKFLOW_CURRENCY,
        }),
    ),
}
"""What each type of span carries."""
EVENT_ATTRIBUTES: Final[Mapping[str, Carried]] = {
    Event.POLICY_EVALUATED: Carried(
        frozenset({
            Attr.EVENT_NAME, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
            Attr.POLICY_RESULT,
        }),
        frozenset({
            Attr.POLICY_REASON_CODE, Attr.POLICY_NAME, Attr.POLICY_REASON,
        }),
        frozenset({
            Attr.EVENT_NAME, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
        }),
    ),
    Event.BUDGET_RESERVATION: Carried(
        frozenset({
            Attr.EVENT_NAME, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
            Attr.RESERVED, Attr.ACCOUNTING_UNIT,
        }),
        frozenset({Attr.BUDGET_NAME, Attr.BUDGET_REMAINING}),
        frozenset({
            Attr.EVENT_NAME, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
        }),
    ),
    Event.BUDGET_RECONCILIATION: Carried(
        frozenset({
            Attr.EVENT_NAME, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
            Attr.ACTUAL, Attr.RESERVED, Attr.ACCOUNTING_UNIT, Attr.RECONCILIATION_DELTA,
        }),
        frozenset({Attr.INCOMPLETE, Attr.BUDGET_NAME}),
        frozenset({
            Attr.EVENT_NAME, Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.OPERATION_NAME, Attr.OPERATION_TYPE,
        }),
    ),
    Event.COST_CALCULATED: Carried(
        frozenset({
            Attr.EVENT_NAME, Attr.OPERATION_NAME, Attr.OPERATION_TYPE, Attr.COST_TOTAL, Attr.COST_DELTA,
            Attr.COST_CURRENCY, Attr.COST_GRADE,
        }),
        frozenset({
            Attr.TEAM, Attr.PROJECT, Attr.ENVIRONMENT, Attr.PRICE_SOURCE,
        }),
    ),
}
"""What each event carries."""
DURATION_BOUNDARIES: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
)
