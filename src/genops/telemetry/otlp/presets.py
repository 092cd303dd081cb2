"""The presets of `telemetry.export`, one a back end.

Each says where a back end takes OTLP, how it knows the sender and what it does not take, with the document of its maker
that says so, as it read in November 2026. Values come from the variables that the maker itself uses; where the maker
names none, from one that says what it is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from genops.errors import nearest
from genops.telemetry.otlp.endpoints import GRPC
from genops.telemetry.otlp.preset import HOST, OVERRIDES, STANDARD, Preset, Variable

_log = logging.getLogger("genops")


def _only(*signals: str) -> dict[str, str]:
    return {signal: STANDARD[signal] for signal in signals}


_LOCAL = "http://localhost:4318"
_PRESETS = (
    Preset(
        "collector",
        "OpenTelemetry Collector",
        "opentelemetry.io, Collector: Configuration (receiver otlp)",
        _LOCAL,
        limits="What becomes of the telemetry is the Collector's own configuration.",
    ),
    Preset(
        "otel-desktop-viewer",
        "otel-desktop-viewer",
        "CtrlSpice/otel-desktop-viewer, README",
        _LOCAL,
        limits="Keeps everything in memory unless it is started with a file.",
    ),
    Preset(
        "prometheus",
        "Prometheus, OTLP receiver",
        "prometheus.io, Using Prometheus as your OpenTelemetry backend",
        "http://localhost:9090",
        root="/api/v1/otlp",
        paths=_only("metrics"),
        limits="Metrics only. Needs --web.enable-otlp-receiver, which Debian's build lacks; takes cumulative sums.",
    ),
    Preset(
        "mlflow",
        "MLflow Tracking server",
        "mlflow.org, OpenTelemetry trace ingestion (/v1/traces)",
        "{MLFLOW_TRACKING_URI}",
        (
            Variable("MLFLOW_TRACKING_URI", "the URL of an MLflow server, for example http://localhost:5000"),
            Variable("MLFLOW_EXPERIMENT_ID", "the number of an experiment, as `mlflow experiments search` shows it"),
            Variable("MLFLOW_TRACKING_TOKEN", "an access token, where the server wants one", ""),
        ),
        paths=_only("traces"),
        headers={
            "x-mlflow-experiment-id": "{MLFLOW_EXPERIMENT_ID}",
            "authorization": "Bearer {MLFLOW_TRACKING_TOKEN}",
        },
        limits="Traces only, over HTTP only; a request without an experiment is refused with 422.",
    ),
    Preset(
        "jaeger",
        "Jaeger",
        "jaegertracing.io, Architecture: APIs (OTLP on 4317 and 4318)",
        _LOCAL,
        paths=_only("traces"),
        limits="Traces only.",
    ),
    Preset(
        "datadog",
        "Datadog, OTLP intake",
        "docs.datadoghq.com, Datadog OTLP Intake Endpoint: metrics, logs, traces",
        "https://otlp.{DD_SITE}",
        (
            Variable("DD_API_KEY", "an API key, made under Organization Settings > API Keys"),
            Variable("DD_SITE", "the site of your organization, for example datadoghq.eu", "datadoghq.com", HOST),
        ),
        headers={"dd-api-key": "{DD_API_KEY}"},
        by_signal={"traces": {"compute_stats": "true"}},
        delta=True,
        limits="Takes delta metrics only; a request of traces up to 3.2 MB; some documents call the intake of traces a "
        "preview that has to be asked for. With a Datadog Agent use `collector` and its OTLP port.",
    ),
    Preset(
        "honeycomb",
        "Honeycomb",
        "docs.honeycomb.io, Send Data with OpenTelemetry",
        "{HONEYCOMB_API_ENDPOINT}",
        (
            Variable("HONEYCOMB_API_KEY", "an ingest key, made under Environment settings > API Keys"),
            Variable(
                "HONEYCOMB_API_ENDPOINT",
                "https://api.honeycomb.io, or https://api.eu1.honeycomb.io",
                "https://api.honeycomb.io",
            ),
            Variable("HONEYCOMB_METRICS_DATASET", "the dataset of metrics", ""),
        ),
        headers={"x-honeycomb-team": "{HONEYCOMB_API_KEY}"},
        by_signal={"metrics": {"x-honeycomb-dataset": "{HONEYCOMB_METRICS_DATASET}"}},
        limits="A Classic environment also wants a dataset for traces, which this preset does not send.",
    ),
    Preset(
        "new-relic",
        "New Relic",
        "docs.newrelic.com, New Relic OTLP endpoint",
        "https://{NEW_RELIC_REGION}",
        (
            Variable("NEW_RELIC_LICENSE_KEY", "an ingest licence key, from API keys"),
            Variable(
                "NEW_RELIC_REGION",
                "the data centre of your account: US or EU",
                "US",
                values={"US": "otlp.nr-data.net", "EU": "otlp.eu01.nr-data.net"},
            ),
        ),
        headers={"api-key": "{NEW_RELIC_LICENSE_KEY}"},
        delta=True,
        exponential=True,
        limits="A request up to 1 MB, an attribute value up to 4,095 characters.",
    ),
    Preset(
        "splunk",
        "Splunk Observability Cloud",
        "help.splunk.com, OTLP/HTTP exporter; splunk.github.io, OTLP HTTP exporter (metrics)",
        "https://ingest.{SPLUNK_REALM}.signalfx.com",
        (
            Variable("SPLUNK_ACCESS_TOKEN", "an access token for ingest, made under Settings > Access Tokens"),
            Variable("SPLUNK_REALM", "the realm of your organization, for example us1", pattern=HOST),
        ),
        paths={"traces": "/v2/trace/otlp", "metrics": "/v2/datapoint/otlp"},
        headers={"x-sf-token": "{SPLUNK_ACCESS_TOKEN}"},
        limits="No OTLP for logs there: send them to Splunk Platform through a Collector (splunk_hec).",
    ),
    Preset(
        "dynatrace",
        "Dynatrace",
        "docs.dynatrace.com, Dynatrace OTLP API; About OTLP metrics ingest",
        "{DT_ENDPOINT}",
        (
            Variable("DT_ENDPOINT", "https://<environment>.live.dynatrace.com, with or without /api/v2/otlp"),
            Variable(
                "DT_API_TOKEN",
                "an access token with the scopes openTelemetryTrace.ingest, metrics.ingest and logs.ingest",
            ),
        ),
        root="/api/v2/otlp",
        headers={"authorization": "Api-Token {DT_API_TOKEN}"},
        delta=True,
        limits="Cumulative counters are not taken; http/protobuf only.",
    ),
    Preset(
        "grafana-cloud",
        "Grafana Cloud",
        "grafana.com, Send data to the Grafana Cloud OTLP endpoint",
        "{GRAFANA_CLOUD_OTLP_ENDPOINT}",
        (
            Variable(
                "GRAFANA_CLOUD_OTLP_ENDPOINT",
                "the URL of the OTLP gateway, from your stack's tile OpenTelemetry > Configure",
            ),
            Variable("GRAFANA_CLOUD_INSTANCE_ID", "the number of your instance, from the same page"),
            Variable("GRAFANA_CLOUD_API_KEY", "a token that may write metrics, logs and traces, from there too"),
        ),
        root="/otlp",
        basic=("GRAFANA_CLOUD_INSTANCE_ID", "GRAFANA_CLOUD_API_KEY"),
        limits="Loki drops the event name of log records: look for the attribute event.name (event_name in LogQL).",
    ),
    Preset(
        "elastic",
        "Elastic Cloud, managed OTLP endpoint",
        "elastic.co, Elastic Cloud Managed OTLP Endpoint; EDOT: Limitations",
        "{ELASTIC_OTLP_ENDPOINT}",
        (
            Variable("ELASTIC_OTLP_ENDPOINT", "the managed endpoint, from Add data > Applications > OpenTelemetry"),
            Variable("ELASTIC_API_KEY", "an API key, from the same page"),
        ),
        headers={"authorization": "ApiKey {ELASTIC_API_KEY}"},
        delta=True,
        limits="Histograms are taken with delta temporality only. A self-managed cluster wants a Collector in front.",
    ),
    Preset(
        "signoz",
        "SigNoz Cloud",
        "signoz.io, Ingestion: SigNoz Cloud overview",
        "https://{SIGNOZ_REGION}:443",
        (
            Variable("SIGNOZ_INGESTION_KEY", "an ingestion key, from Settings > Ingestion Settings"),
            Variable(
                "SIGNOZ_REGION",
                "the region of your account: us, eu or in",
                values={region: f"ingest.{region}.signoz.cloud" for region in ("us", "eu", "in")},
            ),
        ),
        headers={"signoz-ingestion-key": "{SIGNOZ_INGESTION_KEY}"},
        limits="A SigNoz of your own takes no key: use `collector` with its URL.",
    ),
    Preset(
        "azure-monitor",
        "Azure Monitor, through a Collector beside the program",
        "learn.microsoft.com, Ingest OTLP data into Azure Monitor by using OTel Collector",
        _LOCAL,
        delta=True,
        exponential=True,
        limits="Not direct: Azure's own OTLP endpoints want Microsoft Entra tokens, which the Collector's azureauth "
        "extension gets. Its views of metrics expect delta temporality and exponential histograms.",
    ),
    Preset(
        "aws",
        "AWS, through the ADOT Collector or the CloudWatch agent beside the program",
        "docs.aws.amazon.com, CloudWatch: OTLP endpoints; aws-otel.github.io",
        _LOCAL,
        limits="Not direct: CloudWatch's OTLP endpoints want requests signed with SigV4 (logs may come with a bearer "
        "token instead), which the Collector's sigv4auth extension does.",
    ),
    Preset(
        "google-cloud",
        "Google Cloud, Telemetry API",
        "docs.cloud.google.com, Telemetry (OTLP) API overview",
        "https://telemetry.googleapis.com",
        (
            Variable(
                "CLOUDSDK_AUTH_ACCESS_TOKEN",
                "an access token (`gcloud auth print-access-token`), which lasts about an hour; for longer runs "
                "install opentelemetry-exporter-credential-provider-gcp and set "
                "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER=gcp_http_credentials instead",
            ),
            Variable("GOOGLE_CLOUD_PROJECT", "the project that is billed"),
        ),
        headers={
            "authorization": "Bearer {CLOUDSDK_AUTH_ACCESS_TOKEN}",
            "x-goog-user-project": "{GOOGLE_CLOUD_PROJECT}",
        },
        provider=True,
        limits="A token of the environment is not renewed. The resource has to carry gcp.project_id "
        "(OTEL_RESOURCE_ATTRIBUTES=gcp.project_id=...). Google recommends a Collector in between.",
    ),
    Preset(
        "databricks",
        "Databricks, Zerobus Ingest into Unity Catalog tables",
        "docs.databricks.com, Configure OpenTelemetry (OTLP) clients to send data to Unity Catalog",
        "{ZEROBUS_SERVER_ENDPOINT}",
        (
            Variable(
                "ZEROBUS_SERVER_ENDPOINT", "<workspace id>.zerobus.<region>.cloud.databricks.com (azuredatabricks.net)"
            ),
            Variable("ZEROBUS_TABLE_PREFIX", "<catalog>.<schema>.<prefix> of the tables <prefix>_otel_spans and so on"),
            Variable(
                "ZEROBUS_ACCESS_TOKEN",
                "an OAuth token of a service principal for these tables, which lasts an hour; a personal access token "
                "is refused",
            ),
        ),
        headers={"authorization": "Bearer {ZEROBUS_ACCESS_TOKEN}"},
        by_signal={
            signal: {"x-databricks-zerobus-table-name": f"{{ZEROBUS_TABLE_PREFIX}}_otel_{table}"}
            for signal, table in (("traces", "spans"), ("logs", "logs"), ("metrics", "metrics"))
        },
        limits="Beta in some clouds. The tables have to exist. The token is not renewed: for longer runs put a "
        "Collector with the oauth2client extension in between. OTLP over HTTP is the newer of its two ways in.",
    ),
    Preset(
        "databricks-apps",
        "Databricks Apps, the platform's own receiver",
        "docs.databricks.com, Databricks Apps: environment (app telemetry)",
        "http://localhost:4314",
        protocol=GRPC,
        limits="Inside a Databricks App with app telemetry on, which also sets OTEL_EXPORTER_OTLP_ENDPOINT, so that "
        "`otlp` and no setting at all do the same. Needs the extra `grpc`.",
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _PRESETS}


def strangers(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that look like a `GENOPS_EXPORT_<NAME>_ENDPOINT` and are none; which is meant, by name."""
    known = {preset.override for preset in PRESETS.values()}
    ours = (name for name in environ if name.startswith(OVERRIDES) and name not in known)
    return {name: nearest(name, known) for name in ours}


def warn_of_strangers(environ: Mapping[str, str] = os.environ) -> None:
    """Say which variable that looks like a `GENOPS_EXPORT_<NAME>_ENDPOINT` is none, once in a process."""
    for name, meant in strangers(environ).items():
        if name not in _warned:
            _warned.add(name)
            _log.warning("genops: environment variable %s belongs to no preset%s", name, meant)


_warned: set[str] = set()
