"""A real minilake: another emulator of Databricks, installed into an environment outside the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.environments import environment
from support.servers import Found, Server, free_ports

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "1.9.0"


def installed() -> Found:
    """Return minilake, installing it where the cache has none of this version.

    Raises:
        MissingServerError: It cannot be installed.
    """
    interpreter = environment("minilake", f"minilake=={VERSION}", at_least=(3, 11))
    return Found(interpreter.with_name("minilake"), VERSION, "installed from the package index")


class Minilake:
    """One that keeps its data in a folder of its own and asks no network for anything.

    Args:
        program: minilake.
        folder: Where its data and log lie.

    Attributes:
        url: Where it is.
    """

    def __init__(self, program: Found, folder: Path) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        extensions = folder / "extensions"
        extensions.mkdir()
        self.server = Server(
            [program.path, "--port", port],
            f"{self.url}/api/2.0/preview/scim/v2/Me",
            folder / "minilake.log",
            seconds=60,
            MINILAKE_DATA_DIR=str(folder / "data"),
            # Where such a folder is named it loads from there and downloads nothing.
            MINILAKE_DUCKDB_EXTENSION_DIR=str(extensions),
            MINILAKE_NOTEBOOK="0",
        )
