"""Train and holdout: exact sizes, whole groups, and no trace of how rows were cut into blocks."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.config.model import DataParameters
from ss_ray.errors import DataError
from ss_ray.tables.splits import (
    SplitUnit,
    choose_holdout,
    holdout_of_share,
    is_holdout,
    merge_counts,
    smallest,
    split_hashes,
    unit_hashes,
)
from ss_ray.tables.withheld import SPARE_UNITS, HoldoutSize, holdout_rows_wanted, holdout_size, private_holdout_share
from tests.examples import examples


def held_out(
    table: pa.Table, wanted: int, *, least: int = 0, group: str | None = None, seed: int = 1, block_rows: int = 7
) -> list[bool]:
    """Which rows are held out of a table that is read in blocks."""
    starts = range(0, table.num_rows, block_rows)
    hashes = [unit_hashes(table.slice(start, block_rows), group, 0, start, seed) for start in starts]
    limit = wanted + SPARE_UNITS
    counts = merge_counts([smallest(block, limit) for block in hashes], limit)
    chosen = choose_holdout(counts, HoldoutSize(wanted=wanted, least=least), table.num_rows)
    return is_holdout(np.concatenate(hashes), chosen).tolist()


def numbers(rows: int) -> pa.Table:
    return pa.table({"n": range(rows), "group": [f"g{i % 40}" for i in range(rows)]})


@pytest.mark.parametrize("wanted", [0, 1, 17, 100])
def test_holdout_of_rows_has_exactly_the_size_asked_for(wanted: int):
    assert sum(held_out(numbers(200), wanted)) == wanted


@given(block_rows=st.integers(1, 200), group=st.sampled_from([None, "group"]))
@examples(30)
def test_split_does_not_depend_on_the_cut_into_blocks(block_rows: int, group: str | None):
    table = numbers(200)
    assert held_out(table, 20, group=group, block_rows=block_rows) == held_out(table, 20, group=group, block_rows=200)


@pytest.mark.parametrize("group", [None, "group"])
def test_another_seed_gives_another_split(group: str | None):
    table = numbers(200)
    assert held_out(table, 20, group=group, seed=1) == held_out(table, 20, group=group, seed=1)
    assert held_out(table, 20, group=group, seed=1) != held_out(table, 20, group=group, seed=2)


def test_rows_of_another_file_get_other_hashes():
    table = numbers(50)
    first, second = (unit_hashes(table, None, file, 0, 1) for file in (0, 1))
    assert len(np.unique(np.concatenate([first, second]))) == 100


def test_hashes_of_rows_are_evenly_spread():
    hashes = unit_hashes(numbers(100_000), None, 0, 0, seed=1)
    counts = np.bincount((hashes >> np.uint64(60)).astype(int), minlength=16)
    chi_square = ((counts - 6250) ** 2 / 6250).sum()
    assert chi_square < 44.3  # 15 degrees of freedom: 1 seed in 10,000 fails, and this one is fixed


def test_groups_are_never_on_both_sides_and_fill_the_holdout():
    table = numbers(400)  # 40 groups of 10
    sides = held_out(table, 45, group="group")
    of_group = dict(zip(table["group"].to_pylist(), sides, strict=True))
    assert [of_group[g] for g in table["group"].to_pylist()] == sides
    assert sum(sides) == 40


def test_one_group_is_held_out_though_it_is_larger_than_asked_for():
    assert sum(held_out(numbers(400), 3, group="group")) == 10


def test_group_that_is_most_of_the_table_is_refused():
    table = pa.table({"group": ["same"] * 30})
    with pytest.raises(DataError, match="it has 30 of the 30 rows"):
        held_out(table, 3, group="group")


@pytest.mark.parametrize("missing", [pa.array(["a", None]), pa.array([1.0, float("nan")])])
def test_missing_group_is_refused(missing: pa.Array):
    with pytest.raises(DataError, match="'group' has 1 missing values") as caught:
        unit_hashes(pa.table({"group": missing}), "group", 0, 0, 1)
    assert caught.value.column == "group"


@pytest.mark.parametrize(
    ("num_rows", "parameters", "expected"),
    [
        (1000, {}, 50),
        (600, {}, 50),
        (250, {}, 50),
        (100, {}, 20),
        (20, {}, 4),
        (3000, {}, 150),
        (100_000, {}, 2000),
        (600, {"holdout": 0.05}, 30),
        (100, {"holdout": 0.29}, 29),
        (100, {"holdout": 30}, 30),
        (100, {"holdout": 1}, 1),
        (100, {"holdout": 0}, 0),
        (100, {"max_holdout": 3}, 3),
        (100, {"max_holdout": 0}, 0),
        (19, {"holdout": 5}, 0),
        (0, {}, 0),
    ],
)
def test_holdout_is_a_share_or_a_count_up_to_its_maximum(num_rows: int, parameters: dict[str, float], expected: int):
    assert holdout_rows_wanted(num_rows, DataParameters.model_validate(parameters)) == expected


def test_a_declared_size_is_not_exceeded_and_a_default_one_is_filled_by_one_more_group():
    table = numbers(400)  # 40 groups of 10
    assert sum(held_out(table, 45, group="group")) == 40
    assert sum(held_out(table, 45, least=45, group="group")) == 50


@pytest.mark.parametrize("seed", range(12))
def test_a_group_that_is_too_large_stays_in_training_and_others_take_its_place(seed: int):
    table = pa.table({"group": ["large"] * 300 + [f"g{i}" for i in range(150)]})
    sides = held_out(table, 50, least=50, group="group", seed=seed)
    assert not any(sides[:300])
    assert sum(sides) == 50


def test_a_private_share_does_not_depend_on_the_number_of_rows():
    assert private_holdout_share(DataParameters()) == 0.05
    assert private_holdout_share(DataParameters(holdout=0.2)) == 0.2


def test_a_small_holdout_is_never_above_its_declared_maximum():
    assert holdout_size(400, DataParameters(max_holdout=10)) == HoldoutSize(wanted=10, least=10)


def test_holdout_of_more_than_half_is_refused():
    with pytest.raises(DataError, match="60 rows would be more than half of the 100 rows"):
        holdout_rows_wanted(100, DataParameters(holdout=60))


def held_out_by_share(table: pa.Table, share: float, group: str | None = None) -> npt.NDArray[np.bool_]:
    return is_holdout(unit_hashes(table, group, 0, 0, seed=5), holdout_of_share(share))


def test_a_share_is_held_out_on_average_and_none_or_nearly_all_at_its_ends():
    rows = pa.table({"x": range(20_000)})
    assert abs(held_out_by_share(rows, 0.05).mean() - 0.05) < 0.01  # 6 standard errors
    assert not held_out_by_share(rows, 0.0).any()
    assert held_out_by_share(rows, 1 - 2**-53).all()


def test_a_unit_held_out_by_share_does_not_depend_on_other_units():
    """With an exact number of held out rows, one more row would push another one over to the training side."""
    people = [f"person {i}" for i in range(500)]
    all_of_them = held_out_by_share(pa.table({"id": people}), 0.1, "id")
    for left_out in range(0, 500, 50):
        rest = [name for i, name in enumerate(people) if i != left_out]
        assert held_out_by_share(pa.table({"id": rest}), 0.1, "id").tolist() == [
            side for i, side in enumerate(all_of_them.tolist()) if i != left_out
        ]


@pytest.mark.parametrize("block_rows", [3, 100])
def test_rows_without_the_identifier_that_was_found_are_units_by_themselves(block_rows: int):
    people = [None if row % 5 == 0 else f"p{row // 4}" for row in range(100)]
    table = pa.table({"person": people})
    unit = SplitUnit(column="person", is_declared=False)
    blocks = [table.slice(start, block_rows) for start in range(0, 100, block_rows)]
    starts = range(0, 100, block_rows)
    hashes = np.concatenate(
        [split_hashes(block, unit, 0, start, 1) for block, start in zip(blocks, starts, strict=True)]
    )
    whole = split_hashes(table, unit, 0, 0, 1)
    assert (hashes == whole).all()
    missing = np.array([person is None for person in people])
    assert len(np.unique(whole[missing])) == missing.sum()
    assert len(np.unique(whole[~missing])) == len(set(people) - {None})
