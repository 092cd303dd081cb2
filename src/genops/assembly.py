"""What the settings come to in each room."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from genops.core import governor as governor_room
from genops.core.attribution import Attribution, environment_of
from genops.core.decisions import Mode
from genops.core.ports import CLASSIFICATION, COLUMNS, TABLES
from genops.cost.budgets import Budget, parse_limit
from genops.cost.ledger import MemoryLedger
from genops.policy.clearance import DataClearance
from genops.telemetry.config import TelemetryConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from genops.core.guard import Guard
    from genops.core.ports import Clock
    from genops.core.timed import Stopwatch
    from genops.lineage.sql.catalogs import Catalogs
    from genops.lineage.sql.reader import Reader
    from genops.settings import BudgetSettings, Settings

_log = logging.getLogger("genops")


def spine(settings: Settings) -> governor_room.Settings:
    """Return what the governor is told."""
    return governor_room.Settings(
        mode=settings.mode,
        on_fault=settings.on_fault,
        attribution=Attribution(settings.attribution.known()),
        by_host={host: Attribution(w.attribution.known()) for host, w in settings.workspaces.items()},
        environment_of=environment_of,
        inject=settings.attribution.inject,
    )


def governor(stopwatch: Stopwatch | None) -> Callable[..., governor_room.Governor]:
    """Return what makes the governor: the plain one, or one with a stopwatch."""
    if stopwatch is None:
        return governor_room.Governor
    from genops.core.timed import TimedGovernor

    return partial(TimedGovernor, stopwatch)


def budgeted(settings: Settings) -> tuple[list[Budget], str]:
    """Return the budgets, and what they do about an operation without a price."""
    found = [_budget(name, budget, budget.workspace) for name, budget in settings.budgets.named().items()]
    for host, workspace in settings.workspaces.items():
        found += [_budget(name, budget, host) for name, budget in workspace.budgets.items()]
    return found, settings.budgets.on_unpriced


def _budget(name: str, budget: BudgetSettings, host: str | None) -> Budget:
    limit = parse_limit(budget.limit, budget.unit)
    return Budget(name, limit, budget.period, budget.scope(), host, budget.reserve_seconds)


def ledger(settings: Settings, before: MemoryLedger | None, of: Settings | None, clock: Clock | None) -> MemoryLedger:
    """Return the ledger: the one before where its budgets were the same, so that what they have spent stays spent."""
    budgets, on_unpriced = budgeted(settings)
    if before is not None and of is not None and budgeted(of) == (budgets, on_unpriced):
        return before
    return MemoryLedger(budgets, on_unpriced, clock)


def rules(settings: Settings) -> list[DataClearance]:
    """Return the rules."""
    return [
        DataClearance(name, rule.clearances, default=rule.default, on_unresolved=rule.on_unresolved)
        for name, rule in settings.policies.items()
    ]


def statements(
    settings: Settings, guard: Guard, needs: frozenset[str], clock: Clock | None, catalogs: Catalogs
) -> Reader | None:
    """Return what understands statements, or `None` where neither spans nor lineage nor rules want to know.

    Where a rule wants to know, the parser is loaded now: the first statement would wait for that in vain.
    """
    asked = not needs.isdisjoint((TABLES, COLUMNS, CLASSIFICATION))
    if settings.mode is Mode.OFF or not (asked or settings.lineage.enabled or settings.sql.text != "none"):
        return None
    from genops.lineage.sql import library
    from genops.lineage.sql.reader import Reader
    from genops.lineage.sql.telling import Telling

    if settings.sql.text == "raw":
        _log.warning("sql.text='raw': spans carry the whole text of statements, with the literals in it")
    if asked:
        library.load()
    return Reader(guard, Telling(settings.sql.text), catalogs.of, at_once=getattr(clock, "manual", False))


def telemetry(settings: Settings) -> TelemetryConfig:
    """Return what telemetry is told."""
    told = settings.telemetry
    return TelemetryConfig(
        off=settings.mode is Mode.OFF,
        export=told.export,
        events=told.events,
        exit_timeout_seconds=told.exit_timeout_seconds,
        batch_size=told.batch.size,
        flush_interval_seconds=told.batch.flush_interval_seconds,
        async_export=told.batch.async_export,
        compression="gzip" if told.batch.compression else "none",
        sampling_enabled=told.sampling.enabled,
        sampling_rate=told.sampling.rate,
        sampling_rates={str(action): rate for action, rate in told.sampling.rates.items()},
        console=told.console,
        performance_metrics=told.performance_metrics,
        validate=told.validate,
        require_encryption=told.require_encryption,
        environment=settings.attribution.environment,
    )
