"""What the doctor says: one finding for each thing that it looked at, with one line of fix where something is wrong."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Severity(str, Enum):
    """How grave a finding is."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


OK, INFO, WARNING, ERROR = Severity.OK, Severity.INFO, Severity.WARNING, Severity.ERROR


class Finding(NamedTuple):
    """One finding.

    Attributes:
        id: Which one; a key of `MEANINGS`, whose first word is the section that it stands in.
        severity: How grave.
        title: What was found, in a line.
        detail: What more there is to say; may be empty.
        fix: What to do, in a line; empty where there is nothing to do.
    """

    id: str
    severity: Severity
    title: str
    detail: str = ""
    fix: str = ""


# Sections in the order in which they are shown, by the first word of a finding's id.
SECTIONS = {
    "versions": "Versions",
    "libraries": "Libraries",
    "settings": "Settings",
    "governance": "Governance",
    "export": "Export",
    "lineage": "Lineage",
    "clock": "Clock",
    "doctor": "Doctor",
}
MEANINGS = {
    "versions.supported": "The installed version is one that genops says it works with.",
    "versions.unsupported": "The installed version is outside of what genops works with.",
    "versions.untested": "The version is newer than any that genops' tests ran with; it may work.",
    "versions.unreadable": "The installed version does not read as a version, so that nothing judges it.",
    "versions.missing": "Something that genops cannot work without is not installed.",
    "versions.absent": "Something optional is not installed.",
    "versions.unknown": "genops runs from its sources, so that nothing says what it works with.",
    "versions.shadowed": "Another package named genops is installed or lies on the path.",
    "libraries.governed": "The library is installed, and its calls are governed once hooks are installed.",
    "libraries.absent": "A library that genops can govern is not installed.",
    "libraries.uncounted": "The library could not be imported, so that nothing of it would be governed.",
    "libraries.zero_code": "`opentelemetry-instrument` finds the entry points of genops.",
    "libraries.no_zero_code": "`opentelemetry-instrument` finds no entry point of genops.",
    "settings.loaded": "The settings can be honoured; the file that they came from is named.",
    "settings.invalid": "A setting has a name or a value that cannot be honoured.",
    "settings.unknown_variable": "A `GENOPS_` variable is read by nothing.",
    "governance.mode": "How far genops goes: off, observe or enforce.",
    "governance.attributed": "Team, project and environment are known.",
    "governance.unattributed": "Team, project or environment is not known, so that operations carry no governance.",
    "governance.budget": "A budget that is loaded, with its limit, period and scope.",
    "governance.no_budgets": "No budget is loaded: nothing is limited.",
    "governance.rule": "A rule that is loaded.",
    "governance.no_rules": "No rule is loaded: the policy allows everything.",
    "governance.unclassified": "A rule asks for the class of tables, and no table has one.",
    "governance.uncleared": "A rule gives the configured team no clearance at all.",
    "export.accepted": "The receiver accepted a probe of this signal.",
    "export.remark": "The receiver accepted a probe and said something about it.",
    "export.bad_request": "The receiver does not take what it was sent.",
    "export.busy": "The receiver, or what stands before it, does not take anything for now.",
    "export.no_answer": "No answer came in time.",
    "export.not_otlp": "A web page answered, which is no receiver of telemetry.",
    "export.nothing_listens": "Nothing listens at this address.",
    "export.partial": "The receiver answered that it rejected the probe.",
    "export.proxy": "A proxy stands in the way.",
    "export.receiver_failed": "The receiver failed.",
    "export.redirected": "The receiver sent the request elsewhere, where telemetry is not sent.",
    "export.refused": "The exporter says that it failed, and not why.",
    "export.tls": "No encrypted connection came about.",
    "export.unauthorized": "The receiver does not know who is asking, or does not let them in.",
    "export.unknown_host": "The name of the host is not known.",
    "export.unreachable": "No connection came about.",
    "export.wrong_path": "The host is there and takes no telemetry at this path.",
    "export.wrong_protocol": "Something else than this protocol is spoken at this address.",
    "export.file": "The file can be written.",
    "export.console": "Operations are shown on the terminal.",
    "export.signal_off": "A signal has no endpoint, or is switched off.",
    "export.off": "Nothing leaves, as the settings say.",
    "export.nowhere": "Nothing leaves: no endpoint is configured.",
    "export.disabled": "OTEL_SDK_DISABLED switches telemetry off.",
    "export.not_asked": "With `--offline` no receiver was asked.",
    "lineage.reached": "Somebody listens where OpenLineage events go; none was sent.",
    "lineage.unreached": "Nobody listens where OpenLineage events go.",
    "lineage.file": "The file of OpenLineage events can be written.",
    "lineage.console": "OpenLineage events are shown on the terminal.",
    "lineage.not_asked": "With `--offline` the receiver of OpenLineage events was not asked.",
    "lineage.pushed": "Unity Catalog's external lineage is told of edges that it cannot see by itself.",
    "lineage.asked": "The workspace is asked for columns, by statements on the program's warehouse, which it bills.",
    "clock.right": "This machine and the workspace agree on the time.",
    "clock.skew": "This machine and the workspace do not agree on the time.",
    "clock.unknown": "The workspace did not say what time it is.",
    "clock.not_asked": "No workspace was asked for the time.",
    "doctor.fault": "A part of the doctor itself failed; the others ran.",
}
