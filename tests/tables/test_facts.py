"""Facts add up: how the rows are cut into blocks must not be seen in them."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.errors import DataError
from ss_ray.tables.facts import MAX_DISTINCT, SKETCH_SIZE, column_facts, merge_tables, table_facts
from ss_ray.tables.infer import infer_schema
from ss_ray.tables.spellings.readings import best_spelling
from tests.examples import examples
from tests.tables.rows import text_column

SPELLINGS = (
    *("", "NA", " 7", "007", "-0", "0", "12", "9223372036854775807", "12345678901234567890", "1e5", "1e999", ".", "-"),
    *("1.5", "2.25", "0.1234567891", "123456789012345678", "true", "True", "False", " True", "a b", "é", "x1"),
    *("2020-01-31", "01/02/2020", "1/2/2020", "13/02/2020", "2020-01-31 10:00:00", "2020-01-31T10:00:00Z"),
)
CELLS = st.one_of(st.none(), st.sampled_from(SPELLINGS))


@given(st.data(), st.lists(CELLS, min_size=2, max_size=12))
@examples(120)
def test_any_cut_into_blocks_gives_the_same_facts_and_schema(data: st.DataObject, cells: list[str | None]):
    table = text_column(*cells)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(cells) - 1))))
    blocks = [table.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, len(cells)], strict=True)]
    whole, merged = table_facts(table), merge_tables([table_facts(block) for block in blocks])
    assert merged == whole
    assert infer_schema(merged, {}, is_text=True) == infer_schema(whole, {}, is_text=True)


@given(st.lists(st.one_of(st.none(), st.floats(allow_infinity=False)), min_size=2, max_size=12), st.integers(1, 11))
@examples(80)
def test_any_cut_of_floats_gives_the_same_facts(values: list[float | None], cut: int):
    table = pa.table({"x": pa.array(values, pa.float64())})
    assert merge_tables([table_facts(table.slice(0, cut)), table_facts(table.slice(cut))]) == table_facts(table)


def test_counts_end_where_values_are_many_and_the_sketch_estimates_their_number():
    numbers = pa.table({"x": pa.array(range(3 * MAX_DISTINCT), pa.int64())})
    parts = [table_facts(numbers.slice(start, 1000)) for start in range(0, numbers.num_rows, 1000)]
    facts = merge_tables(parts)["x"]
    assert facts == table_facts(numbers)["x"]
    assert facts.counts is None
    assert len(facts.sketch) == SKETCH_SIZE
    assert facts.distinct == pytest.approx(3 * MAX_DISTINCT, rel=0.1)  # fixed hashes: either always so or never


def test_missing_cells_missing_words_and_not_a_number_are_counted():
    facts = column_facts(pa.chunked_array([["NA", "", None, "1", "1"]]), "x")
    assert (facts.rows, facts.missing, facts.missing_words) == (5, 1, {"NA": 1, "": 1})
    assert column_facts(pa.chunked_array([[1.0, float("nan"), None]]), "x").missing == 2


@pytest.mark.parametrize(
    ("cells", "kind", "formats"),
    [
        (["0", "-5", "9223372036854775807"], "integer", ("0",)),
        (["9223372036854775808", "1"], None, ()),
        (["007", "1"], None, ()),
        ([".5", "1.5", "1e-05"], "float", ("#.*e",)),
        (["1e999"], None, ()),
        (["1.5", "12345678901234567"], None, ()),
        (["01/02/2020"], "date", ("%m/%d/%Y",)),
        (["01/02/2020", "13/02/2020"], "date", ("%d/%m/%Y",)),
        (["2023-02-29"], None, ()),
        (["2020-01-31 10:00:00.123"], "datetime", ("%Y-%m-%d %H:%M:%S.%3f",)),
        (["12:30"], "time", ("%H:%M",)),
        (["30:15", "02:00"], "duration", ("%H:%M",)),
    ],
)
def test_a_spelling_is_found_only_if_every_value_survives_it(
    cells: list[str], kind: str | None, formats: tuple[str, ...]
):
    readings = column_facts(pa.chunked_array([cells]), "x").readings
    assert readings is not None
    found = best_spelling(readings, len(cells))
    assert (found.kind, found.formats) == (kind, formats) if found else kind is None


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([b"x"]),
        pa.array([1.0], pa.float16()),
        pa.array([b"x"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_types_that_cannot_be_synthesized_are_refused_with_their_column(array: pa.Array):
    with pytest.raises(DataError, match=r"'my column' has type .* cannot be synthesized") as caught:
        table_facts(pa.table({"my column": array}))
    assert caught.value.column == "my column"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (pa.array([2**63], pa.uint64()), "beyond 64 signed bits"),
        (pa.array([float("inf"), 1.0]), "infinite"),
        (pa.array([3_000_000], pa.date32()), "outside the years"),
    ],
)
def test_values_that_cannot_be_synthesized_are_refused(array: pa.Array, message: str):
    with pytest.raises(DataError, match=message):
        table_facts(pa.table({"x": array}))


def test_shards_that_disagree_on_a_type_are_refused_and_empty_ones_follow():
    whole, text, empty = (table_facts(pa.table({"x": a})) for a in (pa.array([1]), pa.array(["a"]), pa.nulls(2)))
    with pytest.raises(DataError, match="'x' has type int64 in one file and string in another"):
        merge_tables([whole, text])
    merged = merge_tables([empty, whole])["x"]
    assert (merged.arrow_type, merged.rows, merged.missing) == ("int64", 3, 2)
