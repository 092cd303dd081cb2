"""Lineage: who is told of it, and whether anybody listens there; what is asked for it. No event is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.cli.doctor.findings import ERROR, INFO, OK, Finding
from genops.core.decisions import Mode

if TYPE_CHECKING:
    from genops.lineage.openlineage.endpoint import Endpoint
    from genops.settings import Settings

_SECONDS = 2.0


def lineage(settings: Settings, seconds: float, *, offline: bool) -> list[Finding]:
    """Return where OpenLineage events go and whether a connection there comes about, and what workspaces are told and
    asked; nothing where lineage goes nowhere and asks nothing.

    Args:
        settings: They can be honoured: a runtime was built of them.
        seconds: Bound of what the network is asked for; two seconds are enough.
        offline: Ask nobody.
    """
    if not settings.lineage.enabled or settings.mode is Mode.OFF:
        return []
    found = _openlineage(settings, seconds, offline=offline)
    if settings.lineage.push:
        found.append(Finding("lineage.pushed", INFO, "edges that Unity Catalog cannot see go to its external lineage"))
    if settings.sql.information_schema:
        title = "information_schema is asked for columns that a statement would have needed"
        found.append(Finding("lineage.asked", INFO, title, "by statements on the warehouse of the program's own"))
    return found


def _openlineage(settings: Settings, seconds: float, *, offline: bool) -> list[Finding]:
    told = settings.lineage.openlineage
    if told.url is None or told.disabled:
        return []
    if told.url == "console":
        return [Finding("lineage.console", INFO, "OpenLineage events are shown on the terminal")]
    if "://" not in told.url:
        return [Finding("lineage.file", OK, f"{told.url} can be written", "a file of OpenLineage events")]
    # Loads urllib.request, which a doctor of a program without a receiver does not need.
    from genops.lineage.openlineage.endpoint import Endpoint

    endpoint = Endpoint(told.url, key=None, timeout=min(seconds, _SECONDS), ca_file=None)
    where = f"OpenLineage events to {endpoint.name}"
    if offline:
        return [Finding("lineage.not_asked", INFO, f"{where}: nobody was asked", "--offline")]
    return [_reached(endpoint, where)]


def _reached(endpoint: Endpoint, where: str) -> Finding:
    connection = endpoint.connect()
    try:
        connection.connect()
    except (OSError, ValueError) as error:
        detail = f"{type(error).__name__}: {getattr(error, 'strerror', None) or 'no connection came about'}"
        fix = "Start the receiver, or correct OPENLINEAGE_URL (lineage.openlineage.url)."
        return Finding("lineage.unreached", ERROR, where, detail, fix)
    finally:
        connection.close()
    return Finding("lineage.reached", OK, where, "a connection came about; no event was sent")
