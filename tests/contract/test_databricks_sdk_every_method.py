"""Every public method of the newest SDK, plain and governed: same requests, same results, no secret in any record.

Each is answered once as it should be and once with a 404. Calls that are throttled or cut off are repeated by the
transport that all methods share; those are compared for the representative methods only.
"""

from __future__ import annotations

import inspect
import os
from collections import defaultdict
from typing import NamedTuple

import pytest

from genops.core.records import Settled
from genops.instrumentation import databricks_sdk
from genops.instrumentation.databricks_identifiers import IDENTIFIERS, identifiers_of
from support.calls import OTHER_PROTOCOL, clients, methods, quick, run, services
from support.calls import answers as answers_to
from support.canaries import CANARY, answered, given, leaks, service
from support.hooks import watched
from support.stub import Answer, serving

ALL = methods()
OWNERS = sorted({method.owner.__name__ for method in ALL})
MISSING = Answer(
    404,
    {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": f"{CANARY} is not there",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": CANARY, "domain": CANARY}],
    },
)
CASES = ("success", "not found")


class Recorded(NamedTuple):
    """What genops recorded of one call."""

    records: list
    scopes: list

    @property
    def settled(self):
        """The settlements."""
        return [record for record in self.records if isinstance(record, Settled)]


class Runs(NamedTuple):
    """Every method in every case, by (method, case), and what genops recorded of it."""

    plain: dict
    governed: dict
    recorded: dict
    faults: dict


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Call every method in every case twice, plain and governed."""
    patch = pytest.MonkeyPatch()
    quick(patch)
    patch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    patch.chdir(tmp_path_factory.mktemp("cwd"))
    with serving() as stub:
        found = services(*clients(stub.url, disable_experimental_files_api_client=True))
        callable_ = {str(m): m for m in ALL if m.owner in found and str(m) not in OTHER_PROTOCOL}
        answers = {name: answers_to(m, answered(m)) for name, m in callable_.items()}

        def one(name, case):
            method, answer = callable_[name], answers[name]
            scripted = (lambda _: MISSING) if case == "not found" else (lambda number: Answer(body=answer(number)))
            return run(stub, found[method.owner], method, given(method), scripted)

        every = [(name, case) for name in callable_ for case in CASES]
        plain = {key: one(*key) for key in every}
        governed, recorded = {}, {}
        with watched() as watch:
            for key in every:
                governed[key] = one(*key)
                recorded[key] = Recorded(watch.sink.records[:], watch.tracer.scopes[:])
                watch.sink.records.clear()
                watch.tracer.scopes.clear()
            faults = dict(watch.governor.guard.counts)
    patch.undo()
    return Runs(plain, governed, recorded, faults)


def _of(owner, found):
    return {key: value for key, value in found.items() if key[0].partition(".")[0] == owner}


def _in(case, found):
    return {name: value for (name, of), value in found.items() if of == case}


@pytest.mark.parametrize("owner", OWNERS)
def test_same_requests_and_results(runs, owner):
    """A governed method sends the requests that the plain one sends, and returns or raises the same."""
    assert _of(owner, runs.governed) == _of(owner, runs.plain)


@pytest.mark.parametrize("owner", OWNERS)
def test_no_secret_in_any_record(runs, owner):
    """Nothing but the identifiers of the table leaves a call: no other argument, no response field, no message."""
    found = {key: leaks(*recorded.records, *recorded.scopes) for key, recorded in _of(owner, runs.recorded).items()}
    assert {key: places for key, places in found.items() if places} == {}


def test_every_call_is_one_unit(runs):
    """A call is one operation, whatever it calls inside; waiting for its result is a second one."""
    seen = {
        name: [settled.operation.type for settled in recorded.settled]
        for name, recorded in _in("success", runs.recorded).items()
    }
    assert {name for name, types in seen.items() if not types} == set()
    assert {name: types for name, types in seen.items() if len(types) > 1 and not types[1].endswith(".wait")} == {}


def test_no_fault_of_ours(runs):
    """Describing and observing every method meets no case that it does not expect."""
    assert runs.faults == {}


def test_most_methods_were_called(runs):
    """The comparison is about real calls: nearly all send requests, and return or raise as they are answered."""
    plain, missing = _in("success", runs.plain), _in("not found", runs.plain)
    assert len(plain) > 0.95 * len(ALL)
    assert sum(1 for seen in plain.values() if seen.requests and seen.error is None) > 0.95 * len(plain)
    assert sum(1 for seen in missing.values() if seen.requests and seen.error is not None) > 0.95 * len(plain)


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


def test_an_error_tells_its_code(runs):
    """A call that failed for the program failed in the record too, and tells the platform's code and no other."""
    failed = {name for name, seen in _in("not found", runs.plain).items() if seen.error is not None}
    codes = {
        name: [settled.facts.error_code for settled in recorded.settled if settled.facts.error_type is not None]
        for name, recorded in _in("not found", runs.recorded).items()
    }
    assert {name for name in failed if not codes[name]} == set()
    assert {code for found in codes.values() for code in found} <= {"RESOURCE_DOES_NOT_EXIST", None}


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
