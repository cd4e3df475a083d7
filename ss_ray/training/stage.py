"""Training on Ray: fit the codec on a sample, encode all rows, train by Ray Train on 1..n workers.

The result is a folder (`config.json`, `model.safetensors`, with the names of transformers) with the codec beside it. A
worker that dies is replaced, and a run that was killed goes on, from the last checkpoint.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import ray

from ss_ray.cluster import WORKER_ENVIRONMENT, available_cpus, reported_progress, unwrapped_errors
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

TrainingLoop = Callable[[dict[str, Any]], dict[str, Any]]
"""Body of a worker: its settings -> the metrics of the training."""
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
        # Its matrices are small: on two cores a second thread saves no time, and costs much where others use a core.
        metrics = fit_workers(
            _train_worker, settings | {"report": report}, table.resources, table.folder, table.key, spare_cores=1
        )
        report(plan.num_steps - metrics["steps"], metrics["note"])

    _save_text_matcher(table, plan.seed)
    return codec_model_ref(codec, metrics, plan.batch_rows)


def _save_text_matcher(table: TrainingRows, seed: int) -> None:
    """Write what the prose of a table tells of its other columns beside the model."""
    if not table.schema.of_kind(Kind.TEXT):
        return

    # scikit-learn takes a second, which only tables with texts wait for.
    from ss_ray.training.matching import MATCHER_FILE, fit_matcher

    sample = sample_rows(table.rows.files(".parquet"), SAMPLE_ROWS)
    prose = fit_prose_codec(table.schema, sample, reserved=frozenset())
    matcher = fit_matcher(sample, prose.texts, prose.shown, seed=seed) if prose else None
    if matcher is not None:
        matcher.save(table.folder / "model" / MATCHER_FILE)


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
    loop: TrainingLoop,
    settings: dict[str, Any],
    resources: ResourceParameters,
    folder: Location,
    key: str,
    environment: Mapping[str, str] = WORKER_ENVIRONMENT,
    spare_cores: int = 0,
) -> dict[str, Any]:
    """Run a training loop in workers; the metrics that it returns.

    Args:
        loop: Body of a worker; called with `settings`, "threads" (of torch), "model", the folder of the result, and
            "checkpoints" with the rank and device of the worker. Returns the metrics, the same on every worker.
        settings: Small values that can be pickled.
        resources: Workers and threads.
        folder: Folder that gets folder/model and folder/checkpoints.
        key: Names this training, so that only a checkpoint of the very same one is resumed.
        environment: Environment variables of the workers.
        spare_cores: Cores that are left to others, where the request does not say how many threads a worker has.

    Raises:
        SsRayError: As a worker raised it.
        TrainingError: A worker failed for good.
    """
    # Nothing of an earlier model may stay beside this one.
    (folder / "model").remove()
    checkpoints = (folder / "checkpoints" / key[:16]).make_folder()
    state = checkpoints / "state.pt"
    # Workers share the cores evenly where the request does not say.
    cores = (available_cpus() - spare_cores) // resources.num_train_workers
    threads = resources.threads_per_worker or max(1, min(MAX_THREADS, cores))
    settings = settings | {"threads": threads, "model": folder / "model"}
    if resources.num_train_workers == 1 and not resources.use_gpu:
        return _fit_alone(loop, settings, state, environment)

    return _fit_together(partial(_train_in_group, loop, state), settings, resources, checkpoints, environment)


def _fit_alone(
    loop: TrainingLoop, settings: dict[str, Any], state: Location, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Train in one task of Ray: a process that an earlier stage has warmed does it.

    Ray Train starts six processes for one worker, which takes longer than to learn a small table.
    """
    options: dict[str, Any] = {"num_cpus": settings["threads"], "max_retries": MAX_FAILURES}
    if dict(environment) != WORKER_ENVIRONMENT:
        options["runtime_env"] = {"env_vars": dict(environment)}

    with unwrapped_errors(TrainingError):
        metrics: dict[str, Any] = ray.get(ray.remote(**options)(_train_alone).remote(loop, state, settings))

    return metrics


def _train_alone(loop: TrainingLoop, state: Location, settings: dict[str, Any]) -> dict[str, Any]:
    # They import torch, which takes a second, and no other process needs it.
    import torch

    from ss_ray.training.loop import Worker
    from ss_ray.training.worker import Checkpoints

    checkpoints = Checkpoints(state, Worker(rank=0, world_size=1), torch.device("cpu"))
    return loop(settings | {"checkpoints": checkpoints})


def _train_in_group(loop: TrainingLoop, state: Location, settings: dict[str, Any]) -> dict[str, Any]:
    from ray import train
    from ray.train.torch import get_device

    from ss_ray.training.loop import Worker
    from ss_ray.training.worker import Checkpoints

    context = train.get_context()
    worker = Worker(rank=context.get_world_rank(), world_size=context.get_world_size())
    return loop(settings | {"checkpoints": Checkpoints(state, worker, get_device())})


def _fit_together(
    loop: TrainingLoop,
    settings: dict[str, Any],
    resources: ResourceParameters,
    storage: Location,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """Train in a group of workers that Ray Train starts, and starts again if one is lost."""
    # It takes two seconds, and only trainings of several workers or on GPUs wait for it.
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.exceptions import TrainingFailedError

    from ss_ray.training.trainer import GroupTrainer

    threads = settings["threads"]
    trainer = GroupTrainer(
        loop,
        train_loop_config=settings,
        scaling_config=ScalingConfig(
            num_workers=resources.num_train_workers,
            use_gpu=resources.use_gpu,
            resources_per_worker={"CPU": threads} | ({"GPU": 1} if resources.use_gpu else {}),
        ),
        run_config=RunConfig(
            name="train",
            storage_path=storage.path,
            storage_filesystem=storage.filesystem,
            # Workers start again from the last checkpoint.
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            worker_runtime_env={"env_vars": {**environment, "OMP_NUM_THREADS": str(threads)}},
        ),
    )
    # Ray Train logs the text of a worker's error, which may quote data.
    logging.getLogger("ray.train").setLevel(logging.CRITICAL)

    try:
        metrics: dict[str, Any] = trainer.fit().return_value
    except TrainingFailedError as error:
        raise _training_error(error) from None

    return metrics


def _training_error(error: Exception) -> SsRayError:
    """The workers' own error where it is one of ours, else its kind; never its text, which may quote data."""
    # Ray Train wraps the errors of its workers in one of its own.
    failures = [getattr(f, "cause", f) for f in getattr(error, "worker_failures", {}).values()]
    ours = next((failure for failure in failures if isinstance(failure, SsRayError)), None)
    kinds = sorted({type(failure).__name__ for failure in failures}) or [type(error).__name__]
    return ours or TrainingError(f"training failed on {len(failures)} of its workers: {', '.join(kinds)}")


def _train_worker(config: dict[str, Any]) -> dict[str, Any]:
    """The body of one worker; what it imports takes seconds, and no other process needs it."""
    from ss_ray.training.worker import train_in_worker

    return train_in_worker(**config)
