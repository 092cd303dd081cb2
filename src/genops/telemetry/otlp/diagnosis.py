"""What is wrong with a receiver, from its answer to one export or from the error that came in place of one."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine
from typing import Any, NamedTuple

from genops.telemetry.otlp import verdicts
from genops.telemetry.otlp.endpoints import shown
from genops.telemetry.otlp.redaction import redacted

_MOST_WORDS = 200


class Diagnosis(NamedTuple):
    """What came back.

    Attributes:
        problem: What is wrong; empty where all of it was accepted.
        words: The receiver's or the network's own words.
    """

    problem: str
    words: str = ""


# Status of HTTP → problem; others by their hundred.
_STATUSES = {
    400: "bad_request", 401: "unauthorized", 403: "unauthorized", 404: "wrong_path", 405: "wrong_path",
    407: "proxy", 408: "no_answer", 413: "bad_request", 415: "wrong_protocol", 422: "bad_request",
    426: "wrong_protocol", 429: "busy", 502: "busy", 503: "busy", 504: "busy",
}  # fmt: skip
_HUNDREDS = {3: "redirected", 4: "bad_request", 5: "receiver_failed"}
# Status of gRPC → problem.
_CODES = {
    "UNAUTHENTICATED": "unauthorized",
    "PERMISSION_DENIED": "unauthorized",
    "UNIMPLEMENTED": "wrong_path",
    "NOT_FOUND": "wrong_path",
    "INVALID_ARGUMENT": "bad_request",
    "RESOURCE_EXHAUSTED": "busy",
    "UNAVAILABLE": "busy",
    "DEADLINE_EXCEEDED": "no_answer",
    "CANCELLED": "no_answer",
}
# What gRPC says of a connection that was not made, in the order in which it is looked for → problem.
_DETAILS = (
    ("settings frame", "wrong_protocol"),
    ("http/2", "wrong_protocol"),
    ("http1", "wrong_protocol"),
    ("connection refused", "nothing_listens"),
    ("resolving", "unknown_host"),
    ("dns", "unknown_host"),
    ("ssl", "tls"),
    ("tls", "tls"),
    ("certificate", "tls"),
    ("timeout", "no_answer"),
    ("failed to connect", "unreachable"),
)
# Class of an error somewhere in the chain of a failed request → problem; the first that is found counts.
_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "unknown_host"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "nothing_listens"),
    (BadStatusLine, "wrong_protocol"),
    (ConnectionResetError, "wrong_protocol"),
    (BrokenPipeError, "wrong_protocol"),
    (socket.timeout, "no_answer"),
)
# The same by name, of classes of libraries that need not be loaded here.
_NAMES = {
    "TooManyRedirects": "redirected",
    "SSLError": "tls",
    "ConnectTimeout": "no_answer",
    "ReadTimeout": "no_answer",
}
_OF_A_PROXY = "ProxyError"
PROBLEMS = frozenset(
    [
        *_STATUSES.values(), *_HUNDREDS.values(), *_CODES.values(), *dict(_DETAILS).values(), *dict(_ERRORS).values(),
        *_NAMES.values(), "proxy", "not_otlp", "partial", "refused",
    ]
)  # fmt: skip


def of_http(signal: str, response: Any) -> Diagnosis:
    """Return what an HTTP response (of `requests`) means."""
    status, kind = int(response.status_code), str(response.headers.get("content-type", ""))
    if response.request.method != "POST":  # a client that is redirected may ask with a GET, which sends nothing
        return Diagnosis("redirected", _short(f"redirected to {shown(response.url)}"))
    problem = _STATUSES.get(status) or _HUNDREDS.get(status // 100, "")
    if problem:
        return Diagnosis(problem, _short(f"{status} {response.reason}: {_said(response, kind)}"))
    if "html" in kind.lower():
        return Diagnosis("not_otlp", f"{status} with a web page")
    return _of_verdict(verdicts.of_http(signal, status, kind, response.content, posted=True))


def of_rpc(signal: str, response: Any) -> Diagnosis:
    """Return what the response to a call over gRPC means."""
    return _of_verdict(verdicts.of_response(signal, response))


def _of_verdict(verdict: verdicts.Verdict) -> Diagnosis:
    return Diagnosis("partial" if verdict.rejected else "", _short(verdict.reason))


def of_rpc_error(error: BaseException) -> Diagnosis:
    """Return what a failed call over gRPC means."""
    code, details = getattr(error, "code", None), getattr(error, "details", None)
    if not callable(code) or not callable(details):
        return of_error(error)
    name, said = str(getattr(code(), "name", "UNKNOWN")), str(details() or "")
    problem = _CODES.get(name, "receiver_failed")
    if problem in {"busy", "receiver_failed"}:
        problem = next((meant for word, meant in _DETAILS if word in said.lower()), problem)
    return Diagnosis(problem, _short(f"{name}: {said}"))


def of_error(error: BaseException) -> Diagnosis:
    """Return what an error means that was raised in place of a response."""
    chain = list(_chain(error))
    # Before what it was raised for: a proxy at which nothing listens is no receiver at which nothing listens.
    if any(type(link).__name__ == _OF_A_PROXY for link in chain):
        return Diagnosis("proxy", _words(chain))
    for kind, problem in _ERRORS:
        met = next((link for link in chain if isinstance(link, kind)), None)
        if met is not None:
            return Diagnosis(problem, _short(f"{type(met).__name__}: {met}"))
    named = next((link for link in chain if type(link).__name__ in _NAMES), None)
    if named is not None:
        return Diagnosis(_NAMES[type(named).__name__], _words(chain))
    return Diagnosis("unreachable", _words(chain))


def _words(chain: list[BaseException]) -> str:
    """Return the text of the innermost error that has one: those around it quote the request."""
    told = next((link for link in reversed(chain) if str(link)), chain[-1])
    return _short(f"{type(told).__name__}: {told}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised for: libraries keep that as cause, as `reason` or as an argument."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        link = waiting.pop(0)
        if any(link is one for one in seen):
            continue
        seen.append(link)
        yield link
        inner = (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
        waiting += [one for one in inner if isinstance(one, BaseException)]


def _said(response: Any, kind: str) -> str:
    """Return the words of a refusing body: the message of a protobuf status, or text; of a web page none."""
    if "html" in kind.lower():
        return ""
    if "protobuf" not in kind.lower():
        return str(response.text)
    try:
        from google.rpc.status_pb2 import Status

        return str(Status.FromString(response.content).message)
    except Exception:  # not what it says it is
        return ""


def _short(words: str) -> str:
    r"""Return words on one line, not too many, and without what may be secret in a URL.

    >>> _short("503  Service\nUnavailable: ")
    '503 Service Unavailable'
    """
    flat = " ".join("".join(one if one.isprintable() else " " for one in redacted(words)).split()).rstrip(": ")
    return flat if len(flat) <= _MOST_WORDS else f"{flat[:_MOST_WORDS]}…"
