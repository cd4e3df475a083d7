from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from transformers import LlamaForCausalLM

from ss_ray.codec.json.grammar import record_grammar
from ss_ray.errors import GenerationError
from ss_ray.generation.engine import Completion, CompletionRequest, TextEngine, without_half_characters
from ss_ray.generation.torch_engine import GROWTH, TorchEngine, draw_tokens
from ss_ray.plans.sampling import TextSampling
from ss_ray.schema import TableSchema
from tests.codec.json.test_lines import odd_tables
from tests.examples import examples
from tests.generation import language_toy as toy
from tests.generation.random_schemas import SCHEMAS, check_engine

GRAMMAR = record_grammar(toy.CODEC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield toy.save_model(tmp_path_factory.mktemp("model"), sharpness=8)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def engine(folder: Path) -> TorchEngine:
    return TorchEngine(folder, TextSampling(temperature=1.0), batch_size=SCHEMAS)


def request(number: int, **fields: object) -> CompletionRequest:
    given = {"prompt_ids": toy.PROMPT, "seed": number, "max_tokens": 200, "grammar": GRAMMAR}
    return CompletionRequest(number=number, **(given | fields))


def drain(engine: TextEngine) -> dict[int, Completion]:
    done: dict[int, Completion] = {}
    while engine.num_unfinished:
        done |= {completion.number: completion for completion in engine.step()}
    return done


def complete(
    folder: Path, requests: list[CompletionRequest], batch_size: int = 8, **sampling: float
) -> dict[int, Completion]:
    engine = TorchEngine(folder, TextSampling(**sampling), batch_size=batch_size)
    engine.submit(requests)
    return drain(engine)


def spelled(tokens: torch.Tensor) -> str:
    """The text after the prompt, as it is where it is cut."""
    text = toy.make_tokenizer().decode(tokens[len(toy.PROMPT) :], skip_special_tokens=True)
    return without_half_characters(text)


def test_constrained_text_is_records_that_the_schema_allows(folder: Path) -> None:
    done = complete(folder, [request(i) for i in range(20)], temperature=1.0)
    assert sorted(done) == list(range(20))
    assert all(completion.finished for completion in done.values())
    parsed = toy.CODEC.parse_many([completion.text for completion in done.values()])
    assert not parsed.rejected
    assert parsed.num_records >= 20
    toy.CODEC.schema.check(toy.CODEC.table_of(parsed, first_row=0, first_group=0, seed=0))
    assert len({completion.text for completion in done.values()}) == 20


def test_a_text_depends_on_its_seed_alone_and_not_on_the_batch(folder: Path) -> None:
    together = complete(folder, [request(i) for i in range(9)], batch_size=9)
    apart = complete(folder, [request(i) for i in reversed(range(9))], batch_size=2)
    assert together == apart
    again = complete(folder, [request(0, seed=99)])[0]
    assert again.text != together[0].text


def test_greedy_text_is_that_of_transformers(folder: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(folder)
    made = model.generate(torch.tensor([toy.PROMPT]), do_sample=False, max_new_tokens=40, pad_token_id=1)[0]
    expected = spelled(made)
    done = complete(folder, [request(i, grammar=None, max_tokens=40) for i in range(3)], temperature=0.0)
    assert {completion.text for completion in done.values()} == {expected}


def test_a_penalty_makes_greedy_text_that_of_transformers_with_it(folder: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(folder)
    prompt = torch.tensor([toy.PROMPT])
    made = model.generate(prompt, do_sample=False, max_new_tokens=40, pad_token_id=1, repetition_penalty=1.4)[0]
    expected = spelled(made)
    requests = [request(0, grammar=None, max_tokens=40)]
    assert complete(folder, requests, temperature=0.0, repetition_penalty=1.4)[0].text == expected


def test_a_text_longer_than_the_room_of_the_cache_is_that_of_transformers(folder: Path) -> None:
    length = 2 * GROWTH + 5
    made = LlamaForCausalLM.from_pretrained(folder).generate(
        torch.tensor([toy.PROMPT]), do_sample=False, max_new_tokens=length, pad_token_id=1, eos_token_id=None
    )[0]
    requests = [request(i, grammar=None, max_tokens=length) for i in range(2)]
    done = complete(folder, requests, temperature=0.0)
    assert done[0].num_tokens == length == len(made) - len(toy.PROMPT)
    assert {completion.text for completion in done.values()} == {spelled(made)}


def test_a_text_is_cut_at_its_number_of_tokens(folder: Path) -> None:
    done = complete(folder, [request(0, max_tokens=5), request(1)], temperature=1.0)
    assert (done[0].num_tokens, done[0].finished) == (5, False)
    assert done[1].finished


def test_prompts_of_different_lengths_are_completed_as_if_alone(folder: Path) -> None:
    prompts = [toy.PROMPT, toy.PROMPT[:1], toy.PROMPT]
    requests = [request(i, prompt_ids=prompt) for i, prompt in enumerate(prompts)]
    together = complete(folder, requests)
    assert together == {r.number: complete(folder, [r])[r.number] for r in requests}


def test_cancelled_requests_leave_the_queue_and_the_batch(folder: Path) -> None:
    alone = complete(folder, [request(1)])
    engine = TorchEngine(folder, TextSampling(), batch_size=2)
    engine.submit([request(i) for i in range(4)])
    engine.step()
    engine.cancel([0, 2, 3, 77])
    assert engine.num_unfinished == 1
    assert drain(engine) == alone
    assert engine.step() == []


def test_a_prompt_without_tokens_is_refused(folder: Path) -> None:
    engine = TorchEngine(folder, TextSampling(), batch_size=2)
    for prompt in ((), (0,) * toy.WINDOW):
        with pytest.raises(GenerationError, match="a prompt must have 1 to 511 tokens"):
            engine.submit([request(0, prompt_ids=prompt)])


@pytest.mark.parametrize("sampling", [TextSampling(temperature=2.0), TextSampling(temperature=0.5, top_p=0.9)], ids=str)
def test_tokens_are_drawn_by_their_probabilities(sampling: TextSampling) -> None:
    logits = torch.tensor([0.5, -torch.inf, 0.25, 0.2, 0.05]).log().nan_to_num(neginf=-torch.inf)
    shares = torch.softmax(logits / sampling.temperature, dim=-1)
    ordered, order = shares.sort(descending=True)
    shares[order[ordered.cumsum(-1) - ordered >= sampling.top_p]] = 0
    points = torch.from_numpy(np.random.default_rng(0).random(50_000))
    drawn = draw_tokens(logits.expand(50_000, -1), sampling, points)
    found = torch.bincount(drawn, minlength=5) / 50_000
    assert torch.allclose(found, shares / shares.sum(), atol=0.012)
    assert found[shares == 0].sum() == 0


def test_the_last_point_draws_a_token_of_positive_probability() -> None:
    logits = torch.tensor([[0.0, 1.0, -torch.inf]])
    assert draw_tokens(logits, TextSampling(temperature=1.0), torch.tensor([1 - 2**-53], dtype=torch.float64)) == 1


@pytest.mark.slow
@examples(50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(drawn=st.lists(odd_tables(), min_size=SCHEMAS, max_size=SCHEMAS))
def test_records_of_random_schemas_are_of_their_schemas(
    engine: TorchEngine, drawn: list[tuple[TableSchema, pa.Table]]
) -> None:
    check_engine(engine, drawn)
