"""Who owns the decision and the money: container, unit or part."""

from __future__ import annotations

import threading

import pytest

import genops
from genops.core import current
from genops.core.amounts import Amount, Grade, Priced
from genops.core.attribution import attribution
from genops.core.decisions import PolicyResult
from genops.core.declared import operation, workflow
from genops.core.operation import Facts, Learnt, Operation, Statement
from genops.core.records import Outcome, Role
from genops.errors import PolicyDenied
from support.governed import ORDERS, SECRET, Clearance, Prices, Purse, call, iterate, statement, usd
from support.recording import TEAM


def test_a_call_inside_a_unit_is_a_part_without_records(governor, sink, tracer):
    """A part has a span below its unit, and no reservation or settlement of its own."""
    call(lambda: call(kind="table.list", library="sql"))
    assert len(sink.admitted) == len(sink.settled) == 1
    unit, part = tracer.scopes
    assert (unit.role, part.role) == (Role.UNIT, Role.PART)
    assert part.parent is unit
    assert part.closing.settled is None
    assert part.closing.outcome is Outcome.OK


def test_a_library_that_calls_itself_is_not_seen_twice(governor, sink, tracer):
    """Inside a call of a library its own further calls are transparent; afterwards they count again."""
    call(lambda: call(kind="table.list"))
    assert len(tracer.scopes) == 1
    call(kind="table.list")
    assert len(tracer.scopes) == 2


def test_a_library_is_seen_again_in_a_context_that_outlives_its_call(governor, sink):
    """A thread started inside a call with its context is governed on its own once that call has ended."""
    import contextvars

    kept = call(contextvars.copy_context)
    kept.run(call)
    assert len(sink.settled) == 2


def test_rows_bytes_and_datasets_of_parts_merge_into_the_unit(governor, sink):
    """What parts read and wrote is what the unit read and wrote."""

    def body():
        for rows in (2, 3):
            call(library="sql", observe=lambda op, result, rows=rows: Facts(rows=rows, bytes=10, reads=(ORDERS,)))

    call(body, observe=lambda op, result: Facts(rows=1))
    facts = sink.settled[0].facts
    assert (facts.rows, facts.bytes, facts.reads) == (6, 20, (ORDERS,))


def test_what_names_one_call_stays_with_its_part(governor, sink, tracer):
    """State, error, duration, request, attributes of a part are not the unit's; what was learnt is of its own host."""
    told = Facts(
        state="FAILED", error_type="X", seconds=9.0, request_id="r", attributes={"a": 1},
        learnt=(Learnt("warehouse", "w", {"size": "S"}),),
    )  # fmt: skip

    def body():
        call(library="sql", op_host="acme", observe=lambda op, result: told)

    call(body, op_host="other")
    assert sink.settled[0].facts == Facts()
    assert sink.settled[0].outcome is Outcome.OK
    assert tracer.scopes[1].closing.facts == told._replace(learnt=())
    assert governor.inventory.of("acme", "warehouse", "w") == {"size": "S"}
    assert governor.inventory.of("other", "warehouse", "w") == {}


def test_a_part_that_was_not_executed_leaves_the_unit_executed(governor, sink):
    """A list inside a unit that was closed before any request does not make the unit unexecuted."""

    def body():
        items = iterate(lambda: iter([]), library="sql", counts_requests=True)
        next(items, None)
        governor.begin(Operation("x", "test", attribution=TEAM)).not_executed()

    call(body)
    assert sink.settled[0].facts.executed
    assert sink.settled[0].outcome is Outcome.OK


def test_money_of_parts_is_the_units(govern, sink):
    """The unit's cost is what its parts cost, with grade, source and date of their prices."""
    purse = Purse()
    govern(ledger=purse, pricer=Prices(Grade.METERED, sql_run=1.5))

    def body():
        call(kind="sql.run", library="sql")
        call(kind="sql.run", library="sql")

    with operation("load", reads=["main.sales.orders"]):
        body()
    priced = sink.settled[0].priced
    assert (priced.money, priced.grade, priced.source, priced.as_of) == (usd(3), Grade.METERED, "list", "2026-08-01")
    # Each part holds and reconciles its own, because the unit reserved no money for them.
    assert [what for what, _ in purse.told] == ["reserve", *["reserve", "reconcile"] * 2, "reconcile"]


def test_the_sum_of_estimated_and_metered_parts_is_estimated(govern, sink):
    """A sum is as good as its worst figure, and says that it is a sum."""
    govern(pricer=Prices())

    def cost(grade, source):
        return lambda op, result: Facts(money=usd(1), grade=grade, source=source)

    with operation("load", reads=["a.b.c"]):
        call(observe=cost(Grade.ESTIMATED, "one"))
        call(observe=cost(Grade.BILLED, "two"))
    priced = sink.settled[0].priced
    assert (priced.money, priced.grade, priced.source) == (usd(2), Grade.ESTIMATED, "parts")


@pytest.mark.parametrize("named_first", [True, False])
def test_a_cost_named_for_the_whole_contains_its_parts(govern, sink, named_first):
    """What a unit says that it cost in all contains what its parts cost, whichever is heard first."""
    govern(pricer=Prices(sql_run=1))
    with operation("load", reads=["a.b.c"]) as running:
        if named_first:
            running.observe(cost=3)
        call(kind="sql.run")
        if not named_first:
            running.observe(cost=3)
    assert sink.settled[0].priced.money == usd(3)


def test_a_whole_is_never_less_than_its_parts(govern, sink):
    """Where the parts cost more than the whole is said to, the parts hold."""
    govern(pricer=Prices(sql_run=5))
    with operation("load", reads=["a.b.c"]) as running:
        running.observe(cost=3)
        call(kind="sql.run")
    assert sink.settled[0].priced.money == usd(5)


def test_money_in_another_currency_is_not_added_and_counted(govern, sink):
    """Another currency is never added to the first one."""
    governor = govern(pricer=Prices())
    with operation("load", reads=["a.b.c"]):
        call(observe=lambda op, result: Facts(money=usd(1)))
        call(observe=lambda op, result: Facts(money=Amount.of(9, "EUR")))
    assert sink.settled[0].priced.money == usd(1)
    assert governor.charges.foreign == 1


def test_a_charge_named_by_two_parts_of_a_unit_is_paid_once(govern, sink):
    """A statement and the poll for it inside one unit are one charge, and nothing is corrected before the end."""
    govern(pricer=Prices())

    def said(dollars):
        return lambda op, result: Facts(money=usd(dollars), charge=statement(1))

    with operation("load", reads=["a.b.c"]):
        call(observe=said(2))
        call(observe=said(2.5))
    assert sink.settled[0].priced.money == usd(2.5)
    assert sink.adjusted == []


def test_a_part_that_ends_after_its_unit_corrects_it(govern, sink):
    """The cost of a part that outlives its unit is a correction of the settled unit."""
    purse = Purse()
    governor = govern(ledger=purse, pricer=Prices())
    with operation("load", reads=["a.b.c"]):
        part = governor.begin(Operation("sql.run", "test", attribution=TEAM))
    part.returned(Facts(money=usd(2), rows=1))
    (settled,) = sink.settled
    (adjusted,) = sink.adjusted
    assert (adjusted.unit, adjusted.delta, adjusted.total) == (settled.unit, 2_000_000, 2_000_000)
    assert ("adjust", usd(2)) in purse.told


def test_parts_in_parts_belong_to_the_unit(govern, sink, tracer):
    """A part inside a part adds to the unit, as the part around it does."""
    govern(pricer=Prices(c_run=1))

    with operation("load", reads=["a.b.c"]):
        call(lambda: call(lambda: call(kind="c.run", library="c"), library="b"), library="a")
    assert sink.settled[0].priced.money == usd(1)
    assert [scope.role for scope in tracer.scopes] == [Role.UNIT, *[Role.PART] * 3]
    assert tracer.scopes[3].parent is tracer.scopes[2]


def test_a_context_that_outlives_a_part_is_still_inside_the_unit(governor, sink, tracer):
    """What runs in the context of a part that has ended is a part of its unit while that runs."""
    import contextvars

    with operation("load", reads=["a.b.c"]):
        kept = call(contextvars.copy_context, library="a")
        kept.run(call, library="b")
        assert tracer.scopes[-1].role is Role.PART
    kept.run(call, library="b")
    assert tracer.scopes[-1].role is Role.UNIT


def test_a_part_that_knows_more_is_put_to_the_policy_again(govern, sink):
    """A part that names a further table is a further decision on the same unit."""
    policy = Clearance()
    govern("enforce", policy=policy)
    with operation("load", reads=["main.sales.orders"]):
        call(op_reads=(SECRET,))
    first, second = sink.admitted
    assert first.unit == second.unit
    assert (first.sequence, second.sequence) == (0, 1)
    assert second.operation.reads == (SECRET,)
    assert second.reservation is None
    assert len(policy.asked) == 2


def test_a_part_that_knows_no_more_is_not_put_to_the_policy(govern, sink):
    """A part that names what its unit named is covered by the unit's decision."""
    policy = Clearance()
    govern("enforce", policy=policy)
    with operation("load", reads=["main.sales.orders"]):
        call(op_reads=(ORDERS,))
        call()
    assert len(policy.asked) == len(sink.admitted) == 1


def test_a_part_inside_a_part_is_compared_with_both(govern, sink):
    """What the part around it named was decided already."""
    govern("enforce", policy=Clearance())
    with operation("load", reads=["main.sales.orders"]):
        call(lambda: call(op_reads=(ORDERS, SECRET), library="b"), op_reads=(SECRET,), library="a")
    assert [admitted.sequence for admitted in sink.admitted] == [0, 1]


def test_a_statement_is_something_more(govern, sink):
    """A part that brings an SQL text knows more than its unit."""
    govern("enforce", policy=Clearance())
    text = Statement("SELECT", 8, "abc")
    with operation("load", reads=["main.sales.orders"]):
        call(op_statement=text)
        call(op_reads=(ORDERS,))
    assert len(sink.admitted) == 2


def test_a_refused_part_is_emitted_and_raised_and_the_unit_goes_on(govern, sink, tracer):
    """In enforce mode a part may be refused: a decision on the unit, and the unit ends with a warning."""
    govern("enforce", policy=Clearance(SECRET))
    ran = []
    with operation("load", reads=["main.sales.orders"]), pytest.raises(PolicyDenied):
        call(lambda: ran.append(1), op_reads=(SECRET,))
    assert not ran
    assert [a.decision.result for a in sink.admitted] == [PolicyResult.ALLOWED, PolicyResult.BLOCKED]
    (settled,) = sink.settled
    assert settled.decision.result is PolicyResult.WARNING
    assert tracer.scopes[1].closing.outcome is None


def test_a_part_is_softened_in_observe(govern, sink):
    """In observe mode a part that would be refused runs, with a warning on the unit."""
    govern("observe", policy=Clearance(SECRET))
    with operation("load", reads=["main.sales.orders"]):
        assert call(lambda: 5, op_reads=(SECRET,)) == 5
    assert sink.admitted[1].decision.result is PolicyResult.WARNING
    assert sink.admitted[1].decision.overruled


def test_attribution_never_changes_during_a_unit(govern, sink, tracer):
    """A block inside a unit changes who pays for nothing in it: parts and further decisions are the unit's."""
    govern("observe", policy=Clearance())
    with operation("load", reads=["main.sales.orders"]), attribution(team="somebody-else"):
        call(op_reads=(SECRET,))
    assert {a.operation.attribution.team for a in sink.admitted} == {"data-eng"}
    assert tracer.scopes[1].operation.attribution.team == "data-eng"


def test_a_workflow_holds_units_and_settles_nothing(governor, sink, tracer):
    """A container has a span with its roll-up and no records; what runs inside are units."""
    with workflow("etl") as etl:
        call()
        call(kind="table.list")
    assert len(sink.settled) == 2
    container, *units = tracer.scopes
    assert container.role is Role.CONTAINER
    assert all(unit.parent is container and unit.role is Role.UNIT for unit in units)
    assert container.closing.admitted is None
    assert container.closing.attributes["genops.workflow.units"] == 2
    assert etl.summary.units == 2


def test_a_workflow_inside_a_unit_stays_inside_it(governor, sink, tracer):
    """What runs in a workflow inside a unit is a part of the unit."""
    with operation("load", reads=["a.b.c"]), workflow("inner"):
        call()
    assert len(sink.settled) == 1
    assert [scope.role for scope in tracer.scopes] == [Role.UNIT, Role.CONTAINER, Role.PART]


def test_an_operation_that_names_nothing_is_a_container(governor, sink, tracer):
    """Without a resource and an amount an operation only groups."""
    with operation("step") as running:
        call()
    assert running.summary.units == 1
    assert tracer.scopes[0].role is Role.CONTAINER
    assert len(sink.settled) == 1


@pytest.mark.parametrize("names", [{"reads": ["a.b.c"]}, {"writes": ["a.b.c"]}, {"cost": 1}, {"cost": "0"}])
def test_an_operation_that_names_something_is_a_unit(governor, sink, names):
    """Reads, writes or an amount make an operation a unit."""
    with operation("step", **names):
        assert len(sink.admitted) == 1
    assert len(sink.settled) == 1


def test_units_know_their_innermost_workflow_and_count_in_all(governor, sink):
    """Nested workflows each count what runs inside."""
    with workflow("outer") as outer:
        call()
        with workflow("inner") as inner:
            call()
    assert (outer.summary.units, inner.summary.units) == (2, 1)
    assert sink.settled[1].operation.container.name == "inner"


def test_refusals_and_warnings_count_in_the_workflow(govern):
    """A workflow counts what was refused and what ran with a warning."""
    govern("enforce", policy=Clearance(SECRET))
    with workflow("etl") as etl, pytest.raises(PolicyDenied):
        call(op_reads=(SECRET,))
    assert (etl.summary.refused, etl.summary.units) == (1, 0)


def test_a_summary_adds_up_cost_rows_errors_and_types(govern):
    """A summary says what its units cost, read, and how they ended, by operation type."""
    govern(pricer=Prices(sql_run=1.25))

    def fail():
        raise OSError

    with workflow("etl") as etl:
        call(kind="sql.run", observe=lambda op, result: Facts(rows=3, bytes=5))
        with pytest.raises(OSError):
            call(fail, kind="table.get")
    summary = etl.summary
    assert (summary.units, summary.errors, summary.rows, summary.bytes, summary.unpriced) == (2, 1, 3, 5, 1)
    assert str(summary.cost["USD"]) == "1.25"
    assert set(summary.by_type) == {"sql.run", "table.get"}


def test_a_summary_takes_late_corrections(govern):
    """What is corrected after a workflow's end is in its summary."""
    from genops.core.operation import Late

    governor = govern(pricer=Prices())
    with workflow("etl") as etl:
        call(observe=lambda op, result: Facts(late=Late("k", 60)))
    governor.pending.resolve("k", Facts(money=usd(2)))
    assert str(etl.summary.cost["USD"]) == "2"


def test_types_beyond_the_cap_of_a_summary_are_other(governor):
    """A summary keeps at most 1,000 types apart."""
    with workflow("etl") as etl:
        for number in range(1_003):
            call(kind=f"type.{number}")
    assert len(etl.summary.by_type) == 1_001
    assert etl.summary.by_type["other"].units == 3


def test_only_the_owner_of_the_library_is_its_running_call(governor):
    """`running` finds the call of a library and nothing else's."""
    assert current.running("sdk") is None
    assert call(lambda: current.running("sdk").operation.type) == "table.get"
    assert call(lambda: current.running("other")) is None


def test_parts_of_many_threads_all_reach_their_unit(govern, sink):
    """Threads with the context of a unit add to it without losing anything."""
    import contextvars

    govern(pricer=Prices(sql_run=0.01))

    def part():
        for _ in range(50):
            call(kind="sql.run", library="sql", observe=lambda op, result: Facts(rows=1))

    with operation("load", reads=["a.b.c"]):
        threads = [threading.Thread(target=contextvars.copy_context().run, args=(part,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (settled,) = sink.settled
    assert (settled.facts.rows, settled.priced.money) == (400, usd(4))


def test_a_price_of_a_part_that_is_unknown_leaves_the_unit_unpriced(governor, sink):
    """Unpriced parts bring no money, and no zero stands for it."""
    with operation("load", reads=["a.b.c"]):
        call()
    assert sink.settled[0].priced == Priced(unpriced_reason="no_prices")


def test_the_public_names_are_these(governor):
    """`genops.operation` and `genops.workflow` are the classes of the spine."""
    assert genops.operation is operation
    assert genops.workflow is workflow
