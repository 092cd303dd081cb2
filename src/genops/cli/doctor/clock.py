"""The clock: how far this machine's time is from the workspace's.

The workspace is asked for nothing but the `Date` of its answer, without credentials, and only where one is configured.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from genops.cli.doctor.configuration import workspace
from genops.cli.doctor.findings import INFO, OK, WARNING, Finding

if TYPE_CHECKING:
    from genops.settings import Settings

# Seconds that are no matter: a `Date` is a whole second, and an answer takes its way.
TOLERATED = 5.0
_WHY = "budget periods begin and end by this machine's clock, and events are ordered by it"


class Skew(NamedTuple):
    """How far the workspace's clock is ahead.

    Attributes:
        seconds: Negative where it is behind.
        uncertainty: How far that may be off, in seconds.
    """

    seconds: float
    uncertainty: float


class _Stay(HTTPRedirectHandler):
    """Follows no redirection: the answer that redirects has a date as well."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        """Go nowhere."""


class Asked:
    """Questions to every workspace, under way at once.

    Args:
        settings: Whose workspaces are asked.
        seconds: Bound of all of it.
        environ: Where `DATABRICKS_HOST` is looked up.
    """

    def __init__(self, settings: Settings, seconds: float, environ: Mapping[str, str] = os.environ) -> None:
        self._deadline = time.monotonic() + seconds
        self._answers: dict[str, Skew | Exception | None] = {}
        self._threads: dict[str, threading.Thread] = {}
        for host, url in hosts(settings, environ).items():
            thread = threading.Thread(target=self._ask, args=(host, url, seconds), name="genops-clock", daemon=True)
            self._threads[host] = thread
            thread.start()

    def _ask(self, host: str, url: str, seconds: float) -> None:
        try:
            self._answers[host] = measured(url, seconds)
        except Exception as error:  # any way of not reaching it is the finding
            self._answers[host] = error

    def findings(self) -> list[Finding]:
        """Return a finding for each workspace, as soon as all have answered or the time is up."""
        if not self._threads:
            return [Finding("clock.not_asked", INFO, "no workspace is configured", "DATABRICKS_HOST names none")]
        for thread in self._threads.values():
            thread.join(max(self._deadline - time.monotonic(), 0))
        return [_finding(host, self._answers.get(host, TimeoutError("no answer in time"))) for host in self._threads]


def hosts(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the URL of each workspace that is configured, by host."""
    host, url = workspace(environ)
    found = {host: url} if host else {}
    for named in settings.workspaces:
        found.setdefault(named, f"https://{named}")
    return found


def measured(url: str, seconds: float) -> Skew | None:
    """Ask a host for the time.

    Args:
        url: Its URL.
        seconds: Bound of each wait for the network.

    Returns:
        How far it is ahead; `None` where its answer has no date.

    Raises:
        OSError: It did not answer.
    """
    request = Request(url, method="HEAD", headers={"User-Agent": "genops-doctor"})  # noqa: S310  (the workspace that the user configured)
    began, mono = time.time(), time.monotonic()
    try:
        with build_opener(_Stay).open(request, timeout=seconds) as response:
            date = response.headers.get("Date")
    except HTTPError as refused:
        date = refused.headers.get("Date")
    took = time.monotonic() - mono
    if date is None:
        return None
    # The date was cut to a whole second somewhere between question and answer.
    theirs = parsedate_to_datetime(date).timestamp() + 0.5
    return Skew(theirs - (began + took / 2), 0.5 + took / 2)


def _finding(host: str, answer: Skew | Exception | None) -> Finding:
    if answer is None:
        return Finding("clock.unknown", INFO, f"{host} did not say what time it is", "its answer has no date")
    if isinstance(answer, Exception):
        reason = getattr(answer, "reason", answer)
        fix = "Check DATABRICKS_HOST and the network, and HTTPS_PROXY where a proxy is used."
        return Finding("clock.unknown", WARNING, f"{host} could not be asked for the time", str(reason), fix)
    off = abs(answer.seconds)
    if off - answer.uncertainty <= TOLERATED:
        return Finding("clock.right", OK, f"the clock agrees with {host}", f"within {off + answer.uncertainty:.1f} s")
    way = "behind" if answer.seconds > 0 else "ahead of"
    fix = "Synchronise this machine's clock (NTP)."
    return Finding("clock.skew", WARNING, f"this machine is {off:.0f} s {way} {host}", _WHY, fix)
