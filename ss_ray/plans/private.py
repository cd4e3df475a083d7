"""What differential privacy leaves of the budget for each training."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ss_ray.config.base import or_default
from ss_ray.config.model import Config, PrivacyParameters
from ss_ray.plans.loop import PrivateLoopPlan, warmup_steps
from ss_ray.plans.make import unit_name
from ss_ray.plans.plan import CompactPlan, PrivateCompactPlan
from ss_ray.privacy.charges import TEXTS_DP_SGD, Charge, DPPlan

LEARNING_RATE = 1e-2
LORA_LEARNING_RATE = 2e-3
AVERAGING = 0.97
TEXTS_SHARE = 0.5
"""Share of the rho left by the schema that the language model of texts gets, where there is one."""
TEXTS_STEPS = 40
"""Steps of the language model of texts: each costs as much as hundreds of steps of the compact model."""
TEXTS_SAMPLE_RATE = 0.1
TEXTS_MAX_BATCH = 512
"""Units of a step of the language model of texts at most, so that 40 steps end on a laptop."""
TEXTS_WARMUP = 0.1
TEXTS_AVERAGING = 0.9


@dataclass(frozen=True, kw_only=True)
class PrivateBudget:
    """What a training may know, and what was spent before it.

    Attributes:
        num_units: Noisy number of privacy units to train on.
        rough_num_units: A first, noisier one, which the mechanism may depend on.
        delta: Delta of the whole run.
        spent: Charges that come before, and those that are kept for a later training.
    """

    num_units: int
    rough_num_units: int
    delta: float
    spent: tuple[Charge, ...]

    def after(self, *charges: Charge) -> PrivateBudget:
        """The budget once some more is spent."""
        return replace(self, spent=(*self.spent, *charges))


@dataclass(frozen=True, kw_only=True)
class PrivateLoops:
    """The trainings of a run, which spend one budget together.

    Attributes:
        table: Training of the model of the table.
        texts: Training of the language model of its texts; None where there is none.
    """

    table: PrivateLoopPlan
    texts: PrivateLoopPlan | None

    @property
    def charges(self) -> tuple[Charge, ...]:
        """What both trainings spend."""
        return tuple(loop.dp.charge(loop.num_steps) for loop in (self.table, self.texts) if loop)


def plan_private_loops(
    config: Config, privacy: PrivacyParameters, budget: PrivateBudget, *, has_texts: bool, seed: int
) -> PrivateLoops:
    """Training with what of the budget is left.

    Args:
        config: The whole request.
        privacy: Section `privacy` of the request.
        budget: Budget after the schema.
        has_texts: Whether a language model learns the texts of the table.
        seed: Seed of the first weights.

    Raises:
        PrivacyError: Too few units, or too little budget.
    """
    if not has_texts:
        return PrivateLoops(table=_plan_table(config, privacy, budget, seed), texts=None)

    # The accountant imports scipy: seconds, which only runs with differential privacy wait for.
    from ss_ray.privacy.plan import share_of_rest

    kept = share_of_rest(TEXTS_SHARE, budget.spent, privacy.epsilon, budget.delta)
    table = _plan_table(config, privacy, budget.after(kept), seed)
    texts = _plan_texts(config, privacy, budget.after(table.dp.charge(table.num_steps)), seed)
    return PrivateLoops(table=table, texts=texts)


def _plan_table(config: Config, privacy: PrivacyParameters, budget: PrivateBudget, seed: int) -> PrivateLoopPlan:
    """Training of the compact model, or of a language model of whole rows."""
    training = config.training
    batch = None
    if training.batch_size != "auto":
        parts = training.gradient_accumulation_steps
        batch = training.batch_size * (1 if parts == "auto" else parts)

    shown = training.num_input_records_to_sample
    dp = _plan_mechanism(config, privacy, budget, batch, None if shown == "auto" else shown)
    if config.model_family == "compact":
        learning_rate = LEARNING_RATE
    else:
        learning_rate = LORA_LEARNING_RATE

    return PrivateLoopPlan(
        dp=dp,
        max_rows_per_unit=privacy.max_rows_per_unit,
        learning_rate=or_default(training.learning_rate, learning_rate),
        lr_scheduler=training.lr_scheduler,
        warmup_steps=warmup_steps(training.warmup_steps, dp.num_steps),
        averaging=AVERAGING,
        max_physical_batch_size=config.resources.max_physical_batch_size,
        seed=seed,
    )


def _plan_texts(config: Config, privacy: PrivacyParameters, budget: PrivateBudget, seed: int) -> PrivateLoopPlan:
    """Training of the language model of texts; parameters of the compact model's training do not matter to it."""
    batch = texts_batch(budget.rough_num_units)
    dp = _plan_mechanism(config, privacy, budget, batch, TEXTS_STEPS * batch)
    return PrivateLoopPlan(
        dp=replace(dp, mechanism=TEXTS_DP_SGD),
        max_rows_per_unit=privacy.max_rows_per_unit,
        learning_rate=LORA_LEARNING_RATE,
        lr_scheduler="cosine",
        warmup_steps=warmup_steps(TEXTS_WARMUP, dp.num_steps),
        averaging=TEXTS_AVERAGING,
        max_physical_batch_size=config.resources.max_physical_batch_size,
        seed=seed,
    )


def texts_batch(num_units: int) -> int:
    """Units of a step of the language model of texts, on average."""
    return max(1, min(TEXTS_MAX_BATCH, round(TEXTS_SAMPLE_RATE * num_units)))


def _plan_mechanism(
    config: Config, privacy: PrivacyParameters, budget: PrivateBudget, batch: int | None, shown: int | None
) -> DPPlan:
    """See `make_dp_plan`."""
    from ss_ray.privacy.plan import CountedUnits, make_dp_plan

    return make_dp_plan(
        CountedUnits(
            privacy_unit=unit_name(config.data), num_units=budget.num_units, rough_num_units=budget.rough_num_units
        ),
        target_epsilon=privacy.epsilon,
        delta=budget.delta,
        max_grad_norm=privacy.per_sample_max_grad_norm,
        spent=budget.spent,
        expected_batch_size=batch,
        num_units_shown=shown,
    )


def with_compact_model(loop: PrivateLoopPlan, plan: CompactPlan) -> PrivateCompactPlan:
    """The budgeted training of the compact model: the private loop, and the model of the plan."""
    return PrivateCompactPlan(**vars(loop), shape=plan.shape, max_text_tokens=plan.max_text_tokens)
