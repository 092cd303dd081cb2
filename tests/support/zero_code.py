"""Programs that are governed from outside: how they are started, and what of their telemetry can be compared."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from opentelemetry.sdk.resources import Resource

from support.otlp import plain

BIN = Path(sys.executable).parent
GENOPS_RUN = [str(BIN / "genops"), "run", "--"]
OTEL = [str(BIN / "opentelemetry-instrument")]
WITHOUT_DISTRO = {"OTEL_PYTHON_DISTRO": "none", "OTEL_PYTHON_CONFIGURATOR": "none"}
OVER_HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
# What a distro adds to the resource of the providers that it makes.
OF_A_DISTRO = "telemetry.auto.version"
_NAMES_INSTANCES = "service.instance.id" in Resource.create().attributes
EVENTS = {"genops.policy.evaluated", "genops.budget.reservation", "genops.budget.reconciliation"}
SCOPE = "genops"
# A program that finds its workspace in its environment, reads one table, and says so.
CALL = """
from databricks.sdk import WorkspaceClient
def call():
    assert WorkspaceClient().tables.get("main.sales.orders").name == "orders"
"""
# Attributes whose values differ between two runs of the same program, on workspaces of their own.
_OF_ONE_RUN = dict.fromkeys(("genops.request.id", "databricks.warehouse.id", "server.address"), "of one run")


def environment(receiver=None, workspace=None, **more):
    """Return an environment without what the surrounding machine says, and with who pays."""
    ours = ("OTEL_", "GENOPS_", "DATABRICKS_", "PYTHON", "COV_", "COVERAGE_", "PYTEST")
    found = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    found |= {
        "PATH": f"{BIN}{os.pathsep}{found.get('PATH', os.defpath)}",
        "DATABRICKS_CONFIG_FILE": os.devnull,
        "GENOPS_TEAM": "data-eng",
        "GENOPS_PROJECT": "flights",
        "GENOPS_ENVIRONMENT": "test",
    }
    if receiver is not None:
        found["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint
    if workspace is not None:
        found |= {"DATABRICKS_HOST": workspace, "DATABRICKS_TOKEN": "not-a-token"}
    return found | more


@contextmanager
def started(command, folder, env, **options):
    """Start a command; it is gone after the block."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process, seconds=300):
    """Wait for a good end; return what was printed, standard error after standard output."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, out + err
    return out + err


def run(command, folder, env, **options):
    """Run a command to its good end; return what was printed, standard error after standard output."""
    with started(command, folder, env, **options) as process:
        return ended(process)


def genops_spans(receiver):
    """Spans of genops, each with its resource."""
    return [(span, resource) for span, resource, scope in receiver.spans() if scope.name == SCOPE]


def genops_events(receiver):
    """Log events of genops."""
    return [record for record, _, scope in receiver.logs() if scope.name == SCOPE]


def counted(receiver, name):
    """What a counter stood at in the end in each process, by its instance, over all its labels.

    Where resources name no instance (`instances`), processes are told apart by when their first series began.
    """
    last = {_series(metric, resource): metric for metric, resource in receiver.metrics() if metric.name == name}
    return {
        instance: sum(point.as_int or point.as_double for point in metric.sum.data_points)
        for instance, metric in last.items()
    }


def instances(receiver):
    """How many spans each process delivered, by its instance.

    The first versions of the SDK name none in the resource of the providers that a distro makes: all are then `None`'s.
    """
    found = [_instance(resource) for _, resource in genops_spans(receiver)]
    return {name: found.count(name) for name in found}


def unnamed(env):
    """Return whether processes started so come without an instance: what a distro makes, of an SDK that names none."""
    return env.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "http/protobuf" and not _NAMES_INSTANCES


def _instance(resource):
    return plain(resource.attributes).get("service.instance.id")


def _series(metric, resource):
    return _instance(resource) or min(point.start_time_unix_nano for point in metric.sum.data_points)


class Item(NamedTuple):
    """A span or an event without identities and times.

    Attributes:
        name: Its name.
        place: Kind, status and number of the parent of a span; number of an event's span.
        attributes: What it says.
    """

    name: str
    place: object
    attributes: dict[str, object]


def comparable(receiver):
    """What arrived: spans in the order in which they began, and events by span and name."""
    spans = sorted(genops_spans(receiver), key=lambda item: item[0].start_time_unix_nano)
    numbers = {span.span_id: number for number, (span, _) in enumerate(spans)}
    units = [
        Item(span.name, (span.kind, span.status.code, numbers.get(span.parent_span_id)), _said(span))
        for span, _ in spans
    ]
    events = [Item(record.event_name, numbers[record.span_id], _said(record)) for record in genops_events(receiver)]
    return units, sorted(events, key=lambda item: (item.place, item.name))


def _said(item):
    return {name: _OF_ONE_RUN.get(name, value) for name, value in plain(item.attributes).items()}
