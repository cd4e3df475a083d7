"""Training on Ray: fit the codec on a sample, encode all rows, train on 1..n Ray Train workers.

The result is a folder that transformers can load (`config.json`, `model.safetensors`) with the codec beside it. A
worker that dies is replaced, and a run that was killed goes on, from the last checkpoint.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.train.v2.api.exceptions import TrainingFailedError

from ss_ray.cluster import WORKER_ENVIRONMENT, available_cpus, map_items, reported_progress
from ss_ray.codec.slots import SlotCodec, fit_codec
from ss_ray.config import ResourceParameters
from ss_ray.errors import SsRayError, TrainingError
from ss_ray.plan import TrainPlan
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import read_part, sample_rows

SAMPLE_ROWS = 100_000  # that place the bins of numbers and teach the pieces of text
MAX_FAILURES = 3
MAX_THREADS = 8  # of a worker, where the user does not say


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
    return ModelRef(
        num_parameters=metrics["num_parameters"],
        num_slots=len(codec.slots),
        vocabulary_size=codec.vocabulary_size,
        steps=metrics["steps"],
        batch_rows=plan.batch_rows,
        validation_losses=tuple((step, loss) for step, loss in metrics["losses"]),
        best_step=min(metrics["losses"], key=lambda entry: entry[1], default=(metrics["steps"], 0.0))[0],
    )


def discard_work(folder: Location) -> None:
    """Remove tokens and checkpoints, once the training is recorded as finished."""
    (folder / "tokens").remove()
    (folder / "checkpoints").remove()


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
    """The body of one Ray Train worker; what it imports takes seconds, and no other process needs it."""
    from ss_ray.training.worker import train_in_worker

    train_in_worker(**config)
