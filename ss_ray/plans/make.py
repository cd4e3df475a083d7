"""From a request to what will be done: derives every default, and refuses what cannot be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ss_ray.config.base import LANGUAGE_MODELS, NOT_YET, or_default
from ss_ray.config.constraints import DeterminesConstraint
from ss_ray.config.files import explicit_paths, parameters
from ss_ray.config.model import Config, DataParameters, ModelFamilyName
from ss_ray.config.pii import PolicyStep
from ss_ray.errors import ConfigError
from ss_ray.pii.entities import check_types
from ss_ray.plans.loop import VALIDATIONS, warmup_steps
from ss_ray.plans.plan import CompactPlan, GenerationPlan, ModelPlan, RunPlan
from ss_ray.plans.sampling import Sampling
from ss_ray.plans.sequences import SequencePlan, check_sequences, plan_sequences
from ss_ray.plans.shape import CompactShape
from ss_ray.tables.withheld import HOLDOUT_SHARE, HoldBackPlan, holdout_rows_wanted

ROWS_SHOWN = 240_000
"""Training shows sqrt(ROWS_SHOWN x rows) rows, at least one pass: 3.5 passes of 20,000 rows, 1 of 240,000."""
EFFORTS = {"fast": 1 / 3, "balanced": 1.0, "best": 2.0}
"""Rows that training shows for each effort, in multiples of those of `balanced`; at least one pass."""
COMPACT_SIZE = (96, 2)
"""Width and layers of the compact model."""
SMALL_TABLE = 4_000
"""Rows below which the model has SMALL_SIZE: a larger one remembers them before it understands them."""
SMALL_SIZE = (64, 2)
BEST_SIZE = (128, 3)
"""Size of the model for the effort `best`, which learns texts better, and other columns a little."""
PRIVATE_SIZE = (64, 2)
COMPACT_LEARNING_RATE = 5.5e-3
"""For a batch of COMPACT_BATCH rows."""
MATRIX_RATE = 4.0
"""Learning rate of the matrices of the compact model, whose updates have a fixed size, in multiples of the others."""
COMPACT_AVERAGING = 0.98
MAX_TEXT_TOKENS = 128
PRIVATE_TEXT_BYTES = 32
COMPACT_BATCH = 256
VALIDATIONS_A_PASS = 2
COMPACT_VALIDATION_RATIO = 0.05
# A larger validation set costs as much as training, and does not change the decision.
MAX_VALIDATION_ROWS = 5_000
NOT_PRIVATE = "No differential privacy: nothing in this run bounds what the synthetic table reveals about one row."
ALWAYS_USED = {"privacy.dp_enabled", "privacy.dataset", "privacy.ledger"}
"""Parameters of differential privacy that matter without it: data with a budget are refused then."""
PROSE_PARAMETERS = frozenset({"generation.engine", "generation.repetition_penalty"})
"""Parameters of language models that the language model of texts has, too."""
SHARD_ROWS = (4096, 65_536)
# Rows of sequences take longer, and come out shard by shard.
SEQUENCE_SHARD_ROWS = (512, 16_384)
ROWS_PER_PRIVATE_SEQUENCE = (2, 256)


def check_supported(config: Config) -> None:
    """Refuse what this version cannot do, before any work.

    Raises:
        ConfigError: Anything that would have to be ignored to go on.
    """
    if config.is_private:
        if config.constraints == "auto":
            raise ConfigError(
                "constraints: auto depends on the rows, which differential privacy would have to pay for; list the "
                "constraints, which `ss-ray suggest-constraints` prints"
            )
        _check_private(config)

    _check_prose(config)
    check_sequences(config)
    if config.replace_pii is not None:
        check_types(config.replace_pii)
        _check_steps(config.replace_pii.steps or (), private=config.is_private)


def _check_steps(steps: Sequence[PolicyStep], *, private: bool) -> None:
    """Refuse policies that are malformed, or that differential privacy forbids."""
    if not steps:
        return

    # The import takes seconds: policies have an interpreter, which looks at texts.
    from ss_ray.pii.policy.steps import check_policy, check_row_local

    check_policy(steps)
    if private:
        check_row_local(steps)


def _check_prose(config: Config) -> None:
    """Refuse a language model of texts where it could not be used, or not be paid for."""
    if config.training.prose_model in ("auto", None):
        return
    if config.model_family != "compact":
        raise ConfigError("training.prose_model: training.pretrained_model writes the texts; set prose_model to null")


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
    if config.data.holdout != "auto" and config.data.holdout >= 1:
        raise ConfigError(
            "data.holdout: with differential privacy the holdout is a share of the units, below 1: a number of rows "
            "would tell how many there are"
        )
    if config.training.validation_ratio not in ("auto", 0):
        raise ConfigError(
            "training.validation_ratio: with differential privacy nothing is validated on rows, which would cost "
            "budget; set it to 0 or auto"
        )


class ModelPlanner(Protocol):
    """The part of a model family that plans; see `pipelines.families`."""

    @property
    def name(self) -> ModelFamilyName:
        """Name of the family, which the manifest records."""
        ...

    def plan(self, config: Config, *, num_rows: int, seed: int) -> ModelPlan:
        """Training and generation of a request, as the family does them."""
        ...


def make_plan(
    config: Config, planner: ModelPlanner, *, num_rows: int, seed: int, split_seed: int | None = None
) -> RunPlan:
    """Derive everything that later stages need from the request and the size of the table.

    With differential privacy the plan does not depend on the number of rows. `plan_private_loops` plans the training
    loop later, with the part of the budget that the schema did not use.

    Args:
        config: The whole request.
        planner: Model family that is asked for.
        num_rows: Number of rows of the whole table.
        seed: `data.random_state`, or the seed that was drawn.
        split_seed: Key of the split where it is not the seed.

    Raises:
        ConfigError: The request contradicts itself, or asks for something that this version does not do.
    """
    check_supported(config)
    # The plan reaches logs and manifests, and the number of rows is a secret.
    if config.is_private:
        training_rows = 1
    else:
        training_rows = num_rows - holdout_rows_wanted(num_rows, config.data)

    sequences = plan_sequences(config)
    model = planner.plan(config, num_rows=training_rows, seed=seed)

    return RunPlan(
        seed=seed,
        split_seed=seed if split_seed is None else split_seed,
        is_private=config.is_private,
        privacy_unit=config.data.group_training_examples_by,
        sequences=sequences,
        hold_back=plan_hold_back(config, seed),
        family=planner.name,
        model=model,
        generation=plan_generation(config, sequences, seed),
        notes=(*_plan_notes(config), *config.notes),
    )


def plan_hold_back(config: Config, seed: int) -> HoldBackPlan:
    """Which values of training rows are held back.

    With differential privacy no value is held back: the schema is measured with noise, or taken as it is.

    Args:
        config: The whole request.
        seed: Seed of the run, which chooses what rare values are replaced by.
    """
    data = config.data
    series = config.time_series
    # The values of grouping and ordering columns are not released: generation makes new ones.
    ordering = (data.group_training_examples_by, data.order_training_examples_by, series.timestamp_column)
    # Values that a person declares are known without the table.
    public = (name for name, column in data.columns.items() if column.public or column.values is not None)

    return HoldBackPlan(
        min_units=1 if config.is_private else data.min_units_per_category,
        unit_column=data.group_training_examples_by,
        exempt=(*(name for name in ordering if name is not None), *public),
        together=tuple(
            rule.read_columns for rule in config.listed_constraints if isinstance(rule, DeterminesConstraint)
        ),
        seed=seed,
    )


def plan_compact_training(config: Config, *, num_rows: int, seed: int) -> CompactPlan:
    """Derive the training of the compact model.

    Args:
        config: The whole request.
        num_rows: Number of rows to train on, those of the holdout left out.
        seed: Seed of the run.

    Example:
        >>> plan = plan_compact_training(Config(), num_rows=20_000, seed=0)
        >>> plan.num_steps, plan.batch_rows, plan.shape.hidden_size
        (347, 195, 96)
    """
    training = config.training
    compact = training.compact
    validation_ratio = or_default(
        training.validation_ratio, min(COMPACT_VALIDATION_RATIO, MAX_VALIDATION_ROWS / num_rows)
    )
    fitting = max(1, round(num_rows * (1 - validation_ratio)))
    # A small table needs steps more than it needs quiet gradients.
    micro = or_default(training.batch_size, min(COMPACT_BATCH, round((2 * fitting) ** 0.5)))
    micro_batches = or_default(training.gradient_accumulation_steps, 1)
    usual = EFFORTS[training.effort] * (ROWS_SHOWN * fitting) ** 0.5
    shown = or_default(training.num_input_records_to_sample, max(fitting, int(usual)))
    num_steps = max(1, -(-shown // (micro * micro_batches)))
    # The noise of a gradient falls with the root of the batch.
    rate = or_default(training.learning_rate, COMPACT_LEARNING_RATE * (micro * micro_batches / COMPACT_BATCH) ** 0.5)
    steps_a_pass = max(1, fitting // (micro * micro_batches))

    return CompactPlan(
        shape=_compact_shape(config, num_rows),
        num_bins=compact.num_bins,
        text_vocabulary=compact.text_vocabulary,
        max_text_tokens=_max_text_tokens(config),
        batch_rows=micro * micro_batches,
        micro_batches=micro_batches,
        num_steps=num_steps,
        learning_rate=rate,
        matrix_learning_rate=MATRIX_RATE * rate,
        averaging=COMPACT_AVERAGING,
        lr_scheduler=training.lr_scheduler,
        warmup_steps=warmup_steps(training.warmup_steps, num_steps),
        weight_decay=training.weight_decay,
        validation_ratio=validation_ratio,
        # A small table is learned in two or three passes.
        validation_steps=or_default(
            training.validation_steps, max(1, min(num_steps // VALIDATIONS, steps_a_pass // VALIDATIONS_A_PASS))
        ),
        patience=compact.patience,
        seed=seed,
    )


def _max_text_tokens(config: Config) -> int:
    default = PRIVATE_TEXT_BYTES if config.is_private else MAX_TEXT_TOKENS
    return or_default(config.training.compact.max_text_tokens, default)


def unit_name(data: DataParameters) -> str:
    """The privacy unit in words."""
    group = data.group_training_examples_by
    if group is None:
        return "row"
    return f"all rows of one {group!r}"


def _compact_shape(config: Config, num_rows: int) -> CompactShape:
    """The size of the compact model; with differential privacy a smaller one, whose gradients hold less noise."""
    compact = config.training.compact
    if config.is_private:
        hidden_size, num_layers = PRIVATE_SIZE
    elif config.training.effort == "best":
        hidden_size, num_layers = BEST_SIZE
    elif num_rows < SMALL_TABLE:
        hidden_size, num_layers = SMALL_SIZE
    else:
        hidden_size, num_layers = COMPACT_SIZE

    width = or_default(compact.hidden_size, hidden_size)
    return CompactShape(
        hidden_size=width,
        num_layers=or_default(compact.num_layers, num_layers),
        num_heads=compact.num_heads,
        intermediate_size=2 * width,
    )


def plan_generation(config: Config, sequences: SequencePlan | None, seed: int) -> GenerationPlan:
    """Generation of a request.

    Raises:
        ConfigError: Groups are asked for where there are none.
    """
    generation = config.generation
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
        sampling=Sampling(temperature=or_default(generation.temperature, 1.0), top_p=generation.top_p),
        constraints=config.listed_constraints,
        patience=generation.patience,
        invalid_fraction_threshold=generation.invalid_fraction_threshold,
        seed=seed,
    )


def unused_paths(config: Config) -> Iterator[str]:
    """Parameters that have no effect on the model that is asked for."""
    unused = {NOT_YET["applies_to"]} | ({LANGUAGE_MODELS["applies_to"]} if config.model_family == "compact" else set())
    used = PROSE_PARAMETERS if config.prose_model is not None else frozenset()
    return (p.path for p in parameters() if p.applies_to in unused and p.path not in used)


def _private_note(config: Config) -> str:
    return f"Differential privacy of {unit_name(config.data)}; the certificate says what is covered, and at what price."


def _plan_notes(config: Config) -> list[str]:
    notes = [_private_note(config) if config.is_private else NOT_PRIVATE]
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

    if config.is_private and config.data.holdout == "auto":
        notes.append(
            f"Each unit is held out with a probability of {HOLDOUT_SHARE:.0%}, whatever their number, because the "
            "number of units is secret; for a small table set data.holdout to a larger share."
        )

    # A parameter that does nothing is named in the report, so that nobody relies on it.
    without_effect = set(unused_paths(config))
    if not config.is_private:
        without_effect |= {p.path for p in parameters() if p.path.startswith("privacy.")} - ALWAYS_USED

    given = sorted(without_effect & set(explicit_paths(config)))
    if given:
        notes.append(f"Set, and without effect on this model in this version: {', '.join(given)}.")

    return notes
