"""Governance: who pays, what is limited and what is ruled."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from genops.cli.doctor.configuration import workspace
from genops.cli.doctor.findings import INFO, OK, WARNING, Finding
from genops.core.attribution import REQUIRED, environment_of
from genops.core.decisions import Mode

if TYPE_CHECKING:
    from genops.settings import BudgetSettings, PolicySettings, Settings

_MODES = {
    Mode.OFF: "nothing is governed: calls pass straight through",
    Mode.OBSERVE: "nobody is blocked: what enforce would refuse is a warning",
    Mode.ENFORCE: "what a rule or a budget refuses does not run",
}


def governance(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Return the mode, who pays, the budgets and the rules."""
    return [
        Finding("governance.mode", INFO, f"mode is {settings.mode.value}", _MODES[settings.mode]),
        _attribution(settings, environ),
        *_budgets(settings),
        *_rules(settings),
    ]


def _attribution(settings: Settings, environ: Mapping[str, str]) -> Finding:
    known = {name: value for name, value in settings.attribution.known().items() if value}
    host, _ = workspace(environ)
    if host:
        place = settings.workspaces.get(host)
        if place is not None:
            known |= {name: value for name, value in place.attribution.known().items() if value}
        derived = environment_of(host)
        if derived is not None:
            known.setdefault("environment", derived)
    missing = [name for name in REQUIRED if name not in known]
    said = ", ".join(f"{name}={value}" for name, value in known.items()) or "nothing is set"
    if not missing:
        return Finding("governance.attributed", OK, "team, project and environment are known", said)
    variables = " and ".join(f"GENOPS_{name.upper()}" for name in missing)
    arguments = ", ".join(f"{name}=..." for name in missing)
    return Finding(
        "governance.unattributed",
        WARNING,
        f"{', '.join(missing)} not set",
        f"{said}; operations without them carry no governance attributes and are only counted",
        f"Set {variables}, or use genops.configure({arguments}) or genops.attribution({arguments}).",
    )


def _budgets(settings: Settings) -> Iterator[Finding]:
    named = list(settings.budgets.named().items())
    for host, place in settings.workspaces.items():
        named += [(name, budget.model_copy(update={"workspace": host})) for name, budget in place.budgets.items()]
    if not named:
        fix = "If you want one: budgets = { daily = { limit = 50, period = 'day' } }"
        yield Finding("governance.no_budgets", INFO, "no budget is loaded", "nothing is limited", fix)
    for name, budget in named:
        yield Finding("governance.budget", INFO, f"budget {name}: {_in_words(budget)}", _scope(budget))


def _in_words(budget: BudgetSettings) -> str:
    once = "in all" if budget.period == "total" else f"a {budget.period}"
    return f"{budget.limit} {budget.unit} {once}"


def _scope(budget: BudgetSettings) -> str:
    scope = {**budget.scope(), **({"workspace": budget.workspace} if budget.workspace else {})}
    return "for " + (", ".join(f"{name}={value}" for name, value in scope.items()) or "every operation")


def _rules(settings: Settings) -> Iterator[Finding]:
    if not settings.policies:
        fix = "If you want one: policies = { clearance = { clearances = { data-eng = 'internal' } } }"
        yield Finding("governance.no_rules", INFO, "no rule is loaded", "the policy allows everything", fix)
        return
    classes = settings.classification.tables
    for name, rule in settings.policies.items():
        cleared = ", ".join(f"{team}: {level}" for team, level in rule.clearances.items()) or "no team is named"
        detail = f"{cleared}; others: {rule.default or 'none'}; a table of unknown class: {rule.on_unresolved}"
        yield Finding("governance.rule", INFO, f"rule {name}: {rule.type}", f"{detail}; {_classes(classes)}")
        if not classes and rule.on_unresolved != "allow":
            yield Finding(
                "governance.unclassified",
                WARNING,
                f"rule {name} asks for the class of tables, and none has one",
                f"for every table that an operation names the answer is {rule.on_unresolved}",
                "Say which are which: classification = { tables = { 'main.hr.*' = 'restricted', '*' = 'internal' } }",
            )
        yield from _uncleared(name, rule, settings.attribution.team)


def _classes(classes: Mapping[str, str]) -> str:
    by_class: dict[str, list[str]] = {}
    for pattern, level in classes.items():
        by_class.setdefault(level, []).append(pattern)
    return "; ".join(f"{level}: {', '.join(patterns)}" for level, patterns in by_class.items()) or "no classes"


def _uncleared(name: str, rule: PolicySettings, team: str | None) -> Iterator[Finding]:
    if team is not None and rule.default is None and team not in rule.clearances:
        yield Finding(
            "governance.uncleared",
            WARNING,
            f"rule {name} gives team {team} no clearance",
            "it is refused every table that has a class",
            f"Add it to policies.{name}.clearances, or set policies.{name}.default.",
        )
