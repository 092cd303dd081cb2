"""SQLAlchemy's databricks dialect makes, reflects, fills and queries tables of the local workspace."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import sqlalchemy as sa

from genops.testing import LocalWorkspace

METADATA = sa.MetaData()
CARRIERS = sa.Table(
    "carriers", METADATA, sa.Column("code", sa.String, primary_key=True), sa.Column("name", sa.String, nullable=False)
)
FLIGHTS = sa.Table(
    "flights",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("carrier", sa.String, sa.ForeignKey("carriers.code")),
    sa.Column("delay", sa.Numeric(10, 2)),
    sa.Column("departed", sa.DateTime),
    sa.Column("day", sa.Date),
    sa.Column("late", sa.Boolean),
    comment="one line a flight",
)


def connected(workspace, **arguments):
    """An engine on the workspace's warehouse; what is no part of the URL goes into `connect_args`."""
    url = sa.URL.create(
        "databricks",
        username="token",
        password=workspace.token,
        host="127.0.0.1",
        query={"http_path": f"/sql/1.0/warehouses/{workspace.warehouse_id}", "catalog": "main", "schema": "default"},
    )
    return sa.create_engine(url, connect_args={"enable_telemetry": False, **arguments})


@pytest.fixture(scope="module")
def engine():
    """An engine over plain HTTP, on a workspace with two tables and a view that SQLAlchemy made."""
    with LocalWorkspace() as workspace:
        uri = f"{workspace.host}/sql/1.0/warehouses/{workspace.warehouse_id}"
        made = connected(workspace, _connection_uri=uri)
        METADATA.create_all(made)
        with made.begin() as connection:
            connection.execute(
                CARRIERS.insert(), [{"code": "AA", "name": "American"}, {"code": "UA", "name": "United"}]
            )
            connection.execute(FLIGHTS.insert(), ROWS)
            connection.execute(sa.text("CREATE VIEW delayed AS SELECT id, delay FROM flights WHERE late"))
        yield made
        made.dispose()


ROWS = [
    {
        "id": 1,
        "carrier": "AA",
        "delay": Decimal("12.50"),
        "departed": dt.datetime(2013, 1, 1, 5, 17),  # noqa: DTZ001 - a column without a time zone
        "day": dt.date(2013, 1, 1),
        "late": True,
    },
    {"id": 2, "carrier": "UA", "delay": None, "departed": None, "day": None, "late": False},
]


def test_schemas_tables_and_views_are_reflected(engine):
    """The inspector names schemas, tables and views, and knows what there is not."""
    inspector = sa.inspect(engine)
    assert "default" in inspector.get_schema_names()
    assert sorted(inspector.get_table_names()) == ["carriers", "flights"]
    assert inspector.get_view_names() == ["delayed"]
    assert (inspector.has_table("flights"), inspector.has_table("nothing")) == (True, False)


def test_columns_keys_and_comments_are_reflected(engine):
    """A table that is loaded from the workspace has the columns, keys and comment it was made with."""
    loaded = sa.Table("flights", sa.MetaData(), autoload_with=engine)
    types = {column.name: str(column.type) for column in loaded.columns}
    assert types["id"] == "BIGINT"
    assert types["delay"] == "NUMERIC(10, 2)"
    assert [column.name for column in loaded.primary_key] == ["id"]
    assert not loaded.c.id.nullable
    assert {key.target_fullname for key in loaded.foreign_keys} == {"carriers.code"}
    assert loaded.comment == "one line a flight"
    assert [column["name"] for column in sa.inspect(engine).get_columns("delayed")] == ["id", "delay"]


def test_a_table_that_is_not_there_is_no_such_table(engine):
    """Reflecting what does not exist raises SQLAlchemy's own error."""
    with pytest.raises(sa.exc.NoSuchTableError):
        sa.Table("nothing", sa.MetaData(), autoload_with=engine)


def test_rows_come_back_as_they_went_in(engine):
    """A join of typed columns gives Python's values back."""
    query = sa.select(FLIGHTS, CARRIERS.c.name).join(CARRIERS).order_by(FLIGHTS.c.id).limit(5)
    with engine.connect() as connection:
        rows = [row._asdict() for row in connection.execute(query)]
        assert rows == [{**ROWS[0], "name": "American"}, {**ROWS[1], "name": "United"}]
        assert connection.execute(sa.text("SELECT :x + 1"), {"x": 1}).scalar() == 2


def test_changes_are_seen(engine):
    """UPDATE and DELETE of the expression language change the rows, and a table can be dropped."""
    other = sa.Table("scratch", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("name", sa.String))
    other.create(engine)
    with engine.begin() as connection:
        connection.execute(other.insert(), [{"id": number, "name": "x"} for number in range(3)])
        connection.execute(other.update().where(other.c.id == 1).values(name="y"))
        connection.execute(other.delete().where(other.c.id == 2))
        assert connection.execute(sa.select(other).order_by(other.c.id)).all() == [(0, "x"), (1, "y")]
    other.drop(engine)
    assert not sa.inspect(engine).has_table("scratch")


def test_an_error_is_sqlalchemys(engine):
    """A statement that fails raises SQLAlchemy's DatabaseError with the workspace's message."""
    with engine.connect() as connection, pytest.raises(sa.exc.DatabaseError, match="TABLE_OR_VIEW_NOT_FOUND"):
        connection.execute(sa.text("SELECT * FROM nothing"))


def test_it_connects_over_https_with_the_workspaces_certificate():
    """With TLS the URL of the workspace is enough; the certificate is trusted by its file."""
    with LocalWorkspace(tls=True) as workspace:
        port = int(workspace.host.rsplit(":", 1)[1])
        made = connected(workspace, _port=port, _tls_trusted_ca_file=str(workspace.ca_file))
        with made.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar() == 1
        made.dispose()
