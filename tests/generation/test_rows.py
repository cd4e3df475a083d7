from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
import torch

from ss_ray.codec.given_rows import givable_columns
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.config.base import Section
from ss_ray.config.constraints import (
    ConstraintParameters,
    FormatConstraint,
    OrderConstraint,
    RangeConstraint,
    SumConstraint,
    UniqueConstraint,
)
from ss_ray.constraints.enforce import make_enforcer
from ss_ray.generation.rows import Draws, Tally, make_conditioned_rows, make_rows, make_sequences
from ss_ray.generation.shards import Shard
from ss_ray.plans.plan import GenerationPlan
from ss_ray.plans.sampling import Sampling
from ss_ray.schema import ColumnSchema, Kind
from ss_ray.training.models import build_compact
from tests.codec import tables
from tests.codec.sequence_tables import ascends, fit_sequences
from tests.training import toy

ORDER = OrderConstraint(low="low", high="high", strict=True)


def plan(constraints: Sequence[Section] = (), **changes: object) -> GenerationPlan:
    values = {
        "num_records": 500,
        "num_groups": None,
        "is_one_sequence": False,
        "start": None,
        "stop": None,
        "shard_rows": 500,
        "sampling": Sampling(),
        "constraints": tuple(constraints),
        "patience": 3,
        "invalid_fraction_threshold": 0.9,
        "seed": 4,
    }
    return GenerationPlan(**values | changes)  # type: ignore[arg-type]


def draws(seed: int = 0) -> Draws:
    return Draws(rng=np.random.default_rng(seed), generator=torch.Generator().manual_seed(seed))


def model_of(codec: SlotCodec | SequenceCodec):
    model = build_compact(
        toy.SHAPE,
        vocabulary_size=codec.vocabulary_size,
        num_slots=len(codec.slots),
        seed=1,
        skips_unused=isinstance(codec, SequenceCodec),
    )
    return toy.with_opinions(model)


def ranges() -> SlotCodec:
    """Two numbers of many values, a colour and an identifier."""
    rng = np.random.default_rng(0)
    arrays = {
        "low": (Kind.INTEGER, pa.array(rng.integers(0, 1000, 400))),
        "high": (Kind.INTEGER, pa.array(rng.integers(0, 1000, 400))),
        "colour": (Kind.CATEGORY, pa.array(rng.choice(["red", "green", "blue"], 400))),
    }
    columns = [(tables.column_of(name, kind, array), array) for name, (kind, array) in arrays.items()]
    colours = ColumnSchema(name="colour", kind=Kind.CATEGORY, arrow_type="string", values=("blue", "green", "red"))
    ids = pa.array([f"A{i:04d}" for i in range(400)])
    key = tables.column_of("id", Kind.IDENTIFIER, ids, pattern=("A", *["0123456789"] * 4))
    return tables.fit(*tables.table_of([*columns[:2], (colours, columns[2][1]), (key, ids)]))


def tally(codec: SlotCodec | SequenceCodec, made: GenerationPlan) -> Tally:
    return Tally(made, make_enforcer(made.constraints, codec.schema))


def rows_of(codec: SlotCodec, tally: Tally, size: int = 500) -> pa.Table:
    made = list(make_rows(model_of(codec), codec, Shard(number=0, first=100, size=size), draws(), tally))
    assert sum(done for _, done in made) == sum(len(table) for table, _ in made)
    return pa.concat_tables([table for table, _ in made])


def test_rejected_rows_are_made_again_until_there_are_enough() -> None:
    codec = ranges()
    count = tally(codec, plan([ORDER]))
    table = rows_of(codec, count)
    assert len(table) == 500
    codec.schema.check(table)
    assert (table["low"].to_numpy() < table["high"].to_numpy()).all()
    assert count.rejected["order(low < high)"] > 100
    plain = rows_of(codec, tally(codec, plan()))
    assert table["id"].to_pylist() == plain["id"].to_pylist()  # numbered without gaps, whatever was rejected


def test_a_constraint_that_is_hardly_ever_kept_ends_early_and_keeps_what_there_is() -> None:
    codec = ranges()
    rare = RangeConstraint(column="low", minimum=0, maximum=15)
    count = tally(codec, plan([rare]))
    table = rows_of(codec, count, size=5000)
    assert count.is_hopeless
    assert 0 < len(table) < 5000
    assert (table["low"].to_numpy() <= 15).all()
    impossible = tally(codec, plan([OrderConstraint(low="high", high="low", strict=True), ORDER]))
    assert len(rows_of(codec, impossible)) == 0


def test_given_cells_come_out_as_they_are_and_in_their_order() -> None:
    codec = ranges()
    given = pa.table({"low": pa.array([7, None, 901] * 40, pa.int64()), "colour": pa.array(["red", "blue", None] * 40)})
    count = tally(codec, plan([ORDER]))
    shard = Shard(number=0, first=0, size=len(given))
    made = list(make_conditioned_rows(model_of(codec), codec, shard, draws(), count, given))
    table = pa.concat_tables([table for table, _ in made])
    codec.schema.check(table)
    for name in given.column_names:
        there = given[name].is_valid()
        assert table[name].filter(there).to_pylist() == given[name].filter(there).to_pylist()
    assert (table["low"].to_numpy() < table["high"].to_numpy()).all()
    assert len(set(table["id"].to_pylist())) == len(given)


def test_constraints_on_identifiers_hold_for_those_that_are_released() -> None:
    codec = ranges()
    even = FormatConstraint(column="id", pattern="A[0-9]{3}[02468]")
    table = rows_of(codec, tally(codec, plan([even, UniqueConstraint(columns=("id",))])), size=300)
    assert len(table) == 300
    ids = table["id"].to_pandas()
    assert ids.str[-1].isin([*"02468"]).all()
    assert ids.is_unique


def conditioned(codec: SlotCodec, given: pa.Table, constraints: Sequence[Section] = ()) -> pa.Table:
    made = plan(constraints)
    fixed = frozenset(given.column_names)
    count = Tally(made, make_enforcer(made.constraints, codec.schema, None, fixed))
    shard = Shard(number=0, first=0, size=len(given))
    parts = make_conditioned_rows(model_of(codec), codec, shard, draws(), count, given)
    return pa.concat_tables([table for table, _ in parts])


def test_given_identifiers_stay_and_no_constraint_changes_a_given_cell() -> None:
    codec = ranges()
    given = pa.table({"id": ["X1", None, "X3"] * 10, "high": pa.array([500] * 30, pa.int64())})
    total = SumConstraint(parts=("low",), total="high", tolerance=200)
    table = conditioned(codec, given, [total])
    assert set(table["high"].to_pylist()) == {500}
    assert table["id"].to_pylist()[::3] == ["X1"] * 10
    assert table["id"].to_pylist()[1].startswith("A")


def test_a_row_that_cannot_be_made_costs_no_other_row() -> None:
    codec = ranges()
    low = [5] * 40
    low[10] = 999  # nothing is above
    table = conditioned(codec, pa.table({"low": pa.array(low, pa.int64())}), [ORDER])
    assert table["low"].to_pylist() == [5] * 39


def visits() -> SequenceCodec:
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 6, 80)
    arrays: dict[str, tuple[Kind, pa.Array]] = {
        "who": (Kind.INTEGER, pa.array(np.repeat(np.arange(80), sizes))),
        "ward": (Kind.INTEGER, pa.array(np.repeat(rng.integers(0, 4, 80), sizes))),
        "when": (Kind.INTEGER, pa.array(rng.integers(0, 300, sizes.sum()))),
        "cost": (Kind.INTEGER, pa.array(rng.integers(0, 100, sizes.sum()))),
    }
    columns = [(tables.column_of(name, kind, array), array) for name, (kind, array) in arrays.items()]
    return fit_sequences(*tables.table_of(columns), "who", "when")[0]


@pytest.mark.parametrize(
    "constraints", [[], [RangeConstraint(column="cost", minimum=0, maximum=95)]], ids=["free", "ruled"]
)
def test_sequences_are_as_many_rows_or_groups_as_asked_for_and_keep_the_rules(
    constraints: list[ConstraintParameters],
) -> None:
    codec = visits()
    for by_group in (False, True):
        size = 60
        made = plan(constraints, num_groups=size if by_group else None)
        count = tally(codec, made)
        shard = Shard(number=0, first=0, size=size)
        parts = list(make_sequences(model_of(codec), codec, shard, draws(), count, None))
        table = pa.concat_tables([table for table, _ in parts])
        codec.schema.check(table)
        frame = table.to_pandas()
        groups = frame.groupby("who", sort=False)
        assert (frame["who"].nunique() if by_group else len(frame)) == size
        starts = np.append(0, np.cumsum(groups.size().to_numpy()))
        assert ascends(table.column("when"), starts)
        assert (groups["ward"].nunique() == 1).all()
        assert frame["cost"].max() <= (95 if constraints else 100)
        assert sum(done for _, done in parts) == size
        assert bool(sum(count.rejected.values())) is bool(constraints)


def test_given_constants_hold_for_all_rows_of_their_group() -> None:
    codec = visits()
    given = pa.table({"ward": pa.array([0, 3] * 10, pa.int64())})
    count = tally(codec, plan(num_groups=20))
    parts = make_sequences(model_of(codec), codec, Shard(number=0, first=0, size=20), draws(), count, given)
    frame = pa.concat_tables([table for table, _ in parts]).to_pandas()
    assert frame.groupby("who", sort=False)["ward"].first().tolist() == given["ward"].to_pylist()


def test_given_values_of_rows_hold_for_all_rows_of_their_group() -> None:
    codec = visits()
    assert "cost" in [column.name for column in givable_columns(codec)]
    given = pa.table({"cost": pa.array([40, None, 70] * 5, pa.int64()), "ward": pa.array([0, 3, None] * 5, pa.int64())})
    for by_group in (True, False):
        count = tally(codec, plan(num_groups=15) if by_group else plan())
        parts = make_sequences(model_of(codec), codec, Shard(number=0, first=0, size=15), draws(), count, given)
        groups = pa.concat_tables([table for table, _ in parts]).to_pandas().groupby("who", sort=False)
        for name in given.column_names:
            expected = given[name].to_pylist() if by_group else given[name].to_pylist()[:1] * groups.ngroups
            made = groups[name].agg(set).tolist()
            assert all(cells == {value} for cells, value in zip(made, expected, strict=True) if value is not None)


def test_keys_are_unique_over_the_batches_of_a_shard() -> None:
    codec = ranges()
    table = rows_of(codec, tally(codec, plan([UniqueConstraint(columns=("low",))])), size=250)
    assert table["low"].to_pandas().is_unique
    assert len(table) == 250
