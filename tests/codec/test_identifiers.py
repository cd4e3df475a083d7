import re

import pyarrow as pa
import pytest

from ss_ray.codec.identifiers import fresh_values
from ss_ray.errors import DataError
from ss_ray.pii.entities import UNKNOWN
from ss_ray.pii.stand_ins.inventions import INVENTED_TYPES
from ss_ray.pii.stand_ins.pseudonyms import FRESH_TYPES
from ss_ray.schema import ColumnSchema, Kind

DIGITS, UPPER = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SSN = tuple(DIGITS if character == "#" else character for character in "###-##-####")
PHONE = tuple(DIGITS if character == "#" else character for character in "(###) ###-####")
CARD = tuple(DIGITS if character == "#" else character for character in "4### #### #### ####")


def identifier(name: str = "id", type_: pa.DataType | None = None, **fields: object) -> ColumnSchema:
    return ColumnSchema(name=name, kind=Kind.IDENTIFIER, arrow_type=str(type_ or pa.string()), **fields)


def values(column: ColumnSchema, num_rows: int, *, first_row: int = 0, seed: int = 5) -> list[object]:
    array = fresh_values(column, first_row, num_rows, seed)
    assert str(array.type) == column.arrow_type
    return array.to_pylist()


COLUMNS = {
    "pattern": identifier(pattern=("P", "-", *[DIGITS] * 6)),
    "long pattern": identifier(pattern=("0123456789abcdef",) * 36),
    "wide pattern": identifier(pattern=("".join(map(chr, range(0x4E00, 0x9000))),) * 64),
    "number": identifier(type_=pa.int64(), maximum=1000),
    "last numbers of int64": identifier(type_=pa.int64(), maximum=2**63 - 10),
    "last numbers of int16": identifier(type_=pa.int16(), maximum=32_000),
    "strings of many lengths": identifier(),
    "email": identifier(entity_type="EMAIL_ADDRESS"),
    "national id": identifier(entity_type="NATIONAL_ID", pattern=(UPPER, *[DIGITS] * 8)),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_ten_thousand_identifiers_do_not_repeat(column: ColumnSchema) -> None:
    found = values(column, 10_000)
    repeats = len(found) - len(set(found))
    # 8 random digits and a letter, or an address with a number: a birthday or two among 50 million pairs
    assert repeats <= (5 if column.entity_type else 0)


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_an_identifier_depends_on_its_row_and_not_on_the_batch(column: ColumnSchema) -> None:
    whole = values(column, 60)
    assert values(column, 25) + values(column, 35, first_row=25) == whole


@pytest.mark.parametrize("entity_type", [None, "PERSON", "EMAIL_ADDRESS", "US_SSN", "STREET_ADDRESS"])
def test_seeds_and_columns_have_identifiers_of_their_own(entity_type: str | None) -> None:
    pattern = None if entity_type else (DIGITS,) * 6
    column = identifier("a", entity_type=entity_type, pattern=pattern)
    other = identifier("b", entity_type=entity_type, pattern=pattern)
    assert values(column, 20) == values(column, 20)
    assert values(column, 20) != values(column, 20, seed=6)
    assert values(column, 20) != values(other, 20)


@pytest.mark.parametrize(
    ("type_", "maximum", "expected"),
    [
        (pa.int8(), 125, [126, 127, 125, 124]),
        (pa.uint8(), 253, [254, 255, 253, 252]),
        (pa.int32(), 2**31 - 3, [2**31 - 2, 2**31 - 1, 2**31 - 3, 2**31 - 4]),
        (pa.int64(), None, [1, 2, 3, 4]),
    ],
    ids=str,
)
def test_numbers_follow_the_largest_real_one_and_go_on_below_where_the_type_ends(
    type_: pa.DataType, maximum: int | None, expected: list[int]
) -> None:
    assert values(identifier(type_=type_, maximum=maximum), 4) == expected


def test_every_number_of_a_small_type_comes_before_any_repeats() -> None:
    found = values(identifier(type_=pa.int8(), maximum=-3), 300)
    assert sorted(found[:256]) == list(range(-128, 128))
    assert found[256:] == found[:44]


@pytest.mark.parametrize("pattern", [("AB", DIGITS), ("x",), ("ab", "ab", "ab"), (DIGITS[:3],) * 3], ids=str)
def test_a_pattern_is_walked_through_before_it_repeats(pattern: tuple[str, ...]) -> None:
    size = 1
    for alphabet in pattern:
        size *= len(alphabet)
    column = identifier(pattern=pattern)
    for seed in range(20):
        found = values(column, size, seed=seed)
        assert len(set(found)) == size
        assert all(re.fullmatch("".join(f"[{re.escape(a)}]" for a in pattern), str(value)) for value in found)


@pytest.mark.parametrize(
    ("entity_type", "pattern", "shape"),
    [
        ("US_SSN", SSN, r"9\d\d-\d\d-\d{4}"),
        ("PHONE_NUMBER", PHONE, r"\(\d{3}\) \d{3}-\d{4}"),
        ("CREDIT_CARD", CARD, r"4\d{3} \d{4} \d{4} \d{4}"),
        ("NATIONAL_ID", (UPPER, UPPER, " ", *[DIGITS] * 6), r"[A-Z]{2} \d{6}"),
    ],
)
def test_stand_ins_keep_the_format_of_their_pattern(entity_type: str, pattern: tuple[str, ...], shape: str) -> None:
    found = values(identifier(entity_type=entity_type, pattern=pattern), 200)
    assert all(re.fullmatch(shape, str(value)) for value in found)


@pytest.mark.parametrize("entity_type", sorted(FRESH_TYPES | INVENTED_TYPES | {UNKNOWN, "NATIONAL_ID", "TAX_ID"}))
@pytest.mark.parametrize(
    "type_", [pa.string(), pa.dictionary(pa.int32(), pa.string()), pa.int32(), pa.float64()], ids=str
)
def test_every_entity_type_fills_a_column_of_any_storage(entity_type: str, type_: pa.DataType) -> None:
    found = values(identifier(type_=type_, entity_type=entity_type), 20)
    assert None not in found
    assert entity_type == UNKNOWN or len(set(found)) > 1 or not pa.types.is_dictionary(type_)


def test_a_column_of_dates_cannot_hold_identifiers() -> None:
    with pytest.raises(DataError, match="cannot hold fresh identifiers"):
        values(identifier(type_=pa.date32(), entity_type="PERSON"), 2)
