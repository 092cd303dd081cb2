"""A workflow of two teams in enforce mode: a summary, a budget that refuses, and a worker in another process.

pip install '.[databricks,testing]' && python examples/etl_workflow.py
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import genops
from genops.testing import LocalWorkspace

SETTINGS = {
    "project": "etl",
    "environment": "development",
    "mode": "enforce",
    "budgets": {"reporting-calls": {"limit": 2, "unit": "call", "period": "day", "team": "reporting"}},
    "export": "etl.jsonl",
}


def count_rows(carrier: dict[str, str], host: str, token: str, warehouse: str) -> str:
    """Run a statement in another process, as a part of the operation that the carrier was taken in."""
    from databricks.sdk import WorkspaceClient

    genops.auto_instrument_databricks(**SETTINGS)
    with genops.attach(carrier):
        client = WorkspaceClient(host=host, token=token)
        response = client.statement_execution.execute_statement(
            "SELECT count(*) FROM main.etl.orders", warehouse, wait_timeout="30s"
        )
    genops.shutdown()
    assert response.result is not None
    assert response.result.data_array is not None
    return response.result.data_array[0][0]


def main() -> None:
    """Load, transform and report."""
    from databricks.sdk import WorkspaceClient

    genops.auto_instrument_databricks(**SETTINGS)
    with LocalWorkspace() as workspace:
        client = WorkspaceClient(host=workspace.host, token=workspace.token)

        def sql(statement: str) -> None:
            client.statement_execution.execute_statement(statement, workspace.warehouse_id, wait_timeout="30s")

        with genops.workflow("nightly-etl") as flow:
            with genops.attribution(team="data-eng"):
                client.schemas.create(name="etl", catalog_name="main")
                with genops.operation("load orders", type="table.load", writes=["main.etl.orders"]) as load:
                    sql("CREATE TABLE main.etl.orders AS SELECT id, id * 2 AS amount FROM range(1000) AS t(id)")
                    load.observe(rows=1000)
                    given = (genops.carrier(), workspace.host, workspace.token, workspace.warehouse_id)
                    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                        print(f"rows counted in a worker: {pool.submit(count_rows, *given).result()}")
            with genops.attribution(team="reporting"):
                sql("SELECT sum(amount) FROM main.etl.orders")
                sql("SELECT max(amount) FROM main.etl.orders")
                try:
                    sql("SELECT min(amount) FROM main.etl.orders")
                except genops.BudgetExceeded as refusal:
                    print(f"refused: {refusal}")
        summary = flow.summary
    print(f"{summary.name}: {summary.units} operations, {summary.refused} refused, {summary.rows} rows")
    for kind, tally in sorted(summary.by_type.items()):
        print(f"  {kind}: {tally.units}")
    report = genops.shutdown()
    lost = sum(delivery.lost for delivery in report or ())
    print(f"lost on the way to etl.jsonl: {lost}")


if __name__ == "__main__":
    main()
