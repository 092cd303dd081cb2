"""For users' own code: `genops.operation(...)` and `genops.workflow(...)`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from genops.core import current, shapes
from genops.core.amounts import Amount, Grade
from genops.core.attribution import Attribution
from genops.core.containers import Container, Summary
from genops.core.functions import wrap_function
from genops.core.names import dataset
from genops.core.operation import EMPTY, Action, AttributeValue, DatasetRef, Facts, Operation
from genops.errors import InvalidArgument

if TYPE_CHECKING:
    from decimal import Decimal
    from types import TracebackType

    from typing_extensions import Self

    from genops.core.governor import Governor
    from genops.core.unit import Part, Unit

PROVIDER = "genops"
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _text(label: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{label}={value!r}: expected a non-empty string")
    return value.strip()


class operation:  # noqa: N801  (used as `with genops.operation(...)`, like `contextlib.suppress`)
    """Govern a piece of the user's own code; a context manager and a decorator.

    With `reads`, `writes` or an amount it is a unit: decided and reserved before its body runs, settled after it, and
    the governed calls inside are its parts. With none of them it is a container: it groups what runs inside.

    As a decorator it takes functions, coroutine functions, generator functions and asynchronous generator functions;
    a generator is one operation that begins at its first item. The decorated function pickles by reference.

    Args:
        name: Name of the operation; low cardinality.
        type: Its kind, for example `table.transform`; `custom.run` where nothing is said.
        reads: Tables that it reads, as `catalog.schema.table` or `DatasetRef`.
        writes: Tables that it writes.
        cost: What it is expected to cost at most, in `currency`.
        currency: ISO 4217 code of `cost`.
        action: `read`, `write`, `query` or `admin`; derived from `writes` where nothing is said.
        **attribution: `team`, `project` … for this operation and what runs inside.

    Raises:
        InvalidArgument: An argument cannot be used.
        GovernanceError: On entry: the operation is refused.
    """

    def __init__(
        self,
        name: str,
        *,
        type: str = "custom.run",  # noqa: A002  (the field's word)
        reads: Iterable[str | DatasetRef] = (),
        writes: Iterable[str | DatasetRef] = (),
        cost: Decimal | float | str | None = None,
        currency: str = "USD",
        action: Action | str | None = None,
        **attribution: str | None,
    ) -> None:
        self.name = _text("name", name)
        self.type = _text("type", type)
        self.reads = tuple(dataset(ref) for ref in reads)
        self.writes = tuple(dataset(ref) for ref in writes)
        self.amount = None if cost is None else Amount.of(cost, currency)
        self.action = _action(action, self.writes)
        self.attribution = Attribution(attribution)
        self._running: list[Running] = []

    @property
    def is_unit(self) -> bool:
        """Whether it names a resource or an amount, and so is decided and reserved for."""
        return bool(self.reads or self.writes or self.amount)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_running": []}

    def described(self, governor: Governor, *_: object) -> Operation:
        """Return the operation as the governor takes it."""
        return Operation(
            type=self.type,
            provider=PROVIDER,
            name=self.name,
            span_name=f"genops.{self.type}",
            action=self.action,
            attribution=self.attribution.over(governor.attribution()),
            reads=self.reads,
            writes=self.writes,
            amount=self.amount,
            container=governor.container(),
        )

    def __enter__(self) -> Running:
        running = Running(self, current.ensure())
        running.begin()
        self._running.append(running)
        return running

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.pop().end(error)

    async def __aenter__(self) -> Running:
        running = Running(self, current.ensure())
        await running.begin_async()
        self._running.append(running)
        return running

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.pop().end(error)

    def __call__(self, function: _Function) -> _Function:
        """Decorate a function of any kind."""
        if not self.is_unit:
            return wrap_function(function, lambda: _again(self))
        site = shapes.Site(self.type, PROVIDER, action=self.action, describe=self.described)
        shape = _shape_of(function)

        @functools.wraps(function)
        def governed(*args: Any, **kwargs: Any) -> Any:
            current.ensure()
            return _inside(self.attribution, shape, site, function, args, kwargs)

        if shape is shapes.acall:

            @functools.wraps(function)
            async def governed_coroutine(*args: Any, **kwargs: Any) -> Any:
                return await governed(*args, **kwargs)

            return cast("_Function", governed_coroutine)
        return cast("_Function", governed)


def _again(declared: operation) -> operation:
    twin = object.__new__(operation)
    twin.__dict__.update(declared.__getstate__())
    return twin


def _inside(
    attribution: Attribution,
    shape: Callable[..., Any],
    site: shapes.Site,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Any:
    """Run the shape so that what runs inside the function is attributed as the function is."""
    if not attribution.values:
        return shape(site, function, None, args, kwargs)
    from genops.core.attribution import attribution as block

    attributed = wrap_function(function, lambda: block(**attribution.values))
    return shape(site, attributed, None, args, kwargs)


def _shape_of(function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):
        return shapes.aiterate
    if inspect.isgeneratorfunction(function):
        return shapes.iterate
    return shapes.acall if inspect.iscoroutinefunction(function) else shapes.call


def _action(action: Action | str | None, writes: tuple[DatasetRef, ...]) -> Action:
    if action is None:
        return Action.WRITE if writes else Action.READ
    try:
        return Action(action)
    except ValueError:
        known = ", ".join(member.value for member in Action)
        raise InvalidArgument(f"action={action!r}: expected one of {known}") from None


class Running:
    """A running `genops.operation`: what its body may say of itself."""

    def __init__(self, declared: operation, governor: Governor) -> None:
        from genops.core.attribution import attribution

        self._declared = declared
        self._governor = governor
        self._block = attribution(**declared.attribution.values)
        self._run: Unit | Part | None = None
        self._container: Container | None = None
        self._tokens: Any = None

    def begin(self) -> None:
        """Admit it and make it current.

        Raises:
            GovernanceError: It is refused.
        """
        if self._governor.off:
            return
        described = self._declared.described(self._governor)
        if self._declared.is_unit:
            self._run = self._governor.begin(described)
        else:
            self._open_container(described)
        self._enter()

    async def begin_async(self) -> None:
        """Admit it without blocking the event loop, and make it current.

        Raises:
            GovernanceError: It is refused.
        """
        if self._governor.off or not self._declared.is_unit:
            self.begin()
            return
        self._run = await shapes.begin_async(self._governor, self._declared.described(self._governor))
        self._enter()

    def _open_container(self, described: Operation) -> None:
        with self._governor.guard.at("container"):
            container = Container(self._declared.name, described, described.container)
            container.begin(self._governor, current.owner.get())
            self._container = container

    def _enter(self) -> None:
        self._block.__enter__()
        inner = self._run or self._container
        if inner is not None:
            self._tokens = inner.enter()

    def end(self, error: BaseException | None) -> None:
        """Settle it."""
        if self._governor.off:
            return
        inner = self._run or self._container
        if inner is not None:
            inner.exit(self._tokens)
        with self._governor.guard.at("attribution"):
            self._block.__exit__(None, None, None)
        with self._governor.guard.at("settle"):
            if self._container is not None:
                self._container.end(error)
            elif self._run is not None and error is not None:
                self._run.failed(error)
            elif self._run is not None:
                self._run.returned(None)

    def observe(
        self,
        *,
        rows: int | None = None,
        bytes: int | None = None,  # noqa: A002  (the field's word)
        cost: Decimal | float | str | None = None,
        currency: str = "USD",
        reads: Iterable[str | DatasetRef] = (),
        writes: Iterable[str | DatasetRef] = (),
        attributes: Mapping[str, AttributeValue] = EMPTY,
    ) -> None:
        """Say what became known while it ran; counts add up, costs replace each other.

        Args:
            rows: Rows read or written.
            bytes: Bytes read or written.
            cost: What it cost, in `currency`; reported as estimated.
            currency: ISO 4217 code of `cost`.
            reads: Further tables read.
            writes: Further tables written.
            attributes: Further attributes of the span.

        Raises:
            InvalidArgument: An argument cannot be used.
        """
        money = None if cost is None else Amount.of(cost, currency)
        facts = Facts(
            rows=_count("rows", rows),
            bytes=_count("bytes", bytes),
            money=money,
            grade=Grade.ESTIMATED if money else None,
            source="declared" if money else None,
            reads=tuple(dataset(ref) for ref in reads),
            writes=tuple(dataset(ref) for ref in writes),
            attributes=attributes,
        )
        if self._run is not None:
            self._run.saw(facts)

    @property
    def summary(self) -> Summary | None:
        """What happened inside a container so far; `None` for a unit."""
        return None if self._container is None else self._container.summary


def _count(label: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"{label}={value!r}: expected a whole number of at least 0")
    return value


class workflow:  # noqa: N801  (used as `with genops.workflow(...)`)
    """Group the units of a whole piece of work; a context manager and a decorator.

    A workflow reserves nothing and settles nothing: every governed call inside is a unit of its own. `summary` adds up
    what happened, during the workflow and after it; late corrections still come in.

    Args:
        name: Name of the workflow.
        **attribution: `team`, `project` … for everything inside.

    Raises:
        InvalidArgument: An argument cannot be used.
    """

    def __init__(self, name: str, **attribution: str | None) -> None:
        self._declared = operation(name, type="workflow.run")
        self._declared.attribution = Attribution(attribution)
        self._running: list[Running] = []
        self._last: Running | None = None

    def __enter__(self) -> Self:
        running = Running(self._declared, current.ensure())
        running.begin()
        self._running.append(running)
        self._last = running
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.pop().end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: _Function) -> _Function:
        """Decorate a function of any kind; each call is a workflow of its own."""
        return self._declared(function)

    @property
    def summary(self) -> Summary:
        """What happened in the workflow so far; of its last run where it ran more than once."""
        summary = self._last.summary if self._last is not None else None
        return summary or Container(self._declared.name, Operation("workflow.run", PROVIDER)).summary
