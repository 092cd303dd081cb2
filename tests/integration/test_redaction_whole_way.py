"""Nothing that a program plants in its statements leaves: by no span, event, metric, log, line, file or error."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlglot")

import genops
from genops.lineage.exchange import drawings, rows
from genops.lineage.exchange.openlineage import job_events
from genops.lineage.openlineage import OpenLineage
from genops.runtime import Runtime
from genops.testing import CapturedSpan, LocalWorkspace, capture, runtime
from support import planted_calls
from support.connecting import TRANSPORTS, connected
from support.leaving import Leaving, leaks, listening
from support.planted import DIALECTS, Planted
from support.sdk import workspace_client

WHO = {"team": "data-eng", "project": "sales", "environment": "test"}
AT_ONCE = 250
"""Statements between two looks at what left; so many wait in no queue."""


@contextlib.contextmanager
def governed(folder: Path, **settings: Any) -> Iterator[tuple[Runtime, Leaving]]:
    """Govern everything, with every way out open."""
    telemetry, events = folder / "telemetry.jsonl", folder / "events.ndjson"
    given = {"console": True, "validate": True, "performance_metrics": True, "trace_correlation": True, **WHO}
    with listening(telemetry, events) as leaving:
        sinks = [OpenLineage(str(events), "acme"), leaving]
        with runtime(sinks=sinks, export=str(telemetry), log_level="DEBUG", **{**given, **settings}) as built:
            genops.instrument("databricks_sdk", "databricks_sql")
            try:
                yield built, leaving
            finally:
                genops.uninstrument()


def taken(built: Runtime, leaving: Leaving) -> dict[str, str]:
    """Return what left since the last look, what can be asked for included."""
    assert built.flush(60)
    graph = built.lineage
    assert graph is not None
    view = graph.view()
    edges = [*view.edges(), *view.column_edges()]
    events = list(job_events(view, producer="https://genops.test", namespace="acme"))
    leaving.said("graph", graph.edges(), drawings.dot(edges), drawings.mermaid(edges), rows.as_json(view), events)
    graph.reset()
    leaving.said("state", built.totals.by("team"), built.telemetry, built.governor, built.statements, built.settings)
    return leaving.taken()


def fuzzed(folder: Path, seed: int, many: int, **settings: Any) -> tuple[dict[str, int], list[Any]]:
    """Run planted statements; return how many there were of each dialect, and what leaked."""
    rng = random.Random(seed)
    ran = dict.fromkeys(DIALECTS, 0)
    found: list[Any] = []
    signals = ("span", "metric") if settings.get("events") == "span" else ("span", "metric", "log")
    with governed(folder, **settings) as (built, leaving):
        while sum(ran.values()) < many:
            batch = list(planted_calls.run(rng, min(AT_ONCE, many - sum(ran.values())), leaving))
            for planted in batch:
                ran[planted.dialect] += 1
            left = taken(built, leaving)
            for way in ("telemetry.jsonl", "events.ndjson", "terminal", "records", "graph"):
                assert len(left[way]) > len(batch), f"nothing left by {way}"
            assert all(f'"resource{signal}s"' in left["telemetry.jsonl"] for signal in signals)
            found += [(seed, *leak) for leak in leaks(left, [planted.secret for planted in batch])]
    return ran, found


def test_nothing_planted_leaves(tmp_path: Path) -> None:
    """Of 200 statements of six dialects that succeed, fail and raise, no secret leaves by any way."""
    ran, found = fuzzed(tmp_path, 1, 200)
    assert min(ran.values()) > 0
    assert found == []


def test_nothing_planted_leaves_where_rules_refuse(tmp_path: Path) -> None:
    """Refusals and warnings of rules name no secret either, and neither do span events."""
    rules = {"policies": {"clearance": {"clearances": {"data-eng": "internal"}}}, "tables": {"main.s.*": "restricted"}}
    _, found = fuzzed(tmp_path, 2, 60, mode="enforce", events="span", **rules)
    assert found == []


@pytest.mark.full
@pytest.mark.parametrize("seed", range(100, 110))
def test_nothing_planted_leaves_by_many(seed: int, tmp_path: Path) -> None:
    """Of 100,000 statements of six dialects, the whole way of each, no secret leaves by any way."""
    ran, found = fuzzed(tmp_path, seed, 10_000)
    assert min(ran.values()) > 1_000
    assert found == []
    shutil.rmtree(tmp_path)  # a gigabyte in all


def _spans(text: str) -> list[tuple[Planted, CapturedSpan]]:
    """Run planted statements under a setting of `sql.text`; return each with its span."""
    rng, quiet = random.Random(3), Leaving()
    with capture(sql={"text": text}, **WHO) as captured:
        genops.instrument("databricks_sdk")
        try:
            ran = list(planted_calls.run(rng, 80, quiet))
        finally:
            genops.uninstrument()
        units = [span for span in captured.spans if span.attributes.get("genops.operation.role") != "container"]
    return list(zip(ran, units, strict=True))


@pytest.mark.parametrize("text", ["none", "redacted"])
def test_what_is_said_of_a_text(text: str) -> None:
    """`none` says no text at all, `redacted` says most of them without the secret; both say length and hashes."""
    spans = _spans(text)
    shown = [span for _, span in spans if "db.query.text" in span.attributes]
    assert (len(shown) > len(spans) / 3) == (text == "redacted")
    assert bool(shown) == (text == "redacted")
    assert all("genops.statement.fingerprint" in span.attributes for _, span in spans)
    assert leaks({"spans": repr(spans).lower()}, [planted.secret for planted, _ in spans])  # they hold what was planted
    assert leaks({"spans": repr([span for _, span in spans]).lower()}, [planted.secret for planted, _ in spans]) == []


def test_a_text_that_is_asked_for_is_found_where_it_is_said(tmp_path: Path) -> None:
    """The search finds what leaves: with `raw` the secrets are on spans, in records and in OpenLineage's `sql`."""
    _, found = fuzzed(tmp_path, 5, 30, sql={"text": "raw"})
    assert {way for _, way, *_ in found} == {"telemetry.jsonl", "events.ndjson", "records"}


def test_raw_text_is_the_whole_text_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    """`raw` is warned of; then a span has the text of its statement as it is, and only where texts are said."""
    spans = _spans("raw")
    assert any("sql.text='raw'" in message for message in caplog.messages)
    assert [planted.text for planted, _ in spans] == [span.attributes["db.query.text"] for _, span in spans]
    for planted, span in spans:
        rest = {name: value for name, value in span.attributes.items() if name != "db.query.text"}
        assert leaks({"span": repr((span.name, rest, span.events)).lower()}, [planted.secret]) == []


@contextlib.contextmanager
def workspace() -> Iterator[LocalWorkspace]:
    """A workspace with a table."""
    with LocalWorkspace(transition_polls=0) as started:
        started.execute("CREATE TABLE main.default.t (a STRING, b STRING, c STRING)")
        yield started


def test_nothing_planted_leaves_over_http_and_thrift(tmp_path: Path) -> None:
    """Of statements run on a workspace by SDK and connector, with parameters and rows, no secret leaves either."""
    rng, secrets = random.Random(4), list[str]()
    with workspace() as started, governed(tmp_path, attribution={"inject": True}) as (built, leaving):
        client = workspace_client(started)
        for ask in (planted_calls.asking(client, started.warehouse_id), *_cursors(started)):
            for _ in range(4):
                planted = planted_calls.databricks(rng)
                secrets.append(planted.secret)
                planted_calls.on_workspace(ask, planted, leaving)
        for transport in TRANSPORTS:
            with connected(started, transport) as connection, connection.cursor() as cursor:
                secrets += planted_calls.with_rows(cursor, rng)
        left = taken(built, leaving)
    assert leaks(left, secrets) == []
    assert "data-eng" in left["telemetry.jsonl"]
    assert "main.default.t" in left["events.ndjson"]
    assert leaks({"sent": repr([request.body for request in started.requests]).lower()}, secrets)


def _cursors(started: LocalWorkspace) -> Iterator[planted_calls.Ask]:
    """Yield what runs a statement through the connector, over each transport."""
    for transport in TRANSPORTS:
        with connected(started, transport) as connection, connection.cursor() as cursor:
            yield lambda text, secret, cursor=cursor: cursor.execute(text, {"p": secret}).fetchall()
