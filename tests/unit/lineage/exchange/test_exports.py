"""Lineage written for others: OpenLineage's schema holds, and no name breaks a drawing."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource

from genops.core.operation import ColumnEdge, DatasetRef, Facts, Statement
from genops.lineage.exchange.drawings import dot, mermaid
from genops.lineage.exchange.openlineage import job_events
from genops.lineage.exchange.rows import as_json
from genops.lineage.graph.graph import LineageGraph
from genops.lineage.graph.nouns import Column, Declaration, KnownEdge, Logic, Provenance, Transformation
from support.records import operation, settled
from support.schemas import FOLDER, schema

HOST = "acme.cloud.databricks.com"
ORDERS = DatasetRef(("main", "sales", "orders"), "table", HOST)
TOTALS = DatasetRef(("main", "sales", "totals"), "table", HOST)
LANDING = DatasetRef(("main", "raw", "landing"), "volume", HOST)
AT = 1_700_000_000_000_000_000


@pytest.fixture
def graph():
    """A volume, a table made of it, and a table of totals, column by column, with what people say."""
    graph = LineageGraph()
    graph.add(LANDING, ORDERS, at=AT, provenance=Provenance.RUNTIME)
    for source, kind in (("amount", "DIRECT:AGGREGATION"), ("day", "INDIRECT:GROUP_BY")):
        graph.add(
            Column(ORDERS, source),
            Column(TOTALS, "total"),
            at=AT,
            transformation=Transformation.of(kind),
            logic=Logic(None, "ab12", "nightly"),
            declaration=Declaration("ann"),
        )
    graph.describe(TOTALS, Declaration("ann", "sue", "internal", (("domain", "sales"),)))
    graph.describe(Column(TOTALS, "total"), Declaration(classification="confidential"))
    return graph


def events(graph):
    """All its events."""
    return list(job_events(graph.view(), producer="https://acme.com/genops", namespace="acme"))


def test_events_keep_the_published_schema(graph):
    """Each event is a JobEvent, and each of its facets is what its own schema says."""
    documents = [schema("openlineage/OpenLineage.json")]
    documents += [json.loads(path.read_text("utf-8")) for path in (FOLDER / "openlineage" / "facets").glob("*.json")]
    registry = Registry().with_resources([(each["$id"], Resource.from_contents(each)) for each in documents])
    seen = set()
    for event in events(graph):
        jsonschema.Draft202012Validator({"$ref": event["schemaURL"]}, registry=registry).validate(event)
        for dataset in event["inputs"] + event["outputs"]:
            for key, facet in dataset["facets"].items():
                jsonschema.Draft202012Validator({"$ref": facet["_schemaURL"]}, registry=registry).validate(facet)
                seen.add(key)
    assert seen == {"columnLineage", "ownership", "tags", "symlinks"}


def test_an_event_says_what_flows_into_a_dataset(graph):
    """Names by the specification, columns with their transformations, the job, owners and tags."""
    first, second = events(graph)
    assert first["job"]["name"] == "main.sales.orders"
    assert (second["job"], second["eventTime"]) == (
        {"namespace": "acme", "name": "nightly"},
        "2023-11-14T22:13:20+00:00",
    )
    (output,) = second["outputs"]
    assert (output["namespace"], output["name"]) == (f"unitycatalog://{HOST}", "main.sales.totals")
    fields = output["facets"]["columnLineage"]["fields"]["total"]["inputFields"]
    assert [(each["field"], each["transformations"][0]["subtype"]) for each in fields] == [
        ("amount", "AGGREGATION"),
        ("day", "GROUP_BY"),
    ]
    assert output["facets"]["ownership"]["owners"] == [
        {"name": "ann", "type": "OWNER"},
        {"name": "sue", "type": "STEWARD"},
    ]
    tags = [(tag["key"], tag["value"], tag.get("field")) for tag in output["facets"]["tags"]["tags"]]
    assert tags == [
        ("classification", "internal", None),
        ("domain", "sales", None),
        ("classification", "confidential", "total"),
    ]


def test_json_holds_all_that_is_known(graph):
    """Ends, columns, who says it, times, transformations, logic and declarations, as plain values."""
    said = json.loads(json.dumps(as_json(graph.view())))
    assert [each["name"][-1] for each in said["datasets"]] == ["landing", "orders", "totals"]
    assert said["datasets"][2]["tags"] == {"domain": "sales"}
    assert (said["edges"][0]["source"], said["edges"][0]["target"], said["edges"][0]["provenance"]) == (
        0,
        1,
        ["runtime"],
    )
    column = said["columns"][0]
    assert (column["source_column"], column["target_column"], column["owner"]) == ("amount", "total", "ann")
    assert column["logic"] == {"text": None, "fingerprint": "ab12", "job": "nightly"}
    assert column["transformations"] == [{"kind": "DIRECT", "subtype": "AGGREGATION", "masking": False}]
    assert (column["first_seen"], column["ended"]) == (AT, None)


def test_an_ambiguous_edge_looks_like_one():
    """One of several candidates is marked in every form."""
    ends = Column(ORDERS, "a"), Column(TOTALS, "b")
    graph = LineageGraph()
    what = operation("statement.execute", statement=Statement("INSERT", 9, "ab12"))
    flow = ColumnEdge(ORDERS, "a", TOTALS, "b", "DIRECT:IDENTITY", ambiguous=True)
    graph.write(settled(what, facts=Facts(columns=(flow,))))
    (edge,) = graph.view().column_edges()
    assert (edge.source, edge.target, edge.ambiguous) == (*ends, True)
    assert [each["ambiguous"] for each in as_json(graph.view())["columns"]] == [True]
    assert "identity, ambiguous" in dot([edge])
    assert "identity, ambiguous" in mermaid([edge])
    assert "one of several candidates" in json.dumps(events(graph))


def test_drawings_say_how_columns_flow(graph):
    """The subtype stands on the edge."""
    edges = list(graph.view().column_edges())
    assert 'n0 -> n1 [label="aggregation"];' in dot(edges)
    assert "n0 -->|aggregation| n1" in mermaid(edges)


@given(st.text(st.sampled_from("ab\"\\\n]|[<>&;#`'{}() é\t\0"), min_size=1, max_size=12))
@settings(max_examples=80)
def test_no_name_breaks_a_drawing(text):
    """Whatever a table is called, a line stays a line and a label a label."""
    edge = KnownEdge(DatasetRef((text,)), DatasetRef(("plain",)), Provenance.SQL, 0, 0)
    for line in dot([edge]).split("\n")[2:-2]:
        assert re.fullmatch(r'  n\d \[label="(?:[^"\\]|\\.)*"\];', line), line
    for line in mermaid([edge]).split("\n")[1:-1]:
        assert re.fullmatch(r'  n\d\["(?:[\w.\- ]|#\d+;)*"\]', line), line
