"""Constraints of tables: keys, which inform, and checks, which hold.

Keys are kept as the REST API shows them, in ``table_constraints``; a check is a table property
``delta.constraints.<name>``, as in Delta, and every change of rows is held against it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.commands.grammar import compiled, identifier, split_list, syntax_error
from genops.testing.workspace.sql.failures import SqlError

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

CHECK = "delta.constraints."

_PRIMARY = "[CONSTRAINT <named:name>] PRIMARY KEY ( <columns:list> ) <options:anything>"
_FOREIGN = (
    "[CONSTRAINT <named:name>] FOREIGN KEY ( <columns:list> ) REFERENCES <parent:name> [( <keys:list> )]"
    " <options:anything>"
)
_CHECK = "[CONSTRAINT <named:name>] CHECK ( <condition:rest> ) [ENFORCED]"


def parsed(text: str) -> tuple[str, re.Match[str]]:
    """The kind of a table constraint, ``primary``, ``foreign`` or ``check``, and what its text holds."""
    for kind, pattern in (("primary", _PRIMARY), ("foreign", _FOREIGN), ("check", _CHECK)):
        match = compiled(pattern).fullmatch(text)
        if match:
            return kind, match
    raise syntax_error(text)


def is_constraint(text: str) -> bool:
    """Whether an item of a column list is a table constraint."""
    return re.match(r"\s*(CONSTRAINT\b|PRIMARY\s+KEY\b|FOREIGN\s+KEY\b|CHECK\s*\()", text, re.IGNORECASE) is not None


def names_of(columns: str) -> list[str]:
    """Column names of a list; what follows a name, as ``TIMESERIES``, is left out."""
    return [identifier(re.split(r"\s+(?=TIMESERIES\b)", item, flags=re.IGNORECASE)[0]) for item in split_list(columns)]


def key_of(kind: str, match: re.Match[str], info: Json, parent: Json | None) -> Json:
    """A key in the shape of the REST API.

    Args:
        kind: ``primary`` or ``foreign``.
        match: What :func:`parsed` found.
        info: The table that gets it.
        parent: The table that a foreign key refers to.

    Raises:
        SqlError: A column that is not there, or a parent without a primary key.
    """
    columns = [_known(info, name) for name in names_of(match["columns"])]
    name = identifier(match["named"]) if match["named"] else f"{info['name']}_{'pk' if kind == 'primary' else 'fk'}"
    if kind == "primary":
        return {"primary_key_constraint": {"name": name, "child_columns": columns}}
    if parent is None:
        raise syntax_error(match[0])
    referred = names_of(match["keys"]) if match["keys"] else primary_columns(parent)
    if not referred or sorted(referred) != sorted(primary_columns(parent)):
        raise SqlError(
            f"[FOREIGN_KEY_MISMATCH] Foreign key parent columns {', '.join(referred)} do not match primary key child "
            f"columns {', '.join(primary_columns(parent))} of {parent['full_name']}.",
            "42830",
        )
    keys = {"parent_table": parent["full_name"], "parent_columns": referred}
    return {"foreign_key_constraint": {"name": name, "child_columns": columns, **keys}}


def _known(info: Json, name: str) -> str:
    found = [column["name"] for column in info["columns"] if column["name"].lower() == name.lower()]
    if not found:
        raise SqlError(
            f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column, variable, or function parameter with name `{name}` "
            "cannot be resolved.",
            "42703",
        )
    return str(found[0])


def keys_of(info: Json) -> list[tuple[str, Json]]:
    """Kind and facts of a table's keys."""
    return [next(iter(item.items())) for item in info.get("table_constraints", ())]


def primary_columns(info: Json) -> list[str]:
    """The columns of a table's primary key; none where it has none."""
    none: list[str] = []
    return next((key["child_columns"] for kind, key in keys_of(info) if kind.startswith("primary")), none)


def checks_of(info: Json) -> dict[str, str]:
    """The checks of a table, by name."""
    held: dict[str, Any] = info.get("properties", {})
    return {key.removeprefix(CHECK): value for key, value in held.items() if key.startswith(CHECK)}


def described(info: Json) -> list[list[str]]:
    """Name and text of a table's keys, as DESCRIBE EXTENDED shows them."""
    return [[key["name"], _text(kind, key)] for kind, key in keys_of(info)]


def _text(kind: str, key: Json) -> str:
    columns = ", ".join(f"`{name}`" for name in key["child_columns"])
    if kind.startswith("primary"):
        return f"PRIMARY KEY ({columns})"
    parent = ".".join(f"`{part}`" for part in key["parent_table"].split("."))
    referred = ", ".join(f"`{name}`" for name in key["parent_columns"])
    return f"FOREIGN KEY ({columns}) REFERENCES {parent} ({referred})"


def shown_as(keys: list[list[str]]) -> str:
    """Keys as DESCRIBE … AS JSON packs them into one text."""
    return "[" + ", ".join(f"({name},{text})" for name, text in keys) + "]" if keys else ""
