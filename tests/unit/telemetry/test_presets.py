"""Presets: what they come to, what they need, and that a key is never shown."""

from __future__ import annotations

import logging

import pytest

from genops.errors import ConfigurationError
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.export import plan
from genops.telemetry.otlp.preset import filled
from genops.telemetry.otlp.presets import PRESETS
from support.presets import EXPECTED, KEY

# A variable that a preset cannot do without.
_NEEDED = [(name, v.name) for name, preset in PRESETS.items() for v in preset.variables if v.default is None]


def test_every_preset_is_expected_to_be_something():
    """A preset without a row of expectations fails here."""
    assert set(EXPECTED) == set(PRESETS)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_comes_to_what_its_document_says(name):
    """URL of each signal, headers of each signal, and no signal that the back end does not take."""
    expected = EXPECTED[name]
    found = filled(PRESETS[name], expected.environ)
    assert {endpoint.signal: endpoint.url for endpoint in found.endpoints} == expected.urls
    assert found.headers == {signal: expected.of(signal) for signal in expected.urls}
    assert (found.preset.delta, found.preset.exponential) == (expected.delta, expected.exponential)


@pytest.mark.parametrize(
    ("name", "variables", "base"),
    [
        ("datadog", {"DD_API_KEY": KEY}, "https://otlp.datadoghq.com"),
        ("honeycomb", {"HONEYCOMB_API_KEY": KEY, "HONEYCOMB_API_ENDPOINT": "https://api.eu1.honeycomb.io"}, ""),
        ("new-relic", {"NEW_RELIC_LICENSE_KEY": KEY}, "https://otlp.nr-data.net"),
        ("signoz", {"SIGNOZ_INGESTION_KEY": KEY, "SIGNOZ_REGION": "US"}, "https://ingest.us.signoz.cloud:443"),
        ("dynatrace", {"DT_API_TOKEN": KEY, "DT_ENDPOINT": "https://x.example.com/e/1/"}, "https://x.example.com/e/1"),
    ],
)
def test_regions_and_sites_move_the_url(name, variables, base):
    """Defaults, regions in any case, and an endpoint that already ends like the paths or does not."""
    urls = {endpoint.url for endpoint in filled(PRESETS[name], variables).endpoints}
    base = base or variables["HONEYCOMB_API_ENDPOINT"]
    assert urls == {f"{base}{PRESETS[name].root}/v1/{signal}" for signal in ("traces", "logs", "metrics")}


@pytest.mark.parametrize(("name", "variable"), _NEEDED)
def test_a_missing_variable_is_named_with_where_to_get_it(name, variable):
    """The error names the preset, the variable and where its value comes from."""
    environ = {key: value for key, value in EXPECTED[name].environ.items() if key != variable}
    with pytest.raises(ConfigurationError) as raised:
        plan(TelemetryConfig(export=name), environ)
    told = str(raised.value)
    assert f"telemetry.export={name!r}" in told
    what = next(v.what for v in PRESETS[name].variables if v.name == variable)
    assert f"{variable} is not set: {what}" in told
    assert KEY not in told


@pytest.mark.parametrize(
    ("name", "variable", "value"),
    [
        ("datadog", "DD_SITE", f"datadoghq.eu/{KEY}"),
        ("datadog", "DD_API_KEY", f"{KEY}\r\nx-other: 1"),
        ("honeycomb", "HONEYCOMB_API_KEY", f"{KEY}é"),
        ("new-relic", "NEW_RELIC_REGION", KEY),
        ("splunk", "SPLUNK_REALM", f"us1@{KEY}"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_unseen(name, variable, value):
    """A site that is no site, a key that would break a header: named, and not shown."""
    with pytest.raises(ConfigurationError) as raised:
        plan(TelemetryConfig(export=name), {**EXPECTED[name].environ, variable: value})
    assert variable in str(raised.value)
    assert KEY not in str(raised.value)


def test_an_endpoint_that_is_no_url_names_its_variable():
    """What a variable of an endpoint holds is checked like any endpoint, credentials in it withheld."""
    environ = {**EXPECTED["dynatrace"].environ, "DT_ENDPOINT": f"ftp://me:{KEY}@example.com"}
    with pytest.raises(ConfigurationError, match="DT_ENDPOINT") as raised:
        plan(TelemetryConfig(export="dynatrace"), environ)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "name", sorted(name for name, expected in EXPECTED.items() if KEY in expected.environ.values())
)
def test_nothing_shows_a_key(name):
    """Neither the filled preset nor the plan nor its destination has the key in its representation."""
    environ = EXPECTED[name].environ
    planned = plan(TelemetryConfig(export=name), environ)
    assert KEY in str(filled(PRESETS[name], environ).headers) or PRESETS[name].basic
    assert KEY not in f"{filled(PRESETS[name], environ)!r} {planned!r} {planned.destinations!r}"


@pytest.mark.parametrize(
    ("typed", "meant"), [("honycomb", "honeycomb"), ("newrelic", "new-relic"), ("Datadog", "datadog"), ("otpl", "otlp")]
)
def test_an_unknown_name_suggests_the_nearest(typed, meant):
    """What was meant is suggested, among presets and words alike, and everything known is listed."""
    with pytest.raises(ConfigurationError, match=f"did you mean '{meant}'") as raised:
        plan(TelemetryConfig(export=typed), {})
    assert all(name in str(raised.value) for name in PRESETS)


def test_several_destinations_keep_their_order_and_their_names():
    """Presets, files and `otlp` stand side by side."""
    environ = {**EXPECTED["honeycomb"].environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    planned = plan(TelemetryConfig(export=("honeycomb", "otlp", "jaeger", "console")), environ)
    assert [destination.name for destination in planned.destinations] == ["honeycomb", "otlp", "jaeger"]
    assert planned.explicit
    assert planned.console


def test_the_environments_endpoint_is_not_a_presets():
    """`OTEL_EXPORTER_OTLP_*` speaks of `otlp`: a key for one back end does not go to another one's address."""
    environ = {
        **EXPECTED["honeycomb"].environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere:4318",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere:4318/v1/traces",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_TRACES_EXPORTER": "none",
    }
    (destination,) = plan(TelemetryConfig(export="honeycomb"), environ).destinations
    assert {endpoint.signal: endpoint.url for endpoint in destination.endpoints} == EXPECTED["honeycomb"].urls


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_an_override_stands_in_the_place_of_the_address(name):
    """With it the variables that hold the address are not needed; the paths stay."""
    preset = PRESETS[name]
    environ = {k: v for k, v in EXPECTED[name].environ.items() if f"{{{k}}}" not in preset.base}
    found = filled(preset, {**environ, preset.override: "http://127.0.0.1:4000/"})
    paths = {endpoint.url.removeprefix("http://127.0.0.1:4000") for endpoint in found.endpoints}
    with_root = {f"{preset.root}{path}" for path in preset.paths.values()}
    assert paths == ({""} if preset.protocol == "grpc" else with_root)


def test_an_override_of_no_preset_is_warned_of(caplog):
    """A misspelt override would otherwise be silently ignored, whatever is exported; said once, not at each change."""
    with caplog.at_level(logging.WARNING, "genops"):
        for _ in range(3):
            plan(TelemetryConfig(export="none"), {"GENOPS_EXPORT_HONYCOMB_ENDPOINT": "http://127.0.0.1:1"})
    assert sum(record.name == "genops" for record in caplog.records) == 1
    assert "GENOPS_EXPORT_HONYCOMB_ENDPOINT" in caplog.text
    assert "GENOPS_EXPORT_HONEYCOMB_ENDPOINT" in caplog.text


def test_google_takes_a_credential_provider_instead_of_a_token():
    """With the SDK's provider named, no token is needed and none is sent."""
    environ = {"OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "gcp_http_credentials"}
    assert filled(PRESETS["google-cloud"], environ).headers["traces"] == {}


def test_every_preset_names_its_document_and_its_limits():
    """What is claimed of a back end has a source, and what is lost is said."""
    for preset in PRESETS.values():
        assert preset.source
        assert preset.title
        assert preset.limits
