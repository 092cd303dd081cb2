"""Rows of system tables, each with the moment at which it is there to be read."""

from __future__ import annotations

import datetime as dt
from typing import Any

Row = dict[str, Any]
"""Values by column; what is absent is null."""

Dated = tuple[float, Row]
"""When a row arrives, in seconds since the epoch, and the row."""

DOCUMENTED_DELAY = {"billing": 12.0}
"""Hours by schema. Of usage Databricks says that it is mostly there within 12 hours; of the other tables only that
they are updated throughout the day, which is no number."""


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def instant(millis: int) -> dt.datetime:
    """A time in milliseconds since the epoch as tables hold it: in UTC.

    >>> instant(1062).isoformat()
    '1970-01-01T00:00:01.062000+00:00'
    """
    return _EPOCH + dt.timedelta(milliseconds=millis)


def moment(seconds: float) -> dt.datetime:
    """A time in seconds since the epoch, to the millisecond, as the API's own milliseconds cut it off."""
    return instant(int(seconds * 1000))


def day(seconds: float) -> dt.date:
    """The date of a time, in UTC."""
    return moment(seconds).date()
