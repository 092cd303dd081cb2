"""`genops conformance`: rules on telemetry by the GenOps Governance Specification, of any runtime."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from genops.conformance.intake import Intake
from genops.conformance.judge import Judge
from genops.conformance.receiver import Address, HttpReceiver
from genops.conformance.report import FORMATS
from genops.conformance.rules import Level

if TYPE_CHECKING:
    from collections.abc import Generator

    from genops.conformance.grpc_receiver import GrpcReceiver

_POLL = 0.1
_LAST_S = 5.0
"""How long requests under way may take when the receiving ends, in seconds."""
_LEVELS = (Level.FULL.value, Level.PARTIAL.value)


def _addresses(_context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> tuple[Address, ...]:
    try:
        return tuple(Address.of(one) for one in words)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("conformance")
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option(
    "--listen",
    multiple=True,
    metavar="[HOST:]PORT",
    callback=_addresses,
    help="Receive OTLP here: [http://|grpc://][HOST:]PORT; HTTP, and gRPC on port 4317, where no scheme is given. The "
    "host is 127.0.0.1 unless named. May be given several times.",
)
@click.option("--for", "seconds", type=click.FloatRange(min=0), help="Receive for so many seconds.")
@click.option(
    "--until-idle",
    type=click.FloatRange(min=0),
    help="Receive until nothing has come for so many seconds after the first request.",
)
@click.option(
    "--level", type=click.Choice(_LEVELS), default=Level.FULL.value, show_default=True, help="Level that is asked for."
)
@click.option(
    "--declared",
    type=click.Choice([Level.PARTIAL.value]),
    help="The runtime declares its compliance as partial, outside of its telemetry.",
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
def command(
    files: tuple[str, ...],
    listen: tuple[Address, ...],
    seconds: float | None,
    until_idle: float | None,
    level: str,
    declared: str | None,
    form: str,
) -> None:
    """Judge OTLP telemetry of any runtime by the GenOps Governance Specification 0.1.0.

    FILE holds OTLP as JSON lines, `-` is standard input, and --listen receives from exporters until Ctrl-C, SIGTERM,
    --for or --until-idle.

    Exit code 0 where the level asked for is reached, 1 where it is not, 2 where the input cannot be had.
    """
    if not files and not listen:
        raise click.UsageError("nothing to judge: name a file, - for standard input, or --listen")
    if not listen and (seconds is not None or until_idle is not None):
        raise click.UsageError("--for and --until-idle say how long to receive, and need --listen")
    judge = Judge(declared or "")
    for name in files:
        _read(judge, name)
    if listen:
        _receive(judge, listen, seconds, until_idle)
    verdict, asked = judge.verdict(), Level(level)
    click.echo(_writable(FORMATS[form](verdict, asked)))
    sys.exit(0 if verdict.level.reaches(asked) else 1)


def _writable(words: str) -> str:
    """Return words without what standard output has no letters for."""
    coding = sys.stdout.encoding or "utf-8"
    return words.encode(coding, "backslashreplace").decode(coding)


def _read(judge: Judge, name: str) -> None:
    try:
        with click.open_file(name, "rb") as stream:
            judge.read(cast("BinaryIO", stream), "standard input" if name == "-" else name)
    except OSError as error:
        raise click.UsageError(f"{name}: cannot be read: {error.strerror or error}") from error


def _receive(judge: Judge, addresses: tuple[Address, ...], seconds: float | None, idle: float | None) -> None:
    intake = Intake(judge.take, judge.reject)
    with contextlib.ExitStack() as stack:
        stopped = stack.enter_context(_signals())
        for address in addresses:
            receiver = _receiver(address, intake)
            stack.callback(receiver.close)
            click.echo(f"receiving OTLP on {receiver.address}", err=True)
        _wait(stopped, intake, seconds, idle)
        intake.finish(_LAST_S)
    again = f", {intake.repeated:,} of them sent again and passed over" if intake.repeated else ""
    click.echo(f"{intake.accepted:,} requests accepted{again}, {intake.refused:,} refused", err=True)


def _receiver(address: Address, intake: Intake) -> HttpReceiver | GrpcReceiver:
    try:
        if address.scheme == "http":
            return HttpReceiver(address, intake)
        from genops.conformance.grpc_receiver import GrpcReceiver

        return GrpcReceiver(address, intake)
    except ImportError as error:
        raise click.UsageError(f"--listen {address} needs {error.name}: pip install '.[grpc]'") from error
    except OSError as error:
        raise click.UsageError(f"--listen {address}: {error.strerror or error}") from error


def _wait(stopped: threading.Event, intake: Intake, seconds: float | None, idle: float | None) -> None:
    began = time.monotonic()
    while not stopped.wait(_POLL):
        if seconds is not None and time.monotonic() - began >= seconds:
            return
        quiet = intake.idle()
        if idle is not None and quiet is not None and quiet >= idle:
            return


@contextlib.contextmanager
def _signals() -> Generator[threading.Event, None, None]:
    """Let Ctrl-C and SIGTERM end the receiving, and not the command."""
    stopped = threading.Event()
    kinds = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()

    def stop(_number: int, _frame: object) -> None:
        stopped.set()

    before = [(kind, signal.signal(kind, stop)) for kind in kinds]
    try:
        yield stopped
    finally:
        for kind, handler in before:
            signal.signal(kind, handler)
