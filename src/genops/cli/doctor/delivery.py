"""Delivery: whether what is configured really takes each signal; a probe is sent and its answer is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from genops.cli.doctor.findings import ERROR, INFO, OK, WARNING, Finding
from genops.core.decisions import Mode

if TYPE_CHECKING:
    from genops.runtime import Runtime
    from genops.telemetry.otlp.probe import Probed

_SET = "Set OTEL_EXPORTER_OTLP_ENDPOINT, for example to http://collector.example.com:4318."
_SIGNALS = ("traces", "logs", "metrics")
# Problem → one line of fix.
FIXES = {
    "bad_request": "Check that the address is one for OTLP, and its limits and required headers; its words say more.",
    "busy": "Try again later; if it stays so, look at the log of the receiver, or ask for a higher limit.",
    "no_answer": "Check host, port and what may filter packets in between; --timeout gives it longer.",
    "not_otlp": "The address leads to a web site: take the receiver's own address, and its port.",
    "nothing_listens": "Start the receiver, or correct host and port: 4318 is usual for HTTP, 4317 for gRPC.",
    "partial": "Read the receiver's words; often a required attribute, a limit or a switched-off signal.",
    "proxy": "Check HTTPS_PROXY (HTTP_PROXY for http://), or name the host in NO_PROXY.",
    "receiver_failed": "Look at the log of the receiver; what it was sent is one valid item.",
    "redirected": "Configure the address that it leads to; often https:// in place of http://.",
    "refused": "Look at the log of the receiver.",
    "tls": (
        "Use http:// for a port of plain text; otherwise check the date and name in the certificate, and name its "
        "authority in OTEL_EXPORTER_OTLP_CERTIFICATE."
    ),
    "unauthorized": "Check the key in OTEL_EXPORTER_OTLP_HEADERS (or the preset's own variable).",
    "unknown_host": "Check the spelling of the host, and name resolution.",
    "unreachable": "Check host, port and network; the words name what failed.",
    "wrong_path": (
        "OTEL_EXPORTER_OTLP_ENDPOINT is the base (…:4318), to which /v1/<signal> is added; a variable of one signal "
        "is the whole URL. Does the receiver take this signal?"
    ),
    "wrong_protocol": (
        "Another protocol is spoken there: set OTEL_EXPORTER_OTLP_PROTOCOL to grpc (port 4317) or http/protobuf "
        "(port 4318)."
    ),
}


def delivery(built: Runtime, seconds: float, *, offline: bool) -> list[Finding]:
    """Return what became of a probe of each signal at each destination.

    Args:
        built: A runtime that nothing ran under.
        seconds: Bound of all probes together.
        offline: Send nothing.
    """
    settings, telemetry = built.settings, built.telemetry
    found: list[Finding] = []
    if settings.telemetry.console or "console" in _asked(settings.telemetry.export):
        found.append(Finding("export.console", INFO, "operations are shown on the terminal"))
    where = list(telemetry.destinations)
    receivers = [destination for destination in where if hasattr(destination, "endpoints")]
    if not where:
        return [*found, _nothing_leaves(built)]
    found += [Finding("export.file", OK, f"{d.name} can be written", "a file") for d in where if d not in receivers]
    if offline:
        return [*found, *(_not_asked(destination) for destination in receivers)]
    try:
        probed = telemetry.probe(seconds, receivers)
    except ImportError as error:
        fix = "Install genops again with what it needs: pip install '.[databricks]'"
        return [*found, Finding("versions.missing", ERROR, "OpenTelemetry cannot be imported", str(error), fix)]
    return [*found, *(_finding(one) for one in probed), *_signals_off(receivers)]


def _asked(export: str | tuple[str, ...] | None) -> tuple[str | None, ...]:
    return export if isinstance(export, tuple) else (export,)


def _nothing_leaves(built: Runtime) -> Finding:
    settings = built.settings
    if settings.mode is Mode.OFF:
        return Finding("export.off", INFO, "nothing leaves", "mode is off")
    if built.telemetry.disabled:
        fix = "Unset OTEL_SDK_DISABLED if telemetry should leave."
        return Finding("export.disabled", WARNING, "nothing leaves", "OTEL_SDK_DISABLED=true is set", fix)
    if settings.telemetry.export is not None:
        return Finding("export.off", INFO, "nothing leaves", f"telemetry.export is {settings.telemetry.export!r}")
    detail = "no endpoint is configured; a program that sets up OpenTelemetry itself is used as it is"
    return Finding("export.nowhere", WARNING, "nothing leaves", detail, _SET)


def _not_asked(destination: Any) -> Finding:
    detail = ", ".join(sorted({f"{end.signal} over {end.protocol}" for end in destination.endpoints}))
    fix = "Run `genops doctor` without --offline."
    return Finding("export.not_asked", INFO, f"{destination.name} was not asked", detail, fix)


def _signals_off(destinations: Iterable[Any]) -> Iterator[Finding]:
    for destination in destinations:
        there = {end.signal for end in destination.endpoints}
        for signal in _SIGNALS:
            if signal not in there:
                detail = "it has no endpoint, or is switched off"
                yield Finding("export.signal_off", INFO, f"{signal} do not go to {destination.name}", detail)


def _finding(probed: Probed) -> Finding:
    problem, words = probed.answer
    where = f"{probed.signal} to {probed.address or probed.destination}"
    over = f"over {probed.protocol}" if probed.protocol else ""
    took = f"{probed.seconds * 1000:.0f} ms"
    if not problem and not words:
        return Finding("export.accepted", OK, where, f"accepted {over} in {took}".replace("  ", " "))
    if not problem:
        fix = "Read its words; nothing was lost."
        return Finding("export.remark", WARNING, where, f"accepted {over} in {took}: {words}", fix)
    named = problem.replace("_", " ")
    detail = "; ".join(part for part in (named, words, f"{over}, {took}".strip(", ")) if part)
    return Finding(f"export.{problem}", ERROR, where, detail, FIXES[problem])
