"""Puts the parts of this room together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.platform.audit import Audit
from genops.testing.workspace.platform.bills import Bill
from genops.testing.workspace.platform.lineage import Lineage
from genops.testing.workspace.platform.system_tables import SystemTables
from genops.testing.workspace.platform.tariff import Tariff

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.http.identity import Identity
    from genops.testing.workspace.journal import Journal
    from genops.testing.workspace.unity.catalog import UnityCatalog


class Platform:
    """What a platform knows about itself.

    Args:
        identity: Who and where it is.
        clock: Gives the time.
        journal: What happens from now on.
        catalog: Gets the catalog ``system``, and says which columns tables have.
    """

    def __init__(self, identity: Identity, clock: Clock, journal: Journal, catalog: UnityCatalog) -> None:
        born = clock.now()
        self.bill = Bill(identity, clock, journal, born, Tariff(identity))
        self.tables = SystemTables(identity, clock, journal, self.bill, born, identity.principals.number_of)
        self.tables.add_to(catalog.virtual)
        Lineage(journal, catalog.tables.get)
        Audit(journal)
