"""The real servers of the tests: built or unpacked once, kept by version outside the tree, started and stopped here."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SOURCES = Path(__file__).resolve().parents[1] / "servers"
# Read once: a test's environment has no variables of genops in it.
CACHE = Path(
    os.environ.get("GENOPS_TEST_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genops-tests"
)
# Where everything is meant to be there, a server that cannot be had fails its tests instead of skipping them.
REQUIRED = bool(os.environ.get("CI"))
# How the reason of such a skip reads.
ABSENT = "cannot be had: "
_DEBIAN_SECONDS = 180
# Below the ports that an operating system gives out by itself (from 32768 on Linux, from 49152 by RFC 6335).
PORTS = range(20_000, 32_000)
_held: list[socket.socket] = []


class MissingServerError(Exception):
    """A server cannot be had on this machine; the message says why."""


@dataclass(frozen=True)
class Program:
    """A server that is built from Go modules, whose versions and hashes lie in `tests/servers`."""

    name: str
    folder: str
    package: str
    module: str
    tags: str = ""
    cgo: bool = False

    @property
    def version(self) -> str:
        """The version of its module in go.mod."""
        found = re.search(rf"{re.escape(self.module)} v(\S+)", (SOURCES / self.folder / "go.mod").read_text())
        assert found is not None, f"{self.module} is not in {self.folder}/go.mod"
        return found[1]


_PROMETHEUS = "github.com/prometheus/prometheus"
_VIEWER = "github.com/CtrlSpice/otel-desktop-viewer"
PROGRAMS = {
    program.name: program
    for program in (
        Program("otelcol", "otelcol", ".", "go.opentelemetry.io/collector/otelcol"),
        Program("otel-desktop-viewer", "viewer", _VIEWER, _VIEWER, cgo=True),
        # Without service discovery: half the modules, and the tests name their targets.
        Program("prometheus", "prometheus", f"{_PROMETHEUS}/cmd/prometheus", _PROMETHEUS, "remove_all_sd"),
        Program("promtool", "prometheus", f"{_PROMETHEUS}/cmd/promtool", _PROMETHEUS, "remove_all_sd"),
    )
}


@dataclass(frozen=True)
class Found:
    """A program that can be started: where it lies, its version and where it comes from."""

    path: Path
    version: str
    origin: str


def built(name: str) -> Found:
    """Return a program of `PROGRAMS`, building it where the cache has none of these sources.

    Raises:
        MissingServerError: There is no Go, or no C compiler for a program that needs one, or the build failed.
    """
    program = PROGRAMS[name]
    folder = CACHE / "bin" / _key(program)
    executable = folder / program.name
    with locked(folder):
        if not executable.exists():
            part = executable.with_suffix(".part")
            _compile(program, part)
            part.replace(executable)
    return Found(executable, program.version, f"built from tests/servers/{program.folder}")


def debian(name: str) -> Found:
    """Return a program of Debian's package `prometheus`: from the PATH, or unpacked into the cache, never installed.

    Raises:
        MissingServerError: There is no apt, or it does not know the package.
    """
    installed = shutil.which(name)
    if installed is not None:
        return Found(Path(installed), _version_of(Path(installed)), "found on the PATH")
    with locked(CACHE / "debian"):
        unpacked = sorted((CACHE / "debian").glob(f"*/usr/bin/{name}"))
        executable = unpacked[-1] if unpacked else _unpack("prometheus") / "usr" / "bin" / name
    return Found(executable, _version_of(executable), "Debian's package, unpacked")


def scraping(name: str) -> Found:
    """Return `prometheus` or `promtool` of Debian, or where there is no Debian the ones built from Go modules."""
    try:
        return debian(name)
    except MissingServerError as no_debian:
        try:
            return built(name)
        except MissingServerError as no_go:
            raise MissingServerError(f"{no_debian}; {no_go}") from no_go


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder of the cache: of several processes, one builds."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _key(program: Program) -> str:
    go = shutil.which("go")
    if go is None:
        raise MissingServerError(f"{program.name} is built with Go, and there is no `go` on the PATH")
    if program.cgo and shutil.which("gcc") is None:
        raise MissingServerError(f"{program.name} is built with cgo, and there is no `gcc` on the PATH")
    asked = [go, "env", "GOVERSION", "GOOS", "GOARCH"]
    told = subprocess.run(asked, check=True, capture_output=True, text=True, cwd=SOURCES).stdout
    digest = hashlib.sha256(f"{told}{program}".encode())
    for source in sorted((SOURCES / program.folder).iterdir()):
        if source.suffix in {".go", ".mod", ".sum"}:
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _compile(program: Program, target: Path) -> None:
    flags = ["-mod=readonly", "-trimpath", f"-ldflags=-s -w -X main.version={program.version}", f"-tags={program.tags}"]
    environment = {**os.environ, "CGO_ENABLED": str(int(program.cgo)), "GOTOOLCHAIN": "local"}
    command = ["go", "build", *flags, "-o", str(target), program.package]
    done = subprocess.run(
        command, cwd=SOURCES / program.folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise MissingServerError(f"{program.name} does not build: {done.stderr[-2000:]}")


def _candidate(package: str) -> str:
    told = _apt("apt-cache", "policy", package).stdout
    if "Candidate:" not in told and os.geteuid() == 0:
        _apt("apt-get", "update")
        told = _apt("apt-cache", "policy", package).stdout
    found = re.search(r"Candidate: (?!\(none\))(\S+)", told)
    if found is None:
        raise MissingServerError(f"apt knows no package {package}; `apt-get update` may be needed")
    return found[1]


def _unpack(package: str) -> Path:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise MissingServerError(f"{package} is not on the PATH, and there is no apt to fetch Debian's package with")
    version = _candidate(package)
    part, whole = CACHE / "debian" / "part", CACHE / "debian" / version
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    fetched = _apt("apt-get", "download", f"{package}={version}", cwd=part)
    archives = list(part.glob("*.deb"))
    if not archives:
        raise MissingServerError(f"apt could not fetch {package}: {fetched.stderr[-500:]}")
    _apt("dpkg", "-x", str(archives[0]), str(part))
    archives[0].unlink()
    part.replace(whole)
    return whole


def _apt(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_DEBIAN_SECONDS, check=False)
    except subprocess.TimeoutExpired as slow:
        raise MissingServerError(f"`{' '.join(command)}` did not end within {_DEBIAN_SECONDS} s") from slow


def _version_of(executable: Path) -> str:
    told = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=240, check=False)
    found = re.search(r"version (\S+)", told.stdout + told.stderr)
    return found[1] if found else "of unknown version"


def free_ports(count: int) -> list[int]:
    """Return TCP ports of the loopback address that nobody listens on, and that no other test is given.

    A server binds its port a while after it was chosen. Until this process ends it holds the UDP port of the same
    number, which no server here uses and of all processes one alone can have.
    """
    ports: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(ports) == count:
            break
        if _reserved(port):
            ports.append(port)
    assert len(ports) == count, f"no {count} ports are free between {PORTS[0]} and {PORTS[-1]}"
    return ports


def _reserved(port: int) -> bool:
    reservation = socket.socket(type=socket.SOCK_DGRAM)
    try:
        reservation.bind(("127.0.0.1", port))
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
    except OSError:
        reservation.close()
        return False
    _held.append(reservation)
    return True


class Server:
    """A running server; construction returns when it answers.

    Args:
        command: The program and its arguments.
        ready: The URL that answers once it serves.
        log: The file for what it prints.
        seconds: How long it may take to answer.
        environment: Variables besides those of the machine, of which none of OpenTelemetry's or genops' pass.
    """

    def __init__(
        self, command: Sequence[object], ready: str, log: Path, *, seconds: float = 60, **environment: str
    ) -> None:
        self.command = [str(part) for part in command]
        self.ready, self.log, self.seconds = ready, log, seconds
        self.environment = environment
        self.start()

    def start(self) -> None:
        """Start it (again), with the same arguments."""
        ours = ("OTEL_", "GENOPS_", "DATABRICKS_")
        machine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**machine, **self.environment},
                start_new_session=True,
            )
        self._wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def tail(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """Ask it to end, and end it after ten seconds."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, with whatever it has not written."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process.poll() is not None:
            return
        os.killpg(self.process.pid, how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + self.seconds
        while not self._answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended with {self.process.returncode}: {self.tail}")
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"{self.ready} does not answer after {self.seconds} s: {self.tail}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.ready, timeout=1):
                return True
        except OSError:
            return False
