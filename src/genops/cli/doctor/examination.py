"""The examination: every part of the doctor, one after the other, none of which can stop the others."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from genops.cli.doctor import configuration, governance, libraries, versions
from genops.cli.doctor.delivery import delivery
from genops.cli.doctor.findings import ERROR, INFO, SECTIONS, Finding, Severity
from genops.cli.doctor.lineage import lineage
from genops.errors import GenOpsError
from genops.runtime import Runtime
from genops.settings import Settings, load
from genops.telemetry.otlp.redaction import redacted

if TYPE_CHECKING:
    from genops.cli.doctor.clock import Asked


class Options(NamedTuple):
    """What the doctor is asked for.

    Attributes:
        settings_file: The settings file to read instead of the one that is found.
        export: `telemetry.export` instead of the configured one.
        offline: Touch no network.
        deep: Import libraries and count what would be governed.
        seconds: Bound of everything that the network is asked for.
    """

    settings_file: str | None = None
    export: str | None = None
    offline: bool = False
    deep: bool = False
    seconds: float = 5.0


class Report(NamedTuple):
    """What was found.

    Attributes:
        findings: In the order of their sections.
        settings: Every setting; empty where they could not be read.
        variables: Further environment variables that are read.
    """

    findings: tuple[Finding, ...]
    settings: tuple[configuration.Setting, ...]
    variables: dict[str, str]

    def count(self, severity: Severity) -> int:
        """Return how many findings are so grave."""
        return sum(finding.severity is severity for finding in self.findings)


def examine(options: Options) -> Report:
    """Look at everything."""
    found = [*guarded(versions.versions), *guarded(lambda: libraries.libraries(deep=options.deep))]
    settings = _settings(options, found)
    if settings is not None:
        found += guarded(lambda: _configured(settings, options))
    shown = tuple(configuration.listed(settings)) if settings is not None else ()
    order = list(SECTIONS)
    found.sort(key=lambda finding: order.index(finding.id.partition(".")[0]))
    return Report(tuple(map(_redacted, found)), shown, configuration.variables())


def _redacted(finding: Finding) -> Finding:
    """Return a finding whose words, which are often others', show no secret of a URL."""
    title, detail = redacted(finding.title), redacted(finding.detail)
    return finding._replace(title=title, detail=detail, fix=redacted(finding.fix))


def guarded(part: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return what a part finds; where it fails, that is the finding."""
    try:
        return list(part())
    except Exception as fault:
        return [_fault(fault)]


def _fault(fault: Exception) -> Finding:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    detail = f"{type(fault).__name__}: {fault} (in {Path(last.filename).name}, line {last.lineno})"
    fix = "Report it to the project with this line; the other findings stand."
    return Finding("doctor.fault", ERROR, "a part of the doctor failed", detail, fix)


def _settings(options: Options, found: list[Finding]) -> Settings | None:
    """Load the settings; what is wrong with them is a finding."""
    given: dict[str, Any] = {} if options.export is None else {"telemetry.export": options.export}
    try:
        return load(given, settings_file=options.settings_file)
    except GenOpsError as error:
        found += [_invalid(error), *guarded(configuration.strangers)]
    except Exception as fault:
        found.append(_fault(fault))
    return None


def _invalid(error: GenOpsError) -> Finding:
    fix = "Correct the value that the message names; nothing is governed, and nothing leaves, until then."
    return Finding("settings.invalid", ERROR, "the settings cannot be honoured", str(error), fix)


def _configured(settings: Settings, options: Options) -> list[Finding]:
    found = guarded(lambda: governance.governance(settings))
    asked = None if options.offline else _asked(settings, options.seconds)
    try:
        with _built(settings) as built:
            found += guarded(lambda: configuration.loaded(settings))
            found += guarded(lambda: delivery(built, options.seconds, offline=options.offline))
            found += guarded(lambda: lineage(settings, options.seconds, offline=options.offline))
    except GenOpsError as error:
        found += [_invalid(error), *guarded(configuration.strangers)]
    if asked is None:
        return [*found, Finding("clock.not_asked", INFO, "no workspace was asked for the time", "--offline")]
    return [*found, *guarded(asked.findings)]


def _asked(settings: Settings, seconds: float) -> Asked:
    from genops.cli.doctor.clock import Asked  # loads what speaks HTTP

    return Asked(settings, seconds)


@contextmanager
def _built(settings: Settings) -> Generator[Runtime, None, None]:
    """Build a runtime, which is what a program would do; an empty file that this leaves behind is taken away again."""
    export = settings.telemetry.export
    events = settings.lineage.openlineage.url or ""
    paths = [Path(item) for item in (*(export if isinstance(export, tuple) else (export or "",)), events)]
    fresh = [path for path in paths if not _there(path)]
    built = Runtime(settings)
    try:
        yield built
    finally:
        built.close(0.1)
        for path in fresh:
            with suppress(OSError):
                if path.is_file() and not path.stat().st_size:
                    path.unlink()


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that no file can have
        return True


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Keep what libraries log off the terminal: what they tell the program's owner, the findings tell here."""
    loggers = [logging.getLogger(name) for name in ("genops", "opentelemetry")]
    before = [(logger, logger.propagate, list(logger.handlers)) for logger in loggers]
    for logger in loggers:
        logger.propagate, logger.handlers[:] = False, [logging.NullHandler()]
    try:
        yield
    finally:
        for logger, propagate, handlers in before:
            logger.propagate, logger.handlers[:] = propagate, handlers
