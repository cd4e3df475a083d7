"""What runs in a generation actor of a language model: the engine, and what its completions are worth.

    actor = load_text_actor(folder, plan, seed, threads=1, use_gpu=False)
    answers = actor.work(asks)      # some of all that was asked so far; the engine goes on with the rest

A completion is a function of the weights, the plan and its number, whichever actor makes it.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import numpy as np
from pyarrow import fs as pafs

from ss_ray.codec.constraint import record_grammar
from ss_ray.codec.json_lines import JsonCodec
from ss_ray.codec.json_records import Fault, Numbers, Parsed
from ss_ray.codec.prompt import GenerationSettings
from ss_ray.generation.engine import Completion, Request, TextEngine
from ss_ray.generation.language_plan import LanguageGenerationPlan
from ss_ray.runs import Location

WAIT_SECONDS = 1.0
"""Longest time that an actor works before it answers: so long it takes no new requests."""
GRAMMARS = 4096
"""Of different given rows, kept as text."""
CUT: Fault = ("", "cut")
"""A record, or the records of a group, at which a completion had to end."""


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
        numbers: Of the completions.
        rows: Their rows; `sources` are indices of `numbers`.
        num_records: (completions,) records read of each.
        num_tokens: Generated for them in all.
        num_cut: Completions that were cut at their length.
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
        codec: Of the rows.
        settings: How the model is asked.
        plan: What to do.
        seed: Of the run.
    """

    def __init__(
        self,
        engine: TextEngine,
        codec: JsonCodec,
        settings: GenerationSettings,
        plan: LanguageGenerationPlan,
        seed: int,
    ) -> None:
        self._engine, self._settings, self._plan, self._seed = engine, settings, plan, seed
        self._codec = plan.bounded(codec)
        self._max_tokens = plan.max_tokens(settings)
        self._enough = max(1, plan.batch_size // 4)
        self._grammar = lru_cache(GRAMMARS)(self._written_grammar)

    def work(self, asks: Sequence[Ask]) -> Answers:
        """Take up more completions, and go on until some of all those under way are finished, WAIT_SECONDS at most."""
        self._engine.submit([self._request(ask) for ask in asks])
        done: list[Completion] = []
        started = time.monotonic()
        while self._engine.num_unfinished and len(done) < self._enough and time.monotonic() - started < WAIT_SECONDS:
            done += self._engine.step()
        return self._answers(done)

    def cancel(self, numbers: Collection[int]) -> None:
        """Forget these; numbers that are not under way are ignored."""
        self._engine.cancel(numbers)

    def _request(self, ask: Ask) -> Request:
        return Request(
            number=ask.number,
            prompt_ids=self._settings.prompt_ids,
            seed=seed_of(self._seed, ask.number),
            max_tokens=self._max_tokens,
            grammar=self._grammar(ask.given) if self._plan.is_constrained else None,
        )

    def _written_grammar(self, given: str) -> str:
        return record_grammar(self._codec, given=json.loads(given, parse_float=Decimal) if given else None)

    def _answers(self, done: Sequence[Completion]) -> Answers:
        """All completions parsed at once; what was cut off, which the codec does not see, is counted here."""
        whole = [self._whole(completion) for completion in done]
        read = np.array([i for i, text in enumerate(whole) if text is not None], np.int64)
        parsed = self._codec.parse_many([text for text in whole if text is not None], self._plan.validation)
        lost = np.array([0 if completion.finished else self._lost(completion) for completion in done], np.int64)
        records = lost.copy()
        records[read] += np.array([self._num_records(text) for text in whole if text is not None], np.int64)
        rejected = Counter(parsed.rejected) + Counter({CUT: int(lost.sum())})
        return Answers(
            numbers=tuple(completion.number for completion in done),
            rows=replace(parsed, sources=read[parsed.sources], rejected=dict(rejected), num_records=int(records.sum())),
            num_records=records,
            num_tokens=sum(completion.num_tokens for completion in done),
            num_cut=sum(not completion.finished for completion in done),
        )

    def _whole(self, completion: Completion) -> str | None:
        """The text without a record that was cut; None where nothing is left. A group that was cut is lost."""
        if completion.finished:
            return completion.text
        if self._codec.sequences is not None:
            return None
        return completion.text[: completion.text.rfind("\n") + 1] or None

    def _lost(self, completion: Completion) -> int:
        """Records of a cut completion that are lost by that."""
        lines = completion.text.split("\n")
        if self._codec.sequences is None:
            return 1 if lines[-1] or len(lines) == 1 else 0
        return max(1, len(lines) - (not lines[-1]) - bool(self._codec.shared_columns))

    def _num_records(self, text: str) -> int:
        """Records that the codec counts in a text: one at least."""
        lines = text.removesuffix("\n").count("\n") + 1
        return max(1, lines - bool(self._codec.shared_columns))


def seed_of(seed: int, number: int) -> int:
    """The seed of a completion, 0 to 2**63 - 1."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]) >> 1


def load_text_actor(
    folder: Location, plan: LanguageGenerationPlan, seed: int, *, threads: int, use_gpu: bool
) -> TextActor:
    """Load a model folder; of vLLM, `engine.vllm_environment` is already set.

    Args:
        folder: A merged checkpoint with its tokenizer, `codec.json` and `generation.json`.
        plan: What to do.
        seed: Of the run.
        threads: Of torch.
        use_gpu: Whether the process has GPUs.
    """
    with local_folder(folder) as local:
        codec = JsonCodec.from_json((local / "codec.json").read_text(encoding="utf8"))
        settings = GenerationSettings.from_json((local / "generation.json").read_text(encoding="utf8"))
        engine = _load_engine(local, plan, settings, threads, use_gpu)
    return TextActor(engine, codec, settings, plan, seed)


def _load_engine(
    folder: Path, plan: LanguageGenerationPlan, settings: GenerationSettings, threads: int, use_gpu: bool
) -> TextEngine:
    import torch

    torch.set_num_threads(threads)
    if plan.engine == "torch":
        from ss_ray.generation.torch_engine import TorchEngine

        return TorchEngine(folder, plan.sampling, batch_size=plan.batch_size, device="cuda" if use_gpu else "cpu")
    from ss_ray.generation.vllm import VllmEngine

    return VllmEngine.load(
        folder,
        plan.sampling,
        max_model_len=settings.window,
        use_gpu=use_gpu,
        tensor_parallel_size=plan.tensor_parallel_size,
        max_num_seqs=plan.batch_size,
    )


@contextmanager
def local_folder(folder: Location) -> Iterator[Path]:
    """The folder itself where it is a local one, else a copy for as long as it is read."""
    if isinstance(folder.filesystem, pafs.LocalFileSystem):
        yield Path(folder.path)
        return
    with tempfile.TemporaryDirectory() as local:
        pafs.copy_files(folder.path, local, folder.filesystem, pafs.LocalFileSystem())
        yield Path(local)
