"""vLLM on the CPU, in the test's own process: one engine, started once, for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ss_ray.generation.engine import Completion, CompletionRequest, EngineSettings, TextEngine, vllm_environment
from ss_ray.plans.sampling import TextSampling

os.environ |= vllm_environment(use_gpu=False)
pytest.importorskip("vllm")

from vllm import LLMEngine

from ss_ray.codec.json.grammar import record_grammar
from ss_ray.generation.torch_engine import TorchEngine
from ss_ray.generation.vllm import VllmEngine
from ss_ray.schema import TableSchema
from tests.codec.json.test_lines import odd_tables
from tests.examples import examples
from tests.generation import language_toy as toy
from tests.generation.random_schemas import SCHEMAS, check_engine

pytestmark = [pytest.mark.vllm, pytest.mark.filterwarnings("ignore")]

GRAMMAR = record_grammar(toy.CODEC)
GREEDY = TextSampling(temperature=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.save_model(tmp_path_factory.mktemp("model"), sharpness=8)


@pytest.fixture(scope="module")
def vllm(folder: Path) -> LLMEngine:
    """Started once: that takes 20 seconds."""
    return VllmEngine.load(
        folder,
        EngineSettings(engine="vllm", sampling=GREEDY, batch_size=16, window=toy.WINDOW),
        use_gpu=False,
    )._engine


@pytest.fixture
def greedy(vllm: LLMEngine) -> VllmEngine:
    return VllmEngine(vllm, GREEDY)


@pytest.fixture
def drawing(vllm: LLMEngine) -> VllmEngine:
    return VllmEngine(vllm, TextSampling(temperature=1.0))


def request(number: int, **fields: object) -> CompletionRequest:
    given = {"prompt_ids": toy.PROMPT, "seed": number, "max_tokens": 200, "grammar": GRAMMAR}
    return CompletionRequest(number=number, **(given | fields))


def complete(engine: TextEngine, requests: list[CompletionRequest]) -> dict[int, Completion]:
    engine.submit(requests)
    done: dict[int, Completion] = {}
    while engine.num_unfinished:
        done |= {completion.number: completion for completion in engine.step()}
    return done


@pytest.mark.parametrize("grammar", [None, GRAMMAR, record_grammar(toy.CODEC, given={"sex": "ü"})])
def test_greedy_text_is_that_of_the_torch_engine(folder: Path, greedy: VllmEngine, grammar: str | None) -> None:
    requests = [request(i, prompt_ids=toy.PROMPT[: i + 1], grammar=grammar, max_tokens=60) for i in range(3)]
    ours = TorchEngine(folder, GREEDY, batch_size=4)
    assert complete(greedy, requests) == complete(ours, requests)


def test_constrained_text_is_records_that_the_schema_allows(drawing: VllmEngine) -> None:
    done = complete(drawing, [request(i) for i in range(20)])
    assert all(completion.finished for completion in done.values())
    parsed = toy.CODEC.parse_many([completion.text for completion in done.values()])
    assert not parsed.rejected
    assert len({completion.text for completion in done.values()}) == 20


def test_a_text_follows_from_its_seed(drawing: VllmEngine) -> None:
    together = complete(drawing, [request(i) for i in range(8)])
    assert complete(drawing, [request(3)])[3] == together[3]
    assert complete(drawing, [request(3, seed=99)])[3].text != together[3].text


def test_only_tokens_of_a_vocabulary_are_written(greedy: VllmEngine) -> None:
    ours = {5, 9, 40, 41, toy.make_tokenizer().eos_token_id}
    engine = VllmEngine(greedy._engine, TextSampling(temperature=1.0), tuple(sorted(ours)))
    done = complete(engine, [request(i, grammar=None, max_tokens=30) for i in range(4)])
    letters = {toy.make_tokenizer().decode([token]) for token in ours}
    assert all(set(completion.text) <= set("".join(letters)) for completion in done.values())


def test_cancelled_requests_are_gone(drawing: VllmEngine) -> None:
    drawing.submit([request(i) for i in range(4)])
    drawing.step()
    drawing.cancel([0, 2, 77])
    assert drawing.num_unfinished == 2
    assert sorted(complete(drawing, [])) == [1, 3]
    assert drawing.step() == []


def test_a_text_is_cut_at_its_number_of_tokens(drawing: VllmEngine) -> None:
    done = complete(drawing, [request(0, max_tokens=5)])
    assert (done[0].num_tokens, done[0].finished) == (5, False)


@examples(40, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(odd_tables(), min_size=SCHEMAS, max_size=SCHEMAS))
def test_records_of_random_schemas_are_of_their_schemas(
    drawing: VllmEngine, drawn: list[tuple[TableSchema, pa.Table]]
) -> None:
    check_engine(drawing, drawn)
