"""Training with differential privacy on Ray: what the ledger allows is reserved, each step is charged before its noise.

What is done depends on the measured schema, on public settings and on noise; rows reach the workers alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ss_ray.cluster import WORKER_ENVIRONMENT, reported_progress
from ss_ray.codec.sequences import SequenceCodec
from ss_ray.codec.slots import SlotCodec
from ss_ray.config.model import ResourceParameters
from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.plans.loop import PrivateLoopPlan
from ss_ray.plans.plan import CompactPlan, PrivateCompactPlan
from ss_ray.plans.private import PrivateLoops, with_compact_model
from ss_ray.plans.sequences import SequencePlan
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.charges import Charge, DPPlan
from ss_ray.privacy.measured import MeasuredSchema
from ss_ray.privacy.measured_codec import measured_codec, prior_logits
from ss_ray.privacy.measured_sequence_codec import measured_axis, measured_sequence_codec
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.training.encoding import (
    declared_interval,
    encode_private_sequences,
    encode_rows,
)
from ss_ray.training.private.task import PrivateTask
from ss_ray.training.stage import ModelRef, TrainingLoop, codec_model_ref, fit_row_codec, fit_workers
from ss_ray.training.unit_files import UnitFiles, save_units


@dataclass(frozen=True, kw_only=True)
class PrivateModelRef:
    """A model trained with differential privacy.

    Attributes:
        model: Reference to the model.
        dp: The mechanism that trained it.
        charges: Charges of the training in the ledger.
    """

    model: ModelRef
    dp: DPPlan
    charges: tuple[Charge, ...]


@dataclass(frozen=True, kw_only=True)
class PrivateTraining:
    """What a training with differential privacy starts from.

    Attributes:
        rows: Folder of typed parts.
        units: Folder of the same rows before PII was replaced, whose grouping column tells the privacy units.
        schema: Exact schema of the rows; used only where that is allowed.
        private: Schema as it was measured with noise.
        group: Column whose values are the privacy units; None where each row is one.
        sequences: How rows make sequences; None where they are modelled one by one.
        loops: Budgeted training loop of the model of the table, and that of its texts, which comes later.
        account: Account of this training in the ledger; what it reserves and does not use is given back.
        resources: Workers and threads.
        folder: Folder that gets folder/model, folder/tokens, folder/units and folder/checkpoints.
        key: Names this training, so that only a checkpoint of the very same one is resumed.
    """

    rows: Location
    units: Location
    schema: TableSchema
    private: PrivateSchema
    group: str | None
    sequences: SequencePlan | None
    loops: PrivateLoops
    account: Account
    resources: ResourceParameters
    folder: Location
    key: str

    @property
    def loop(self) -> PrivateLoopPlan:
        """Loop of the model of the table."""
        return self.loops.table

    @property
    def record(self) -> Location | None:
        """Folder for what the steps release, where an auditor made it; None keeps nothing."""
        folder = self.folder / "released"
        if folder.exists():
            return folder
        return None

    def save_units(self, *, per_example: bool) -> UnitFiles:
        """Write the privacy units of the rows to folder/units; see `unit_files.save_units`."""
        return save_units(self.rows, self.units, self.group, per_example=per_example, folder=self.folder / "units")


def train_private_model(training: PrivateTraining, compact: CompactPlan, on_progress: OnProgress) -> PrivateModelRef:
    """Train the compact model with differential privacy.

    Args:
        training: Rows, their privacy units and the budgeted loop.
        compact: Size of the model and of its codec.
        on_progress: Told the steps charged.

    Raises:
        DataError: The order column cannot start or stop where it was asked to.
        PrivacyError: The ledger has no budget for it.
        TrainingError: A worker failed for good.
    """
    plan = with_compact_model(training.loop, compact)
    tokens = training.folder / "tokens"
    sequences = training.sequences
    measured = training.private.measured
    codec: SlotCodec | SequenceCodec
    if sequences is not None and measured is not None:
        codec = _sequence_codec(measured, sequences, plan)
        # Refused before the rest of the budget goes.
        codec.ends(sequences.start, sequences.stop)
        encode_private_sequences(training.rows, training.units, codec, sequences, tokens)
        units = training.save_units(per_example=True)
    else:
        codec = _row_codec(training, compact)
        encode_rows(training.rows, codec, tokens)
        units = training.save_units(per_example=False)

    task = PrivateTask(
        tokens=tokens,
        units=units,
        codec=codec,
        prior=prior_logits(codec, measured),
        plan=plan,
        record=training.record,
    )
    metrics = fit_private(_train_worker, {"task": task}, training, on_progress, spare_cores=1)
    if codec.slots:
        check_trained(metrics)

    model = codec_model_ref(codec, metrics, round(plan.dp.expected_batch_size))
    return PrivateModelRef(model=model, dp=plan.dp, charges=training.account.spent())


def fit_private(
    loop: TrainingLoop,
    settings: dict[str, Any],
    training: PrivateTraining,
    on_progress: OnProgress,
    environment: Mapping[str, str] = WORKER_ENVIRONMENT,
    spare_cores: int = 0,
    unit: str = "steps",
) -> dict[str, Any]:
    """Reserve the steps that are left to take, and run a training loop in workers; its metrics.

    Args:
        loop: Body of a worker; called with `settings`, "account" and "report", which is told the steps charged, beside
            what `fit_workers` adds.
        settings: Small values that can be pickled.
        training: Rows, their privacy units and the budgeted loop.
        on_progress: Told the steps charged.
        environment: Environment variables of the workers.
        spare_cores: Cores that are left to others; see `fit_workers`.
        unit: Name of the steps in the progress.

    Raises:
        PrivacyError: The ledger has no budget for it, or this training was begun otherwise.
        TrainingError: A worker failed for good.
    """
    account = training.account
    dp = training.loop.dp
    used = sum(charge.count for charge in account.spent() if charge.mechanism == dp.mechanism)
    if used != account.uses(dp.charge()):
        raise PrivacyError(
            "this training was begun with other noise, by another version or after other measurements; start afresh in "
            "another run directory"
        )

    account.reserve([dp.charge(dp.num_steps - used), *_later_charges(training)])
    with reported_progress(on_progress, "train", dp.num_steps, unit) as report:
        report(used)
        more = {"account": account, "report": report}
        place = (training.resources, training.folder, training.key)
        return fit_workers(loop, settings | more, *place, environment, spare_cores)


def _later_charges(training: PrivateTraining) -> list[Charge]:
    """What the training of the texts will still charge."""
    texts = training.loops.texts
    if texts is None:
        return []
    return [texts.dp.charge(texts.num_steps - training.account.uses(texts.dp.charge()))]


def check_trained(metrics: Mapping[str, Any]) -> None:
    """Refuse weights in which no step is left of those that were paid for.

    Raises:
        PrivacyError: Crashes lost them all.
    """
    if not metrics["steps"]:
        raise PrivacyError(
            "all steps that the budget pays for were taken, and crashes or changed requests lost their result; start "
            "afresh in another run directory, which spends the budget again"
        )


def _row_codec(training: PrivateTraining, plan: CompactPlan) -> SlotCodec:
    """The codec of the measured schema, or of the exact one where it was allowed."""
    if training.private.measured is not None:
        return measured_codec(training.private.measured, max_text_tokens=plan.max_text_tokens)

    return fit_row_codec(training.rows, training.schema, plan)


def _sequence_codec(measured: MeasuredSchema, sequences: SequencePlan, plan: PrivateCompactPlan) -> SequenceCodec:
    """The codec of sequences of the measured schema."""
    if sequences.order is not None:
        axis = measured_axis(measured.schema[sequences.order])
    else:
        axis = None

    return measured_sequence_codec(
        measured,
        group=sequences.group,
        order=sequences.order,
        interval=declared_interval(sequences, axis),
        max_rows=plan.max_rows_per_unit,
        max_text_tokens=plan.max_text_tokens,
    )


def _train_worker(config: dict[str, Any]) -> dict[str, Any]:
    """The body of one worker; what it imports takes seconds, and no other process needs it."""
    from ss_ray.training.worker import train_private_in_worker

    return train_private_in_worker(**config)
