import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ss_ray.codec.order_axis import order_axis
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.schema import ColumnSchema, Kind
from ss_ray.training.buckets import (
    MAX_GAPS,
    Bucket,
    merge_facts,
    read_bucket,
    sequence_facts,
    some_sequences,
    sorted_sequences,
)

TABLE = pa.table({"who": [*"cabac"], "when": [3, 1, 2, 0, 3], "what": ["v", "w", None, "w", "u"]})
AXIS = order_axis(ColumnSchema(name="when", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=1000))


def test_rows_of_a_group_stand_together_in_order_and_equal_ones_stay_as_they_came() -> None:
    table, starts = sorted_sequences(TABLE, "who", "when")
    assert table.to_pydict() == {"who": [*"aabcc"], "when": [0, 1, 2, 3, 3], "what": ["w", "w", None, "v", "u"]}
    assert starts.tolist() == [0, 2, 3, 5]


def test_without_a_group_all_rows_are_one_sequence() -> None:
    table, starts = sorted_sequences(TABLE, None, "when")
    assert table["when"].to_pylist() == [0, 1, 2, 3, 3]
    assert starts.tolist() == [0, 5]


def test_facts_are_constants_sizes_and_distances() -> None:
    facts = sequence_facts(*sorted_sequences(TABLE, "who", "when"), AXIS)
    assert (facts.num_sequences, facts.num_rows, facts.max_rows) == (3, 5, 2)
    assert facts.constants == {"who"}
    assert (facts.gaps, facts.gap_bounds) == ((0, 1), (0, 1))


def test_groups_of_whole_numbers_tell_the_largest() -> None:
    table = pa.table({"who": [7, 3, 7], "name": [*"aba"]})
    assert sequence_facts(*sorted_sequences(table, "who", None), None, "who").highest_group == 7
    assert sequence_facts(*sorted_sequences(table, "name", None), None, "name").highest_group is None


def test_missing_is_a_value_of_its_own() -> None:
    table = pa.table({"who": [*"aabb"], "all": [None, None, 1, 1], "some": [None, 1, 2, 2]})
    assert sequence_facts(*sorted_sequences(table, "who", None), None).constants == {"who", "all"}


@pytest.mark.parametrize("buckets", [1, 2, 5])
def test_buckets_together_are_the_table_whatever_their_number(tmp_path, buckets: int) -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"who": rng.integers(0, 40, 500), "when": rng.integers(0, 1000, 500), "x": rng.normal(size=500)})
    for number in range(3):
        pq.write_table(table.slice(number * 200, 200), tmp_path / f"part-{number}.parquet", row_group_size=64)
    parts = Location.parse(tmp_path).files(".parquet")
    found = [
        read_bucket(parts, table.schema, "who", "when", Bucket(number=number, of=buckets)) for number in range(buckets)
    ]
    together = pa.concat_tables([rows for rows, _ in found]).sort_by([("who", "ascending"), ("when", "ascending")])
    whole, starts = sorted_sequences(table, "who", "when")
    assert together["when"].to_pylist() == whole["when"].to_pylist()
    facts = merge_facts(sequence_facts(rows, starts, AXIS) for rows, starts in found)
    assert facts == sequence_facts(whole, starts, AXIS)
    assert facts.num_sequences == 40


def test_many_distances_are_told_by_their_bounds() -> None:
    when = np.cumsum(np.arange(MAX_GAPS + 2))
    facts = sequence_facts(*sorted_sequences(pa.table({"when": when}), None, "when"), AXIS)
    assert (facts.gaps, facts.gap_bounds) == (None, (1, MAX_GAPS + 1))
    short = sequence_facts(*sorted_sequences(pa.table({"when": when[:3]}), None, "when"), AXIS)
    assert merge_facts([facts, short]).gaps is None


@pytest.mark.parametrize(("column", "message"), [("who", "the grouping column 'who'"), ("when", "the order column")])
def test_rows_without_a_group_or_a_place_are_refused(tmp_path, column: str, message: str) -> None:
    table = TABLE.set_column(TABLE.column_names.index(column), column, pa.array([None] * 5, TABLE[column].type))
    pq.write_table(table, tmp_path / "part.parquet")
    with pytest.raises(DataError, match=message):
        read_bucket(Location.parse(tmp_path).files(".parquet"), table.schema, "who", "when", Bucket(number=0, of=1))


def test_a_sample_has_whole_sequences_from_all_over() -> None:
    table = pa.table({"who": np.repeat(np.arange(100), 3), "x": np.arange(300)})
    rows, starts = some_sequences(*sorted_sequences(table, "who", None), max_rows=60)
    assert np.diff(starts).tolist() == [3] * 20
    assert rows["x"].to_pylist() == [15 * i + j for i in range(20) for j in range(3)]
