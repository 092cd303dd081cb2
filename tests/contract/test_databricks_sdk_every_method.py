"""Every public method of the newest SDK, plain and governed: same requests, same results, no secret in any record."""

from __future__ import annotations

import inspect
import os
from collections import defaultdict

import pytest

from genops.instrumentation import databricks_sdk
from genops.instrumentation.databricks_identifiers import IDENTIFIERS, identifiers_of
from support.calls import OTHER_PROTOCOL, clients, methods, quick, run, services
from support.calls import answers as answers_to
from support.canaries import CANARY, answered, given, leaks, service
from support.hooks import watched
from support.stub import Answer, serving

ALL = methods()
OWNERS = sorted({method.owner.__name__ for method in ALL})
FAILURE = {
    "error_code": "RESOURCE_DOES_NOT_EXIST",
    "message": f"{CANARY} is not there",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": CANARY, "domain": CANARY}],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Call every method twice, plain and governed; give both and what genops recorded of each."""
    patch = pytest.MonkeyPatch()
    quick(patch)
    patch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    patch.chdir(tmp_path_factory.mktemp("cwd"))
    with serving() as stub:
        found = services(*clients(stub.url, disable_experimental_files_api_client=True))
        callable_ = [m for m in ALL if m.owner in found and str(m) not in OTHER_PROTOCOL]
        answers = {str(m): answers_to(m, answered(m)) for m in callable_}

        def one(method):
            answer = answers[str(method)]
            return run(stub, found[method.owner], method, given(method), lambda number: Answer(body=answer(number)))

        plain = {str(m): one(m) for m in callable_}
        governed, records = {}, {}
        with watched() as watch:
            for method in callable_:
                governed[str(method)] = one(method)
                records[str(method)] = (watch.sink.records[:], watch.tracer.scopes[:])
                watch.sink.records.clear()
                watch.tracer.scopes.clear()
            faults = dict(watch.governor.guard.counts)
    patch.undo()
    return plain, governed, records, faults


def _of(owner, runs_of):
    return {name: seen for name, seen in runs_of.items() if name.partition(".")[0] == owner}


@pytest.mark.parametrize("owner", OWNERS)
def test_same_requests_and_results(runs, owner):
    """A governed method sends the requests that the plain one sends, and returns or raises the same."""
    plain, governed = _of(owner, runs[0]), _of(owner, runs[1])
    assert governed == plain


@pytest.mark.parametrize("owner", OWNERS)
def test_no_secret_in_any_record(runs, owner):
    """Nothing but the identifiers of the table leaves a call: no other argument, no response field."""
    found = {name: leaks(*records, *scopes) for name, (records, scopes) in _of(owner, runs[2]).items()}
    assert {name: places for name, places in found.items() if places} == {}


def test_every_call_is_one_unit(runs):
    """A call is one operation, whatever it calls inside; waiting for its result is a second one."""
    seen = {
        name: [r.operation.type for r in records if type(r).__name__ == "Settled"]
        for name, (records, _) in runs[2].items()
    }
    assert {name for name, types in seen.items() if not types} == set()
    assert {name: types for name, types in seen.items() if len(types) > 1 and not types[1].endswith(".wait")} == {}


def test_no_fault_of_ours(runs):
    """Describing and observing every method meets no case that it does not expect."""
    assert runs[3] == {}


def test_most_methods_were_called(runs):
    """The comparison is about real calls: nearly every method sends requests and returns without an error."""
    plain = runs[0]
    assert len(plain) > 0.95 * len(ALL)
    assert sum(1 for seen in plain.values() if seen.requests and seen.error is None) > 0.95 * len(plain)


def test_no_public_method_is_left_unwrapped():
    """Every public method of every service is wrapped, and uninstalling restores the very same functions."""
    originals = {str(m): vars(m.owner)[m.name] for m in ALL}
    databricks_sdk.install()
    try:
        unwrapped = [str(m) for m in ALL if vars(m.owner)[m.name] is originals[str(m)]]
    finally:
        databricks_sdk.uninstall()
    assert unwrapped == []
    assert [str(m) for m in ALL if vars(m.owner)[m.name] is not originals[str(m)]] == []


def test_no_secret_of_an_error_leaves():
    """A failed call tells its class and code; message and details stay, whatever the service."""
    first = {m.owner: m for m in reversed(ALL) if str(m) not in OTHER_PROTOCOL}
    with serving() as stub:
        found = services(*clients(stub.url, disable_experimental_files_api_client=True))
        with watched() as watch:
            for owner, method in first.items():
                if owner in found:
                    run(stub, found[owner], method, given(method), lambda _: Answer(404, FAILURE))
    failed = [record.facts for record in watch.sink.settled if record.facts.error_type is not None]
    assert len(failed) > 0.9 * len(first)
    assert {facts.error_code for facts in failed} <= {"RESOURCE_DOES_NOT_EXIST", None}
    assert leaks(*watch.sink.records, *watch.tracer.scopes) == []


def test_every_identifier_of_the_table_is_a_parameter():
    """The table of identifiers names methods and parameters that the newest SDK has, and each service once."""
    known = defaultdict(set)
    for method in ALL:
        for identifier in identifiers_of(service(method), method.name):
            parameters = inspect.signature(method.function).parameters
            for part in identifier.partition(":")[0].split("+"):
                assert part.partition(".")[0] in parameters, f"{method}: {part}"
            known[service(method)].add(method.name.removesuffix("_and_wait"))
    for name, row in IDENTIFIERS.items():
        rows = {entry.partition("=")[0] for entry in row.partition(": ")[2].split()}
        assert rows - known[name] == set(), name
