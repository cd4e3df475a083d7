from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xgrammar
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ss_ray.codec.json.grammar import EXACT_LENGTH, record_grammar
from ss_ray.codec.json.grammar_ranges import date_range, float_range, literal, number_range
from ss_ray.codec.json.lines import JsonCodec
from ss_ray.errors import ConfigError
from ss_ray.schema import ColumnSchema, Kind, Scalar, TableSchema
from tests.codec import tables as t
from tests.codec.json.test_lines import GROUPS, codec_of, odd_tables, one
from tests.examples import examples

END = 256
NUM_TOKENS = 257
LATE = {"range", "length"}
"""Reasons for which a record may be refused though the grammar accepts it."""


@cache
def compiler() -> xgrammar.GrammarCompiler:
    """Of a tokenizer whose tokens are the 256 bytes and an end."""
    vocabulary = [bytes([byte]) for byte in range(256)] + [b"</s>"]
    info = xgrammar.TokenizerInfo(vocabulary, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[END])
    return xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)


def accepts(grammar: xgrammar.CompiledGrammar, text: str) -> bool:
    matcher = xgrammar.GrammarMatcher(grammar)
    return bool(matcher.accept_string(text)) and matcher.accept_token(END)


def compiled(codec: JsonCodec, **given: Any) -> xgrammar.CompiledGrammar:
    return compiler().compile_grammar(record_grammar(codec, **given))


def rule(expression: str) -> xgrammar.CompiledGrammar:
    return compiler().compile_grammar(f"root ::= {expression}\n")


def walk(grammar: xgrammar.CompiledGrammar, rng: np.random.Generator, limit: int = 4000) -> str | None:
    """A text of random bytes that the grammar allows; the quote is likelier than others. None where it has no end."""
    matcher = xgrammar.GrammarMatcher(grammar)
    bits = xgrammar.allocate_token_bitmask(1, NUM_TOKENS)
    made = bytearray()
    while len(made) < limit:
        matcher.fill_next_token_bitmask(bits)
        allowed = np.flatnonzero(np.unpackbits(bits.numpy().view(np.uint8), bitorder="little")[:NUM_TOKENS])
        likely = np.isin(allowed, [ord('"'), END]) & (rng.random() < 0.3)
        token = int(rng.choice(allowed[likely] if likely.any() else allowed))
        assert matcher.accept_token(token)
        if token == END:
            return made.decode()
        made.append(token)
    return None


@examples(80, suppress_health_check=[HealthCheck.too_slow])
@given(odd_tables())
def test_rendered_rows_are_accepted(drawn: tuple[TableSchema, pa.Table]) -> None:
    schema, table = drawn
    codec = codec_of(schema)
    grammar, lines = compiled(codec), codec.render(table)
    for start in range(0, len(lines), 3):
        assert accepts(grammar, "".join(lines[start : start + 3]))
    assert not accepts(grammar, "")
    assert not accepts(grammar, lines[0] * 4)
    assert not accepts(grammar, lines[0][:-1])


@pytest.mark.slow
@examples(300, suppress_health_check=[HealthCheck.too_slow])
@given(odd_tables(), st.integers(0, 2**32))
def test_whatever_is_accepted_parses_and_is_of_the_schema(drawn: tuple[TableSchema, pa.Table], seed: int) -> None:
    schema, _ = drawn
    codec, rng = codec_of(schema), np.random.default_rng(seed)
    grammar = compiled(codec)
    texts = [text for _ in range(5) if (text := walk(grammar, rng)) is not None]
    assert texts
    parsed = codec.parse_many(texts)
    assert {reason for _, reason in parsed.rejected} <= LATE
    assert {name for name, _ in parsed.rejected} <= {c.name for c in schema.columns if _is_checked_late(c)}
    schema.check(codec.table_of(parsed, first_row=0, first_group=0, seed=0))


def _is_checked_late(column: ColumnSchema) -> bool:
    """Whether the grammar is wider than the schema: floats of full precision, more digits than a float has."""
    return column.values is None and column.kind is Kind.FLOAT


@pytest.mark.slow
@examples(100, suppress_health_check=[HealthCheck.too_slow])
@given(t.tables(), st.integers(0, 2**32))
def test_groups_are_accepted_and_walked(drawn: tuple[TableSchema, pa.Table], seed: int) -> None:
    schema, table = drawn
    constants = schema.names[: seed % (len(schema.names) + 1)]
    for name in constants:
        index = schema.names.index(name)
        table = table.set_column(index, name, table.column(name).take(pa.array([0] * table.num_rows)))
    codec = codec_of(schema, constants=constants)
    assert accepts(compiled(codec), codec.render_groups(table)[0])
    text = walk(compiled(codec, records=3), np.random.default_rng(seed))
    assert text is not None
    parsed = codec.parse(text)
    assert parsed.num_records == 3
    assert {reason for _, reason in parsed.rejected} <= LATE | {"group"}


@examples(200)
@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6), st.integers(0, 4), st.data())
def test_a_range_of_numbers_is_exact(low: int, width: int, decimals: int, data: st.DataObject) -> None:
    high = low + width
    grammar = rule(number_range(low, high, decimals))
    near = [end + step for end in (low, high, 0) for step in (-10, -1, 0, 1, 10)]
    numbers = [*near, *data.draw(st.lists(st.integers(2 * low - 5, 2 * high + 5) if high > low >= 0 else st.integers(
        low - 10**6, high + 10**6), max_size=20))]  # fmt: skip
    for number in numbers:
        assert accepts(grammar, format(Decimal(number).scaleb(-decimals), f".{decimals}f")) == (low <= number <= high)


@pytest.mark.parametrize(
    ("low", "high"), [(-(2**63), 2**63 - 1), (0, 2**64 - 1), (10**18 - 1, 10**18 + 1), (-(10**40), 10**40 + 7), (0, 0)]
)
def test_the_largest_numbers_have_exact_ranges(low: int, high: int) -> None:
    grammar = rule(number_range(low, high))
    for end in (low, high, (low + high) // 2):
        assert [accepts(grammar, str(end + step)) for step in (-1, 0, 1)] == [
            low <= end + step <= high for step in (-1, 0, 1)
        ]
    assert not any(accepts(grammar, text) for text in ("-0", "00", "", "+1", "1.0"))


@examples(100)
@given(st.dates(), st.integers(0, 2000), st.booleans())
def test_a_range_of_dates_is_exact(low: date, days: int, is_long: bool) -> None:
    span = timedelta(days=days * (365 if is_long else 1))
    high = low + span if span <= date.max - low else date.max
    grammar = rule(date_range(low, high))
    day = timedelta(days=1)
    for end in (low, high, low + (high - low) / 2):
        for near in (end - day if end > date.min else end, end, end + day if end < date.max else end):
            assert accepts(grammar, near.isoformat()) == (low <= near <= high)
    wrong = ["2023-02-29", "1900-02-29", "2023-04-31", "2023-13-01", "2023-00-10", "2023-01-00", "2023-1-1"]
    assert not any(accepts(grammar, text) for text in wrong)


def test_every_day_of_four_centuries_is_a_date_once() -> None:
    grammar = rule(date_range(date(1700, 5, 17), date(2104, 3, 1)))
    for year in (1700, 1701, 1704, 1800, 1899, 1900, 1904, 2000, 2096, 2100, 2104):
        for month in range(1, 13):
            for day in range(1, 32):
                text = f"{year}-{month:02d}-{day:02d}"
                assert accepts(grammar, text) == _is_between(text, "1700-05-17", "2104-03-01")


def _is_between(text: str, low: str, high: str) -> bool:
    try:
        return low <= date.fromisoformat(text).isoformat() <= high
    except ValueError:
        return False


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_moments_are_exact_to_the_last_tick(unit: str, zone: str | None) -> None:
    type_ = pa.timestamp(unit, zone)
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for low, high in [(86_399, 86_403), (5, 3 * 86_400 + 7), (951_782_399, 951_868_800)]:
        column = t.column_of("x", Kind.DATETIME, pa.array([low * ticks + 1, high * ticks], pa.int64()).cast(type_))
        codec = codec_of(TableSchema(columns=(column,)))
        grammar = compiled(codec)
        for tick in (low * ticks, low * ticks + 1, low * ticks + 2, high * ticks - 1, high * ticks, high * ticks + 1):
            table = pa.table({"x": pa.array([tick], pa.int64()).cast(type_)})
            assert accepts(grammar, codec.render(table)[0]) == (low * ticks < tick <= high * ticks)


@examples(100)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False), st.data())
def test_floats_between_the_bounds_are_accepted_however_large_or_small(a: float, b: float, data: st.DataObject) -> None:
    low, high = sorted((a + 0.0, b + 0.0))
    grammar = rule(float_range(low, high))
    for value in [low, high, *data.draw(st.lists(st.floats(low, high), max_size=10))]:
        assert accepts(grammar, pa.array([value + 0.0]).cast(pa.string())[0].as_py())


def test_floats_beyond_the_whole_numbers_of_the_bounds_are_not_accepted() -> None:
    grammar = rule(float_range(-1.5, 20.25))
    assert [accepts(grammar, text) for text in ("-2.1", "21.5", "100", "1e+9", "-0.5", "20.99")] == [False] * 4 + [
        True
    ] * 2


@given(st.text())
@examples(100)
def test_literals_are_exactly_their_text(text: str) -> None:
    grammar = rule(f'{literal(text)} "."')
    assert accepts(grammar, text + ".")
    assert not accepts(grammar, text + "..")


@pytest.mark.parametrize("max_length", [0, 1, 5, EXACT_LENGTH])
def test_short_texts_are_no_longer_than_they_may_be(max_length: int) -> None:
    grammar = compiled(one(Kind.TEXT, "string", max_length=max_length))
    for character in ("a", "ü", "🙂", '"', "\n", "\x1f"):
        for length in (max_length, max_length + 1):
            text = json.dumps(character * length, ensure_ascii=False)
            assert accepts(grammar, f'{{"x":{text}}}\n') == (length <= max_length)


@pytest.mark.parametrize("cell", ['"\n"', '"\\x"', '"\\ud800"', '"\\u0020"', '"a', "a", '"\x00"'])
def test_texts_that_json_would_not_write_are_not_accepted(cell: str) -> None:
    assert not accepts(compiled(one(Kind.TEXT, "string")), f'{{"x":{cell}}}\n')


def test_many_values_are_exactly_these() -> None:
    values = tuple(sorted({f"{number**3:x}" for number in range(3000)} | {"", '"', "a\n"}))
    codec = one(Kind.CATEGORY, "string", values=values)
    grammar = compiled(codec)
    for value in values[::7]:
        assert accepts(grammar, f'{{"x":{json.dumps(value)}}}\n')
        assert accepts(grammar, f'{{"x":{json.dumps(value + "0")}}}\n') == (value + "0" in values)
        assert accepts(grammar, f'{{"x":{json.dumps(value[:-1])}}}\n') == (value[:-1] in values)


def test_the_number_of_records_can_be_fixed() -> None:
    codec = one(Kind.BOOLEAN, "bool", values=(False, True))
    line = '{"x":true}\n'
    assert [accepts(compiled(codec, records=2), line * n) for n in range(4)] == [False, False, True, False]
    assert [accepts(compiled(codec), line * n) for n in range(5)] == [False, True, True, True, False]
    grammar = compiled(GROUPS, records=2)
    assert accepts(grammar, '{"sex":"f"}\n{"day":1}\n{"day":null}\n')
    assert not accepts(grammar, '{"sex":"f"}\n{"day":1}\n')
    assert not accepts(grammar, '{"day":1}\n{"day":1}\n')


@pytest.mark.parametrize(
    ("given", "accepted", "refused"),
    [
        ({"sex": "f"}, '{"sex":"f"}\n{"day":1}\n', '{"sex":"m"}\n{"day":1}\n'),
        ({"day": 7}, '{"sex":"f"}\n{"day":7}\n', '{"sex":"f"}\n{"day":1}\n'),
        ({"day": None, "sex": "m"}, '{"sex":"m"}\n{"day":null}\n', '{"sex":"m"}\n{"day":1}\n'),
    ],
)
def test_given_values_are_the_only_ones(given: Mapping[str, Scalar | None], accepted: str, refused: str) -> None:
    grammar = compiled(GROUPS, given=given)
    assert accepts(grammar, accepted)
    assert not accepts(grammar, refused)


@pytest.mark.parametrize(("name", "value"), [("day", 10), ("day", "1"), ("sex", None), ("who", 4), ("nobody", 1)])
def test_values_that_cannot_be_given_are_refused_by_name(name: str, value: Scalar | None) -> None:
    with pytest.raises(ConfigError, match=name):
        record_grammar(GROUPS, given={name: value})


def test_the_presence_of_an_identifier_can_be_given() -> None:
    column = replace(GROUPS.schema["who"], nullable=True)
    codec = codec_of(TableSchema(columns=(column,)))
    assert accepts(compiled(codec, given={"who": True}), '{"who":true}\n')
    assert not accepts(compiled(codec, given={"who": None}), '{"who":true}\n')


def test_bounds_of_short_floats_are_those_that_are_spelled() -> None:
    column = ColumnSchema(
        name="a", kind=Kind.FLOAT, arrow_type="float", minimum=0.0, maximum=float(np.float32(1e18)), nullable=False
    )
    codec = codec_of(TableSchema(columns=(column,)))
    (line,) = codec.render(pa.table({"a": pa.array([1e18], pa.float32())}))
    assert accepts(compiled(codec), line)
    assert not codec.parse(line).rejected
