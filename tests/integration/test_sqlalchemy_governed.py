"""SQLAlchemy over the governed connector: what Core and the ORM send are units whose lineage is right to the column."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from genops.instrumentation import databricks_sql
from genops.telemetry.semconv import Attr
from genops.testing import LocalWorkspace, runtime
from support import spec

WHO = {"team": "analytics", "project": "flights", "environment": "test"}


class Base(orm.DeclarativeBase):
    """Tables of this module."""


class Carrier(Base):
    """Who flies."""

    __tablename__ = "carriers"
    code = orm.mapped_column(sa.String, primary_key=True)
    name = orm.mapped_column(sa.String)


class Flight(Base):
    """What is flown."""

    __tablename__ = "flights"
    id = orm.mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    carrier = orm.mapped_column(sa.String, sa.ForeignKey("carriers.code"))
    delay = orm.mapped_column(sa.Float)


DELAYS = sa.Table("delays", Base.metadata, sa.Column("carrier", sa.String), sa.Column("total", sa.Float))
TOTALS = (
    sa.select(Carrier.name, sa.func.sum(Flight.delay))
    .join(Flight, Flight.carrier == Carrier.code)
    .where(Flight.delay > 1)
    .group_by(Carrier.name)
)


def _work(engine):
    """Make tables by metadata, flush and query objects, write by every form of Core, and fail once."""
    Base.metadata.create_all(engine, checkfirst=False)
    with orm.Session(engine) as session:
        session.add_all([Carrier(code="AA", name="American"), Carrier(code="UA", name="United")])
        session.flush()
        session.add_all([Flight(id=1, carrier="AA", delay=1.5), Flight(id=2, carrier="UA", delay=2.5)])
        session.commit()
        assert sorted(session.execute(TOTALS).all()) == [("American", 1.5), ("United", 2.5)]
    rows = [{"carrier": "hunter2", "total": 0.5}, {"carrier": "B", "total": 1.5}]
    with engine.begin() as connection:
        connection.execute(DELAYS.insert(), rows)
        connection.execute(DELAYS.insert().values(rows))
        connection.execute(DELAYS.insert().from_select(["carrier", "total"], TOTALS))
        connection.execute(sa.update(DELAYS).values(total=sa.select(sa.func.max(Flight.id)).scalar_subquery()))
        connection.execute(sa.delete(DELAYS).where(DELAYS.c.carrier == "B"))
        with pytest.raises(sa.exc.DatabaseError, match="nowhere"):
            connection.execute(sa.text("SELECT 'hunter2' FROM nowhere"))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What the work sent, what was said of it, and the lineage that is known after it."""
    file = tmp_path_factory.mktemp("sqlalchemy") / "telemetry.jsonl"
    databricks_sql.install()
    try:
        with LocalWorkspace() as workspace, runtime(**WHO, export=str(file)) as built:
            path = f"/sql/1.0/warehouses/{workspace.warehouse_id}"
            query = {"http_path": path, "catalog": "main", "schema": "default"}
            url = sa.URL.create("databricks", "token", workspace.token, "127.0.0.1", query=query)
            reach = {"enable_telemetry": False, "_connection_uri": workspace.host + path}
            engine = sa.create_engine(url, connect_args=reach)
            _work(engine)
            engine.dispose()
            assert built.flush(60)
            sent = [request.sql for request in workspace.requests if request.sql]
            view = built.lineage.view()
            yield SimpleNamespace(sent=sent, told=spec.read(file), text=file.read_text("utf-8"), view=view)
    finally:
        databricks_sql.uninstall()


def test_every_statement_is_a_unit_that_says_what_it_does(done):
    """In their order: type, summary, and how many statements a call of several sets of parameters was."""
    units = sorted(done.told.units, key=lambda unit: unit["start"])
    assert len(units) == len(done.told.spans)
    told = [unit["attributes"] for unit in units]
    assert [(each[Attr.OPERATION_TYPE], each["db.query.summary"]) for each in told] == [
        ("sql.define", "CREATE TABLE main.default.carriers"),
        ("sql.define", "CREATE TABLE main.default.delays"),
        ("sql.define", "CREATE TABLE main.default.flights"),
        ("table.write", "INSERT main.default.carriers"),
        ("table.write", "INSERT main.default.flights"),
        ("table.query", "SELECT main.default.carriers main.default.flights"),
        ("table.write", "INSERT main.default.delays"),
        ("table.write", "INSERT main.default.delays"),
        ("table.write", "INSERT main.default.delays main.default.carriers main.default.flights"),
        ("table.write", "UPDATE main.default.delays main.default.flights"),
        ("table.write", "DELETE main.default.delays"),
        ("table.query", "SELECT main.default.nowhere"),
    ]
    assert sum(each.get("db.operation.batch.size", 1) for each in told) == len(done.sent)
    assert {each["genops.statement.understood"] for each in told} == {"resolved"}
    assert [each.get("error.type") for each in told][-2:] == [None, "databricks.sql.exc.ServerOperationError"]
    assert {each["genops.team"] for each in told} == {"analytics"}
    assert spec.violations(done.told) == []
    assert "hunter2" not in done.text


def test_lineage_is_right_to_the_column(done):
    """What was selected or looked up is in the table that took it, and nothing else is."""
    tables = {(edge.source.name, edge.target.name) for edge in done.view.edges()}
    assert tables == {("main.default.carriers", "main.default.delays"), ("main.default.flights", "main.default.delays")}
    columns = {
        (f"{edge.source.dataset.parts[-1]}.{edge.source.name}", edge.target.name): {
            each.subtype for each in edge.transformations
        }
        for edge in done.view.column_edges()
    }
    assert columns == {
        ("carriers.name", "carrier"): {"IDENTITY", "GROUP_BY"},
        ("flights.delay", "total"): {"AGGREGATION", "FILTER"},
        ("flights.id", "total"): {"AGGREGATION"},
        ("carriers.name", "total"): {"GROUP_BY"},
        ("flights.delay", "carrier"): {"FILTER"},
        ("delays.carrier", "*"): {"FILTER"},  # which rows the DELETE leaves
        **{(of, to): {"JOIN"} for of in ("carriers.code", "flights.carrier") for to in ("carrier", "total")},
    }
