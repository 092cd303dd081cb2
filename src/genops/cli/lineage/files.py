"""From the words of the command line to scripts: files, folders, standard input, and dbt's target folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from genops.cli.lineage import dbt
from genops.cli.lineage.scripts import Gathered, Script
from genops.cli.lineage.words import bytes_of, text_of
from genops.errors import InvalidArgument

_STDIN = "-"
_EXPECTED = "a file of SQL, a folder with *.sql in it, a dbt target folder, or -"
_PROJECT = "dbt_project.yml"


def gathered(names: tuple[str, ...], dialect: str | None) -> Gathered:
    """Return what these names stand for; what is named twice is read once.

    Args:
        names: Files, folders, or `-`.
        dialect: The caller's word; where there is none, a target folder says its own.

    Raises:
        InvalidArgument: One of them cannot be read, or holds no SQL.
    """
    found = [_named(name, dialect) for name in dict.fromkeys(names)]
    scripts = {script: None for each in found for script in each.scripts}
    return Gathered(
        tuple(scripts),
        tuple(known for each in found for known in each.known),
        tuple(note for each in found for note in each.notes),
    )


def _named(name: str, dialect: str | None) -> Gathered:
    if name == _STDIN:
        return _single(_STDIN, sys.stdin.buffer.read(), dialect)
    path = Path(name)
    if path.name == dbt.MANIFEST and path.is_file():
        return dbt.target(path.parent, dialect)
    if not path.is_dir():
        return _single(name, bytes_of(path, _EXPECTED), dialect)
    if (path / dbt.MANIFEST).is_file():
        return dbt.target(path, dialect)
    if (path / _PROJECT).is_file():
        return _project(path, dialect)
    return _folder(path, dialect)


def _single(name: str, data: bytes, dialect: str | None) -> Gathered:
    text = text_of(data, "standard input" if name == _STDIN else name)
    return Gathered((Script(name, text, dialect or ""),), notes=tuple(_templates([(name, text)])))


def _project(path: Path, dialect: str | None) -> Gathered:
    """Return what dbt made of a project, whose own files are templates."""
    if not (path / "target" / dbt.MANIFEST).is_file():
        raise InvalidArgument(
            f"{path}: a dbt project, whose files are templates; run `dbt compile` and name its target folder"
        )
    return dbt.target(path / "target", dialect)


def _folder(path: Path, dialect: str | None) -> Gathered:
    """Return the files below a folder by name; of what dbt compiled, without a manifest, the compiled ones alone."""
    below = path / "compiled" if (path / "compiled").is_dir() and (path / "run").is_dir() else path
    files = sorted(each for each in below.rglob("*") if _is_sql(each, below))
    if not files:
        raise InvalidArgument(f"{path}: no *.sql in it or below it, and no {dbt.MANIFEST} of dbt; name another folder")
    texts = [(str(each), text_of(bytes_of(each, _EXPECTED), str(each))) for each in files]
    return Gathered(tuple(Script(name, text, dialect or "") for name, text in texts), notes=tuple(_templates(texts)))


def _is_sql(path: Path, folder: Path) -> bool:
    """Whether it is a file of SQL that nobody hides."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() == ".sql" and not hidden and path.is_file()


def _templates(texts: list[tuple[str, str]]) -> Iterator[str]:
    """Say which files are templates: what they would be filled with is not known here."""
    found = [name for name, text in texts if "{%" in text or "{{" in text]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield f"{found[0]}{more}: has Jinja in it; where it is of dbt, run `dbt compile` and name the target folder"
