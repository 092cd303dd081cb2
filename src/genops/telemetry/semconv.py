"""Every name that genops emits, by hand until a registry generates it.

Three vocabularies overlap and are all emitted: the GenOps Governance Specification v0.1 (`genops.operation.type`,
`genops.policy.*`, `genops.accounting.*`), the guide (`genops.operation_type`, `genops.governance.*`,
`genops.catalog_name` …) and OpenTelemetry's database conventions, stable since version 1.33.0 (`db.*`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

SCOPE: Final = "genops"
SPEC_VERSION: Final = "0.1.0"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.33.0"
FRAMEWORK: Final = "data_platform"


class Attr:
    """Names of attributes of spans, events and metric points."""

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
    EVENT_NAME: Final = "event.name"

    CATALOG_NAME: Final = "genops.catalog_name"
    SCHEMA_NAME: Final = "genops.schema_name"
    TABLE_NAME: Final = "genops.table_name"
    ROW_COUNT: Final = "genops.data.row_count"
    SIZE_BYTES: Final = "genops.data.size_bytes"
    STATEMENT_LENGTH: Final = "genops.statement.length"
    STATEMENT_HASH: Final = "genops.statement.hash"
    DB_SYSTEM_NAME: Final = "db.system.name"
    DB_NAMESPACE: Final = "db.namespace"
    DB_COLLECTION_NAME: Final = "db.collection.name"
    DB_OPERATION_NAME: Final = "db.operation.name"
    DB_STATUS_CODE: Final = "db.response.status_code"
    SERVER_ADDRESS: Final = "server.address"
    ERROR_TYPE: Final = "error.type"
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

    WORKFLOW_UNITS: Final = "genops.workflow.units"
    WORKFLOW_REFUSED: Final = "genops.workflow.refused"
    WORKFLOW_WARNINGS: Final = "genops.workflow.warnings"
    WORKFLOW_ERRORS: Final = "genops.workflow.errors"
    WORKFLOW_UNPRICED: Final = "genops.workflow.unpriced"
    WORKFLOW_DURATION: Final = "genops.workflow.duration"
    WORKFLOW_ROWS: Final = "genops.workflow.rows"
    WORKFLOW_COST: Final = "genops.workflow.cost"
    WORKFLOW_CURRENCY: Final = "genops.workflow.currency"

    WORKSPACE_ID: Final = "databricks.workspace.id"
    METASTORE_ID: Final = "databricks.metastore.id"
    API_PATH: Final = "databricks.api.path"
    RETRY_REASON: Final = "databricks.retry.reason"
    STATEMENT_TRUNCATED: Final = "databricks.statement.truncated"
    WAREHOUSE_ID: Final = "databricks.warehouse.id"
    CLUSTER_ID: Final = "databricks.cluster.id"
    JOB_ID: Final = "databricks.job.id"
    RUN_ID: Final = "databricks.run.id"
    PIPELINE_ID: Final = "databricks.pipeline.id"

    SITE: Final = "genops.internal.site"
    SIGNAL: Final = "genops.telemetry.signal"


DECLARED: Final[frozenset[str]] = frozenset(
    name for key, name in vars(Attr).items() if key.isupper() and isinstance(name, str)
)
OPTIONAL_ATTRIBUTION: Final = frozenset(
    {Attr.COST_CENTER, Attr.CUSTOMER_ID, Attr.FEATURE, Attr.USER_ID, Attr.BUSINESS_UNIT}
)

POLICY_CHECKS: Final = {"ALLOWED": "passed", "WARNING": "warning", "BLOCKED": "failed", "RATE_LIMITED": "rate_limited"}
DB_SYSTEMS: Final = {"databricks": "databricks", "databricks_unity_catalog": "databricks"}
"""Value of `db.system.name` by provider; the conventions ask for a product's own name where they list none."""
RESOURCE_IDS: Final = {
    "sql_warehouse": Attr.WAREHOUSE_ID,
    "cluster": Attr.CLUSTER_ID,
    "job": Attr.JOB_ID,
    "job_run": Attr.RUN_ID,
    "pipeline": Attr.PIPELINE_ID,
}
"""Attribute that names a resource, by its type, on Databricks."""


class Event:
    """Names of events: the three of the specification that are required, and an optional one."""

    POLICY_EVALUATED: Final = "genops.policy.evaluated"
    BUDGET_RESERVATION: Final = "genops.budget.reservation"
    BUDGET_RECONCILIATION: Final = "genops.budget.reconciliation"
    COST_CALCULATED: Final = "genops.cost.calculated"


EVENTS: Final = frozenset(name for key, name in vars(Event).items() if key.isupper())


class Instrument(NamedTuple):
    """One metric.

    Attributes:
        name: Its name.
        kind: `counter`, `updowncounter`, `gauge` or `histogram`.
        unit: Its unit in UCUM; `{currency}` stands for the reporting currency in braces.
        description: What it counts.
    """

    name: str
    kind: str
    unit: str
    description: str


class Metric:
    """The metrics. All but the histogram are read from the exact totals when they are collected."""

    COST = Instrument("genops.cost.total", "counter", "{currency}", "Cost of settled operations")
    ADJUSTMENT = Instrument("genops.cost.adjustment", "updowncounter", "{currency}", "Later corrections of costs")
    DECISIONS = Instrument("genops.policy.decisions", "counter", "{decision}", "Decisions made")
    OPERATIONS = Instrument("genops.operations", "counter", "{operation}", "Operations settled")
    ERRORS = Instrument("genops.operation.errors", "counter", "{operation}", "Operations that ended in an error")
    UNPRICED = Instrument("genops.operation.unpriced", "counter", "{operation}", "Operations without a price")
    ROWS = Instrument("genops.data.rows", "counter", "{row}", "Rows returned or written")
    BYTES = Instrument("genops.data.bytes", "counter", "By", "Bytes of results and payloads")
    VIOLATIONS = Instrument(
        "genops.governance.violation", "gauge", "{violation}", "Decisions that refused, or would have in enforce mode"
    )
    ALLOCATED = Instrument("genops.budget.allocated", "gauge", "{budget_unit}", "Limit of a budget for its period")
    CONSUMED = Instrument("genops.budget.consumed", "gauge", "{budget_unit}", "Spent and reserved in the period")
    REMAINING = Instrument("genops.budget.remaining", "gauge", "{budget_unit}", "What is left of a budget")
    MISSING = Instrument(
        "genops.attribution.missing", "counter", "{operation}", "Operations without team, project or environment"
    )
    FAULTS = Instrument("genops.internal.errors", "counter", "{error}", "Faults of genops itself")
    EVICTED = Instrument("genops.internal.dropped", "counter", "{item}", "What a full table or queue of genops let go")
    DROPPED = Instrument("genops.telemetry.dropped", "counter", "{item}", "Telemetry that a full queue dropped")
    FAILED = Instrument("genops.telemetry.failed", "counter", "{item}", "Telemetry that its receiver did not accept")
    DURATION = Instrument("genops.operation.duration", "histogram", "s", "Time of execution of settled operations")


METRICS: Final = tuple(metric for metric in vars(Metric).values() if isinstance(metric, Instrument))
DURATION_BOUNDARIES: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
)  # fmt: skip
