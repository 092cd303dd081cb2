"""What a panel shows, and how the Grafana Foundation SDK is told so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from genops.cli.dashboards.sdk import (
    PromQueryFormat,
    bargauge,
    builders,
    common,
    looks,
    models,
    queries,
    stat,
    table,
    timeseries,
)

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
SHORTEST = "1m"
"""Shortest step of what is shown over time: four scrapes of 15 s, so that each step holds samples."""


class Query(NamedTuple):
    """One query of a panel.

    Attributes:
        expression: PromQL.
        legend: How Grafana names its series; labels stand in double braces.
    """

    expression: str
    legend: str = ""


class Panel(NamedTuple):
    """One panel.

    Attributes:
        title: What stands above it.
        description: What its figures mean.
        kind: `bars`, `lines`, `table`, `ranking` or `figure`.
        place: Column, row, width and height on Grafana's grid of 24 columns.
        queries: What it asks.
        unit: Grafana's id of the unit.
        decimals: Decimal places; Grafana chooses where nothing is said.
        thresholds: Colour from each value on; the first stands for everything below the second.
        colours: Colour by name of a series.
        columns: Heading by label or query, in order, for tables; what is not named is hidden. All where empty.
        most: Upper end of the scale of a ranking.
    """

    title: str
    description: str
    kind: str
    place: tuple[int, int, int, int]
    queries: tuple[Query, ...]
    unit: str = "short"
    decimals: int | None = None
    thresholds: tuple[tuple[float | None, str], ...] = ()
    colours: tuple[tuple[str, str], ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    most: float | None = None


def built(panel: Panel) -> Any:
    """Return the builder of a panel."""
    builder = _KINDS[panel.kind](panel)
    x, y, width, height = panel.place
    builder.title(panel.title).description(panel.description).datasource(DATASOURCE).unit(panel.unit)
    builder.grid_pos(models.GridPos(h=height, w=width, x=x, y=y))
    if panel.decimals is not None:
        builder.decimals(panel.decimals)
    if panel.thresholds:
        steps = [models.Threshold(value=value, color=colour) for value, colour in panel.thresholds]
        builder.thresholds(builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    for name, colour in panel.colours:
        fixed = {"mode": "fixed", "fixedColor": colour}
        builder.override_by_name(name, [models.DynamicConfigValue(id_val="color", value=fixed)])
    for number, query in enumerate(panel.queries):
        builder.with_target(_target(panel, query, chr(ord("A") + number)))
    return builder


def _target(panel: Panel, query: Query, ref: str) -> Any:
    target = queries.Dataquery().ref_id(ref).expr(query.expression).datasource(DATASOURCE)
    if query.legend:
        target.legend_format(query.legend)
    if panel.kind == "table":
        target.format(PromQueryFormat.TABLE)
    return target.range() if panel.kind in {"bars", "lines"} else target.instant()


def _lines(_: Panel) -> Any:
    legend = (
        common.VizLegendOptions()
        .display_mode(looks.LegendDisplayMode.LIST)
        .placement(looks.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    tooltip = common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
    return (
        timeseries.Panel()
        .legend(legend)
        .tooltip(tooltip)
        .interval(SHORTEST)
        .min(0)
        .line_width(2)
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )


def _bars(panel: Panel) -> Any:
    return (
        _lines(panel)
        .draw_style(looks.GraphDrawStyle.BARS)
        .line_width(1)
        .fill_opacity(80)
        .stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL).group("A"))
    )


def _table(panel: Panel) -> Any:
    builder = table.Panel().show_header(True)
    if len(panel.queries) > 1:
        builder.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    if panel.columns:
        names = dict(panel.columns)
        builder.with_transformation(
            models.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(names)}})
        )
        order = {name: number for number, name in enumerate(names)}
        options = {"excludeByName": {}, "includeByName": {}, "indexByName": order, "renameByName": names}
        builder.with_transformation(models.DataTransformerConfig(id_val="organize", options=options))
    return builder


def _last() -> Any:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)


def _ranking(panel: Panel) -> Any:
    builder = (
        bargauge.Panel()
        .orientation(looks.VizOrientation.HORIZONTAL)
        .display_mode(looks.BarGaugeDisplayMode.BASIC)
        .show_unfilled(True)
        .reduce_options(_last())
        .min(0)
    )
    if not panel.thresholds:
        builder.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    return builder if panel.most is None else builder.max(panel.most)


def _figure(_: Panel) -> Any:
    return (
        stat.Panel()
        .reduce_options(_last())
        .graph_mode(looks.BigValueGraphMode.NONE)
        .color_mode(looks.BigValueColorMode.VALUE)
        .text_mode(looks.BigValueTextMode.VALUE)
    )


_KINDS: dict[str, Callable[[Panel], Any]] = {
    "bars": _bars,
    "lines": _lines,
    "table": _table,
    "ranking": _ranking,
    "figure": _figure,
}
