import numpy as np
import pyarrow as pa
import pytest
import torch

from ss_ray.codec.columns import BOS, FREE, PAD, Slot
from ss_ray.codec.slots import CodecSizes, fit_codec
from ss_ray.generation.decoder import _decode_slots, _draw_index, decode_candidates, decode_rows, drawn_by
from ss_ray.plans.plan import CompactPlan
from ss_ray.plans.sampling import Sampling
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.training.examples import row_examples
from ss_ray.training.loop import Worker, split_examples, train
from ss_ray.training.models import CompactModel, build_compact, ragged_losses, row_losses, token_ranges
from tests.training import toy

PLAIN = Sampling()
ALONE = Worker(rank=0, world_size=1)


def draw(model: CompactModel, num_rows: int, seed: int = 0, sampling: Sampling = PLAIN) -> np.ndarray:
    return decode_rows(model, toy.SLOTS, num_rows, sampling, torch.Generator().manual_seed(seed))


def make_sharp(*, skips_unused: bool) -> CompactModel:
    """An untrained model with strong opinions: two layers, weights ten times as large."""
    shape = toy.CompactShape(hidden_size=32, num_layers=2, num_heads=4, intermediate_size=64)
    model = toy.with_opinions(
        build_compact(shape, vocabulary_size=toy.Z + 3, num_slots=len(toy.SLOTS), seed=3, skips_unused=skips_unused)
    )
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "norm" not in name:
                weights.mul_(10)
    return model


@pytest.fixture(scope="module")
def sharp() -> CompactModel:
    return make_sharp(skips_unused=False)


def fit(model: CompactModel, tokens: torch.Tensor, slots: tuple[Slot, ...], plan: CompactPlan) -> CompactModel:
    examples = row_examples(tokens, slots, skips_unused=model.config.skips_unused)
    sides = split_examples(examples.units, plan, ALONE)
    train(model, examples, sides, plan, ALONE, resume=None, on_step=lambda *_: None, on_validation=lambda _: None)
    return model.eval()


@pytest.fixture(scope="module")
def trained() -> CompactModel:
    plan = toy.plan(num_steps=300, validation_steps=300, batch_rows=32)
    return fit(toy.make_model(), toy.make_rows(1000), toy.SLOTS, plan)


@torch.no_grad()
def probabilities(model: CompactModel, rows: torch.Tensor) -> list[torch.Tensor]:
    """(rows, choices) of each slot, from one forward pass without a cache."""
    logits = model(torch.cat([torch.full((len(rows), 1), BOS), rows[:, :-1]], dim=1))
    return [torch.softmax(logits[:, i, slot.start : slot.stop], dim=-1) for i, slot in enumerate(toy.SLOTS)]


def test_the_same_seed_gives_the_same_rows(sharp: CompactModel) -> None:
    assert (draw(sharp, 200) == draw(sharp, 200)).all()
    assert (draw(sharp, 200) != draw(sharp, 200, seed=1)).any()


@pytest.mark.parametrize("sampling", [PLAIN, Sampling(temperature=5.0), Sampling(top_p=0.5)], ids=str)
def test_tokens_are_of_their_range_or_pad_where_the_slot_is_not_in_use(sharp: CompactModel, sampling: Sampling) -> None:
    x, y, z = draw(sharp, 500, sampling=sampling).T
    assert ((x >= toy.X) & (x < toy.Y) & (y >= toy.Y) & (y < toy.Z)).all()
    opened = y < toy.Y + toy.CHOICES // 2
    assert ((z[opened] >= toy.Z) & (z[opened] < toy.Z + 3)).all()
    assert (z[~opened] == PAD).all()


def test_the_cached_decoder_draws_what_the_uncached_model_would(sharp: CompactModel) -> None:
    """With the same random number in [0, 1) a slot's token follows from its distribution: so do all rows."""
    num_rows = 400
    drawn = torch.from_numpy(draw(sharp, num_rows, seed=9)).long()
    uniform = torch.Generator().manual_seed(9)
    agree = 0
    for index, choices in enumerate(probabilities(sharp, drawn)):
        points = torch.rand((num_rows, 1), generator=uniform)
        expected = torch.searchsorted(choices.cumsum(-1), points, right=True).squeeze(-1) + toy.SLOTS[index].start
        agree += int(((expected == drawn[:, index]) | (drawn[:, index] == PAD)).sum())
    assert agree >= 3 * num_rows - 2  # a point may fall within 1e-6 of a border


@pytest.mark.parametrize(("type_", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.03)])
@pytest.mark.parametrize("skips_unused", [False, True])
def test_the_decoder_finds_rows_as_likely_as_training_does(
    skips_unused: bool, type_: torch.dtype, tolerance: float
) -> None:
    model, rows = make_sharp(skips_unused=skips_unused), toy.make_rows(300)
    model.decoding_type = type_
    with torch.inference_mode():
        decoded, likelihoods = _decode_slots(
            model, toy.SLOTS, 300, PLAIN, torch.Generator(), rows.numpy().astype(np.int32), weighs=True
        )
        if skips_unused:
            losses = ragged_losses(model, rows, rows, token_ranges(toy.SLOTS))
        else:
            losses = row_losses(model, rows, toy.GROUPS)
    assert torch.equal(decoded, rows)
    torch.testing.assert_close(-likelihoods, losses, atol=tolerance, rtol=tolerance)


def test_a_row_is_as_likely_whatever_rows_are_beside_it() -> None:
    model, rows = make_sharp(skips_unused=True), toy.make_rows(40)
    ranges = token_ranges(toy.SLOTS)
    alone = torch.cat([ragged_losses(model, row[None], row[None], ranges) for row in rows])
    torch.testing.assert_close(ragged_losses(model, rows, rows, ranges), alone)


def test_what_is_only_looked_at_does_not_count(sharp: CompactModel) -> None:
    model, rows = make_sharp(skips_unused=True), toy.make_rows(40)
    targets = rows.clone()
    targets[:, 0] = PAD
    ranges = token_ranges(toy.SLOTS)
    first = ragged_losses(model, rows[:, :1], rows[:, :1], token_ranges(toy.SLOTS[:1]))
    whole = ragged_losses(model, rows, rows, ranges)
    torch.testing.assert_close(ragged_losses(model, rows, targets, ranges), whole - first)


def test_given_tokens_stay_and_the_others_are_drawn(trained: CompactModel) -> None:
    given = np.full((60, 3), FREE, np.int32)
    given[:, 0] = toy.X + np.arange(60) % toy.CHOICES
    drawn = decode_rows(trained, toy.SLOTS, 60, PLAIN, torch.Generator().manual_seed(0), given)
    assert (drawn[:, 0] == given[:, 0]).all()
    assert np.mean(drawn[:, 1] - toy.Y == (3 * (drawn[:, 0] - toy.X) + 1) % toy.CHOICES) > 0.9


def test_rows_are_conditioned_on_what_comes_after(trained: CompactModel) -> None:
    given = np.full((80, 3), FREE, np.int32)
    given[:, 1] = toy.Y + np.arange(80) % toy.CHOICES
    tokens, weights = decode_candidates(trained, toy.SLOTS, given, PLAIN, torch.Generator().manual_seed(0))
    drawn = tokens.reshape(80, -1, 3)[np.arange(80), drawn_by(weights, np.random.default_rng(0))]
    assert (drawn[:, 1] == given[:, 1]).all()
    assert np.mean(drawn[:, 1] - toy.Y == (3 * (drawn[:, 0] - toy.X) + 1) % toy.CHOICES) > 0.9


def test_frequencies_are_those_of_the_model(sharp: CompactModel) -> None:
    drawn = torch.from_numpy(draw(sharp, 20_000)).long()
    expected = probabilities(sharp, drawn[:1])[0][0]
    found = torch.bincount(drawn[:, 0] - toy.X, minlength=toy.CHOICES) / len(drawn)
    sigma = (expected * (1 - expected) / len(drawn)).sqrt()
    assert ((found - expected).abs() <= 5 * sigma + 1e-4).all()  # 5 sigma: wrong once in 200,000 seeds


@pytest.mark.parametrize("sampling", [Sampling(temperature=1e-300), Sampling(top_p=1e-9)], ids=str)
def test_no_temperature_or_no_top_p_give_the_most_likely_tokens(sharp: CompactModel, sampling: Sampling) -> None:
    drawn = torch.from_numpy(draw(sharp, 50, sampling=sampling)).long()
    for index, choices in enumerate(probabilities(sharp, drawn)):
        best = choices.argmax(-1) + toy.SLOTS[index].start
        assert ((drawn[:, index] == best) | (drawn[:, index] == PAD)).all()


def test_top_p_keeps_the_smallest_set_of_likely_tokens_that_holds_it() -> None:
    logits = torch.tensor([0.1, 0.4, 0.3, 0.2]).log().expand(2000, -1)
    generator = torch.Generator().manual_seed(0)
    assert set(_draw_index(logits, Sampling(top_p=0.65), generator).tolist()) == {1, 2}
    assert set(_draw_index(logits, Sampling(top_p=0.75), generator).tolist()) == {1, 2, 3}


def test_top_p_of_one_changes_nothing() -> None:
    logits = torch.randn(500, 9, generator=torch.Generator().manual_seed(1))
    plain, whole = (
        _draw_index(logits, sampling, torch.Generator().manual_seed(2))
        for sampling in (PLAIN, Sampling(top_p=0.9999999))
    )
    assert (plain == whole).all()


def test_choices_without_probability_are_never_drawn() -> None:
    logits = torch.tensor([-torch.inf, 0.0, -torch.inf]).expand(100_000, -1)
    assert (_draw_index(logits, PLAIN, torch.Generator().manual_seed(0)) == 1).all()


def test_the_model_is_as_before_after_decoding(sharp: CompactModel) -> None:
    rows = toy.make_rows(20)
    with torch.no_grad():
        before = row_losses(sharp, rows, toy.GROUPS)
        draw(sharp, 10)
        assert torch.equal(row_losses(sharp, rows, toy.GROUPS), before)


def test_a_table_without_slots_has_rows_without_tokens(sharp: CompactModel) -> None:
    assert decode_rows(sharp, (), 5, PLAIN, torch.Generator()).shape == (5, 0)


def test_one_row_and_one_slot_can_be_decoded(sharp: CompactModel) -> None:
    slot = Slot(column="x", start=toy.X, stop=toy.Y)
    assert decode_rows(sharp, (slot,), 1, PLAIN, torch.Generator()).shape == (1, 1)


def test_a_trained_model_reproduces_a_functional_dependency(trained: CompactModel) -> None:
    x, y, _ = draw(trained, 2000).T
    assert ((y - toy.Y) == (3 * (x - toy.X) + 1) % toy.CHOICES).mean() >= 0.95


def test_a_trained_model_gives_each_value_its_share(trained: CompactModel) -> None:
    x = draw(trained, 4000)[:, 0]
    shares = np.bincount(x - toy.X, minlength=toy.CHOICES) / len(x)
    assert (np.abs(shares - 1 / toy.CHOICES) < 0.04).all()


def test_a_table_makes_the_whole_way_from_rows_to_rows() -> None:
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 3, 300)
    table = pa.table(
        {
            "colour": pa.array(np.array(["blue", "green", "red"])[colour]),
            "size": pa.array(colour * 1000 + rng.integers(0, 500, 300), mask=colour == 1),
        }
    )
    schema = TableSchema(
        columns=(
            ColumnSchema(name="colour", kind=Kind.CATEGORY, arrow_type="string", values=("blue", "green", "red")),
            ColumnSchema(name="size", kind=Kind.INTEGER, arrow_type="int64", nullable=True, minimum=0, maximum=2499),
        )
    )
    codec = fit_codec(
        schema, table, sizes=CodecSizes(num_bins=8, text_vocabulary=256, max_text_tokens=4, rows_per_place=0)
    )
    model = build_compact(toy.SHAPE, vocabulary_size=codec.vocabulary_size, num_slots=len(codec.slots), seed=0)
    plan = toy.plan(num_steps=200, validation_steps=200)
    fit(model, torch.from_numpy(codec.encode(table)), codec.slots, plan)
    tokens = decode_rows(model, codec.slots, 500, PLAIN, torch.Generator().manual_seed(0))
    made = codec.decode(tokens, rng=rng, first_row=0, seed=0)
    schema.check(made)
    right = [
        (size is None) == (colour == "green") and (size is None or (size >= 2000) == (colour == "red"))
        for colour, size in zip(*(made.column(name).to_pylist() for name in ("colour", "size")), strict=True)
    ]
    assert np.mean(right) >= 0.95
