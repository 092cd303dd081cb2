"""Listens to the calls of the SDK's gRPC exporters, which keep the receiver's answers to themselves.

Collectors say when to try again as a `RetryInfo` among the details of the status, where OTLP wants it; the exporters
look for it in a trailer of its own. It is put there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from grpc import RpcError

from genops.telemetry.otlp.verdicts import Answers, of_response

if TYPE_CHECKING:
    from collections.abc import Callable

_DETAILS, _DELAY = "grpc-status-details-bin", "google.rpc.retryinfo-bin"
# How gRPC says that nothing was sent.
_UNCONNECTED = "failed to connect to all addresses"
_RETRY_INFO = "/google.rpc.RetryInfo"


def listened(exporter: Any, signal: str, answers: Answers) -> Any:
    """Return an exporter whose calls tell `answers` what came back.

    The exporter makes its stub from `_stub` whenever it connects anew. Where a version has none, its calls stay unheard
    and a partial success counts as a whole one.
    """
    make, channel = getattr(exporter, "_stub", None), getattr(exporter, "_channel", None)
    if make is None or channel is None:
        return exporter

    def stub(over: Any) -> Any:
        made = make(over)
        made.Export = _listening(made.Export, signal, answers)
        return made

    exporter._stub = stub  # noqa: SLF001  (there is no public place between the exporter and its channel)
    exporter._client = stub(channel)  # noqa: SLF001  (see above)
    return exporter


def closed(exporter: Any) -> None:
    """Release an exporter at once; some versions would wait for the export that is under way."""
    mixin: Any = import_module("opentelemetry.exporter.otlp.proto.grpc.exporter").OTLPExporterMixin
    mixin.shutdown(exporter, timeout_millis=0)


def _listening(call: Callable[..., Any], signal: str, answers: Answers) -> Callable[..., Any]:
    def export(*args: Any, **options: Any) -> Any:
        answers.attempt()
        try:
            response = call(*args, **options)
        except RpcError as error:
            trailers = _trailers(error)
            if not (_DETAILS in trailers or _DELAY in trailers or _UNCONNECTED in str(error.details())):
                answers.unanswered()
            delay = _delay(trailers)
            if delay is None:
                raise
            raise _ThrottledError(error, {**trailers, _DELAY: delay}) from error
        answers.answered(of_response(signal, response))
        return response

    return export


def _trailers(error: Any) -> dict[str, Any]:
    return dict(error.trailing_metadata() or ())


def _delay(trailers: dict[str, Any]) -> bytes | None:
    """Return the `RetryInfo` of a status with details, as bytes; `None` where there is none, or a trailer has it."""
    if _DELAY in trailers or _DETAILS not in trailers:
        return None
    from google.rpc.status_pb2 import Status

    for detail in Status.FromString(trailers[_DETAILS]).details:
        if detail.type_url.endswith(_RETRY_INFO):
            return detail.value
    return None


class _ThrottledError(RpcError):
    """An error as it came, with the delay where the exporter looks for it."""

    def __init__(self, error: Any, trailers: dict[str, Any]) -> None:
        super().__init__(*error.args)
        self._error = error
        self._trailers = trailers

    def code(self) -> Any:
        return self._error.code()

    def details(self) -> Any:
        return self._error.details()

    def trailing_metadata(self) -> Any:
        return tuple(self._trailers.items())
