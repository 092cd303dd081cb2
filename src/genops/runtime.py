"""The composition root: builds every room from the settings, and holds the one runtime of the process."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from genops import assembly
from genops.core import current, hashing
from genops.core.decisions import Mode
from genops.core.guard import Guard
from genops.core.inventory import Inventory
from genops.core.notices import AttributionNotice
from genops.cost.pricing import WarehousePricer
from genops.cost.totals import ExactTotals
from genops.errors import InvalidArgument, nearest
from genops.instrumentation import LIBRARIES
from genops.lineage.graph.graph import LineageGraph
from genops.lineage_rooms import LineageRooms
from genops.policy.classification import Classification
from genops.policy.resolver import DeclaredResolver
from genops.policy.rules import RuleSet
from genops.settings import Settings, load
from genops.telemetry import correlation, exits
from genops.telemetry.providers import Telemetry
from genops.telemetry.succession import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from genops.core.governor import Governor
    from genops.core.ports import Clock, Sink
    from genops.core.records import Record
    from genops.telemetry.export import Destination
    from genops.telemetry.lanes import Delivery
    from genops.telemetry.wired import Providers

_log = logging.getLogger("genops")


class Runtime:
    """Every room, built from one set of settings.

    Args:
        settings: What to build from.
        sinks: Further sinks, written to after the built-in ones.
        destinations: Further destinations of telemetry, for example exporters of the program's own.
        before: The runtime that this one replaces; where its budgets are the same, what they have spent stays spent.
        clock: Time; the machine's where nothing is said.
        providers: What telemetry is emitted through instead of the program's providers and the configured export.

    Attributes:
        settings: What it was built from.
        governor: The spine.
        totals: Exact totals by every label.
        lineage: Edges that are known; `None` where lineage is off.
        statements: Understands statements; `None` where nobody wants to know.
        told: Who else is told of lineage.
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
        clock: Clock | None = None,
        providers: Providers | None = None,
    ) -> None:
        self.settings = settings
        self.guard = Guard()
        self.totals = ExactTotals()
        self.lineage = LineageGraph(settings.lineage.max_depth) if settings.lineage.enabled else None
        self.ledger = assembly.ledger(settings, before and before.ledger, before and before.settings, clock)
        inventory = Inventory({host: facts for host, w in settings.workspaces.items() if (facts := w.facts())})
        policy = RuleSet(assembly.rules(settings))
        classification = Classification(settings.classification.tables)
        self.told = LineageRooms(settings, classification.classify, self.guard)
        self.statements = assembly.statements(settings, self.guard, policy.needs, clock, self.told.catalogs)
        self.telemetry = self._telemetry(destinations, providers)
        kept = () if self.lineage is None else (self.lineage,)
        self.governor = assembly.governor(self.telemetry.performance)(
            assembly.spine(settings),
            policy=policy,
            ledger=self.ledger,
            pricer=WarehousePricer(inventory),
            resolver=DeclaredResolver(classification, statements=self.statements),
            tracer=self.telemetry.tracer,
            sinks=[self.totals, *kept, *self.telemetry.sinks, AttributionNotice(), *self.told.sinks, *sinks],
            guard=self.guard,
            clock=clock,
            inventory=inventory,
            lineage=self.lineage,
            statements=self.statements,
            tables=None if self.statements is None else self.told.catalogs,
        )
        self.telemetry.bounds = self._bounds
        self._line = Line(self.governor)
        self._closed = False
        self._lost = 0

    def _telemetry(self, destinations: Iterable[Destination], providers: Providers | None) -> Telemetry:
        return Telemetry.build(
            assembly.telemetry(self.settings),
            totals=self.totals,
            budgets=self.ledger,
            guard=self.guard,
            lineage=self.lineage,
            destinations=destinations,
            providers=providers,
        )

    def _bounds(self) -> dict[str, int]:
        lineage = {} if self.lineage is None else {"lineage": self.lineage.overflowed}
        statements = {} if self.statements is None else {"statements": self.statements.unread}
        own = {"totals": self.totals.overflowed, **lineage, **statements, **self.told.bounds()}
        return {**self.governor.bounds(), **own}

    def activate(self) -> None:
        """Make it the one that wrappers use."""
        if self.settings.log_level is not None:
            _log.setLevel(self.settings.log_level)
        key = self.settings.sql.hash_key
        secret = None if key is None else key.get_secret_value().encode()
        hashing.configure(secret)
        correlation.configure(self.guard if self._correlates else None)
        current.slot.governor = self.governor

    @property
    def _correlates(self) -> bool:
        return self.settings.telemetry.trace_correlation and self.settings.mode is not Mode.OFF

    def flush(self, seconds: float | None = None) -> bool:
        """Send what is queued; return whether all of it was accepted.

        Args:
            seconds: Bound; the exit timeout where nothing is said.
        """
        seconds = self.settings.telemetry.exit_timeout_seconds if seconds is None else seconds
        deadline = self.governor.clock.monotonic() + seconds
        read = self.statements is None or self.statements.drain(seconds / 3)
        drained = self.governor.fan_out.drain(seconds * 2 / 3)
        before, self._lost = self._lost, self.governor.fan_out.dropped + self.told.lost
        sent = self.telemetry.flush(max(0.0, deadline - self.governor.clock.monotonic()))
        return sent and read and drained and self._lost == before

    def hand_over(self, successor: Runtime) -> None:
        """Close, and let what still runs under this runtime end under its successor or one that replaces that."""
        line = self._line
        line.replace(successor._line)

        def emit(record: Record) -> None:
            line.latest.emit(record)

        self.governor.emit = emit
        self.telemetry.hand_over(successor.telemetry)
        self.close()

    def close(self, seconds: float | None = None, *, exiting: bool = False) -> tuple[Delivery, ...] | None:
        """Settle what is open, send what is queued, stop; the first call only.

        Args:
            seconds: Bound of all of it; the exit timeout where nothing is said.
            exiting: Whether the process ends with it.
        """
        if self._closed:
            return None
        self._closed = True
        seconds = self.settings.telemetry.exit_timeout_seconds if seconds is None else seconds
        started = self.governor.clock.monotonic()
        if self.statements is not None:
            # A short program may end while the parser is still being loaded.
            self.statements.close(seconds / 3)
        self.governor.shutdown(seconds / 3)
        self.told.close()
        # What still waited for those that are closed is refused at once, and counted before the last metrics are read.
        if self.told.sinks:
            self.governor.fan_out.drain(seconds / 6)
        left = max(0.0, seconds - (self.governor.clock.monotonic() - started))
        return self.telemetry.shutdown(left, exiting=exiting)


class Surroundings(NamedTuple):
    """What every runtime of the process is built on besides the settings of its own.

    Attributes:
        sinks: Further sinks.
        clock: Time; the machine's where nothing is said.
        providers: What telemetry is emitted through instead.
        settings: Stand in for environment and files, each of lower precedence than what comes before it; `None` where
            environment and files speak.
        built: Told of every runtime that is built here.
    """

    sinks: tuple[Sink, ...] = ()
    clock: Clock | None = None
    providers: Providers | None = None
    settings: tuple[Mapping[str, Any], ...] | None = None
    built: Callable[[Runtime], object] | None = None

    def load(self, given: dict[str, Any] | None = None, settings_file: str | None = None) -> Settings:
        """Return the settings that arguments come to here.

        Raises:
            ConfigurationError: A name is unknown or a value cannot be honoured.
        """
        beneath = self.settings
        return load(given, settings_file=settings_file, ambient=beneath is None, beneath=beneath or ())

    def build(self, settings: Settings, before: Runtime | None = None) -> Runtime:
        """Return a runtime of these settings here.

        Raises:
            ConfigurationError: A setting cannot be honoured.
        """
        runtime = Runtime(settings, self.sinks, before=before, clock=self.clock, providers=self.providers)
        if self.built is not None:
            self.built(runtime)
        return runtime


_ORDINARY = Surroundings()


class _Active:
    """The process's one runtime, what it stands on, and who closes it at the end."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self.surroundings = _ORDINARY
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
    return _adopt(_active.surroundings.load(settings, settings_file))


def active() -> Runtime:
    """Return the active runtime; it is built from environment and file on first use.

    Raises:
        ConfigurationError: The environment or the file holds something that cannot be honoured.
    """
    with current.slot.lock:
        return _active.runtime or _adopt(_active.surroundings.load())


def _adopt(settings: Settings) -> Runtime:
    with current.slot.lock:
        before = _active.runtime
        if before is not None and before.settings == settings:
            return before
        runtime = _active.surroundings.build(settings, before)
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
        correlation.configure(None)
    else:
        runtime.activate()
    return before


@contextmanager
def swapped(runtime: Runtime, surroundings: Surroundings = _ORDINARY) -> Generator[None, None, None]:
    """Make a runtime the active one inside the block; close it and restore the one before at the end.

    Args:
        runtime: The runtime.
        surroundings: What those that replace it inside the block are built on; the last of them is closed as well.
    """
    with current.slot.lock:
        outside, _active.surroundings = _active.surroundings, surroundings
        before = _swap(runtime)
    try:
        yield
    finally:
        with current.slot.lock:
            _active.surroundings = outside
            last = _swap(before)
        for ended in (runtime, last):
            if ended is not None and ended is not before:
                ended.close()


def _at_exit() -> None:
    runtime = _active.runtime
    if runtime is not None:
        runtime.close(exiting=True)


def _flush_active() -> None:
    flush()


def _first_governor() -> Governor:
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
