"""What runs in a Ray Train worker that fine-tunes a language model: its texts, the adapter, the merged model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from ray.train.torch import get_device

from ss_ray.codec.json_lines import JsonCodec
from ss_ray.codec.prompt import GenerationSettings
from ss_ray.language_plan import LanguageTrainPlan
from ss_ray.runs import Location
from ss_ray.training.pretrained import Pretrained, load_adapter, load_base, save_adapter, save_merged
from ss_ray.training.text_examples import Cuts, Ints, TextExamples, cut_groups, cut_rows
from ss_ray.training.worker import load_arrays, this_worker, train_with_checkpoints, write_folder

TOKENS, SIZES, GROUPS = "tokens-", "sizes-", "groups-"
"""Prefixes of the arrays of a part: (tokens,) of all lines; (lines,) tokens of each; (groups,) lines of each."""


@dataclass(frozen=True, kw_only=True)
class LanguageTask:
    """What a worker is told.

    Attributes:
        tokens: Folder of the tokenized lines.
        codec: That wrote them.
        plan: What to do.
        settings: Prompt and window.
        adapter: Folder for the adapter.
    """

    tokens: Location
    codec: JsonCodec
    plan: LanguageTrainPlan
    settings: GenerationSettings
    adapter: Location


def train_language_in_worker(*, task: LanguageTask, threads: int, model: Location, report: Callable[..., None]) -> None:
    """Fine-tune on this worker's examples; rank 0 writes the best adapter, and the model that it makes.

    Args:
        task: What to do.
        threads: Of torch.
        model: Folder for the merged model.
        report: Told the steps done and the loss.
    """
    torch.set_num_threads(threads)
    worker, device = this_worker(), get_device()
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(task.plan.max_vram_fraction, device)
    base = load_base(task.plan, device)
    examples = load_text_examples(task, end=base.tokenizer.eos_token_id)
    state = train_with_checkpoints(base.model, examples, task.plan, worker, device, report)
    if worker.rank == 0:
        base.model.load_state_dict(state.best_model, strict=False)
        write_folder(lambda local: save_adapter(base.model, local), task.adapter)
        write_folder(lambda local: _write_merged(base, task, local), model)


def load_text_examples(task: LanguageTask, *, end: int) -> TextExamples:
    """The examples of all workers."""
    room = task.settings.window - len(task.settings.prompt_ids)
    sizes, cuts = cut_lines(task.tokens, task.codec, room=room, seed=task.plan.seed)
    return TextExamples(
        tokens=torch.from_numpy(load_arrays(task.tokens, TOKENS)),
        starts=np.append(0, np.cumsum(sizes)),
        cuts=cuts,
        prompt=torch.tensor(task.settings.prompt_ids, dtype=torch.int32),
        end=end,
    )


def cut_lines(tokens: Location, codec: JsonCodec, *, room: int, seed: int) -> tuple[Ints, Cuts]:
    """Tokens of each line, and which lines make which example; the same wherever it is called.

    Args:
        tokens: Folder of the tokenized lines.
        codec: That wrote them.
        room: Tokens of an example at most, its end included, its prompt not.
        seed: Of the order.
    """
    sizes: Ints = load_arrays(tokens, SIZES)
    if codec.sequences is None:
        return sizes, cut_rows(sizes, room=room, max_records=codec.max_records, seed=seed)
    return sizes, cut_groups(sizes, load_arrays(tokens, GROUPS), has_head=bool(codec.shared_columns), room=room)


def _write_merged(base: Pretrained, task: LanguageTask, folder: Path) -> None:
    """The merged model with all that generation needs."""
    save_merged(_unquantised(base.model, task), base.tokenizer, folder)
    (folder / "codec.json").write_text(task.codec.to_json())
    (folder / "generation.json").write_text(task.settings.to_json())


def _unquantised(model: Any, task: LanguageTask) -> Any:
    """The model itself, or its adapter on the base as it was before it was quantised: merging needs whole weights."""
    if task.plan.quantization is None:
        return model
    with TemporaryDirectory() as local:
        save_adapter(model, Path(local))
        return load_adapter(task.plan, Path(local))
