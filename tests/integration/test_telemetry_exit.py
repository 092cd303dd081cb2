"""The end of real processes: what arrives, how long it takes, how they die."""

from __future__ import annotations

import os
import signal
import time

import pytest

from support.otlp import Receiver, plain
from support.programs import run, start

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
INSTALLED = """
telemetry = build()
exits.install(telemetry.shutdown, telemetry.flush)
"""


@pytest.fixture
def receiver():
    """A receiver that everything should reach."""
    with Receiver() as running:
        yield running


@pytest.fixture
def where(receiver):
    """The environment that names it."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}


def instances(receiver):
    """The service instances that spans came from."""
    return {plain(resource.attributes)["service.instance.id"] for _, resource, _ in receiver.spans()}


def test_a_program_that_just_ends_loses_nothing(receiver, where):
    """Everything queued at a normal end leaves."""
    run("run(telemetry, 30)", setup=INSTALLED, **where)
    assert len(receiver.spans()) == 30
    assert len(receiver.logs()) == 90
    assert receiver.metrics()


def test_a_black_hole_delays_the_end_within_its_bound(receiver, where):
    """A receiver that never answers holds the program for about three seconds, all signals together."""
    receiver.faults.black_hole = True
    out = run(
        """
        run(telemetry, 30)
        started = time.monotonic()
        exits.uninstall()
        telemetry.shutdown()
        print("seconds", time.monotonic() - started)
        """,
        setup=INSTALLED,
        **where,
    )
    assert float(out.split("seconds")[1].split()[0]) < 6
    assert "telemetry was lost" in out
    assert "90 abandoned" in out


def test_a_black_hole_at_the_very_end(receiver, where):
    """The same from `atexit`: the process is gone soon after its last line."""
    receiver.faults.black_hole = True
    process = start("run(telemetry, 30)\nprint('done', flush=True)", setup=INSTALLED, **where)
    assert process.stdout.readline() == "done\n"
    started = time.monotonic()
    assert process.wait(30) == 0
    assert time.monotonic() - started < 6
    process.communicate()


def test_sigterm_loses_nothing_queued(receiver, where):
    """What was queued when the signal came arrives, and the process dies of the signal."""
    process = start(
        """
        run(telemetry, 30)
        print("ready", flush=True)
        while True:
            time.sleep(60)
        """,
        setup=INSTALLED,
        OTEL_BSP_SCHEDULE_DELAY="600000",
        OTEL_BLRP_SCHEDULE_DELAY="600000",
        **where,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == -signal.SIGTERM
    process.communicate()
    assert len(receiver.spans()) == 30
    assert len(receiver.logs()) == 90
    assert receiver.metrics()


def test_sigterm_in_the_midst_of_work(receiver, where, tmp_path):
    """A busy program: every unit that it knew to be finished has arrived."""
    path = tmp_path / "finished"
    process = start(
        f"""
        out = os.open({str(path)!r}, os.O_WRONLY | os.O_CREAT)
        while True:
            (unit,) = run(telemetry)
            os.write(out, b"%016x\\n" % unit.span_id)
            time.sleep(0.001)
        """,
        setup=INSTALLED,
        **where,
    )
    assert receiver.wait(lambda: len(receiver.spans()) > 100, 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == -signal.SIGTERM
    process.communicate()
    finished = set(path.read_text().split())
    assert finished <= {span.span_id.hex() for span, *_ in receiver.spans()}


def test_sigterm_goes_to_the_programs_handler(receiver, where):
    """A program that ends in its own way after SIGTERM does so, with its own exit status and nothing lost."""
    process = start(
        """
        run(telemetry, 5)
        print("ready", flush=True)
        while True:
            time.sleep(60)
        """,
        setup=f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n{INSTALLED}",
        **where,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 7
    process.communicate()
    assert len(receiver.spans()) == 5


def test_a_forked_child_delivers_its_own_and_nothing_of_its_parents(receiver, where):
    """Parent and child each deliver once, as two instances."""
    run(
        """
        run(telemetry, 3)
        pid = os.fork()
        if pid == 0:
            run(telemetry, 2)
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        run(telemetry, 4)
        """,
        setup=INSTALLED,
        OTEL_BSP_SCHEDULE_DELAY="600000",
        OTEL_BLRP_SCHEDULE_DELAY="600000",
        **where,
    )
    spans = [span.span_id for span, *_ in receiver.spans()]
    assert len(spans) == len(set(spans)) == 9
    assert len(instances(receiver)) == 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_multiprocessing_child_delivers(receiver, where, method, tmp_path):
    """Children leave by `os._exit` and deliver nevertheless, whichever way they are started."""
    script = tmp_path / "job.py"
    script.write_text(
        f"""
from support.programs import PREAMBLE
exec(PREAMBLE)
import multiprocessing
{INSTALLED}
def work():
    run(telemetry, 2)
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    run(telemetry, 1)
    child = context.Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == 0
""",
        encoding="utf-8",
    )
    run(f"import subprocess; subprocess.run([sys.executable, {str(script)!r}], check=True, timeout=240)", **where)
    assert len(receiver.spans()) == 3
    assert len(instances(receiver)) == 2
