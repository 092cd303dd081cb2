"""Pictures of panels: drawn from a dashboard's JSON and a Prometheus' answers alone, photographed by a real browser.

No Grafana draws them, so they show what is there to be seen (titles, units, legends, figures), not Grafana's own looks.
"""

from __future__ import annotations

import math
import re
import subprocess
import time
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from support.boards import substituted

if TYPE_CHECKING:
    from pathlib import Path

    from support.boards import Backend

COLUMN, LINE = 64, 36
STEP = 60
_NAMED = {"green": "#56a64b", "orange": "#ff780a", "red": "#e02f44", "purple": "#a352cc"}
_PALETTE = (
    "#3274d9",
    "#56a64b",
    "#f2cc0c",
    "#8f3bb8",
    "#ff780a",
    "#37872d",
    "#e02f44",
    "#00a3a3",
    "#b877d9",
    "#5a6f8a",
)
_SHORT = ((1e9, "Bil"), (1e6, "Mil"), (1e3, "K"))
_SECONDS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"))


class Series(NamedTuple):
    """One series as it is shown.

    Attributes:
        name: Its legend.
        labels: Its labels.
        points: Time and value.
        query: Which query of the panel answered it.
    """

    name: str
    labels: dict[str, str]
    points: list[tuple[float, float]]
    query: str


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value in its unit.

    >>> shown(131.25, "currencyUSD"), shown(0.0028, "currencyUSD"), shown(0.875, "percentunit"), shown(0.31, "s")
    ('$131.25', '$0.0028', '87.5%', '310 ms')
    >>> shown(12.0, "short", 0), shown(1500.0, "short"), shown(-0.2, "currencyUSD")
    ('12', '1.5 K', '-$0.20')
    """
    if unit == "currencyUSD":
        sign = "-" if value < 0 else ""
        return f"{sign}${_digits(abs(value), decimals if abs(value) < 0.01 else 2 if decimals is None else decimals)}"
    if unit == "percentunit":
        return f"{_digits(value * 100, decimals)}%"
    scales = {"s": _SECONDS, "short": _SHORT, "none": ()}[unit]
    for size, word in scales:
        if abs(value) >= size:
            return f"{_digits(value / size, decimals)} {word}"
    return _digits(value, decimals) + (" s" if unit == "s" and value else "")


def _digits(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}".rstrip("0").rstrip(".") if places else f"{value:,.0f}"


def answered(panel: dict[str, Any], backend: Backend, start: float, end: float) -> list[Series]:
    """Ask each query of a panel, as Grafana would over this range."""
    found: list[Series] = []
    window = f"{round(end - start)}s"
    for target in panel["targets"]:
        if target["range"]:
            expression = substituted(target["expr"], window, f"{STEP}s")
            rows = backend.over_time(expression, start, end, STEP)
        else:
            rows = backend.query(substituted(target["expr"], window))
        for row in rows:
            points = [(float(at), float(value)) for at, value in row.get("values") or [row["value"]]]
            name = re.sub(r"{{(\w+)}}", lambda m, row=row: row["metric"].get(m[1], ""), target.get("legendFormat", ""))
            found.append(Series(name.strip() or "Value", row["metric"], points, target["refId"]))
    return found


def drawn(panel: dict[str, Any], series: list[Series], start: float, end: float) -> str:
    """Return a panel as HTML of the size that its place on the grid gives it."""
    width, height = panel["gridPos"]["w"] * COLUMN - 12, panel["gridPos"]["h"] * LINE - 12
    title = f'<div class="title" title="{escape(panel["description"])}">{escape(panel["title"])}</div>'
    if not series:
        body = '<div class="nothing">No data</div>'
    else:
        body = _DRAW[panel["type"]](panel, series, (width - 20, height - 40), (start, end))
    return f'<div class="panel" style="width:{width}px;height:{height}px">{title}{body}</div>'


def _unit(panel: dict[str, Any]) -> tuple[str, int | None]:
    defaults = panel["fieldConfig"]["defaults"]
    return defaults["unit"], defaults.get("decimals")


def _colour(panel: dict[str, Any], value: float, number: int) -> str:
    thresholds = panel["fieldConfig"]["defaults"].get("thresholds")
    if thresholds is None:
        return _PALETTE[number % len(_PALETTE)]
    passed = [step["color"] for step in thresholds["steps"] if step["value"] is None or value >= step["value"]]
    return _NAMED[passed[-1]]


def _named_colours(panel: dict[str, Any]) -> dict[str, str]:
    return {
        override["matcher"]["options"]: _NAMED[entry["value"]["fixedColor"]]
        for override in panel["fieldConfig"]["overrides"]
        for entry in override["properties"]
        if entry["id"] == "color"
    }


def _figure(panel: dict[str, Any], series: list[Series], _: tuple[int, int], __: tuple[float, float]) -> str:
    (one,) = series
    value = one.points[-1][1]
    colour = _colour(panel, value, 5) if "thresholds" in panel["fieldConfig"]["defaults"] else "#24292e"
    return f'<div class="figure" style="color:{colour}">{shown(value, *_unit(panel))}</div>'


def _ranking(panel: dict[str, Any], series: list[Series], size: tuple[int, int], _: tuple[float, float]) -> str:
    unit = _unit(panel)
    values = [(each.name, each.points[-1][1]) for each in series]
    most = panel["fieldConfig"]["defaults"].get("max") or max(value for _, value in values) or 1.0
    lines = []
    for number, (name, value) in enumerate(values):
        share = min(max(value / most, 0), 1) * 100
        lines.append(
            f'<div class="bar"><span class="name">{escape(name)}</span><span class="track"><span class="fill" '
            f'style="width:{share:.1f}%;background:{_colour(panel, value, number)}"></span></span>'
            f'<span class="value">{shown(value, *unit)}</span></div>'
        )
    return f'<div class="ranking" style="height:{size[1]}px">{"".join(lines)}</div>'


def _table(panel: dict[str, Any], series: list[Series], _: tuple[int, int], __: tuple[float, float]) -> str:
    unit = _unit(panel)
    several = len(panel["targets"]) > 1
    rows: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for each in series:
        key = tuple(sorted((k, v) for k, v in each.labels.items() if k != "__name__"))
        row = rows.setdefault(key, dict(key))
        row[f"Value #{each.query}" if several else "Value"] = shown(each.points[-1][1], *unit)
    columns = _columns(panel, rows)
    head = "".join(f"<th>{escape(heading)}</th>" for _, heading in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(row.get(name, ''))}</td>" for name, _ in columns) + "</tr>"
        for row in rows.values()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _columns(panel: dict[str, Any], rows: Any) -> list[tuple[str, str]]:
    """Apply the transformations of a panel to the names of its columns."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    headings = {name: name for name in names}
    for transformation in panel.get("transformations", []):
        options = transformation["options"]
        if transformation["id"] == "filterFieldsByName":
            names = [name for name in names if name in options["include"]["names"]]
        elif transformation["id"] == "organize":
            names.sort(key=lambda name: options["indexByName"][name])
            headings |= options["renameByName"]
    return [(name, headings[name]) for name in names]


def _over_time(panel: dict[str, Any], series: list[Series], size: tuple[int, int], span: tuple[float, float]) -> str:
    custom = panel["fieldConfig"]["defaults"]["custom"]
    bars = custom.get("drawStyle") == "bars"
    keys_high = 20 * math.ceil(sum(len(each.name) + 5 for each in series) * 7 / size[0])
    width, height, left = size[0], size[1] - keys_high - 4, 64
    stacked: dict[float, float] = {}
    for each in series:
        for at, value in each.points:
            stacked[at] = (stacked.get(at, 0.0) + value) if bars else max(stacked.get(at, 0.0), value)
    ticks = _ticks(max(stacked.values(), default=0.0), panel["fieldConfig"]["defaults"].get("decimals") == 0)
    top = ticks[-1]

    def x(at: float) -> float:
        return left + (at - span[0]) / (span[1] - span[0]) * (width - left - 10)

    def y(value: float) -> float:
        return height - 18 - value / top * (height - 30)

    parts = [_axes(panel, ticks, span, (x, y), (left, width, height))]
    colours = {each.name: _PALETTE[n % len(_PALETTE)] for n, each in enumerate(series)} | _named_colours(panel)
    below: dict[float, float] = {}
    for each in series:
        colour = colours[each.name]
        if bars:
            broad = max(3.0, (width - left) / ((span[1] - span[0]) / STEP) * 0.8)
            for at, value in each.points:
                base = below.get(at, 0.0)
                below[at] = base + value
                parts.append(
                    f'<rect x="{x(at) - broad / 2:.1f}" y="{y(base + value):.1f}" width="{broad:.1f}" '
                    f'height="{max(y(base) - y(base + value), 0):.1f}" fill="{colour}" opacity="0.85"/>'
                )
        else:
            line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in each.points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    keys = "".join(
        f'<span class="key"><i style="background:{colours[each.name]}"></i>{escape(each.name)}</span>'
        for each in series
    )
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg><div class="legend">{keys}</div>'


def _ticks(most: float, whole: bool) -> list[float]:
    """Return round values from zero to beyond the largest.

    >>> _ticks(7, True), _ticks(0.0031, False)
    ([0.0, 2.0, 4.0, 6.0, 8.0], [0.0, 0.001, 0.002, 0.003, 0.004])
    """
    raw = (most or 1.0) / 4
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= raw)
    step = max(1.0, step) if whole else step
    return [float(f"{step * number:.6g}") for number in range(math.ceil((most or 1.0) / step) + 1)]


def _axes(panel: dict[str, Any], ticks: list[float], span: tuple[float, float], scale: Any, box: Any) -> str:
    (x, y), (left, width, height) = scale, box
    parts = []
    for tick in ticks:
        parts.append(f'<line x1="{left}" x2="{width}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#e4e7eb"/>')
        parts.append(
            f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{shown(tick, *_unit(panel))}</text>'
        )
    for number in range(5):
        at = span[0] + (span[1] - span[0]) * (number + 0.5) / 5
        clock = time.strftime("%H:%M", time.localtime(at))
        parts.append(f'<text x="{x(at):.1f}" y="{height - 2}" text-anchor="middle">{clock}</text>')
    return "".join(parts)


_DRAW = {"stat": _figure, "bargauge": _ranking, "table": _table, "timeseries": _over_time}
_STYLE = """
body{margin:0;background:#f4f5f5;font:13px "DejaVu Sans",sans-serif;color:#24292e}
.panel{position:absolute;background:#fff;border:1px solid #d8dce2;border-radius:3px;overflow:hidden;
box-sizing:border-box}
.title{padding:7px 10px;font-weight:bold}.nothing{color:#888;text-align:center;padding-top:30px}
.figure{font-size:34px;text-align:center;padding-top:14px;font-weight:bold}
.ranking{padding:4px 10px}.bar{display:flex;align-items:center;margin:7px 0}.name{width:38%;text-align:right;
padding-right:8px;white-space:nowrap;overflow:hidden}.track{flex:1;background:#eceff1;height:20px}.fill{display:block;height:20px}
.value{width:90px;padding-left:8px;font-weight:bold}
table{border-collapse:collapse;width:calc(100% - 20px);margin:0 10px}th,td{text-align:left;padding:5px 8px;
border-bottom:1px solid #e4e7eb;font-size:12px}svg text{font-size:11px;fill:#5a6270}
.legend{padding:0 10px;font-size:11px;line-height:20px}
.key{margin-right:14px;white-space:nowrap;display:inline-block}.key i{display:inline-block;width:14px;
height:4px;margin-right:5px;vertical-align:middle}.row{position:absolute;font-weight:bold;font-size:15px}
h1{font-size:18px;margin:0;padding:10px 12px}
"""


def page(board: dict[str, Any], backend: Backend, start: float, end: float) -> tuple[str, tuple[int, int]]:
    """Return a dashboard as a page, and the page's size."""
    parts, bottom = [], 0
    for panel in board["panels"]:
        place = panel["gridPos"]
        x, y = place["x"] * COLUMN + 6, place["y"] * LINE + 50
        bottom = max(bottom, y + place["h"] * LINE)
        if panel["type"] == "row":
            parts.append(f'<div class="row" style="left:{x + 4}px;top:{y + 8}px">{escape(panel["title"])}</div>')
        else:
            inside = drawn(panel, answered(panel, backend, start, end), start, end)
            parts.append(f'<div style="position:absolute;left:{x}px;top:{y}px">{inside}</div>')
    heading = f"<h1>{escape(board['title'])}</h1>"
    return _whole(heading + "".join(parts)), (24 * COLUMN + 12, bottom + 12)


def alone(panel: dict[str, Any], series: list[Series], start: float, end: float) -> tuple[str, tuple[int, int]]:
    """Return one panel as a page, and the page's size."""
    size = (panel["gridPos"]["w"] * COLUMN - 12, panel["gridPos"]["h"] * LINE - 12)
    return _whole(drawn(panel, series, start, end)), size


def _whole(body: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style>{body}'


def photographed(chromium: str, html: str, size: tuple[int, int], picture: Path) -> None:
    """Let a browser draw a page, and keep what it shows, two pixels to each of the page's."""
    source = picture.with_suffix(".html")
    source.write_text(html, "utf-8")
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--force-device-scale-factor=2",
        f"--window-size={size[0]},{size[1]}",
        f"--screenshot={picture}",
        source.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert picture.exists(), done.stderr[-2000:]
