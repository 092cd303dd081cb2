"""One line governs the databricks-sdk. Runs anywhere: the workspace is a local one.

pip install '.[databricks,testing]' && python examples/quickstart.py
"""

from __future__ import annotations

import genops
from genops.testing import LocalWorkspace

# The line. In a program of your own it is all there is to add.
genops.auto_instrument_databricks(
    team="data-eng",
    project="quickstart",
    environment="development",
    export="quickstart.jsonl",
    console=True,
)


def main() -> None:
    """List catalogs, run a statement, and look at what was written."""
    from databricks.sdk import WorkspaceClient

    with LocalWorkspace() as workspace:
        client = WorkspaceClient(host=workspace.host, token=workspace.token)
        names = [catalog.name for catalog in client.catalogs.list()]
        print(f"catalogs: {', '.join(str(name) for name in names)}")
        response = client.statement_execution.execute_statement(
            "SELECT 1 + 1 AS two", workspace.warehouse_id, wait_timeout="30s"
        )
        assert response.result is not None
        print(f"result: {response.result.data_array}")
    print(f"everything accepted: {genops.flush()}")
    print("telemetry: quickstart.jsonl")


if __name__ == "__main__":
    main()
