"""`genops conformance` as it is used: files, standard input, forms, exit codes, and receiving over HTTP and gRPC."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from genops.cli.conformance import command
from genops.conformance import RULES
from genops.testing import runtime
from support import otlp_units as clean
from support.governed import call
from support.otlp_posts import opened, post, request

PROTOBUF = "application/x-protobuf"
WHO = {"team": "data-eng", "project": "flights", "environment": "test"}


@pytest.fixture
def write(tmp_path):
    """Write a file of telemetry; return its path."""

    def to(data, name="telemetry.jsonl"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else clean.lines(data))
        return str(path)

    return to


def conformance(*arguments, **options):
    """Run the command in this process."""
    return CliRunner().invoke(command, [str(argument) for argument in arguments], **options)


def test_a_clean_file_passes_in_two_lines(write):
    """The level and the counts, and exit code 0."""
    ran = conformance(write(clean.together(clean.ran(1), clean.refused(2), clean.sampled_out(3))))
    assert ran.exit_code == 0
    assert ran.output.splitlines() == [
        "GenOps Governance Specification 0.1.0: full",
        "3 units in 2 export requests: 2 ALLOWED, 1 BLOCKED",
        "1 of them have no span in the input, and were judged on their events alone",
        "     1 say that their span was sampled out",
    ]


def test_several_files_are_judged_together(write):
    """Spans in one file and their events in another are one unit."""
    unit = clean.ran(1)
    spans, logs = write({**unit, "logs": []}, "spans"), write({**unit, "spans": []}, "logs")
    assert conformance(spans, logs).exit_code == 0
    assert conformance(spans).exit_code == conformance(logs).exit_code == 1


def test_standard_input_is_a_dash():
    """`-` reads standard input."""
    assert conformance("-", input=clean.lines(clean.ran(1))).exit_code == 0
    assert "standard input:1" in conformance("-", input=b"nonsense\n").output


@pytest.mark.parametrize(
    ("arguments", "level", "code"),
    [
        ((), "not compliant", 1),
        (("--level", "partial"), "not compliant", 1),
        (("--declared", "partial"), "partial", 1),
        (("--declared", "partial", "--level", "partial"), "partial", 0),
    ],
)
def test_the_exit_code_is_that_of_the_level_asked_for(write, arguments, level, code):
    """Zero only where the level is reached; declaring is not the same as asking."""
    ran = conformance(write(clean.partial(1, declared=False)), *arguments, "--format", "json")
    assert (json.loads(ran.output)["level"], ran.exit_code) == (level, code)


def test_violations_are_grouped_by_rule_with_their_fix(write):
    """Each broken rule once, with its first units, how many more there are, and what to do."""
    units = [clean.ran(number, **{"genops.team": "TODO"}) for number in range(1, 6)]
    ran = conformance(write(clean.together(*units, clean.file([clean.span(9, {"genops.team": "a"})]))))
    lines = ran.output.splitlines()
    at = lines.index("R15  No value is null, empty or a placeholder  (5 violations)")
    assert "Daily load [5b8efff798038103d269b633813fc60c/0000000000000001] span: genops.team" in lines[at + 1]
    assert lines[at + 4] == "     and 2 more"
    assert RULES["R15"].fix in lines[at + 5]
    assert "Unattributed: 1 spans name a team or an operation and claim no governance" in lines
    assert ran.exit_code == 1


def test_json_names_unit_span_and_rule(write):
    """The keys that programs read."""
    unit = clean.ran(1)
    unit["spans"][0]["attributes"].pop(0)
    tree = json.loads(conformance(write(unit), "--format", "json").output)
    assert (tree["level"], tree["units"], tree["passed"]) == ("not compliant", 1, False)
    (violation,) = tree["violations"]
    assert violation["rule"] == "R06"
    assert (violation["unit"], violation["trace_id"], violation["span_id"]) == ("Daily load", clean.TRACE, f"{1:016x}")
    assert "genops.team is missing" in violation["message"]


def test_junit_has_a_case_for_each_rule(write):
    """Valid XML whose counts agree; a failure tells unit and fix; rules beyond the level asked for are skipped."""
    unit = clean.partial(1, declared=False)
    unit["spans"][0]["name"] = unit["spans"][0]["attributes"][3]["value"]["stringValue"] = "odd \x00 <name> \ud800"
    root = ET.fromstring(conformance(write(unit), "--format", "junit").output)
    suite = root.find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert [case.get("name", "").split()[0] for case in cases] == list(RULES)
    failed = [case.get("name", "").split()[0] for case in cases if case.find("failure") is not None]
    assert failed == ["R22", "R24", "R37"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (str(len(RULES)), "3", "0")
    partial = ET.fromstring(conformance(write(unit), "--format", "junit", "--level", "partial").output)
    assert len(partial.findall(".//skipped")) == 2
    assert [found.get("type") for found in partial.iter("failure")] == ["R37"]


def test_foreign_words_command_no_terminal(write):
    """Control characters of telemetry are shown as escapes."""
    unit = clean.ran(1, **{"genops.operation.name": "a\x1b[2J\x07b", "genops.team": "none"})
    output = conformance(write(unit)).output
    assert "\x1b" not in output
    assert "a\\x1b[2J\\x07b" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to judge"),
        (("no-such-file.jsonl",), "no-such-file.jsonl: cannot be read: No such file"),
        ((".",), "cannot be read"),
        (("-", "--level", "none"), "'none' is not one of"),
        (("-", "--for", "3"), "need --listen"),
        (("--listen", "nowhere"), "expected [http://|grpc://][HOST:]PORT"),
        (("--listen", "127.0.0.1:70000"), "expected"),
        (("--listen", "ftp://127.0.0.1:1"), "expected"),
        (("--listen", "192.0.2.1:0"), "--listen http://192.0.2.1:0"),
    ],
)
def test_what_cannot_be_had_is_exit_code_two(arguments, words):
    """Wrong usage and input that cannot be read say what is wrong."""
    ran = conformance(*arguments)
    assert ran.exit_code == 2
    assert words in ran.output


def test_a_port_that_is_taken_is_said():
    """Somebody else's port is refused in words, over HTTP and over gRPC."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for scheme in ("http", "grpc"):
            ran = conformance("--listen", f"{scheme}://127.0.0.1:{taken.getsockname()[1]}")
            assert ran.exit_code == 2
            assert f"--listen {scheme}://127.0.0.1:{taken.getsockname()[1]}" in ran.output


def test_without_grpcio_the_error_says_how_to_install_it(monkeypatch):
    """The protocol is an extra."""
    monkeypatch.setitem(sys.modules, "grpc", None)
    ran = conformance("--listen", "grpc://127.0.0.1:0")
    assert ran.exit_code == 2
    assert "needs grpc: pip install '.[grpc]'" in ran.output


class Running:
    """The command in a process of its own, which listens."""

    def __init__(self, *arguments):
        source = str(Path(sys.modules["genops"].__path__[0]).parent)
        program = "from genops.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "conformance", "--format", "json", *arguments],
            env={**os.environ, "PYTHONPATH": source},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def address(self):
        """The next address that it listens on."""
        line = self.process.stderr.readline()
        found = re.fullmatch(r"receiving OTLP on (\w+)://(127\.0\.0\.1:\d+)\n", line)
        assert found, line + self.process.stderr.read()
        return found[1], found[2]

    def end(self):
        """Wait for its end; return the verdict, the exit code and what it said besides."""
        out, err = self.process.communicate(timeout=240)
        return json.loads(out), self.process.returncode, err


@pytest.fixture
def listening():
    """Start the command; it is gone after the test."""
    started = []

    def start(*arguments):
        started.append(Running(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_our_own_exporters_send_to_it(listening, number, monkeypatch):
    """A governed program over OTLP/HTTP, then Ctrl-C or SIGTERM: every unit is judged, and full."""
    running = listening("--listen", "127.0.0.1:0")
    scheme, address = running.address()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{scheme}://{address}")
    with runtime(export="otlp", **WHO) as built:
        for _ in range(20):
            call(lambda: 1)
        assert built.flush(60)
        built.close(60)
    running.process.send_signal(number)
    verdict, code, said = running.end()
    assert (verdict["level"], verdict["units"], code) == ("full", 20, 0)
    assert "0 refused" in said


def test_it_receives_over_grpc_and_http_at_once(listening, monkeypatch):
    """Two listeners, one verdict."""
    running = listening("--listen", "grpc://127.0.0.1:0", "--listen", "127.0.0.1:0")
    (grpc, at), (http, other) = running.address(), running.address()
    assert (grpc, http) == ("grpc", "http")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{at}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with runtime(export="otlp", **WHO) as built:
        call(lambda: 1)
        assert built.flush(60)
        built.close(60)
    for path, part in (("traces", "spans"), ("logs", "logs")):
        body = json.dumps(request(part, clean.refused(1))).encode()
        assert post(f"http://{other}/v1/{path}", body, "application/json")[0] == 200
    running.process.send_signal(signal.SIGTERM)
    verdict, code, _ = running.end()
    assert (verdict["level"], verdict["units"], code) == ("full", 2, 0)


def test_it_ends_when_nothing_comes_any_more(listening):
    """Idle time begins with the first request, and ends the command."""
    running = listening("--listen", "127.0.0.1:0", "--until-idle", "0.2")
    _, address = running.address()
    body = json.dumps(request("spans", clean.with_span_events(1))).encode()
    assert post(f"http://{address}/v1/traces", body, "application/json")[0] == 200
    verdict, code, _ = running.end()
    assert (verdict["level"], verdict["units"], code) == ("full", 1, 0)


def test_a_body_that_never_comes_is_said_at_the_end(listening):
    """Ctrl-C in the middle of a body: a violation that names the path, and no traceback."""
    running = listening("--listen", "127.0.0.1:0")
    _, address = running.address()
    connection, _ = opened(address, 100)
    with connection:
        # It says that it goes on to the body, and a whole request after that leaves it the time to.
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        assert post(f"http://{address}/v1/metrics", b"", PROTOBUF)[0] == 200
        running.process.send_signal(signal.SIGINT)
        verdict, code, said = running.end()
    assert code == 1
    assert {one["where"] for one in verdict["violations"] if one["rule"] == "R01"} == {"POST /v1/traces"}
    assert "Traceback" not in said


def test_it_receives_for_a_time(listening):
    """Nothing came: nothing to judge, exit code 1."""
    verdict, code, said = listening("--listen", "127.0.0.1:0", "--for", "0.2").end()
    assert (verdict["units"], code) == (0, 1)
    assert "0 requests accepted" in said


ODD = "r\u00e9sum\u00e9 \u65e5\u672c \u202egpj.exe \u2028x \x1b[2J \u200b"


@pytest.mark.parametrize("coding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_every_standard_output_can_be_written_to(write, coding, form):
    """Letters that the output has not are escaped; XML and JSON stay what they are."""
    unit = clean.ran(1, **{"genops.operation.name": ODD, "genops.team": "none"})
    ran = subprocess.run(
        [sys.executable, "-c", "from genops.cli import main; main()", "conformance", write(unit), "--format", form],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(sys.modules["genops"].__path__[0]).parent),
            "PYTHONIOENCODING": coding,
        },
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, b"")
    if form == "junit":
        assert "r\u00e9sum\u00e9 \u65e5\u672c \\u202egpj.exe \\u2028x" in "".join(ET.fromstring(ran.stdout).itertext())
    elif form == "json":
        assert any(ODD in one["unit"] for one in json.loads(ran.stdout)["violations"])
    else:
        assert "\\u202egpj.exe \\u2028x \\x1b[2J \\u200b" in ran.stdout.decode(coding)
