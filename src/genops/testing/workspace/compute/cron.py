"""When a job with a schedule runs next: Quartz cron expressions, and periods."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from genops.testing.workspace.compute.shapes import part
from genops.testing.workspace.http.wire import invalid, unserved

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json

PERIODS = {"MINUTES": 60, "HOURS": 3_600, "DAYS": 86_400, "WEEKS": 604_800}
"""Seconds of the units of a periodic trigger."""

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
# Quartz counts from Sunday as 1.
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_LIMITS = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "day of month": (1, 31),
    "month": (1, 12),
    "day of week": (1, 7),
    "year": (1970, 2199),
}
_NAMES = {"month": _MONTHS, "day of week": _DAYS}
_HORIZON_DAYS = 366 * 8
"""How far a next time is looked for: a 29th of February is never further than eight years away."""


@dataclass(frozen=True)
class Quartz:
    """A Quartz cron expression in its time zone.

    >>> from datetime import datetime, timezone
    >>> at = datetime(2026, 3, 1, tzinfo=timezone.utc).timestamp()
    >>> datetime.fromtimestamp(Quartz.parse("0 30 6 ? * MON-FRI", "UTC").after(at), timezone.utc).isoformat()
    '2026-03-02T06:30:00+00:00'
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    last_day: bool
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    years: tuple[int, ...]
    zone: ZoneInfo

    @classmethod
    def parse(cls, expression: str, zone: str) -> Quartz:
        """Read an expression of six or seven fields.

        Args:
            expression: Seconds, minutes, hours, day of month, month, day of week and, if wanted, year.
            zone: Name of a time zone, as ``Europe/Paris``.

        Raises:
            ApiError: 400 for what is no Quartz expression or no time zone; 501 for ``W``, ``#``, ``C`` and ``5L``.
        """
        fields = expression.upper().split()
        if len(fields) not in (6, 7) or (fields[3] == "?") == (fields[5] == "?"):
            raise invalid(
                f"Invalid quartz_cron_expression {expression!r}: expected six or seven fields, with ? as day of "
                "month or as day of week but not as both, as in '0 0 6 * * ?'"
            )
        last = fields[3] == "L"
        texts = [*fields, "*"][:7]
        texts[3] = "*" if last else texts[3]
        values = [_field(name, text, expression) for name, text in zip(_LIMITS, texts, strict=True)]
        try:
            where = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise invalid(f"Invalid timezone_id {zone!r}: expected a name like Europe/Paris or UTC") from error
        seconds, minutes, hours, days, months, weekdays, years = values
        return cls(seconds, minutes, hours, days, last, months, weekdays, years, where)

    def after(self, moment: float) -> float | None:
        """The first time after a moment.

        Args:
            moment: Seconds since the epoch.

        Returns:
            Seconds since the epoch, or ``None`` where there is none within eight years.
        """
        local = datetime.fromtimestamp(moment, self.zone)
        for ahead in range(_HORIZON_DAYS):
            day = (local + timedelta(days=ahead)).date()
            if not self._on(day.year, day.month, day.day):
                continue
            for hour in self.hours:
                for minute in self.minutes:
                    for second in self.seconds:
                        found = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=self.zone)
                        if found.timestamp() > moment and _exists(found):
                            return found.timestamp()
        return None

    def _on(self, year: int, month: int, day: int) -> bool:
        weekday = calendar.weekday(year, month, day)
        last = not self.last_day or day == calendar.monthrange(year, month)[1]
        return (
            year in self.years
            and month in self.months
            and day in self.days
            and last
            and (weekday + 1) % 7 + 1 in self.weekdays
        )


def _exists(local: datetime) -> bool:
    """Whether clocks show this time at all: an hour is left out in spring."""
    back = local.astimezone(timezone.utc).astimezone(local.tzinfo)
    return back.replace(tzinfo=None) == local.replace(tzinfo=None)


def _field(name: str, text: str, expression: str) -> tuple[int, ...]:
    values: set[int] = set()
    for piece in text.split(","):
        values.update(_part(name, piece, expression))
    return tuple(sorted(values))


def _part(name: str, text: str, expression: str) -> range:
    low, high = _LIMITS[name]
    if text in ("*", "?"):
        return range(low, high + 1)
    if re.search(r"#|\dW|\dL|\dC|LW|L-", text):
        raise unserved(f"The quartz_cron_expression {expression!r} with {text!r}")
    match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", text)
    if match:
        first = low if match[1] == "*" else _number(name, match[1])
        last = _number(name, match[2]) if match[2] else high if match[3] else first
        step = int(match[3] or 1)
        if first is not None and last is not None and step and low <= first <= last <= high:
            return range(first, last + 1, step)
    raise invalid(f"Invalid quartz_cron_expression {expression!r}: {text!r} is no {name}")


def _number(name: str, text: str) -> int | None:
    return int(text) if text.isdigit() else _NAMES.get(name, {}).get(text)


def next_run(settings: Json, moment: float, previous: float) -> float | None:
    """When a job runs by itself next.

    Args:
        settings: Settings of the job.
        moment: Now, in seconds since the epoch.
        previous: When it ran by itself last, or was made.

    Returns:
        Seconds since the epoch; ``None`` where it has no schedule, or one that is paused.

    Raises:
        ApiError: The schedule is broken, or of a kind that is not served.
    """
    schedule, trigger = settings.get("schedule"), settings.get("trigger")
    if trigger:
        trigger = part(trigger)
        other = [kind for kind in trigger if kind not in ("periodic", "pause_status") and trigger[kind]]
        if other or not trigger.get("periodic"):
            raise unserved(f"A trigger of the kind {', '.join(other) or 'without periodic'}")
        found = previous + _period(part(trigger["periodic"]))
        return None if trigger.get("pause_status") == "PAUSED" else max(found, moment)
    if not schedule:
        return None
    if schedule.get("sql_condition"):
        raise unserved("A schedule with a sql_condition")
    cron = Quartz.parse(str(schedule.get("quartz_cron_expression")), str(schedule.get("timezone_id")))
    return None if schedule.get("pause_status") == "PAUSED" else cron.after(moment)


def _period(periodic: Json) -> int:
    interval, unit = periodic.get("interval"), periodic.get("unit")
    if not isinstance(interval, int) or interval < 1 or unit not in PERIODS:
        raise invalid(f"trigger.periodic needs an interval of 1 or more and a unit of {', '.join(PERIODS)}")
    return interval * PERIODS[unit]
