"""What runs in a Ray Train worker: its rows, its checkpoints, and the model at the end."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import ray.train
import torch
import torch.distributed as dist
from pyarrow import fs as pafs
from ray.train import Checkpoint
from ray.train.torch import get_device

from ss_ray.codec.columns import Tokens
from ss_ray.codec.slots import SlotCodec
from ss_ray.plan import TrainPlan
from ss_ray.runs import Location
from ss_ray.training.loop import TrainState, Worker, split_rows, train
from ss_ray.training.models import build_compact, group_slots

CHECKPOINT_SECONDS = 60.0
PROGRESS_STEPS = 5


def train_in_worker(
    *, tokens: Location, codec: SlotCodec, plan: TrainPlan, threads: int, model: Location, report: Callable[..., None]
) -> None:
    """Train on this worker's rows; rank 0 writes the best weights.

    Args:
        tokens: Folder of token matrices.
        codec: Of those tokens.
        plan: What to do.
        threads: Of torch.
        model: Folder for the result.
        report: Told the steps done and the loss.
    """
    torch.set_num_threads(threads)
    context = ray.train.get_context()
    worker = Worker(rank=context.get_world_rank(), world_size=context.get_world_size())
    device = get_device()
    matrix = torch.from_numpy(load_tokens(tokens).astype(np.int32)).long().to(device)
    compact = build_compact(
        plan.shape, vocabulary_size=codec.vocabulary_size, num_slots=len(codec.slots), seed=plan.seed
    ).to(device)
    resume = _resume(device)
    leader = worker.rank == 0
    if leader and resume is not None:
        report(resume.step)

    def on_step(step: int, loss: float) -> None:
        if leader and step % PROGRESS_STEPS == 0:
            report(PROGRESS_STEPS, f"loss {loss:.3f}")

    saver = _Checkpoints(worker, sum(parameter.numel() for parameter in compact.parameters()))

    rows = split_rows(matrix, plan, worker)
    groups = group_slots(codec.slots)
    state = train(compact, rows, groups, plan, worker, resume=resume, on_step=on_step, on_validation=saver.save_if_due)
    saver.save(state)
    if leader:
        compact.load_state_dict(state.best_model)
        _save_model(compact, codec, model)


class _Checkpoints:
    """Reports a checkpoint to Ray Train now and then: each takes seconds, whatever its size."""

    def __init__(self, worker: Worker, num_parameters: int) -> None:
        self.worker, self.num_parameters = worker, num_parameters
        self.saved_at = time.monotonic()

    def save_if_due(self, state: TrainState) -> None:
        """Save if the last one is CHECKPOINT_SECONDS old by the clock of rank 0; all workers do, or none."""
        due = torch.tensor([float(time.monotonic() - self.saved_at >= CHECKPOINT_SECONDS)])
        if dist.is_initialized():
            due = due.to(get_device())
            dist.broadcast(due, src=0)
        if due.item():
            self.save(state)

    def save(self, state: TrainState) -> None:
        """Save on rank 0; every worker has to call it."""
        metrics = {"steps": state.step, "losses": list(state.losses), "note": _note(state)}
        metrics["num_parameters"] = self.num_parameters
        with tempfile.TemporaryDirectory() as local:
            if self.worker.rank == 0:
                torch.save(asdict(state), Path(local) / "state.pt")
                ray.train.report(metrics, checkpoint=Checkpoint.from_directory(local))
            else:
                ray.train.report(metrics)
        self.saved_at = time.monotonic()


def _note(state: TrainState) -> str:
    return f"validation loss {state.losses[-1][1]:.3f}" if state.losses else ""


def _resume(device: torch.device) -> TrainState | None:
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return None
    with checkpoint.as_directory() as local:
        return TrainState(**torch.load(Path(local) / "state.pt", map_location=device, weights_only=True))


def _save_model(model: Any, codec: SlotCodec, folder: Location) -> None:
    """Write the model as transformers does, with `codec.json` beside it."""
    with tempfile.TemporaryDirectory() as local:
        model.save_pretrained(local)
        (Path(local) / "codec.json").write_text(codec.to_json())
        folder.make_folder()
        pafs.copy_files(local, folder.path, pafs.LocalFileSystem(), folder.filesystem)


def load_tokens(folder: Location) -> Tokens:
    """(rows, slots) tokens of all parts in order."""
    matrices = []
    for part in folder.files(".npy"):
        with part.filesystem.open_input_stream(part.path) as stream:
            matrices.append(np.load(io.BytesIO(stream.read()), allow_pickle=False))
    return np.concatenate(matrices)
