"""A Databricks workspace on loopback, for tests: ``with LocalWorkspace() as ws: …``.

It imports nothing else of this distribution. SQL runs on DuckDB, translated by sqlglot; both come
with the extra ``testing`` and are imported when a workspace is built. What Databricks does and this
workspace does not is refused: HTTP 501 ``NOT_IMPLEMENTED``, or a statement that ends FAILED with
``[UNSUPPORTED_BY_LOCAL_WORKSPACE]``.
"""

from __future__ import annotations

from genops.testing.workspace.http.wire import Request
from genops.testing.workspace.workspace import LocalWorkspace

__all__ = ["LocalWorkspace", "Request"]
