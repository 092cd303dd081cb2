"""The sink that tells an OpenLineage receiver, a file or a stream what ran and how data flowed."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from genops.core.forks import on_fork
from genops.core.sinks import QUEUE_CAPACITY
from genops.lineage.openlineage.destinations import Console, Destination, File
from genops.lineage.openlineage.events import Events
from genops.lineage.openlineage.receiver import Http

if TYPE_CHECKING:
    from genops.core.operation import DatasetRef
    from genops.core.records import Record
    from genops.lineage.openlineage.datasets import Schemas

MAX_EVENT_BYTES = 8 << 20
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_log = logging.getLogger("genops")


class Counts(NamedTuple):
    """What became of the events of one destination.

    What still waits, and what a full queue dropped, is known by the queue before the sink (`core.sinks.FanOut`): it
    holds records, of which not every one brings an event.

    Attributes:
        destination: Where they went.
        delivered: Accepted.
        failed: Refused, not deliverable, or given up at the end.
        dropped: Brought after the end.
    """

    destination: str
    delivered: int
    failed: int
    dropped: int


class OpenLineage:
    """Sends a run event for every record that brings one (`events` says which do).

    It is a queued sink: records wait in a bounded queue of their own, and everything else, building events included,
    happens on the queue's thread.

    Args:
        destination: `console`, the URL of a receiver, the path of a file, or a `Destination`.
        namespace: Namespace of jobs.
        key: Bearer token for a receiver.
        timeout: Seconds for each step of an attempt to reach a receiver.
        retry_seconds: Seconds after which an event is not sent again.
        compress: Send a receiver gzip.
        ca_file: Certificates of the authorities to trust, instead of the machine's.
        capacity: Records that may wait.
        schemas: Knows the columns of tables.
        classify: Returns the class of a dataset, or `None`.
        engines: Version of the engine by provider, where it is known.
        keyed: Hashes of statements have a key that outlives the process, so that they may tell jobs apart.

    Raises:
        ConfigurationError: The destination cannot be used.
    """

    queued = True

    def __init__(
        self,
        destination: str | Destination,
        namespace: str,
        *,
        key: str | None = None,
        timeout: float = 5.0,
        retry_seconds: float = 30.0,
        compress: bool = False,
        ca_file: str | None = None,
        capacity: int = QUEUE_CAPACITY,
        schemas: Schemas | None = None,
        classify: Callable[[DatasetRef], str | None] | None = None,
        engines: Mapping[str, str] | None = None,
        keyed: bool = False,
    ) -> None:
        self.capacity = capacity
        self._events = Events(namespace, schemas=schemas, classify=classify, engines=engines, keyed=keyed)
        if isinstance(destination, str):
            destination = _destination(
                destination,
                lambda url: Http(
                    url, key=key, timeout=timeout, retry_seconds=retry_seconds, compress=compress, ca_file=ca_file
                ),
            )
        self._destination = destination
        self._closed = self._complained = False
        self._begin()
        on_fork(self._begin)

    def _begin(self) -> None:
        """Count anew: a child tells what it sent itself."""
        self._lock = threading.RLock()
        self._delivered = self._failed = self._dropped = 0

    @property
    def counts(self) -> Counts:
        """The counts as they stand."""
        return Counts(self._destination.name, self._delivered, self._failed, self._dropped)

    def write(self, record: Record) -> None:
        """Send the event of a record, where it brings one; wait for it to be accepted or given up."""
        with self._lock:
            event = self._events.of(record)
            if event is None:
                return
            if self._closed:
                self._dropped += 1
                return
            # JSON of ASCII alone: a lone surrogate in a name has no bytes of its own.
            reason = self._send(_to_json(event).encode())
            if reason is None:
                self._delivered += 1
            else:
                self._failed += 1
                self._complain(reason)

    def _send(self, body: bytes) -> str | None:
        if len(body) > MAX_EVENT_BYTES:
            return "too long"
        try:
            return self._destination.send(body)
        except Exception as fault:  # a destination of the program's own may raise anything; the event is counted
            return type(fault).__name__

    def close(self) -> None:
        """Give up what is under way; what comes later is counted as dropped."""
        self._closed = True
        self._destination.close()

    def _complain(self, reason: str) -> None:
        if not self._complained:
            self._complained = True
            _log.warning(
                "genops: an OpenLineage event was not delivered to %s: %s; further ones are only counted.",
                self._destination.name,
                reason,
            )


def _destination(text: str, http: Callable[[str], Http]) -> Destination:
    if text == "console":
        return Console()
    return http(text) if text.lower().startswith(("http://", "https://")) else File(text)
