"""GRANT, REVOKE and SHOW GRANTS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.sql.commands.grammar import Command, Scope, Table, identifier, literal_text, split_list
from genops.testing.workspace.unity.privileges import shown

if TYPE_CHECKING:
    import re

_PARTS = {"catalog": 1, "schema": 2, "database": 2}
_ALONE = ("metastore", "connection", "storage_credential", "credential", "external_location", "external_metadata")


def _place(scope: Scope, match: re.Match[str]) -> tuple[str, str]:
    """Kind and full name of what a statement names; without a kind it is a table or view."""
    kind = "_".join((match["kind"] or "TABLE").lower().split())
    if kind == "metastore":
        return kind, ""
    if kind == "catalog" or kind in _ALONE:
        return kind, identifier(match["name"])
    return kind, scope.full(match["name"], _PARTS.get(kind, 3))


def _principal(text: str) -> str:
    return literal_text(text) if text[0] in "'\"" else text.strip().strip("`")


def _grant(scope: Scope, match: re.Match[str]) -> Table:
    kind, name = _place(scope, match)
    grants = scope.catalog.grants
    change = grants.grant if match["verb"].upper() == "GRANT" else grants.revoke
    change(scope.user, kind, name, _principal(match["principal"]), split_list(match["privileges"]))
    return Table()


def _show(scope: Scope, match: re.Match[str]) -> Table:
    kind, name = _place(scope, match)
    grants = scope.catalog.grants
    place, _ = grants.place(kind, name)
    wanted = _principal(match["principal"]) if match["principal"] else None
    if wanted != scope.user:
        grants.need_sight(scope.user, *place)
    rows = [
        [principal, shown(privilege), (source or place)[0].upper(), (source or place)[1]]
        for principal, held in grants.effective(*place).items()
        if wanted in (None, principal)
        for privilege, source in held
    ]
    return Table(["Principal", "ActionType", "ObjectType", "ObjectKey"], rows)


_KINDS = (
    "CATALOG|SCHEMA|DATABASE|TABLE|VIEW|MATERIALIZED VIEW|VOLUME|FUNCTION|PROCEDURE|CONNECTION|STORAGE CREDENTIAL"
    "|CREDENTIAL|SERVICE CREDENTIAL|EXTERNAL LOCATION|EXTERNAL METADATA|MODEL"
)
_ON = f"ON [{{kind:{_KINDS}}}] <name>"
_METASTORE = "ON {kind:METASTORE} [<name>]"
COMMANDS: list[Command] = [
    *(
        (f"{verb} <privileges:words> {where} {word} <principal>", _grant, kind)
        for where in (_METASTORE, _ON)
        for verb, word, kind in (("{verb:GRANT}", "TO", "GRANT"), ("{verb:REVOKE}", "FROM", "REVOKE"))
    ),
    *((f"SHOW {{GRANTS|GRANT}} [<principal>] {where}", _show, "SHOW") for where in (_METASTORE, _ON)),
]
