"""A workspace is asked for columns beside the program: once, for a schema at a time, in bounded room."""

from __future__ import annotations

import threading

import pytest

from genops.core.guard import Guard
from genops.core.operation import DatasetRef, Operation
from genops.lineage.sql import information_schema as room
from genops.lineage.sql.catalogs import Catalogs
from genops.lineage.sql.information_schema import InformationSchema
from support.polling import eventually

RAN = Operation("table.query", "x", host="acme", resource_type="sql_warehouse", resource_id="w")


def table(name, schema="sales"):
    """A table of the workspace."""
    return DatasetRef(("Main", schema, name), host="acme")


class Workspace:
    """Keeps what it is asked, and answers that each table has the columns `id` and `price`."""

    def __init__(self, **manifest):
        self.asked = []
        self.manifest = manifest
        self.state = "SUCCEEDED"
        self.api_client = self

    def do(self, method, path, body):
        """Answer a statement."""
        assert (method, path) == ("POST", "/api/2.0/sql/statements")
        self.asked.append(body)
        if self.state is None:
            raise OSError
        names = [each["value"] for each in body["parameters"][1:]]
        rows = [[name, column] for name in names for column in ("id", "price")]
        return {"status": {"state": self.state}, "manifest": self.manifest, "result": {"data_array": rows}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Nothing to gather."""
    monkeypatch.setattr(room, "_GATHER_SECONDS", 0.0)


def asking(workspace, connect=None):
    """What asks, and what it tells."""
    catalogs = Catalogs()
    return InformationSchema(catalogs, connect or (lambda _: workspace), Guard()), catalogs


def test_one_statement_for_a_schema_and_none_again():
    """Names are parameters, the catalog is quoted, the warehouse is the one that ran; nothing is asked twice."""
    workspace = Workspace()
    asks, catalogs = asking(workspace)
    asks.want(RAN, [table("Orders"), table("customers"), table("pay", "hr")])
    eventually(lambda: catalogs.columns(table("pay", "hr")) is not None)
    assert catalogs.columns(table("orders")) == catalogs.columns(table("customers")) == ("id", "price")
    sales, hr = workspace.asked
    assert "FROM `main`.information_schema.columns" in sales["statement"]
    assert [each["value"] for each in sales["parameters"]] == ["sales", "orders", "customers"]
    assert (hr["warehouse_id"], hr["on_wait_timeout"], hr["query_tags"][0]["key"]) == ("w", "CANCEL", "genops")
    asks.want(RAN, [table("orders")])
    asks.want(RAN, [table("another")])
    eventually(lambda: catalogs.columns(table("another")) is not None)
    assert asks.asked == len(workspace.asked) == 3
    asks.close()


@pytest.mark.parametrize("cut", [{"truncated": True}, {"total_chunk_count": 2}])
def test_of_an_answer_that_was_cut_off_the_last_table_is_not_believed(cut):
    """It may have more columns than were sent."""
    asks, catalogs = asking(Workspace(**cut))
    asks.want(RAN, [table("one"), table("two")])
    eventually(lambda: catalogs.columns(table("one")) is not None)
    assert catalogs.columns(table("two")) is None
    asks.close()


@pytest.mark.parametrize("state", ["FAILED", None])
def test_no_answer_is_counted(state):
    """A refusal, and a request that does not come through: nothing is known, nothing is raised."""
    workspace = Workspace()
    workspace.state = state
    asks, catalogs = asking(workspace)
    asks.want(RAN, [table("orders")])
    eventually(lambda: asks.failed == 1)
    assert catalogs.columns(table("orders")) is None
    asks.close()


def test_who_is_not_asked():
    """Clusters, tables without a whole name, workspaces without credentials, and anybody after the end."""
    workspace, looked = Workspace(), threading.Event()
    asks, _ = asking(workspace, lambda _: looked.set())
    asks.want(RAN._replace(resource_type="cluster"), [table("orders")])
    asks.want(RAN, [DatasetRef(("orders",), host="acme")])
    assert not looked.is_set()
    asks.want(RAN, [table("orders")])
    assert looked.wait(60)
    asks.close()
    asks.want(RAN, [table("late")])
    assert (asks.asked, asks.dropped, workspace.asked) == (0, 0, [])


def test_bounds(monkeypatch):
    """Many tables take several statements; what finds no place is counted, and may be wanted again."""
    monkeypatch.setattr(room, "MAX_TABLES", 2)
    monkeypatch.setattr(room, "MAX_WAITING", 3)
    workspace, goes_on = Workspace(), threading.Event()
    asks, catalogs = asking(workspace, lambda _: workspace if goes_on.wait(60) else None)
    asks.want(RAN, [table(f"t{number}") for number in range(5)])
    assert asks.dropped == 2
    goes_on.set()
    eventually(lambda: catalogs.columns(table("t2")) is not None)
    assert [len(body["parameters"]) - 1 for body in workspace.asked] == [2, 1]
    asks.want(RAN, [table("t4")])
    eventually(lambda: catalogs.columns(table("t4")) is not None)
    asks.close()
