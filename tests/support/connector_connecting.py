"""Behaviours of `sql.connect` and of connections [README; Databricks SQL Connector for Python: Connection class]."""

from __future__ import annotations

from databricks import sql

from support.connector_table import Given, promises, raised


@promises("the module names its PEP 249 level, thread safety and parameter style")
def _globals(_: Given) -> None:
    assert (sql.apilevel, sql.threadsafety) == ("2.0", 1)
    assert sql.paramstyle in {"named", "pyformat"}


@promises("host, HTTP path and token are enough to run a query")
def _connects(given: Given) -> None:
    with given.connect() as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1 AS one").fetchall() == [(1,)]


@promises("the HTTP path may be that of an endpoint, as warehouses were called")
def _endpoint(given: Given) -> None:
    path = f"/sql/1.0/endpoints/{given.warehouse}"
    with given.connect(http_path=path) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone()[0] == 1


@promises("the HTTP path may be that of a cluster", sea="SEA only works for warehouses")
def _cluster(given: Given) -> None:
    spec = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
    made = given.asked("/api/2.1/clusters/create", spec)
    workspace = given.asked("/.well-known/databricks-config")["workspace_id"]
    path = f"/sql/protocolv1/o/{workspace}/{made['cluster_id']}"
    with given.connect(http_path=path) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone()[0] == 1


@promises("catalog and schema of a connection are where names without them belong")
def _namespace(given: Given) -> None:
    given.rows("CREATE SCHEMA IF NOT EXISTS main.sales")
    with given.connect(catalog="main", schema="sales") as connection, connection.cursor() as cursor:
        assert tuple(cursor.execute("SELECT current_catalog(), current_schema()").fetchone()) == ("main", "sales")


@promises("a catalog that does not exist is an error when the connection opens")
def _no_catalog(given: Given) -> None:
    # Over the statement API the connector tells the status alone, before 4.2 in an error of urllib3.
    kind, words = (sql.Error, "nowhere") if given.transport == "thrift" else (Exception, "404")
    raised(kind, lambda: given.connect(catalog="nowhere"), words=words)


@promises("a wrong token is an error when the connection opens")
def _no_token(given: Given) -> None:
    raised(sql.Error, lambda: given.connect(access_token="wrong"))


@promises("a warehouse that does not exist is an error when the connection opens")
def _no_warehouse(given: Given) -> None:
    # Versions before 4.2 let the error of urllib3 through.
    raised(Exception, lambda: given.connect(http_path="/sql/1.0/warehouses/0123456789abcdef"))


@promises("session_configuration holds for every statement of the connection")
def _configured(given: Given) -> None:
    settings = {"ANSI_MODE": "true", "TIMEZONE": "UTC"}
    with given.connect(session_configuration=settings) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone()[0] == 1


@promises("a connection is a context manager that closes itself")
def _closes(given: Given) -> None:
    with given.connect() as connection:
        assert connection.open
    assert not connection.open


@promises("closing a connection closes its cursors")
def _closes_cursors(given: Given) -> None:
    connection = given.connect()
    cursor = connection.cursor()
    connection.close()
    raised(sql.Error, lambda: cursor.execute("SELECT 1"), words="closed cursor")


@promises("a closed connection gives no cursor")
def _closed(given: Given) -> None:
    connection = given.connect()
    connection.close()
    raised(sql.Error, connection.cursor, words="closed connection")


@promises("several cursors of a connection see each other's changes")
def _cursors(given: Given) -> None:
    table = given.table("id INT")
    with given.cursor() as one, given.cursor() as other:
        one.execute(f"INSERT INTO {table} VALUES (1)")
        assert other.execute(f"SELECT id FROM {table}").fetchall() == [(1,)]


@promises("USE in one connection is not seen in another")
def _isolated(given: Given) -> None:
    given.rows("CREATE SCHEMA IF NOT EXISTS main.apart")
    with given.connect(catalog="main", schema="default") as one, given.connect(catalog="main", schema="default") as two:
        one.cursor().execute("USE main.apart")
        shown = [connection.cursor().execute("SELECT current_schema()").fetchone()[0] for connection in (one, two)]
        assert shown == ["apart", "default"]


@promises("a temporary view is its connection's own")
def _temporary(given: Given) -> None:
    with given.connect() as one, given.connect() as two:
        one.cursor().execute("CREATE TEMPORARY VIEW mine AS SELECT 7 AS n")
        assert one.cursor().execute("SELECT n FROM mine").fetchone()[0] == 7
        raised(sql.Error, lambda: two.cursor().execute("SELECT n FROM mine"), words="TABLE_OR_VIEW_NOT_FOUND")


@promises("QUERY_TAGS of the session configuration are on every statement", since=(4, 1, 3))
def _session_tags(given: Given) -> None:
    with given.connect(session_configuration={"QUERY_TAGS": "team:de,nightly"}) as connection:
        cursor = connection.cursor().execute("SELECT 1")
        assert given.tags(cursor.query_id) == {"team": "de", "nightly": None}


@promises("query_tags of a connection are on every statement, whatever their characters", since=(4, 2, 6))
def _connection_tags(given: Given) -> None:
    with given.connect(query_tags={"team": "de", "place": "a:b,c\\d"}) as connection:
        cursor = connection.cursor().execute("SELECT 1")
        assert given.tags(cursor.query_id) == {"team": "de", "place": "a:b,c\\d"}


@promises("query_tags of a statement are on this one only, beside those of the connection", since=(4, 2, 6))
def _statement_tags(given: Given) -> None:
    with given.connect(query_tags={"team": "de"}) as connection:
        cursor = connection.cursor()
        tagged = cursor.execute("SELECT 1", query_tags={"stage": "x", "team": "ml"}).query_id
        plain = cursor.execute("SELECT 1").query_id
        assert given.tags(tagged) == {"team": "ml", "stage": "x"}
        assert given.tags(plain) == {"team": "de"}


@promises("commit does nothing, and rollback is refused: there are no transactions")
def _transactions(given: Given) -> None:
    given.connection.commit()
    raised(sql.NotSupportedError, given.connection.rollback, words="not supported on Databricks")


@promises("autocommit is on, and the isolation level is REPEATABLE_READ", since=(4, 2))
def _isolation(given: Given) -> None:
    assert given.connection.autocommit is True
    assert given.connection.get_transaction_isolation() == "REPEATABLE_READ"
    raised(sql.NotSupportedError, lambda: given.connection.set_transaction_isolation("SERIALIZABLE"))


@promises("a statement that commits is refused where transactions are asked for", since=(4, 2))
def _no_transactions(given: Given) -> None:
    with given.connect(ignore_transactions=False) as connection:
        raised(sql.Error, connection.commit, words="Failed to commit")


@promises("errors are PEP 249's")
def _errors(_: Given) -> None:
    assert issubclass(sql.Error, Exception)
    database = (sql.DataError, sql.OperationalError, sql.IntegrityError, sql.InternalError, sql.ProgrammingError)
    assert all(issubclass(kind, sql.DatabaseError) for kind in (*database, sql.NotSupportedError))
    assert issubclass(sql.DatabaseError, sql.Error)
    assert issubclass(sql.InterfaceError, sql.Error)
