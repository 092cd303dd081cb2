"""Attribution as query tags, which Databricks keeps in query history and in its system tables.

Only where the setting `attribution.inject` asks for it, and only where a call takes tags. What the program says itself
wins: its keys stay as they are, and its own objects are never changed. Tags are kept in plain text, so the user is not
among them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from genops.core import current
from genops.core.running import Running

if TYPE_CHECKING:
    from genops.core.attribution import Attribution

PARAMETER = "query_tags"
PREFIX = "genops_"
# Databricks takes at most 20 tags, and values of at most 128 characters.
_MOST = 20
_LONGEST = 128
_FIELDS = ("team", "project", "environment", "cost_center", "customer_id", "feature", "business_unit")


def tags_of(who: Attribution, taken: Collection[str] = ()) -> dict[str, str]:
    """Return the tags of an attribution that fit beside those that are there.

    Args:
        who: Who pays.
        taken: Keys that the program has given itself.

    >>> from genops.core.attribution import Attribution
    >>> tags_of(Attribution({"team": "de", "project": "p1", "user": "ada"}), {"genops_project"})
    {'genops_team': 'de'}
    """
    known = ((PREFIX + name, who.values.get(name)) for name in _FIELDS)
    fitting = {key: value for key, value in known if value and len(value) <= _LONGEST and key not in taken}
    return dict(list(fitting.items())[: max(0, _MOST - len(taken))])


def payer(library: str) -> Attribution | None:
    """Return who pays for the call of a library that runs here; `None` where its tags are not asked for."""
    running = current.running(library)
    if not isinstance(running, Running) or not running.governor.settings.inject:
        return None
    return running.payer.operation.attribution


def tagged_mapping(kwargs: Mapping[str, Any], who: Attribution, of_connection: Collection[str]) -> Mapping[str, Any]:
    """Return the keyword arguments of a call that takes tags as a mapping.

    Args:
        kwargs: As the program gave them.
        who: Who pays.
        of_connection: Keys of the connection's own tags.
    """
    given = kwargs.get(PARAMETER)
    if given is not None and not isinstance(given, Mapping):
        return kwargs
    own: dict[str, Any] = dict(_pairs(given))
    added = tags_of(who, {*own, *of_connection})
    return {**kwargs, PARAMETER: {**added, **own}} if added else kwargs


def tagged_list(kwargs: Mapping[str, Any], who: Attribution, tag: Any) -> Mapping[str, Any]:
    """Return the keyword arguments of a call of the SDK, which takes tags as a list of its own objects.

    Args:
        kwargs: As the program gave them.
        who: Who pays.
        tag: The class of a tag.
    """
    given = kwargs.get(PARAMETER)
    if given is not None and not isinstance(given, list | tuple):
        return kwargs
    own: list[Any] = list(_each(given))
    added = tags_of(who, {str(getattr(one, "key", "")) for one in own})
    if not added:
        return kwargs
    return {**kwargs, PARAMETER: [*own, *(tag(key=key, value=value) for key, value in added.items())]}


def _pairs(given: Any) -> Iterable[tuple[str, Any]]:
    return () if given is None else given.items()


def _each(given: Any) -> Iterable[Any]:
    return () if given is None else given
