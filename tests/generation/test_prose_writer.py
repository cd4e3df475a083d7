import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from ss_ray.codec.prose import ProseCodec, fit_prose_codec
from ss_ray.generation.engine import Completion, CompletionRequest, EngineSettings, load_engine
from ss_ray.generation.prose_writer import ATTEMPTS, ProseWriter
from ss_ray.generation.torch_engine import TorchEngine
from ss_ray.plans.sampling import TextSampling
from ss_ray.training.balance import TextBalance, fit_balance
from tests.codec.test_prose import cut_visits
from tests.generation.language_toy import make_tokenizer, save_model
from tests.training.test_prose import notes

TOKENIZER = make_tokenizer()


def split(text: str) -> list[int]:
    return list(TOKENIZER(text, add_special_tokens=False)["input_ids"])


VOCABULARY = tuple(sorted({*split(" a short note and another one"), TOKENIZER.eos_token_id}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), sharpness=4)


def engine_of(folder: Path, batch_size: int = 16, temperature: float = 1.0, **sampling: float) -> TorchEngine:
    return TorchEngine(
        folder, TextSampling(temperature=temperature, **sampling), batch_size=batch_size, vocabulary=VOCABULARY
    )


def writer_of(
    engine: object,
    codec: ProseCodec,
    *,
    placeholders: bool = False,
    balances: Mapping[str, TextBalance] | None = None,
) -> ProseWriter:
    return ProseWriter(
        engine=engine,
        codec=codec,
        split=split,
        end=TOKENIZER.eos_token_id,
        seed=3,
        placeholders=placeholders,
        balances=balances or {},
        num_versions=3,
    )


def outlined() -> tuple[pa.Table, ProseCodec]:
    table, codec = notes()
    return codec.outline(table.slice(0, 12)), codec


class ScriptedEngine:
    """An engine that answers each request by the next of some texts; it ends the first `num_cut` too early."""

    def __init__(self, texts: Sequence[str], num_cut: int = 0) -> None:
        self.texts = list(texts)
        self.asked: list[CompletionRequest] = []
        self.num_cut = num_cut
        self._waiting: list[CompletionRequest] = []

    @property
    def num_unfinished(self) -> int:
        return len(self._waiting)

    def submit(self, requests: Sequence[CompletionRequest]) -> None:
        self._waiting += requests
        self.asked += requests

    def step(self) -> list[Completion]:
        request = self._waiting.pop(0)
        self.num_cut -= 1
        return [
            Completion(number=request.number, text=self.texts.pop(0), num_tokens=3, finished=self.num_cut < 0),
        ]

    def cancel(self, numbers: Collection[int]) -> None:
        self._waiting = [request for request in self._waiting if request.number not in numbers]


def test_texts_take_the_place_of_their_numbers_and_missing_ones_stay_missing(folder: Path):
    outline, codec = outlined()
    outline = outline.set_column(1, "note", pa.array([0, *outline.column("note").to_pylist()[1:]]))
    done: list[int] = []
    table = writer_of(engine_of(folder), codec).write(outline, 0, done.append)
    codec.schema.check(table)
    texts = table.column("note").to_pylist()
    assert texts[0] == ""
    assert [text is None for text in texts] == [i % 4 == 2 for i in range(12)]
    # Eight notes of several words, twelve advices.
    assert sum(done) == 8 + 12
    assert table.column("sex").equals(outline.column("sex"))


def test_only_tokens_of_the_vocabulary_are_written(folder: Path):
    outline, codec = outlined()
    table = writer_of(engine_of(folder), codec).write(outline, 0, lambda count: None)
    written = {token for text in table.column("advice").to_pylist() for token in split(text)}
    letters = {letter for token in VOCABULARY for letter in TOKENIZER.decode([token])}
    assert {letter for token in written for letter in TOKENIZER.decode([token])} <= letters


def test_a_table_follows_from_the_seed_and_its_number(folder: Path):
    outline, codec = outlined()
    first = writer_of(engine_of(folder), codec).write(outline, 4, lambda count: None)
    again = writer_of(engine_of(folder), codec).write(outline, 4, lambda count: None)
    other = writer_of(engine_of(folder), codec).write(outline, 5, lambda count: None)
    assert first.equals(again)
    assert not first.equals(other)


def test_prompts_of_different_lengths_are_completed_as_each_by_itself(folder: Path):
    requests = [
        CompletionRequest(
            number=i, prompt_ids=tuple(split("a short note " * (i + 1))), seed=i, max_tokens=12, grammar=None
        )
        for i in range(6)
    ]
    found = []
    for batch_size in (6, 1):
        engine = engine_of(folder, batch_size=batch_size, temperature=0.0, repetition_penalty=1.2)
        engine._model.float()
        engine.submit(requests)
        done: dict[int, str] = {}
        while engine.num_unfinished:
            done |= {completion.number: completion.text for completion in engine.step()}
        found.append(done)

    assert found[0] == found[1]
    assert len(set(found[0].values())) > 1


def test_the_second_text_of_a_row_follows_its_first():
    outline, codec = outlined()
    engine = ScriptedEngine(["was seen", "come back"])
    writer_of(engine, codec).write(outline.slice(0, 1), 0, lambda count: None)
    assert TOKENIZER.decode(engine.asked[1].prompt_ids) == "sex f\nnote (7 words): was seen</s>advice (6 words):"


def test_of_several_versions_of_a_text_one_is_kept():
    outline, codec = outlined()
    balance = fit_balance("note", ["seen at home"] * 200)
    assert balance is not None
    engine = ScriptedEngine(["lost in town", "seen at home", "went to bed", "come back"])
    done: list[int] = []
    writer = writer_of(engine, codec, balances={"note": balance})
    table = writer.write(outline.slice(0, 1), 0, done.append)
    assert table.column("note").to_pylist() == ["seen at home"]
    # The next text follows the version that was kept, and has one version itself.
    assert "seen at home" in TOKENIZER.decode(engine.asked[3].prompt_ids)
    assert len({request.seed for request in engine.asked}) == 4
    assert sum(done) == 2


def test_a_broken_placeholder_is_written_again_and_in_the_end_cut_off():
    outline, codec = outlined()
    row = outline.slice(0, 1).set_column(2, "advice", pa.array([None], pa.int64()))
    whole = "call [[person.first_name]] at [[person.phone_number|(999) 999-9999]]"
    engine = ScriptedEngine(["see [[person.first_na", whole])
    table = writer_of(engine, codec, placeholders=True).write(row, 0, lambda count: None)
    assert table.column("note").to_pylist() == [whole]
    assert len({request.seed for request in engine.asked}) == 2

    engine = ScriptedEngine(["see [[person.first_name]] or [[person.la"] * ATTEMPTS)
    table = writer_of(engine, codec, placeholders=True).write(row, 0, lambda count: None)
    assert table.column("note").to_pylist() == ["see [[person.first_name]] or"]

    # A text is not lost where it begins with one.
    engine = ScriptedEngine(["[[person.last went home [[person.first_name]]"] * ATTEMPTS)
    table = writer_of(engine, codec, placeholders=True).write(row, 0, lambda count: None)
    assert table.column("note").to_pylist() == ["went home"]

    engine = ScriptedEngine(["likes [[person.hobby]] much", whole])
    table = writer_of(engine, codec, placeholders=True).write(row, 0, lambda count: None)
    assert table.column("note").to_pylist() == [whole]


def test_a_text_without_end_is_written_again_and_in_the_end_cut_to_its_words():
    outline, codec = outlined()
    row = outline.slice(0, 1).set_column(2, "advice", pa.array([None], pa.int64()))
    engine = ScriptedEngine(["one two three four five six seven eight nine"] * ATTEMPTS, num_cut=ATTEMPTS)
    table = writer_of(engine, codec).write(row, 0, lambda count: None)
    assert table.column("note").to_pylist() == ["one two three four five six seven"]
    assert len(engine.asked) == ATTEMPTS


def test_a_text_without_end_is_cut_behind_a_sentence():
    outline, codec = outlined()
    row = outline.slice(0, 1).set_column(2, "advice", pa.array([None], pa.int64()))
    # Three of the seven words that were asked for are too few, four are enough.
    texts = ["One two three. Four five six seven eight nine", "One two three four. Five six seven eight nine"]
    engine = ScriptedEngine(texts, num_cut=2)
    table = writer_of(engine, codec).write(row, 0, lambda count: None)
    assert table.column("note").to_pylist() == ["One two three four."]
    assert len(engine.asked) == 2


def test_a_text_that_is_cut_off_has_the_length_at_which_the_column_cuts():
    table, schema = cut_visits(60)
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    row = codec.outline(table.slice(1, 1))
    # The first one ends by itself, too early; the second has no end within its tokens.
    engine = ScriptedEngine(["seen today", "seen today and again a week later " * 3], num_cut=2)
    written = writer_of(engine, codec).write(row, 0, lambda count: None).column("note").to_pylist()
    assert written == [("seen today and again a week later " * 3)[:60]]
    assert [request.max_tokens for request in engine.asked] == [20, 40]
    # A whole text is no longer than that either.
    whole = codec.outline(table.slice(0, 1))
    written = writer_of(ScriptedEngine(["seen today " * 9]), codec).write(whole, 0, lambda count: None)
    assert written.column("note").to_pylist() == [("seen today " * 9)[:60]]
    # A placeholder behind that place is no longer there, and one across it is not left in halves.
    texts = [f"{'x ' * 40}[[person.fir", f"{'x ' * 27}[[person.first_name]] came"]
    for text, expected in zip(texts, [("x " * 40)[:60], ("x " * 27).strip()], strict=True):
        writer = writer_of(ScriptedEngine([text] * ATTEMPTS), codec, placeholders=True)
        assert writer.write(row, 0, lambda count: None).column("note").to_pylist() == [expected]


def test_an_engine_is_loaded_by_its_settings(folder: Path):
    settings = EngineSettings(
        engine="torch",
        sampling=TextSampling(),
        batch_size=4,
        window=128,
        tensor_parallel_size=1,
        vocabulary=tuple(json.loads(json.dumps(VOCABULARY))),
    )
    assert isinstance(load_engine(folder, settings, threads=1, use_gpu=False), TorchEngine)
