"""What tests hold of the platform's side: how late its tables are, and what its bill looks like."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from genops.testing.workspace.platform.bills import Bill, Flaws
from genops.testing.workspace.platform.dated import DOCUMENTED_DELAY
from genops.testing.workspace.platform.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genops.testing.workspace.platform.wiring import Platform


class PlatformHandles:
    """The part of a workspace that tests use to shape its system tables."""

    _platform: Platform

    def system_tables(self, *, delay: float | Mapping[str, float] | None = None) -> None:
        """Decide how late the rows of the ``system`` catalog are, by the workspace's clock.

        From the start they are there at once, because most tests ask what was noted and not when. What waits for
        rows is tested with a delay, and ``ws.clock.advance``.

        Args:
            delay: Hours for all tables, or by schema or ``schema.table`` (``{"billing": 12, "query.history": 0.5}``);
                what Databricks documents where it is absent: ``billing`` within 12 hours, no number for the others.

        Raises:
            ValueError: A table that does not exist, or negative hours.
        """
        self._platform.tables.delay(DOCUMENTED_DELAY if delay is None else delay)

    def bill(
        self,
        *,
        seed: int = 0,
        late_hours: float = 0.0,
        restated: float = 0.0,
        restated_after_hours: float = 24.0,
        untagged: float = 0.0,
        unrecorded: int = 0,
        attributed: bool = False,
        discount: float | None = None,
        warehouse_rates: Mapping[str, Decimal | float | str] | None = None,
        node_rates: Mapping[str, Decimal | float | str] | None = None,
        token_rates: Mapping[str, Decimal | float | str] | None = None,
    ) -> Bill:
        """Decide what ``system.billing`` bills, and with which flaws; each call starts from none.

        Warehouses are metered by the second while clusters run, clusters by their nodes, both by published rates,
        and are written by the hour: a record is there once its hour is over or the thing has ended. What has no
        published rate is not billed and is named by :attr:`Bill.unmetered`; storage and networks are not metered.

        Args:
            seed: Decides which records are hit and by how much; the same seed gives the same bill.
            late_hours: Records arrive up to this many hours after their usage.
            restated: Share of records, 0 to 1, that are wrong at first; a RETRACTION and a RESTATEMENT set them
                right, so that the sum over all is what was metered.
            restated_after_hours: How long after a wrong record its correction arrives.
            untagged: Share of records, 0 to 1, without custom tags.
            unrecorded: Number of records of usage that nobody here caused, in the hours before the workspace began.
            attributed: Whether ``attributed_usage`` is filled.
            discount: Share off the list price; fills ``account_prices``.
            warehouse_rates: DBU an hour by warehouse size, as for ``5X-Large``, which has no published one.
            node_rates: DBU an hour by node type, without Photon.
            token_rates: DBU a million tokens by serving endpoint.

        Returns:
            The bill; ``reprice`` changes a list price from the present on.

        Raises:
            ValueError: A share outside of 0 to 1, or a negative number.
        """
        bill = self._platform.bill
        bill.flaws = Flaws(
            seed, late_hours, restated, restated_after_hours, untagged, unrecorded, attributed, discount
        ).checked()
        bill.tariff = Tariff(bill.identity, _decimals(warehouse_rates), _decimals(node_rates), _decimals(token_rates))
        bill.version += 1
        return bill


def _decimals(rates: Mapping[str, Decimal | float | str] | None) -> dict[str, Decimal]:
    return {name: Decimal(str(rate)) for name, rate in (rates or {}).items()}
