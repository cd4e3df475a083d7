"""Given values are refused before the training where the model will not know them."""

import pytest

from ss_ray.config.generation import GenerationParameters
from ss_ray.errors import ConfigError, DataError
from ss_ray.generation.given import check_given
from ss_ray.schema import ColumnSchema, Kind, TableSchema

SCHEMA = TableSchema(
    columns=(
        ColumnSchema(name="city", kind=Kind.CATEGORY, arrow_type="string", values=("Bonn", "Ulm")),
        ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64", minimum=20, maximum=80),
    )
)


@pytest.mark.parametrize(
    "generation",
    [{}, {"given": {"city": "Ulm", "age": 80}}, {"shares": {"city": {"Ulm": 0.5, "Bonn": 0.5}}, "given": {"age": 20}}],
)
def test_values_that_the_model_knows_pass(generation):
    check_given(GenerationParameters(**generation), SCHEMA)


@pytest.mark.parametrize(
    "generation", [{"given": {"city": "Rom"}}, {"given": {"age": 81}}, {"shares": {"city": {"Ulm": 0.5, "Rom": 0.5}}}]
)
def test_a_value_that_was_held_back_is_refused_with_the_parameter_to_change(generation):
    with pytest.raises(DataError, match="min_units_per_category") as error:
        check_given(GenerationParameters(**generation), SCHEMA)
    assert "Rom" not in str(error.value)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="'town'"):
        check_given(GenerationParameters(given={"town": "Ulm"}), SCHEMA)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"age": "Zyzzo"}, "column 'age' takes whole numbers; a value that is given for it has another type"),
        ({"age": True}, "column 'age' takes whole numbers"),
        ({"aeg": 30}, r"column 'aeg' cannot be given; did you mean 'age'\? \(columns that can be: 'city', 'age'\)"),
    ],
)
def test_what_is_wrong_with_a_given_value_is_said_in_words(given, message):
    with pytest.raises((ConfigError, DataError), match=message) as error:
        check_given(GenerationParameters(given=given), SCHEMA)
    assert "Zyzzo" not in str(error.value)


def test_where_nothing_can_be_given_the_error_says_so():
    with pytest.raises(ConfigError, match="the model has no column whose values can be given"):
        check_given(GenerationParameters(given={"age": 30}), TableSchema(columns=()))
