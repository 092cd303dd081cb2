"""For users' own code: `genops.operation(...)` and `genops.workflow(...)`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from genops.core import current, shapes
from genops.core.amounts import Amount, Grade
from genops.core.attribution import Attribution
from genops.core.attribution import attribution as block
from genops.core.containers import Container, Summary
from genops.core.functions import wrap_function
from genops.core.names import dataset
from genops.core.operation import EMPTY, Action, AttributeValue, DatasetRef, Facts, Operation
from genops.errors import InvalidArgument

if TYPE_CHECKING:
    from contextvars import Token
    from decimal import Decimal
    from types import TracebackType

    from typing_extensions import Self

    from genops.core.governor import Governor
    from genops.core.part import Part
    from genops.core.unit import Unit

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
        self.reads = _datasets("reads", reads)
        self.writes = _datasets("writes", writes)
        self.amount = None if cost is None else Amount.money(cost, currency)
        self.action = _action(action, self.writes)
        self.attribution = Attribution(attribution)
        self.last: Container | None = None
        self._entered: current.Entered[Running] = current.Entered()

    @property
    def is_unit(self) -> bool:
        """Whether it names a resource or an amount, and so is decided and reserved for."""
        return bool(self.reads or self.writes or self.amount)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in {"last", "_entered"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, last=None, _entered=current.Entered())

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

    def grouped(self, governor: Governor, described: Operation, parent: object = None) -> Container:
        """Open the container that the operation is where it names no resource and no amount."""
        container = Container(self.name, described, described.container)
        self.last = container.begin(governor, current.owner.get(), parent)
        return container

    def __enter__(self) -> Running:
        running = Running(self, current.ensure())
        running.begin()
        self._entered.push(running.enter(), running)
        return running

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.pop().leave().end(error)

    async def __aenter__(self) -> Running:
        running = Running(self, current.ensure())
        await running.begin_async()
        self._entered.push(running.enter(), running)
        return running

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        running = self._entered.pop().leave()
        if isinstance(error, GeneratorExit):  # closed from outside: nothing may be awaited any more
            running.end(error)
        else:
            await shapes.off_loop(running.governor, running.end, error)

    def __call__(self, function: _Function) -> _Function:
        """Decorate a function of any kind."""
        group = None if self.is_unit else self.grouped
        site = shapes.Site(
            self.type, PROVIDER, span_name=f"genops.{self.type}", action=self.action, describe=self.described,
            group=group,
        )  # fmt: skip
        shape = _shape_of(function)
        fields = self.attribution.values
        attributed = wrap_function(function, lambda: block(**fields)) if fields else function

        @functools.wraps(function)
        def governed(*args: Any, **kwargs: Any) -> Any:
            current.ensure()
            return shape(site, attributed, None, args, kwargs)

        if shape is not shapes.acall:
            return cast("_Function", governed)

        @functools.wraps(function)
        async def governed_coroutine(*args: Any, **kwargs: Any) -> Any:
            return await governed(*args, **kwargs)

        return cast("_Function", governed_coroutine)


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


def _datasets(label: str, refs: Iterable[str | DatasetRef]) -> tuple[DatasetRef, ...]:
    if isinstance(refs, (str, DatasetRef)) or not isinstance(refs, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgument(f"{label}={refs!r}: expected a list of names, for example {label}=['main.sales.orders']")
    return tuple(dataset(ref) for ref in refs)


def _own(attributes: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
    for name in attributes:
        if name.startswith("genops."):
            raise InvalidArgument(
                f"attribute {name!r}: names that begin with 'genops.' say what genops decided; choose another prefix"
            )
    return attributes


class Running:
    """A running `genops.operation`: what its body may say of itself."""

    def __init__(self, declared: operation, governor: Governor) -> None:
        self.governor = governor
        self._declared = declared
        self._block = block(**declared.attribution.values)
        self._run: Unit | Part | None = None
        self._container: Container | None = None
        self._tokens: Any = None

    def begin(self) -> None:
        """Admit it.

        Raises:
            GovernanceError: It is refused.
        """
        if self.governor.off:
            return
        described = self._declared.described(self.governor)
        if self._declared.is_unit:
            self._run = self.governor.begin(described)
            return
        with self.governor.guard.at("container"):
            self._container = self._declared.grouped(self.governor, described)

    async def begin_async(self) -> None:
        """Admit it without blocking the event loop.

        Raises:
            GovernanceError: It is refused.
        """
        if self.governor.off or not self._declared.is_unit:
            self.begin()
        else:
            self._run = await shapes.begin_async(self.governor, self._declared.described(self.governor))

    def enter(self) -> Token[Any]:
        """Make it current, and return the token of the outermost variable that this sets."""
        token = current.owner.set(current.owner.get())
        self._block.__enter__()
        inner = self._run or self._container
        if inner is not None:
            self._tokens = inner.enter()
        return token

    def leave(self) -> Running:
        """Undo `enter`, and return it."""
        inner = self._run or self._container
        if inner is not None and self._tokens is not None:
            inner.exit(self._tokens)
        self._block.__exit__()
        return self

    def end(self, error: BaseException | None) -> None:
        """Settle it."""
        inner = self._run or self._container
        if inner is None:
            return
        with self.governor.guard.at("settle"):
            if error is None:
                inner.returned(None)
            else:
                inner.failed(error)

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

        What only groups has no facts of its own, so nothing of it is kept.

        Args:
            rows: Rows read or written.
            bytes: Bytes read or written.
            cost: What it cost in all, governed calls inside included, in `currency`; reported as estimated.
            currency: ISO 4217 code of `cost`.
            reads: Further tables read. Everything read flows into everything written, whenever either was said.
            writes: Further tables written.
            attributes: Further attributes of the span; names that begin with `genops.` are not the program's to give.

        Raises:
            InvalidArgument: An argument cannot be used, or the operation is a container, which has no facts of its own.
        """
        money = None if cost is None else Amount.money(cost, currency)
        facts = Facts(
            rows=_count("rows", rows),
            bytes=_count("bytes", bytes),
            money=money,
            grade=Grade.ESTIMATED if money else None,
            source="declared" if money else None,
            reads=_datasets("reads", reads),
            writes=_datasets("writes", writes),
            attributes=_own(attributes),
        )
        if self._container is not None:
            raise InvalidArgument(
                f"operation {self._declared.name!r} names no resource and no cost, so it only groups what runs inside; "
                "give it reads=, writes= or cost= to observe something of it"
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

    def __enter__(self) -> Self:
        self._declared.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._declared.__exit__(kind, error, traceback)

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
        """What happened in the workflow so far; of its latest run where it ran more than once."""
        last = self._declared.last or Container(self._declared.name, Operation("workflow.run", PROVIDER))
        return last.summary
