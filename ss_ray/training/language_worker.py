"""What runs in a worker that fine-tunes a language model: its texts, the adapter, the merged model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ss_ray.codec.ascending import Ints
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.codec.json.prompt import GenerationSettings
from ss_ray.location import Location
from ss_ray.plans.language_training import LanguagePlan
from ss_ray.plans.loop import PrivateLoopPlan
from ss_ray.training.arrays import load_arrays
from ss_ray.training.pretrained import Pretrained, load_adapter, load_base, save_adapter, save_merged
from ss_ray.training.text_examples import (
    MAX_TEXT_POSITIONS,
    Cuts,
    TextExamples,
    check_independence,
    cut_groups,
    cut_rows,
    own_line_units,
)
from ss_ray.training.unit_files import UnitFiles
from ss_ray.training.worker import (
    Checkpoints,
    train_private_with_checkpoints,
    train_with_checkpoints,
    training_metrics,
    write_folder,
)

if TYPE_CHECKING:
    from ss_ray.privacy.account import Account  # with the accountants, which take a second

TOKENS = "tokens-"
SIZES = "sizes-"
GROUPS = "groups-"
"""Prefixes of the arrays of a part: (tokens,) of all lines; (lines,) tokens of each; (groups,) lines of each."""


@dataclass(frozen=True, kw_only=True)
class LanguageTask:
    """What a worker is told.

    Attributes:
        tokens: Folder of the tokenized lines.
        codec: Codec that wrote the lines.
        plan: Base model, adapter and training loop.
        settings: Prompt and window.
        adapter: Folder for the adapter.
        private: How it is trained with differential privacy; None without.
    """

    tokens: Location
    codec: JsonCodec
    plan: LanguagePlan
    settings: GenerationSettings
    adapter: Location
    private: PrivateLoopPlan | None = None


def train_language_in_worker(
    *, task: LanguageTask, threads: int, model: Location, checkpoints: Checkpoints, report: Callable[..., None]
) -> dict[str, Any]:
    """Fine-tune on this worker's examples; rank 0 writes the best adapter, and the model that it makes. The metrics.

    Args:
        task: Tokens, codec and plan of the training.
        threads: Number of torch threads.
        model: Folder for the merged model.
        checkpoints: Checkpoints, rank and device of this worker.
        report: Told the steps done and the loss.
    """
    base = _begin_worker(task, threads, checkpoints.device)
    examples = load_text_examples(task, end=base.tokenizer.eos_token_id)
    state = train_with_checkpoints(base.model, examples, task.plan, checkpoints, report)
    if checkpoints.worker.rank == 0:
        _write_model(base, state.best_model, task, model)

    return training_metrics(base.model, state)


def train_private_language_in_worker(
    *,
    task: LanguageTask,
    units: UnitFiles,
    account: Account,
    threads: int,
    model: Location,
    checkpoints: Checkpoints,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Fine-tune on this worker's privacy units; rank 0 charges each step, and writes the averaged adapter. The metrics.

    Args:
        task: Tokens, codec and plan of the training, with differential privacy.
        units: Privacy units of the lines.
        account: Account of this training in the privacy ledger.
        threads: Number of torch threads.
        model: Folder for the merged model.
        checkpoints: Checkpoints, rank and device of this worker.
        report: Told the steps charged, and nothing that was computed from rows.
    """
    private = task.private
    assert private is not None
    base = _begin_worker(task, threads, checkpoints.device)
    worker = checkpoints.worker
    examples = load_text_examples(task, end=base.tokenizer.eos_token_id)
    check_independence(base.model, length=min(task.settings.window, MAX_TEXT_POSITIONS // 2))
    own = own_line_units(examples, units, max_rows=private.max_rows_per_unit, worker=worker)
    state = train_private_with_checkpoints(base.model, own, private, account, checkpoints, lambda step: report(1))
    if worker.rank == 0:
        _write_model(base, state.average, task, model)

    return training_metrics(base.model, state)


def _begin_worker(task: LanguageTask, threads: int, device: torch.device) -> Pretrained:
    """The model to train, on the device of this worker."""
    torch.set_num_threads(threads)
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(task.plan.max_vram_fraction, device)
    return load_base(task.plan, device)


def _write_model(base: Pretrained, weights: dict[str, Any], task: LanguageTask, model: Location) -> None:
    """The adapter, and the model that it makes."""
    base.model.load_state_dict(weights, strict=False)
    write_folder(lambda local: save_adapter(base.model, local), task.adapter)
    write_folder(lambda local: _write_merged(base, task, local), model)


def load_text_examples(task: LanguageTask, *, end: int) -> TextExamples:
    """The examples of all workers."""
    room = task.settings.window - len(task.settings.prompt_ids)
    if task.private:
        max_rows = task.private.max_rows_per_unit
    else:
        max_rows = None

    sizes, cuts = cut_lines(task.tokens, task.codec, room=room, seed=task.plan.seed, max_unit_rows=max_rows)

    return TextExamples(
        tokens=torch.from_numpy(load_arrays(task.tokens, TOKENS)),
        starts=np.append(0, np.cumsum(sizes)),
        cuts=cuts,
        prompt=torch.tensor(task.settings.prompt_ids, dtype=torch.int32),
        end=end,
    )


def cut_lines(
    tokens: Location, codec: JsonCodec, *, room: int, seed: int, max_unit_rows: int | None = None
) -> tuple[Ints, Cuts]:
    """Tokens of each line, and which lines make which example; the same wherever it is called.

    Args:
        tokens: Folder of the tokenized lines.
        codec: Codec that wrote the lines.
        room: Tokens of an example at most, its end included, its prompt not.
        seed: Seed of the order of the lines.
        max_unit_rows: With differential privacy, rows of a unit that are learned from: a row by itself is an example,
            and so are the first rows of a group. None without.
    """
    sizes: Ints = load_arrays(tokens, SIZES)
    if codec.sequences is not None:
        groups = load_arrays(tokens, GROUPS)
        has_head = bool(codec.shared_columns)
        return sizes, cut_groups(sizes, groups, has_head=has_head, room=room, max_records=max_unit_rows)

    if max_unit_rows is not None:
        return sizes, cut_rows(sizes, room=room, max_records=1, seed=None)

    return sizes, cut_rows(sizes, room=room, max_records=codec.max_records, seed=seed)


def _write_merged(base: Pretrained, task: LanguageTask, folder: Path) -> None:
    """The merged model with all that generation needs."""
    save_merged(_load_unquantised(base.model, task), base.tokenizer, folder)
    (folder / "codec.json").write_text(task.codec.to_json())
    (folder / "generation.json").write_text(task.settings.to_json())


def _load_unquantised(model: Any, task: LanguageTask) -> Any:
    """The model itself, or its adapter on the base as it was before it was quantised: merging needs whole weights."""
    if task.plan.quantization is None:
        return model
    with TemporaryDirectory() as local:
        save_adapter(model, Path(local))
        return load_adapter(task.plan, Path(local))
