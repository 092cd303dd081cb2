"""After a fork: no lock of a parent's thread hangs the child, and nothing of the parent is finished twice."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from genops.core.containers import Container
from genops.core.declared import workflow
from genops.core.forks import _Process, on_fork, process
from genops.core.guard import Guard
from genops.core.inventory import Inventory
from genops.core.operation import Learnt, Operation
from support.forking import in_child
from support.governed import call, iterate
from support.polling import eventually

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def held(*locks):
    """Hold locks in another thread; return what lets them go."""
    ready, go = threading.Event(), threading.Event()

    def hold():
        for lock in locks:
            lock.acquire()
        ready.set()
        go.wait()
        for lock in locks:
            lock.release()

    threading.Thread(target=hold).start()
    assert ready.wait(20)
    return go


@pytest.mark.faults
def test_locks_that_another_thread_held_at_the_fork_hang_nobody(govern):
    """Guard, inventory, charges, containers and the table of pending units start with locks of their own."""
    governor = govern()
    with workflow("etl") as etl:
        container = governor.container()
        charges, pending = governor.charges, governor.pending
        go = held(governor.guard._lock, governor.inventory._lock, charges._lock, container._lock, process._lock)
        pending_go = held(pending._changed)

        def child():
            call()
            assert etl.summary.units == 1
            governor.guard.caught("x", ValueError())
            governor.inventory.learn("h", Learnt("k", "i", {"a": 1}))
            pending.resolve("k", None)
            on_fork(governor.guard._new_lock)

        try:
            in_child(child)
        finally:
            go.set()
            pending_go.set()


def test_what_is_open_in_the_parent_is_finished_by_the_parent(govern, sink):
    """A child that shuts down or collects what the parent had open settles nothing of it."""
    governor = govern()
    items = iterate(lambda: iter([1, 2]))
    next(items)
    kept = [items]
    del items

    def child():
        governor.shutdown(1)
        kept.clear()
        gc.collect()
        governor.pending.drain()
        assert sink.settled == []
        call()
        assert len(sink.settled) == 1

    in_child(child)
    kept.clear()
    eventually(lambda: sink.settled)
    assert len(sink.settled) == 1


def test_telling_of_forks_keeps_nothing_alive():
    """What asked to be told of forks goes when nobody else holds it, and the list of them stays short."""
    told = _Process()

    class Holder:
        def note(self):
            notes.append(1)

    notes = []
    kept = Holder()
    told.tell(kept.note)
    for _ in range(10_000):
        told.tell(Holder().note)
    assert len(told._methods) < 200
    told.forked()
    assert notes == [1]
    assert told.generation == 1


def test_the_same_objects_are_not_told_twice_by_accident():
    """Each lock is renewed once a fork."""
    for made in (Guard(), Inventory(), Container("x", Operation("workflow.run", "genops"))):
        before = made._lock
        made._new_lock()
        assert made._lock is not before


def test_the_inventory_is_bounded_and_declared_facts_win():
    """The least recently learnt goes first; what is configured stands above what was learnt."""
    inventory = Inventory({"acme": {"cloud": "aws"}})
    inventory.learn("acme", Learnt("workspace", "", {"cloud": "azure", "region": "r"}))
    assert inventory.workspace("acme") == {"cloud": "aws", "region": "r"}
    assert inventory.workspace("other") == {}
    for number in range(10_005):
        inventory.learn("acme", Learnt("warehouse", str(number), {"size": "S"}))
        inventory.learn("acme", Learnt("warehouse", str(number), {"size": "S"}))
    assert inventory.evicted == 6
    inventory.learn("acme", Learnt("warehouse", "10004", {"name": "n"}))
    assert inventory.of("acme", "warehouse", "10004") == {"size": "S", "name": "n"}
