"""What runs in a worker that trains the language model of texts: its rows, and the model at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.plans.loop import PrivateLoopPlan
from ss_ray.plans.prose import ProsePlan
from ss_ray.training.arrays import load_arrays
from ss_ray.training.loop import Worker
from ss_ray.training.pretrained import load_tokenizer
from ss_ray.training.private.loop import own_rows
from ss_ray.training.prose_examples import ProseExamples, ProseTokens
from ss_ray.training.prose_model import load_adapted_model, load_prose_model
from ss_ray.training.text_examples import TextUnits
from ss_ray.training.unit_files import UnitFiles, load_units
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
COUNTED = "counted-"
SIZES = "sizes-"
"""Prefixes of the arrays of a part; see `ProseTokens`."""
MAX_PRIVATE_TOKENS = 2048
"""Tokens, padding included, that go through the model together at most: each has a logit for every token there is."""


@dataclass(frozen=True, kw_only=True)
class ProseTask:
    """What a worker is told.

    Attributes:
        tokens: Folder of the tokens of the rows.
        plan: Base model and training loop.
        vocabulary: Tokens that the model may write, ascending.
        private: How it is trained with differential privacy; None without.
    """

    tokens: Location
    plan: ProsePlan
    vocabulary: tuple[int, ...]
    private: PrivateLoopPlan | None = None


def train_prose_in_worker(
    *, task: ProseTask, threads: int, model: Location, checkpoints: Checkpoints, report: Callable[..., None]
) -> dict[str, Any]:
    """Train on this worker's rows; rank 0 writes the best model. The metrics of the training.

    Args:
        task: Rows and plan of the training.
        threads: Number of torch threads.
        model: Folder for the model.
        checkpoints: Checkpoints, rank and device of this worker.
        report: Told the steps done and the loss.
    """
    torch.set_num_threads(threads)
    device = checkpoints.device
    tokenizer = load_tokenizer(task.plan.base_model)
    vocabulary = torch.tensor(task.vocabulary, dtype=torch.long)
    prose = load_prose_model(task.plan.base_model, vocabulary, trained_blocks=task.plan.trained_blocks, device=device)
    examples = ProseExamples(rows=load_prose_tokens(task.tokens), vocabulary=vocabulary, pad=tokenizer.pad_token_id)
    state = train_with_checkpoints(prose, examples, task.plan, checkpoints, report)
    if checkpoints.worker.rank == 0:
        prose.load_state_dict(state.best_model, strict=False)
        write_folder(lambda local: prose.save(tokenizer, local), model)

    return training_metrics(prose, state)


def train_private_prose_in_worker(
    *,
    task: ProseTask,
    units: UnitFiles,
    account: Account,
    threads: int,
    model: Location,
    checkpoints: Checkpoints,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Train on this worker's privacy units; rank 0 charges each step, and writes the averaged model. The metrics.

    Args:
        task: Rows and plan of the training, with differential privacy.
        units: Privacy units of the rows.
        account: Account of this training in the privacy ledger.
        threads: Number of torch threads.
        model: Folder for the model.
        checkpoints: Checkpoints, rank and device of this worker.
        report: Told the steps charged, and nothing that was computed from rows.
    """
    private = task.private
    assert private is not None
    torch.set_num_threads(threads)
    tokenizer = load_tokenizer(task.plan.base_model)
    vocabulary = torch.tensor(task.vocabulary, dtype=torch.long)
    adapted = load_adapted_model(task.plan, vocabulary, device=checkpoints.device)
    prose, worker = adapted.prose, checkpoints.worker
    examples = ProseExamples(rows=load_prose_tokens(task.tokens), vocabulary=vocabulary, pad=tokenizer.pad_token_id)
    own = own_prose_units(examples, units, max_rows=private.max_rows_per_unit, worker=worker)
    state = train_private_with_checkpoints(prose, own, private, account, checkpoints, lambda step: report(1))
    metrics = training_metrics(prose, state)
    if worker.rank == 0:
        merged = adapted.merge(state.average)
        write_folder(lambda local: merged.save(tokenizer, local), model)

    return metrics


def own_prose_units(examples: ProseExamples, units: UnitFiles, *, max_rows: int, worker: Worker) -> TextUnits:
    """The units of one worker as they were saved: disjoint over the workers, all of them together.

    Args:
        examples: Rows of all workers, those without a text included.
        units: Privacy units of the rows.
        max_rows: Rows of a unit that take part; the first ones in table order.
        worker: Rank of this worker, and the number of workers.

    Raises:
        PrivacyError: There are other rows than those whose units were saved.
    """
    numbers = load_units(units)
    ids = examples.units.numpy() if numbers is None else numbers
    if len(ids) != len(examples.rows.sizes):
        raise PrivacyError("nobody knows which texts are of which privacy unit: the rows changed while they were read")

    own = own_rows(ids, max_rows, worker)
    return TextUnits(examples=examples, own=own, most_units=units.count, most_tokens=MAX_PRIVATE_TOKENS)


def load_prose_tokens(folder: Location) -> ProseTokens:
    """The tokens of all parts."""
    return ProseTokens(
        tokens=load_arrays(folder, TOKENS).astype(np.int32),
        counted=load_arrays(folder, COUNTED).astype(bool),
        sizes=load_arrays(folder, SIZES).astype(np.int64),
    )
