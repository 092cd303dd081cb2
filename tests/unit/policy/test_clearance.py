"""The rule of data clearance."""

from __future__ import annotations

import pytest

from genops.core.attribution import Attribution
from genops.core.decisions import ALLOWED, Decision, PolicyResult
from genops.core.operation import DatasetRef, Operation, Statement
from genops.core.ports import Resolution
from genops.errors import ConfigurationError
from genops.policy.classification import Classification, ClassOrder
from genops.policy.clearance import DataClearance
from genops.policy.resolver import DeclaredResolver

SALARIES = DatasetRef(("main", "hr", "salaries"))
HITS = DatasetRef(("main", "web", "hits"))
UNKNOWN = DatasetRef(("lab", "x", "y"))
DECLARED = Classification({"main.hr.*": "restricted", "main.web.*": "internal"})
RULE = DataClearance("clearance", {"hr": "restricted", "web": "internal", "guests": "public"})


def touching(team: str | None, *reads: DatasetRef, writes: tuple[DatasetRef, ...] = ()) -> Operation:
    """Return a team's operation on tables."""
    return Operation("table.get", "p", attribution=Attribution({"team": team}), reads=reads, writes=writes)


def decided(operation: Operation, rule: DataClearance = RULE) -> Decision:
    """Return the decision of a rule on what is declared."""
    return rule.evaluate(operation, DeclaredResolver(DECLARED).resolve(operation, rule.needs))


def test_denial() -> None:
    """A table above the clearance is blocked; the reason names rule, table, class, team and clearance."""
    assert decided(touching("web", HITS, SALARIES)) == Decision(
        PolicyResult.BLOCKED,
        "POLICY_DENY_CONTENT",
        "clearance",
        "policy 'clearance': table main.hr.salaries is restricted and team 'web' is cleared up to internal",
    )


@pytest.mark.parametrize(
    ("team", "table", "result"),
    [
        ("hr", SALARIES, PolicyResult.ALLOWED),
        ("hr", HITS, PolicyResult.ALLOWED),
        ("web", HITS, PolicyResult.ALLOWED),
        ("web", SALARIES, PolicyResult.BLOCKED),
        ("guests", HITS, PolicyResult.BLOCKED),
        ("nobody-listed", HITS, PolicyResult.BLOCKED),
        (None, HITS, PolicyResult.BLOCKED),
    ],
)
def test_a_class_at_most_the_clearance(team: str | None, table: DatasetRef, result: PolicyResult) -> None:
    """A team may touch classes up to its clearance; a team without one may touch no classified table."""
    assert decided(touching(team, table)).result is result
    assert decided(touching(team, writes=(table,))).result is result


def test_default_clearance() -> None:
    """Teams that are not listed, and operations without a team, have the default clearance."""
    rule = DataClearance("c", {}, default="internal")
    assert decided(touching(None, HITS), rule) is ALLOWED
    reason = decided(touching(None, SALARIES), rule).reason
    assert reason == (
        "policy 'c': table main.hr.salaries is restricted and an operation without a team is cleared up to internal"
    )


@pytest.mark.parametrize(
    ("choice", "result", "code"),
    [
        ("deny", PolicyResult.BLOCKED, "x_unresolved"),
        ("warn", PolicyResult.WARNING, "x_unresolved"),
        ("allow", PolicyResult.ALLOWED, None),
    ],
)
def test_table_without_a_class(choice: str, result: PolicyResult, code: str | None) -> None:
    """A table that nobody classified is unresolved and follows `on_unresolved`; the decision says so in any case."""
    rule = DataClearance("c", {"hr": "restricted"}, on_unresolved=choice)
    decision = decided(touching("hr", UNKNOWN), rule)
    assert (decision.result, decision.reason_code, decision.policy) == (result, code, "c")
    assert decision.reason == "policy 'c': table lab.x.y has no class; declare one under classification.tables"


def test_denial_goes_before_unresolved() -> None:
    """A known denial is reported even where another table has no class."""
    assert decided(touching("web", UNKNOWN, SALARIES)).reason_code == "POLICY_DENY_CONTENT"


def test_class_out_of_order() -> None:
    """A class that another source names and that is not in the order is unresolved, not harmless."""
    decision = RULE.evaluate(touching("hr", HITS), Resolution((HITS,), (), {HITS: "pii"}))
    assert decision.reason_code == "x_unresolved"
    assert "'pii', which is not among the declared ones" in (decision.reason or "")


def test_unfinished_resolution() -> None:
    """Where the tables could not be found out, an otherwise clean operation is unresolved."""
    assert RULE.evaluate(touching("hr"), Resolution(resolved=False)).reason_code == "x_unresolved"
    partly = Resolution((HITS,), (), {HITS: "internal"}, resolved=False)
    assert RULE.evaluate(touching("hr", HITS), partly).reason_code == "x_unresolved"


def test_statements_are_judged_by_their_tables() -> None:
    """A statement is refused for a table that it touches, and unresolved where its tables could not be found out."""
    query = touching("guests")._replace(statement=Statement("SELECT", 8, "ab"))
    assert (
        RULE.evaluate(query, Resolution((SALARIES,), (), {SALARIES: "restricted"})).reason_code == "POLICY_DENY_CONTENT"
    )
    assert RULE.evaluate(query, Resolution(resolved=False)).reason_code == "x_unresolved"
    assert RULE.evaluate(query, Resolution()) is ALLOWED


def test_a_statement_that_is_late_says_what_to_do() -> None:
    """Whoever is refused because a statement was not read in time learns that it will be known the next time."""
    query = touching("guests")._replace(statement=Statement("SELECT", 8, "ab"))
    reason = RULE.evaluate(query, Resolution(resolved=False, late=True)).reason
    assert reason is not None
    assert reason.endswith("its tables were not found out in time; the same statement is known when it is run again")


def test_other_datasets_are_not_judged() -> None:
    """Operations on volumes, schemas, functions and models, or on nothing, are allowed."""
    kinds = ("volume", "schema", "catalog", "function", "model", "path")
    assert decided(touching("guests", *(DatasetRef(("main", "hr", "x"), kind) for kind in kinds))) is ALLOWED
    assert decided(touching("guests")) is ALLOWED


def test_same_inputs_same_decision() -> None:
    """The decision depends on nothing but its inputs."""
    operation = touching("web", UNKNOWN, SALARIES, writes=(HITS,))
    assert len({decided(operation) for _ in range(100)}) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"clearances": {"hr": "secret"}}, "clearance of 'hr': unknown class 'secret'"),
        ({"default": "intern"}, "did you mean 'internal'"),
        ({"on_unresolved": "denied"}, "did you mean 'deny'"),
        ({"clearances": {"hr": "red"}, "order": ClassOrder(["green"])}, "expected one of green"),
    ],
)
def test_bad_rule(arguments: dict[str, object], named: str) -> None:
    """A rule that cannot be honoured is refused by a sentence that names the rule and the value."""
    with pytest.raises(ConfigurationError, match="policy 'c'.*" + named):
        DataClearance("c", **{"clearances": {}, **arguments})  # pyright: ignore[reportArgumentType]
