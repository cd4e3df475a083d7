"""Figures of the report as plotly values (data and layout), without colours.

Each trace names its role in `meta` ("real", "synthetic", "association", "difference", "chance"); the page gives roles
their colours, so that light and dark mode need one figure. Text that comes from the table is escaped, because plotly
reads a little HTML in its labels.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.evaluation.columns import ScoredColumn, Table, Values, missing
from ss_ray.evaluation.privacy.near_copies import DistanceQuantiles
from ss_ray.evaluation.quality.components import Components, Point
from ss_ray.evaluation.quality.discriminator import RocCurve
from ss_ray.evaluation.quality.fidelity import Associations
from ss_ray.schema import ORDERED_KINDS, WHOLE_KINDS, Kind

Figure = dict[str, Any]
MAX_BARS = 10
BINS = 36
LABEL_LENGTH = 18
"""Characters of a label; longer ones are cut in the middle."""


def column_figure(real: Table, synthetic: Table, column: ScoredColumn) -> Figure:
    """Real and synthetic values of one column, as shares of the rows with a value."""
    x, y = (table.values[column.name] for table in (real, synthetic))
    x = x[~missing(x)]
    y = y[~missing(y)]
    if column.nominal:
        return _draw_bars(x, y, column)
    return _draw_histogram(x, y, column)


def association_figures(associations: Associations, limit: int) -> list[Figure]:
    """Heat maps of the real table, the synthetic table and their absolute difference, at most `limit` columns."""
    real, made = (np.array(m, dtype=float)[:limit, :limit] for m in (associations.real, associations.synthetic))
    names = [escape_label(name) for name in associations.columns[:limit]]
    panels = ((real, "association"), (made, "association"), (np.abs(real - made), "difference"))
    return [_heat_map(values, names, role) for values, role in panels]


def roc_figure(curve: RocCurve) -> Figure:
    """ROC curve of the discriminator, with the diagonal of guessing."""
    x = list(curve.false_positive)
    y = list(curve.true_positive)
    hover = "real called synthetic %{x:.1%}<br>synthetic found %{y:.1%}<extra></extra>"
    line = {"type": "scatter", "mode": "lines", "meta": "synthetic", "x": x, "y": y, "hovertemplate": hover}
    chance = {"type": "scatter", "mode": "lines", "meta": "chance", "x": [0.0, 1.0], "y": [0.0, 1.0]}
    axis = {"range": [0, 1], "tickformat": ".0%", "constrain": "domain"}
    axes = {
        "xaxis": axis | _title_axis("real rows called synthetic"),
        "yaxis": axis | {"scaleanchor": "x"} | _title_axis("synthetic rows found"),
    }

    return {"data": [chance | {"hoverinfo": "skip"}, line], "layout": axes}


def component_figure(points: Components) -> Figure:
    """Real and synthetic rows in the plane of the first two principal components."""
    traces = [_draw_points(points.real, "real"), _draw_points(points.synthetic, "synthetic")]
    return {
        "data": traces,
        "layout": {"xaxis": _title_axis("first component"), "yaxis": _title_axis("second component")},
    }


def distance_figure(distances: DistanceQuantiles) -> Figure:
    """Share of rows whose closest real row is at most so far, of three kinds of rows."""
    kinds = (("real", distances.of_holdout), ("warm", distances.to_holdout), ("synthetic", distances.to_train))
    hover = "%{y:.0%} of rows at most %{x:.3f}<extra></extra>"
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "meta": role,
            "x": list(quantiles),
            "y": np.linspace(0, 1, len(quantiles)).tolist(),
            "hovertemplate": hover,
        }
        for role, quantiles in kinds
    ]

    axes = {
        "xaxis": {"rangemode": "tozero"} | _title_axis("distance"),
        "yaxis": {"tickformat": ".0%"} | _title_axis("rows at most so far"),
    }

    return {"data": traces, "layout": axes}


def _draw_points(points: Sequence[Point], role: str) -> Figure:
    x = [a for a, _ in points]
    y = [b for _, b in points]
    return {"type": "scatter", "mode": "markers", "meta": role, "name": role, "x": x, "y": y, "hoverinfo": "skip"}


def escape_label(text: str) -> str:
    """Plain text as plotly shows it unchanged, cut to LABEL_LENGTH characters."""
    half = LABEL_LENGTH // 2
    if len(text) <= LABEL_LENGTH:
        short = text
    else:
        short = f"{text[:half]}…{text[1 - half :]}"

    return html.escape(short, quote=False)


def length_figure(real: Values, synthetic: Values, column: ScoredColumn) -> Figure:
    """Lengths of real and synthetic texts in characters, as shares of the texts."""
    x, y = (values[~missing(values)] for values in (real, synthetic))
    return _draw_histogram(x, y, column, label="characters")


def _title_axis(text: str) -> Figure:
    return {"title": {"text": text}}


def _draw_histogram(x: Values, y: Values, column: ScoredColumn, *, label: str | None = None) -> Figure:
    """Real values as bars, with the outline of the synthetic values, in common bins of equal width."""
    edges = _choose_edges(np.concatenate([x, y]).astype(float), whole=column.kind in WHOLE_KINDS | {Kind.DATE})
    real, made = (np.histogram(part.astype(float), bins=edges)[0] / max(len(part), 1) for part in (x, y))
    dated = column.kind in (Kind.DATE, Kind.DATETIME)
    traces = [_real_bars(edges, real, made, dated=dated), _synthetic_outline(edges, made, dated=dated)]
    layout = {
        "bargap": 0,
        "xaxis": ({"type": "date"} if dated else {}) | _title_axis(escape_label(label or column.name)),
        "yaxis": {"tickformat": ".0%"} | _title_axis("share of rows"),
    }
    return {"data": traces, "layout": layout}


def _choose_edges(values: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    """Edges of at most BINS bins; bins of whole numbers hold equally many of them, so that no comb appears."""
    if len(values):
        low = float(values.min())
        high = float(values.max())
    else:
        low = 0.0
        high = 1.0

    if whole or high == low:
        step = np.ceil((high - low + 1) / BINS)
        return np.asarray(low - 0.5 + step * np.arange(np.ceil((high - low + 1) / step) + 1))

    return np.linspace(low, high, BINS + 1)


def _real_bars(
    edges: NDArray[np.float64], real: NDArray[np.float64], made: NDArray[np.float64], *, dated: bool
) -> Figure:
    centres = (edges[:-1] + edges[1:]) / 2
    width = float(edges[1] - edges[0])
    return {
        "type": "bar",
        "meta": "real",
        "x": _format_positions(centres, dated=dated),
        "y": real.tolist(),
        "customdata": made.tolist(),
        # Plotly measures date bars in milliseconds.
        "width": width * 86_400e3 if dated else width,
        "hovertemplate": "%{x}<br>real %{y:.1%}<br>synthetic %{customdata:.1%}<extra></extra>",
    }


def _synthetic_outline(edges: NDArray[np.float64], made: NDArray[np.float64], *, dated: bool) -> Figure:
    heights = [0.0, *np.repeat(made, 2).tolist(), 0.0]
    return {
        "type": "scatter",
        "mode": "lines",
        "meta": "synthetic",
        "x": _format_positions(np.repeat(edges, 2), dated=dated),
        "y": heights,
        "fill": "tozeroy",
        "hoverinfo": "skip",
    }


def _format_positions(values: NDArray[np.float64], *, dated: bool) -> list[str] | list[float]:
    """Numbers, or days since 1970 in ISO 8601."""
    if dated:
        return [str(day) for day in (values * 86_400).astype("datetime64[s]")]
    return values.tolist()


def _draw_bars(x: Values, y: Values, column: ScoredColumn) -> Figure:
    """Horizontal bars of the most frequent categories; all others share one bar."""
    counts = pd.DataFrame({"real": _count_values(x), "synthetic": _count_values(y)}).fillna(0.0)
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    top = list(order[:MAX_BARS])
    rest = list(order[MAX_BARS:])
    if column.kind in ORDERED_KINDS:
        top = sorted(top, key=float)

    names = [escape_label(str(name)) for name in top] + ([f"{len(rest):,} others"] if rest else [])
    # numbers, because two labels may be equal once they are cut.
    positions = list(range(len(names)))
    traces = []

    for role, total in (("real", len(x)), ("synthetic", len(y))):
        bars = [*counts.loc[top, role], *([counts.loc[rest, role].sum()] if rest else [])]
        shares = [float(bar) / max(total, 1) for bar in bars]
        hover = {"text": names, "textposition": "none", "hovertemplate": "%{text}: %{x:.1%}"}
        traces.append(
            {"type": "bar", "orientation": "h", "meta": role, "name": role, "x": shares, "y": positions} | hover
        )

    ticks = {"tickvals": positions, "ticktext": names, "autorange": "reversed", "showgrid": False}
    # Few categories would give clumsy bars.
    gap = max(0.25, 1.0 - 0.13 * len(names))
    layout = {
        "barmode": "group",
        "bargap": gap,
        "xaxis": {"tickformat": ".0%"} | _title_axis("share of rows"),
        "yaxis": ticks,
    }

    return {"data": traces, "layout": layout}


def _count_values(values: Values) -> pd.Series:
    return pd.Series(values, dtype=object).value_counts()


def _heat_map(values: NDArray[np.float64], names: Sequence[str], role: str) -> Figure:
    positions = list(range(len(names)))
    if role == "association":
        bounds = {"zmin": -1.0, "zmax": 1.0}
    else:
        bounds = {"zmin": 0.0, "zmax": 0.5}

    hover = [[f"{a} · {b}" for b in names] for a in names]
    trace = {"type": "heatmap", "meta": role, "z": values.tolist(), "x": positions, "y": positions, "text": hover}
    ticks = {"tickvals": positions, "ticktext": list(names), "showgrid": False, "zeroline": False}
    # The same names in the same order.
    axes = {"xaxis": {"visible": False}, "yaxis": ticks | {"autorange": "reversed"}}

    return {"data": [trace | bounds | {"hovertemplate": "%{text}: %{z:.2f}<extra></extra>"}], "layout": axes}
