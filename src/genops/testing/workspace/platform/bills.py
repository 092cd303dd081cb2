"""The bill: usage that was metered, as ``system.billing`` shows it, with the flaws that real bills have on demand."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.identity import stable_id
from genops.testing.workspace.journal import KEPT
from genops.testing.workspace.platform.attribution import attributed
from genops.testing.workspace.platform.dated import Dated, Row, day, instant, moment
from genops.testing.workspace.platform.metering import (
    HOUR,
    Metered,
    Tokens,
    cluster_reader,
    follow,
    warehouse_reader,
)
from genops.testing.workspace.platform.rates import LIST_PRICES, PRICES_SINCE, region_name
from genops.testing.workspace.platform.tariff import Use
from genops.testing.workspace.sql.failures import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.platform.tariff import Tariff

_UNIT = Decimal(1).scaleb(-18)


@dataclass(frozen=True)
class Flaws:
    """What is wrong with a bill; nothing unless a test asks for it.

    Attributes:
        seed: Decides what is hit; the same seed hits the same records, counted in the order in which they close.
        late_hours: Records arrive between 0 and this many hours after their piece of usage was closed.
        restated: Share of records, 0 to 1, that are wrong at first and corrected later.
        restated_after_hours: When, after the record arrived, its RETRACTION and RESTATEMENT arrive.
        untagged: Share of records, 0 to 1, without their custom tags.
        unrecorded: Number of records of usage that nobody here caused, one in each hour before the workspace began.
        attributed: Whether Databricks' own split by statement is filled; one large customer measured it empty.
        discount: Share, 0 to 1, off the list price in ``account_prices``; that table is empty where it is absent.
    """

    seed: int = 0
    late_hours: float = 0.0
    restated: float = 0.0
    restated_after_hours: float = 24.0
    untagged: float = 0.0
    unrecorded: int = 0
    attributed: bool = False
    discount: float | None = None

    def checked(self) -> Flaws:
        """Itself.

        Raises:
            ValueError: A share outside of 0 to 1, or a negative number.
        """
        for name in ("restated", "untagged", "discount"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"{name} is a share of the records between 0 and 1, not {share!r}")
        for name in ("late_hours", "restated_after_hours", "unrecorded"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)!r}")
        return self

    def luck(self, number: int | str, what: str) -> random.Random:
        """The dice for one question about one record."""
        return random.Random(f"{self.seed}/{number}/{what}")  # noqa: S311 - repeatable by seed is the point


@dataclass
class Bill:
    """What the platform bills for the workspace; :meth:`LocalWorkspace.bill` gives it.

    Attributes:
        identity: Whose bill it is.
        clock: Gives the time.
        journal: What happened.
        born: When the workspace began, in seconds since the epoch.
        tariff: Rates.
        flaws: What is wrong with it.
        version: Grows with each change of what it shows.
    """

    identity: Identity
    clock: Clock
    journal: Journal
    born: float
    tariff: Tariff
    flaws: Flaws = field(default_factory=Flaws)
    version: int = 0
    _changes: list[tuple[str, Decimal, float]] = field(default_factory=list[tuple[str, Decimal, float]])
    _tokens: Tokens = field(default_factory=Tokens)

    def __post_init__(self) -> None:
        self.journal.listen("serving", self._tokens.add)

    @property
    def unmetered(self) -> Mapping[str, str]:
        """What ran and is not on the bill because no rate of it is published, with the reason."""
        self.metered()
        return dict(self.tariff.unmetered)

    def reprice(self, sku_name: str, per_dbu: Decimal | str) -> None:
        """Give a SKU another list price from now on.

        Args:
            sku_name: As ``PREMIUM_JOBS_COMPUTE``; one that the price list does not have is added to it.
            per_dbu: US dollars.
        """
        self._changes.append((sku_name, Decimal(per_dbu), self.clock.now()))
        self.version += 1

    def metered(self) -> list[Metered]:
        """All pieces of usage that are closed by now, in the order in which they closed."""
        now, journal = self.clock.millis(), self.journal
        changes = [*journal.of("warehouse"), *journal.of("warehouse_change")]
        changes.sort(key=lambda entry: entry.at)
        found = [
            *follow(changes, "warehouse_id", now, warehouse_reader(self.tariff)),
            *follow(journal.of("cluster"), "cluster_id", now, cluster_reader(self.tariff)),
            *self._tokens.records(self.tariff, now),
        ]
        return sorted(found, key=lambda piece: piece.closed)

    # The tables

    def usage(self) -> list[Dated]:
        """Rows of ``system.billing.usage`` with the moment at which each arrives."""
        rows: list[Dated] = []
        for number, piece in enumerate(self.metered()):
            rows += self._records(number, piece)
        for number in range(self.flaws.unrecorded):
            rows += self._records(f"unrecorded {number}", self._unrecorded(number))
        return rows

    def _records(self, number: int | str, piece: Metered) -> list[Dated]:
        flaws = self.flaws
        late = flaws.luck(number, "late").uniform(0, flaws.late_hours) * 3600
        arrives = piece.closed / 1000 + late
        if flaws.luck(number, "untagged").random() < flaws.untagged:
            piece = replace(piece, use=replace(piece.use, tags={}))
        if flaws.luck(number, "restated").random() >= flaws.restated:
            return [self._record(number, piece, "ORIGINAL", arrives)]
        # What was written first is wrong; the restatement is what was metered.
        factor = Decimal(flaws.luck(number, "wrong").choice(("0.5", "0.8", "1.25", "2")))
        wrong = replace(piece, quantity=(piece.quantity * factor).quantize(_UNIT))
        later = arrives + flaws.restated_after_hours * 3600
        return [
            self._record(number, wrong, "ORIGINAL", arrives),
            self._record(number, replace(wrong, quantity=-wrong.quantity), "RETRACTION", later),
            self._record(number, piece, "RESTATEMENT", later),
        ]

    def _record(self, number: int | str, piece: Metered, kind: str, arrives: float) -> Dated:
        use = piece.use
        return arrives, {
            **self._place(),
            "record_id": stable_id(self.identity.workspace_id, str(self.born), str(number), kind),
            "sku_name": use.sku_name,
            "cloud": self.identity.cloud.upper(),
            "usage_start_time": instant(piece.start),
            "usage_end_time": instant(piece.end),
            "usage_date": day(piece.start / 1000),
            "custom_tags": use.tags,
            "usage_unit": "DBU",
            "usage_quantity": piece.quantity,
            "usage_metadata": use.metadata,
            "identity_metadata": use.identity,
            "record_type": kind,
            "ingestion_date": day(arrives),
            "billing_origin_product": use.product,
            "product_features": use.features,
            "usage_type": use.usage_type,
        }

    def _place(self) -> Row:
        return {"account_id": self.identity.account_id, "workspace_id": self.identity.workspace_id}

    def _unrecorded(self, number: int) -> Metered:
        """Usage of another kind each time, by things that this workspace never had."""
        who, dice = self.identity, self.flaws.luck(number, "unrecorded")
        end = (int(self.born * 1000) // HOUR - number) * HOUR
        thing = f"{dice.getrandbits(64):016x}"
        tags = {"team": "unknown"} if dice.random() < 0.5 else {}  # noqa: PLR2004 - one in two
        region = region_name(who.cloud, who.region)
        pro: dict[str, Any] = {"sql_tier": "PRO", "is_serverless": False, "is_photon": True}
        if number % 2 and region:
            metadata: Row = {"warehouse_id": thing}
            use = Use(f"{who.tier}_SQL_PRO_COMPUTE_{region}", "SQL", metadata, tags, features=pro)
        else:
            classic = {"jobs_tier": "CLASSIC", "is_serverless": False, "is_photon": False}
            metadata = {"cluster_id": thing, "job_id": str(dice.randrange(10**12))}
            use = Use(f"{who.tier}_JOBS_COMPUTE", "JOBS", metadata, tags, features=classic)
        return Metered(use, end - HOUR, end, Decimal(dice.randrange(1, 10_000)) / 1000, end)

    def prices(self) -> list[Dated]:
        """Rows of ``system.billing.list_prices``."""
        return [self._price(row, {"default": row[2], **_nested(row[2])}) for row in self._price_rows()]

    def account_prices(self) -> list[Dated]:
        """Rows of ``system.billing.account_prices``: what was negotiated, nothing where nothing was."""
        if self.flaws.discount is None:
            return []
        kept = 1 - Decimal(str(self.flaws.discount))
        return [self._price(row, {"default": row[2] * kept}) for row in self._price_rows()]

    def _price(self, row: tuple[str, str, Decimal, float, float | None], pricing: Row) -> Dated:
        sku_name, cloud, _, start, end = row
        return start, {
            "price_start_time": moment(start),
            "price_end_time": None if end is None else moment(end),
            "account_id": self.identity.account_id,
            "sku_name": sku_name,
            "cloud": cloud.upper(),
            "currency_code": "USD",
            "usage_unit": "DBU",
            "pricing": pricing,
        }

    def _price_rows(self) -> list[tuple[str, str, Decimal, float, float | None]]:
        own = self.identity.cloud
        held = [(price.sku_name, price.cloud, price.per_dbu, float(PRICES_SINCE)) for price in LIST_PRICES]
        rows: dict[tuple[str, str], list[tuple[Decimal, float]]] = {}
        for sku_name, cloud, amount, since in [*held, *((name, own, amount, at) for name, amount, at in self._changes)]:
            rows.setdefault((sku_name, cloud), []).append((amount, since))
        return [
            (sku_name, cloud, amount, since, steps[index + 1][1] if index + 1 < len(steps) else None)
            for (sku_name, cloud), steps in rows.items()
            for index, (amount, since) in enumerate(steps)
        ]

    def attributed_usage(self) -> list[Dated]:
        """Rows of ``system.billing.attributed_usage``; empty unless asked for.

        Raises:
            UnsupportedError: Statements that had a part in the usage are forgotten.
        """
        if not self.flaws.attributed:
            return []
        if lost := self.journal.forgotten("query"):
            raise UnsupportedError(
                f"system.billing.attributed_usage: {lost} statements that had a part in it are forgotten, as the "
                f"last {KEPT} are kept. Ask before, or let a new workspace run the others"
            )
        return attributed(self.usage(), [entry.facts["query"] for entry in self.journal.of("query")])


def _nested(amount: Decimal) -> Row:
    return {"promotional": {"default": None}, "effective_list": {"default": amount}}
