"""What the user's own calls told about workspaces and their resources, kept so that nobody has to ask again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from genops.core.forks import on_fork
from genops.core.operation import EMPTY, AttributeValue, Learnt

_MAX_ENTRIES = 10_000


class Inventory:
    """Facts by (host, kind, id), learnt passively; bounded, the least recently learnt entry goes first.

    Args:
        declared: Facts by host that the configuration states; they win over what is learnt.
    """

    def __init__(self, declared: Mapping[str, Mapping[str, AttributeValue]] | None = None) -> None:
        self._declared = dict(declared or {})
        self._known: OrderedDict[tuple[str, str, str], Mapping[str, AttributeValue]] = OrderedDict()
        self.evicted = 0
        self._new_lock()
        on_fork(self._new_lock)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def learn(self, host: str, learnt: Learnt) -> None:
        """Add facts to what is known of a resource."""
        key = (host, learnt.kind, learnt.id)
        with self._lock:
            known = self._known.get(key, EMPTY)
            if all(known.get(k) == v for k, v in learnt.facts.items()):
                return
            self._known[key] = {**known, **learnt.facts}
            self._known.move_to_end(key)
            if len(self._known) > _MAX_ENTRIES:
                self._known.popitem(last=False)
                self.evicted += 1

    def of(self, host: str, kind: str, id: str = "") -> Mapping[str, AttributeValue]:  # noqa: A002  (the field's word)
        """Return what is known of a resource; empty where nothing is."""
        return self._known.get((host, kind, id), EMPTY)

    def workspace(self, host: str) -> Mapping[str, AttributeValue]:
        """Return what is known of a workspace: what is declared over what was learnt."""
        learnt = self._known.get((host, "workspace", ""), EMPTY)
        declared = self._declared.get(host)
        return {**learnt, **declared} if declared else learnt
