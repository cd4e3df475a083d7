"""What runs in a worker that trains the language model of texts: its rows, and the model at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ss_ray.location import Location
from ss_ray.plans.prose import ProsePlan
from ss_ray.training.arrays import load_arrays
from ss_ray.training.pretrained import load_tokenizer
from ss_ray.training.prose_examples import ProseExamples, ProseTokens
from ss_ray.training.prose_model import load_prose_model
from ss_ray.training.worker import (
    Checkpoints,
    train_with_checkpoints,
    training_metrics,
    write_folder,
)

TOKENS = "tokens-"
COUNTED = "counted-"
SIZES = "sizes-"
"""Prefixes of the arrays of a part; see `ProseTokens`."""


@dataclass(frozen=True, kw_only=True)
class ProseTask:
    """What a worker is told.

    Attributes:
        tokens: Folder of the tokens of the rows.
        plan: Base model and training loop.
        vocabulary: Tokens that the model may write, ascending.
    """

    tokens: Location
    plan: ProsePlan
    vocabulary: tuple[int, ...]


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


def load_prose_tokens(folder: Location) -> ProseTokens:
    """The tokens of all parts."""
    return ProseTokens(
        tokens=load_arrays(folder, TOKENS).astype(np.int32),
        counted=load_arrays(folder, COUNTED).astype(bool),
        sizes=load_arrays(folder, SIZES).astype(np.int64),
    )
