"""What runs in a training worker: its rows, its checkpoints, and the model at the end."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
from pyarrow import fs as pafs

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
    *,
    tokens: Location,
    codec: SlotCodec,
    plan: CompactPlan,
    threads: int,
    model: Location,
    checkpoints: Checkpoints,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Train on this worker's rows; rank 0 writes the best weights. The metrics of the training.

    Args:
        tokens: Folder of what `training.encoding` wrote.
        codec: Codec of the tokens.
        plan: Size of the model, and the training loop.
        threads: Number of torch threads.
        model: Folder for the result.
        checkpoints: Checkpoints, rank and device of this worker.
        report: Told the steps done and the loss.
    """
    torch.set_num_threads(threads)
    device = checkpoints.device
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
    state = train_with_checkpoints(compact, examples, plan, checkpoints, report)
    metrics = training_metrics(compact, state)
    if checkpoints.worker.rank == 0:
        compact.load_state_dict(state.best_model, strict=False)
        fold_numbers(compact)
        if isinstance(codec, SlotCodec) and isinstance(examples, RowExamples | RaggedRows):
            rows = split_examples(examples.units, plan, Worker(rank=0, world_size=1))
            compact.forest = grow_forest(compact, codec, examples.tokens, examples.units, rows, plan.seed)

        save_model(compact, codec, model)

    return metrics


def train_with_checkpoints(
    model: torch.nn.Module,
    examples: Examples,
    plan: LoopPlan,
    checkpoints: Checkpoints,
    report: Callable[..., None],
) -> TrainState:
    """Train on this worker's examples, from the last checkpoint on; the last state.

    Args:
        model: On the device; changed in place.
        examples: Examples of all workers.
        plan: Batches, steps, learning rates and validation.
        checkpoints: Checkpoints of this worker.
        report: Told the steps done and the loss.
    """
    found = checkpoints.load()
    resume = TrainState(**found) if found else None
    leader = checkpoints.worker.rank == 0
    if leader and resume is not None:
        report(resume.step)

    def on_step(step: int, loss: float) -> None:
        if leader and step % PROGRESS_STEPS == 0:
            report(PROGRESS_STEPS, f"loss {loss:.3f}")

    state = train(
        model,
        examples,
        split_examples(examples.units, plan, checkpoints.worker),
        plan,
        checkpoints.worker,
        resume=resume,
        on_step=on_step,
        on_validation=lambda state: checkpoints.save_if_due(lambda: state),
    )
    checkpoints.save(state)

    return state


def train_private_in_worker(
    *,
    task: PrivateTask,
    account: Account,
    threads: int,
    model: Location,
    checkpoints: Checkpoints,
    report: Callable[..., None],
) -> dict[str, Any]:
    """Train on this worker's privacy units; rank 0 charges each step, and writes the averaged weights. The metrics.

    Args:
        task: Rows, codec and plan.
        account: Account of this training in the privacy ledger.
        threads: Number of torch threads.
        model: Folder for the result.
        checkpoints: Checkpoints, rank and device of this worker.
        report: Function that is told the steps charged, and nothing that was computed from rows.
    """
    torch.set_num_threads(threads)
    worker, device = checkpoints.worker, checkpoints.device
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

    state = train_private_with_checkpoints(compact, own, plan, account, checkpoints, on_step)
    if worker.rank == 0:
        compact.load_state_dict(state.average)
        save_model(compact, codec, model)

    return training_metrics(compact, state)


def train_private_with_checkpoints(
    model: torch.nn.Module,
    units: PrivateUnits,
    plan: PrivateLoopPlan,
    account: Account,
    checkpoints: Checkpoints,
    on_step: Callable[[int], None],
) -> PrivateState:
    """Train on this worker's privacy units, from the last checkpoint on; rank 0 charges each step. The last state.

    Args:
        model: On the device; changed in place.
        units: Privacy units of this worker.
        plan: Mechanism, learning rates and number of steps.
        account: Account of this training in the privacy ledger.
        checkpoints: Checkpoints of this worker.
        on_step: Called by rank 0 with the steps charged.
    """
    found = checkpoints.load()
    worker = checkpoints.worker
    state = train_private(
        model,
        units,
        plan,
        worker,
        resume=PrivateState(**found) if found else None,
        charged=lambda: account.uses(plan.dp.charge()),
        charge=lambda: account.charge(plan.dp.charge()),
        on_step=on_step if worker.rank == 0 else lambda step: None,
        on_state=checkpoints.save_if_due,
    )
    checkpoints.save(state)

    return state


def training_metrics(model: torch.nn.Module, state: TrainState | PrivateState) -> dict[str, Any]:
    """What `training.stage.model_ref` reads: the same on every worker."""
    if isinstance(state, TrainState):
        losses = list(state.losses)
    else:
        losses = []

    if losses:
        note = f"validation loss {losses[-1][1]:.3f}"
    else:
        note = ""

    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"steps": state.step, "losses": losses, "note": note, "num_parameters": num_parameters}


class Checkpoints:
    """The last state of a training on one worker, in one file that rank 0 replaces now and then.

    Args:
        file: File that every worker of every attempt reads.
        worker: Rank of this worker, and the number of workers.
        device: Device on which a state is loaded.
    """

    def __init__(self, file: Location, worker: Worker, device: torch.device) -> None:
        self.file, self.worker, self.device = file, worker, device
        self.saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Fields of the last state; None where none was saved."""
        if not self.file.exists():
            return None

        fields: dict[str, Any] = torch.load(
            io.BytesIO(self.file.read_bytes()), map_location=self.device, weights_only=True
        )
        return fields

    def save_if_due(self, state: Callable[[], TrainState | PrivateState]) -> None:
        """Save if the last one is CHECKPOINT_SECONDS old by the clock of rank 0; all workers must call it."""
        due = torch.tensor([float(time.monotonic() - self.saved_at >= CHECKPOINT_SECONDS)])
        if dist.is_initialized():
            due = due.to(self.device)
            dist.broadcast(due, src=0)

        if due.item():
            self.save(state())

    def save(self, state: TrainState | PrivateState) -> None:
        """Save on rank 0."""
        if self.worker.rank == 0:
            content = io.BytesIO()
            torch.save(asdict(state), content)
            self.file.write_bytes(content.getvalue())

        self.saved_at = time.monotonic()


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
