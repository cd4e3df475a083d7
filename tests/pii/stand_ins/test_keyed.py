import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.pii.stand_ins.keyed import SMALL_DOMAIN, Stream, cycle, permuted
from tests.examples import examples

KEY = b"a key of the tests, 32 bytes long"
CODES = st.from_regex(r"[A-Z]{0,3}[-/ ]?[0-9]{1,9}[a-z]?", fullmatch=True)


def shape(text: str) -> str:
    return re.sub("[A-Z]", "A", re.sub("[a-z]", "a", re.sub("[0-9]", "9", text)))


@examples(200)
@given(CODES)
def test_permuted_string_keeps_its_shape_and_is_another(value):
    drawn = permuted(KEY, "ID", value)
    assert shape(drawn) == shape(value)
    assert drawn != value
    assert (drawn[0] == "0") == (value[0] == "0") or len(value) == 1
    assert drawn == permuted(KEY, "ID", value)


@pytest.mark.parametrize("values", [[f"{i:03d}" for i in range(1000)], [f"A{i}" for i in range(10)]])
def test_small_shapes_are_permuted_without_collision_or_fixed_point(values):
    drawn = [permuted(KEY, "ID", value) for value in values]
    assert len(set(drawn)) == len(values)
    assert not [1 for value, new in zip(values, drawn, strict=True) if value == new]


def test_large_shapes_hardly_ever_collide():
    # A value that maps to itself is mapped again: about one of the 90,000 is, and may then meet another.
    drawn = {permuted(KEY, "ID", str(number)) for number in range(10_000, 100_000)}
    assert len(drawn) >= 89_990


@pytest.mark.parametrize("size", [2, 3, 10, SMALL_DOMAIN])
def test_cycle_is_a_permutation_in_one_cycle(size):
    order, place, steps = cycle(KEY, "ID", size), 0, 0
    assert sorted(order) == list(range(size))
    while steps == 0 or place:
        place, steps = order[place], steps + 1
    assert steps == size


@pytest.mark.parametrize("length", [65, 250, 5_000])
def test_long_values_change_from_end_to_end(length):
    value = "aB3" * (length // 3)
    drawn = permuted(KEY, "ID", value)
    assert shape(drawn) == shape(value)
    # a letter stays by chance in 1 of 26, a digit in 1 of 10; over 30 % would be wrong once in 10 ** 9 at 65 places
    for part in (slice(0, 60), slice(-60, None)):
        assert sum(a == b for a, b in zip(value[part], drawn[part], strict=True)) < 20


@pytest.mark.parametrize("value", ["１２３４５６", "٩٨٧٦٥-٧", "李明1", "ЦЖ16", "Müller-Öß 7"])
def test_digits_and_letters_of_other_scripts_do_not_stay(value):
    drawn = permuted(KEY, "ID", value)
    assert not {c for c in value if not c.isascii()} & set(drawn)
    assert len(drawn) == len(value)


def test_key_domain_and_message_change_what_is_drawn():
    drawn = {permuted(key, domain, "12345678") for key in (KEY, b"x" * 32) for domain in ("A", "B")}
    assert len(drawn) == 4
    assert Stream(KEY, "a", "b").below(2**60) != Stream(KEY, "a", "c").below(2**60)


def test_stream_goes_on_as_long_as_it_is_asked():
    stream = Stream(KEY, "long")
    digits = stream.digits(1000)
    assert len(digits) == 1000
    # 1000 uniform digits: each comes 100 times, +- 6 standard deviations of 9.5 (wrong once in 10 ** 8)
    assert all(43 <= digits.count(str(digit)) <= 157 for digit in range(10))
    assert Stream(KEY, "long").digits(1000) == digits


def test_choices_are_uniform():
    # 20,000 draws of 7 values: each 2857 times, +- 6 standard deviations of 49 (wrong once in 10 ** 8)
    counts = [0] * 7
    for number in range(20_000):
        counts[Stream(KEY, str(number)).below(7)] += 1
    assert all(2560 <= count <= 3155 for count in counts)
