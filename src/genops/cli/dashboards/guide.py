"""The dashboard of the guide: its title, its three panels, its three queries to the letter."""

from __future__ import annotations

from typing import Final

from genops.cli.dashboards.panels import Panel, Query

TITLE: Final = "Unity Catalog Governance Dashboard"
UID: Final = "genops-unity-catalog-governance"
DESCRIPTION: Final = "Cost, lineage and violations of what genops governs on Databricks."

PANELS: Final = (
    Panel(
        "Cost by Team",
        "Cost of settled operations by team in US dollars, the one currency that the metrics of genops hold, as the "
        "processes that are known to Prometheus have counted it since they began. Prices are list prices unless your "
        "calls named a cost.",
        "lines",
        (0, 0, 24, 9),
        (
            Query(
                'sum by (genops_team) (genops_cost_total{genops_provider="databricks_unity_catalog"})',
                "{{genops_team}}",
            ),
        ),
        unit="currencyUSD",
    ),
    Panel(
        "Data Lineage Operations",
        "Edges that are known now, counted with the operation that was the first to name each: a file that went into a "
        "volume, a volume that was read into a file, a copy.",
        "table",
        (0, 9, 12, 9),
        (Query('genops_data_lineage{genops_provider="databricks_unity_catalog"}'),),
        columns=(
            ("job", "Service"),
            ("genops_team", "Team"),
            ("genops_project", "Project"),
            ("genops_environment", "Environment"),
            ("genops_operation_type", "Operation type"),
            ("Value", "Edges"),
        ),
    ),
    Panel(
        "Compliance Violations",
        "Decisions that refused an operation, or would have refused it in enforce mode, since each process began.",
        "table",
        (12, 9, 12, 9),
        (Query('genops_governance_violation{genops_provider="databricks_unity_catalog"}'),),
        columns=(
            ("job", "Service"),
            ("genops_team", "Team"),
            ("genops_project", "Project"),
            ("genops_operation_type", "Operation type"),
            ("genops_policy_result", "Result"),
            ("Value", "Violations"),
        ),
    ),
)
