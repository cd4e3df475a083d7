"""What runs in a Ray Train worker: its rows, its checkpoints, and the model at the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import ray.train
import torch
import torch.distributed as dist
from pyarrow import fs as pafs
from ray.train import Checkpoint
from ray.train.torch import get_device

from ss_ray.codec.levels import token_levels
from ss_ray.codec.sequences import SequenceCodec, SequenceTokens
from ss_ray.codec.slots import SlotCodec
from ss_ray.location import Location
from ss_ray.plans.loop import LoopPlan, PrivateLoopPlan
from ss_ray.plans.plan import CompactPlan
from ss_ray.training.arrays import load_arrays
from ss_ray.training.examples import Examples, RaggedRows, RowExamples, row_examples
from ss_ray.training.growth import grow_forest
from ss_ray.training.loop import TrainState, Worker, split_examples, train
from ss_ray.training.models import CompactModel, build_compact, group_slots, start_from_frequencies
from ss_ray.training.private.loop import PrivateState, PrivateUnits, own_row_units, train_private
from ss_ray.training.private.recorder import StepRecorder
from ss_ray.training.private.task import PrivateTask
from ss_ray.training.sequence_examples import sequence_examples
from ss_ray.training.smoothing import fold_numbers, smooth_numbers

if TYPE_CHECKING:
    from ss_ray.privacy.account import Account  # with the accountants, which take a second

CHECKPOINT_SECONDS = 60.0
PROGRESS_STEPS = 5


def train_in_worker(
    *, tokens: Location, codec: SlotCodec, plan: CompactPlan, threads: int, model: Location, report: Callable[..., None]
) -> None:
    """Train on this worker's rows; rank 0 writes the best weights.

    Args:
        tokens: Folder of what `training.encoding` wrote.
        codec: Codec of the tokens.
        plan: Size of the model, and the training loop.
        threads: Number of torch threads.
        model: Folder for the result.
        report: Told the steps done and the loss.
    """
    torch.set_num_threads(threads)
    worker = this_worker()
    device = get_device()
    examples = _load_examples(tokens, codec, device)
    compact = build_compact(
        plan.shape,
        vocabulary_size=codec.vocabulary_size,
        num_slots=len(codec.slots),
        seed=plan.seed,
        skips_unused=not isinstance(examples, RowExamples),
    )
    prefixes = ("part-",) if isinstance(codec, SlotCodec) else ("headers-", "rows-")
    start_from_frequencies(compact, [load_arrays(tokens, prefix) for prefix in prefixes])
    smooth_numbers(compact, token_levels(codec.columns), plan.seed)
    compact = compact.to(device)
    state = train_with_checkpoints(compact, examples, plan, worker, device, report)
    if worker.rank == 0:
        compact.load_state_dict(state.best_model, strict=False)
        fold_numbers(compact)
        if isinstance(codec, SlotCodec) and isinstance(examples, RowExamples | RaggedRows):
            rows = split_examples(examples.units, plan, Worker(rank=0, world_size=1))
            compact.forest = grow_forest(compact, codec, examples.tokens, examples.units, rows, plan.seed)

        save_model(compact, codec, model)


def train_with_checkpoints(
    model: torch.nn.Module,
    examples: Examples,
    plan: LoopPlan,
    worker: Worker,
    device: torch.device,
    report: Callable[..., None],
) -> TrainState:
    """Train on this worker's examples, from the last checkpoint on; the last state.

    Args:
        model: On the device; changed in place.
        examples: Examples of all workers.
        plan: Batches, steps, learning rates and validation.
        worker: Rank of this worker, and the number of workers.
        device: Device on which a checkpoint is loaded.
        report: Told the steps done and the loss.
    """
    found = _resume_state(device)
    resume = TrainState(**found) if found else None
    leader = worker.rank == 0
    if leader and resume is not None:
        report(resume.step)

    def on_step(step: int, loss: float) -> None:
        if leader and step % PROGRESS_STEPS == 0:
            report(PROGRESS_STEPS, f"loss {loss:.3f}")

    saver = _Checkpoints(worker, model)
    state = train(
        model,
        examples,
        split_examples(examples.units, plan, worker),
        plan,
        worker,
        resume=resume,
        on_step=on_step,
        on_validation=lambda state: saver.save_if_due(lambda: state),
    )
    saver.save(state)

    return state


def train_private_in_worker(
    *, task: PrivateTask, account: Account, threads: int, model: Location, report: Callable[..., None]
) -> None:
    """Train on this worker's privacy units; rank 0 charges each step, and writes the averaged weights.

    Args:
        task: Rows, codec and plan.
        account: Account of this training in the privacy ledger.
        threads: Number of torch threads.
        model: Folder for the result.
        report: Function that is told the steps charged, and nothing that was computed from rows.
    """
    torch.set_num_threads(threads)
    worker = this_worker()
    device = get_device()
    plan = task.plan
    codec = task.codec
    compact = build_compact(
        plan.shape, vocabulary_size=codec.vocabulary_size, num_slots=len(codec.slots), seed=plan.seed
    )
    # The measured frequencies are paid for already, and the first step starts from them.
    compact.lm_head.bias.copy_(torch.from_numpy(task.prior))
    matrix = _load_matrix(task.tokens, device).long()
    groups = group_slots(codec.slots)
    own = own_row_units(matrix, groups, task.units, max_rows=plan.max_rows_per_unit, worker=worker)
    recorder = StepRecorder(compact.to(device), task.record if worker.rank == 0 else None)
    recorder.begin(matrix)

    def on_step(step: int) -> None:
        recorder.record(step)
        report(1)

    state = train_private_with_checkpoints(compact, own, plan, account, worker, device, on_step)
    if worker.rank == 0:
        compact.load_state_dict(state.average)
        save_model(compact, codec, model)


def train_private_with_checkpoints(
    model: torch.nn.Module,
    units: PrivateUnits,
    plan: PrivateLoopPlan,
    account: Account,
    worker: Worker,
    device: torch.device,
    on_step: Callable[[int], None],
) -> PrivateState:
    """Train on this worker's privacy units, from the last checkpoint on; rank 0 charges each step. The last state.

    Args:
        model: On the device; changed in place.
        units: Privacy units of this worker.
        plan: Mechanism, learning rates and number of steps.
        account: Account of this training in the privacy ledger.
        worker: Rank of this worker, and the number of workers.
        device: Device on which a checkpoint is loaded.
        on_step: Called by rank 0 with the steps charged.
    """
    found = _resume_state(device)
    saver = _Checkpoints(worker, model)

    state = train_private(
        model,
        units,
        plan,
        worker,
        resume=PrivateState(**found) if found else None,
        charged=lambda: account.uses(plan.dp.charge()),
        charge=lambda: account.charge(plan.dp.charge()),
        on_step=on_step if worker.rank == 0 else lambda step: None,
        on_state=saver.save_if_due,
    )
    saver.save(state)

    return state


def this_worker() -> Worker:
    """Which worker of Ray Train this process is."""
    context = ray.train.get_context()
    return Worker(rank=context.get_world_rank(), world_size=context.get_world_size())


class _Checkpoints:
    """Reports a checkpoint to Ray Train now and then: each takes seconds, whatever its size."""

    def __init__(self, worker: Worker, model: torch.nn.Module) -> None:
        self.worker, self.num_parameters = worker, sum(parameter.numel() for parameter in model.parameters())
        self.saved_at = time.monotonic()

    def save_if_due(self, state: Callable[[], TrainState | PrivateState]) -> None:
        """Save if the last one is CHECKPOINT_SECONDS old by the clock of rank 0; all workers do, or none."""
        due = torch.tensor([float(time.monotonic() - self.saved_at >= CHECKPOINT_SECONDS)])
        if dist.is_initialized():
            due = due.to(get_device())
            dist.broadcast(due, src=0)

        if due.item():
            self.save(state())

    def save(self, state: TrainState | PrivateState) -> None:
        """Save on rank 0; every worker has to call it."""
        if isinstance(state, TrainState):
            losses = list(state.losses)
        else:
            losses = []

        if losses:
            note = f"validation loss {losses[-1][1]:.3f}"
        else:
            note = ""

        metrics = {"steps": state.step, "losses": losses, "note": note, "num_parameters": self.num_parameters}
        with tempfile.TemporaryDirectory() as local:
            if self.worker.rank == 0:
                torch.save(asdict(state), Path(local) / "state.pt")
                ray.train.report(metrics, checkpoint=Checkpoint.from_directory(local))
            else:
                ray.train.report(metrics)

        self.saved_at = time.monotonic()


def _resume_state(device: torch.device) -> dict[str, Any] | None:
    """Fields of the state of the last checkpoint."""
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return None

    with checkpoint.as_directory() as local:
        fields: dict[str, Any] = torch.load(Path(local) / "state.pt", map_location=device, weights_only=True)
        return fields


def save_model(model: CompactModel, codec: SlotCodec | SequenceCodec, folder: Location) -> None:
    """Write the model, with `codec.json` beside it."""

    def write(local: Path) -> None:
        model.save(local)
        (local / "codec.json").write_text(codec.to_json())

    write_folder(write, folder)


def write_folder(write: Callable[[Path], None], folder: Location) -> None:
    """Copy to `folder`, wherever it is, what `write` puts into a local one."""
    with tempfile.TemporaryDirectory() as local:
        write(Path(local))
        folder.make_folder()
        pafs.copy_files(local, folder.path, pafs.LocalFileSystem(), folder.filesystem)


def _load_examples(tokens: Location, codec: SlotCodec | SequenceCodec, device: torch.device) -> Examples:
    if isinstance(codec, SlotCodec):
        matrix = _load_matrix(tokens, device)
        return row_examples(matrix, codec.slots, skips_unused=codec.has_text, together=_load_units(tokens))

    headers, rows, sizes = (load_arrays(tokens, prefix) for prefix in ("headers-", "rows-", "sizes-"))
    starts = np.append(0, np.cumsum(sizes))
    return sequence_examples(SequenceTokens(headers=headers, rows=rows, starts=starts), codec, device)


def _load_units(tokens: Location) -> torch.Tensor | None:
    """(rows,) the unit of each row; None where each row is one."""
    if not any(file.name.startswith("units-") for file in tokens.files(".npy")):
        return None
    return torch.from_numpy(np.unique(load_arrays(tokens, "units-"), return_inverse=True)[1])


def _load_matrix(tokens: Location, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(load_arrays(tokens, "part-").astype(np.int32)).to(device)
