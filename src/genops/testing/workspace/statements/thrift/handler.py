"""The methods of the Thrift service, for one caller on one compute resource."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.http.wire import ApiError, unserved
from genops.testing.workspace.sql.failures import SqlError
from genops.testing.workspace.sql.sessions import Session, tags_of
from genops.testing.workspace.statements.thrift.generated import failed, succeeded
from genops.testing.workspace.statements.thrift.generated import types as t
from genops.testing.workspace.statements.thrift.metadata import Metadata
from genops.testing.workspace.statements.thrift.operations import (
    InvalidHandleError,
    Operation,
    Operations,
    Reading,
    handle_of,
    identifier_of,
)
from genops.testing.workspace.statements.thrift.pages import Native
from genops.testing.workspace.statements.thrift.parameters import configured, parameters_of, setting

if TYPE_CHECKING:
    from genops.testing.workspace.http.wire import Json
    from genops.testing.workspace.sql.sessions import Sessions
    from genops.testing.workspace.statements.execution import Statement, Statements
    from genops.testing.workspace.statements.thrift.metadata import Listing
    from genops.testing.workspace.unity.catalog import UnityCatalog

DIRECT_SECONDS = 1.0
"""How long an execution waits for its result before it says that the statement runs."""
POLL_SECONDS = 0.2
"""How long a question for the state waits for its end: clients ask without a pause."""

# Answers of GetInfo by ``TGetInfoType``, as Spark gives them.
_INFO = {"CLI_SERVER_NAME": "Spark SQL", "CLI_DBMS_NAME": "Spark SQL", "CLI_DBMS_VER": "3.5.0"}


@dataclass
class Service:
    """What all callers share.

    Attributes:
        statements: Runs the SQL.
        sessions: The open sessions, those of REST among them.
        catalog: The objects.
        default: Catalog and schema of sessions that name none.
        link: Gives URL and expiry of a chunk's file.
        operations: The open operations.
    """

    statements: Statements
    sessions: Sessions
    catalog: UnityCatalog
    default: Session
    link: Callable[[str, int], tuple[str, float]]
    operations: Operations = field(default_factory=Operations)

    def __post_init__(self) -> None:
        """What a session leaves open ends with it."""
        self.sessions.ended.append(self._end_all)

    def _end_all(self, session_id: str) -> None:
        for operation in self.operations.of(session_id):
            self.end(operation)

    def end(self, operation: Operation) -> None:
        """Stop an operation, and give up what it holds."""
        self.operations.close(operation)
        if operation.statement and not operation.linked:
            self.statements.release(operation.statement)
        elif operation.statement:
            self.statements.cancel(operation.statement)


class Handler:
    """Answers one call; what is not served is refused with an error status.

    Args:
        service: What all callers share.
        user: Who calls.
        compute: Where statements run, as a request of the statement API says it.
        client: Who calls, in the words of query history.
        occupy: Called with ``compute`` before a statement runs on it.

    Attributes:
        sql: The statement that was executed, if one was.
    """

    def __init__(self, service: Service, user: str, compute: Json, client: str, occupy: Callable[[Json], None]) -> None:
        self._service = service
        self._user = user
        self._compute = compute
        self._occupy = occupy
        self.sql = ""
        self._client = client
        self._metadata = Metadata(service.catalog, user)
        self._methods: dict[str, Callable[[Any], Any]] = {
            "OpenSession": self._open,
            "CloseSession": self._close,
            "GetInfo": self._info,
            "ExecuteStatement": self._execute,
            "GetCatalogs": self._catalogs,
            "GetSchemas": self._schemas,
            "GetTables": self._tables,
            "GetTableTypes": self._table_types,
            "GetColumns": self._columns,
            "GetOperationStatus": self._status,
            "GetResultSetMetadata": lambda asked: self._operation(asked).metadata(),
            "FetchResults": self._fetch,
            "CancelOperation": self._cancel,
            "CloseOperation": self._close_operation,
        }

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        return lambda asked: self._answer(name, asked)

    def _answer(self, name: str, asked: Any) -> Any:
        respond = getattr(t, f"T{name}Resp")
        try:
            if name not in self._methods:
                raise unserved(f"The Thrift method {name}")
            return self._methods[name](asked)
        except InvalidHandleError as error:
            return respond(status=failed(str(error), "HY000", handle=True))
        except SqlError as error:
            return respond(status=failed(error.message, error.sql_state))
        except ApiError as error:
            return respond(status=failed(f"[{error.code}] {error.message}", "HY000"))
        except Exception as error:  # a defect of the workspace is an answer, not a broken connection
            return respond(status=failed(f"[INTERNAL_ERROR] The local workspace failed: {error!r}", "XX000"))

    # Sessions

    def _open(self, asked: Any) -> Any:
        settings: dict[str, str] = asked.configuration or {}
        space = asked.initialNamespace or t.TNamespace()
        default = self._service.default
        session = Session(
            space.catalogName or default.catalog,
            space.schemaName or default.schema,
            self._user,
            configured(settings),
            tags_of(setting(settings, "QUERY_TAGS")),
            warehouse_id=str(self._compute["warehouse_id"]),
        )
        # The schema may come later: dbt opens its sessions in the one that it is about to create.
        self._service.catalog.catalog(session.catalog)
        self._service.sessions.open(session)
        version = t.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
        return t.TOpenSessionResp(
            status=succeeded(),
            serverProtocolVersion=version,
            sessionHandle=t.TSessionHandle(sessionId=handle_of(session.id), serverProtocolVersion=version),
            initialNamespace=t.TNamespace(catalogName=session.catalog, schemaName=session.schema),
            canUseMultipleCatalogs=True,
        )

    def _session(self, asked: Any) -> Session:
        identifier = identifier_of(getattr(asked.sessionHandle, "sessionId", None))
        try:
            return self._service.sessions.get(identifier, self._user)
        except ApiError as error:
            raise InvalidHandleError(f"Invalid SessionHandle: SessionHandle [{identifier}]") from error

    def _close(self, asked: Any) -> Any:
        self._service.sessions.close(self._session(asked).id)
        return t.TCloseSessionResp(status=succeeded())

    def _info(self, asked: Any) -> Any:
        self._session(asked)
        name = t.TGetInfoType._VALUES_TO_NAMES.get(asked.infoType, "")  # noqa: SLF001 - generated code has no other way
        if name not in _INFO:
            raise unserved(f"GetInfo of {name or asked.infoType}")
        return t.TGetInfoResp(status=succeeded(), infoValue=t.TGetInfoValue(stringValue=_INFO[name]))

    # Statements

    def _execute(self, asked: Any) -> Any:
        session = self._session(asked)
        tags = tags_of(setting(asked.confOverlay, "QUERY_TAGS"))
        request: Json = {
            **self._compute,
            "statement": asked.statement,
            "session_id": session.id,
            "parameters": parameters_of(asked.parameters),
            "row_limit": asked.resultRowLimit or None,
            "query_tags": [{"key": key, "value": value} for key, value in tags.items()],
            "disposition": "EXTERNAL_LINKS",
            "format": "ARROW_STREAM",
        }
        if asked.canReadArrowResult and asked.canDecompressLZ4Result:
            request["result_compression"] = "LZ4_FRAME"
        self.sql = asked.statement
        self._occupy(self._compute)
        statement = self._service.statements.submit(request, {"client": self._client}, user=self._user)
        operation = Operation(statement.id, "EXECUTE_STATEMENT", session.id, statement, self._reading(asked, statement))
        return self._begun(asked, operation, t.TExecuteStatementResp)

    def _reading(self, asked: Any, statement: Statement) -> Reading:
        def link(index: int) -> tuple[str, float]:
            return self._service.link(statement.id, index)

        if not asked.canReadArrowResult:
            return Reading()
        native = Native.asked(asked.useArrowNativeTypes)
        # Files hold every type as Arrow's own.
        links = bool(asked.canDownloadResult) and native.timestamps and native.decimals and native.nested
        return Reading(native, bool(asked.canDecompressLZ4Result), link if links else None)

    def _begun(self, asked: Any, operation: Operation, respond: Callable[..., Any]) -> Any:
        operation.user = self._user
        self._service.operations.open(operation)
        if not asked.runAsync:
            operation.wait(None)
        direct = self._direct(operation, asked.getDirectResults) if asked.getDirectResults else None
        return respond(status=succeeded(), operationHandle=operation.handle(), directResults=direct)

    def _direct(self, operation: Operation, asked: Any) -> Any:
        operation.wait(DIRECT_SECONDS)
        status = operation.status()
        direct = t.TSparkDirectResults(operationStatus=status)
        if status.operationState == t.TOperationState.FINISHED_STATE:
            direct.resultSetMetadata = operation.metadata()
            direct.resultSet = operation.fetch(asked.maxRows, asked.maxBytes)
            if not direct.resultSet.hasMoreRows and not direct.resultSet.results.resultLinks:
                self._service.end(operation)
                direct.closeOperation = t.TCloseOperationResp(status=succeeded())
        return direct

    # Operations

    def _operation(self, asked: Any) -> Operation:
        return self._service.operations.get(asked.operationHandle, self._user)

    def _status(self, asked: Any) -> Any:
        operation = self._operation(asked)
        operation.wait(POLL_SECONDS)
        return operation.status()

    def _fetch(self, asked: Any) -> Any:
        operation = self._operation(asked)
        if asked.orientation != t.TFetchOrientation.FETCH_NEXT:
            raise SqlError(f"The fetch orientation {asked.orientation} is not supported for this result set", "HY106")
        answer = operation.fetch(asked.maxRows, asked.maxBytes)
        if asked.includeResultSetMetadata:
            answer.resultSetMetadata = operation.metadata()
        return answer

    def _cancel(self, asked: Any) -> Any:
        operation = self._operation(asked)
        if operation.statement:
            self._service.statements.cancel(operation.statement)
        return t.TCancelOperationResp(status=succeeded())

    def _close_operation(self, asked: Any) -> Any:
        self._service.end(self._operation(asked))
        return t.TCloseOperationResp(status=succeeded())

    # The catalog

    def _listed(self, asked: Any, kind: str, listing: Listing, respond: Callable[..., Any]) -> Any:
        session = self._session(asked)
        operation = Operation(str(uuid.uuid4()), kind, session.id, listing=listing)
        return self._begun(asked, operation, respond)

    def _catalogs(self, asked: Any) -> Any:
        return self._listed(asked, "GET_CATALOGS", self._metadata.catalogs(), t.TGetCatalogsResp)

    def _schemas(self, asked: Any) -> Any:
        listing = self._metadata.schemas(asked.catalogName, asked.schemaName)
        return self._listed(asked, "GET_SCHEMAS", listing, t.TGetSchemasResp)

    def _tables(self, asked: Any) -> Any:
        found = self._metadata.tables(asked.catalogName, asked.schemaName, asked.tableName, asked.tableTypes or ())
        return self._listed(asked, "GET_TABLES", found, t.TGetTablesResp)

    def _table_types(self, asked: Any) -> Any:
        return self._listed(asked, "GET_TABLE_TYPES", self._metadata.table_types(), t.TGetTableTypesResp)

    def _columns(self, asked: Any) -> Any:
        found = self._metadata.columns(asked.catalogName, asked.schemaName, asked.tableName, asked.columnName)
        return self._listed(asked, "GET_COLUMNS", found, t.TGetColumnsResp)
