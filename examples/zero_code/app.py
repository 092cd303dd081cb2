"""A program that knows nothing of genops; docs/zero-code.md says how it is governed as it stands.

DATABRICKS_HOST=… DATABRICKS_TOKEN=… genops run -- python app.py WAREHOUSE_ID
"""

from __future__ import annotations

import io
import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.catalog import VolumeType

client = WorkspaceClient()
warehouse = sys.argv[1]


def sql(statement: str) -> list[list[str]]:
    """Run a statement and return its rows."""
    answer = client.statement_execution.execute_statement(statement, warehouse, wait_timeout="30s")
    return (answer.result and answer.result.data_array) or []


client.schemas.create(name="shop", catalog_name="main")
client.volumes.create("main", "shop", "landing", VolumeType.MANAGED)
client.files.upload("/Volumes/main/shop/landing/orders.csv", io.BytesIO(b"id,amount\n1,10\n2,20\n"))
sql("CREATE TABLE main.shop.orders (id INT, amount INT)")
sql("INSERT INTO main.shop.orders VALUES (1, 10), (2, 20)")
print("orders:", sql("SELECT count(*) FROM main.shop.orders"))
print("tables:", [table.name for table in client.tables.list("main", "shop")])
try:
    client.tables.get("main.shop.customers")
except NotFound:
    print("no customers yet")
client.schemas.delete("main.shop", force=True)
