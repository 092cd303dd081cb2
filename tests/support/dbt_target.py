"""A target folder as dbt leaves it, small and made by hand: one node of each kind that matters to lineage."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def _node(name: str, kind: str, code: str, reads: list[str], materialized: str, **more: Any) -> dict[str, Any]:
    config = {"materialized": materialized, **more.pop("config", {})}
    return {
        "resource_type": kind,
        "name": name,
        "package_name": "shop",
        "original_file_path": f"{kind}s/{name}.sql",
        "relation_name": None if materialized == "ephemeral" else f"`main`.`marts`.`{name}`",
        "compiled_code": code,
        "depends_on": {"nodes": reads},
        "config": config,
        **more,
    }


ORDERS, CITIES, STAGED = "source.shop.raw.orders", "seed.shop.cities", "model.shop.staged"
NODES: dict[str, dict[str, Any]] = {
    "model.shop.a_report": _node(
        "a_report",
        "model",
        "select s.*, c.country from `main`.`marts`.`staged` s\n"
        "join `main`.`marts`.`cities` c on s.city = c.name -- the end",
        [STAGED, CITIES],
        "table",
    ),
    STAGED: _node("staged", "model", "select *, 1 as one from `main`.`raw`.`orders`;\n", [ORDERS], "view"),
    "model.shop.paid": _node("paid", "model", "select * from `main`.`marts`.`staged`", [STAGED], "ephemeral"),
    "model.shop.sums": _node(
        "sums",
        "model",
        "with __dbt__cte__paid as (select * from `main`.`marts`.`staged` where state = 'hunter2')\n"
        "select city, sum(price) as total from __dbt__cte__paid group by city",
        ["model.shop.paid"],
        "incremental",
        config={"incremental_strategy": "merge"},
    ),
    "model.shop.scored": _node(
        "scored", "model", "def model(dbt, session): ...", ["model.shop.paid"], "table", language="python"
    ),
    "snapshot.shop.states": _node(
        "states", "snapshot", "select id, state from `main`.`marts`.`staged`", [STAGED], "snapshot"
    ),
    "model.shop.valid": _node(
        "valid",
        "model",
        "select * from `main`.`marts`.`states` where dbt_valid_to is null",
        ["snapshot.shop.states"],
        "view",
    ),
    "model.shop.beside": _node(
        "beside", "model", "", [STAGED], "table", compiled_path="elsewhere/target/compiled/shop/models/beside.sql"
    ),
    "model.shop.bare": _node("bare", "model", "", [STAGED], "table"),
    "test.shop.unique": _node("unique", "test", "select 1 from `main`.`marts`.`staged`", [STAGED], "test"),
    CITIES: _node("cities", "seed", "", [], "seed", original_file_path="seeds/cities.csv"),
}


def target(folder: Path, adapter: str = "databricks", **changed: Any) -> Path:
    """Write a project's target folder, with manifest, catalog, a compiled file and a seed's file; return its path."""
    made = folder / "target"
    (made / "compiled/shop/models").mkdir(parents=True)
    (folder / "seeds").mkdir()
    (folder / "seeds/cities.csv").write_text("name,country\nBerlin,DE\n")
    (made / "compiled/shop/models/beside.sql").write_text("select price as p from `main`.`marts`.`staged`")
    manifest = {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "adapter_type": adapter,
            "project_name": "shop",
        },
        "nodes": NODES,
        "sources": {ORDERS: {"relation_name": "`main`.`raw`.`orders`", "resource_type": "source"}},
        **changed,
    }
    columns = {name: {"name": name, "index": at} for at, name in enumerate(("id", "city", "price", "state"), 1)}
    (made / "manifest.json").write_text(json.dumps(manifest))
    (made / "catalog.json").write_text(json.dumps({"nodes": {}, "sources": {ORDERS: {"columns": columns}}}))
    return made


QUOTES = {
    "snowflake": "",
    "spark": "",
    "bigquery": "`",
    "postgres": '"',
    "duckdb": '"',
    "sqlserver": '"',
    "athena": '"',
}


def respelled(made: Path, adapter: str) -> None:
    """Write the names of relations in a target folder as dbt's adapter of that name spells them."""

    def spelled(name: re.Match[str]) -> str:
        parts = name[0].replace("`", "").split(".")
        if adapter == "snowflake":
            parts = [part.upper() for part in parts]
        return ".".join(f"{QUOTES[adapter]}{part}{QUOTES[adapter]}" for part in parts)

    def anywhere(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: anywhere(each) for key, each in value.items()}
        return re.sub(r"`\w+`\.`\w+`\.`\w+`", spelled, value) if isinstance(value, str) else value

    manifest, code = made / "manifest.json", made / "compiled/shop/models/beside.sql"
    manifest.write_text(json.dumps(anywhere(json.loads(manifest.read_text()))))
    code.write_text(anywhere(code.read_text()))
