"""The bill of a workspace: metered by the published rules, and flawed where a test asks for it."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from databricks.sdk.service import serving

from genops.cost.prices import DBU_PER_HOUR
from genops.testing.workspace import LocalWorkspace, journal
from genops.testing.workspace.platform.rates import WAREHOUSE_DBU
from genops.testing.workspace.sql.failures import UnsupportedError
from support.compute import finished, notebook
from support.system_tables import ask, client_of, run

HOUR = 3600
TAGS = {"custom_tags": [{"key": "team", "value": "de"}]}
USAGE = "SELECT * FROM system.billing.usage ORDER BY usage_start_time, record_type"
# The join that Databricks documents for prices.
COST = """
    SELECT u.sku_name, SUM(u.usage_quantity) AS dbu, MAX(p.pricing.effective_list.default) AS price
    FROM system.billing.usage u JOIN system.billing.list_prices p
      ON u.sku_name = p.sku_name AND u.cloud = p.cloud AND u.usage_unit = p.usage_unit
     AND u.usage_end_time >= p.price_start_time AND (p.price_end_time IS NULL OR u.usage_end_time < p.price_end_time)
    GROUP BY u.sku_name
"""


@pytest.fixture
def ws():
    """A workspace whose states need no reads."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace


def seconds(text):
    """Seconds since the epoch of a time as the API writes it, exactly."""
    moment = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return Fraction(round(moment.timestamp() * 1000), 1000)


def total(rows):
    """The sum of the quantities."""
    return sum((Decimal(row["usage_quantity"]) for row in rows), Decimal(0))


def by_events(ws, rate):
    """DBU by hour and warehouse, computed from the warehouse's events alone."""
    hours: dict[tuple[str, int], Fraction] = {}
    last: dict[str, tuple[Fraction, int]] = {}
    for event in ask(ws, "SELECT * FROM system.compute.warehouse_events"):
        name, now = event["warehouse_id"], seconds(event["event_time"])
        since, clusters = last.get(name, (now, 0))
        while since < now:
            over = min(now, (since // HOUR + 1) * HOUR)
            key = (name, int(since // HOUR))
            hours[key] = hours.get(key, Fraction(0)) + rate * clusters * (over - since) / HOUR
            since = over
        last[name] = (now, int(event["cluster_count"]))
    return hours


def warehouse(ws, **settings):
    """A warehouse of its own that runs."""
    client = client_of(ws)
    body = {"name": "w", "cluster_size": "Small", "auto_stop_mins": 0, **settings}
    identifier = client.api_client.do("POST", "/api/2.0/sql/warehouses", body=body)["id"]
    return client.warehouses.wait_get_warehouse_running(identifier).id


def test_three_statements_and_the_tail_until_auto_stop(ws):
    """A warehouse is billed from its start to its stop by itself, and the sum is what its events say."""
    for number in range(3):
        run(ws, f"SELECT {number}")
    ws.clock.advance(minutes=20)
    rows = [row for row in ask(ws, USAGE) if row["record_type"] == "ORIGINAL"]
    expected = by_events(ws, 4)
    for row in rows:
        start = seconds(row["usage_start_time"])
        key = (json.loads(row["usage_metadata"])["warehouse_id"], int(start // HOUR))
        assert abs(Fraction(Decimal(row["usage_quantity"])) - expected.pop(key)) <= Fraction(1, 10**18)
    # What is left belongs to the warehouse as the question itself started it anew.
    assert sum(expected.values()) < Fraction(4, 60)
    assert Decimal("0.6") < total(rows) < Decimal("0.8")


def test_hours_of_a_warehouse_that_keeps_running(ws):
    """A full hour of one 2X-Small cluster is 4 DBU; the hour that is not over yet is not billed."""
    identifier = warehouse(ws, cluster_size="2X-Small", min_num_clusters=2, max_num_clusters=2)
    ws.clock.advance(hours=3)
    rows = [row for row in ask(ws, USAGE) if json.loads(row["usage_metadata"])["warehouse_id"] == identifier]
    assert len(rows) == 3
    assert [Decimal(row["usage_quantity"]) for row in rows[1:]] == [8, 8]
    assert rows[-1]["usage_end_time"].endswith(":00:00.000Z")
    assert seconds(rows[-1]["usage_end_time"]) <= ws.clock.now()


@pytest.mark.parametrize(
    ("place", "settings", "sku_name"),
    [
        (("aws", "eu-central-1", "ENTERPRISE"), "PRO", "ENTERPRISE_SQL_PRO_COMPUTE_EUROPE_FRANKFURT"),
        (("aws", "us-west-2", "PREMIUM"), "CLASSIC", "PREMIUM_SQL_COMPUTE"),
        (("azure", "westeurope", "PREMIUM"), "SERVERLESS", "PREMIUM_SERVERLESS_SQL_COMPUTE_EU_WEST"),
        (("gcp", "europe-west1", "PREMIUM"), "PRO", "PREMIUM_SQL_PRO_COMPUTE_EUROPE_BELGIUM"),
    ],
)
def test_sku_of_a_warehouse(place, settings, sku_name):
    """The SKU follows from tier, type and, but for classic, region; every one of these has a list price."""
    cloud, region, tier = place
    with LocalWorkspace(cloud=cloud, region=region, tier=tier, transition_polls=0) as ws:
        serverless = settings == "SERVERLESS"
        kind = "PRO" if serverless else settings
        identifier = warehouse(ws, warehouse_type=kind, enable_serverless_compute=serverless)
        ws.clock.advance(hours=2)
        features = "product_features.is_serverless AS serverless, product_features.sql_tier AS sql_tier"
        where = f"WHERE usage_metadata.warehouse_id = '{identifier}'"
        (found,) = ask(ws, f"SELECT DISTINCT sku_name, {features} FROM system.billing.usage {where}")
        sql_tier = "CLASSIC" if kind == "CLASSIC" else "PRO"
        assert found == {"sku_name": sku_name, "serverless": str(serverless).lower(), "sql_tier": sql_tier}
        assert sku_name in {row["sku_name"] for row in ask(ws, COST)}


def test_money_of_a_large_warehouse(ws):
    """The documented product of quantity and price holds for hours that cost more than a hundred dollars."""
    identifier = warehouse(ws, cluster_size="4X-Large", enable_serverless_compute=True)
    ws.clock.advance(hours=3)
    priced = COST.replace(
        "SUM(u.usage_quantity) AS dbu", "MAX(u.usage_quantity * p.pricing.effective_list.default) AS usd"
    )
    grouped = priced.replace("GROUP BY", f"WHERE u.usage_metadata.warehouse_id = '{identifier}' GROUP BY")
    (row,) = ask(ws, grouped)
    assert Decimal(row["usd"]) == Decimal("369.6")


def test_tags_and_owner_of_a_warehouse(ws):
    """Custom tags and the owner of a warehouse are on its records; another size from a moment on is metered as such."""
    identifier = warehouse(ws, tags=TAGS)
    ws.clock.advance(hours=2)
    client_of(ws).api_client.do("POST", f"/api/2.0/sql/warehouses/{identifier}/edit", body={"cluster_size": "Large"})
    ws.clock.advance(hours=3)
    rows = ask(ws, USAGE.replace("ORDER", f"WHERE usage_metadata.warehouse_id = '{identifier}' ORDER"))
    assert {row["custom_tags"] for row in rows} == {'{"team":"de"}'}
    assert {json.loads(row["identity_metadata"])["owned_by"] for row in rows} == {"user@example.com"}
    full = [Decimal(row["usage_quantity"]) for row in rows]
    assert 12 in full
    assert 40 in full


def test_what_has_no_published_rate_is_not_billed(ws):
    """A size without a published rate is left out and named; with a rate from the caller it is billed."""
    identifier = warehouse(ws, cluster_size="5X-Large")
    ws.clock.advance(hours=2)
    where = USAGE.replace("ORDER", f"WHERE usage_metadata.warehouse_id = '{identifier}' ORDER")
    assert ask(ws, where) == []
    bill = ws.bill()
    assert bill.unmetered[f"warehouse {identifier}"] == "no published DBU rate for the size 5X-Large"
    ws.bill(warehouse_rates={"5X-Large": "1042"})
    assert Decimal(1042) in [Decimal(row["usage_quantity"]) for row in ask(ws, where)]


def test_nodes_of_a_cluster(ws):
    """A cluster is billed by its nodes, driver included once, and Photon by its factor."""
    client = client_of(ws)
    version = "16.4.x-scala2.12"
    settings = {"spark_version": version, "node_type_id": "i3.xlarge", "autotermination_minutes": 0}
    plain = client.clusters.create(num_workers=2, custom_tags={"team": "de"}, **settings).result().cluster_id
    single = client.clusters.create(num_workers=0, **settings).result().cluster_id
    body = {**settings, "num_workers": 1, "runtime_engine": "PHOTON"}
    photon = client.api_client.do("POST", "/api/2.1/clusters/create", body=body)["cluster_id"]
    ws.clock.advance(hours=3)
    full = {}
    for row in ask(ws, USAGE):
        metadata = json.loads(row["usage_metadata"])
        if metadata["cluster_id"]:
            full[metadata["cluster_id"]] = (Decimal(row["usage_quantity"]), row["sku_name"], metadata["node_type"])
    assert full[plain] == (3, "PREMIUM_ALL_PURPOSE_COMPUTE", "i3.xlarge")
    assert full[single] == (1, "PREMIUM_ALL_PURPOSE_COMPUTE", "i3.xlarge")
    assert full[photon] == (4, "PREMIUM_ALL_PURPOSE_COMPUTE_(PHOTON)", "i3.xlarge")


def test_job_clusters_name_job_and_run(ws):
    """A cluster of a job is billed as jobs compute, with the job, the run, and the tags of both."""
    client = client_of(ws)
    notebook(client, "/Shared/etl", "SELECT 1")
    spec = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
    task = {"task_key": "only", "notebook_task": {"notebook_path": "/Shared/etl"}, "new_cluster": spec}
    job = {"name": "nightly", "tags": {"team": "de"}, "tasks": [task]}
    job_id = client.api_client.do("POST", "/api/2.2/jobs/create", body=job)["job_id"]
    run_id = finished(client, client.jobs.run_now(job_id).response.run_id).run_id
    ws.clock.advance(hours=1)
    rows = [row for row in ask(ws, USAGE) if row["billing_origin_product"] == "JOBS"]
    assert rows
    for row in rows:  # two where the run met the end of an hour
        metadata = json.loads(row["usage_metadata"])
        assert (row["sku_name"], row["custom_tags"]) == ("PREMIUM_JOBS_COMPUTE", '{"team":"de"}')
        assert (metadata["job_id"], metadata["job_run_id"]) == (str(job_id), str(run_id))


def test_tokens_only_by_a_rate_of_the_caller(ws):
    """A serving endpoint is billed by its tokens where the caller gives a rate, and is named as unmetered before."""
    client = client_of(ws)
    model = {"name": "m", "entity_name": "system.ai.llama_v3_3_70b_instruct", "entity_version": "1"}
    body = {"name": "chat", "config": {"served_entities": [{**model, "scale_to_zero_enabled": True}]}}
    client.api_client.do("POST", "/api/2.0/serving-endpoints", body=body)
    client.serving_endpoints.wait_get_serving_endpoint_not_updating("chat")
    message = {"messages": [{"role": "user", "content": "three words here"}]}
    usage = client.api_client.do("POST", "/serving-endpoints/chat/invocations", body=message)["usage"]
    ws.clock.advance(hours=1)
    where = "WHERE usage_metadata.endpoint_name = 'chat'"
    assert ask(ws, f"SELECT * FROM system.billing.usage {where}") == []
    assert "endpoint chat" in ws.bill().unmetered
    ws.bill(token_rates={"chat": 1000})
    (row,) = ask(ws, f"SELECT usage_quantity, usage_type, sku_name FROM system.billing.usage {where}")
    assert Decimal(row["usage_quantity"]) == Decimal(usage["total_tokens"]) / 1000
    assert row["usage_type"] == "TOKEN"
    assert row["sku_name"] == "PREMIUM_SERVERLESS_REAL_TIME_INFERENCE_US_EAST_N_VIRGINIA"


def test_a_long_run_is_billed_whole(monkeypatch):
    """What the journal forgets of statements and requests is no usage that the bill forgets."""
    monkeypatch.setattr(journal, "KEPT", 3)
    with LocalWorkspace(transition_polls=0) as ws:
        w = client_of(ws)
        model = serving.ServedEntityInput(
            entity_name="system.ai.llama_v3_3_70b_instruct", entity_version="1", scale_to_zero_enabled=True
        )
        w.serving_endpoints.create("chat", config=serving.EndpointCoreConfigInput(name="x", served_entities=[model]))
        w.serving_endpoints.get("chat")
        ws.bill(token_rates={"chat": 1_000_000}, attributed=True)
        said = serving.ChatMessage(role=serving.ChatMessageRole.USER, content="hello")
        tokens = sum(w.serving_endpoints.query("chat", messages=[said]).usage.total_tokens for _ in range(6))
        for _ in range(6):
            w.warehouses.stop(ws.warehouse_id).result()
            w.warehouses.start(ws.warehouse_id).result()
            ws.clock.advance(hours=0.1)
        run(ws, "SELECT 1")
        w.warehouses.stop(ws.warehouse_id).result()
        ws.clock.advance(hours=2)
        by_product = {
            row["billing_origin_product"]: Decimal(row["dbu"])
            for row in ask(
                ws, "SELECT billing_origin_product, sum(usage_quantity) AS dbu FROM system.billing.usage GROUP BY 1"
            )
        }
        assert by_product["MODEL_SERVING"] == tokens
        assert float(by_product["SQL"]) == pytest.approx(0.6 * 4, rel=0.05)
        for _ in range(4):
            run(ws, "SELECT 1")
        with pytest.raises(UnsupportedError, match="are forgotten"):
            ws.execute("SELECT * FROM system.billing.attributed_usage")


def test_restatements_sum_to_what_was_metered(ws):
    """Wrong records are retracted and restated later, and the sum of all is then the sum that was metered."""
    warehouse(ws)
    ws.clock.advance(hours=10)
    truth = total(ask(ws, USAGE))
    ws.bill(seed=7, restated=0.9, restated_after_hours=24)
    before = ask(ws, USAGE)
    assert {row["record_type"] for row in before} == {"ORIGINAL"}
    assert total(before) != truth
    client_of(ws).warehouses.list()
    stop_everything(ws)
    ws.clock.advance(hours=36)
    after = ask(ws, USAGE)
    kinds = [row["record_type"] for row in after]
    assert kinds.count("RETRACTION") == kinds.count("RESTATEMENT") > 0
    kept, first = {row["record_id"] for row in before}, {row["usage_start_time"] for row in before}
    ws.bill()
    plain = ask(ws, USAGE)

    def total_then(rows):
        return total([row for row in rows if row["usage_start_time"] in first])

    assert total_then(after) == total_then(plain)
    assert kept <= {row["record_id"] for row in after}


def stop_everything(ws):
    """No warehouse runs any more."""
    client = client_of(ws)
    for found in client.warehouses.list():
        client.warehouses.stop(found.id).result()


def test_late_rows_arrive_by_the_clock(ws):
    """A late record is not there when its hour is over, and is there at the latest after the hours given."""
    warehouse(ws)
    ws.bill(seed=3, late_hours=12)
    ws.clock.advance(hours=6)
    early = len(ask(ws, USAGE))
    ws.bill(seed=3)
    assert early < len(ask(ws, USAGE))
    stop_everything(ws)
    ws.bill(seed=3, late_hours=12)
    ws.clock.advance(hours=13)
    late = ask(ws, USAGE)
    assert len(late) >= 7
    assert all(row["ingestion_date"] >= row["usage_date"] for row in late)


def test_a_seed_decides_what_is_hit(ws):
    """The same seed leaves the same records untagged and adds the same unrecorded usage; another one does not."""
    warehouse(ws, tags=TAGS)
    ws.clock.advance(hours=30)

    def hit(seed):
        ws.bill(seed=seed, untagged=0.5, unrecorded=4)
        return [(row["record_id"], row["custom_tags"], row["usage_quantity"]) for row in ask(ws, USAGE)[:30]]

    first, second, other = hit(1), hit(1), hit(2)
    assert first == second
    assert first != other
    assert {tags for _, tags, _ in first[8:]} == {"{}", '{"team":"de"}'}
    known = {found.id for found in client_of(ws).warehouses.list()}
    strange = [json.loads(row["usage_metadata"]) for row in ask(ws, USAGE)[:4]]
    assert all(row["warehouse_id"] not in known for row in strange)


def test_prices_change_from_a_moment_on(ws):
    """Another list price closes the row before it, and each record meets exactly one price."""
    warehouse(ws, warehouse_type="PRO")
    sku_name = "PREMIUM_SQL_PRO_COMPUTE_US_EAST_N_VIRGINIA"
    ws.clock.advance(hours=3)
    ws.bill().reprice(sku_name, "0.60")
    ws.clock.advance(hours=3)
    shown = "pricing.default AS price, price_start_time, price_end_time"
    where = f"WHERE sku_name = '{sku_name}' ORDER BY price_start_time"
    prices = ask(ws, f"SELECT {shown} FROM system.billing.list_prices {where}")
    assert [Decimal(row["price"]) for row in prices] == [Decimal("0.55"), Decimal("0.6")]
    assert prices[0]["price_end_time"] == prices[1]["price_start_time"]
    assert prices[1]["price_end_time"] is None
    single = COST.replace("GROUP BY u.sku_name", "GROUP BY u.sku_name, u.record_id")
    matched = ask(ws, single.replace("SUM(u.usage_quantity) AS dbu", "u.record_id, COUNT(*) AS prices"))
    mine = [row for row in matched if row["sku_name"] == sku_name]
    assert {row["prices"] for row in mine} == {"1"}
    assert len(mine) == len({row["record_id"] for row in mine})
    assert {Decimal(row["price"]) for row in mine} == {Decimal("0.55"), Decimal("0.60")}


def test_negotiated_prices_only_where_given(ws):
    """account_prices is empty until a discount is given."""
    assert ask(ws, "SELECT * FROM system.billing.account_prices") == []
    ws.bill(discount=0.25)
    where = "WHERE sku_name = 'PREMIUM_SQL_COMPUTE' AND cloud = 'AWS'"
    (row,) = ask(ws, f"SELECT pricing.default AS price FROM system.billing.account_prices {where}")
    assert Decimal(row["price"]) == Decimal("0.165")


def test_attributed_usage_is_empty_unless_asked_for(ws):
    """Databricks' own split has one part for each statement and hour, together never more than the record."""
    for number in range(3):
        run(ws, f"SELECT {number}", query_tags=None)
    ws.clock.advance(hours=2)
    assert ask(ws, "SELECT * FROM system.billing.attributed_usage") == []
    ws.bill(attributed=True)
    parts = ask(ws, "SELECT * FROM system.billing.attributed_usage")
    assert len({json.loads(row["usage_metadata"])["dbsql_statement_id"] for row in parts}) >= 3
    billed = {row["record_id"]: Decimal(row["usage_quantity"]) for row in ask(ws, USAGE)}
    for record, quantity in billed.items():
        mine = [Decimal(row["active_usage_quantity"]) for row in parts if record in row["usage_record_ids"]]
        assert sum(mine, Decimal(0)) <= quantity


@pytest.mark.parametrize(("given", "name"), [({"restated": 1.5}, "restated"), ({"late_hours": -1}, "late_hours")])
def test_a_bill_that_cannot_be(ws, given, name):
    """A share above one, or negative hours, is refused with the name of the argument."""
    with pytest.raises(ValueError, match=name):
        ws.bill(**given)


def test_warehouses_use_what_genops_prices():
    """The bill keeps a table of its own, as the workspace imports nothing of genops; the rates are the same."""
    assert WAREHOUSE_DBU == DBU_PER_HOUR
