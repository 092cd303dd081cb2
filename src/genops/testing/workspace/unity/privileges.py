"""Which privileges Unity Catalog knows, on which kinds of securable they can be granted, and what they contain.

The table is that of "Unity Catalog privileges reference" in Databricks' documentation. Privileges are
written as the REST API writes them (``USE_CATALOG``); SQL and messages have a space (``USE CATALOG``).
"""

from __future__ import annotations

from genops.testing.workspace.http.wire import invalid

_DATA = "APPLY_TAG EXECUTE EXTERNAL_USE_SCHEMA MODIFY READ_VOLUME REFRESH SELECT USE_SCHEMA WRITE_VOLUME"
_MAKE = "CREATE_FUNCTION CREATE_MATERIALIZED_VIEW CREATE_MODEL CREATE_TABLE CREATE_VOLUME"
_ALWAYS = "ALL_PRIVILEGES MANAGE"

APPLICABLE: dict[str, frozenset[str]] = {
    kind: frozenset(text.split())
    for kind, text in {
        "metastore": (
            "CREATE_CATALOG CREATE_CLEAN_ROOM CREATE_CONNECTION CREATE_EXTERNAL_LOCATION CREATE_EXTERNAL_METADATA"
            " CREATE_PROVIDER CREATE_RECIPIENT CREATE_SERVICE_CREDENTIAL CREATE_SHARE CREATE_STORAGE_CREDENTIAL"
            " MANAGE_ALLOWLIST SET_SHARE_PERMISSION USE_CONNECTION USE_MARKETPLACE_ASSETS USE_PROVIDER USE_RECIPIENT"
            " USE_SHARE"
        ),
        "catalog": f"{_ALWAYS} {_DATA} {_MAKE} BROWSE CREATE_SCHEMA USE_CATALOG",
        "schema": f"{_ALWAYS} {_DATA} {_MAKE}",
        "table": f"{_ALWAYS} APPLY_TAG MODIFY REFRESH SELECT",
        "volume": f"{_ALWAYS} APPLY_TAG READ_VOLUME WRITE_VOLUME",
        "function": f"{_ALWAYS} EXECUTE",
        "model": f"{_ALWAYS} APPLY_TAG CREATE_MODEL_VERSION EXECUTE",
        "connection": f"{_ALWAYS} CREATE_FOREIGN_CATALOG USE_CONNECTION",
        "storage_credential": f"{_ALWAYS} CREATE_EXTERNAL_LOCATION CREATE_EXTERNAL_TABLE READ_FILES WRITE_FILES",
        "external_location": (
            f"{_ALWAYS} BROWSE CREATE_EXTERNAL_TABLE CREATE_EXTERNAL_VOLUME CREATE_FOREIGN_SECURABLE"
            " CREATE_MANAGED_STORAGE EXTERNAL_USE_LOCATION READ_FILES WRITE_FILES"
        ),
        "external_metadata": f"{_ALWAYS} MODIFY",
    }.items()
}
"""Privileges by kind of securable."""

# What ALL PRIVILEGES does not give, so that a data owner's sweep hands over neither the object nor its files.
_APART = frozenset(["MANAGE", "EXTERNAL_USE_SCHEMA", "EXTERNAL_USE_LOCATION", "ALL_PRIVILEGES"])

KNOWN = frozenset(privilege for held in APPLICABLE.values() for privilege in held)
"""Every privilege that can be granted on something."""

_ALIASES = {"registered_model": "model", "database": "schema", "view": "table"}

NOUNS = {
    "metastore": "Metastore",
    "catalog": "Catalog",
    "schema": "Schema",
    "table": "Table",
    "volume": "Volume",
    "function": "Routine or Model",
    "model": "Routine or Model",
    "connection": "Connection",
    "storage_credential": "Storage Credential",
    "external_location": "External Location",
    "external_metadata": "External Metadata",
}
"""How messages name a kind."""


def kind_of(text: str) -> str:
    """The kind that a request or a statement means, as ``external_location`` for ``EXTERNAL LOCATION``.

    Raises:
        ApiError: 400 ``INVALID_PARAMETER_VALUE`` for a kind that has no privileges.
    """
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    name = _ALIASES.get(name, name)
    if name not in APPLICABLE:
        raise invalid(f"{text} is not a valid securable type; expected one of {', '.join(APPLICABLE)}")
    return name


def privilege_of(text: str) -> str:
    """The privilege that a request or a statement means, as ``USE_CATALOG`` for ``USE CATALOG``.

    >>> privilege_of("use catalog")
    'USE_CATALOG'

    Raises:
        ApiError: 400 ``INVALID_PARAMETER_VALUE`` for a word that is no privilege.
    """
    name = "_".join(text.upper().split())
    if name == "ALL":
        return "ALL_PRIVILEGES"
    if name not in KNOWN:
        raise invalid(f"{text} is not a valid privilege")
    return name


def shown(privilege: str) -> str:
    """A privilege as SQL and messages write it.

    >>> shown("USE_CATALOG")
    'USE CATALOG'
    """
    return privilege.replace("_", " ")


def gives(granted: str, wanted: str) -> bool:
    """Whether one granted privilege gives another.

    >>> gives("ALL_PRIVILEGES", "SELECT"), gives("ALL_PRIVILEGES", "MANAGE")
    (True, False)
    """
    return granted == wanted or (granted == "ALL_PRIVILEGES" and wanted not in _APART)
