"""Lineage told to Unity Catalog: once, only what it cannot see, and in nobody's way."""

from __future__ import annotations

import os
import threading

import pytest
from databricks.sdk.errors import Aborted, AlreadyExists, PermissionDenied

from genops.core.edges import LOCAL_FILE
from genops.core.guard import Guard
from genops.core.operation import ColumnEdge, DatasetEdge, DatasetRef, Facts
from genops.core.sinks import FanOut
from genops.lineage.openlineage import catalog
from genops.lineage.openlineage.catalog import PushCounts, UnityCatalogLineage
from support.forking import in_child
from support.records import adjusted, admitted, operation, settled

HOST = "acme.cloud.databricks.com"
ORDERS, GOLD = (DatasetRef(("main", "sales", name), "table", HOST) for name in ("orders", "gold"))
VOLUME = DatasetRef(("main", "raw", "landing"), "volume", HOST)
LAKE = DatasetRef(("s3a://lake/orders/",), "path")
SNOW = DatasetRef(("SALES", "PUBLIC", "ORDERS"), "table", "snowflake://acme-eu")
ELSEWHERE = DatasetRef(("main", "sales", "orders"), "table", "other.cloud.databricks.com")


class Api:
    """Keeps what was asked of it, and raises what a test says."""

    def __init__(self):
        self.asked, self.raising, self.hosts = [], [], []
        self.api_client = self

    def connect(self, host):
        self.hosts.append(host)
        return self

    def do(self, method, path, query=None, body=None):
        self.asked.append((method, path.rpartition("/")[2], body))
        if self.raising:
            raise self.raising.pop(0)

    def related(self):
        return [(body["source"], body["target"]) for _, what, body in self.asked if what == "external-lineage"]


@pytest.fixture
def api():
    """What the sink talks to."""
    return Api()


def edges(*pairs, columns=()):
    """Facts that name edges."""
    return Facts(edges=tuple(DatasetEdge(*pair) for pair in pairs), columns=columns)


def test_an_edge_is_told_once(api):
    """What was told is not told again, whoever names it and however often."""
    sink = UnityCatalogLineage(api.connect)
    for _ in range(3):
        sink.write(settled(facts=edges((LAKE, GOLD))))
        sink.write(adjusted()._replace(facts=edges((LAKE, GOLD))))
    assert api.related() == [({"path": {"url": "s3://lake/orders"}}, {"table": {"name": "main.sales.gold"}})]
    assert api.hosts == [HOST]
    assert sink.counts == PushCounts(1, 0, 0, 0)


def test_a_dataset_of_another_system_is_declared_first(api):
    """It becomes an external metadata object with its own name in its properties, once for all its edges."""
    sink = UnityCatalogLineage(api.connect)
    sink.write(settled(facts=edges((SNOW, GOLD), (SNOW, ORDERS))))
    assert [(method, what) for method, what, _ in api.asked] == [
        ("POST", "external-metadata"),
        ("POST", "external-lineage"),
        ("POST", "external-lineage"),
    ]
    body = api.asked[0][2]
    assert (body["system_type"], body["entity_type"]) == ("SNOWFLAKE", "table")
    assert body["properties"] == {
        "openlineage.namespace": "snowflake://acme-eu",
        "openlineage.name": "SALES.PUBLIC.ORDERS",
    }
    assert api.related()[0] == ({"external_metadata": {"name": body["name"]}}, {"table": {"name": "main.sales.gold"}})


@pytest.mark.parametrize(
    "pair",
    [
        (ORDERS, GOLD),
        (VOLUME, GOLD),
        (LOCAL_FILE, VOLUME),
        (DatasetRef(("orders.csv",), "file"), GOLD),
        (ELSEWHERE, GOLD),
        (DatasetRef(("a", "b")), GOLD),
    ],
)
def test_what_unity_catalog_sees_or_nobody_can_find_is_not_told(api, pair):
    """Its own tables and volumes, local files and names that nobody resolves bring no request."""
    sink = UnityCatalogLineage(api.connect)
    sink.write(settled(facts=edges(pair)))
    assert api.asked == []
    assert sink.counts == PushCounts(0, 0, 1, 0)


def test_an_edge_away_from_the_workspace_is_told_to_the_workspace(api):
    """Whichever end is Unity Catalog's, its host is the one that is asked."""
    sink = UnityCatalogLineage(api.connect)
    sink.write(settled(operation(host=None), facts=edges((GOLD, SNOW))))
    ((source, target),) = api.related()
    assert (source, list(target)) == ({"table": {"name": "main.sales.gold"}}, ["external_metadata"])
    assert api.hosts == [HOST]


def test_columns_that_become_known_later_are_added(api):
    """An edge whose columns come late is changed once; columns that only decide, or are in doubt, are none of it."""
    sink = UnityCatalogLineage(api.connect)
    one = ColumnEdge(SNOW, "ID", GOLD, "id", "DIRECT:IDENTITY")
    other = ColumnEdge(SNOW, "WHO", GOLD, "who", "DIRECT:TRANSFORMATION")
    decides = ColumnEdge(SNOW, "DAY", GOLD, "", "INDIRECT:FILTER")
    doubtful = ColumnEdge(SNOW, "X", GOLD, "id", "DIRECT:IDENTITY", ambiguous=True)
    sink.write(settled(facts=edges((SNOW, GOLD), columns=(one, decides, doubtful))))
    for _ in range(2):
        sink.write(adjusted()._replace(facts=edges(columns=(one, other))))
    told = [(method, body["columns"]) for method, what, body in api.asked if what == "external-lineage"]
    first = {"source": "ID", "target": "id"}
    assert told == [("POST", [first]), ("PATCH", [first, {"source": "WHO", "target": "who"}])]
    assert sink.counts.told == 1


def test_what_is_there_already_is_a_success(api):
    """A 409 to either request means that Unity Catalog has it; it is not asked again."""
    api.raising = [AlreadyExists("there"), AlreadyExists("there")]
    sink = UnityCatalogLineage(api.connect)
    sink.write(settled(facts=edges((SNOW, GOLD))))
    sink.write(settled(facts=edges((SNOW, GOLD))))
    assert len(api.asked) == 2
    assert sink.counts == PushCounts(1, 0, 0, 0)


@pytest.mark.parametrize("fault", [PermissionDenied("no SELECT hunter2"), Aborted("busy"), OSError("no route")])
def test_a_refusal_rests(api, fault, monkeypatch, caplog):
    """What was refused or lost is counted, said once without its message, and tried again only after a rest."""
    api.raising = [fault]
    sink = UnityCatalogLineage(api.connect)
    for _ in range(3):
        sink.write(settled(facts=edges((LAKE, GOLD))))
    assert len(api.asked) == 1
    assert sink.counts == PushCounts(0, 1, 0, 0)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "genops"]
    assert "hunter2" not in line
    monkeypatch.setattr(catalog.time, "monotonic", lambda: 1e12)
    sink.write(settled(facts=edges((LAKE, GOLD))))
    assert sink.counts == PushCounts(1, 1, 0, 0)


def test_what_is_remembered_is_bounded(api, monkeypatch):
    """Only so many edges are remembered; what was forgotten is told again, which changes nothing."""
    monkeypatch.setattr(catalog, "EDGES_KEPT", 3)
    sink = UnityCatalogLineage(api.connect)
    for number in range(10):
        sink.write(settled(facts=edges((DatasetRef((f"s3://lake/{number}",), "path"), GOLD))))
    assert len(sink._told) == 3
    assert sink.counts.told == len(api.asked) == 10


def test_without_a_client_or_a_host_nothing_is_told(api):
    """A workspace that nobody can reach, or an edge that names none, is skipped."""
    UnityCatalogLineage(lambda _: None).write(settled(facts=edges((LAKE, GOLD))))
    sink = UnityCatalogLineage(api.connect)
    sink.write(settled(operation(host=None), facts=edges((LAKE, SNOW))))
    sink.write(admitted())
    assert api.asked == []
    assert sink.counts == PushCounts(0, 0, 1, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_has_a_client_of_its_own(api):
    """After a fork nothing is sent on the parent's connections; what the parent told is not told again."""
    sink = UnityCatalogLineage(api.connect)
    sink.write(settled(facts=edges((LAKE, GOLD))))

    def child():
        sink.write(settled(facts=edges((LAKE, GOLD), (SNOW, GOLD))))
        assert (api.hosts, sink.counts) == ([HOST, HOST], PushCounts(1, 0, 0, 0))

    in_child(child)
    sink.write(settled(facts=edges((SNOW, GOLD))))
    assert api.hosts == [HOST]


def test_a_workspace_that_hangs_holds_nobody(api):
    """The caller only queues; at the end what waits is left, and what comes later is dropped."""
    go = threading.Event()
    asked = api.do
    api.do = lambda *given, **named: (go.wait(20), asked(*given, **named))
    sink = UnityCatalogLineage(api.connect, capacity=2)
    fan_out = FanOut([sink], Guard())
    for number in range(50):
        fan_out.write(settled(facts=edges((DatasetRef((f"s3://lake/{number}",), "path"), GOLD))))
    assert not fan_out.close(0.05)
    sink.close()
    go.set()
    assert fan_out.drain(20)
    assert sink.counts.told + sink.counts.dropped + fan_out.dropped == 50
    assert sink.counts.told <= 1
