from dataclasses import replace

import pyarrow as pa
import pytest

from ss_ray.codec.prose import MAX_WORDS, cut_words, fit_prose_codec, prose_from_json
from ss_ray.schema import Kind, TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

NOTE = ["seen at home with her son", "no pain today and walks well", None, "asked for a second opinion, again"]


def typed(columns: dict[str, list[object]]) -> tuple[pa.Table, TableSchema]:
    table = pa.table(columns)
    schema = infer_schema(table_facts(table), {}, is_text=True)
    return type_table(table, schema), schema


def visits() -> tuple[pa.Table, TableSchema]:
    notes = [note and f"{note} {i}" for i in range(30) for note in NOTE]
    notes[5] = " ".join(["word"] * 300)
    return typed(
        {
            "ward": ["north", "south", "east", "west"] * 30,
            "grade": ["1", "2", "1"] * 40,
            "age": [str(20 + i % 50) for i in range(120)],
            "fee": [f"{i % 7}.25" for i in range(120)],
            "note": notes,
            "title": [f"Visit {i}" for i in range(120)],
            "code": [f"if (a[{i}] > {i * 7}) {{ x{i} = {i}; y = {i}; }}" for i in range(120)],
        }
    )


def test_prose_is_learned_as_its_number_of_words_and_all_else_stays():
    table, schema = visits()
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    # Neither titles of two words nor code are prose.
    assert codec.texts == ("note",)
    assert codec.shown == ("ward", "grade", "age", "fee", "title", "code")

    outline = codec.outline(table)
    codec.outline_schema.check(outline.cast(codec.outline_schema.to_arrow()))
    counts = outline.column("note").to_pylist()
    assert counts[:4] == [7, 7, None, 7]
    # The longest text is one person's: its length is not told.
    assert max(filter(None, counts)) == 7
    assert outline.drop(["note"]).equals(table.drop(["note"]))


def test_a_language_model_reads_the_values_of_the_row_and_its_short_texts():
    table, schema = visits()
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    codec = replace(codec, shown=codec.shown[:5])
    first, second = codec.openings(table)[:2]
    assert first == "north; grade 1; age 20; fee 0.25; title Visit 0\n"
    assert second == "south; grade 2; age 21; fee 1.25; title Visit 1\n"
    # Nothing that the compact model writes under differential privacy has words to follow.
    private = fit_prose_codec(schema, table, reserved=frozenset(), is_private=True)
    assert private is not None
    assert private.shown == ("ward", "grade", "age", "fee")
    assert codec.openings(codec.outline(table)) == codec.openings(table)
    assert codec.heading("note", 7) == "note (7 words):"
    assert prose_from_json(codec.to_json()) == codec


def test_a_model_may_allow_more_than_the_rows_it_learned_from():
    table, schema = visits()
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    wider = codec.outline_schema.with_column(replace(schema["age"], maximum=99))
    trained = codec.with_outline(wider)
    assert trained.schema["age"].maximum == 99
    assert trained.schema["note"] == schema["note"]
    assert trained.outline_schema == wider


def test_a_reserved_column_and_a_table_without_prose_stay_with_the_compact_model():
    table, schema = visits()
    assert fit_prose_codec(schema, table, reserved=frozenset({"note"})) is None
    assert fit_prose_codec(schema, table.slice(0, 0), reserved=frozenset()) is None


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [("a b c", 2, "a b"), ("a\n b", 2, "a\n b"), ("a", 3, "a"), ("", 1, ""), ("  a  b ", 1, "  a")],
)
def test_words_are_cut_behind_the_last_one_and_the_space_between_them_stays(text: str, most: int, kept: str):
    assert cut_words(text, most) == kept


def test_a_codec_of_private_rows_tells_nothing_of_them_but_what_was_measured():
    table, schema = visits()
    codec = fit_prose_codec(schema, table, reserved=frozenset(), is_private=True)
    assert codec is not None
    assert codec.most_words == (MAX_WORDS,)
    assert max(filter(None, codec.outline(table).column("note").to_pylist())) == 300

    columns = tuple(replace(column, nullable=False, source="private") for column in codec.outline_schema.columns)
    measured = codec.measured(TableSchema(columns=columns))
    note = measured.schema["note"]
    assert (note.kind, note.nullable, note.max_length, note.source) == (Kind.TEXT, False, None, "private")
    assert {column.source for column in measured.schema.columns} == {"private"}
    assert measured.outline_schema.names == codec.outline_schema.names


def cut_visits(length: int = 60) -> tuple[pa.Table, TableSchema]:
    """Notes of two kinds: long ones, which the column cuts off, and short ones, which it does not."""
    notes = [" ".join(["seen", f"patient{i}", *["today"] * (i % 9), "and again a week later"] * 2) for i in range(120)]
    notes = [note[:length] if i % 3 else f"a short note of day {i}" for i, note in enumerate(notes)]
    return typed({"ward": ["north", "south", "east"] * 40, "note": notes})


def test_texts_that_a_column_cuts_off_are_told_from_whole_ones():
    table, schema = cut_visits()
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    assert codec.cuts == (60,)
    counts = codec.outline(table).column("note").to_pylist()
    assert counts[:3] == [6, codec.largest("note"), codec.largest("note")]
    codec.outline_schema.check(codec.outline(table).cast(codec.outline_schema.to_arrow()))
    assert (codec.is_cut("note", 6), codec.is_cut("note", counts[1])) == (False, True)
    assert codec.heading("note", counts[1]) == "note (cut off):"
    assert codec.heading("note", 6) == "note (6 words):"
    # The lengths of private texts are not looked at.
    private = fit_prose_codec(schema, table, reserved=frozenset(), is_private=True)
    assert private is not None
    assert private.cuts == (0,)


def test_a_longest_text_is_no_place_where_texts_are_cut_off():
    table, schema = visits()
    codec = fit_prose_codec(schema, table, reserved=frozenset())
    assert codec is not None
    assert codec.cuts == (0,)
    # One long note that many rows repeat.
    repeated = [f"{'word ' * 8}of the day" if i % 3 else f"a short note of day {i}" for i in range(120)]
    again, schema = typed({"note": repeated})
    codec = fit_prose_codec(schema, again, reserved=frozenset())
    assert codec is not None
    assert codec.cuts == (0,)
    # Many texts are long, and nearly as many a little shorter.
    lengths = [f"{'word ' * 8}{'x' * (i % 10)}end{i:02d}" for i in range(100)]
    even, schema = typed({"note": lengths})
    codec = fit_prose_codec(schema, even, reserved=frozenset())
    assert codec is not None
    assert codec.cuts == (0,)
