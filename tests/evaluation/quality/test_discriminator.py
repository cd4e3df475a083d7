import numpy as np
import pandas as pd
import pytest

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.models import auc_std_error
from ss_ray.evaluation.quality.discriminator import discriminate, discriminator_auc
from ss_ray.evaluation.utility.utility import shuffle_columns
from ss_ray.schema import ColumnSchema, Kind, TableSchema


def tables(schema, *frames):
    columns = scored_columns(frames[0], schema, max_columns=99, seed=0)
    return [prepare(frame, columns) for frame in frames]


def test_broken_dependences_are_found_though_every_column_is_right(train, holdout, fresh, schema):
    real, unseen, made = tables(schema, train, holdout.head(250), fresh.head(250))
    broken = discriminator_auc(real, unseen, shuffle_columns(made, seed=0), max_rows=400, seed=0)
    assert broken.value > 0.75


def test_the_area_under_the_curve_is_the_auc(train, holdout, fresh, schema):
    real, unseen, made = tables(schema, train, holdout.head(250), fresh.head(250))
    found = discriminate(real, unseen, shuffle_columns(made, seed=0), max_rows=400, seed=0)
    x, y = found.curve.false_positive, found.curve.true_positive
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert len(x) == len(y) <= 100
    assert np.trapezoid(y, x) == pytest.approx(found.auc.value, abs=0.01)


def test_too_few_rows_are_told(train, holdout, fresh, schema):
    real, unseen, made = tables(schema, train, holdout, fresh.head(3))
    found = discriminate(real, unseen, made, max_rows=400, seed=0)
    assert found.auc.reason == "too small to tell: 3 synthetic rows, at least 20 are needed"
    assert found.curve.false_positive == ()


def test_a_column_that_is_missing_everywhere_else_does_not_break_it(train, fresh, schema):
    real, unseen, made = tables(
        schema, train, train.head(30).assign(city=None, income=None), fresh.head(30).assign(city=None, income=None)
    )
    assert 0.0 <= discriminator_auc(real, unseen, made, max_rows=60, seed=0).value <= 1.0


def people(number, seed):
    """Five visits of each of some people, whose height and weight say who they are."""
    rng = np.random.default_rng(seed)
    person = np.repeat(rng.normal(size=(number, 2)).round(3), 5, axis=0)
    return pd.DataFrame({"who": np.repeat(np.arange(number), 5), "height": person[:, 0], "weight": person[:, 1]})


def test_rows_of_one_person_do_not_give_each_other_away():
    """Both tables are of one distribution: the AUC lies within four standard errors of 0.5, 63 of 10^6 do not."""
    schema = TableSchema(
        columns=(
            ColumnSchema(name="who", kind=Kind.IDENTIFIER, arrow_type="int64"),
            *(ColumnSchema(name=name, kind=Kind.FLOAT, arrow_type="double") for name in ("height", "weight")),
        )
    )
    frames = [people(80, seed) for seed in range(3)]
    columns = scored_columns(frames[0], schema, max_columns=99, seed=0)
    apart, together = ([prepare(frame, columns, group) for frame in frames] for group in (None, "who"))
    known, unknown = (discriminate(*tables, max_rows=400, seed=0).auc for tables in (apart, together))
    assert known.value > 0.9
    # Of 80 people on each side, not of 400 rows.
    assert abs(unknown.value - 0.5) < 4 * auc_std_error(0.5, 80, 80)


def test_one_group_is_too_little_to_tell():
    schema = TableSchema(columns=(ColumnSchema(name="height", kind=Kind.FLOAT, arrow_type="double"),))
    frame = people(1, 0).assign(height=np.arange(5.0)).sample(40, replace=True, random_state=0)
    table = prepare(frame, scored_columns(frame, schema, max_columns=9, seed=0), "who")
    found = discriminate(table, table, table, max_rows=40, seed=0)
    assert found.auc.reason == "all rows of a table are of one group"


def test_a_column_that_is_empty_is_found_in_few_rows(train, fresh, schema):
    """25 rows of each table: leaves of 20 rows could not be split."""
    real, unseen, made = tables(schema, train, train.head(25), fresh.head(25).assign(city=None))
    assert discriminator_auc(real, unseen, made, max_rows=400, seed=0).value > 0.9
