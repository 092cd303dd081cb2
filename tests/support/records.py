"""Small factories of records, for tests that need no governor."""

from __future__ import annotations

from genops.core.amounts import ONE_CALL, Amount, Grade, Priced
from genops.core.attribution import Attribution
from genops.core.decisions import ALLOWED
from genops.core.operation import NOTHING, DatasetRef, Operation, Statement
from genops.core.ports import Closing, TotalsRow
from genops.core.records import Adjusted, Admitted, BudgetState, Outcome, Reservation, Role, Settled, UnitId

WHO = Attribution({"team": "data-eng", "project": "flights", "environment": "test"})
EVERYBODY = WHO.over(
    Attribution({"cost_center": "c1", "customer_id": "k1", "feature": "f1", "user": "u1", "business_unit": "b1"})
)
STARTED = 1_700_000_000_000_000_000
ENDED = STARTED + 250_000_000
UNIT = UnitId(0x1234567890ABCDEF1234567890ABCDEF, 0x1234567890ABCDEF, 1)
BUDGET = BudgetState("flights-daily", "USD", 10_000_000, 4_000_000, "day", None)
TABLE = DatasetRef(("main", "sales", "orders"))
STATEMENT = Statement("SELECT", 42, "ab12cd34")


def operation(kind="table.get", **fields):
    """An operation with complete attribution."""
    defaults = {"provider": "databricks_unity_catalog", "attribution": WHO, "host": "acme.cloud.databricks.com"}
    return Operation(kind, **{**defaults, **fields})


def reservation(amount=ONE_CALL, budget=None):
    """A reservation of one call."""
    return Reservation(1, amount, budget)


ONE = reservation()


def admitted(what=None, decision=ALLOWED, held=ONE, unit=UNIT, sequence=0, at_ns=STARTED):
    """An admission."""
    return Admitted(unit, sequence, what or operation(), decision, held, at_ns)


def settled(what=None, *, decision=ALLOWED, held=None, actual=None, priced=None, facts=NOTHING, **fields):
    """A settlement of one call without a price."""
    held = held or reservation()
    defaults = {"unit": UNIT, "outcome": Outcome.OK, "incomplete": False, "started_ns": STARTED, "ended_ns": ENDED}
    return Settled(
        operation=what or operation(),
        decision=decision,
        reservation=held,
        facts=facts,
        actual=actual or held.amount,
        priced=priced or Priced(unpriced_reason="no_prices"),
        **{**defaults, **fields},
    )


def adjusted(what=None, delta=-10_000, total=40_000, currency="USD", unit=UNIT):
    """A correction downwards by the bill."""
    return Adjusted(
        unit, what or operation(), delta, currency, total, Grade.BILLED, "system.billing.usage", NOTHING, ENDED
    )


def closing(record=None, admission=None, **fields):
    """The end of a unit as the governor says it."""
    if record is None:
        return Closing(ENDED, None, NOTHING, admission or admitted(held=None), **fields)
    stands = Admitted(record.unit, 0, record.operation, record.decision, record.reservation, record.started_ns)
    return Closing(record.ended_ns, record.outcome, record.facts, stands, record, **fields)


def money(micros=50_000):
    """A cost with its source and date."""
    return Priced(Amount(micros, "USD"), None, Grade.ESTIMATED, "list price", "2026-08-01")


def row(team="data-eng", result="ALLOWED", currency="", **counts):
    """A row of the totals with the given counts."""
    labels = (team, "flights", "test", "databricks_unity_catalog", "table.get", "", "123")
    zero = dict.fromkeys(TotalsRow._fields[3:], 0)
    return TotalsRow(labels, result, currency, **{**zero, **counts})


class FixedTotals:
    """Totals that a test owns."""

    def __init__(self, *rows):
        self.given = list(rows)

    def rows(self):
        return list(self.given)


class FixedBudgets:
    """Budgets that a test owns."""

    def __init__(self, *states):
        self.given = list(states)

    def states(self):
        return list(self.given)


def run_unit(tracer, sinks, what=None, *, decision=ALLOWED, held=None, facts=NOTHING, priced=None, **fields):
    """Take one unit through a tracer and sinks in the governor's order; return its identity."""
    what = what or operation()
    held = held or reservation()
    scope = tracer.open(what, Role.UNIT, STARTED)
    for sink in sinks:
        sink.write(admitted(what, decision, held, scope.unit))
    token = scope.enter()
    scope.exit(token)
    record = settled(what, decision=decision, held=held, facts=facts, priced=priced, unit=scope.unit, **fields)
    for sink in sinks:
        sink.write(record)
    scope.close(closing(record))
    return scope.unit
