"""Governed from outside: children of every kind, pre-forking servers, notebooks."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import urllib.request
from contextlib import contextmanager

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from support import declared, zero_code
from support.stub import one_table
from support.zero_code import CALL, GENOPS_RUN, OF_A_DISTRO, OTEL, OVER_HTTP, WITHOUT_DISTRO

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
SLOW = dict.fromkeys(("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"), "600000")


@pytest.fixture
def workspace():
    """A server that knows one table."""
    with one_table() as stub:
        yield stub


@pytest.fixture
def receiver():
    """A receiver of OTLP; what came to it is as the registry declares it."""
    with declared.held_receiver(OF_A_DISTRO) as running:
        yield running


def test_children_of_every_kind(workspace, receiver, tmp_path):
    """`python -m`, its forked and spawned workers and a `python -c` child each deliver as a process of their own."""
    (tmp_path / "job.py").write_text(
        CALL
        + """
if __name__ == "__main__":
    import multiprocessing, subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import job; job.call(); job.call()"])
    spawned = multiprocessing.get_context("spawn").Process(target=call)
    spawned.start()
    call()
    forked = multiprocessing.get_context("fork").Process(target=call)
    forked.start()
    for process in (forked, spawned):
        process.join()
        assert process.exitcode == 0
    assert child.wait() == 0
"""
    )
    env = zero_code.environment(receiver, workspace.url, **SLOW)
    zero_code.run([*GENOPS_RUN, "python", "-m", "job"], tmp_path, env)
    assert len(workspace.requests) == 5
    assert sorted(zero_code.instances(receiver).values()) == [1, 1, 1, 2]
    assert len(zero_code.genops_events(receiver)) == 15


WEB = (
    CALL
    + """
import os
def app(environ, start_response):
    call()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""
)


@contextmanager
def gunicorn(folder, env, before, *options):
    """Run a real gunicorn with two workers below what governs it; yield it and its address."""
    (folder / "web.py").write_text(WEB)
    command = [*before, "gunicorn", "web:app", "--workers", "2", "--bind", "127.0.0.1:0", "--timeout", "300"]
    with zero_code.started([*command, *options], folder, env) as process:
        said = []
        address = next(found.group() for line in _kept(process.stderr, said) if (found := _ADDRESS.search(line)))
        threading.Thread(target=lambda: list(_kept(process.stderr, said)), daemon=True).start()
        yield process, address, said


_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def _kept(lines, said):
    for line in lines:
        said.append(line)
        yield line


_IN_WORKERS, _BEFORE_THE_FORK = [], ["--preload"]


@pytest.mark.parametrize(
    ("before", "more", "options"),
    [
        pytest.param(GENOPS_RUN, {}, _IN_WORKERS, id="genops run"),
        pytest.param(GENOPS_RUN, {}, _BEFORE_THE_FORK, id="genops run, imported before the fork"),
        pytest.param(OTEL, WITHOUT_DISTRO, _IN_WORKERS, id="opentelemetry-instrument"),
        pytest.param(
            OTEL, WITHOUT_DISTRO, _BEFORE_THE_FORK, id="the same, imported before the fork", marks=pytest.mark.full
        ),
        pytest.param(OTEL, OVER_HTTP, _IN_WORKERS, id="with a distro", marks=pytest.mark.full),
        pytest.param(OTEL, OVER_HTTP, _BEFORE_THE_FORK, id="with a distro, imported before the fork"),
    ],
)
def test_gunicorn(workspace, receiver, tmp_path, before, more, options):
    """Each worker of a pre-forking server delivers its own calls as an instance of its own, also those of the end."""
    env = zero_code.environment(receiver, workspace.url, **SLOW, **more)
    with gunicorn(tmp_path, env, before, *options) as (process, url, said):
        answers = []

        def ask():
            with urllib.request.urlopen(url, timeout=300) as answer:
                answers.append(answer.read())

        # Both workers take connections from one socket; asked often enough at once, both have their turn.
        for _ in range(100):
            together = [threading.Thread(target=ask) for _ in range(4)]
            for one in together:
                one.start()
            for one in together:
                one.join()
            if len(set(answers)) == 2:
                break
        assert len(set(answers)) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0, said
    calls = sorted(answers.count(worker) for worker in set(answers))
    instances = zero_code.instances(receiver)
    counted = zero_code.counted(receiver, "genops.operations")
    assert sorted(counted.values()) == calls
    assert instances == ({None: sum(calls)} if zero_code.unnamed(env) else counted)
    assert len(zero_code.genops_events(receiver)) == 3 * len(answers)


@contextmanager
def kernel(folder, env, *before):
    """Run a real Jupyter kernel of a kernel specification; yield what runs a cell in it."""
    spec = folder / "kernels" / "governed"
    spec.mkdir(parents=True)
    command = [*before, sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "governed", "language": "python"}))
    specs = KernelSpecManager(kernel_dirs=[str(spec.parent)])
    manager = KernelManager(kernel_name="governed", kernel_spec_manager=specs, shutdown_wait_time=300)
    manager.start_kernel(env=env | {"IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=300)
        yield lambda code: _executed(client, code)
    finally:
        manager.shutdown_kernel()
        client.stop_channels()


def _executed(client, code):
    reply = client.execute_interactive(code, timeout=300, output_hook=lambda _: None)
    assert reply["content"]["status"] == "ok", reply["content"]


LINE = "import genops\ngenops.auto_instrument_databricks()"


@pytest.mark.parametrize(
    ("before", "cells"),
    [(GENOPS_RUN, [CALL, "call()", LINE, "call()"]), ([], [LINE, CALL, "call()", LINE, "call()"])],
    ids=["genops run", "the line"],
)
def test_a_notebook(workspace, receiver, tmp_path, before, cells):
    """Cells are governed below `genops run`, and by the line, however often it is run; the end loses nothing."""
    with kernel(tmp_path, zero_code.environment(receiver, workspace.url, **SLOW), *before) as cell:
        for code in cells:
            cell(code)
    assert len(workspace.requests) == 2
    assert list(zero_code.instances(receiver).values()) == [2]
    assert len(zero_code.genops_events(receiver)) == 6
