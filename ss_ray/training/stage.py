"""Training on Ray: fit the codec on a sample, encode all rows, train on 1..n Ray Train workers.

The result is a folder (`config.json`, `model.safetensors`, with the names of transformers) with the codec beside it. A
worker that dies is replaced, and a run that was killed goes on, from the last checkpoint.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2.api.exceptions import TrainingFailedError

from ss_ray.cluster import WORKER_ENVIRONMENT, available_cpus, reported_progress
from ss_ray.codec.prose import fit_prose_codec
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import CodecSizes, SlotCodec, fit_codec
from ss_ray.config.model import ModelFamilyName, ResourceParameters
from ss_ray.errors import SsRayError, TrainingError
from ss_ray.location import Location
from ss_ray.plans.plan import CompactPlan, plan_sequence_training
from ss_ray.plans.sequences import SequencePlan
from ss_ray.progress import OnProgress
from ss_ray.schema import Kind, TableSchema
from ss_ray.tables.parts import sample_rows
from ss_ray.training.encoding import (
    SAMPLE_ROWS,
    encode_rows,
    encode_sequences,
)

MAX_FAILURES = 3
# Threads of a worker, where the user does not say.
MAX_THREADS = 8


@dataclass(frozen=True, kw_only=True)
class ModelRef:
    """A trained model in the run's internal folder.

    Attributes:
        num_parameters: Number of weights.
        num_slots: Tokens of a row.
        vocabulary_size: Number of token ids.
        steps: Optimizer steps done.
        batch_rows: Rows of a step.
        validation_losses: (step, nats per row) of each validation; empty without validation rows.
        best_step: Step whose weights were kept.
        model_id: Drawn when the training was done: no other weights have it.
        records_left_out: Records too long for a language model to learn from.
        family: Name of the model family; empty in runs of earlier versions.
        prose: Language model that writes the texts; None where there is none.
    """

    num_parameters: int
    num_slots: int
    vocabulary_size: int
    steps: int
    batch_rows: int
    validation_losses: tuple[tuple[int, float], ...]
    best_step: int
    model_id: str
    records_left_out: int = 0
    family: str = ""
    prose: ModelRef | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """The rows that a model learns from, and the place of the training.

    Attributes:
        rows: Folder of typed Parquet parts.
        schema: Schema of those rows.
        sequences: How the rows make sequences; None where they are modelled one by one.
        resources: Workers and threads.
        folder: Folder that gets folder/model, with the codec that reads and writes its rows.
        key: Names this training, so that only a checkpoint of the very same one is resumed.
        unit: Column of identifiers whose rows of one value are validated together, where rows are modelled one by one;
            None for rows that have nothing to do with each other.
    """

    rows: Location
    schema: TableSchema
    sequences: SequencePlan | None
    resources: ResourceParameters
    folder: Location
    key: str
    unit: str | None = None


def train_model(table: TrainingRows, plan: CompactPlan, on_progress: OnProgress) -> ModelRef:
    """Train the compact model on the Parquet parts of a table.

    Args:
        table: Rows to learn, and the place of the training.
        plan: Training on rows one by one; sequences are trained on in batches of as many tokens.
        on_progress: Function that is told the steps done and the loss.

    Raises:
        DataError: The rows make no sequences, or none that could start and stop where it was asked.
        TrainingError: A worker failed for good.
    """
    tokens = table.folder / "tokens"
    sequences = table.sequences
    codec: SlotCodec | SequenceCodec
    if sequences is None:
        codec = fit_row_codec(table.rows, table.schema, plan)
        encode_rows(table.rows, codec, tokens, table.unit)
    else:
        codec, size = encode_sequences(table.rows, table.schema, sequences, plan, tokens)
        # A start or stop that the order column cannot hold is refused before hours of training.
        codec.ends(sequences.start, sequences.stop)
        plan = plan_sequence_training(plan, examples=size.examples, rows=size.rows, tokens=size.tokens)

    settings = {"tokens": tokens, "codec": codec, "plan": plan}
    with reported_progress(on_progress, "train", plan.num_steps, "steps") as report:
        metrics = fit_workers(_train_worker, settings | {"report": report}, table.resources, table.folder, table.key)
        report(plan.num_steps - metrics["steps"], metrics["note"])

    _save_text_matcher(table, plan.seed)
    return codec_model_ref(codec, metrics, plan.batch_rows)


def _save_text_matcher(table: TrainingRows, seed: int) -> None:
    """Write what the prose of a table tells of its other columns beside the model."""
    if not table.schema.of_kind(Kind.TEXT):
        return

    # scikit-learn takes a second, which only tables with texts wait for.
    from ss_ray.training.matching import save_matcher

    sample = sample_rows(table.rows.files(".parquet"), SAMPLE_ROWS)
    prose = fit_prose_codec(table.schema, sample, reserved=frozenset())
    if prose is not None:
        save_matcher(sample, prose.texts, prose.shown, table.folder / "model", seed=seed)


def fit_row_codec(rows: Location, schema: TableSchema, plan: CompactPlan) -> SlotCodec:
    """The codec of rows one by one."""
    return fit_codec(
        schema,
        sample_rows(rows.files(".parquet"), SAMPLE_ROWS),
        sizes=CodecSizes(
            num_bins=plan.num_bins, text_vocabulary=plan.text_vocabulary, max_text_tokens=plan.max_text_tokens
        ),
    )


def codec_model_ref(codec: SlotCodec | SequenceCodec, metrics: dict[str, Any], batch_rows: int) -> ModelRef:
    """What the metrics of `fit_workers` tell of a compact model."""
    return model_ref(
        metrics,
        family="compact",
        num_slots=len(codec.slots),
        vocabulary_size=codec.vocabulary_size,
        batch_rows=batch_rows,
    )


def model_ref(
    metrics: dict[str, Any],
    *,
    family: ModelFamilyName,
    num_slots: int,
    vocabulary_size: int,
    batch_rows: int,
    records_left_out: int = 0,
) -> ModelRef:
    """Reference to a trained model, from the metrics of `fit_workers`."""
    return ModelRef(
        num_parameters=metrics["num_parameters"],
        num_slots=num_slots,
        vocabulary_size=vocabulary_size,
        steps=metrics["steps"],
        batch_rows=batch_rows,
        validation_losses=tuple((step, loss) for step, loss in metrics["losses"]),
        best_step=min(metrics["losses"], key=lambda entry: entry[1], default=(metrics["steps"], 0.0))[0],
        model_id=secrets.token_hex(8),
        records_left_out=records_left_out,
        family=family,
    )


def discard_work(folder: Location) -> None:
    """Remove tokens and checkpoints, once the training is recorded as finished."""
    (folder / "outlines").remove()
    (folder / "tokens").remove()
    (folder / "units").remove()
    (folder / "checkpoints").remove()


def fit_workers(
    loop: Callable[[dict[str, Any]], None],
    settings: dict[str, Any],
    resources: ResourceParameters,
    folder: Location,
    key: str,
    environment: Mapping[str, str] = WORKER_ENVIRONMENT,
) -> dict[str, Any]:
    """Run a training loop in Ray Train workers; its metrics.

    Args:
        loop: Body of a worker; called with `settings`, "threads" (of torch) and "model", the folder of the result.
        settings: Small values that can be pickled.
        resources: Workers and threads.
        folder: Folder that gets folder/model and folder/checkpoints.
        key: Names this training, so that only a checkpoint of the very same one is resumed.
        environment: Environment variables of the workers.
    """
    # Nothing of an earlier model may stay beside this one.
    (folder / "model").remove()
    checkpoints = (folder / "checkpoints").make_folder()
    # Workers share the cores evenly where the request does not say.
    threads = resources.threads_per_worker or max(1, min(MAX_THREADS, available_cpus() // resources.num_train_workers))
    cpus = {"CPU": threads} | ({"GPU": 1} if resources.use_gpu else {})
    trainer = _Trainer(
        loop,
        train_loop_config=settings | {"threads": threads, "model": folder / "model"},
        scaling_config=ScalingConfig(
            num_workers=resources.num_train_workers, use_gpu=resources.use_gpu, resources_per_worker=cpus
        ),
        run_config=RunConfig(
            name=f"train-{key[:16]}",
            storage_path=checkpoints.path,
            storage_filesystem=checkpoints.filesystem,
            # Workers start again from the last checkpoint.
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            # Only the last checkpoint is ever read.
            checkpoint_config=CheckpointConfig(num_to_keep=1),
            worker_runtime_env={"env_vars": {**environment, "OMP_NUM_THREADS": str(threads)}},
        ),
    )
    # Ray Train logs the text of a worker's error, which may quote data.
    logging.getLogger("ray.train").setLevel(logging.CRITICAL)

    try:
        metrics: dict[str, Any] = trainer.fit().metrics
    except TrainingFailedError as error:
        raise _training_error(error) from None

    return metrics


class _Trainer(TorchTrainer):  # type: ignore[misc]
    """Without the actor that removes placement groups of a controller that was killed.

    At its end it waits ten seconds for the answer of a dashboard, which a Ray on one machine does not have. Ray itself
    removes the placement groups when the job ends, and a job ends with its controller.
    """

    def _create_default_callbacks(self) -> list[Any]:
        callbacks = super()._create_default_callbacks()
        return [callback for callback in callbacks if not isinstance(callback, PlacementGroupCleanerCallback)]


def _training_error(error: TrainingFailedError) -> SsRayError:
    """The workers' own error where it is one of ours, else its kind; never its text, which may quote data."""
    # Ray Train wraps the errors of its workers in one of its own.
    failures = [getattr(f, "cause", f) for f in getattr(error, "worker_failures", {}).values()]
    ours = next((failure for failure in failures if isinstance(failure, SsRayError)), None)
    kinds = sorted({type(failure).__name__ for failure in failures}) or [type(error).__name__]
    return ours or TrainingError(f"training failed on {len(failures)} of its workers: {', '.join(kinds)}")


def _train_worker(config: dict[str, Any]) -> None:
    """The body of one Ray Train worker; what it imports takes seconds, and no other process needs it."""
    from ss_ray.training.worker import train_in_worker

    train_in_worker(**config)
