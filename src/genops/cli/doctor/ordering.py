"""Versions in the order of PEP 440, and the bounds that they are held to."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple

# PEP 440, appendix B.
_VERSION = re.compile(
    r"\s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<phase>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre>\d*))?"
    r"(?P<post>-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?"
    r"(?P<dev>[-_.]?dev[-_.]?\d*)?"
    r"(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?\s*",
    re.IGNORECASE,
)
_PHASES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
_BEFORE, _FINAL = -1, 3


class Version(NamedTuple):
    """A version; a smaller one is older. A local part (`+cpu`) counts for nothing.

    Attributes:
        epoch: Number of its numbering scheme, mostly 0.
        release: Its numbers, without zeros at the end.
        phase: -1 for a development release of no phase, 0 alpha, 1 beta, 2 candidate, 3 the release itself.
        pre: Number within the phase.
        post: Number of a post-release; -1 where it is none.
        dev: Number of a development release; infinite where it is none.
    """

    epoch: int
    release: tuple[int, ...]
    phase: int
    pre: int
    post: int
    dev: float

    @property
    def early(self) -> bool:
        """Whether it comes before its release."""
        return self.phase < _FINAL or self.dev != float("inf")


def parsed(text: str) -> Version | None:
    """Return the version that a text stands for; `None` where it stands for none.

    >>> parsed("v0.0.21") == parsed("0.0.21"), parsed("2.0rc1") < parsed("2"), parsed("latest")
    (True, True, None)
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    post = -1 if match["post"] is None else _number(match["post"])
    dev = float("inf") if match["dev"] is None else _number(match["dev"])
    release = list(map(int, match["release"].split(".")))
    while release and not release[-1]:
        release.pop()
    bare = _BEFORE if match["dev"] and not match["post"] else _FINAL
    phase = _PHASES[match["phase"].lower()] if match["phase"] else bare
    return Version(int(match["epoch"] or 0), tuple(release), phase, _number(match["pre"] or ""), post, dev)


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a release, without what marks one before or after it.

    >>> release("1.45.2rc1"), release("v7"), release("2.0")
    ((1, 45, 2), (7,), (2, 0))
    """
    match = _VERSION.fullmatch(version)
    return tuple(map(int, match["release"].split("."))) if match else ()


def holds(version: str, operator: str, bound: str) -> bool | None:
    """Return whether a version keeps to a bound, by the rules of PEP 440.

    Args:
        version: The version.
        operator: `>=`, `<=`, `<`, `>`, `==`, `!=` or `~=`.
        bound: What it is held to; behind `==` and `!=` it may end in `.*`.

    Returns:
        `None` where one of them cannot be read.

    >>> holds("1.45.2", ">=", "1.35"), holds("2.0rc1", "<", "2"), holds("2.1", "~=", "2.0.1"), holds("x", "<", "2")
    (True, False, False, None)
    """
    left, right = parsed(version), parsed(bound.removesuffix(".*"))
    if left is None or right is None:
        return None
    if operator in {"==", "!="}:
        same = _begins(left, right, release(bound[:-2])) if bound.endswith(".*") else left == right
        return same is (operator == "==")
    if operator == "~=":
        return left >= right and _begins(left, right, release(bound)[:-1])
    # Neither is a version early in its own release below that, nor one that came after it above.
    around = left[:2] == right[:2] and not right.early
    if operator == "<":
        return left < right and not (around and left.early and left.post == right.post)
    if operator == ">":
        return left > right and not (around and left.post >= 0 > right.post)
    return left >= right if operator == ">=" else left <= right


def _begins(version: Version, bound: Version, numbers: tuple[int, ...]) -> bool:
    pairs = zip_longest(version.release[: len(numbers)], numbers, fillvalue=0)
    return version.epoch == bound.epoch and all(one == other for one, other in pairs)
