"""Carrying governance into other threads and processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest

from genops.core import current
from genops.core.attribution import attribution, current_attribution
from genops.core.carry import attach, carrier
from genops.core.declared import operation, workflow
from genops.core.operation import Facts, Operation
from genops.core.part import Remote
from genops.core.records import Role
from genops.errors import InvalidArgument, PolicyDenied
from support.governed import Clearance, DenyAll, Prices, call, usd
from support.recording import TEAM
from support.spawned import attached

WORKER = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from support.governed import Prices, call
from support.recording import RecordingSink, RecordingTracer, active
from genops.core.carry import attach
from genops.core.governor import Settings
sink, tracer = RecordingSink(), RecordingTracer()
with active(Settings(), sinks=[sink], tracer=tracer, pricer=Prices(table_get=1)):
    with attach(json.loads(sys.argv[2])):
        call()
record = sink.settled[0] if sink.settled else None
print(json.dumps({
    "settled": len(sink.settled), "admitted": len(sink.admitted), "role": tracer.scopes[0].role.value,
    "team": tracer.scopes[0].operation.attribution.team,
    "workflow": record and [record.operation.container.name, record.operation.container.id],
}))
"""


def in_process(taken):
    """Make one call in another process that attached a carrier, and return what it saw."""
    told = subprocess.run(
        [sys.executable, "-c", WORKER, json.dumps(sys.path), json.dumps(taken)],
        check=True, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    return json.loads(told.stdout)


def in_thread(taken, body=call):
    """Run something in a bare thread that attached a carrier."""

    def work():
        with attach(taken):
            body()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_carrier_is_made_of_strings(governor):
    """It fits into headers and environment variables."""
    with operation("load", reads=["a.b.c"]), workflow("etl"):
        taken = carrier()
    assert all(isinstance(part, str) for item in taken.items() for part in item)
    assert json.loads(taken["genops"])["type"] == "custom.run"


def test_another_process_without_an_owner_makes_units(governor):
    """Attribution and workflow go along; calls are units of that process."""
    with attribution(team="carried"), workflow("etl"):
        seen = in_process(carrier())
    identifier = json.loads(carrier()["genops"]).get("workflow")
    assert identifier is None
    assert (seen["settled"], seen["admitted"], seen["role"], seen["team"]) == (1, 1, "unit", "carried")
    assert seen["workflow"][0] == "etl"


def test_another_process_inside_a_unit_makes_parts(governor, sink):
    """With an owner the calls of the other process are spans without money or records."""
    with operation("load", reads=["a.b.c"], team="carried"):
        seen = in_process(carrier())
    assert (seen["settled"], seen["admitted"], seen["role"], seen["team"]) == (0, 0, "part", "carried")
    assert len(sink.settled) == 1


def test_a_spawned_worker_of_multiprocessing_attaches(governor):
    """A carrier goes through `multiprocessing` as it is."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with attribution(team="carried"):
        worker = context.Process(target=attached, args=(carrier(), there))
    worker.start()
    assert here.poll(60), f"the worker ended with {worker.exitcode} and said nothing"
    assert here.recv() == (1, "carried")
    worker.join()


def test_a_thread_of_the_same_process_works_inside_the_very_unit(govern, sink):
    """In a thread of its process the parts of a carried unit bring it their facts and money."""
    govern(pricer=Prices(table_get=2))
    with operation("load", reads=["a.b.c"]):
        taken = carrier()
        in_thread(taken, lambda: call(observe=lambda op, result: Facts(rows=3)))
    (settled,) = sink.settled
    assert (settled.facts.rows, settled.priced.money) == (3, usd(2))
    in_thread(taken)
    assert len(sink.settled) == 2


def test_a_thread_of_the_same_process_adds_to_the_very_workflow(governor):
    """Units of threads that attached a carrier count in the workflow they were carried from."""
    with workflow("etl") as etl:
        taken = carrier()
        for _ in range(3):
            in_thread(taken)
    assert etl.summary.units == 3


def test_one_attach_serves_many_threads_and_itself(governor, sink):
    """Threads that share an `attach` object never leave each other's."""
    with attribution(team="carried"), workflow("etl") as etl:
        shared = attach(carrier())
    barrier, teams = threading.Barrier(8, timeout=120), []

    def work():
        for _ in range(20):
            with shared:
                barrier.wait()
                call()
                teams.append(current_attribution().team)
            teams.append((current_attribution().team, current.owner.get()))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert teams.count("carried") == teams.count((None, None)) == 160
    assert etl.summary.units == 160
    with shared, shared:
        assert current_attribution().team == "carried"


def test_a_carrier_of_a_part_names_the_unit(governor):
    """Decisions in another process are made on the unit, not on the part that the carrier was taken in."""
    taken = []
    with operation("load", reads=["a.b.c"]):
        unit = current.owner.get().unit
        call(lambda: taken.append(carrier()))
    owner = json.loads(taken[0]["genops"])["owner"]
    assert owner[:2] == [f"{unit.trace_id:032x}", f"{unit.span_id:016x}"]


def foreign(taken):
    """A carrier as if it came from another process."""
    state = json.loads(taken["genops"])
    return {**taken, "genops": json.dumps({**state, "process": "another"})}


def test_decisions_of_another_process_are_on_the_unit_in_order(govern, sink):
    """A part of a remote unit that knows more is decided on that unit; refused in enforce."""
    govern("enforce", policy=Clearance())
    with operation("load", reads=["main.sales.orders"]):
        unit, taken = current.owner.get().unit, foreign(carrier())
    with attach(taken):
        from support.governed import SECRET

        call(op_reads=(SECRET,))
        call(op_reads=(SECRET,))
    assert {admitted.unit[:2] for admitted in sink.admitted[1:]} == {unit[:2]}
    sequences = [admitted.sequence for admitted in sink.admitted]
    assert sequences == sorted(sequences)
    assert sequences[0] == 0
    assert len(sink.settled) == 1

    class Needy(DenyAll):
        needs = frozenset({"tables"})

    govern("enforce", policy=Needy())
    with attach(taken), pytest.raises(PolicyDenied):
        call(op_reads=(SECRET,))
    assert sink.admitted[-1].decision.refuses


def test_facts_of_a_part_of_a_remote_unit_stay_on_its_span(govern, sink, tracer):
    """What a remote part saw is on its own span; its money is nobody's here."""
    governor = govern(pricer=Prices(table_get=2))
    with operation("load", reads=["a.b.c"]):
        taken = foreign(carrier())
    with attach(taken):
        assert isinstance(governor.around(), Remote)
        governor.around().saw(Facts(rows=1))
        call(observe=lambda op, result: Facts(rows=5))
        with workflow("inner"):
            call()
    assert tracer.scopes[1].closing.facts.rows == 5
    assert tracer.scopes[1].role is Role.PART
    assert len(sink.settled) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_inside_a_unit_works_inside_it_as_another_process(govern, sink):
    """The child's calls are parts without money, and the unit settles in its parent only."""
    from support.forking import in_child

    governor = govern(pricer=Prices(table_get=2))

    def child():
        assert isinstance(governor.around(), Remote)
        call()
        block.__exit__(None, None, None)
        assert sink.settled == []
        assert json.loads(carrier()["genops"])["process"] != process

    process = json.loads(carrier()["genops"])["process"]
    block = operation("load", reads=["a.b.c"])
    with block:
        in_child(child)
    assert len(sink.settled) == 1
    assert sink.settled[0].priced.money is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"genops": "{"},
        {"genops": "[]"},
        {"genops": '{"owner": 5}'},
        {"genops": '{"owner": ["x", "y", 1]}'},
        {"genops": '{"workflow": ["etl"]}'},
        {"genops": '{"attribution": {"colour": "red"}}'},
        {"genops": '{"attribution": 5}'},
        {"genops": None},
    ],
)
def test_what_is_no_carrier_is_refused_at_once(governor, wrong):
    """A damaged carrier is a typed error where it is given, before anything is entered."""
    with pytest.raises(InvalidArgument, match="carrier"):
        attach(wrong)


@pytest.mark.faults
def test_a_tracer_that_fails_leaves_the_rest_of_a_carrier(govern):
    """Without a trace context attribution and workflow still travel."""

    class Silent:
        def __getattr__(self, name):
            raise ZeroDivisionError

    govern(tracer=Silent())
    with attribution(team="carried"), workflow("etl"):
        taken = carrier()
    with attach(taken):
        assert current_attribution().team == "carried"


def test_a_carrier_taken_in_nothing_attaches_to_nothing(governor, sink):
    """Without attribution, workflow and unit an attached call is an ordinary unit."""
    with attach(carrier()):
        call()
    assert sink.settled[0].operation.attribution == TEAM
    assert sink.settled[0].operation.container is None
    assert governor.begin(Operation("x", "test", attribution=TEAM)).role is Role.UNIT
