"""What a column is taken for, and what a person says of it."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from ss_ray.config.model import ColumnParameters
from ss_ray.errors import DataError
from ss_ray.schema import ColumnSchema, Kind
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import MAX_DISTINCT, table_facts
from ss_ray.tables.infer import infer_schema, nested_columns
from tests.tables.rows import column_of, schema_of, text_column


def declared(*cells: str | None, **parameters: object) -> ColumnSchema:
    """The column "x" of these cells with a declaration."""
    return column_of(*cells, x=ColumnParameters.model_validate(parameters))


@pytest.mark.parametrize(
    ("cells", "kind", "arrow_type"),
    [
        (("1", "2", "3"), Kind.INTEGER, "int64"),
        (("1", "NA", " 3"), Kind.INTEGER, "int64"),
        (("1.5", "2"), Kind.FLOAT, "double"),
        (("true", "false"), Kind.BOOLEAN, "bool"),
        (("2020-01-31",) * 2, Kind.DATE, "date32[day]"),
        (("2020-01-31 10:00",) * 2, Kind.DATETIME, "timestamp[us]"),
        (("2020-01-31T10:00:00Z",) * 2, Kind.DATETIME, "timestamp[us, tz=UTC]"),
        (("007",) * 3, Kind.CATEGORY, "string"),
        (("NA",) * 3, Kind.CATEGORY, "string"),
        (("a b c", "d e f"), Kind.TEXT, "string"),
        ((None, None), Kind.CATEGORY, "string"),
    ],
)
def test_kind_follows_from_all_values(cells: tuple[str | None, ...], kind: Kind, arrow_type: str):
    column = column_of(*cells)
    assert (column.kind, column.arrow_type) == (kind, arrow_type)


def test_columns_of_a_table_like_those_of_hospitals_and_shops():
    rows = range(60)
    table = pa.table(
        {
            "customerID": [f"{7000 + i}-{'ABCDEF'[i % 6]}" for i in rows],
            "patient_id": [f"pmc-{10 ** (i % 3) * 1234 + i}" for i in rows],
            "row": [str(i) for i in rows],
            "group_id": [str(i % 5) for i in rows],
            "sex": ["FM"[i % 2] for i in rows],
            "amount": [str(1000 + i * i) for i in rows],
            "name": [f"{chr(97 + i % 26) * (3 + i % 9)}" for i in rows],
            "constant": ["same"] * 60,
        }
    )
    assert {c.name: c.kind.value for c in schema_of(table).columns} == {
        "customerID": "identifier",
        "patient_id": "identifier",
        "row": "identifier",
        "group_id": "integer",
        "sex": "category",
        "amount": "integer",
        "name": "text",
        "constant": "category",
    }


def test_identifier_pattern_takes_usual_alphabets_not_what_was_seen():
    cells = [f"p{10 + i}-{'ABCDEF'[i % 6]}" for i in range(60)]
    assert column_of(*cells).pattern == ("p", "0123456789", "0123456789", "-", "0123456789ABCDEF")


def test_unique_strings_are_found_among_more_than_can_be_counted():
    cells = [f"{i:06d}a" for i in range(2 * MAX_DISTINCT)]  # fixed hashes: either always so or never
    assert column_of(*cells).kind is Kind.IDENTIFIER
    assert column_of(*cells, *cells).kind is Kind.TEXT


def test_values_are_listed_in_order_where_they_are_few_and_repeat():
    assert column_of(*("10", "9", "NA", "9") * 3).values == (9, 10)
    assert column_of(*("10.0", "9.5") * 3).values == (9.5, 10.0)
    assert column_of(*("31.12.2019", "01.01.2020", "?") * 3).values == ("2019-12-31", "2020-01-01")
    assert column_of(*("2020-01-31T10:00:00Z", None) * 3).values == ("2020-01-31T10:00:00.000000Z",)
    assert column_of("1", "2", "3").values is None


def test_many_numbers_without_a_missing_word_are_not_nullable():
    numbers = [str(i * 7) for i in range(MAX_DISTINCT + 1)]
    assert not column_of(*numbers).nullable
    assert column_of(*numbers, "NA").nullable


def test_bounds_are_the_smallest_and_largest_values():
    assert (column_of("3", "-7").minimum, column_of("3", "-7").maximum) == (-7, 3)
    dates = column_of("02/01/2020", "31/12/2019")
    assert (dates.format, dates.minimum, dates.maximum) == ("%d/%m/%Y", "2019-12-31", "2020-01-02")


@pytest.mark.parametrize("num_rows", [0, 1])
def test_table_that_is_too_small_is_refused(num_rows: int):
    with pytest.raises(DataError, match=f"{num_rows} row"):
        schema_of(text_column("1").slice(0, num_rows))


def test_empty_column_stays_a_category_without_values_whatever_is_declared():
    assert declared(None, None, kind="integer") == ColumnSchema(
        name="x",
        kind=Kind.CATEGORY,
        arrow_type="string",
        nullable=True,
        values=(),
        source="declared",
        reason="it has no values",
    )


@pytest.mark.parametrize(
    ("cells", "parameters", "expected"),
    [
        (("1", "2"), {"kind": "float"}, {"kind": "float", "arrow_type": "double", "decimals": 0}),
        (("1", "2"), {"kind": "category"}, {"arrow_type": "string", "values": ("1", "2")}),
        (("1", "2"), {"kind": "text"}, {"arrow_type": "string", "minimum": None, "max_length": 1}),
        (
            ("ab", "cd"),
            {"kind": "identifier"},
            {"kind": "identifier", "pattern": ("abcd", "abcd")},
        ),
        (("01/02/2020",), {"format": "%d/%m/%Y"}, {"kind": "date", "minimum": "2020-02-01"}),
        (("1", "2"), {"minimum": 0, "maximum": 9.0}, {"minimum": 0, "maximum": 9, "values": None}),
        (("1", "2"), {"minimum": -5}, {"minimum": -5, "maximum": 2}),
        (("1", "2"), {"values": [3, 1, 2]}, {"values": (1, 2, 3), "minimum": 1, "maximum": 3}),
        (("2020-01-31",), {"maximum": "2021-01-01"}, {"maximum": "2021-01-01"}),
        (
            ("2020-01-31 10:00",),
            {"minimum": "2020-01-01"},
            {"minimum": "2020-01-01T00:00:00.000000", "maximum": "2020-01-31T10:00:00.000000"},
        ),
        (("2020-01-31T10:00:00Z",), {"minimum": "2020-01-01"}, {"minimum": "2020-01-01T00:00:00.000000Z"}),
        (("a", "b"), {"kind": "category", "values": ["b", "c", "a"]}, {"values": ("a", "b", "c"), "kind": "category"}),
        (("1.25", "2.5"), {"decimals": 4}, {"decimals": 4, "kind": "float"}),
        (("1", "2"), {"nullable": True}, {"nullable": True}),
    ],
)
def test_declaration_wins(cells: tuple[str, ...], parameters: dict[str, object], expected: dict[str, object]):
    column = declared(*cells * 2, **parameters)
    assert {name: getattr(column, name) for name in expected} == expected
    assert column.source == "declared"
    schema = schema_of(text_column(*cells * 2), x=ColumnParameters.model_validate(parameters))
    schema.check(type_table(text_column(*cells * 2), schema))


@pytest.mark.parametrize(
    ("cells", "parameters", "message"),
    [
        (("1", "x"), {"kind": "integer"}, "declared integer, and not all of its values are"),
        (("2020-01-31",), {"format": "%d/%m/%Y"}, "not all of its values are of the format"),
        (("2020 of 01",), {"format": "%Y of %m"}, "'%Y of %m' is not supported"),
        (("1", None), {"nullable": False}, "has missing values"),
        (("1", "NA"), {"nullable": False}, "has missing values"),
        ((None, None), {"nullable": False}, "has missing values"),
        (("a", "b"), {"minimum": 1}, "only numbers and dates have bounds"),
        (("a b", "c d"), {"values": ["a b"]}, "only numbers, dates and categories have values"),
        (("1", "2"), {"values": []}, "at least one"),
        (("1", "2"), {"minimum": "x"}, "which is no integer"),
        (("1", "2"), {"minimum": 0.5}, "which is no integer"),
        (("2020-01-31",), {"minimum": "soon"}, "which is no date"),
        (("1", "2"), {"minimum": 3}, "minimum is above its maximum"),
    ],
)
def test_declaration_that_the_data_contradict_is_refused(
    cells: tuple[str | None, ...], parameters: dict[str, object], message: str
):
    with pytest.raises(DataError, match=message) as caught:
        declared(*cells * 2, **parameters)
    assert caught.value.column == "x"


@pytest.mark.parametrize("parameters", [{"minimum": 4712}, {"maximum": 4710}, {"values": [4710, 4712]}])
def test_values_outside_the_declared_range_are_counted_not_shown(parameters: dict[str, object]):
    table = text_column("4711", "4711", "4710", "4712")
    schema = schema_of(table, x=ColumnParameters.model_validate(parameters))
    with pytest.raises(DataError, match=r"has \d values that the schema does not allow") as caught:
        schema.check(type_table(table, schema))
    assert "4711" not in str(caught.value)


def test_declared_column_that_is_not_there_is_named():
    with pytest.raises(DataError, match="'y', which the table does not have"):
        schema_of(text_column("1", "2"), y=ColumnParameters(kind=Kind.INTEGER))


def test_too_many_values_for_a_declared_category_are_refused():
    with pytest.raises(DataError, match="over 4096 distinct values"):
        declared(*map(str, range(MAX_DISTINCT + 1)), kind="category")


@pytest.mark.parametrize("kind", ["text", "identifier"])
def test_stored_numbers_cannot_be_declared_text(kind: str):
    table = pa.table({"x": [1.5, 2.5]})
    with pytest.raises(DataError, match="stored as double"):
        schema_of(table, is_text=False, x=ColumnParameters(kind=Kind(kind)))


def test_stored_integers_can_be_declared_a_category_or_an_identifier():
    table = pa.table({"x": pa.array([10, 9, 10], pa.int16())})
    category = schema_of(table, is_text=False, x=ColumnParameters(kind=Kind.CATEGORY))["x"]
    identifier = schema_of(table, is_text=False, x=ColumnParameters(kind=Kind.IDENTIFIER))["x"]
    assert (category.arrow_type, category.values) == ("int16", (9, 10))
    assert (identifier.arrow_type, identifier.minimum, identifier.maximum) == ("int16", 9, 10)


def test_cells_that_do_not_fit_the_schema_are_refused_without_being_shown():
    schema = schema_of(text_column("1", "2"))
    with pytest.raises(DataError, match="column 'x' has values that cannot be read as integer") as caught:
        type_table(text_column("1", "SECRET-4711"), schema)
    assert "SECRET" not in str(caught.value)
    dates = schema_of(text_column("2020-01-31", "2020-01-30"))
    with pytest.raises(DataError, match="cannot be read as date"):
        type_table(text_column("SECRET-4711", None), dates)


def test_identifier_numbers_may_be_padded_or_missing():
    schema = schema_of(text_column(*(f" {i}" for i in range(30)), "NA"))
    assert schema["x"].kind is Kind.IDENTIFIER
    typed = type_table(text_column(" 7", "NA"), schema)
    assert typed.to_pydict() == {"x": [7, None]}


def test_wide_range_of_floats_is_kept():
    schema = schema_of(text_column("1e-308", "-1.7e308", "2.5"))
    assert (schema["x"].minimum, schema["x"].maximum, schema["x"].decimals) == (-1.7e308, 2.5, None)
    assert np.isfinite(schema["x"].minimum)  # type: ignore[arg-type]


def test_a_column_named_like_an_identifier_is_never_a_list_of_real_ones():
    rows = range(2400)
    table = pa.table(
        {
            "patient_id": [f"P-{i % 200:05d}" for i in rows],
            "clinic_id": [str(i % 60) for i in rows],
            "kind_id": ["1", "2"] * 1200,
        }
    )
    schema = schema_of(table)
    assert (schema["patient_id"].kind, schema["patient_id"].values) == (Kind.IDENTIFIER, None)
    assert (schema["clinic_id"].kind, schema["clinic_id"].values) == (Kind.IDENTIFIER, None)
    assert schema["kind_id"].values == (1, 2)  # two values are a code, not people


def find_nested(cells: list[str], **parameters: object) -> tuple[str, ...]:
    """Columns of JSON in a table of one column, and what is declared of it."""
    declared = {"home": ColumnParameters.model_validate(parameters)} if parameters else {}
    facts = table_facts(pa.table({"home": cells}))
    return nested_columns(infer_schema(facts, declared, is_text=True), facts, declared)


@pytest.mark.parametrize(
    "cell", ['{{"city": "c{0}", "rooms": {0}}}', '["tag{0}", "b"]', ' [{{"a": {0}}}] ', '{{"a":\n{0}}}']
)
def test_json_in_cells_is_found_unless_it_is_declared_or_repeats(cell: str):
    many = [cell.format(row) for row in range(90)]
    assert find_nested([*many, ""]) == ("home",)
    assert find_nested(many, kind="text") == ()
    assert find_nested([cell.format(row % 3) for row in range(90)]) == ()
    assert find_nested([*many, "not JSON"]) == ()


@pytest.mark.parametrize("cell", ["[{0}, 289, 334]", "{{note {0}}}", "[see {0}]", "text {0} b"])
def test_texts_in_brackets_are_no_json(cell: str):
    assert find_nested([cell.format(row) for row in range(90)]) == ()


def test_a_grouping_column_of_numbers_and_words_holds_names():
    table = pa.table({"who": [*map(str, range(100, 190)), "guest-1", "n.d."] * 3})
    facts = table_facts(table)
    assert infer_schema(facts, {}, is_text=True).names == ("who", "who (code)")
    schema = infer_schema(facts, {}, is_text=True, group="who")
    assert (schema.names, schema["who"].arrow_type) == (("who",), "string")
    assert type_table(table, schema).column("who").null_count == 0


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_dates_in_stored_strings_are_read_unless_declared_otherwise(type_: pa.DataType):
    table = pa.table({"x": pa.array(["31/01/2024", None, "02/03/2024"], pa.string()).cast(type_)})
    facts = table_facts(table)
    read = infer_schema(facts, {}, is_text=False)
    assert type_table(table, read)["x"].to_pylist() == [dt.date(2024, 1, 31), None, dt.date(2024, 3, 2)]

    kept = infer_schema(facts, {"x": ColumnParameters(kind="category")}, is_text=False)
    assert kept["x"].values == ("02/03/2024", "31/01/2024")


def test_stored_strings_of_an_ambiguous_format_follow_the_declared_one():
    table = pa.table({"x": ["01/02/2024", "03/02/2024"]})
    schema = infer_schema(table_facts(table), {"x": ColumnParameters(format="%d/%m/%Y")}, is_text=False)
    assert type_table(table, schema)["x"].to_pylist() == [dt.date(2024, 2, 1), dt.date(2024, 2, 3)]
