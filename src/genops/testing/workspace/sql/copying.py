"""COPY INTO: files of a volume into a table, each file once."""

# ruff: noqa: S608 - the SQL is built from quoted identifiers and translated queries

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from genops.testing.workspace.sql import dml
from genops.testing.workspace.sql.commands.grammar import literal_text, spoken
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.generation import native
from genops.testing.workspace.sql.readers import reading
from genops.testing.workspace.sql.values import quoted
from genops.testing.workspace.sql.volume_files import locate, matching, may_read

if TYPE_CHECKING:
    from pathlib import Path

    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.running import Run

_ID = r"(?:`[^`]+`|[\w-]+)"
_TEXT = r"'(?:[^'\\]|\\.|'')*'"
_STATEMENT = re.compile(
    rf"COPY\s+INTO\s+(?P<name>{_ID}(?:\s*\.\s*{_ID}){{0,2}})\s*(?:\((?P<columns>[^)]*)\)\s*)?FROM\s+"
    rf"(?:(?P<path>{_TEXT})|\((?P<select>.*?)\s+FROM\s+(?P<inner>{_TEXT})\s*(?:AS\s+)?(?P<alias>(?!FILEFORMAT){_ID})?\s*\))"
    rf"\s*FILEFORMAT\s*=\s*(?P<format>\w+)\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_FILES = re.compile(rf"FILES\s*=\s*\((?P<files>\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*)\)\s*", re.IGNORECASE)
_PATTERN = re.compile(rf"PATTERN\s*=\s*(?P<pattern>{_TEXT})\s*", re.IGNORECASE)
_OPTIONS = re.compile(
    rf"(?P<word>FORMAT_OPTIONS|COPY_OPTIONS)\s*\((?P<options>\s*{_TEXT}\s*=\s*{_TEXT}(?:\s*,\s*{_TEXT}\s*=\s*{_TEXT})*\s*)\)\s*",
    re.IGNORECASE,
)
_PAIR = re.compile(rf"({_TEXT})\s*=\s*({_TEXT})")
_FORMATS = ("CSV", "JSON", "PARQUET", "TEXT")
MAX_FILES = 1000
"""Files that FILES may name [Databricks, COPY INTO]."""


@dataclass(frozen=True)
class _Copy:
    name: str
    columns: tuple[str, ...]
    path: str
    select: str
    alias: str
    file_format: str
    files: tuple[str, ...]
    pattern: str
    options: dict[str, str]
    copying: dict[str, str]


def _texts(text: str) -> tuple[str, ...]:
    return tuple(literal_text(found) for found in re.findall(_TEXT, text))


def _parsed(sql: str) -> _Copy:
    match = _STATEMENT.fullmatch(spoken(sql))
    if match is None:
        raise SqlError("[PARSE_SYNTAX_ERROR] Syntax error at or near 'COPY': this COPY INTO cannot be read.", "42601")
    rest, files, pattern = match["rest"], (), ""
    options: dict[str, dict[str, str]] = {"FORMAT_OPTIONS": {}, "COPY_OPTIONS": {}}
    while rest:
        if found := _FILES.match(rest):
            files = _texts(found["files"])
        elif found := _PATTERN.match(rest):
            pattern = literal_text(found["pattern"])
        elif found := _OPTIONS.match(rest):
            pairs = [(literal_text(key).lower(), literal_text(value)) for key, value in _PAIR.findall(found["options"])]
            options[found["word"].upper()] = dict(pairs)
        else:
            raise UnsupportedError(f"COPY INTO with {rest.split()[0]}")
        rest = rest[found.end() :]
    if match["format"].upper() not in _FORMATS:
        raise UnsupportedError(f"COPY INTO from files of the format {match['format'].upper()}")
    columns = tuple(item.strip(" `") for item in (match["columns"] or "").split(",") if item.strip())
    path = literal_text(match["path"] or match["inner"])
    return _Copy(
        match["name"],
        columns,
        path,
        (match["select"] or "").strip(),
        (match["alias"] or "").strip("`"),
        match["format"].lower(),
        files,
        pattern,
        options["FORMAT_OPTIONS"],
        options["COPY_OPTIONS"],
    )


def copy_into(run: Run) -> None:
    """COPY INTO."""
    asked = _parsed(run.sql)
    _check_options(asked)
    name = run.table_name(asked.name)
    dml_info = run.catalog.tables.get(name.full)
    if dml_info is None:
        run.catalog.table(f"`{name.catalog}`.`{name.schema}`.`{name.name}`")
    info = run.target(name)
    may_read(run.catalog, run.user, asked.path)
    found = _chosen(run, asked)
    loaded: dict[str, tuple[int, int]] = run.catalog.versions.loaded(info)
    force = asked.copying.get("force", "false").lower() == "true"
    name_of = run.catalog.volume_name
    stamps = {name_of(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in found}
    new = [file for file in found if force or name_of(file) not in loaded]
    count = _load(run, asked, info, new) if new else 0
    loaded.update({name_of(file): stamps[name_of(file)] for file in new})
    run.result.files_read += len(new)
    run.result.reads.append(asked.path)
    run.affected({"num_affected_rows": count, "num_inserted_rows": count, "num_skipped_corrupt_files": 0})


def _check_options(asked: _Copy) -> None:
    unknown = set(asked.copying) - {"force", "mergeschema"}
    if unknown:
        raise UnsupportedError(f"COPY INTO with the copy options {', '.join(sorted(unknown))}")
    for options in (asked.copying, asked.options):
        if options.get("mergeschema", "false").lower() == "true":
            raise UnsupportedError("COPY INTO with mergeSchema")
    if asked.files and asked.pattern:
        raise SqlError("[PARSE_SYNTAX_ERROR] FILES and PATTERN cannot stand together.", "42601")
    if len(asked.files) > MAX_FILES:
        raise SqlError(f"[COPY_INTO_TOO_MANY_FILES] FILES names more than {MAX_FILES} files.", "42000")


def _chosen(run: Run, asked: _Copy) -> list[Path]:
    """The files that are meant, in the order of their names."""
    if asked.files:
        root = asked.path.rstrip("/")
        return [file for name in asked.files for file in matching(run.catalog, f"{root}/{name}")]
    found = matching(run.catalog, asked.path)
    if not asked.pattern:
        return [file for file in found if not file.name.startswith(("_", "."))]
    root = locate(run.catalog, asked.path.removeprefix("dbfs:"))
    glob = _glob(asked.pattern)
    return [file for file in found if glob.fullmatch(str(file.relative_to(root)))]


def _glob(pattern: str) -> re.Pattern[str]:
    """A glob of Databricks: ``*`` and ``?`` stay inside of a directory, ``{a,b}`` and ``[ab]`` choose."""
    text = ""
    depth = 0
    for character in pattern:
        if character == "*":
            text += "[^/]*"
        elif character == "?":
            text += "[^/]"
        elif character == "{":
            depth, text = depth + 1, text + "(?:"
        elif character == "}" and depth:
            depth, text = depth - 1, text + ")"
        elif character == "," and depth:
            text += "|"
        elif character in "[]-^":
            text += character
        else:
            text += re.escape(character)
    try:
        return re.compile(text)
    except re.error as error:
        raise SqlError(f"[PARSE_SYNTAX_ERROR] PATTERN {pattern!r} is no glob: {error}", "42601") from error


def _load(run: Run, asked: _Copy, info: Json, files: list[Path]) -> int:
    query, given = _rows(run, asked, info, files)
    source, found = run.source(query)
    names = {column["name"].lower(): column["name"] for column in info["columns"]}
    columns = list(asked.columns) or given or [name for name, _ in found]
    unknown = [name for name in columns if name.lower() not in names]
    if unknown or len(columns) != len(found):
        raise SqlError(
            "[COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE] A schema mismatch was detected while copying into the Delta "
            f"table {info['full_name']}: the files have the columns {', '.join(name for name, _ in found)}. "
            "This may indicate an issue with the incoming data, or the Delta table schema can be evolved automatically "
            "according to the incoming data by setting: COPY_OPTIONS ('mergeSchema' = 'true').",
            "42KDG",
        )
    targets = dml.column_kinds(info)
    aliases = [f"c{index}" for index in range(len(found))]
    columns = [names[name.lower()] for name in columns]
    values = ", ".join(
        dml.stored(alias, kind, targets[column])
        for alias, (_, kind), column in zip(aliases, found, columns, strict=True)
    )
    rows = f"SELECT {values} FROM ({source}) AS source({', '.join(aliases)})"
    return dml.append(run, info, columns, rows, "COPY INTO", {"mode": "Append", "statsOnLoad": "false"})


def _rows(run: Run, asked: _Copy, info: Json, files: list[Path]) -> tuple[Any, list[str]]:
    """The query over the files, and the columns that it fills where the files do not name them."""
    options: dict[str, Any] = {"header": "false", "infercolumntypes": "false", "rescueddatacolumn": "", **asked.options}
    if asked.file_format == "csv" and not asked.options.get("inferschema") and not asked.select:
        header = str(options["header"]).lower() == "true"
        wanted = [] if header else [column["name"] for column in info["columns"]]
    else:
        wanted = []
    files_tree = reading(asked.file_format, asked.path, files, options, run.catalog.database.describe)
    source = exp.Subquery(this=files_tree, alias=exp.TableAlias(this=exp.to_identifier(asked.alias or "files")))
    if not asked.select:
        plain = native(files_tree.this, files_tree.meta["columns"])
        return plain, wanted if len(wanted) == len(files_tree.meta["columns"]) else []
    tree = run.planning.tree(f"{asked.select} FROM {quoted_source(asked)}", run.session)
    table = tree.find(exp.Table)
    table.replace(source)
    run.qualified(tree)
    return tree, []


def quoted_source(asked: _Copy) -> str:
    """A name that stands for the files until they take its place."""
    return f"copied_files AS {quoted(asked.alias or 'files')}".replace('"', "`")
