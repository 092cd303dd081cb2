"""Every error that genops raises on purpose.

::

    GenOpsError
    ├── ConfigurationError   (ValueError)    a setting that cannot be honoured
    ├── InvalidArgument      (ValueError)    a value given to a genops function that cannot be used
    ├── MissingDependency    (ImportError)   an optional library that a chosen feature needs
    └── GovernanceError      (RuntimeError)  an operation was refused before it ran
        ├── PolicyDenied                     a rule said no
        ├── BudgetExceeded                   a budget cannot carry the reservation
        ├── RateLimited                      a rule said not now
        └── GovernanceUnavailable            the decision itself could not be made (`on_fault = "block"`)

A `GovernanceError` is not an `OSError`: `databricks.sdk.errors.DatabricksError` is one, and an `except OSError`
around SDK calls must not swallow a refusal.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class GenOpsError(Exception):
    """Base of every error that genops raises on purpose."""


class ConfigurationError(GenOpsError, ValueError):
    """A setting has a name or a value that genops cannot honour; the message names both and the way out."""


class InvalidArgument(GenOpsError, ValueError):  # noqa: N818  (reads as what it is at the place where it is caught)
    """An argument of a genops function cannot be used; the message names it, what was expected and the way out."""


class MissingDependency(GenOpsError, ImportError):  # noqa: N818  (as above)
    """A feature that was asked for needs a library that is not installed; the message says how to install it."""


class GovernanceError(GenOpsError, RuntimeError):
    """An operation was refused before it ran.

    Attributes:
        reason_code: The code of the refusal, as `genops.policy.reason_code` carries it.
        operation_type: The type of the refused operation, for example `table.get`.
        policy: Name of the rule that refused, where one did.
        budget: Name of the budget that refused, where one did.
    """

    def __init__(
        self,
        message: str,
        *,
        reason_code: str,
        operation_type: str = "",
        policy: str | None = None,
        budget: str | None = None,
    ) -> None:
        super().__init__(message)
        self.reason_code = reason_code
        self.operation_type = operation_type
        self.policy = policy
        self.budget = budget

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by message and fields, so that a refusal crosses process borders whole."""
        return _restore, (type(self), str(self), dict(self.__dict__))


class PolicyDenied(GovernanceError):  # noqa: N818  (public name that stays)
    """A rule refused the operation."""


class BudgetExceeded(GovernanceError):  # noqa: N818  (public name that stays)
    """A budget cannot carry the operation; the message says how much is left and when the budget renews."""


class RateLimited(GovernanceError):  # noqa: N818  (public name that stays)
    """A rule refused the operation for now."""


class GovernanceUnavailable(GovernanceError):  # noqa: N818  (public name that stays)
    """In enforce mode the decision could not be made, and `on_fault` is `block`."""


def _restore(kind: type[GovernanceError], message: str, fields: dict[str, Any]) -> GovernanceError:
    error = kind.__new__(kind, message)
    error.__dict__.update(fields)
    return error


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest known name, or an empty string.

    >>> nearest("taem", ["team", "project"])
    " (did you mean 'team'?)"
    >>> nearest("zzz", ["team"])
    ''
    """
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
