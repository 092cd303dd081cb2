"""Sessions of the SQL connector's SEA transport: ``/api/2.0/sql/sessions``, which the public API does not document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genops.testing.workspace.compute.shapes import checked_part
from genops.testing.workspace.http.wire import Call, Json, Routes, invalid, unserved
from genops.testing.workspace.sql.commands.settings import TAGS, checked
from genops.testing.workspace.sql.failures import SqlError, UnsupportedError
from genops.testing.workspace.sql.sessions import Session, Sessions, tags_of
from genops.testing.workspace.statements.requests import check_warehouse

if TYPE_CHECKING:
    from genops.testing.workspace.compute.warehouses import WarehouseService
    from genops.testing.workspace.unity.catalog import UnityCatalog


class SessionService:
    """Opens and closes sessions.

    Args:
        sessions: Keeps them.
        warehouses: Checks the warehouse of a request.
        catalog: Says whether the catalog and the schema of a request are there.
        default: Catalog and schema of sessions that name none.
    """

    def __init__(
        self, sessions: Sessions, warehouses: WarehouseService, catalog: UnityCatalog, default: Session
    ) -> None:
        self._sessions = sessions
        self._warehouses = warehouses
        self._catalog = catalog
        self._default = default

    def routes(self) -> Routes:
        """Open and close."""
        base = "/api/2.0/sql/sessions"
        return {f"POST {base}": self._open, f"DELETE {base}/{{id}}": self._close}

    def _open(self, call: Call) -> Json:
        warehouse = call.need("warehouse_id")
        check_warehouse(self._warehouses, warehouse, call.user)
        self._warehouses.wake(warehouse)
        given = checked_part(call.json.get("session_confs"), "session_confs")
        confs = {key: str(value) for key, value in given.items()}
        tags = tags_of("".join(confs.pop(key) for key in list(confs) if key.upper() == TAGS))
        configuration = {_configured(key, value): value for key, value in confs.items()}
        catalog, schema = (_text(call, part, getattr(self._default, part)) for part in ("catalog", "schema"))
        if call.json.get("catalog"):
            self._catalog.catalog(catalog)
        if call.json.get("schema"):
            self._catalog.schema(f"{catalog}.{schema}")
        session = Session(catalog, schema, call.user, configuration, tags, warehouse_id=warehouse)
        return {"session_id": self._sessions.open(session).id}

    def _close(self, call: Call) -> None:
        self._sessions.close(self._sessions.get(call.args["id"], call.user).id)


def _configured(key: str, value: str) -> str:
    """The name of a parameter that takes the value, as ``SET`` would check it."""
    try:
        return checked(key, value)
    except UnsupportedError as error:
        raise unserved(f"A session with {key} = {value}") from error
    except SqlError as error:
        raise invalid(error.message) from error


def _text(call: Call, name: str, default: str) -> str:
    return str(call.json.get(name) or default)
