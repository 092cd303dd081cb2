"""What each preset is expected to come to, written down from the makers' documents and not from the code."""

from __future__ import annotations

from dataclasses import dataclass, field

KEY = "k3y-that-nobody-may-see"
_ALL = ("traces", "logs", "metrics")


@dataclass(frozen=True)
class Expected:
    """What a preset comes to.

    Attributes:
        environ: Variables that it needs.
        urls: URL of each signal, without an override.
        headers: Headers of every request, besides those of the protocol.
        further: Further headers of one signal.
        delta: Whether counters leave as differences.
        exponential: Whether histograms have exponential buckets.
    """

    environ: dict[str, str]
    urls: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)
    further: dict[str, dict[str, str]] = field(default_factory=dict)
    delta: bool = False
    exponential: bool = False

    def of(self, signal: str) -> dict[str, str]:
        """Return the headers of a signal."""
        return {**self.headers, **self.further.get(signal, {})}


def _below(base: str, *signals: str) -> dict[str, str]:
    return {signal: f"{base}/v1/{signal}" for signal in signals or _ALL}


_LOCAL = _below("http://localhost:4318")
EXPECTED = {
    "collector": Expected({}, _LOCAL),
    "otel-desktop-viewer": Expected({}, _LOCAL),
    "prometheus": Expected({}, _below("http://localhost:9090/api/v1/otlp", "metrics")),
    "mlflow": Expected(
        {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000/", "MLFLOW_EXPERIMENT_ID": "7"},
        _below("http://127.0.0.1:5000", "traces"),
        {"x-mlflow-experiment-id": "7"},
    ),
    "jaeger": Expected({}, _below("http://localhost:4318", "traces")),
    "datadog": Expected(
        {"DD_API_KEY": KEY, "DD_SITE": "us3.datadoghq.com"},
        _below("https://otlp.us3.datadoghq.com"),
        {"dd-api-key": KEY},
        {"traces": {"compute_stats": "true"}},
        delta=True,
    ),
    "honeycomb": Expected(
        {"HONEYCOMB_API_KEY": KEY, "HONEYCOMB_METRICS_DATASET": "genops metrics"},
        _below("https://api.honeycomb.io"),
        {"x-honeycomb-team": KEY},
        {"metrics": {"x-honeycomb-dataset": "genops metrics"}},
    ),
    "new-relic": Expected(
        {"NEW_RELIC_LICENSE_KEY": KEY, "NEW_RELIC_REGION": "eu"},
        _below("https://otlp.eu01.nr-data.net"),
        {"api-key": KEY},
        delta=True,
        exponential=True,
    ),
    "splunk": Expected(
        {"SPLUNK_ACCESS_TOKEN": KEY, "SPLUNK_REALM": "us1"},
        {
            "traces": "https://ingest.us1.signalfx.com/v2/trace/otlp",
            "metrics": "https://ingest.us1.signalfx.com/v2/datapoint/otlp",
        },
        {"x-sf-token": KEY},
    ),
    "dynatrace": Expected(
        {"DT_ENDPOINT": "https://abc12345.live.dynatrace.com/api/v2/otlp", "DT_API_TOKEN": KEY},
        _below("https://abc12345.live.dynatrace.com/api/v2/otlp"),
        {"authorization": f"Api-Token {KEY}"},
        delta=True,
    ),
    "grafana-cloud": Expected(
        {
            "GRAFANA_CLOUD_OTLP_ENDPOINT": "https://otlp-gateway-prod-eu-west-0.grafana.net/otlp",
            "GRAFANA_CLOUD_INSTANCE_ID": "123456",
            "GRAFANA_CLOUD_API_KEY": KEY,
        },
        _below("https://otlp-gateway-prod-eu-west-0.grafana.net/otlp"),
        {"authorization": "Basic MTIzNDU2OmszeS10aGF0LW5vYm9keS1tYXktc2Vl"},
    ),
    "elastic": Expected(
        {"ELASTIC_OTLP_ENDPOINT": "https://my-project.ingest.eu-west-1.aws.elastic.cloud:443", "ELASTIC_API_KEY": KEY},
        _below("https://my-project.ingest.eu-west-1.aws.elastic.cloud:443"),
        {"authorization": f"ApiKey {KEY}"},
        delta=True,
    ),
    "signoz": Expected(
        {"SIGNOZ_INGESTION_KEY": KEY, "SIGNOZ_REGION": "in"},
        _below("https://ingest.in.signoz.cloud:443"),
        {"signoz-ingestion-key": KEY},
    ),
    "azure-monitor": Expected({}, _LOCAL, delta=True, exponential=True),
    "aws": Expected({}, _LOCAL),
    "google-cloud": Expected(
        {"CLOUDSDK_AUTH_ACCESS_TOKEN": KEY, "GOOGLE_CLOUD_PROJECT": "my-project"},
        _below("https://telemetry.googleapis.com"),
        {"authorization": f"Bearer {KEY}", "x-goog-user-project": "my-project"},
    ),
    "databricks": Expected(
        {
            "ZEROBUS_SERVER_ENDPOINT": "1234567890123456.zerobus.us-west-2.cloud.databricks.com",
            "ZEROBUS_TABLE_PREFIX": "main.observability.etl",
            "ZEROBUS_ACCESS_TOKEN": KEY,
        },
        _below("https://1234567890123456.zerobus.us-west-2.cloud.databricks.com"),
        {"authorization": f"Bearer {KEY}"},
        {
            signal: {"x-databricks-zerobus-table-name": f"main.observability.etl_otel_{table}"}
            for signal, table in (("traces", "spans"), ("logs", "logs"), ("metrics", "metrics"))
        },
    ),
    "databricks-apps": Expected({}, dict.fromkeys(_ALL, "http://localhost:4314")),
}
# Run against the real program in the tests of servers; everything else is asserted at a receiver on loopback.
RUN = frozenset({"collector", "otel-desktop-viewer", "prometheus", "mlflow"})
