import datetime

import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.quality.components import Components
from ss_ray.evaluation.quality.discriminator import RocCurve
from ss_ray.evaluation.quality.fidelity import Associations
from ss_ray.evaluation.report.figures import (
    MAX_BARS,
    association_figures,
    column_figure,
    component_figure,
    escape_label,
    roc_figure,
)
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


def figure(kind, real, synthetic):
    frames = [pd.DataFrame({"c": values}) for values in (real, synthetic)]
    (column,) = scored_columns(frames[0], make_schema(c=kind), max_columns=1, seed=0)
    return column_figure(*(prepare(frame, [column]) for frame in frames), column)


def test_shares_of_both_sides_add_up_to_one():
    result = figure(Kind.FLOAT, np.linspace(0, 1, 50), np.linspace(0, 3, 20))
    bars = result["data"][0]
    assert sum(bars["y"]) == pytest.approx(1.0)
    assert sum(bars["customdata"]) == pytest.approx(1.0)


def test_bins_of_whole_numbers_hold_equally_many_of_them():
    bars = figure(Kind.INTEGER, list(range(100)), list(range(100)))["data"][0]
    assert bars["width"] == 3.0
    assert bars["x"][0] == 1.0  # 0, 1 and 2


def test_dates_are_shown_as_dates():
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(40)]
    result = figure(Kind.DATE, days, days)
    assert result["layout"]["xaxis"] == {"type": "date", "title": {"text": "c"}}
    assert result["data"][0]["x"][0].startswith("2024-01-0")


def test_rare_categories_are_one_bar():
    names = [f"c{i}" for i in range(MAX_BARS + 5)]
    result = figure(Kind.CATEGORY, names, names)
    assert result["layout"]["yaxis"]["ticktext"][-1] == "5 others"
    assert sum(result["data"][1]["x"]) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", [Kind.FLOAT, Kind.CATEGORY])
def test_a_side_without_values_is_drawn(kind):
    values = [1.0, 2.0, 3.0] if kind is Kind.FLOAT else ["a", "b", "c"]
    assert len(figure(kind, values, [None, None])["data"]) == 2


def test_labels_are_escaped_and_cut():
    assert escape_label("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert escape_label("a" * 30 + "z" * 30) == "aaaaaaaaa…zzzzzzzz"


def test_heat_maps_are_cut_to_the_limit():
    matrix = tuple(tuple(float(i == j) for j in range(5)) for i in range(5))
    panels = association_figures(Associations(columns=tuple("abcde"), real=matrix, synthetic=matrix), 3)
    assert [len(panel["data"][0]["z"]) for panel in panels] == [3, 3, 3]
    assert panels[2]["data"][0]["z"][0][0] == 0.0


def test_the_roc_curve_is_drawn_over_the_diagonal():
    figure = roc_figure(RocCurve(false_positive=(0.0, 0.2, 1.0), true_positive=(0.0, 0.9, 1.0)))
    assert [trace["meta"] for trace in figure["data"]] == ["chance", "synthetic"]
    assert figure["data"][1]["y"] == [0.0, 0.9, 1.0]


def test_rows_are_points_of_a_plane():
    figure = component_figure(Components(real=((0.0, 1.0),), synthetic=((2.0, 3.0), (4.0, 5.0))))
    assert [trace["meta"] for trace in figure["data"]] == ["real", "synthetic"]
    assert figure["data"][1]["x"] == [2.0, 4.0]
    assert component_figure(Components(reason="no rows"))["data"][0]["x"] == []
