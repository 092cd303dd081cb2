"""Work that needs the answer of other work of its kind, done without recursion.

A query holds queries that hold queries. Each is resolved by a generator that yields the generators whose answers it
needs: it reads as if it called them, and the stack of Python does not grow with the depth of a statement.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

_T = TypeVar("_T")
Steps: TypeAlias = "Generator[Steps[Any], Any, _T]"


def run(steps: Steps[_T]) -> _T:
    """Return what `steps` come to.

    >>> def depth(nested):
    ...     deepest = 0
    ...     for each in nested:
    ...         deepest = max(deepest, (yield depth(each)))
    ...     return 1 + deepest
    >>> run(depth([[], [[]]]))
    3
    """
    waiting: list[Steps[Any]] = [steps]
    answer: Any = None
    while waiting:
        try:
            needed = waiting[-1].send(answer)
        except StopIteration as end:
            waiting.pop()
            answer = end.value
        else:
            waiting.append(needed)
            answer = None
    return answer
