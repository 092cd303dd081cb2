"""Lineage read from the catalogs of others: Apache Atlas and AWS Glue."""

from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.operation import DatasetRef
from genops.lineage.exchange import atlas, glue
from genops.lineage.graph.graph import LineageGraph
from genops.lineage.graph.nouns import Column, Declaration, Provenance, Transformation
from genops.lineage.naming import name


def entity(kind, qualified, guid, **attributes):
    """An entity of Atlas."""
    held = {"qualifiedName": qualified, **attributes}
    return {"typeName": kind, "guid": guid, "status": "ACTIVE", "attributes": held}


def refer(*guids):
    """References to entities, as processes hold them."""
    return [{"guid": guid, "typeName": "DataSet"} for guid in guids]


SQL = "INSERT INTO sales.totals SELECT sum(amount) FROM sales.orders WHERE region = 'EMEA'"
ENTITIES = [
    {**entity("hive_table", "sales.orders@prod", "1", owner="ann", sd={"guid": "8"}), "labels": ["gold"]},
    entity("hive_table", "sales.totals@prod", "2", viewExpandedText="SELECT 1", tableType="VIRTUAL_VIEW"),
    {
        **entity("hive_column", "sales.orders.amount@prod", "3"),
        "classifications": [{"typeName": "PII"}, {"typeName": "FINANCE"}],
        "meanings": [{"displayText": "Order value"}],
    },
    entity("hive_column", "sales.totals.total@prod", "4"),
    entity("hive_process", "nightly@prod", "5", inputs=refer("1"), outputs=refer("2"), queryText=SQL),
    entity(
        "hive_column_lineage",
        "nightly:total@prod",
        "6",
        inputs=refer("3"),
        outputs=refer("4"),
        depenendencyType="EXPRESSION",
    ),
    entity("hdfs_path", "hdfs://nn:8020/raw/orders@prod", "7"),
    entity("hive_storagedesc", "sales.orders@prod_storage", "8", location="hdfs://nn:8020/w/orders"),
    entity("spark_process", "app-1", "9", inputs=refer("7"), outputs=refer("1"), details="plan"),
    {**entity("hive_process", "old@prod", "10", inputs=refer("2"), outputs=refer("1")), "status": "DELETED"},
    entity("spark_process", "app-2", "11", inputs=refer("404"), outputs=[]),
]
PROD = "hive://prod"
ORDERS, TOTALS = (DatasetRef(("sales", each), "table", PROD) for each in ("orders", "totals"))


def test_processes_of_atlas_are_edges():
    """Of tables, paths and columns, with the process that makes them, whatever type it has."""
    read = atlas.read([{"entities": ENTITIES}])
    assert [(flow.source, flow.target, flow.logic.job) for flow in read.flows] == [
        (ORDERS, TOTALS, "nightly@prod"),
        (Column(ORDERS, "amount"), Column(TOTALS, "total"), "nightly:total@prod"),
        (DatasetRef(("hdfs://nn:8020/raw/orders",), "path"), ORDERS, "app-1"),
    ]
    assert read.flows[1].transformation == Transformation("DIRECT", "TRANSFORMATION")
    assert read.skipped["deleted"] == read.skipped["process without inputs or outputs"] == 1
    assert read.skipped["reference without a name"] == 1


def test_what_people_say_in_atlas_is_kept():
    """Owners, classifications, labels, terms, columns and locations."""
    read = atlas.read([{"entities": ENTITIES}])
    tags = (("classification", "FINANCE"), ("term", "Order value"))
    assert dict(read.described) == {
        ORDERS: Declaration("ann", tags=(("label", "gold"),)),
        Column(ORDERS, "amount"): Declaration(classification="PII", tags=tags),
    }
    assert read.columns[ORDERS] == ("amount",)
    assert read.locations[ORDERS] == "hdfs://nn:8020/w/orders"
    assert name(ORDERS, path=read.locations[ORDERS]).symlinks[0].name == "/w/orders"


def test_statements_of_atlas_are_kept_as_given_and_never_shown():
    """The text is there to be understood; neither its repr nor the graph holds it."""
    read = atlas.read([{"entities": ENTITIES}])
    assert [(each.text, each.dialect, each.target) for each in read.definitions] == [
        ("SELECT 1", "hive", TOTALS),
        (SQL, "hive", None),
    ]
    graph = LineageGraph()
    read.into(graph, at=7)
    assert "EMEA" not in repr(read) + repr(list(graph.view().edges())) + repr(list(graph.view().column_edges()))
    assert {edge.provenance for edge in graph.view().edges()} == {Provenance.DECLARED}
    assert graph.view().impact(Column(ORDERS, "amount")).classifications == ("PII",)


def test_entities_of_atlas_come_in_three_forms():
    """One by one, with those they refer to, or as a list: it is the same lineage."""
    whole = atlas.read([{"entities": ENTITIES}])
    assert atlas.read(ENTITIES) == whole
    extended = {"entity": ENTITIES[0], "referredEntities": {each["guid"]: each for each in ENTITIES[1:]}}
    assert set(atlas.read([extended]).flows) == set(whole.flows)


VIEW = base64.b64encode(json.dumps({"originalSql": "SELECT 'EMEA'", "catalog": "awsdatacatalog"}).encode()).decode()
TABLES = {
    "TableList": [
        {
            "Name": "orders",
            "DatabaseName": "sales",
            "CatalogId": "111111111111",
            "Owner": "ann",
            "StorageDescriptor": {"Columns": [{"Name": "id"}], "Location": "s3://lake/orders/"},
            "PartitionKeys": [{"Name": "day"}],
        },
        {"Name": "emea", "DatabaseName": "sales", "ViewOriginalText": f"/* Presto View: {VIEW} */"},
        {"Name": "old", "DatabaseName": "sales", "ViewOriginalText": "SELECT 1", "TableType": "VIRTUAL_VIEW"},
        {"Name": "nowhere"},
    ]
}
JOBS = {
    "Jobs": [
        {
            "Name": "nightly",
            "CodeGenConfigurationNodes": {
                "node-1": {"S3CatalogSource": {"Name": "a", "Database": "sales", "Table": "orders"}},
                "node-2": {"S3CsvSource": {"Name": "b", "Paths": ["s3://in/x", "s3://in/y"]}},
                "node-3": {"SparkSQL": {"Name": "sum", "Inputs": ["node-1", "node-2"], "SqlQuery": "SELECT 'x'"}},
                "node-4": {"CatalogTarget": {"Name": "t", "Inputs": ["node-3"], "Database": "sales", "Table": "sum"}},
                "node-5": {"S3DirectTarget": {"Name": "u", "Inputs": ["node-3"], "Path": "s3://out/sum/"}},
            },
        },
        {"Name": "written", "Command": {"Name": "glueetl", "ScriptLocation": "s3://scripts/a.py"}},
    ]
}


def of_glue(*parts, account="222222222222"):
    """A table of Glue's catalog."""
    return DatasetRef(parts, "table", f"arn:aws:glue:eu-west-1:{account}")


def read_glue(*answers):
    """What is read of these answers."""
    return glue.read(answers, region="eu-west-1", account="222222222222")


def test_tables_of_glue_are_described():
    """Columns with partitions, location, owner, and the name by which others know them."""
    read = read_glue(TABLES)
    orders = of_glue("sales", "orders", account="111111111111")
    assert read.columns[orders] == ("id", "day")
    assert read.locations == {orders: "s3://lake/orders/"}
    assert read.described == ((orders, Declaration("ann")),)
    assert name(orders)[:2] == ("arn:aws:glue:eu-west-1:111111111111", "table/sales/orders")
    assert read.skipped == {"table without a name": 1}


def test_views_of_glue_keep_their_statement():
    """Athena's is taken out of its comment, Hive's is as it stands."""
    read = read_glue(TABLES)
    assert [(each.name, each.text, each.dialect) for each in read.definitions] == [
        ("sales.emea", "SELECT 'EMEA'", "athena"),
        ("sales.old", "SELECT 1", "hive"),
    ]
    assert "EMEA" not in repr(read)


def test_drawn_jobs_of_glue_are_edges():
    """From every source to every target behind it, through what is between; a script's flow is not guessed."""
    read = read_glue(JOBS)
    sources = {of_glue("sales", "orders"), DatasetRef(("s3://in/x",), "path"), DatasetRef(("s3://in/y",), "path")}
    targets = {of_glue("sales", "sum"), DatasetRef(("s3://out/sum/",), "path")}
    assert {(flow.source, flow.target) for flow in read.flows} == {(a, b) for a in sources for b in targets}
    assert {flow.logic.job for flow in read.flows} == {"nightly"}
    assert [(each.name, each.text, each.dialect) for each in read.definitions] == [
        ("nightly.sum", "SELECT 'x'", "spark")
    ]
    assert read.skipped == {"job without nodes": 1}


def test_nodes_of_glue_that_go_round_end():
    """A drawing with a cycle is read to its end."""
    nodes = {"a": {"Filter": {"Inputs": ["b"]}}, "b": {"Join": {"Inputs": ["a", "s"]}}}
    nodes["s"] = {"S3CatalogSource": {"Database": "d", "Table": "s"}}
    nodes["t"] = {"CatalogTarget": {"Inputs": ["a"], "Database": "d", "Table": "t"}}
    read = read_glue({"Job": {"Name": "j", "CodeGenConfigurationNodes": nodes}})
    assert [(flow.source, flow.target) for flow in read.flows] == [(of_glue("d", "s"), of_glue("d", "t"))]


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["guid", "typeName", "attributes", "qualifiedName", "inputs", "outputs", "entities", "entity"]
            )
            | st.sampled_from(
                ["Jobs", "TableList", "Name", "CodeGenConfigurationNodes", "Inputs", "Paths", "DatabaseName"]
            )
            | st.sampled_from(["sd", "labels", "meanings", "StorageDescriptor", "Columns", "referredEntities"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["entities", "entity", "attributes", "Jobs", "TableList", "Table"]), values))
@settings(max_examples=80)
def test_what_is_no_export_is_skipped(document):
    """Whatever shape a document has, reading it raises nothing."""
    for read in (atlas.read([document]), read_glue(document)):
        read.into(LineageGraph(), at=1)
