"""What is said on the command line and in files, as words that can be used; what cannot be is refused with a reason."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from genops.errors import InvalidArgument, MissingDependency, nearest
from genops.lineage.sql import library

_MAX_SHOWN = 60


def needs_sqlglot() -> None:
    """Make sure that statements can be parsed.

    Raises:
        MissingDependency: sqlglot is absent, or is one that cannot be used.
    """
    if importlib.util.find_spec("sqlglot") is None:
        raise MissingDependency("genops lineage needs sqlglot, which comes with the extra sql: pip install '.[sql]'")
    if library.load() is None:
        raise MissingDependency("genops lineage cannot use the installed sqlglot: pip install 'sqlglot>=27,<31'")


def dialect_of(word: str) -> str:
    """Return the dialect that a word names.

    Raises:
        InvalidArgument: There is none of that name.

    >>> dialect_of("PostgreSQL")
    'postgres'
    """
    found = library.known(word)
    if found is None:
        raise InvalidArgument(
            f"--dialect {shortened(word)}: no dialect that is known{nearest(word.lower(), library.DIALECTS)}; "
            f"say one of {', '.join(library.DIALECTS)}"
        )
    return found


def text_of(data: bytes, name: str) -> str:
    """Return what the bytes of a file say.

    Raises:
        InvalidArgument: They are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        coding = "UTF-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "LATIN1"
        raise InvalidArgument(
            f"{name}: not UTF-8 at byte {error.start}; convert it, for example: iconv -f {coding} -t UTF-8"
        ) from None


def bytes_of(path: Path, expected: str) -> bytes:
    """Return what stands in a file.

    Args:
        path: Of the file.
        expected: What is to be named instead where it is absent.

    Raises:
        InvalidArgument: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidArgument(f"{path}: no such file; name {expected}") from None
    except OSError as error:
        raise InvalidArgument(f"{path}: cannot be read: {error.strerror or 'an error of the system'}") from None


def json_of(path: Path) -> Any:
    """Return the JSON in a file.

    Raises:
        InvalidArgument: It cannot be read, or is no JSON. What stands in it is not quoted.
    """
    try:
        return json.loads(text_of(bytes_of(path, "a file of JSON"), str(path)))
    except json.JSONDecodeError as error:
        raise InvalidArgument(f"{path}: no JSON at line {error.lineno}, column {error.colno}; mend it there") from None
    except RecursionError:
        raise InvalidArgument(f"{path}: JSON nested too deep; it should hold objects in an object") from None


def shortened(word: str) -> str:
    """Return a word of the caller as an error quotes it.

    >>> shortened("cobol")
    "'cobol'"
    """
    return repr(word if len(word) <= _MAX_SHOWN else word[:_MAX_SHOWN] + "…")
