"""`genops run -- COMMAND`: runs a program as it is, and governs it and every Python program that it starts."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

import genops
from genops.core.attribution import checked
from genops.errors import InvalidArgument
from genops.layers import SETTINGS_FILE, VARIABLES

# The folder that goes on the command's PYTHONPATH; its sitecustomize does the rest.
STARTUP = os.path.join(os.path.dirname(os.path.abspath(genops.__file__)), "startup")  # noqa: PTH100, PTH118, PTH120  (as sys.path spells it, links kept)
NOT_FOUND, NOT_RUNNABLE = 127, 126  # as shells answer
# Ignored by Python, and by whatever it becomes unless it says otherwise.
_IGNORED = ("SIGPIPE", "SIGXFZ", "SIGXFSZ")
# What carries an option to the command.
_CARRIED = {path[-1]: variable for variable, path in VARIABLES.items()} | {"settings_file": SETTINGS_FILE}
_ATTRIBUTION = {
    "team": "Team that pays.",
    "project": "Project.",
    "environment": "Environment.",
    "cost_center": "Cost centre.",
    "customer_id": "Customer the work is done for.",
    "feature": "Feature or product.",
    "user": "User.",
    "business_unit": "Business unit.",
}


HELP = """Run COMMAND as it is, and govern the Databricks calls of it and of every Python program that it starts.

\b
genops run -- python app.py
genops run --team data-eng --export telemetry.jsonl -- gunicorn app:app

The command takes the place of this process. Options win over GENOPS_* variables; what a program configures in its own
code wins over both. Exit code 127: no such command; 126: it cannot be run; otherwise the command's own.
"""


def _attributed(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else checked(str(option.name), value)
    except InvalidArgument as error:
        raise click.BadParameter(str(error)) from None


def _placed(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Return destinations as one value; files lie where `genops run` was called, wherever the command goes."""
    return ",".join(_destination(value) for value in values) or None


def _destination(value: str) -> str:
    # A URL is no destination, and the message that says so should show it as it was given.
    if "://" in value or not (Path(value).suffix or os.sep in value):
        return value
    file = str(Path.cwd() / value)
    if "," in file:
        raise click.BadParameter(
            f"{file!r}: commas stand between destinations, so a file with one in its path cannot be named here: repeat "
            "--export for several destinations, or name the file as telemetry.export in a settings file"
        )
    return file


OPTIONS: list[click.Parameter] = [
    *(
        click.Option([f"--{name.replace('_', '-')}"], callback=_attributed, help=text)
        for name, text in _ATTRIBUTION.items()
    ),
    click.Option(["--mode"], type=click.Choice(["off", "observe", "enforce"]), help="How far genops goes."),
    click.Option(
        ["--export"],
        multiple=True,
        callback=_placed,
        help="Where telemetry goes: otlp, console, none, a preset, or a file such as genops.jsonl; may be repeated.",
    ),
    click.Option(
        ["--settings-file"],
        type=click.Path(exists=True, dir_okay=False, resolve_path=True),
        help="TOML file to read instead of the nearest genops.toml or pyproject.toml.",
    ),
    click.Argument(["command"], nargs=-1, required=True, type=click.UNPROCESSED),
]


def run(command: tuple[str, ...], **options: Any) -> NoReturn:
    """Become the command.

    Args:
        command: The command and its arguments.
        **options: Value of each option, `None` where it is not given.
    """
    if not command[0]:
        _end(NOT_FOUND, "'': command not found, because its name is empty")
    sys.stdout.flush()
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environment(options, os.environ))  # noqa: S606  (the user's command, without a shell)
    except (FileNotFoundError, NotADirectoryError):
        _end(NOT_FOUND, f"{command[0]}: command not found")
    except OSError as error:
        _end(NOT_RUNNABLE, f"{command[0]} cannot be run: {error.strerror}")


def environment(options: Mapping[str, str | None], before: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the command.

    Args:
        options: Values of the options, `None` where one is not given.
        before: The environment of this process.
    """
    said = {_CARRIED[name]: value for name, value in options.items() if value is not None}
    path = before.get("PYTHONPATH", "")
    rest = [entry for entry in path.split(os.pathsep) if entry != STARTUP] if path else []
    return {**before, **said, "PYTHONPATH": os.pathsep.join((STARTUP, *rest))}


def _end(code: int, message: str) -> NoReturn:
    click.echo(f"genops run: {message}", err=True)
    raise SystemExit(code)


command = click.Command(
    "run", callback=run, params=OPTIONS, help=HELP, context_settings={"allow_interspersed_args": False}
)
