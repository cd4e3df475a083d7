"""From a request to what will be done: derives every default, and refuses what cannot be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ss_ray.config.base import LANGUAGE_MODELS, NOT_YET
from ss_ray.config.constraints import DeterminesConstraint, columns_of
from ss_ray.config.files import explicit_paths, parameters
from ss_ray.config.model import COMPACT, CompactParameters, Config, DataParameters, PrivacyParameters
from ss_ray.errors import ConfigError
from ss_ray.pii.policy.steps import check_policy, check_row_local
from ss_ray.pii.rules import check_types
from ss_ray.plans.plan import GenerationPlan, PrivateLoopPlan, PrivateTrainPlan, RunPlan, TrainPlan
from ss_ray.plans.sampling import Sampling
from ss_ray.plans.sequences import check_sequences, plan_sequences
from ss_ray.plans.shape import CompactShape
from ss_ray.privacy.charges import Charge
from ss_ray.privacy.plan import make_dp_plan
from ss_ray.tables.common import HoldBackPlan
from ss_ray.tables.splits import holdout_rows_wanted

ROWS_SHOWN = 500_000
"""Training shows sqrt(ROWS_SHOWN x rows) rows, at least one pass: 5 passes of 20,000 rows, 1 of a million."""
COMPACT_LEARNING_RATE = 2e-3
PRIVATE_LEARNING_RATE = 1e-2
PRIVATE_LORA_LEARNING_RATE = 2e-3
PRIVATE_AVERAGING = 0.97
MAX_TEXT_TOKENS = 128
PRIVATE_TEXT_BYTES = 32
COMPACT_BATCH = 256
COMPACT_VALIDATION_RATIO = 0.05
MAX_VALIDATION_ROWS = 5_000  # more would cost as much as training on a large table, and tell no more
VALIDATIONS = 15
NOT_PRIVATE = "No differential privacy: nothing in this run bounds what the synthetic table reveals about one row."
ALWAYS_USED = {"privacy.dp_enabled", "privacy.dataset", "privacy.ledger"}
"""Parameters of differential privacy that matter without it: data with a budget are refused then."""
SHARD_ROWS = (4096, 65_536)
SEQUENCE_SHARD_ROWS = (512, 16_384)  # rows of sequences take longer, and come out shard by shard
ROWS_PER_PRIVATE_SEQUENCE = (2, 256)


def is_private(config: Config) -> bool:
    """Whether differential privacy is asked for."""
    return config.privacy is not None and config.privacy.dp_enabled


def check_supported(config: Config) -> None:
    """Refuse what this version cannot do, before any work.

    Raises:
        ConfigError: Anything that would have to be ignored to go on.
    """
    if is_private(config):
        _check_private(config)

    check_sequences(config)
    if config.replace_pii is not None:
        check_types(config.replace_pii)
        check_policy(config.replace_pii.steps or ())
        if is_private(config):
            check_row_local(config.replace_pii.steps or ())


def _check_private(config: Config) -> None:
    """Refuse what would make a result depend on rows without being paid for."""
    privacy = config.privacy
    if privacy is not None and plan_sequences(config) is not None:
        if privacy.allow_inferred_schema:
            raise ConfigError("privacy.allow_inferred_schema: sequences need a measured schema; leave it out")
        least, most = ROWS_PER_PRIVATE_SEQUENCE
        if not least <= privacy.max_rows_per_unit <= most:
            raise ConfigError(f"privacy.max_rows_per_unit: of a sequence, {least} to {most} rows are learned")

    if config.data.max_sequences_per_example not in (1, None, "auto"):
        raise ConfigError(
            "data.max_sequences_per_example: with differential privacy an example is of one unit; set it to 1"
        )
    if config.data.holdout >= 1:
        raise ConfigError(
            "data.holdout: with differential privacy the holdout is a share of the units, below 1: a number of rows "
            "would tell how many there are"
        )
    if config.training.validation_ratio not in ("auto", 0):
        raise ConfigError(
            "training.validation_ratio: with differential privacy nothing is validated on rows, which would cost "
            "budget; set it to 0 or auto"
        )


def make_plan(config: Config, *, num_rows: int, seed: int, split_seed: int | None = None) -> RunPlan:
    """Derive everything from the request and the size of the table.

    Args:
        config: The request.
        num_rows: Rows of the whole table.
        seed: `data.random_state`, or the one that was drawn.
        split_seed: Key of the split where it is not the seed.
    """
    check_supported(config)
    if is_private(config):
        holdout_rows = 0
    else:
        holdout_rows = holdout_rows_wanted(num_rows, config.data)

    return RunPlan(
        seed=seed,
        split_seed=seed if split_seed is None else split_seed,
        privacy_unit=config.data.group_training_examples_by,
        sequences=plan_sequences(config),
        training=_plan_training(config, num_rows - holdout_rows, seed),
        generation=plan_generation(config, seed),
        notes=(*_notes(config), *config.notes),
    )


def plan_hold_back(config: Config, seed: int) -> HoldBackPlan:
    """Which values of training rows are held back.

    Under differential privacy none is: the schema is measured with noise, or taken from the training rows as it is.

    Args:
        config: The request.
        seed: Seed of the run, which chooses what rare values are replaced by.
    """
    data = config.data
    series = config.time_series
    ordering = (data.group_training_examples_by, data.order_training_examples_by, series.timestamp_column)
    public = (name for name, column in data.columns.items() if column.public or column.values is not None)

    return HoldBackPlan(
        min_units=1 if is_private(config) else data.min_units_per_category,
        unit_column=data.group_training_examples_by,
        exempt=(*(name for name in ordering if name is not None), *public),
        together=tuple(columns_of(rule) for rule in config.constraints if isinstance(rule, DeterminesConstraint)),
        seed=seed,
    )


def _plan_training(config: Config, num_rows: int, seed: int) -> TrainPlan:
    training = config.training
    compact = config.training.compact
    ratio = training.validation_ratio
    if ratio == "auto":
        validation_ratio = min(COMPACT_VALIDATION_RATIO, MAX_VALIDATION_ROWS / num_rows)
    else:
        validation_ratio = ratio

    fitting = max(1, round(num_rows * (1 - validation_ratio)))
    if training.batch_size == "auto":
        micro = min(COMPACT_BATCH, max(8, fitting // 16))
    else:
        micro = training.batch_size

    accumulation = training.gradient_accumulation_steps
    if accumulation == "auto":
        micro_batches = 1
    else:
        micro_batches = accumulation

    asked = training.num_input_records_to_sample
    if asked == "auto":
        shown = max(fitting, int((ROWS_SHOWN * fitting) ** 0.5))
    else:
        shown = asked

    num_steps = max(1, -(-shown // (micro * micro_batches)))
    warmup = training.warmup_steps
    rate = training.learning_rate
    interval = training.validation_steps

    return TrainPlan(
        shape=_shape(compact, hidden_size=128, num_layers=3),
        num_bins=compact.num_bins,
        text_vocabulary=compact.text_vocabulary,
        max_text_tokens=MAX_TEXT_TOKENS if compact.max_text_tokens == "auto" else compact.max_text_tokens,
        batch_rows=micro * micro_batches,
        micro_batches=micro_batches,
        num_steps=num_steps,
        learning_rate=COMPACT_LEARNING_RATE if rate == "auto" else rate,
        lr_scheduler=training.lr_scheduler,
        warmup_steps=min(num_steps, int(warmup if warmup >= 1 else warmup * num_steps)),
        weight_decay=training.weight_decay,
        validation_ratio=validation_ratio,
        validation_steps=max(1, num_steps // VALIDATIONS) if interval == "auto" else interval,
        patience=compact.patience,
        seed=seed,
    )


def plan_private_loop(
    config: Config,
    privacy: PrivacyParameters,
    *,
    num_units: int,
    rough_num_units: int,
    delta: float,
    spent: Sequence[Charge],
    seed: int,
) -> PrivateLoopPlan:
    """Training with what of the budget is left.

    Args:
        config: The request.
        privacy: Its section.
        num_units: Privacy units to train on: a noisy count.
        rough_num_units: A first, noisier one, which the mechanism may depend on.
        delta: Of the whole run.
        spent: Charges of the schema.
        seed: Of the first weights.

    Raises:
        PrivacyError: Too few units, or too little budget.
    """
    training = config.training
    batch = None
    if training.batch_size != "auto":
        parts = training.gradient_accumulation_steps
        batch = training.batch_size * (1 if parts == "auto" else parts)

    shown = training.num_input_records_to_sample
    dp = make_dp_plan(
        privacy_unit=unit_name(config.data),
        num_units=num_units,
        rough_num_units=rough_num_units,
        target_epsilon=privacy.epsilon,
        delta=delta,
        max_grad_norm=privacy.per_sample_max_grad_norm,
        spent=spent,
        expected_batch_size=batch,
        num_units_shown=None if shown == "auto" else shown,
    )
    rate = training.learning_rate
    warmup = training.warmup_steps
    if _is_compact(config):
        auto_rate = PRIVATE_LEARNING_RATE
    else:
        auto_rate = PRIVATE_LORA_LEARNING_RATE

    return PrivateLoopPlan(
        dp=dp,
        max_rows_per_unit=privacy.max_rows_per_unit,
        learning_rate=auto_rate if rate == "auto" else rate,
        lr_scheduler=training.lr_scheduler,
        warmup_steps=min(dp.num_steps, int(warmup if warmup >= 1 else warmup * dp.num_steps)),
        averaging=PRIVATE_AVERAGING,
        max_physical_batch_size=config.resources.max_physical_batch_size,
        seed=seed,
    )


def with_compact_model(plan: PrivateLoopPlan, compact: CompactParameters) -> PrivateTrainPlan:
    """The same training, of a compact model."""
    window = compact.max_text_tokens
    return PrivateTrainPlan(
        **vars(plan),
        shape=_shape(compact, hidden_size=64, num_layers=2),
        max_text_tokens=PRIVATE_TEXT_BYTES if window == "auto" else window,
    )


def unit_name(data: DataParameters) -> str:
    """The privacy unit in words."""
    group = data.group_training_examples_by
    if group is None:
        return "row"
    return f"all rows of one {group!r}"


def _shape(compact: CompactParameters, *, hidden_size: int, num_layers: int) -> CompactShape:
    if compact.hidden_size == "auto":
        width = hidden_size
    else:
        width = compact.hidden_size

    return CompactShape(
        hidden_size=width,
        num_layers=num_layers if compact.num_layers == "auto" else compact.num_layers,
        num_heads=compact.num_heads,
        intermediate_size=2 * width,
    )


def plan_generation(config: Config, seed: int) -> GenerationPlan:
    """Generation of a request.

    Raises:
        ConfigError: Groups are asked for where there are none.
    """
    generation = config.generation
    sequences = plan_sequences(config)
    if sequences is None:
        least, most = SHARD_ROWS
    else:
        least, most = SEQUENCE_SHARD_ROWS

    if generation.num_groups is not None and (sequences is None or sequences.group is None):
        raise ConfigError(
            "generation.num_groups needs data.group_training_examples_by, and with differential privacy an order"
        )

    return GenerationPlan(
        num_records=generation.num_records,
        num_groups=generation.num_groups,
        is_one_sequence=sequences is not None and sequences.group is None,
        start=sequences.start if sequences else None,
        stop=sequences.stop if sequences else None,
        shard_rows=min(most, max(least, -(-generation.num_records // 16))),
        sampling=Sampling(
            temperature=1.0 if generation.temperature == "auto" else generation.temperature, top_p=generation.top_p
        ),
        constraints=config.constraints,
        patience=generation.patience,
        invalid_fraction_threshold=generation.invalid_fraction_threshold,
        seed=seed,
    )


def unused_paths(config: Config) -> Iterator[str]:
    """Parameters that have no effect on the model that is asked for."""
    unused = {NOT_YET["applies_to"]} | ({LANGUAGE_MODELS["applies_to"]} if _is_compact(config) else set())
    return (parameter.path for parameter in parameters() if parameter.applies_to in unused)


def _is_compact(config: Config) -> bool:
    return config.training.pretrained_model == COMPACT


def _private_note(config: Config) -> str:
    return f"Differential privacy of {unit_name(config.data)}; the certificate says what is covered, and at what price."


def _notes(config: Config) -> list[str]:
    notes = [_private_note(config) if is_private(config) else NOT_PRIVATE]
    if config.replace_pii is None:
        notes.append("PII replacement is off: the model was trained on the table as it is.")

    if config.data.group_training_examples_by:
        if plan_sequences(config) is None:
            modelled = "one by one"
        else:
            modelled = "together, as a sequence"

        notes.append(
            f"Rows of one {config.data.group_training_examples_by!r} stay on one side of the split; "
            f"they are modelled {modelled}."
        )

    without_effect = set(unused_paths(config))
    if not is_private(config):
        without_effect |= {p.path for p in parameters() if p.path.startswith("privacy.")} - ALWAYS_USED

    given = sorted(without_effect & set(explicit_paths(config)))
    if given:
        notes.append(f"Set, and without effect on this model in this version: {', '.join(given)}.")

    return notes
