"""What the settings of lineage come to: who knows columns, and who is told how data flowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.core.decisions import Mode
from genops.errors import ConfigurationError
from genops.lineage.sql.catalogs import Catalogs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genops.core.guard import Guard
    from genops.core.operation import DatasetRef
    from genops.lineage.openlineage import OpenLineage, UnityCatalogLineage
    from genops.lineage.sql.information_schema import InformationSchema
    from genops.settings import Settings

    Telling = OpenLineage | UnityCatalogLineage


class LineageRooms:
    """Who is told of lineage, and what is known to tell it by. Nothing is loaded for what nobody asked for.

    Args:
        settings: What is asked for.
        classify: Returns the class of a dataset, or `None`.
        guard: Counts what goes wrong.

    Attributes:
        catalogs: Knows the columns of tables.
        sinks: Those that tell others.

    Raises:
        ConfigurationError: A setting cannot be honoured.
    """

    def __init__(self, settings: Settings, classify: Callable[[DatasetRef], str | None], guard: Guard) -> None:
        self.catalogs = Catalogs()
        self._asks = _asking(settings, self.catalogs, guard)
        self._telling = dict(_telling(settings, self.catalogs, classify))
        self.sinks = tuple(self._telling.values())

    def bounds(self) -> dict[str, int]:
        """Return what each of them let go so far, by name."""
        unasked = 0 if self._asks is None else self._asks.failed + self._asks.dropped
        return {"columns": self.catalogs.evicted + unasked, **{name: _lost(s) for name, s in self._telling.items()}}

    @property
    def lost(self) -> int:
        """What others should have been told and were not."""
        return sum(map(_lost, self.sinks))

    def close(self) -> None:
        """Give up what is under way."""
        if self._asks is not None:
            self._asks.close()
        for sink in self.sinks:
            sink.close()


def _lost(sink: Telling) -> int:
    return sink.counts.failed + sink.counts.dropped


def _asking(settings: Settings, catalogs: Catalogs, guard: Guard) -> InformationSchema | None:
    if settings.mode is Mode.OFF or not (settings.lineage.enabled and settings.sql.information_schema):
        return None
    from genops.instrumentation.databricks_own import connect
    from genops.lineage.sql.information_schema import InformationSchema

    asks = InformationSchema(catalogs, connect, guard)
    catalogs.wants = asks.want
    return asks


def _telling(
    settings: Settings, catalogs: Catalogs, classify: Callable[[DatasetRef], str | None]
) -> Iterator[tuple[str, Telling]]:
    if settings.mode is Mode.OFF or not settings.lineage.enabled:
        return
    told = settings.lineage.openlineage
    if told.url is not None and not told.disabled:
        from genops.lineage.openlineage import OpenLineage

        if settings.telemetry.require_encryption:
            _refuse_plain(told.url)
        key = None if told.key is None else told.key.get_secret_value()
        keyed = settings.sql.hash_key is not None
        yield (
            "openlineage",
            OpenLineage(told.url, told.namespace, key=key, schemas=catalogs, classify=classify, keyed=keyed),
        )
    if settings.lineage.push:
        from genops.instrumentation.databricks_own import connect
        from genops.lineage.openlineage import UnityCatalogLineage

        yield "external_lineage", UnityCatalogLineage(connect)


def _refuse_plain(url: str) -> None:
    from genops.lineage.openlineage.endpoint import in_plain_text

    if url != "console" and in_plain_text(url):
        raise ConfigurationError(
            "telemetry.require_encryption with lineage.openlineage.url: events would leave this machine in plain text, "
            "or stand in a file that is not encrypted; use https://, or switch telemetry.require_encryption off"
        )
