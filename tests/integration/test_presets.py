"""Presets at a receiver on loopback: where each sends, with which headers, and what its metrics look like there."""

from __future__ import annotations

import logging

import pytest

import genops
from genops.core.guard import Guard
from genops.settings import load
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.otlp.presets import PRESETS
from genops.telemetry.providers import Telemetry
from support.otlp import Receiver, plain
from support.presets import EXPECTED, KEY
from support.records import FixedBudgets, FixedTotals, row, run_unit

_HTTP = sorted(name for name, preset in PRESETS.items() if preset.protocol == "http/protobuf")
_OF_THE_PROTOCOL = {
    "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host",
    "user-agent",
}  # fmt: skip
_DELTA, _CUMULATIVE = 1, 2
EVENTS = ["genops.policy.evaluated", "genops.budget.reservation", "genops.budget.reconciliation"]


@pytest.fixture
def receiver():
    """A receiver that stands in the place of a back end."""
    with Receiver() as running:
        yield running


@pytest.fixture
def make(receiver, monkeypatch):
    """Makes telemetry for presets whose address is the receiver's, and ends it."""
    made = []

    def telemetry(*names, totals=None, **config):
        for name in names:
            monkeypatch.setenv(PRESETS[name].override, receiver.endpoint)
            for variable, value in EXPECTED[name].environ.items():
                monkeypatch.setenv(variable, value)
        built = Telemetry.build(
            TelemetryConfig(export=names, **config),
            guard=Guard(),
            totals=totals or FixedTotals(row(units=1)),
            budgets=FixedBudgets(),
        )
        made.append(built)
        return built

    yield telemetry
    for built in made:
        built.shutdown(2)


def said(received):
    """The headers of a request besides those of the protocol."""
    return {name: value for name, value in received.headers.items() if name not in _OF_THE_PROTOCOL}


def points(metric):
    """What a metric is, how it is added up, and its points."""
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    return kind, getattr(data, "aggregation_temporality", None), list(data.data_points)


def values(receiver, name):
    """The value of each point of a sum, in the order of collections."""
    return [
        point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
        for metric, _ in receiver.metrics()
        if metric.name == name
        for point in points(metric)[2]
    ]


@pytest.mark.parametrize("name", _HTTP)
def test_a_preset_sends_what_its_back_end_wants(name, receiver, make):
    """Paths, headers, body and compression of every signal, and no request for a signal that is not taken."""
    telemetry = make(name)
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    expected, preset = EXPECTED[name], PRESETS[name]
    assert {received.signal: received.path for received in receiver.requests} == {
        signal: f"{preset.root}{path}" for signal, path in preset.paths.items()
    }
    for received in receiver.requests:
        assert said(received) == expected.of(received.signal)
        assert received.headers["content-type"] == "application/x-protobuf"
        assert received.gzip


@pytest.mark.parametrize("name", sorted(name for name in _HTTP if "metrics" in PRESETS[name].paths))
def test_temporality_is_the_back_ends(name, receiver, make):
    """Counters and histograms as the back end takes them; up-down counters and gauges always as they stand."""
    telemetry = make(name)
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    expected = EXPECTED[name]
    found = {metric.name: points(metric)[:2] for metric, _ in receiver.metrics()}
    added = _DELTA if expected.delta else _CUMULATIVE
    assert found["genops.operations"] == ("sum", added)
    histogram = "exponential_histogram" if expected.exponential else "histogram"
    assert found["genops.operation.duration"] == (histogram, added)
    for metric, _ in receiver.metrics():
        kind, temporality, _ = points(metric)
        if kind == "sum" and not metric.sum.is_monotonic:
            assert temporality == _CUMULATIVE, metric.name


def test_delta_says_what_was_added_since_the_last_export(receiver, make):
    """Observable counters that read exact totals leave as exact differences: 5, then 2, then nothing; 7 in all."""
    totals = FixedTotals(row(units=5, cost=5_000_000, currency="USD"))
    telemetry = make("datadog", totals=totals)
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    totals.given[:] = [row(units=7, cost=7_250_000, currency="USD")]
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    assert telemetry.flush(10)
    assert values(receiver, "genops.operations") == [5, 2, 0]
    assert values(receiver, "genops.cost.total") == [5.0, 2.25, 0.0]
    counts = [
        point.count
        for metric, _ in receiver.metrics()
        if metric.name == "genops.operation.duration"
        for point in points(metric)[2]
    ]
    assert counts == [1, 1]


def test_cumulative_says_what_there_is_in_all(receiver, make):
    """Everywhere else a point is the running total, so that a lost export repairs itself."""
    totals = FixedTotals(row(units=5))
    telemetry = make("honeycomb", totals=totals)
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    totals.given[:] = [row(units=7)]
    assert telemetry.flush(10)
    assert values(receiver, "genops.operations") == [5, 7]


def test_two_presets_side_by_side_keep_their_own_manner(receiver, make):
    """One back end gets differences and the other running totals, of the same numbers, each with its own key only."""
    totals = FixedTotals(row(units=5))
    telemetry = make("datadog", "honeycomb", totals=totals)
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    totals.given[:] = [row(units=7)]
    assert telemetry.flush(10)
    by_name = {"dd-api-key": [], "x-honeycomb-team": []}
    for received in receiver.requests:
        (key,) = set(received.headers) & set(by_name)
        if received.signal == "metrics":
            by_name[key] += [
                point.as_int
                for resource in received.message.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
                if metric.name == "genops.operations"
                for point in metric.sum.data_points
            ]
    assert by_name == {"dd-api-key": [5, 2], "x-honeycomb-team": [5, 7]}
    assert len(receiver.spans()) == 2
    assert len(receiver.logs()) == 6


def test_the_environments_headers_and_preference_stay_with_otlp(receiver, make, monkeypatch):
    """A key for the receiver of `otlp` reaches no preset, and its preferred temporality neither."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-other-key=other,authorization=Bearer%20other")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-traces-key=other")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    telemetry = make("honeycomb", "jaeger")
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    assert "other" not in str([received.headers for received in receiver.requests])
    assert {points(metric)[1] for metric, _ in receiver.metrics() if metric.WhichOneof("data") == "sum"} == {2}


def test_the_environments_compression_holds_for_presets(receiver, make, monkeypatch):
    """How to send is the environment's to say, and so is how long to wait."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    telemetry = make("honeycomb")
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    assert {received.gzip for received in receiver.requests} == {False}


@pytest.mark.parametrize("name", ["jaeger", "mlflow", "splunk"])
def test_events_become_span_events_where_no_logs_are_taken(name, receiver, make):
    """A back end without logs still gets the three required events, on the span."""
    telemetry = make(name)
    run_unit(telemetry.tracer, telemetry.sinks)
    assert telemetry.flush(10)
    ((span, *_),) = receiver.spans()
    assert [event.name for event in span.events] == EVENTS
    assert plain(span.attributes)["genops.team"] == "data-eng"


def test_sampling_is_off_where_it_would_lose_events(receiver, make, caplog):
    """Events on spans and sampled spans do not go together: nothing is sampled, and a warning says so."""
    with caplog.at_level(logging.WARNING, "genops"):
        telemetry = make("jaeger", sampling_enabled=True, sampling_rate=0.0)
        for _ in range(3):
            run_unit(telemetry.tracer, telemetry.sinks)
        assert telemetry.flush(10)
    assert len(receiver.spans()) == 3
    assert "jaeger takes no log records" in caplog.text
    assert "sampling is off" in caplog.text


def test_events_that_reach_nobody_are_warned_of(make, caplog):
    """A destination for metrics alone is not enough, and a warning says what to add."""
    with caplog.at_level(logging.WARNING, "genops"):
        telemetry = make("prometheus")
        run_unit(telemetry.tracer, telemetry.sinks)
        assert telemetry.flush(10)
    assert "prometheus takes neither log records nor spans" in caplog.text


def test_a_second_destination_takes_the_events(receiver, make, tmp_path, caplog):
    """Metrics to Prometheus and events to a file: nothing is lost and nothing is warned of."""
    file = tmp_path / "events.jsonl"
    built = make("prometheus")
    telemetry = Telemetry.build(
        TelemetryConfig(export=("prometheus", str(file))), guard=Guard(), totals=FixedTotals(row(units=1))
    )
    with caplog.at_level(logging.INFO, "genops"):
        run_unit(telemetry.tracer, telemetry.sinks)
        assert telemetry.flush(10)
        telemetry.shutdown(5)
    assert all(event in file.read_text() for event in EVENTS)
    assert "reach nobody" not in caplog.text
    assert {received.signal for received in receiver.requests} == {"metrics"}
    assert not built.health()


def test_a_key_does_not_follow_a_redirection(receiver, make, caplog):
    """A receiver that redirects elsewhere is a failure; the other address is never asked."""
    with Receiver() as elsewhere:
        receiver.faults.redirect = f"{elsewhere.endpoint}/v1/traces"
        telemetry = make("honeycomb")
        with caplog.at_level(logging.DEBUG):
            run_unit(telemetry.tracer, telemetry.sinks)
            assert not telemetry.flush(20)
        assert elsewhere.requests == []
    assert KEY not in caplog.text


def test_a_receiver_that_is_down_shows_no_key(receiver, make, caplog):
    """Neither the SDK's nor genops' own log shows a key when a request fails."""
    receiver.kill()
    telemetry = make("grafana-cloud")
    with caplog.at_level(logging.DEBUG):
        run_unit(telemetry.tracer, telemetry.sinks)
        assert not telemetry.flush(20)
        telemetry.shutdown(2)
    assert KEY not in caplog.text
    assert EXPECTED["grafana-cloud"].headers["authorization"] not in caplog.text


def test_configure_takes_a_presets_name(receiver, monkeypatch):
    """`genops.configure(export="honeycomb")`, with the key in the environment, governs an operation into Honeycomb."""
    monkeypatch.setenv("HONEYCOMB_API_KEY", KEY)
    monkeypatch.setenv("HONEYCOMB_API_ENDPOINT", receiver.endpoint)
    configured = genops.configure(export="honeycomb", team="t", project="p", environment="e")
    try:
        with genops.operation("table.copy", reads=["main.a.b"]):
            pass
        assert genops.flush(10)
    finally:
        genops.shutdown()
    assert configured.settings.telemetry.export == "honeycomb"
    assert len(receiver.spans()) == 1
    assert {received.headers["x-honeycomb-team"] for received in receiver.requests} == {KEY}


def test_settings_do_not_warn_of_an_override(receiver, monkeypatch, caplog):
    """`GENOPS_EXPORT_<NAME>_ENDPOINT` is known, so settings do not take it for a misspelt one."""
    monkeypatch.setenv("GENOPS_EXPORT_JAEGER_ENDPOINT", receiver.endpoint)
    with caplog.at_level(logging.WARNING, "genops"):
        load()
    assert "GENOPS_EXPORT" not in caplog.text
