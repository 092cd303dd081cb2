"""Values of calls in which everything is a secret but the identifiers that may leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genops.instrumentation.databricks_identifiers import identifiers_of
from support.arguments import Values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.calls import Method

CANARY = "canary7f3a"
_PARTS = {"catalog_name": "main", "schema_name": "sales", "name": "orders"}
_FULLY_NAMED = ("Functions", "RegisteredModels", "Tables", "Volumes")
# Fields of responses that are identifiers, or facts of a kind that has its own form, by service.
_ANSWERED: dict[str, dict[str, str]] = {
    **{name: {**_PARTS, "full_name": "main.sales.orders"} for name in _FULLY_NAMED},
    "OnlineTables": {"name": "main.sales.orders"},
    # A waiter is called with the id of the thing that the response says was created.
    "Apps": {"name": "app-1"},
    "Clusters": {"cluster_id": "c-1"},
    "Database": {"name": "db-1"},
    "ServingEndpoints": {"name": "e-1"},
    "VectorSearchEndpoints": {"name": "e-1"},
    "Metastores": {"metastore_id": "m-1", "region": "eu-west-1"},
    "StatementExecution": {"statement_id": "st-1"},
    "Warehouses": {"id": "w-1"},
}


# Names in a call that are no datasets of their own: they say where the names in a statement belong.
_PLACED: dict[str, dict[str, str]] = {"StatementExecution": {"catalog": "main", "schema": "sales"}}


def secret(place: str) -> str:
    """Return a string that looks like an identifier and must never be seen again."""
    return f"{CANARY}{abs(hash(place)) % 1000}"


def given(method: Method) -> Values:
    """Return the arguments of a call: secrets, and identifiers where the table allows them."""
    allowed = {**_PLACED.get(service(method), {}), **dict(_allowed(identifiers_of(service(method), method.name)))}
    return Values(lambda place: allowed.get(place) or secret(place))


def answered(method: Method) -> Values:
    """Return the response to a call: secrets, and the few fields that may leave."""
    allowed = _ANSWERED.get(service(method), {})
    return Values(lambda place: allowed.get(place) or secret(place))


def service(method: Method) -> str:
    """Return the service of a method as the table of identifiers names it."""
    return method.owner.__name__[:-3]


def _allowed(identifiers: Iterable[str]) -> Any:
    for identifier in identifiers:
        expression, _, kind = identifier.partition(":")
        kind = kind.rstrip("<>")
        places = expression.split("+")
        if kind.startswith("@"):
            yield kind[1:], "table"
        for place in places:
            yield place, _identifier(kind, place, alone=len(places) == 1)


def _identifier(kind: str, place: str, *, alone: bool) -> str:
    if not alone:
        return _PARTS[place.rpartition(".")[2]]
    if kind == "path":
        return f"/Volumes/main/sales/landing/{secret(place)}"
    if kind == "named":
        return f"catalogs/main/{secret(place)}"
    return {"catalog": "main", "schema": "main.sales"}.get(kind, "main.sales.orders")


def leaks(*things: Any) -> list[str]:
    """Return where in records or scopes a canary can be seen, their whole trees walked."""
    found: list[str] = []
    waiting: list[tuple[str, Any]] = [(type(thing).__name__, thing) for thing in things]
    seen: set[int] = set()
    while waiting:
        place, thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if CANARY in repr(thing):
            found.append(f"{place}: {thing!r}"[:400])
        waiting.extend((f"{place}.{name}", value) for name, value in _inside(thing))
    return found


def _inside(thing: Any) -> Any:
    if isinstance(thing, dict):
        return [(str(key), each) for key, each in thing.items()]
    if hasattr(thing, "_asdict"):
        return thing._asdict().items()
    if isinstance(thing, (list, tuple, set, frozenset)):
        return [(str(n), each) for n, each in enumerate(thing)]
    slots = getattr(type(thing), "__slots__", ())
    if type(thing).__module__.startswith(("genops", "support")):
        return [*vars(thing).items()] if hasattr(thing, "__dict__") else [(s, getattr(thing, s, None)) for s in slots]
    return []
