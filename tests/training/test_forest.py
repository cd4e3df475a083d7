"""Trees find what a network of few rows does not, no leaf is of few persons, and the evidence is added as stated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from ss_ray.codec.columns import PAD
from ss_ray.codec.slots import CodecSizes, SlotCodec, fit_codec
from ss_ray.config.model import ColumnParameters
from ss_ray.generation.decoder import decode_rows
from ss_ray.plans.sampling import Sampling
from ss_ray.schema import Kind
from ss_ray.tables.facts import merge_tables, table_facts
from ss_ray.tables.infer import infer_schema
from ss_ray.training.forest import Forest, SlotTrees, load_forest, place_tokens
from ss_ray.training.growth import LEAF_UNITS, NUM_TREES, grow_forest
from ss_ray.training.loop import ExampleSplit
from ss_ray.training.models import (
    CompactModel,
    build_compact,
    ragged_losses,
    row_losses,
    slot_states,
    start_from_frequencies,
    token_ranges,
)
from tests.training import toy

NUM_ROWS = 800
SIZES = CodecSizes(num_bins=32, text_vocabulary=300, max_text_tokens=8)


def make_table(num_rows: int = NUM_ROWS) -> pa.Table:
    """`exam` is passed where exactly one of `morning` and `coffee` is yes; `points` follow `hours`, `coin` nothing."""
    rng = np.random.default_rng(0)
    morning, coffee, coin = (rng.integers(0, 2, num_rows) for _ in range(3))
    hours = rng.integers(0, 1000, num_rows) / 10
    words = np.array(["no", "yes"])
    return pa.table(
        {
            "morning": words[morning],
            "coffee": words[coffee],
            "hours": hours,
            "points": np.round(hours * 3 + rng.normal(0, 5, num_rows), 1),
            "exam": np.array(["failed", "passed"])[morning ^ coffee],
            "coin": np.array(["head", "tail"])[coin],
        }
    )


def fit_table(table: pa.Table) -> tuple[SlotCodec, torch.Tensor, CompactModel]:
    """Codec, tokens, and a network that knows each column by itself and nothing else."""
    codec = fit_codec(infer_schema(merge_tables([table_facts(table)]), {}, is_text=False), table, sizes=SIZES)
    tokens = codec.encode(table)
    model = build_compact(
        toy.SHAPE,
        vocabulary_size=codec.vocabulary_size,
        num_slots=len(codec.slots),
        seed=0,
        skips_unused=codec.has_text,
    )
    start_from_frequencies(model, [tokens])
    return codec, torch.from_numpy(tokens), model.eval()


def grow(table: pa.Table, units: torch.Tensor | None = None) -> tuple[SlotCodec, CompactModel]:
    codec, tokens, model = fit_table(table)
    numbers = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(0))
    sides = ExampleSplit(train=numbers[80:], validation=numbers[:80])
    model.forest = grow_forest(model, codec, tokens, torch.arange(len(tokens)) if units is None else units, sides, 0)
    return codec, model


def sample_table(codec: SlotCodec, model: CompactModel, num_rows: int) -> pa.Table:
    tokens = decode_rows(model, codec.slots, num_rows, Sampling(), torch.Generator().manual_seed(1))
    return codec.decode(tokens, rng=np.random.default_rng(1), first_row=0, seed=1)


def slot_of(codec: SlotCodec, column: str) -> int:
    return next(index for index, slot in enumerate(codec.slots) if slot.column == column)


def test_rows_keep_what_follows_from_two_columns_together_and_from_a_number() -> None:
    codec, model = grow(make_table())
    made = sample_table(codec, model, 500).to_pandas()
    follows = (made.exam == "passed") == (made.morning != made.coffee)
    assert follows.mean() > 0.95
    assert np.corrcoef(made.hours, made.points)[0, 1] > 0.9


def test_without_the_forest_they_do_not() -> None:
    codec, model = grow(make_table())
    model.forest = None
    made = sample_table(codec, model, 500).to_pandas()
    follows = (made.exam == "passed") == (made.morning != made.coffee)
    assert follows.mean() < 0.65


def test_a_column_that_follows_from_nothing_is_left_to_the_network() -> None:
    codec, model = grow(make_table())
    assert model.forest is not None
    # Where chance helps the trees (less than one time in three), they weigh little.
    trees = model.forest.slots.get(slot_of(codec, "coin"))
    assert trees is None or float(trees.strength) >= 2 * LEAF_UNITS


@pytest.mark.parametrize("rows_per_unit", [1, 3])
def test_every_leaf_has_rows_of_twenty_units_at_least(rows_per_unit: int) -> None:
    _, model = grow(make_table(), torch.arange(NUM_ROWS) // rows_per_unit)
    assert model.forest is not None
    for trees in model.forest.slots.values():
        assert float(trees.counts.sum(dim=1).min()) * NUM_TREES > LEAF_UNITS * rows_per_unit - 0.01


def test_a_saved_forest_says_the_same(tmp_path: Path) -> None:
    codec, model = grow(make_table())
    assert model.forest is not None
    model.forest.save(tmp_path)
    loaded = load_forest(tmp_path)
    assert loaded is not None
    index = slot_of(codec, "exam")
    tokens = torch.from_numpy(codec.encode(make_table(50))).long()
    logits = torch.zeros(50, codec.slots[index].stop - codec.slots[index].start)
    torch.testing.assert_close(
        loaded.mix(index, logits, tokens), model.forest.mix(index, logits, tokens), atol=0, rtol=0
    )
    assert load_forest(tmp_path / "elsewhere") is None


def test_a_table_without_held_out_rows_has_no_forest() -> None:
    codec, tokens, model = fit_table(make_table())
    sides = ExampleSplit(train=torch.arange(len(tokens)), validation=torch.arange(0))
    assert grow_forest(model, codec, tokens, torch.arange(len(tokens)), sides, 0) is None


def stump(*, order: torch.Tensor, strength: float, counts: list[list[float]]) -> SlotTrees:
    """One tree: rows up to place 4 in the first leaf, others in the second."""
    return SlotTrees(
        roots=torch.tensor([0]),
        feature=torch.tensor([0, 0, 0]),
        threshold=torch.tensor([4.5, 0.0, 0.0]),
        left=torch.tensor([1, 1, 2]),
        right=torch.tensor([2, 1, 2]),
        leaf=torch.tensor([0, 0, 1]),
        depth=torch.tensor(1),
        counts=torch.tensor(counts),
        order=order,
        strength=torch.tensor(strength),
    )


def test_the_network_weighs_as_many_rows_as_its_strength() -> None:
    forest = Forest(
        places=place_tokens(10, ()),
        slots={1: stump(order=torch.empty(0, dtype=torch.long), strength=10.0, counts=[[30.0, 0.0], [0.0, 10.0]])},
    )
    tokens = torch.tensor([[4, 0], [5, 0]])
    mixed = forest.mix(1, torch.log(torch.tensor([[0.5, 0.5], [0.9, 0.1]])), tokens).exp()
    torch.testing.assert_close(mixed, torch.tensor([[35 / 40, 5 / 40], [9 / 20, 11 / 20]]))


def test_evidence_of_an_ordered_slot_moves_halves_and_keeps_what_no_row_speaks_of() -> None:
    # By value the tokens are 2, 0, 1, 3; all 30 rows are of token 1, the third value.
    trees = stump(order=torch.tensor([2, 0, 1, 3]), strength=10.0, counts=[[0.0, 30.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    prior = torch.tensor([[0.1, 0.2, 0.4, 0.3], [0.1, 0.2, 0.4, 0.3]])
    mixed = trees.mix(trees.counts, prior)
    upper = (30 + 10 * 0.5) / 40
    expected = [(1 - upper) * 0.2, upper * (30 + 10 * 0.4) / 40, (1 - upper) * 0.8, upper * 10 * 0.6 / 40]
    torch.testing.assert_close(mixed[0], torch.tensor(expected))
    torch.testing.assert_close(mixed[1], prior[1])


@torch.no_grad()
@pytest.mark.parametrize("skips_unused", [False, True])
def test_states_of_slots_are_those_that_the_loss_is_made_of(skips_unused: bool) -> None:
    model = build_compact(toy.SHAPE, vocabulary_size=toy.Z + 3, num_slots=3, seed=1, skips_unused=skips_unused)
    toy.with_opinions(model)
    rows = toy.make_rows(40)
    states = slot_states(model, rows)
    expected = torch.zeros(len(rows))
    for index, slot in enumerate(toy.SLOTS):
        used = rows[:, index] != PAD
        nats = torch.log_softmax(model.lm_head.logits(states[used, index], slot.start, slot.stop), dim=-1)
        expected[used] -= nats.gather(1, rows[used, index, None] - slot.start).squeeze(1)

    if skips_unused:
        losses = ragged_losses(model, rows, rows, token_ranges(toy.SLOTS))
    else:
        losses = row_losses(model, rows, toy.GROUPS)

    torch.testing.assert_close(expected, losses)


def test_a_table_with_texts_has_trees_for_its_other_columns() -> None:
    table = make_table().append_column("note", [[f"said {word} twice" for word in ("yes", "no")] * (NUM_ROWS // 2)])
    schema = infer_schema(merge_tables([table_facts(table)]), {"note": ColumnParameters(kind=Kind.TEXT)}, is_text=False)
    codec = fit_codec(schema, table, sizes=SIZES)
    assert codec.has_text
    assert [slot.column for slot in codec.slots[: codec.num_structured_slots]][-1] == "coin"
    assert {slot.column for slot in codec.slots[codec.num_structured_slots :]} == {"note"}
