"""The dashboards as Grafana's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from genops.cli.dashboards import guide, overview
from genops.cli.dashboards.names import metric
from genops.cli.dashboards.panels import DATASOURCE, Panel, built
from genops.cli.dashboards.queries import VARIABLES
from genops.cli.dashboards.sdk import JSONEncoder, builders, models
from genops.telemetry.semconv import Metric

DATASOURCE_UID = "genops-prometheus"
"""What the provisioned data source is called; another one can be chosen in the dashboard."""

OF_INTERVALS = ("auto", "auto_count", "auto_min")
"""What the SDK writes for every kind of variable, and Grafana's types do not know."""


def files() -> dict[str, str]:
    """Return the text of each dashboard by file name."""
    return {
        "unity-catalog-governance.json": _text(_guide()),
        "genops-overview.json": _text(_overview()),
    }


def _guide() -> Any:
    return _with(_dashboard(guide.TITLE, guide.UID, guide.DESCRIPTION), guide.PANELS)


def _overview() -> Any:
    found = _dashboard(overview.TITLE, overview.UID, overview.DESCRIPTION)
    for variable, name in VARIABLES.items():
        found.with_variable(_variable(variable, name))
    for heading, panels in overview.ROWS:
        if heading:
            above = min(panel.place[1] for panel in panels) - 1
            place = models.GridPos(h=1, w=24, x=0, y=above)
            found.with_row(builders.Row(heading).grid_pos(place).collapsed(False))
        _with(found, panels)
    return found


def _with(dashboard: Any, panels: Iterable[Panel]) -> Any:
    for panel in panels:
        dashboard.with_panel(built(panel))
    return dashboard


def _dashboard(title: str, uid: str, description: str) -> Any:
    chosen = models.VariableOption(selected=True, text="Prometheus", value=DATASOURCE_UID)
    source = builders.DatasourceVariable("datasource").label("Data source").type("prometheus").current(chosen)
    return (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["genops"])
        .editable()
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .with_variable(source)
    )


def _variable(variable: str, name: str) -> Any:
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    expression = f"label_values({metric(Metric.DECISIONS)}, {name})"
    return (
        builders.QueryVariable(variable)
        .label(variable.capitalize())
        .datasource(DATASOURCE)
        .query({"query": expression, "refId": variable})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(everything)
    )


def _text(dashboard: Any) -> str:
    encoded = cast("dict[str, Any]", json.loads(JSONEncoder(sort_keys=True).encode(dashboard.build())))
    for variable in encoded["templating"]["list"]:
        for name in OF_INTERVALS:
            variable.pop(name, None)
    for number, panel in enumerate(encoded["panels"], 1):
        panel["id"] = number
    return json.dumps(encoded, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
