import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.codec.columns import BinnedCodec, Slot
from ss_ray.codec.slots import SlotCodec
from ss_ray.schema import Kind, TableSchema
from tests.codec import tables as t
from tests.examples import examples

Table = tuple[TableSchema, pa.Table]


@examples(100)
@given(t.tables(), st.integers(0, 2**32))
def test_any_tokens_inside_the_ranges_give_a_table_that_the_schema_allows(drawn: Table, seed: int) -> None:
    schema, sample = drawn
    schema.check(sample)
    codec = t.fit(schema, sample)
    tokens = t.random_tokens(codec.slots, 100, np.random.default_rng(seed))
    decoded = t.decode(codec, tokens, seed=seed)
    assert decoded.num_rows == 100
    assert decoded.schema == schema.to_arrow()
    schema.check(decoded)


@examples(50)
@given(t.tables())
def test_encoded_rows_stay_inside_the_ranges_and_missing_values_stay_missing(drawn: Table) -> None:
    schema, sample = drawn
    codec = t.fit(schema, sample)
    tokens = codec.encode(sample)
    assert tokens.dtype == np.int32
    t.assert_in_ranges(tokens, codec.slots)
    decoded = t.decode(codec, tokens)
    schema.check(decoded)
    for name in schema.names:
        assert decoded.column(name).is_null().to_pylist() == sample.column(name).is_null().to_pylist()


@examples(25)
@given(t.tables())
def test_a_codec_survives_json_and_the_same_sample_gives_the_same_codec(drawn: Table) -> None:
    schema, sample = drawn
    codec = t.fit(schema, sample)
    assert SlotCodec.from_json(codec.to_json()) == codec
    assert t.fit(schema, sample).to_json() == codec.to_json()


@examples(25)
@given(t.tables())
def test_token_ranges_of_columns_do_not_overlap(drawn: Table) -> None:
    schema, sample = drawn
    codec = t.fit(schema, sample)
    kinds = {column.name: column.kind for column in schema.columns}
    owner: dict[int, str] = {}
    for slot in codec.slots:
        who = "text" if kinds[slot.column] is Kind.TEXT else slot.column  # texts share their pieces
        assert 2 <= slot.start < slot.stop <= codec.vocabulary_size
        assert {owner.setdefault(token, who) for token in range(slot.start, slot.stop)} == {who}


def test_texts_stand_last_and_columns_come_back_in_table_order() -> None:
    note, size = pa.array(["a b", "c", None]), pa.array([1, 2, 3])
    schema, table = t.table_of(
        [(t.column_of("note", Kind.TEXT, note), note), (t.column_of("size", Kind.INTEGER, size), size)]
    )
    codec = t.fit(schema, table)
    assert [column.column.name for column in codec.columns] == ["size", "note"]
    assert t.decode(codec, codec.encode(table)).equals(table)


def test_a_table_without_slots_decodes_to_as_many_rows_as_there_are_tokens() -> None:
    number, word = pa.array([7, 8, 9]), pa.array(["yes"] * 3)
    schema, table = t.table_of(
        [
            (t.column_of("id", Kind.IDENTIFIER, number, maximum=6), number),
            (t.column_of("word", Kind.CATEGORY, word, values=("yes",)), word),
        ]
    )
    codec = t.fit(schema, table)
    tokens = codec.encode(table)
    assert tokens.shape == (3, 0)
    assert codec.slots == ()
    assert t.decode(codec, tokens).equals(table)


def test_digits_depend_on_the_slot_of_their_bin_wherever_the_column_stands() -> None:
    numbers = pa.array(range(0, 4_000_000, 1001))
    columns = [(t.column_of(name, Kind.INTEGER, numbers), numbers) for name in ("a", "b")]
    codec = t.fit(*t.table_of([columns[0], (columns[1][0], pa.array(list(reversed(numbers.to_pylist()))))]))
    first_of = {slot.column: i for i, slot in reversed(list(enumerate(codec.slots)))}
    digits = [slot for slot in codec.slots if slot.after is not None]
    assert digits
    assert all(slot.after == first_of[slot.column] for slot in digits)
    assert all(isinstance(column, BinnedCodec) for column in codec.columns)


@pytest.mark.parametrize("batches", [[100], [1, 99], [40, 40, 20]])
def test_identifiers_do_not_depend_on_how_rows_are_cut(batches: list[int]) -> None:
    words = pa.array(["A-1", "B-2"])
    schema, table = t.table_of(
        [(t.column_of("id", Kind.IDENTIFIER, words, pattern=("ABC", "-", "0123456789"), nullable=True), words)]
    )
    codec = t.fit(schema, table)
    tokens = t.random_tokens(codec.slots, 100, np.random.default_rng(0))
    whole = t.decode(codec, tokens, seed=3)
    starts = np.cumsum([0, *batches[:-1]]).tolist()
    parts = [
        t.decode(codec, tokens[start : start + size], seed=3, first_row=start)
        for start, size in zip(starts, batches, strict=True)
    ]
    assert pa.concat_tables(parts).equals(whole)


def test_a_slot_says_by_itself_what_is_allowed() -> None:
    codec = t.fit_one(Kind.BOOLEAN, pa.array([True, None]), values=(False, True))
    assert codec.slots == (Slot(column="x", start=2, stop=5),)
