"""What answers of a receiver are taken for."""

from __future__ import annotations

import logging
import math

import pytest

from genops.telemetry.otlp.verdicts import ACCEPTED, Answers, Verdict, of_http, response_of

PROTOBUF = "application/x-protobuf"


def partial(rejected: int, reason: str = "") -> bytes:
    """A response to spans with a partial success."""
    response = response_of("traces")[0](b"")
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = reason
    return response.SerializeToString()


@pytest.mark.parametrize(
    ("status", "kind", "content", "posted", "rejected"),
    [
        (200, PROTOBUF, b"", True, 0),
        (200, PROTOBUF, partial(3, "too old"), True, 3),
        (200, PROTOBUF, partial(-7), True, 0),
        (200, PROTOBUF, b"\xff\xff no protobuf", True, 0),
        (200, "", b"ok", True, 0),
        (202, "application/json; charset=utf-8", b"{}", True, 0),
        (200, "application/json", b'{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "no"}}', True, 2),
        (200, "application/json", b'{"partialSuccess": null}', True, 0),
        (200, "application/json", b"[]", True, 0),
        (200, "text/html; charset=utf-8", b"<html>sign in", True, math.inf),
        (302, "text/html", b"", True, math.inf),
        (307, "", b"", True, math.inf),
        (200, PROTOBUF, b"", False, math.inf),
        (503, PROTOBUF, partial(3), True, 0),
    ],
)
def test_answers_over_http(status: int, kind: str, content: bytes, posted: bool, rejected: float) -> None:
    """Partial successes in either encoding count; a redirect or a web page is no success; errors are not judged."""
    assert of_http("traces", status, kind, content, posted=posted).rejected == rejected


def test_the_last_answer_counts_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Of a redirect and what it led to, or of several attempts, the last says what was taken, never more than sent."""
    answers = Answers("logs")
    with caplog.at_level(logging.WARNING, "genops"):
        answers.begin(5)
        answers.answered(Verdict(math.inf, "elsewhere"))
        answers.answered(Verdict(2, "too long"))
        assert answers.accepted() == 3
        answers.answered(Verdict(9, "too long"))
        assert answers.accepted() == 0
        answers.begin(5)
        assert answers.accepted() == 5
        answers.answered(ACCEPTED)
        assert answers.accepted() == 5
    (told,) = caplog.messages
    assert "rejected all of 5 logs: elsewhere" in told


def test_what_is_sent_again_without_an_answer_is_counted() -> None:
    """Only an attempt that follows one without an answer may arrive twice, and a new export starts afresh."""
    answers = Answers("traces")
    answers.begin(4)
    answers.attempt()
    answers.attempt()
    assert answers.repeated == 0
    answers.unanswered()
    answers.attempt()
    assert answers.repeated == 4
    answers.begin(3)
    answers.attempt()
    assert answers.repeated == 4
