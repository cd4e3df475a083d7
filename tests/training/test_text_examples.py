import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, Phi3Config, Phi3ForCausalLM

from ss_ray.errors import PrivacyError
from ss_ray.training.loop import Worker
from ss_ray.training.pretrained import load_base
from ss_ray.training.private.dpsgd import check_layers, clipped_sum
from ss_ray.training.private.loop import PrivateState, train_private
from ss_ray.training.text_examples import (
    NO_LINE,
    Cuts,
    TextExamples,
    TextUnits,
    check_independence,
    cut_groups,
    cut_rows,
    own_text_units,
    text_losses,
    tokenize_lines,
)
from tests.examples import examples
from tests.generation import language_toy
from tests.training import base_models
from tests.training.private import private_toy

LINES = ['{"age":39}\n', '{"age":5,"sex":"Male"}\n', '{"ü":"ends \\n here"}\n', "{}\n", '{"age":112}\n', '{"a":1}\n']
PROMPT, END = (0, 60, 61), 1
sizes_of = st.lists(st.integers(1, 12), max_size=40).map(lambda sizes: np.array(sizes, np.int64))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base_models.save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def examples_of(lines: list[str], cuts: Cuts) -> TextExamples:
    tokens, sizes = tokenize_lines(language_toy.make_tokenizer(), lines)
    return TextExamples(
        tokens=torch.from_numpy(tokens),
        starts=np.append(0, np.cumsum(sizes)),
        cuts=cuts,
        prompt=torch.tensor(PROMPT, dtype=torch.int32),
        end=END,
    )


def packed(*, room: int = 60, max_records: int = 2, seed: int | None = 3) -> TextExamples:
    _, sizes = tokenize_lines(language_toy.make_tokenizer(), LINES)
    return examples_of(LINES, cut_rows(sizes, room=room, max_records=max_records, seed=seed))


def text_of(examples: TextExamples, number: int) -> str:
    return language_toy.make_tokenizer().decode(examples._example_tokens(number)[len(PROMPT) :].tolist())


def test_tokens_of_lines_are_those_of_the_text_they_make() -> None:
    tokenizer = language_toy.make_tokenizer()
    tokens, sizes = tokenize_lines(tokenizer, LINES)
    assert tokenizer.decode(tokens.tolist()) == "".join(LINES)
    assert tokens.dtype == np.int32
    assert [len(part) for part in np.split(tokens, np.cumsum(sizes)[:-1])] == sizes.tolist()
    assert tokens.tolist() == tokenizer("\n" + "".join(LINES))["input_ids"][1:]


def test_no_lines_are_no_tokens() -> None:
    tokens, sizes = tokenize_lines(language_toy.make_tokenizer(), [])
    assert (tokens.shape, sizes.shape) == ((0,), (0,))


@given(sizes=sizes_of, room=st.integers(1, 40), most=st.integers(1, 5), seed=st.integers(0, 9))
def test_rows_are_packed_once_each_as_many_as_fit(sizes: np.ndarray, room: int, most: int, seed: int) -> None:
    cuts = cut_rows(sizes, room=room, max_records=most, seed=seed)
    assert sorted(cuts.order.tolist()) == [row for row, size in enumerate(sizes) if size < room]
    assert cuts.too_long == len(sizes) - len(cuts.order)
    assert (cuts.records, cuts.longest) == (len(cuts.order), cuts.lengths.max(initial=0))
    spans = cuts.spans.tolist()
    assert [row for start, stop in spans for row in range(start, stop)] == list(range(len(cuts.order)))
    for (start, stop), length in zip(spans, cuts.lengths, strict=True):
        assert length == sizes[cuts.order[start:stop]].sum() + 1 <= room
        assert 1 <= stop - start <= most
        if stop - start < most and stop < len(cuts.order):  # nothing more fitted
            assert length + sizes[cuts.order[stop]] > room


def test_packing_is_a_function_of_the_seed() -> None:
    sizes = np.full(50, 3)
    first, second, other = (cut_rows(sizes, room=20, max_records=4, seed=seed).order for seed in (1, 1, 2))
    assert first.tolist() == second.tolist() != other.tolist()


groups_of = st.lists(st.integers(0, 8), max_size=6)


@examples(200)
@given(groups=groups_of, has_head=st.booleans(), room=st.integers(2, 40), data=st.data())
def test_each_record_of_a_group_is_counted_in_one_window(
    groups: list[int], has_head: bool, room: int, data: st.DataObject
) -> None:
    counts = np.array([size + has_head for size in groups], np.int64)
    total = int(counts.sum())
    sizes = np.array(data.draw(st.lists(st.integers(1, 9), min_size=total, max_size=total)), np.int64)
    cuts = cut_groups(sizes, counts, has_head=has_head, room=room)
    assert cuts.lengths.max(initial=0) <= room
    counted: list[int] = []
    for i, (start, stop) in enumerate(cuts.spans.tolist()):
        lines = cuts.order[start:stop].tolist()
        head_size = sizes[cuts.heads[i]] if has_head else 0
        is_first = i == 0 or cuts.units[i] != cuts.units[i - 1]
        seen, looked_at = 0 if is_first else head_size, 0
        while seen < cuts.uncounted[i]:
            seen += sizes[lines[looked_at]]
            looked_at += 1
        assert seen == cuts.uncounted[i]
        assert not (is_first and looked_at)
        counted += lines[looked_at:]
        assert cuts.lengths[i] == head_size + sizes[lines].sum() + cuts.ends[i]
    assert counted == cuts.order.tolist()
    assert cuts.too_long == sum(groups) - len(counted)
    last = [j for j in range(len(cuts.units)) if j + 1 == len(cuts.units) or cuts.units[j] != cuts.units[j + 1]]
    assert np.flatnonzero(cuts.ends).tolist() == last
    assert sorted(set(cuts.units.tolist())) == list(range(len(last)))


def test_a_long_group_is_windows_that_start_with_its_head_and_look_back() -> None:
    cuts = cut_groups(np.array([2, 3, 3, 3, 3, 3]), np.array([6]), has_head=True, room=12)
    examples = [cuts.order[slice(*span)].tolist() for span in cuts.spans]
    assert examples == [[1, 2, 3], [3, 4, 5]]
    assert cuts.heads.tolist() == [0, 0]
    assert (cuts.uncounted.tolist(), cuts.ends.tolist()) == ([0, 5], [False, True])
    assert cuts.records == 5


def test_a_unit_of_differential_privacy_is_its_first_records() -> None:
    cuts = cut_groups(np.full(9, 2), np.array([5, 1, 3]), has_head=False, room=100, max_records=3)
    assert [cuts.order[slice(*span)].tolist() for span in cuts.spans] == [[0, 1, 2], [5], [6, 7, 8]]
    assert (cuts.units.tolist(), cuts.ends.tolist()) == ([0, 1, 2], [False, True, True])


def test_an_example_is_the_prompt_its_records_and_the_end() -> None:
    examples = packed()
    lines = [line for number in range(len(examples.units)) for line in text_of(examples, number).split("\n")]
    assert sorted(line for line in lines if line != "</s>") == sorted(line.strip() for line in LINES)
    for number, length in enumerate(examples.lengths.tolist()):
        text = examples._example_tokens(number)
        assert (text[: len(PROMPT)].tolist(), int(text[-1]), len(text)) == (list(PROMPT), END, length)


@torch.no_grad()
def test_the_loss_of_an_example_is_its_own_whatever_is_beside_it(model: Any) -> None:
    examples = packed()
    numbers = torch.arange(len(examples.units))
    together = examples.losses(model, numbers)
    alone = torch.cat([examples.losses(model, number[None]) for number in numbers])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-5)
    assert examples.losses(model, numbers[:0]).shape == (0,)


@torch.no_grad()
def test_the_loss_is_the_log_likelihood_of_what_is_counted(model: Any) -> None:
    text = torch.tensor([0, 7, 8, 9, 10, 1])
    logits = model(input_ids=text[None]).logits[0].log_softmax(dim=-1)
    expected = -sum(logits[place - 1, text[place]] for place in (3, 4, 5))
    torch.testing.assert_close(text_losses(model, [text], torch.tensor([3])), expected[None], atol=1e-4, rtol=1e-5)


def test_parts_hold_all_examples_and_no_more_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ss_ray.training.text_examples.MAX_TEXT_POSITIONS", 80)
    examples = packed()
    parts = examples.parts(torch.arange(len(examples.units)), 1)
    assert sorted(torch.cat(list(parts)).tolist()) == list(range(len(examples.units)))
    assert all(len(part) == 1 or len(part) * int(examples.lengths[part].max()) <= 80 for part in parts)
    assert list(examples.parts(torch.arange(0), 1)) == []


@pytest.mark.parametrize("kind", ["llama", "neox"])
@pytest.mark.parametrize("max_grad_norm", [0.05, 1e6])
def test_clipped_sums_of_an_adapter_are_those_of_a_loop(kind: str, max_grad_norm: float, tmp_path: Path) -> None:
    save = base_models.save_llama if kind == "llama" else base_models.save_neox
    model = load_base(base_models.plan(save(tmp_path)), torch.device("cpu")).model
    torch.manual_seed(2)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.05)
    check_layers(model)
    examples = packed(max_records=1)
    numbers = torch.arange(len(examples.units))
    sums, norms = clipped_sum(model, lambda: examples.losses(model, numbers), len(numbers), max_grad_norm)
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    expected = [torch.zeros_like(parameter) for parameter in trainable]
    for number, norm in itertools.zip_longest(numbers, norms):
        grads = torch.autograd.grad(examples.losses(model, number[None]).sum(), trainable)
        exact = torch.cat([grad.flatten() for grad in grads]).norm()
        torch.testing.assert_close(norm, exact, rtol=1e-3, atol=1e-5)
        for total, grad in zip(expected, grads, strict=True):
            total += grad * min(1.0, max_grad_norm / float(exact))
    assert sums.keys() == set(trainable)
    for parameter, total in zip(trainable, expected, strict=True):
        torch.testing.assert_close(sums[parameter], total, rtol=2e-3, atol=1e-4 * float(total.abs().max()))


def test_groups_without_a_head_have_none() -> None:
    cuts = cut_groups(np.array([2, 3]), np.array([2]), has_head=False, room=20)
    assert cuts.heads.tolist() == [NO_LINE]


def fit_privately(
    model: Any, units: TextUnits, *, resume: PrivateState | None = None, **changes: Any
) -> tuple[PrivateState, list[PrivateState]]:
    plan = replace(private_toy.plan(**changes), learning_rate=2e-2, warmup_steps=0)
    charged = resume.step if resume else 0
    charges, states = itertools.count(charged + 1), []
    last = train_private(
        model, units, plan, private_toy.ALONE, resume=resume, charged=lambda: charged, charge=lambda: next(charges),
        on_step=lambda step: None, on_state=lambda state: states.append(state()),
    )  # fmt: skip
    return last, states


def test_an_adapter_learns_with_differential_privacy_and_its_base_stays(folder: Path) -> None:
    """What a checkpoint holds is the adapter alone."""
    model = load_base(base_models.plan(folder), torch.device("cpu")).model
    frozen = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    units = own_text_units(packed(max_records=1), None, 1, private_toy.ALONE, most_units=6)
    numbers = torch.arange(units.num_units)
    before = units.losses(model, numbers).sum().item()
    quiet = {"sample_rate": 1.0, "noise_multiplier": 1e-6, "expected_batch_size": 1.0, "num_steps": 15}
    last, states = fit_privately(model, units, **quiet)
    assert units.losses(model, numbers).sum().item() < 0.9 * before
    assert all(torch.equal(p, frozen[name]) for name, p in model.named_parameters() if name in frozen)
    assert all("lora_" in name for name in last.average)
    resumed, later = fit_privately(model, units, resume=states[9], **quiet)
    assert (resumed.step, len(later)) == (15, 5)


def test_an_example_of_several_units_or_a_unit_of_windows_is_refused() -> None:
    sizes = np.full(6, 3)
    shared = cut_rows(sizes, room=20, max_records=2, seed=0)
    several = cut_groups(sizes, np.array([6]), has_head=False, room=10)
    for cuts, ids in ((shared, None), (several, None), (shared, np.arange(6)), (several, np.zeros(6))):
        with pytest.raises(PrivacyError, match="of one privacy unit"):
            own_text_units(examples_of(LINES, cuts), ids, 8, private_toy.ALONE, most_units=6)


@pytest.mark.parametrize("world_size", [1, 3])
@pytest.mark.parametrize("ids", [None, [9, 2, 9, 4, 9, 4]])
def test_each_unit_has_its_own_first_lines_and_one_owner(world_size: int, ids: list[int] | None) -> None:
    """A line that is longer than the window is left out, whosever it is."""
    _, sizes = tokenize_lines(language_toy.make_tokenizer(), LINES)
    cuts = cut_rows(sizes, room=int(sizes.max()), max_records=1, seed=None)
    examples, unit_ids = examples_of(LINES, cuts), None if ids is None else np.array(ids)
    workers = [Worker(rank=rank, world_size=world_size) for rank in range(world_size)]
    parts = [own_text_units(examples, unit_ids, 2, worker, most_units=6).own.tolist() for worker in workers]
    owned = [[LINES[cuts.order[n]] for n in unit if n >= 0] for part in parts for unit in part]
    fitting = [i for i, size in enumerate(sizes) if size < sizes.max()]
    groups = [[i] for i in fitting] if ids is None else [[i for i in fitting if ids[i] == unit] for unit in set(ids)]
    assert sorted(owned) == sorted([LINES[i] for i in group[:2]] for group in groups if group)


def test_loss_of_a_unit_is_the_mean_over_its_lines_and_nothing_else(model: Any) -> None:
    examples, ids = packed(max_records=1, seed=None), np.array([7, 3, 7, 7, 3, 5])
    units = own_text_units(examples, ids, 8, private_toy.ALONE, most_units=3)
    alone = examples.losses(model, torch.arange(6))
    expected = torch.stack([alone[[1, 4]].mean(), alone[[5]].mean(), alone[[0, 2, 3]].mean()])
    torch.testing.assert_close(units.losses(model, torch.arange(3)), expected)
    together = summed(model, units, torch.arange(3))
    torch.testing.assert_close(together, sum(summed(model, units, torch.tensor([i])) for i in range(3)))


def summed(model: Any, units: TextUnits, numbers: torch.Tensor) -> torch.Tensor:
    """All coordinates of a clipped sum."""
    sums, _ = clipped_sum(model, lambda: units.losses(model, numbers), len(numbers), 0.3)
    return torch.cat([sums[parameter].flatten() for parameter in model.parameters()])


def test_a_model_that_scales_positions_by_the_longest_text_of_a_batch_is_refused(model: Any) -> None:
    """Two long factors for all heads, as a Phi3 with "longrope" has them: one long text moves everybody's gradient."""
    check_independence(model, length=200)
    factors = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * 16, "long_factor": [8.0] * 16}
    config = Phi3Config(
        vocab_size=320,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=1,
        num_attention_heads=2,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
        max_position_embeddings=256,
        original_max_position_embeddings=64,
        rope_parameters=factors,
    )
    torch.manual_seed(0)
    scaled = Phi3ForCausalLM(config)
    for weight in scaled.parameters():
        torch.nn.init.normal_(weight, std=0.3)  # small ones attend to all places alike
    with pytest.raises(PrivacyError, match="beside a longer one"):
        check_independence(scaled, length=200)
