"""Constraints of tables: keys, which inform, and checks, which hold.

Keys are kept as the REST API shows them, in ``table_constraints``; a check is a table property
``delta.constraints.<name>``, as in Delta, and every change of rows is held against it.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.sql.commands.grammar import compiled, identifier, split_list, syntax_error
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.values import ticked

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

CHECK = "delta.constraints."

_PRIMARY = "[CONSTRAINT <named:column>] PRIMARY KEY ( <columns:list> ) <options:key>"
_FOREIGN = (
    "[CONSTRAINT <named:column>] FOREIGN KEY ( <columns:list> ) REFERENCES <parent:name> [( <keys:list> )]"
    " <options:key>"
)
_CHECK = "[CONSTRAINT <named:column>] CHECK ( <condition:rest> ) [ENFORCED]"


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
        info: The table that gets it, with the constraints that it has already.
        parent: The table that a foreign key refers to.

    Raises:
        SqlError: A column that is not there, a name or a primary key that the table has already, or a parent whose
            primary key is another.
    """
    columns = [_known(info, name) for name in names_of(match["columns"])]
    need_distinct([column["name"] for column in columns])
    if kind == "primary" and primary_columns(info):
        raise taken("PRIMARY KEY")
    key: Json = {"name": _name(kind, match, info), "child_columns": [column["name"] for column in columns]}
    if re.search(r"\bRELY\b", match["options"], re.IGNORECASE):
        key["rely"] = True
    if kind == "primary":
        times = [item for item in split_list(match["columns"]) if re.search(r"\sTIMESERIES$", item, re.IGNORECASE)]
        if times:
            key["timeseries_columns"] = [_known(info, name)["name"] for name in names_of(", ".join(times))]
        return {"primary_key_constraint": key}
    if parent is None:
        raise syntax_error(match[0])
    referred = names_of(match["keys"]) if match["keys"] else primary_columns(parent)
    _need_match(columns, referred, parent)
    parents = {"parent_table": parent["full_name"], "parent_columns": [_known(parent, one)["name"] for one in referred]}
    return {"foreign_key_constraint": {**key, **parents}}


def _name(kind: str, match: re.Match[str], info: Json) -> str:
    """The name of a key: the one that it was given, or one that no constraint of the table has."""
    held = {key["name"].lower() for _, key in keys_of(info)} | set(checks_of(info))
    if match["named"]:
        name = identifier(match["named"])
        if name.lower() in held:
            raise taken(name)
        return name
    plain = f"{info['name']}_{'pk' if kind == 'primary' else 'fk'}"
    numbered = itertools.chain([plain], (f"{plain}_{number}" for number in itertools.count(1)))
    return next(name for name in numbered if name.lower() not in held)


def taken(name: str) -> SqlError:
    """The failure of a constraint that the table has already."""
    return SqlError(
        f"[DELTA_CONSTRAINT_ALREADY_EXISTS] Constraint '{name}' already exists. Please delete the old constraint "
        "first.",
        "42710",
    )


def need_distinct(names: list[str]) -> None:
    """Refuse a list of columns in which a name stands twice, in whatever case.

    Raises:
        SqlError: There is such a name.
    """
    lower = [name.lower() for name in names]
    twice = next((name for name in lower if lower.count(name) > 1), None)
    if twice is not None:
        raise SqlError(
            f"[COLUMN_ALREADY_EXISTS] The column `{twice}` already exists. Choose another name or rename the existing "
            "column.",
            "42711",
        )


def _need_match(columns: list[Json], referred: list[str], parent: Json) -> None:
    """A foreign key has as many columns as the primary key that it means, of the same types."""
    primary = primary_columns(parent)
    kinds = [[column["type_text"] for column in columns], [_known(parent, name)["type_text"] for name in referred]]
    same = sorted(name.lower() for name in referred) == sorted(name.lower() for name in primary)
    if not primary or not same or kinds[0] != kinds[1]:
        raise SqlError(
            f"[FOREIGN_KEY_MISMATCH] Foreign key parent columns {', '.join(referred)} do not match primary key child "
            f"columns {', '.join(primary)} of {parent['full_name']}, in number and type "
            f"({', '.join(kinds[0])}; {', '.join(kinds[1])}).",
            "42830",
        )


def _known(info: Json, name: str) -> Json:
    for column in info["columns"]:
        if column["name"].lower() == name.lower():
            return column
    raise SqlError(
        f"[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column, variable, or function parameter with name `{name}` cannot "
        "be resolved.",
        "42703",
    )


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
    times = key.get("timeseries_columns", ())
    columns = ", ".join(f"{ticked(name)}{' TIMESERIES' if name in times else ''}" for name in key["child_columns"])
    rely = " RELY" if key.get("rely") else ""
    if kind.startswith("primary"):
        return f"PRIMARY KEY ({columns}){rely}"
    parent = ".".join(ticked(part) for part in key["parent_table"].split("."))
    referred = ", ".join(ticked(name) for name in key["parent_columns"])
    return f"FOREIGN KEY ({columns}) REFERENCES {parent} ({referred}){rely}"


def shown_as(keys: list[list[str]]) -> str:
    """Keys as DESCRIBE … AS JSON packs them into one text."""
    return "[" + ", ".join(f"({name},{text})" for name, text in keys) + "]" if keys else ""
