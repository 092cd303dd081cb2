"""The connector's own generated Thrift code. Importing this module needs databricks-sql-connector, half a second."""

from __future__ import annotations

import importlib
from typing import Any

_PACKAGE = "databricks.sql.thrift_api.TCLIService"

types: Any = importlib.import_module(f"{_PACKAGE}.ttypes")
service: Any = importlib.import_module(f"{_PACKAGE}.TCLIService")
protocol: Any = importlib.import_module("thrift.protocol.TBinaryProtocol")
transport: Any = importlib.import_module("thrift.transport.TTransport")


def answer(handler: Any, request: bytes) -> bytes:
    """Let a handler of the service's methods answer one message.

    Args:
        handler: Has the methods of ``TCLIService.Iface``.
        request: A call in the binary protocol.

    Raises:
        Exception: The bytes are no such call.
    """
    out = transport.TMemoryBuffer()
    incoming = protocol.TBinaryProtocol(transport.TMemoryBuffer(request))
    service.Processor(handler).process(incoming, protocol.TBinaryProtocol(out))
    return bytes(out.getvalue())


def succeeded() -> Any:
    """A status that says that the call succeeded."""
    return types.TStatus(statusCode=types.TStatusCode.SUCCESS_STATUS)


def failed(message: str, sql_state: str, *, handle: bool = False) -> Any:
    """A status that says that the call failed.

    Args:
        message: Text for people.
        sql_state: Five characters.
        handle: Whether it failed because its handle is none, or none any more.
    """
    codes = types.TStatusCode
    code = codes.INVALID_HANDLE_STATUS if handle else codes.ERROR_STATUS
    return types.TStatus(statusCode=code, errorMessage=message, displayMessage=message, sqlState=sql_state)
