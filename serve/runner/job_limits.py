"""The operator's limits on one job; each refusal names the limit, the parameter and the number."""

from __future__ import annotations

from collections.abc import Iterator

from serve.settings import Limits
from ss_ray.config.model import CompactParameters, Config
from ss_ray.errors import ConfigError
from ss_ray.plans.make import COMPACT_BATCH

# Larger than the value of "auto" in any plan.
DEFAULT_WIDTH, DEFAULT_LAYERS = 128, 3
WEIGHTS_PER_LAYER = 10
"""Weights of one decoder block, as a multiple of its width squared: attention 4, feed-forward 6."""


def check_limits(config: Config, limits: Limits) -> None:
    """Refuse a job that asks for more than the operator allows.

    Raises:
        ConfigError: A number is above its limit.
    """
    for limit, path, asked in _list_limited(config):
        most = getattr(limits, limit)
        if asked is not None and asked > most:
            raise ConfigError(f"{path} asks for {asked:,}; this service allows {most:,} at most (limits.{limit})")


def _list_limited(config: Config) -> Iterator[tuple[str, str, float | None]]:
    """Limit, parameter and requested number; None if the service derives the number."""
    generation = config.generation
    training = config.training
    privacy = config.privacy
    yield "max_rows", "generation.num_records", generation.num_records
    yield "max_rows", "generation.num_groups", generation.num_groups
    yield "max_rows_shown", "training.num_input_records_to_sample", _to_number(training.num_input_records_to_sample)
    batch = (_to_number(training.batch_size) or COMPACT_BATCH) * (_to_number(training.gradient_accumulation_steps) or 1)
    yield "max_rows_shown", "training.batch_size x training.gradient_accumulation_steps", batch
    yield "max_model_parameters", "training.compact", _model_parameters(training.compact)
    if privacy is not None and privacy.dp_enabled:
        yield "max_epsilon", "privacy.epsilon", privacy.epsilon
        yield "max_delta", "privacy.delta", _to_number(privacy.delta)


def _model_parameters(compact: CompactParameters) -> float:
    """Weights of an embedded model, without those of its output layer, which depend on the table."""
    width = _to_number(compact.hidden_size) or DEFAULT_WIDTH
    layers = _to_number(compact.num_layers) or DEFAULT_LAYERS
    tokens = compact.text_vocabulary + compact.num_bins + (_to_number(compact.max_text_tokens) or 0)
    return WEIGHTS_PER_LAYER * layers * width**2 + tokens * width


def _to_number(value: float | str) -> float | None:
    if isinstance(value, str):
        return None
    return value
