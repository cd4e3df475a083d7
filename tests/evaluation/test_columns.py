import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ss_ray.errors import DataError
from ss_ray.evaluation.columns import ScoredColumn, labels, missing, numbers, prepare, sample, scored_columns
from ss_ray.schema import Kind
from tests.evaluation.people import PEOPLE, make_schema


def test_identifiers_texts_and_empty_columns_are_not_scored(train, schema):
    empty = train.assign(city=None)
    names = [c.name for c in scored_columns(empty, schema, max_columns=250, seed=0)]
    assert names == [n for n in PEOPLE if n not in ("id", "remark", "city")]


def test_columns_beyond_the_limit_are_sampled_in_table_order(train, schema):
    names = [c.name for c in scored_columns(train, schema, max_columns=3, seed=0)]
    assert len(names) == 3
    assert names == [n for n in PEOPLE if n in names]


@pytest.mark.parametrize(
    ("values", "nominal"),
    [([0, 1, 2, 3], True), (list(range(11)), False), ([-1, 0, 1], False), ([7, 9, None], True)],
)
def test_integers_with_few_values_are_nominal(values, nominal):
    frame = pd.DataFrame({"n": pd.Series(values, dtype="float64")})
    (column,) = scored_columns(frame, make_schema(n=Kind.INTEGER), max_columns=9, seed=0)
    assert column.nominal is nominal


def test_numbers_reads_decimals_dates_and_time_zones():
    assert numbers(pd.Series([Decimal("1.5"), None]), Kind.FLOAT).tolist()[0] == 1.5
    days = numbers(pd.Series([datetime.date(1970, 1, 3), None, datetime.date(9999, 12, 31)]), Kind.DATE)
    assert days[0] == 2.0
    assert np.isnan(days[1])
    assert days[2] == 2932896.0
    zoned = pd.Series(pd.to_datetime(["1970-01-01T02:00"]).tz_localize("Europe/Berlin"))
    assert numbers(zoned, Kind.DATETIME)[0] == pytest.approx(1 / 24)


def test_infinite_numbers_are_missing():
    assert np.isnan(numbers(pd.Series([np.inf, -np.inf]), Kind.FLOAT)).all()


def test_labels_are_the_same_for_floats_and_integers():
    assert labels(pd.Series([1.0, np.nan])).tolist() == ["1", None]
    assert labels(pd.Series([True, None], dtype=object)).tolist() == ["True", None]


def test_a_lacking_column_is_named():
    columns = scored_columns(pd.DataFrame({"n": [1.0, 2.0, 3.0]}), make_schema(n=Kind.FLOAT), max_columns=9, seed=0)
    with pytest.raises(DataError, match="'n'") as error:
        prepare(pd.DataFrame({"m": [1.0]}), columns)
    assert error.value.column == "n"


def test_sample_keeps_order_and_is_seeded(train):
    once, again = sample(train, 50, seed=1), sample(train, 50, seed=1)
    assert once.index.tolist() == again.index.tolist() == sorted(once.index)


def test_every_arrow_type_can_be_prepared():
    now = datetime.datetime(2024, 1, 1, 12)
    table = pa.table(
        {
            "int": pa.array([1, None, 20], pa.int64()),
            "decimal": pa.array([Decimal("1.25"), None, Decimal("-3.50")], pa.decimal128(9, 2)),
            "bool": pa.array([True, None, False]),
            "dictionary": pa.array(["a", None, "b"]).dictionary_encode(),
            "date": pa.array([now.date(), None, now.date()], pa.date32()),
            "time": pa.array([now, None, now], pa.timestamp("ns", tz="Europe/Berlin")),
        }
    )
    kinds = (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, Kind.CATEGORY, Kind.DATE, Kind.DATETIME)
    columns = [
        ScoredColumn(name=n, kind=k, nominal=k in kinds[2:4]) for n, k in zip(table.column_names, kinds, strict=True)
    ]
    for mapper in (None, pd.ArrowDtype):
        values = prepare(table.to_pandas(types_mapper=mapper), columns).values
        assert [bool(missing(v)[1]) for v in values.values()] == [True] * 6
        assert values["int"][2] == 20.0
        assert values["decimal"][2] == -3.5
        assert values["bool"].tolist() == ["True", None, "False"]
        assert values["dictionary"].tolist() == ["a", None, "b"]
        assert values["date"][0] == 19723.0
        assert values["time"][0] == 19723.5
