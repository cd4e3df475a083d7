"""What runs in a generation actor of a language model: the engine, and what its completions are worth.

    actor = load_text_actor(folder, plan, seed, threads=1, use_gpu=False)
    answers = actor.work(asks)      # some of all that was asked so far; the engine goes on with the rest

An answer is a function of the weights, the plan and its number, whichever actor makes it. A group that is longer than a
completion goes on in the next one (`generation.drafts`), and is answered as a whole.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from pyarrow import fs as pafs

from ss_ray.codec.json.grammar import further_grammar, record_grammar
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.prompt import GenerationSettings
from ss_ray.codec.json.records import Fault, Numbers, Parsed
from ss_ray.generation.drafts import Draft, Drafting, Shown, Tokenize
from ss_ray.generation.engine import Completion, CompletionRequest, EngineSettings, TextEngine, load_engine
from ss_ray.location import Location
from ss_ray.plans.language_generation import LanguageGenerationPlan

WAIT_SECONDS = 1.0
"""Longest time that an actor works before it answers: so long it takes no new requests."""
GRAMMARS = 4096
"""Of different given rows, kept as text."""
CUT: Fault = ("", "cut")
"""A record at which a completion had to end, or the records of a group that could not go on."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A completion to be made.

    Attributes:
        number: Names it within the whole synthetic table; its seed follows from it.
        given: JSON object of the values that its rows have; "" where nothing is given.
    """

    number: int
    given: str


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What became of finished completions.

    Attributes:
        numbers: Numbers of the completions that are finished.
        rows: Their rows; `sources` are indices of `numbers`.
        num_records: (completions,) records read of each.
        num_tokens: Generated for them in all.
        num_cut: Completions that were cut at their length, and did not go on.
    """

    numbers: tuple[int, ...]
    rows: Parsed
    num_records: Numbers
    num_tokens: int
    num_cut: int


class TextActor:
    """An engine that is kept busy, and its completions as rows.

    Args:
        engine: Nobody else uses it.
        codec: Codec of the rows.
        settings: How the model is asked.
        plan: Engine, sampling and limits of the language model.
        seed: Seed of the run.
        tokenize: Lines to the model's tokens.
    """

    def __init__(
        self,
        engine: TextEngine,
        codec: JsonCodec,
        settings: GenerationSettings,
        plan: LanguageGenerationPlan,
        seed: int,
        tokenize: Tokenize,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._plan = plan
        self._seed = seed
        self._codec = plan.bounded(codec)
        self._drafting = Drafting(
            codec=self._codec,
            validation=plan.validation,
            is_exact=plan.num_rows is not None,
            max_tokens=plan.max_tokens(settings),
            tokenize=tokenize,
        )
        self._drafts: dict[int, Draft] = {}
        self._enough = max(1, plan.batch_size // 4)
        self._grammar = lru_cache(GRAMMARS)(self._written_grammar)

    def work(self, asks: Sequence[Ask]) -> Answers:
        """Take up more asks, and go on until some of all those under way are answered, WAIT_SECONDS at most."""
        self._drafts |= {ask.number: Draft(given=ask.given) for ask in asks}
        self._engine.submit([self._first_request(ask) for ask in asks])
        done: dict[int, Draft] = {}
        started = time.monotonic()

        while self._engine.num_unfinished and len(done) < self._enough and time.monotonic() - started < WAIT_SECONDS:
            for completion in self._engine.step():
                done |= self._complete_draft(completion)

        return self._parse_drafts(done)

    def cancel(self, numbers: Collection[int]) -> None:
        """Forget these; numbers that are not under way are ignored."""
        self._engine.cancel(numbers)
        self._drafts = {number: draft for number, draft in self._drafts.items() if number not in numbers}

    def _complete_draft(self, completion: Completion) -> dict[int, Draft]:
        """The text that a completion ends, by its number; none where it goes on."""
        number = completion.number
        draft = self._drafting.extended(self._drafts.pop(number), completion)
        if draft.is_lost or self._drafting.is_complete(draft):
            return {number: draft}

        shown = self._drafting.shown(draft)
        self._drafts[number] = replace(draft, num_shown=shown.num_records)
        self._engine.submit([self._further_request(number, draft, shown)])

        return {}

    def _first_request(self, ask: Ask) -> CompletionRequest:
        return CompletionRequest(
            number=ask.number,
            prompt_ids=self._settings.prompt_ids,
            seed=seed_of(self._seed, ask.number),
            max_tokens=self._drafting.max_tokens,
            grammar=self._grammar(ask.given, is_first=True) if self._plan.is_constrained else None,
        )

    def _further_request(self, number: int, draft: Draft, shown: Shown) -> CompletionRequest:
        return CompletionRequest(
            number=number,
            prompt_ids=(*self._settings.prompt_ids, *shown.tokens),
            seed=seed_of(self._seed, number, self._drafting.num_rows(draft)),
            max_tokens=shown.max_tokens,
            grammar=self._grammar(draft.given, is_first=False) if self._plan.is_constrained else None,
        )

    def _written_grammar(self, given: str, *, is_first: bool) -> str:
        if given:
            values = json.loads(given, parse_float=Decimal)
        else:
            values = None

        if is_first:
            return record_grammar(self._codec, records=self._plan.num_rows, given=values)

        return further_grammar(self._codec, may_end=self._plan.num_rows is None, given=values)

    def _parse_drafts(self, done: Mapping[int, Draft]) -> Answers:
        """All texts parsed at once; what was cut off or left out, which the codec does not see, is counted here."""
        drafting = self._drafting
        drafts = list(done.values())
        texts = [drafting.text(draft) for draft in drafts]
        read = np.array([i for i, text in enumerate(texts) if text is not None], np.int64)
        parsed = self._codec.parse_many([text for text in texts if text is not None], self._plan.validation)
        lost = [drafting.num_lost(draft) for draft in drafts]
        rejected = Counter(parsed.rejected) + Counter({CUT: sum(lost)})
        rejected += sum((Counter(draft.rejected) for draft in drafts), Counter())
        records = [
            drafting.num_read(draft) + cut + sum(draft.rejected.values())
            for draft, cut in zip(drafts, lost, strict=True)
        ]

        return Answers(
            numbers=tuple(done),
            rows=replace(parsed, sources=read[parsed.sources], rejected=dict(rejected), num_records=sum(records)),
            num_records=np.array(records, np.int64),
            num_tokens=sum(draft.num_tokens for draft in drafts),
            num_cut=sum(draft.is_lost or (self._codec.sequences is None and not draft.is_ended) for draft in drafts),
        )


def seed_of(seed: int, number: int, num_rows: int = 0) -> int:
    """The seed of a completion that follows so many rows of its text, 0 to 2**63 - 1."""
    if num_rows:
        entropy = [seed, number, num_rows]
    else:
        entropy = [seed, number]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]) >> 1


def load_text_actor(
    folder: Location, plan: LanguageGenerationPlan, seed: int, *, threads: int, use_gpu: bool
) -> TextActor:
    """Load a model folder; of vLLM, `engine.vllm_environment` is already set.

    Args:
        folder: A merged checkpoint with its tokenizer, `codec.json` and `generation.json`.
        plan: Engine, sampling and limits of the language model.
        seed: Seed of the run.
        threads: Number of torch threads.
        use_gpu: Whether the process has GPUs.
    """
    with local_folder(folder) as local:
        codec = JsonCodec.from_json((local / "codec.json").read_text(encoding="utf8"))
        settings = GenerationSettings.from_json((local / "generation.json").read_text(encoding="utf8"))
        engine = load_engine(local, _engine_settings(plan, settings.window), threads=threads, use_gpu=use_gpu)
        tokenize = _line_tokenizer(local)

    return TextActor(engine, codec, settings, plan, seed, tokenize)


def _engine_settings(plan: LanguageGenerationPlan, window: int) -> EngineSettings:
    return EngineSettings(
        engine=plan.engine,
        sampling=plan.sampling,
        batch_size=plan.batch_size,
        window=window,
        tensor_parallel_size=plan.tensor_parallel_size,
    )


def _line_tokenizer(folder: Path) -> Tokenize:
    from transformers import AutoTokenizer

    from ss_ray.training.text_examples import tokenize_lines

    return partial(tokenize_lines, AutoTokenizer.from_pretrained(folder))


@contextmanager
def local_folder(folder: Location) -> Iterator[Path]:
    """The folder itself where it is a local one, else a copy for as long as it is read."""
    if isinstance(folder.filesystem, pafs.LocalFileSystem):
        yield Path(folder.path)
        return

    with tempfile.TemporaryDirectory() as local:
        pafs.copy_files(folder.path, local, folder.filesystem, pafs.LocalFileSystem())
        yield Path(local)
