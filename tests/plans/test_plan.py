"""What follows from a request and the size of the table, and what is refused before any work."""

from typing import Any

import pytest

from ss_ray.config.files import parse_config
from ss_ray.config.model import Config, PrivacyParameters
from ss_ray.errors import ConfigError, DataError
from ss_ray.plans.make import check_supported, plan_compact_training
from ss_ray.plans.plan import RunPlan
from ss_ray.plans.private import PrivateBudget, plan_private_loops, with_compact_model
from ss_ray.privacy.charges import TRAININGS, Charge
from ss_ray.privacy.plan import run_epsilon
from tests.plans.planners import compact_plan


def plan_of(num_rows: int = 20_000, **values: Any) -> RunPlan:
    """The plan of a request for a table of so many rows."""
    return compact_plan(parse_config(values), num_rows=num_rows, seed=7)


def test_defaults_are_derived_from_the_number_of_rows():
    plan = plan_of(20_000)
    training, sampling = plan.model.training, plan.generation.sampling
    fitting = 20_000 - 1000 - 950  # without holdout and validation rows
    assert (plan.seed, plan.split_seed, plan.privacy_unit) == (7, 7, None)
    assert (training.batch_rows, training.micro_batches) == (round((2 * fitting) ** 0.5), 1)
    assert training.learning_rate == pytest.approx(5.5e-3 * (training.batch_rows / 256) ** 0.5)
    assert training.matrix_learning_rate == 4 * training.learning_rate
    assert training.averaging == 0.98
    assert training.num_steps == -(-int((240_000 * fitting) ** 0.5) // training.batch_rows)
    assert training.warmup_steps == int(0.05 * training.num_steps)
    assert training.validation_steps == training.num_steps // 15
    assert (training.shape.hidden_size, training.shape.num_layers) == (96, 2)
    assert (plan.generation.num_records, sampling.temperature, sampling.top_p) == (1000, 1.0, 1.0)


def test_large_table_is_shown_once_at_least():
    training = plan_of(2_000_000).model.training
    assert training.num_steps == -(-(2_000_000 - 2000 - 5_000) // 256)  # 5,000 rows validate, however large it is


def test_small_table_gets_a_small_model_that_is_validated_twice_a_pass():
    training = plan_of(1000).model.training
    assert training.shape.hidden_size == 64
    fitting = 1000 - 50 - 48  # without holdout and validation rows
    assert training.validation_steps == fitting // training.batch_rows // 2


def test_tiny_table_gets_small_batches_and_no_holdout():
    plan = plan_of(10)
    assert 1 <= plan.model.training.batch_rows <= 8
    assert plan.model.training.num_steps >= 1


def test_what_is_given_is_taken():
    training = plan_of(
        training={
            "batch_size": 10,
            "gradient_accumulation_steps": 3,
            "num_input_records_to_sample": 3001,
            "learning_rate": 0.01,
            "warmup_steps": 7,
            "validation_steps": 5,
            "validation_ratio": 0,
            "compact": {"hidden_size": 64, "num_heads": 2, "num_layers": 1},
        }
    ).model.training
    assert (training.batch_rows, training.micro_batches, training.num_steps) == (30, 3, 101)
    assert (training.learning_rate, training.warmup_steps, training.validation_steps) == (0.01, 7, 5)
    assert training.validation_ratio == 0
    assert (training.shape.hidden_size, training.shape.num_heads, training.shape.num_layers) == (64, 2, 1)


def test_warm_up_is_not_longer_than_training():
    training = plan_of(training={"num_input_records_to_sample": 100, "warmup_steps": 50}).model.training
    assert training.warmup_steps == training.num_steps == 1


@pytest.mark.parametrize(("num_records", "shard_rows"), [(1, 4096), (100_000, 6250), (10**8, 65_536)])
def test_shards_are_neither_tiny_nor_huge(num_records: int, shard_rows: int):
    assert plan_of(generation={"num_records": num_records}).generation.shard_rows == shard_rows


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"privacy": {"dp_enabled": True}, "data": {"holdout": 100}}, ConfigError, r"data\.holdout: with differential"),
        (
            {"privacy": {"dp_enabled": True}, "training": {"validation_ratio": 0.1}},
            ConfigError,
            r"training\.validation_ratio: with differential",
        ),
        ({"time_series": {"is_timeseries": True}}, ConfigError, r"time_series\.timestamp_column"),
        (
            {
                "data": {"group_training_examples_by": "id", "order_training_examples_by": "t"},
                "privacy": {"dp_enabled": True, "allow_inferred_schema": True},
            },
            ConfigError,
            r"sequences need a measured schema",
        ),
        (
            {"time_series": {"is_timeseries": True, "timestamp_column": "t"}, "privacy": {"dp_enabled": True}},
            ConfigError,
            "the privacy unit is a series",
        ),
        (
            {"replace_pii": {"steps": [{"rows": {"update": [{"name": "a", "value": "this |"}]}}]}},
            ConfigError,
            "a policy expression cannot be read",
        ),
        ({"replace_pii": {"operators": {"shoe_size": "keep"}}}, ConfigError, "shoe_size"),
        ({"replace_pii": {"globals": {"ner": {"ner_entities": ["shoe_size"]}}}}, ConfigError, "shoe_size"),
    ],
)
def test_what_this_version_cannot_do_is_refused(values: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        check_supported(parse_config(values))
    with pytest.raises(error, match=message):
        plan_of(**values)


def test_holdout_that_leaves_too_little_is_refused():
    with pytest.raises(DataError, match="more than half"):
        plan_of(100, data={"holdout": 90})


def test_defaults_and_switched_off_sections_are_supported():
    check_supported(Config())
    check_supported(Config(privacy=None, replace_pii=None))


def test_notes_say_what_is_not_guaranteed():
    assert len(plan_of().notes) == 1
    assert plan_of().notes[0].startswith("No differential privacy: nothing in this run bounds")
    notes = " ".join(plan_of(replace_pii=None, data={"group_training_examples_by": "id"}).notes)
    assert "PII replacement is off" in notes
    assert "Rows of one 'id' stay on one side of the split" in notes


def test_private_training_follows_the_budget_and_the_request():
    config = parse_config({"privacy": {"dp_enabled": True, "epsilon": 2.0}, "training": {"warmup_steps": 0.1}})
    spent = [Charge(mechanism="schema", noise_multiplier=50.0, count=9)]
    budget = PrivateBudget(num_units=5000, rough_num_units=5000, delta=1e-5, spent=tuple(spent))
    training = plan_private_loops(config, PrivacyParameters(epsilon=2.0), budget, has_texts=False, seed=3).table
    shape = with_compact_model(training, plan_compact_training(config, num_rows=1, seed=3)).shape
    assert (shape.hidden_size, shape.num_layers, training.warmup_steps) == (64, 2, 20)
    assert run_epsilon([training.dp.charge(training.num_steps), *spent], 1e-5) <= 2
    private = plan_of(privacy={"dp_enabled": True}).notes
    assert "Differential privacy of row" in private[0]
    assert "held out with a probability of 5%, whatever their number" in private[1]


def test_private_batch_and_passes_can_be_given():
    config = parse_config(
        {
            "privacy": {"dp_enabled": True},
            "training": {"batch_size": 100, "gradient_accumulation_steps": 5, "num_input_records_to_sample": 20_000},
            "data": {"group_training_examples_by": "id"},
        }
    )
    budget = PrivateBudget(num_units=5100, rough_num_units=5000, delta=1e-5, spent=())
    dp = plan_private_loops(config, PrivacyParameters(), budget, has_texts=False, seed=3).table.dp
    assert (dp.sample_rate, dp.num_steps, dp.expected_batch_size) == (0.1, 40, 510.0)
    assert dp.privacy_unit == "all rows of one 'id'"


def test_a_language_model_of_texts_shares_the_budget() -> None:
    config = parse_config({"privacy": {"dp_enabled": True, "epsilon": 4.0}})
    privacy = PrivacyParameters(epsilon=4.0)
    spent = Charge(mechanism="schema", noise_multiplier=40.0, count=5)
    budget = PrivateBudget(num_units=3000, rough_num_units=3000, delta=1e-5, spent=(spent,))
    loops = plan_private_loops(config, privacy, budget, has_texts=True, seed=3)
    table, texts = loops.charges
    assert (table.mechanism, texts.mechanism) == TRAININGS
    assert 3.9 < run_epsilon([spent, table, texts], 1e-5) <= 4
    # Each has about half of rho, so about 1 / sqrt(2) of epsilon.
    assert all(2 < run_epsilon([charge], 1e-5) < 3.5 for charge in (table, texts))

    alone = plan_private_loops(config, privacy, budget, has_texts=False, seed=3)
    assert alone.texts is None
    assert alone.table.dp.noise_multiplier < table.noise_multiplier


def test_notes_name_parameters_that_were_set_and_have_no_effect():
    notes = plan_of(training={"lora_r": 8, "batch_size": 4}, privacy={"epsilon": 3.0}).notes
    assert notes[-1].endswith("in this version: privacy.epsilon, training.lora_r.")


def test_constraints_to_be_found_are_refused_under_differential_privacy():
    check_supported(parse_config({"constraints": "auto"}))
    with pytest.raises(ConfigError, match="constraints: auto depends on the rows"):
        check_supported(parse_config({"constraints": "auto", "privacy": {"dp_enabled": True}}))


def test_more_effort_shows_more_rows_to_a_larger_model() -> None:
    plans = [
        plan_compact_training(Config.model_validate({"training": {"effort": effort}}), num_rows=20_000, seed=0)
        for effort in ("fast", "balanced", "best")
    ]
    shown = [plan.num_steps * plan.batch_rows for plan in plans]
    assert shown[0] < shown[1] < shown[2]
    assert [(plan.shape.hidden_size, plan.shape.num_layers) for plan in plans] == [(96, 2), (96, 2), (128, 3)]
    private = Config.model_validate({"training": {"effort": "best"}, "privacy": {"dp_enabled": True}})
    assert plan_compact_training(private, num_rows=20_000, seed=0).shape.hidden_size == 64
