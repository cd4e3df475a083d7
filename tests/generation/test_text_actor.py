from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.prompt import GenerationSettings
from ss_ray.codec.json.validation import Validation
from ss_ray.codec.sequence_columns import Sequences
from ss_ray.errors import ConfigError
from ss_ray.generation.engine import Completion, CompletionRequest
from ss_ray.generation.text_actor import CUT, Answers, Ask, TextActor, load_text_actor, seed_of
from ss_ray.location import Location
from ss_ray.plans.language_generation import LanguageGenerationPlan
from ss_ray.plans.sampling import TextSampling
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.training.text_examples import tokenize_lines
from tests.generation import language_toy as toy

SETTINGS = GenerationSettings(prompt="...", prompt_ids=toy.PROMPT, max_tokens=200, window=toy.WINDOW)
PLAN = LanguageGenerationPlan(
    engine="torch",
    is_constrained=True,
    sampling=TextSampling(temperature=1.0),
    max_tokens_multiplier=1.0,
    one_record=False,
    max_records=None,
    validation=Validation(),
    tensor_parallel_size=1,
    batch_size=8,
)
KEY = ColumnSchema(name="id", kind=Kind.IDENTIFIER, arrow_type="string", pattern=("K", *["0123456789"] * 4))
ROWS = replace(toy.CODEC, schema=TableSchema(columns=(KEY, *toy.CODEC.schema.columns)))
"""The toy's columns and an identifier."""
GROUPS = JsonCodec(
    schema=TableSchema(
        columns=(
            ColumnSchema(name="who", kind=Kind.IDENTIFIER, arrow_type="int64", maximum=7),
            ColumnSchema(name="sex", kind=Kind.CATEGORY, arrow_type="string", values=("Female", "Male")),
            ColumnSchema(name="visit", kind=Kind.INTEGER, arrow_type="int64", minimum=0, maximum=9),
        )
    ),
    sequences=Sequences(group="who", order=None, constants=("sex",), max_rows=4),
    max_records=1,
)
HEAD = '{"sex":"Male"}\n'
TOKENIZE = partial(tokenize_lines, toy.make_tokenizer())


def model_folder(folder: Path, codec: JsonCodec, **settings: int) -> Location:
    """A random model, and how it is asked for rows of a codec."""
    toy.save_model(folder, sharpness=3)
    (folder / "codec.json").write_text(codec.to_json())
    (folder / "generation.json").write_text(replace(SETTINGS, **settings).to_json())
    return Location.parse(folder)


def finished(actor: TextActor, asks: Sequence[Ask]) -> list[Answers]:
    """Answers until all are there."""
    found, missing = [actor.work(asks)], len(asks)
    while (missing := missing - len(found[-1].numbers)) > 0:
        found.append(actor.work([]))
    return found


@dataclass
class Script:
    """A `TextEngine` that finishes a request a step, with the next of its texts in the script."""

    texts: Sequence[Sequence[tuple[str, bool]]]
    seen: list[CompletionRequest] = field(default_factory=list)
    requests: list[CompletionRequest] = field(default_factory=list)

    @property
    def num_unfinished(self) -> int:
        return len(self.requests)

    def submit(self, requests: Sequence[CompletionRequest]) -> None:
        self.requests += requests

    def step(self) -> list[Completion]:
        self.seen.append(self.requests.pop(0))
        number = self.seen[-1].number
        text, is_end = self.texts[number][sum(request.number == number for request in self.seen) - 1]
        return [Completion(number=number, text=text, num_tokens=len(text), finished=is_end)]

    def cancel(self, numbers: Collection[int]) -> None:
        self.requests = [request for request in self.requests if request.number not in numbers]


class Writer(Script):
    """A `TextEngine` that draws rows of ROWS or GROUPS, not tokens, and finishes requests out of order."""

    def __init__(self, codec: JsonCodec, lag: int = 5) -> None:
        super().__init__(texts=())
        self.codec, self.lag, self.steps = codec, lag, 0
        self.given: dict[int, dict[str, object]] = {}

    def step(self) -> list[Completion]:
        self.steps += 1
        request = self.requests.pop(3 * self.steps % min(self.lag, len(self.requests)))
        rng, given = np.random.default_rng(request.seed), self.given.get(request.number, {})
        lines = [self.line(rng, given) for _ in range(rng.integers(1, self.codec.max_lines + 1))]
        text = "".join([*([HEAD] if self.codec.sequences else []), *lines])
        return [Completion(number=request.number, text=text, num_tokens=len(text), finished=True)]

    def line(self, rng: np.random.Generator, given: dict[str, object]) -> str:
        if self.codec.sequences:
            return f'{{"visit":{rng.integers(10)}}}\n'
        drawn = {
            "age": int(rng.integers(-5, 118)),
            "sex": str(rng.choice(["Female", "Male"])),
            "score": int(rng.integers(1, 12)),
            "day": f"2000-01-{rng.integers(10, 31)}",
        }
        return json.dumps(drawn | given, separators=(",", ":"), ensure_ascii=False) + "\n"


class WriterActor(TextActor):
    """A real actor whose engine also knows what is given, which it cannot read off a grammar."""

    def __init__(self, codec: JsonCodec, plan: LanguageGenerationPlan, lag: int = 5) -> None:
        self.writer = Writer(plan.bounded(codec), lag)
        super().__init__(self.writer, codec, SETTINGS, plan, seed=4, tokenize=TOKENIZE)

    def work(self, asks: Sequence[Ask]) -> Answers:
        self.writer.given |= {ask.number: json.loads(ask.given) for ask in asks if ask.given}
        return super().work(asks)


def scripted(codec: JsonCodec, *texts: tuple[str, bool]) -> Answers:
    return scripts(codec, PLAN, *([text] for text in texts))[0]


def scripts(
    codec: JsonCodec, plan: LanguageGenerationPlan, *texts: Sequence[tuple[str, bool]], **settings: int
) -> tuple[Answers, list[CompletionRequest]]:
    """What becomes of asks whose completions are these, and the requests that were made for them."""
    engine, settled = Script(texts), replace(SETTINGS, **settings)
    actor = TextActor(engine, codec, settled, replace(plan, batch_size=4 * len(texts)), seed=0, tokenize=TOKENIZE)
    return actor.work([Ask(number=i, given="") for i in range(len(texts))]), engine.seen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Location:
    return model_folder(tmp_path_factory.mktemp("model"), ROWS)


def test_every_request_is_answered_once_with_rows_of_the_schema(folder: Location) -> None:
    actor = load_text_actor(folder, PLAN, 3, threads=1, use_gpu=False)
    found = finished(actor, [Ask(number=i, given="") for i in range(20)])
    assert sorted(number for answers in found for number in answers.numbers) == list(range(20))
    assert len(found) > 1  # it does not wait for all of them
    for answers in found:
        rows = answers.rows
        assert len(rows.table) + sum(rows.rejected.values()) == rows.num_records == answers.num_records.sum()
        ROWS.schema.check(ROWS.table_of(rows, first_row=0, first_group=0, seed=0))


def test_a_completion_is_the_same_whoever_makes_it_beside_what(folder: Location) -> None:
    asks = [Ask(number=i, given="") for i in range(6)]
    together = load_text_actor(folder, PLAN, 3, threads=1, use_gpu=False)
    alone = load_text_actor(folder, replace(PLAN, batch_size=1), 3, threads=1, use_gpu=False)
    rows = {n: rows_of(a, n) for a in finished(together, asks) for n in a.numbers}
    again = {n: rows_of(a, n) for a in finished(alone, asks[::-1]) for n in a.numbers}
    assert rows == again
    assert len({seed_of(seed, number) for seed in range(20) for number in range(20)}) == 400


def rows_of(answers: Answers, number: int) -> list[dict[str, object]]:
    index = answers.numbers.index(number)
    return answers.rows.table.filter(pa.array(answers.rows.sources == index)).to_pylist()


def test_given_values_are_in_every_row_of_their_completion(folder: Location) -> None:
    actor = load_text_actor(folder, replace(PLAN, one_record=True), 3, threads=1, use_gpu=False)
    given = ['{"sex":"ü","score":0.75}', '{"age":null,"day":"2001-02-03"}', ""]
    found = finished(actor, [Ask(number=i, given=text) for i, text in enumerate(given)])
    rows = {number: rows_of(answers, number) for answers in found for number in answers.numbers}
    assert [len(rows[i]) for i in range(3)] == [1, 1, 1]
    assert (rows[0][0]["sex"], rows[0][0]["score"]) == ("ü", 0.75)
    assert (rows[1][0]["age"], str(rows[1][0]["day"])) == (None, "2001-02-03")
    with pytest.raises(ConfigError, match="not allowed"):
        actor.work([Ask(number=9, given='{"sex":"none"}')])


def test_cancelled_requests_are_not_answered(folder: Location) -> None:
    actor = load_text_actor(folder, PLAN, 3, threads=1, use_gpu=False)
    actor.work([Ask(number=i, given="") for i in range(30)])
    actor.cancel(range(30))
    assert actor.work([]).numbers == ()


def test_a_record_that_was_cut_is_lost_and_those_before_it_are_not() -> None:
    record = '{"age":39,"sex":"Male","score":1.00,"day":"2000-01-01"}\n'
    answers = scripted(
        ROWS, (record * 2 + record[:20], False), (record[:9], False), (record, False), (record * 3, True), ("", False)
    )
    assert answers.rows.sources.tolist() == [0, 0, 2, 3, 3, 3]
    assert answers.num_records.tolist() == [3, 1, 1, 3, 1]
    assert dict(answers.rows.rejected) == {CUT: 3}
    assert (answers.num_cut, answers.rows.num_records) == (4, 9)


def test_a_group_that_was_cut_before_its_first_record_is_lost() -> None:
    visit = '{"visit":3}\n'
    answers = scripted(
        GROUPS,
        (HEAD + visit * 2, True),
        (HEAD + visit[:4], False),
        (HEAD[:5], False),
        (HEAD, True),
        ("", True),
        (HEAD + visit + "nonsense\n", True),
    )
    assert answers.rows.sources.tolist() == [0, 0]
    assert answers.num_records.tolist() == [2, 1, 1, 1, 1, 2]
    assert (answers.rows.rejected[CUT], answers.num_cut) == (2, 2)
    assert sum(answers.rows.rejected.values()) == 6
    assert np.sum(answers.num_records) == answers.rows.num_records == 8


VISIT = '{"visit":3}\n'


def tokens_of(*lines: str) -> tuple[int, ...]:
    return tuple(TOKENIZE(lines)[0].tolist())


def test_a_group_that_was_cut_goes_on_after_its_last_whole_records() -> None:
    head, visit = len(tokens_of(HEAD)), len(tokens_of(VISIT))
    room = head + 5 * visit + 1
    codec = replace(GROUPS, sequences=replace(GROUPS.sequences, max_rows=9))
    answers, seen = scripts(
        codec, PLAN, [(HEAD + VISIT * 4 + VISIT[:3], False), (VISIT * 3 + "{", False), ("", True)], max_tokens=room
    )
    assert (answers.numbers, answers.num_records.tolist(), answers.num_cut) == ((0,), [7], 0)
    assert rows_of(answers, 0) == [{"sex": "Male", "visit": 3}] * 7
    assert not answers.rows.rejected
    shown = (*toy.PROMPT, *tokens_of(HEAD, VISIT, VISIT))  # half of the room
    assert [request.prompt_ids for request in seen] == [toy.PROMPT, shown, shown]
    assert [request.max_tokens for request in seen] == [room, 3 * visit + 1, 2 * visit + 1]  # 2 rows are missing
    assert len({request.seed for request in seen}) == 3


def test_a_group_goes_on_until_it_has_all_rows_that_it_may_have() -> None:
    for is_end in (False, True):
        answers, _ = scripts(GROUPS, PLAN, [(HEAD + VISIT * 3, False), (VISIT * 3, is_end)])
        assert len(rows_of(answers, 0)) == GROUPS.max_lines == 4


def test_a_group_is_lost_where_a_record_has_no_room_even_without_others_before_it() -> None:
    answers, seen = scripts(GROUPS, PLAN, [(HEAD + VISIT + "{", False), ("{", False), ("{", False)])
    assert dict(answers.rows.rejected) == {CUT: 2}
    assert (answers.num_records.tolist(), answers.num_cut) == ([2], 1)
    assert [len(request.prompt_ids) - len(toy.PROMPT) for request in seen] == [
        0,
        len(tokens_of(HEAD, VISIT)),
        len(tokens_of(HEAD)),
    ]


def test_groups_of_a_given_length_are_filled_up_and_what_is_no_record_is_replaced() -> None:
    bad = '{"visit":99}\n'
    plan = replace(PLAN, num_rows=6, is_constrained=False)
    answers, _ = scripts(
        GROUPS, plan, [(HEAD + VISIT + bad + VISIT, True), (VISIT + bad, True), (bad, True), (VISIT * 9, True)]
    )
    assert len(rows_of(answers, 0)) == 6
    assert dict(answers.rows.rejected) == {("visit", "range"): 3}
    assert answers.num_records.tolist() == [9] == [answers.rows.num_records]
