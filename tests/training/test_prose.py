from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ss_ray.codec.prose import ProseCodec, fit_prose_codec
from ss_ray.config.model import Config
from ss_ray.errors import PrivacyError, ResourceError
from ss_ray.location import Location
from ss_ray.plans.prose import ProsePlan, plan_prose_training
from ss_ray.training.arrays import save_array
from ss_ray.training.loop import Worker, split_examples, train
from ss_ray.training.private.dpsgd import clipped_sum
from ss_ray.training.prose_examples import ProseExamples, ProseTokens
from ss_ray.training.prose_model import find_blocks, load_adapted_model, load_prose_model
from ss_ray.training.prose_stage import tokenize_rows, usual_tokens
from ss_ray.training.prose_worker import load_prose_tokens, own_prose_units
from ss_ray.training.text_examples import TextUnits
from ss_ray.training.unit_files import UnitFiles
from tests.codec.test_prose import cut_visits, typed
from tests.generation.language_toy import VOCABULARY, make_tokenizer, save_model

CPU = torch.device("cpu")
NOTES = ["a short note of the day", "another note is a bit longer than that", None, "and then a last short one"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"))


def notes() -> tuple[pa.Table, ProseCodec]:
    table, schema = typed(
        {
            "sex": ["f", "m"] * 40,
            "note": [note and f"{note} {i}" for i in range(20) for note in NOTES],
            "advice": [f"come again in {i} days please" for i in range(80)],
        }
    )
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    return table, codec


def joined(rows: list[tuple[np.ndarray, np.ndarray]]) -> ProseTokens:
    return ProseTokens(
        tokens=np.concatenate([tokens for tokens, _ in rows]),
        counted=np.concatenate([counted for _, counted in rows]),
        sizes=np.array([len(tokens) for tokens, _ in rows]),
    )


def plan_of(base: Path, **changes: object) -> ProsePlan:
    plan = plan_prose_training(Config(), str(base), frozenset(), num_rows=80, seed=1)
    return replace(plan, **{"num_steps": 4, "warmup_steps": 1, "validation_steps": 2, **changes})


def test_a_row_is_its_values_and_texts_and_only_the_texts_are_learned():
    table, codec = notes()
    tokenizer = make_tokenizer()
    rows = list(tokenize_rows(table, codec, tokenizer, 512))
    tokens, counted = rows[0]
    assert tokenizer.decode(tokens) == (
        "sex f\nnote (7 words): a short note of the day 0</s>advice (6 words): come again in 0 days please</s>"
    )
    assert tokenizer.decode(tokens[counted]) == " a short note of the day 0</s> come again in 0 days please</s>"
    # A missing text is not read either.
    assert tokenizer.decode(rows[2][0]) == "sex f\nadvice (6 words): come again in 2 days please</s>"


def test_a_long_row_is_cut_and_a_row_without_a_learned_token_left_out():
    table, codec = notes()
    tokenizer = make_tokenizer()
    assert {len(tokens) for tokens, _ in tokenize_rows(table, codec, tokenizer, 30)} == {30}
    assert list(tokenize_rows(table, codec, tokenizer, 10)) == []


def test_a_token_of_few_rows_is_not_written_unless_it_is_of_small_letters(tmp_path: Path):
    folder = Location.parse(tmp_path)
    tokenizer = make_tokenizer()
    small, capital, digit, usual = (tokenizer(letter)["input_ids"][0] for letter in ("q", "Q", "7", "Z"))
    rows = [[1, small], [1, capital], [1, digit, digit, digit], *[[1, usual]] * 3, *[[1]] * 60]
    for name, array in {
        "tokens": np.concatenate(rows).astype(np.int32),
        "counted": np.ones(sum(map(len, rows)), bool),
        "sizes": np.array([len(row) for row in rows]),
    }.items():
        save_array(array, folder / f"{name}-00000.npy")

    # Three times in one text is one row.
    assert usual_tokens(load_prose_tokens(folder), tokenizer) == tuple(sorted((1, small, usual)))


def test_training_changes_the_last_blocks_alone_and_the_result_is_an_ordinary_model(base: Path, tmp_path: Path):
    table, codec = notes()
    tokenizer = make_tokenizer()
    rows = joined(list(tokenize_rows(table, codec, tokenizer, 512)))
    vocabulary = torch.from_numpy(np.unique(rows.tokens[rows.counted]).astype(np.int64))
    model = load_prose_model(str(base), vocabulary, trained_blocks=1, device=CPU)
    examples = ProseExamples(rows=rows, vocabulary=vocabulary, pad=tokenizer.pad_token_id or 0)
    worker = Worker(rank=0, world_size=1)
    plan = plan_of(base)
    state = train(
        model,
        examples,
        split_examples(examples.units, plan, worker),
        plan,
        worker,
        resume=None,
        on_step=lambda step, loss: None,
        on_validation=lambda state: None,
    )
    model.load_state_dict(state.best_model, strict=False)
    model.save(AutoTokenizer.from_pretrained(base), tmp_path)

    before = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    after = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert state.losses[-1][1] < state.losses[0][1]
    changed = [
        name
        for (name, old), new in zip(before.state_dict().items(), after.state_dict().values(), strict=True)
        # A weight in bfloat16 is rounded on its way.
        if not torch.equal(old.bfloat16(), new.bfloat16())
    ]
    assert changed
    assert all(".layers.1." in name for name in changed)


def test_a_loss_is_that_of_the_counted_tokens_among_those_that_may_be_written(base: Path):
    table, codec = notes()
    rows = joined(list(tokenize_rows(table, codec, make_tokenizer(), 512))[:6])
    vocabulary = torch.from_numpy(np.unique(rows.tokens[rows.counted]).astype(np.int64))
    model = load_prose_model(str(base), vocabulary, trained_blocks=1, device=CPU).float()
    model.base.float()
    model._dtype = torch.float32
    examples = ProseExamples(rows=rows, vocabulary=vocabulary, pad=0)
    found = examples.losses(model, torch.arange(6)).detach()

    whole = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).float()
    starts = np.append(0, np.cumsum(rows.sizes))
    for number in range(6):
        span = slice(*starts[number : number + 2])
        tokens = torch.from_numpy(rows.tokens[span].astype(np.int64))
        logits = whole(tokens[None]).logits[0, :-1][:, vocabulary].detach()
        targets = torch.searchsorted(vocabulary, tokens[1:])
        counted = torch.from_numpy(rows.counted[span][1:])
        nats = torch.nn.functional.cross_entropy(logits[counted], targets[counted], reduction="sum")
        assert float(found[number]) == pytest.approx(float(nats), rel=1e-4)


def test_a_token_that_may_not_be_written_is_not_learned(base: Path):
    rows = ProseTokens(
        tokens=np.array([5, 6, 7, 5, 6, 7], np.int32),
        counted=np.array([0, 1, 1, 0, 1, 1], bool),
        sizes=np.array([3, 3]),
    )
    model = load_prose_model(str(base), torch.tensor([6]), trained_blocks=1, device=CPU)
    losses = ProseExamples(rows=rows, vocabulary=torch.tensor([6]), pad=0).losses(model, torch.arange(2))
    # The only token that may be written is certain.
    assert losses.tolist() == [0.0, 0.0]


def test_a_text_that_was_cut_off_has_no_end_to_be_learned():
    table, schema = cut_visits(60)
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    tokenizer = make_tokenizer()
    whole, cut, *_ = tokenize_rows(table, codec, tokenizer, 512)
    assert tokenizer.decode(whole[0][whole[1]]) == " a short note of day 0</s>"
    # Nor has its last word, which may be broken.
    note = table.column("note")[1].as_py().strip().rpartition(" ")[0]
    assert tokenizer.decode(cut[0]) == f"south\nnote (cut off): {note}</s>"
    assert tokenizer.decode(cut[0][cut[1]]) == f" {note}"


def test_a_row_without_a_text_stays_a_unit_where_all_are_kept(base: Path):
    table, codec = notes()
    plain = table.set_column(2, "advice", pa.nulls(80, pa.string()))
    rows = list(tokenize_rows(plain, codec, make_tokenizer(), 512, keeps_all=True))
    assert len(rows) == 80
    assert not rows[2][1].any()
    examples = ProseExamples(rows=joined(rows), vocabulary=torch.arange(VOCABULARY), pad=0)
    losses = examples.losses(
        load_prose_model(str(base), torch.arange(VOCABULARY), trained_blocks=1, device=CPU), torch.tensor([0, 2, -1])
    )
    assert losses[0] > 0
    assert losses[1:].tolist() == [0.0, 0.0]


def test_units_of_texts_are_clipped_one_by_one(base: Path, tmp_path: Path):
    table, codec = notes()
    rows = joined(list(tokenize_rows(table, codec, make_tokenizer(), 512, keeps_all=True)))
    folder = Location.parse(tmp_path)
    save_array(np.arange(80) // 3, folder / "units.npy")
    adapted = load_adapted_model(plan_of(base, trained_blocks=1), torch.arange(VOCABULARY), device=CPU)
    model = adapted.prose.float()
    model._dtype = torch.float32
    examples = ProseExamples(rows=rows, vocabulary=torch.arange(VOCABULARY), pad=0)
    owned = [
        own_prose_units(
            examples, UnitFiles(folder=folder, count=27), max_rows=2, worker=Worker(rank=rank, world_size=2)
        )
        for rank in range(2)
    ]
    # Each unit is of one worker, with its first two rows.
    assert sorted(row for units in owned for row in units.own.flatten().tolist()) == [
        row for row in range(80) if row % 3 < 2
    ]

    trained = [weight for weight in model.parameters() if weight.requires_grad]
    with torch.no_grad():
        for weight in trained:
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())))

    units, numbers = owned[0], torch.arange(5)
    expected = [torch.zeros_like(weight) for weight in trained]
    for number in numbers:
        (loss,) = units.losses(model, number[None])
        grads = torch.autograd.grad(loss, trained)
        factor = min(1.0, 0.1 / float(torch.cat([grad.flatten() for grad in grads]).norm()))
        expected = [total + factor * grad for total, grad in zip(expected, grads, strict=True)]

    sums, _ = clipped_sum(model, lambda: units.losses(model, numbers), 5, 0.1)
    for weight, total in zip(trained, expected, strict=True):
        torch.testing.assert_close(sums[weight], total, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("is_tied", [True, False])
def test_an_adapted_model_is_an_ordinary_one_once_it_is_merged(is_tied: bool, tmp_path: Path):
    base = save_model(tmp_path / "base", is_tied=is_tied)
    adapted = load_adapted_model(plan_of(base, trained_blocks=1), torch.arange(VOCABULARY), device=CPU)
    weights = {name: weight.clone() for name, weight in adapted.prose.named_parameters() if weight.requires_grad}
    adapted.merge(weights).save(AutoTokenizer.from_pretrained(base), tmp_path / "merged")

    # The adapter has learned nothing yet, so the models are the same.
    tokens = torch.arange(5, 25)[None]
    before, after = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)(tokens).logits.detach()
        for folder in (base, tmp_path / "merged")
    )
    torch.testing.assert_close(before, after)


def test_texts_of_other_rows_than_those_of_the_units_are_refused(base: Path, tmp_path: Path):
    rows = ProseTokens(tokens=np.array([5, 6], np.int32), counted=np.array([0, 1], bool), sizes=np.array([2]))
    folder = Location.parse(tmp_path)
    save_array(np.arange(2), folder / "units.npy")
    with pytest.raises(PrivacyError, match="the rows changed"):
        own_prose_units(
            ProseExamples(rows=rows, vocabulary=torch.arange(VOCABULARY), pad=0),
            UnitFiles(folder=folder, count=2),
            max_rows=1,
            worker=Worker(rank=0, world_size=1),
        )


def test_parts_of_units_are_all_of_them_within_the_tokens_together(base: Path):
    sizes = np.array([3, 40, 5, 30, 4, 90, 6, 2])
    rows = ProseTokens(tokens=np.zeros(sizes.sum(), np.int32), counted=np.zeros(sizes.sum(), bool), sizes=sizes)
    examples = ProseExamples(rows=rows, vocabulary=torch.arange(VOCABULARY), pad=0)
    units = TextUnits(examples=examples, own=torch.arange(8)[:, None], most_units=8, most_tokens=60)
    parts = units.parts(torch.tensor([0, 1, 2, 3, 4, 5, 7]), 3)
    assert sorted(torch.cat(list(parts)).tolist()) == [0, 1, 2, 3, 4, 5, 7]
    assert all(len(part) <= 3 for part in parts)
    assert all(len(part) == 1 or len(part) * sizes[part].max() <= 60 for part in parts)


def test_the_blocks_of_a_model_are_found_by_their_weights(base: Path):
    model = AutoModelForCausalLM.from_pretrained(base)
    assert len(find_blocks(model)) == 2


def test_a_model_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ResourceError, match="is no folder here"):
        load_prose_model(str(tmp_path / "none"), torch.tensor([1]), trained_blocks=1, device=CPU)
