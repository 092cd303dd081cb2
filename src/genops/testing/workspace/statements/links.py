"""Presigned URLs of result chunks: they carry their right in themselves, for one chunk and a quarter of an hour."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from genops.testing.workspace.http.wire import PRESIGNED_SECONDS, ApiError, Call, Reply, Routes, invalid

if TYPE_CHECKING:
    from genops.testing.workspace.clock import Clock
    from genops.testing.workspace.statements.execution import Statements

_TYPES = {
    "JSON_ARRAY": "application/json",
    "CSV": "text/csv",
    "ARROW_STREAM": "application/vnd.apache.arrow.stream",
}


class Links:
    """Signs URLs and serves them; below ``/storage`` no token is asked for.

    Args:
        statements: Whose results they are.
        host: URL of the workspace.
        clock: Says when a URL has expired.
    """

    def __init__(self, statements: Statements, host: str, clock: Clock) -> None:
        self._statements = statements
        self._host = host
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def routes(self) -> Routes:
        """The download."""
        return {"GET /storage/results/{id}/{index}": self._download}

    def sign(self, statement_id: str, index: int) -> tuple[str, float]:
        """A URL for one chunk, and when it expires, in seconds since the epoch."""
        expires = int(self._clock.now()) + PRESIGNED_SECONDS
        query = urlencode({"expires": expires, "signature": self._signature(statement_id, str(index), str(expires))})
        return f"{self._host}/storage/results/{statement_id}/{index}?{query}", expires

    def _signature(self, *parts: str) -> str:
        return hmac.new(self._key, "/".join(parts).encode(), hashlib.sha256).hexdigest()

    def _download(self, call: Call) -> Reply:
        if "authorization" in call.headers:
            # As the object stores of the clouds: a URL that is signed and a token besides are one right too many.
            raise invalid("Only one auth mechanism allowed: the signed URL takes no Authorization header")
        identifier, index, expires = call.args["id"], call.args["index"], call.text("expires")
        if not hmac.compare_digest(call.text("signature"), self._signature(identifier, index, expires)):
            raise ApiError(403, "PERMISSION_DENIED", "The signature of the URL does not match the chunk")
        if self._clock.now() >= int(expires):
            raise ApiError(403, "PERMISSION_DENIED", "The URL has expired; ask for the chunk again")
        results = self._statements.get(identifier).results
        try:
            payload = results.payload(int(index))
        except IndexError as error:
            raise ApiError(404, "NOT_FOUND", "The result is no longer there") from error
        return Reply(200, headers={"Content-Type": _TYPES[results.format]}, raw=payload)
