"""The composition root: builds every room from the settings, and holds the one runtime of the process."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from genops.core import current
from genops.core import governor as spine
from genops.core.attribution import Attribution, environment_of
from genops.core.decisions import Mode
from genops.core.guard import Guard
from genops.core.inventory import Inventory
from genops.core.notices import AttributionNotice
from genops.cost.budgets import Budget, parse_limit
from genops.cost.ledger import MemoryLedger
from genops.cost.pricing import WarehousePricer
from genops.cost.totals import ExactTotals
from genops.errors import InvalidArgument, nearest
from genops.instrumentation import LIBRARIES, databricks_sdk
from genops.policy.classification import Classification
from genops.policy.clearance import DataClearance
from genops.policy.resolver import DeclaredResolver
from genops.policy.rules import RuleSet
from genops.settings import BudgetSettings, Settings, load
from genops.telemetry import exits
from genops.telemetry.config import TelemetryConfig
from genops.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from genops.core.ports import Sink
    from genops.telemetry.export import Destination
    from genops.telemetry.lanes import Delivery

_log = logging.getLogger("genops")


class Runtime:
    """Every room, built from one set of settings.

    Args:
        settings: What to build from.
        sinks: Further sinks, written to after the built-in ones.
        destinations: Further destinations of telemetry, for example exporters of the program's own.
        before: The runtime that this one replaces; where its budgets are the same, what they have spent stays spent.

    Attributes:
        settings: What it was built from.
        governor: The spine.
        totals: Exact totals by every label.
        ledger: The budgets.
        telemetry: What leaves the process.

    Raises:
        ConfigurationError: A setting cannot be honoured.
    """

    def __init__(
        self,
        settings: Settings,
        sinks: Iterable[Sink] = (),
        destinations: Iterable[Destination] = (),
        before: Runtime | None = None,
    ) -> None:
        self.settings = settings
        self.guard = Guard()
        self.totals = ExactTotals()
        self.ledger = _ledger(settings, before)
        inventory = Inventory({host: facts for host, w in settings.workspaces.items() if (facts := w.facts())})
        classification = Classification(settings.classification.tables)
        self.telemetry = Telemetry.build(
            _telemetry_config(settings),
            totals=self.totals,
            budgets=self.ledger,
            guard=self.guard,
            destinations=destinations,
        )
        self.governor = spine.Governor(
            _spine(settings),
            policy=RuleSet(_rules(settings)),
            ledger=self.ledger,
            pricer=WarehousePricer(inventory),
            resolver=DeclaredResolver(classification),
            tracer=self.telemetry.tracer,
            sinks=[self.totals, *self.telemetry.sinks, AttributionNotice(), *sinks],
            guard=self.guard,
            inventory=inventory,
        )
        self.telemetry.bounds = self._bounds
        self._closed = False
        self._dropped = 0

    def _bounds(self) -> dict[str, int]:
        return {**self.governor.bounds(), "totals": self.totals.overflowed}

    def activate(self) -> None:
        """Make it the one that wrappers use."""
        if self.settings.log_level is not None:
            _log.setLevel(self.settings.log_level)
        key = self.settings.sql.hash_key
        databricks_sdk.configure(None if key is None else key.get_secret_value().encode())
        current.slot.governor = self.governor

    def flush(self, seconds: float | None = None) -> bool:
        """Send what is queued; return whether all of it was accepted.

        Args:
            seconds: Bound; the exit timeout where nothing is said.
        """
        seconds = self.settings.telemetry.exit_timeout_seconds if seconds is None else seconds
        deadline = self.governor.clock.monotonic() + seconds
        drained = self.governor.fan_out.drain(seconds)
        before, self._dropped = self._dropped, self.governor.fan_out.dropped
        sent = self.telemetry.flush(max(0.0, deadline - self.governor.clock.monotonic()))
        return sent and drained and self._dropped == before

    def hand_over(self, successor: Runtime) -> None:
        """Close, and let what still runs under this runtime end under its successor."""
        self.governor.emit = successor.governor.emit
        self.telemetry.hand_over(successor.telemetry)
        self.close()

    def close(self, seconds: float | None = None) -> tuple[Delivery, ...] | None:
        """Settle what is open, send what is queued, stop; the first call only.

        Args:
            seconds: Bound of all of it; the exit timeout where nothing is said.
        """
        if self._closed:
            return None
        self._closed = True
        seconds = self.settings.telemetry.exit_timeout_seconds if seconds is None else seconds
        started = self.governor.clock.monotonic()
        self.governor.shutdown(seconds / 3)
        return self.telemetry.shutdown(max(0.0, seconds - (self.governor.clock.monotonic() - started)))


def _spine(settings: Settings) -> spine.Settings:
    return spine.Settings(
        mode=settings.mode,
        on_fault=settings.on_fault,
        attribution=Attribution(settings.attribution.known()),
        by_host={host: Attribution(w.attribution.known()) for host, w in settings.workspaces.items()},
        environment_of=environment_of,
    )


def _ledger(settings: Settings, before: Runtime | None) -> MemoryLedger:
    budgets, on_unpriced = _budgets(settings), settings.budgets.on_unpriced
    if before is not None and (_budgets(before.settings), before.settings.budgets.on_unpriced) == (
        budgets,
        on_unpriced,
    ):
        return before.ledger
    return MemoryLedger(budgets, on_unpriced)


def _budgets(settings: Settings) -> list[Budget]:
    found = [_budget(name, budget, budget.workspace) for name, budget in settings.budgets.named().items()]
    for host, workspace in settings.workspaces.items():
        found += [_budget(name, budget, host) for name, budget in workspace.budgets.items()]
    return found


def _budget(name: str, budget: BudgetSettings, host: str | None) -> Budget:
    limit = parse_limit(budget.limit, budget.unit)
    return Budget(name, limit, budget.period, budget.scope(), host, budget.reserve_seconds)


def _rules(settings: Settings) -> list[DataClearance]:
    return [
        DataClearance(name, rule.clearances, default=rule.default, on_unresolved=rule.on_unresolved)
        for name, rule in settings.policies.items()
    ]


def _telemetry_config(settings: Settings) -> TelemetryConfig:
    telemetry = settings.telemetry
    return TelemetryConfig(
        off=settings.mode is Mode.OFF,
        export=telemetry.export,
        events=telemetry.events,
        exit_timeout_seconds=telemetry.exit_timeout_seconds,
        batch_size=telemetry.batch.size,
        flush_interval_seconds=telemetry.batch.flush_interval_seconds,
        async_export=telemetry.batch.async_export,
        compression="gzip" if telemetry.batch.compression else "none",
        sampling_enabled=telemetry.sampling.enabled,
        sampling_rate=telemetry.sampling.rate,
        sampling_rates={str(action): rate for action, rate in telemetry.sampling.rates.items()},
        console=telemetry.console,
        environment=settings.attribution.environment,
    )


class _Active:
    """The process's one runtime, and who closes it at the end."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self.exits_installed = False


_active = _Active()


def configure(*, settings_file: str | None = None, **settings: Any) -> Runtime:
    """Build the runtime of the process from settings and make it the active one. Patches nothing.

    Equal settings give the same runtime again; different ones replace it. What the old one had queued is sent, what
    still runs under it ends under the new one, and budgets that stay the same keep what they have spent.

    Args:
        settings_file: A TOML file to read instead of the nearest `genops.toml` or `[tool.genops]`.
        **settings: Settings by canonical name (`telemetry={"export": "otlp"}` or `**{"telemetry.export": "otlp"}`), by
            their last part where it is unambiguous (`team="data-eng"`), or by the guide's keyword
            (`default_team="data-eng"`). They win over environment and file.

    Raises:
        ConfigurationError: A name is unknown or a value cannot be honoured; the active runtime stays.
    """
    return _adopt(load(settings, settings_file=settings_file))


def active() -> Runtime:
    """Return the active runtime; it is built from environment and file on first use.

    Raises:
        ConfigurationError: The environment or the file holds something that cannot be honoured.
    """
    with current.slot.lock:
        return _active.runtime or _adopt(load())


def _adopt(settings: Settings) -> Runtime:
    with current.slot.lock:
        before = _active.runtime
        if before is not None and before.settings == settings:
            return before
        runtime = Runtime(settings, before=before)
        _swap(runtime)
        if not _active.exits_installed:
            exits.install(_at_exit, _flush_active)
            _active.exits_installed = True
    if before is not None:
        before.hand_over(runtime)
    return runtime


def _swap(runtime: Runtime | None) -> Runtime | None:
    before, _active.runtime = _active.runtime, runtime
    if runtime is None:
        current.slot.governor = None
    else:
        runtime.activate()
    return before


@contextmanager
def swapped(runtime: Runtime) -> Generator[None, None, None]:
    """Make a runtime the active one inside the block; close it and restore the one before at the end."""
    with current.slot.lock:
        before = _swap(runtime)
    try:
        yield
    finally:
        with current.slot.lock:
            _swap(before)
        runtime.close()


def _at_exit() -> None:
    runtime = _active.runtime
    if runtime is not None:
        runtime.close()


def _flush_active() -> None:
    flush()


def _first_governor() -> spine.Governor:
    return active().governor


current.slot.build = _first_governor


def flush(seconds: float | None = None) -> bool:
    """Send what is queued; return whether all of it was accepted. True where nothing was ever configured.

    Args:
        seconds: Bound in seconds; the exit timeout where nothing is said.
    """
    runtime = _active.runtime
    return True if runtime is None else runtime.flush(seconds)


def shutdown(seconds: float | None = None) -> tuple[Delivery, ...] | None:
    """Settle what is open, send what is queued and let go of the runtime; patched calls then pass through ungoverned.

    The next `genops.configure(...)`, or the next use of `genops.operation` and its like, begins anew.

    Args:
        seconds: Bound of all of it, in seconds; the exit timeout where nothing is said.

    Returns:
        What became of everything that was sent, by destination and signal; `None` where nothing was configured.
    """
    with current.slot.lock:
        runtime = _swap(None)
    return None if runtime is None else runtime.close(seconds)


def instrument(*libraries: str) -> tuple[str, ...]:
    """Install the hooks of libraries that genops knows; all of them where none is named. Imports none of them.

    Args:
        *libraries: For example `databricks_sdk`.

    Returns:
        The libraries whose hooks are installed now.

    Raises:
        InvalidArgument: A library is unknown.
        ConfigurationError: The settings of the environment cannot be honoured; nothing is patched then.
    """
    names = _known(libraries)
    active()
    for name in names:
        LIBRARIES[name].install()
    return tuple(names)


def uninstrument(*libraries: str) -> None:
    """Take the hooks out again and restore every original; all of them where none is named.

    Args:
        *libraries: For example `databricks_sdk`.

    Raises:
        InvalidArgument: A library is unknown.
    """
    for name in _known(libraries):
        LIBRARIES[name].uninstall()


def _known(libraries: Iterable[str]) -> list[str]:
    names = list(libraries) or list(LIBRARIES)
    for name in names:
        if name not in LIBRARIES:
            raise InvalidArgument(
                f"unknown library {name!r}{nearest(name, LIBRARIES)}; known are {', '.join(LIBRARIES)}"
            )
    return names
