"""Run events: what each record brings, and that OpenLineage's own schemas agree."""

from __future__ import annotations

import json
import uuid

import pytest

from genops.core.containers import Container
from genops.core.decisions import Decision, PolicyResult
from genops.core.edges import LOCAL_FILE
from genops.core.operation import (
    NOTHING,
    Action,
    ColumnEdge,
    DatasetEdge,
    DatasetRef,
    Facts,
    Late,
    Operation,
    Statement,
)
from genops.core.records import Outcome, UnitId
from genops.lineage.openlineage import events as events_module
from genops.lineage.openlineage.events import Events
from support.lineage_schemas import check, facets_of
from support.records import ENDED, EVERYBODY, STARTED, adjusted, admitted, operation, settled

HOST = "acme.cloud.databricks.com"
ORDERS, CUSTOMERS, GOLD = (DatasetRef(("main", "sales", name), "table", HOST) for name in ("orders", "clients", "gold"))
VOLUME = DatasetRef(("main", "raw", "landing"), "volume", HOST)
REFUSED = Decision(PolicyResult.BLOCKED, "POLICY_DENY_CONTENT", "no", "no")
INSERT = operation(
    "statement.execute",
    action=Action.WRITE,
    statement=Statement("INSERT", 40, "ab12"),
    attributes={"db.query.text": "INSERT INTO gold SELECT ?", "db.system.name": "databricks"},
)
LINEAGE = Facts(
    reads=(ORDERS, CUSTOMERS),
    writes=(GOLD,),
    edges=(DatasetEdge(ORDERS, GOLD), DatasetEdge(CUSTOMERS, GOLD)),
    columns=(
        ColumnEdge(ORDERS, "id", GOLD, "id", "DIRECT:IDENTITY"),
        ColumnEdge(CUSTOMERS, "email", GOLD, "who", "DIRECT:TRANSFORMATION:MASKING"),
        ColumnEdge(ORDERS, "id", GOLD, "id", "INDIRECT:JOIN"),
        ColumnEdge(ORDERS, "id", GOLD, "who", "INDIRECT:JOIN"),
        ColumnEdge(ORDERS, "kind", GOLD, "who", "INDIRECT:CONDITIONAL"),
        ColumnEdge(ORDERS, "day", GOLD, "", "INDIRECT:WINDOW"),
    ),
)
LATE = Facts(state="RUNNING", late=Late("k", 60))


class OneSchema:
    def columns(self, dataset):
        return ("id", "who") if dataset == GOLD else None


@pytest.fixture
def events():
    """Events with everything that can be known."""
    return Events(
        "acme-prod",
        schemas=OneSchema(),
        classify=lambda ref: "restricted" if ref == CUSTOMERS else None,
        engines={"databricks_unity_catalog": "17.3"},
    )


def inside(name="nightly", *, around=None, identifier=None):
    """A workflow."""
    return Container(name, operation("workflow.run"), around, identifier)


def late(facts, what=INSERT, unit=None):
    """A record of facts that came late, without money."""
    record = adjusted(what, delta=0, total=0, currency="")
    return record._replace(facts=facts, at_ns=ENDED + 5_000_000_000, **({} if unit is None else {"unit": unit}))


EVERY = [
    admitted(INSERT),
    admitted(operation(attribution=EVERYBODY, container=inside(around=inside("all")))),
    settled(INSERT, facts=LINEAGE._replace(rows=7)),
    settled(INSERT, facts=Facts(error_type="NotFound", error_code="42P01"), outcome=Outcome.ERROR),
    settled(INSERT, facts=LATE),
    settled(outcome=Outcome.CANCELLED),
    settled(outcome=Outcome.NOT_EXECUTED),
    settled(operation("files.upload", action=Action.WRITE, writes=(VOLUME,)), facts=Facts(bytes=12)),
    settled(operation("files.download", reads=(VOLUME,)), facts=Facts(bytes=12)),
    settled(operation("x", reads=(DatasetRef(("s3a://lake/orders",), "path"), DatasetRef(("a.b", "`c", "\ud800"))))),
    settled(operation("x", reads=(DatasetRef(("main", "a", "b"), "table", "nobody here?"),))),
    late(LINEAGE),
]


@pytest.mark.parametrize("record", EVERY, ids=range(len(EVERY)))
def test_every_event_is_valid(events, record):
    """The core document and each facet's own file accept the event of every kind of record."""
    check(events.of(record))


def test_the_facets_that_genops_states_are_all_seen(events):
    """The records that are validated bring every facet there is."""
    seen = {key for record in EVERY for key, _ in facets_of(events.of(record))}
    assert seen == {
        "columnLineage", "errorMessage", "inputStatistics", "jobType", "outputStatistics", "parent",
        "processing_engine", "schema", "sql", "symlinks", "tags",
    }  # fmt: skip


def test_start_and_complete_are_of_one_run_and_one_job(events):
    """Both events of a unit name the same run and job, at the times of its records; the run's id is a UUID."""
    start, end = events.of(admitted(INSERT)), events.of(settled(INSERT, facts=LINEAGE))
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"] == str(uuid.UUID(start["run"]["runId"]))
    assert start["job"]["name"] == end["job"]["name"] == "statement.execute.insert"
    assert start["job"]["namespace"] == "acme-prod"
    assert start["eventTime"] == "2023-11-14T22:13:20.000000Z"
    assert end["eventTime"] == "2023-11-14T22:13:20.250000Z"


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.OK, "COMPLETE"),
        (Outcome.ERROR, "FAIL"),
        (Outcome.CANCELLED, "ABORT"),
        (Outcome.NOT_EXECUTED, "ABORT"),
    ],
)
def test_the_outcome_is_the_event(events, outcome, kind):
    """A unit that failed fails its run; one that was cancelled or never ran aborts it."""
    assert events.of(settled(outcome=outcome))["eventType"] == kind


def test_what_never_began_is_no_run(events):
    """A refusal and a later decision on a running unit bring no event."""
    assert events.of(admitted(decision=REFUSED, held=None)) is None
    assert events.of(admitted(sequence=1)) is None
    assert events.of(admitted(sequence=1, decision=REFUSED)) is None


def test_lineage_that_comes_late_repeats_the_end_of_its_run(events):
    """It brings the run's last event again, at its time, with what it read and wrote; a failed run stays failed."""
    for outcome, kind in ((Outcome.OK, "COMPLETE"), (Outcome.ERROR, "FAIL")):
        first = events.of(settled(INSERT, outcome=outcome))
        again = events.of(late(LINEAGE))
        assert (again["eventType"], again["eventTime"]) == (kind, first["eventTime"])
        assert again["run"]["runId"] == first["run"]["runId"]
        assert again["job"]["name"] == first["job"]["name"]
        assert first["outputs"] == []
        assert [output["name"] for output in again["outputs"]] == ["main.sales.gold"]
        assert "columnLineage" in again["outputs"][0]["facets"]


def test_lineage_of_a_run_that_is_forgotten_is_another_event(events, monkeypatch):
    """Only so many runs are remembered; what comes for an older one is told as OTHER."""
    monkeypatch.setattr(events_module, "RUNS_KEPT", 2)
    units = [UnitId(9, number) for number in range(1, 4)]
    for unit in units:
        events.of(settled(INSERT, unit=unit))
    assert [events.of(late(LINEAGE, unit=unit))["eventType"] for unit in units] == ["OTHER", "COMPLETE", "COMPLETE"]
    assert len(events._last) == 2


def test_money_that_comes_late_is_no_event(events):
    """A correction without lineage says nothing of the run."""
    events.of(settled(INSERT))
    assert events.of(adjusted(INSERT)) is None
    assert events.of(late(NOTHING)) is None


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (Facts(state="SUCCEEDED", rows=3), "COMPLETE"),
        (Facts(state="FAILED", error_type="X"), "FAIL"),
        (Facts(state="CANCELED"), "ABORT"),
    ],
)
def test_a_run_whose_end_comes_late_is_running_until_then(events, facts, kind):
    """A statement that still runs when its call returns is not complete; its final state ends its run, once."""
    assert events.of(settled(INSERT, facts=LATE))["eventType"] == "RUNNING"
    assert events.of(late(LINEAGE))["eventType"] == "RUNNING"
    assert events.of(late(Facts(state="RUNNING"))) is None
    assert events.of(late(facts))["eventType"] == kind
    assert events.of(late(facts)) is None
    assert events.of(late(LINEAGE))["eventType"] == kind


def test_columns_say_how_they_flow(events):
    """Direct and column-wise edges stand with their column, what decides on rows stands once for the dataset."""
    (output,) = events.of(settled(INSERT, facts=LINEAGE))["outputs"]
    lineage = output["facets"]["columnLineage"]
    where = {"namespace": f"unitycatalog://{HOST}", "name": "main.sales.orders"}
    assert lineage["fields"]["id"]["inputFields"] == [
        {**where, "field": "id", "transformations": [{"type": "DIRECT", "masking": False, "subtype": "IDENTITY"}]}
    ]
    assert [
        (source["field"], [(how["type"], how["subtype"], how["masking"]) for how in source["transformations"]])
        for source in lineage["fields"]["who"]["inputFields"]
    ] == [("email", [("DIRECT", "TRANSFORMATION", True)]), ("kind", [("INDIRECT", "CONDITIONAL", False)])]
    assert [
        (source["field"], [how["subtype"] for how in source["transformations"]]) for source in lineage["dataset"]
    ] == [("id", ["JOIN"]), ("day", ["WINDOW"])]


def test_a_column_that_is_one_of_several_candidates_says_so(events):
    """Who reads the facet sees which of its sources are certain."""
    flow = ColumnEdge(ORDERS, "id", GOLD, "id", "DIRECT:IDENTITY")
    doubtful = flow._replace(source_column="day", ambiguous=True)
    (output,) = events.of(settled(INSERT, facts=LINEAGE._replace(columns=(flow, doubtful))))["outputs"]
    sources = output["facets"]["columnLineage"]["fields"]["id"]["inputFields"]
    assert [[each.get("description") for each in source["transformations"]] for source in sources] == [
        [None],
        ["one of several candidates"],
    ]


def test_a_failure_says_its_code_and_nothing_else(events):
    """What is no class and no code may quote a statement, and does not leave."""
    facts = Facts(error_type="databricks.sdk.errors.NotFound", error_code="near 'hunter2': syntax error")
    event = events.of(settled(INSERT, facts=facts, outcome=Outcome.ERROR))
    assert event["run"]["facets"]["errorMessage"]["message"] == "databricks.sdk.errors.NotFound"
    assert "hunter2" not in json.dumps(event)
    event = events.of(settled(INSERT, facts=Facts(error_type="it's 'hunter2'"), outcome=Outcome.ERROR))
    assert event["run"]["facets"]["errorMessage"]["message"] == "error"


def test_a_statement_is_told_redacted_or_not_at_all(events):
    """The facet of SQL is the redacted text; where that was withheld there is none."""
    sql = events.of(admitted(INSERT))["job"]["facets"]["sql"]
    assert (sql["query"], sql["dialect"]) == ("INSERT INTO gold SELECT ?", "databricks")
    assert "sql" not in events.of(admitted(INSERT._replace(attributes={})))["job"]["facets"]


@pytest.mark.parametrize(
    ("keyword", "rows", "told"),
    [("INSERT", 7, {"rowCount": 7}), ("INSERT", 0, None), ("OPTIMIZE", 1, None), ("CREATE", 3, None)],
)
def test_only_statements_that_count_are_counted(events, keyword, rows, told):
    """The rows of an answer are rows written only where the statement says how many it changed; its bytes never are."""
    what = INSERT._replace(statement=Statement(keyword, 1, "h"))
    (output,) = events.of(settled(what, facts=Facts(rows=rows, bytes=99, writes=(GOLD,))))["outputs"]
    found = output.get("outputFacets", {}).get("outputStatistics")
    assert (found and {key: value for key, value in found.items() if key[0] != "_"}) == told


def test_a_file_without_a_name_is_no_dataset(events):
    """Two programs' nameless files do not meet in a catalogue."""
    column = ColumnEdge(LOCAL_FILE, "id", VOLUME, "id", "DIRECT:IDENTITY")
    event = events.of(settled(facts=Facts(edges=(DatasetEdge(LOCAL_FILE, VOLUME),), columns=(column,))))
    assert event["inputs"] == []
    assert "columnLineage" not in event["outputs"][0]["facets"]
    assert [output["name"] for output in event["outputs"]] == ["main.raw.landing"]
    event = events.of(settled(facts=Facts(edges=(DatasetEdge(VOLUME, LOCAL_FILE),))))
    assert ([each["name"] for each in event["inputs"]], event["outputs"]) == (["main.raw.landing"], [])


def test_a_run_belongs_to_the_workflow_around_it(events):
    """The parent is the workflow around the unit, the root the outermost; their runs are the same for every unit."""
    outer = inside("all", identifier="0123456789abcdef0123456789abcdef")
    inner = inside("nightly", around=outer, identifier="run 7")
    event = events.of(admitted(operation(container=inner)))
    parent = event["run"]["facets"]["parent"]
    assert parent["job"] == {"namespace": "acme-prod", "name": "all.nightly"}
    assert parent["root"]["job"]["name"] == "all"
    assert parent["root"]["run"]["runId"] == "01234567-89ab-cdef-0123-456789abcdef"
    assert event["job"]["name"] == "all.nightly.table.get"
    other = events.of(admitted(operation("files.upload", container=inner), unit=UnitId(3, 4)))
    assert other["run"]["facets"]["parent"]["run"] == parent["run"]


def test_attribution_and_classes_are_tags(events):
    """A run carries who pays, a dataset its class."""
    event = events.of(settled(operation(attribution=EVERYBODY), facts=LINEAGE))
    tags = {each["key"]: each["value"] for each in event["run"]["facets"]["tags"]["tags"]}
    assert tags == EVERYBODY.values
    assert [each.get("facets", {}).get("tags", {}).get("tags") for each in event["inputs"]] == [
        None,
        [{"key": "classification", "value": "restricted", "source": "genops"}],
    ]


def test_jobs_are_told_apart_by_what_runs_again():
    """The caller's name is the job's; otherwise dataset or first word tell it, and a lasting hash if there is one."""
    plain, keyed = Events("n"), Events("n", keyed=True)
    named = [
        Operation("etl.load", "p", name="load orders"),
        operation(reads=(ORDERS,), writes=(GOLD,)),
        INSERT,
        operation("x" * 600),
    ]
    names = [plain.of(admitted(each))["job"]["name"] for each in named]
    assert names[:3] == ["load orders", "table.get.main.sales.gold", "statement.execute.insert"]
    assert len(names[3]) == 512
    assert keyed.of(admitted(INSERT))["job"]["name"] == "statement.execute.insert.ab12"


def test_an_event_of_very_many_columns_is_bounded(events):
    """More than 10,000 column edges of one record are cut, and its run says how many are missing."""
    edges = tuple(ColumnEdge(ORDERS, f"c{n}", GOLD, "x", "DIRECT:TRANSFORMATION") for n in range(10_500))
    event = events.of(settled(facts=Facts(columns=edges)))
    (output,) = event["outputs"]
    assert len(output["facets"]["columnLineage"]["fields"]["x"]["inputFields"]) == 10_000
    tags = {each["key"]: each["value"] for each in event["run"]["facets"]["tags"]["tags"]}
    assert tags["column_edges_left_out"] == "500"


def test_no_signature_of_a_path_leaves(events):
    """A path is told by its name: users, passwords and signatures of its URI are nowhere in an event."""
    paths = ("s3a://me:hunter2@lake/orders?sig=hunter2", "https://acct.blob.core.windows.net/c/d?sig=hunter2")
    refs = tuple(DatasetRef((path,), "path") for path in paths)
    for what in (operation(reads=refs), operation(writes=refs[::-1])):
        assert "hunter2" not in json.dumps(events.of(settled(what)))


def test_times_are_those_of_the_records(events):
    """An event's time is when it happened, to the microsecond."""
    assert events.of(admitted(at_ns=STARTED + 1_999))["eventTime"] == "2023-11-14T22:13:20.000001Z"
