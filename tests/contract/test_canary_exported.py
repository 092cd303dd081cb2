"""Secrets in every argument and response of every method: none in what leaves the process."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from genops.instrumentation import databricks_sdk
from genops.testing import runtime
from support import spec
from support.calls import OTHER_PROTOCOL, clients, methods, quick, run, services
from support.calls import answers as answers_to
from support.canaries import CANARY, answered, given
from support.stub import Answer, serving

if TYPE_CHECKING:
    from pathlib import Path

FAILURE = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"{CANARY} is not there"}
WHO = {"team": "t", "project": "p", "environment": "e"}


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.full)])
def test_no_secret_leaves_by_any_way(
    every: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Every method, answered and failed: nothing of it in spans, events, metrics, the console or our log.

    By default a fourth of the methods, among them one of each service.
    """
    quick(monkeypatch)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "telemetry.jsonl"
    caplog.set_level(logging.DEBUG, "genops")
    capfd.readouterr()
    databricks_sdk.install()
    try:
        with serving() as stub, runtime(**WHO, export=str(file), console=True) as built:
            found = services(*clients(stub.url, disable_experimental_files_api_client=True))
            known = [m for m in methods() if m.owner in found and str(m) not in OTHER_PROTOCOL]
            of_services = {m.owner: m for m in known}
            called = list(dict.fromkeys([*known[::every], *of_services.values()]))
            for method in called:
                answer = answers_to(method, answered(method))
                run(stub, found[method.owner], method, given(method), lambda n, answer=answer: Answer(body=answer(n)))
            for method in of_services.values():
                run(stub, found[method.owner], method, given(method), lambda _: Answer(404, FAILURE))
            assert built.flush(60)
    finally:
        databricks_sdk.uninstall()
    exported = spec.read(file)
    assert len(exported.units) > len(called)
    assert spec.violations(exported) == []
    assert CANARY not in file.read_text("utf-8")
    out, err = capfd.readouterr()
    assert "ALLOWED" in err
    assert CANARY not in out + err
    assert CANARY not in "".join(record.getMessage() for record in caplog.records if record.name == "genops")
