from typing import Any

import pytest

from ss_ray.codec.identifiers import fresh_values
from ss_ray.config.files import parse_config
from ss_ray.errors import ConfigError, DataError
from ss_ray.plans.plan import plan_sequence_training
from ss_ray.plans.sequences import (
    SequencePlan,
    check_sequences,
    group_key,
    modelled_schema,
    plan_sequences,
    with_timestamp_format,
)
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from tests.plans.planners import compact_plan

GROUPED = {"group_training_examples_by": "who", "order_training_examples_by": "when"}
TIME = {"is_timeseries": True, "timestamp_column": "when"}


def plan_of(**values: Any) -> SequencePlan | None:
    return plan_sequences(parse_config(values))


def test_groups_make_sequences_and_rows_without_a_group_do_not():
    assert plan_of() is None
    assert plan_of(data=GROUPED) == SequencePlan(
        group="who", order="when", interval_seconds=None, start=None, stop=None
    )


def test_with_differential_privacy_an_order_makes_sequences_of_groups():
    private = {"dp_enabled": True}
    assert plan_of(data={"group_training_examples_by": "who"}, privacy=private) is None
    assert plan_of(data=GROUPED, privacy=private) == plan_of(data=GROUPED)


def test_time_orders_the_rows_of_all_series_or_of_one():
    series = plan_of(time_series=TIME | {"timestamp_interval_seconds": 60, "start_timestamp": "2024-01-01"})
    assert series == SequencePlan(group=None, order="when", interval_seconds=60, start="2024-01-01", stop=None)
    several = plan_of(time_series=TIME, data={"group_training_examples_by": "who"})
    assert (several.group, several.order) == ("who", "when")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"time_series": {"is_timeseries": True}}, r"time_series\.timestamp_column"),
        ({"time_series": {"timestamp_column": "when"}}, r"timestamp_column needs time_series\.is_timeseries"),
        ({"time_series": {"stop_timestamp": 3}}, r"stop_timestamp needs"),
        ({"time_series": TIME, "data": {**GROUPED, "order_training_examples_by": "x"}}, "must be time_series"),
    ],
)
def test_requests_that_contradict_themselves_are_refused(values: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        check_sequences(parse_config(values))


def test_the_format_of_the_time_is_a_declaration_of_its_column():
    config = parse_config({"time_series": TIME | {"timestamp_format": "%d/%m/%Y"}})
    assert with_timestamp_format(config.data, config).columns["when"].format == "%d/%m/%Y"
    seconds = parse_config({"time_series": TIME | {"timestamp_format": "elapsed_seconds"}})
    assert with_timestamp_format(seconds.data, seconds) == seconds.data
    declared = parse_config(
        {"time_series": TIME | {"timestamp_format": "%d/%m/%Y"}, "data": {"columns": {"when": {"nullable": False}}}}
    )
    assert with_timestamp_format(declared.data, declared).columns["when"].nullable is False


def test_the_values_of_the_grouping_column_are_not_learned():
    names = ColumnSchema(name="who", kind=Kind.CATEGORY, arrow_type="string", values=("A1", "B2"), max_length=2)
    schema = TableSchema(columns=(names,))
    plan = SequencePlan(group="who", order=None, interval_seconds=None, start=None, stop=None)
    (learned,) = modelled_schema(schema, plan).columns
    assert (learned.kind, learned.values) == (Kind.IDENTIFIER, None)
    digits = "0123456789"
    assert learned.pattern == ("0123456789ABCDEF", digits, *[digits] * 7)  # longer than any that was learned
    assert modelled_schema(schema, None) == schema
    with pytest.raises(DataError, match="there is no column 'when'"):
        modelled_schema(schema, SequencePlan(group=None, order="when", interval_seconds=None, start=None, stop=None))


@pytest.mark.parametrize(
    "column",
    [
        ColumnSchema(name="who", kind=Kind.IDENTIFIER, arrow_type="string", entity_type="EMAIL_ADDRESS"),
        ColumnSchema(
            name="who", kind=Kind.CATEGORY, arrow_type="string", values=tuple(f"C{i:03d}" for i in range(150))
        ),
        ColumnSchema(name="who", kind=Kind.CATEGORY, arrow_type="string", values=tuple(map(str, range(99)))),
        ColumnSchema(name="who", kind=Kind.INTEGER, arrow_type="int64", minimum=3, maximum=150),
    ],
    ids=["mails", "patterns", "digits", "numbers"],
)
def test_names_of_new_groups_are_distinct_and_none_of_the_old_ones(column: ColumnSchema):
    names = fresh_values(group_key(column), 0, 5000, 7).to_pylist()
    assert len(set(names)) == 5000
    assert not set(names) & {*(column.values or ()), *range(3, 151)}


def test_sequences_are_trained_on_for_as_many_rows_in_batches_of_as_many_tokens():
    plan = compact_plan(parse_config({}), num_rows=100_000, seed=0).model.training
    longer = plan_sequence_training(plan, examples=10_000, rows=100_000, tokens=1_000_000)
    assert longer.batch_rows == round(plan.batch_rows / 10)
    assert longer.num_steps == pytest.approx(plan.num_steps, rel=0.05)
    texts = plan_sequence_training(plan, examples=10_000, rows=40_000, tokens=10_000_000)
    assert texts.batch_rows == 8
    assert texts.num_steps == pytest.approx(plan.num_steps * plan.batch_rows / 4 / 8, rel=0.01)
    assert texts.warmup_steps / texts.num_steps == pytest.approx(0.05, rel=0.1)


def test_groups_can_be_asked_for_only_where_there_are_some():
    with pytest.raises(ConfigError, match="num_groups needs"):
        compact_plan(parse_config({"generation": {"num_groups": 5}}), num_rows=100, seed=0)
    asked = parse_config({"generation": {"num_groups": 5}, "data": GROUPED})
    assert compact_plan(asked, num_rows=100, seed=0).generation.num_groups == 5
