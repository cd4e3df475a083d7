"""Training on Ray: fit the codec on a sample, encode all rows, train on 1..n Ray Train workers.

The result is a folder that transformers can load (`config.json`, `model.safetensors`) with the codec beside it. A
worker that dies is replaced, and a run that was killed goes on, from the last checkpoint.
"""

from __future__ import annotations

import io
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray.train
import torch
import torch.distributed as dist
from pyarrow import fs as pafs
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device
from ray.train.v2.api.exceptions import TrainingFailedError

from ss_ray.cluster import WORKER_ENVIRONMENT, available_cpus, map_items, reported_progress
from ss_ray.codec.columns import Tokens
from ss_ray.codec.slots import SlotCodec, fit_codec
from ss_ray.config import ResourceParameters
from ss_ray.errors import SsRayError, TrainingError
from ss_ray.plan import TrainPlan
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import read_part, sample_rows
from ss_ray.training.loop import TrainState, Worker, split_rows, train
from ss_ray.training.models import build_compact, group_slots

SAMPLE_ROWS = 100_000  # that place the bins of numbers and teach the pieces of text
MAX_FAILURES = 3
CHECKPOINT_SECONDS = 60.0
MAX_THREADS = 8  # of a worker, where the user does not say
PROGRESS_STEPS = 5


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """A trained model in the run's internal folder.

    Attributes:
        num_parameters: Weights.
        num_slots: Tokens of a row.
        vocabulary_size: Token ids.
        steps: Optimizer steps done.
        batch_rows: Rows of a step.
        validation_losses: (step, nats per row) of each validation; empty without validation rows.
        best_step: Step whose weights were kept.
    """

    num_parameters: int
    num_slots: int
    vocabulary_size: int
    steps: int
    batch_rows: int
    validation_losses: tuple[tuple[int, float], ...]
    best_step: int


def train_model(
    rows: Location,
    schema: TableSchema,
    plan: TrainPlan,
    resources: ResourceParameters,
    folder: Location,
    key: str,
    on_progress: OnProgress,
) -> ModelRef:
    """Train the compact model on the Parquet parts in `rows`.

    Args:
        rows: Folder of typed parts.
        schema: Of those rows.
        plan: What to do.
        resources: Workers and threads.
        folder: Where folder/model, folder/tokens and folder/checkpoints go.
        key: Names this training, so that only a checkpoint of the very same one is resumed.
        on_progress: Told the steps done and the loss.

    Raises:
        TrainingError: A worker failed for good.
    """
    codec = fit_codec(
        schema,
        sample_rows(rows.files(".parquet"), SAMPLE_ROWS),
        num_bins=plan.num_bins,
        text_vocabulary=plan.text_vocabulary,
        max_text_tokens=plan.max_text_tokens,
    )
    tokens = folder / "tokens"
    encode_rows(rows, codec, tokens)
    with reported_progress(on_progress, "train", plan.num_steps, "steps") as report:
        metrics = _fit(tokens, codec, plan, resources, folder, key, report)
        report(plan.num_steps - metrics["steps"], metrics["note"])
    tokens.remove()
    (folder / "checkpoints").remove()
    return ModelRef(
        num_parameters=metrics["num_parameters"],
        num_slots=len(codec.slots),
        vocabulary_size=codec.vocabulary_size,
        steps=metrics["steps"],
        batch_rows=plan.batch_rows,
        validation_losses=tuple((step, loss) for step, loss in metrics["losses"]),
        best_step=min(metrics["losses"], key=lambda entry: entry[1], default=(metrics["steps"], 0.0))[0],
    )


def encode_rows(rows: Location, codec: SlotCodec, folder: Location) -> None:
    """Write the token matrix of every part to folder/part-*.npy."""
    folder.remove()
    list(map_items(_encode_worker, list(enumerate(rows.files(".parquet"))), arguments=(codec, folder.make_folder())))


def _encode_worker(codec: SlotCodec, folder: Location) -> Callable[[tuple[int, Location]], None]:
    dtype = np.uint16 if codec.vocabulary_size <= np.iinfo(np.uint16).max else np.int32

    def encode(item: tuple[int, Location]) -> None:
        index, part = item
        matrix = np.concatenate([codec.encode(block) for block in read_part(part)]).astype(dtype)
        buffer = io.BytesIO()
        np.save(buffer, matrix)
        with folder.filesystem.open_output_stream(f"{folder.path}/part-{index:05d}.npy") as stream:
            stream.write(buffer.getbuffer())

    return encode


def load_tokens(folder: Location) -> Tokens:
    """(rows, slots) tokens of all parts in order."""
    matrices = []
    for part in folder.files(".npy"):
        with part.filesystem.open_input_stream(part.path) as stream:
            matrices.append(np.load(io.BytesIO(stream.read()), allow_pickle=False))
    return np.concatenate(matrices)


def _fit(
    tokens: Location,
    codec: SlotCodec,
    plan: TrainPlan,
    resources: ResourceParameters,
    folder: Location,
    key: str,
    report: Callable[..., None],
) -> dict[str, Any]:
    checkpoints = (folder / "checkpoints").make_folder()
    threads = resources.threads_per_worker or max(1, min(MAX_THREADS, available_cpus() // resources.num_train_workers))
    cpus = {"CPU": threads} | ({"GPU": 1} if resources.use_gpu else {})
    trainer = TorchTrainer(
        _train_worker,
        train_loop_config={
            "tokens": tokens,
            "codec": codec,
            "plan": plan,
            "threads": threads,
            "model": folder / "model",
            "report": report,
        },
        scaling_config=ScalingConfig(
            num_workers=resources.num_train_workers, use_gpu=resources.use_gpu, resources_per_worker=cpus
        ),
        run_config=RunConfig(
            name=f"train-{key[:16]}",
            storage_path=checkpoints.path,
            storage_filesystem=checkpoints.filesystem,
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
            worker_runtime_env={"env_vars": WORKER_ENVIRONMENT | {"OMP_NUM_THREADS": str(threads)}},
        ),
    )
    logging.getLogger("ray.train").setLevel(logging.CRITICAL)
    try:
        metrics: dict[str, Any] = trainer.fit().metrics
    except TrainingFailedError as error:
        raise _training_error(error) from None
    return metrics


def _training_error(error: TrainingFailedError) -> SsRayError:
    """The workers' own error where it is one of ours, else its kind; never its text, which may quote data."""
    failures = [getattr(f, "cause", f) for f in getattr(error, "worker_failures", {}).values()]
    ours = next((failure for failure in failures if isinstance(failure, SsRayError)), None)
    kinds = sorted({type(failure).__name__ for failure in failures}) or [type(error).__name__]
    return ours or TrainingError(f"training failed on {len(failures)} of its workers: {', '.join(kinds)}")


def _train_worker(config: dict[str, Any]) -> None:
    """The body of one Ray Train worker."""
    torch.set_num_threads(config["threads"])
    context = ray.train.get_context()
    worker = Worker(rank=context.get_world_rank(), world_size=context.get_world_size())
    codec, plan = config["codec"], config["plan"]
    device = get_device()
    tokens = torch.from_numpy(load_tokens(config["tokens"]).astype(np.int32)).long().to(device)
    model = build_compact(
        plan.shape, vocabulary_size=codec.vocabulary_size, num_slots=len(codec.slots), seed=plan.seed
    ).to(device)
    resume = _resume(device)
    leader = worker.rank == 0
    if leader and resume is not None:
        config["report"](resume.step)

    def on_step(step: int, loss: float) -> None:
        if leader and step % PROGRESS_STEPS == 0:
            config["report"](PROGRESS_STEPS, f"loss {loss:.3f}")

    saver = _Checkpoints(worker, sum(parameter.numel() for parameter in model.parameters()))

    rows = split_rows(tokens, plan, worker)
    groups = group_slots(codec.slots)
    state = train(model, rows, groups, plan, worker, resume=resume, on_step=on_step, on_validation=saver.save_if_due)
    saver.save(state)
    if leader:
        model.load_state_dict(state.best_model)
        _save_model(model, codec, config["model"])


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
