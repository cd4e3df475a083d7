import numpy as np
import pandas as pd

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.report.pair_counts import MAX_COLUMNS, MISSING, count_pairs
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


def count(real, synthetic, **kinds):
    columns = scored_columns(real, make_schema(**kinds), max_columns=len(kinds), seed=0)
    return count_pairs({"real": prepare(real, columns), "synthetic": prepare(synthetic, columns)}, columns)


def test_every_row_is_counted_once_in_every_pair():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=90), "b": rng.choice(["x", "y", None], 90), "c": range(90)})
    found = count(frame, frame.head(40), a=Kind.FLOAT, b=Kind.CATEGORY, c=Kind.INTEGER)
    assert set(found["counts"]["real"]) == {"0,1", "0,2", "1,2"}
    assert {sum(grid) for grid in found["counts"]["real"].values()} == {90}
    assert {sum(grid) for grid in found["counts"]["synthetic"].values()} == {40}


def test_a_cell_holds_the_rows_with_both_values():
    real = pd.DataFrame({"a": ["x", "x", "y", None], "b": ["p", "p", "q", "q"]})
    found = count(real, real.head(1), a=Kind.CATEGORY, b=Kind.CATEGORY)
    first, second = found["columns"]
    assert (first["labels"], second["labels"]) == (["x", "y", MISSING], ["p", "q"])
    assert found["counts"]["real"]["0,1"] == [2, 0, 0, 1, 0, 1]
    assert found["counts"]["synthetic"]["0,1"] == [1, 0, 0, 0, 0, 0]


def test_numbers_are_cut_into_the_same_ranges_for_both_tables():
    real = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100.0)})
    found = count(real, real + 50, a=Kind.FLOAT, b=Kind.FLOAT)
    assert len(found["columns"][0]["labels"]) == 10
    assert found["columns"][0]["ticks"][0] == "0"
    grid = np.array(found["counts"]["real"]["0,1"]).reshape(10, 10)
    assert grid[-1].sum() == 0  # all values of the last tenth are synthetic
    assert np.count_nonzero(grid - np.diag(np.diag(grid))) == 0


def test_the_first_columns_of_a_wide_table_are_counted():
    frame = pd.DataFrame({f"n{i}": np.arange(30.0) * i + i for i in range(20)})
    found = count(frame, frame, **dict.fromkeys(frame.columns, Kind.FLOAT))
    assert len(found["columns"]) == MAX_COLUMNS
