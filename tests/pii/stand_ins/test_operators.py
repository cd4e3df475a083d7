from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.config.pii import Operator
from ss_ray.pii.stand_ins.dates import shift_days, shifted_date
from ss_ray.pii.stand_ins.operators import Replacement, generalise
from ss_ray.pii.stand_ins.pseudonyms import MASK, Pseudonyms
from tests.examples import examples

KEY = b"a key of the tests, 32 bytes long"


def done(operator: str, entity_type: str, value: str) -> str:
    return Replacement(Pseudonyms(KEY), {entity_type: Operator(operator)}).replace(entity_type, value)


@pytest.mark.parametrize(
    ("operator", "entity_type", "value", "expected"),
    [
        ("redact", "EMAIL_ADDRESS", "a@b.de", MASK),
        ("label", "EMAIL_ADDRESS", "a@b.de", "<EMAIL_ADDRESS>"),
        ("mask", "PHONE_NUMBER", "+49 (0) 30-1", "+** (*) **-*"),
        ("keep", "PERSON", "Maria Garcia", "Maria Garcia"),
        ("generalise", "AGE", "37", "30-39"),
        ("generalise", "AGE", "93 years", "90+"),
        ("generalise", "AGE", "old", MASK),
        ("generalise", "DATE_OF_BIRTH", "3/29/1982", "1982"),
        ("generalise", "POSTCODE", "02139-1234", "021**-****"),
        ("generalise", "COORDINATE", "52.5211, 13.4011", "52.5, 13.4"),
        ("generalise", "PERSON", "Maria", MASK),
        ("generalise", "POSTCODE", "101", "1**"),
        ("generalise", "COORDINATE", "40.712776 home of Maria", MASK),
        ("generalise", "LATITUDE", "40°42'46\"N", MASK),
        ("generalise", "LONGITUDE", "-73.98765", "-73.9"),
        ("pseudonym", "AGE", "34 Maria Garcia", MASK),
        ("pseudonym", "AGE", "97", "90"),
        ("pseudonym", "TICKET", "T-1", MASK),  # a type of the configuration has no format to imitate
        ("label", "TICKET", "T-1", "<TICKET>"),
        ("redact", "PERSON", "  ", "  "),
    ],
)
def test_operator(operator, entity_type, value, expected):
    assert done(operator, entity_type, value) == expected


def test_hash_is_keyed_and_the_same_for_spellings_of_one_value():
    assert done("hash", "PHONE_NUMBER", "(212) 555-0147") == done("hash", "PHONE_NUMBER", "212.555.0147")
    other = Replacement(Pseudonyms(b"x" * 32), {"PHONE_NUMBER": Operator.HASH})
    assert other.replace("PHONE_NUMBER", "(212) 555-0147") != done("hash", "PHONE_NUMBER", "(212) 555-0147")


def test_types_without_an_operator_get_their_default():
    replacement = Replacement(Pseudonyms(KEY))
    assert replacement.operator("AGE") is Operator.KEEP
    assert replacement.operator("PASSWORD") is Operator.REDACT
    assert replacement.operator("DATE_OF_BIRTH") is Operator.DATE_SHIFT
    assert replacement.operator("SOMETHING_NEW") is Operator.LABEL


@pytest.mark.parametrize(
    ("written", "days", "expected"),
    [
        ("2021-02-27", 2, "2021-03-01"),
        ("02/27/2021", 2, "03/01/2021"),
        ("2/9/2021", 1, "2/10/2021"),
        ("27.02.2021", -27, "31.01.2021"),
        ("March 3, 2021", 10, "March 13, 2021"),
        ("Mar 03, 2021", -2, "Mar 01, 2021"),
        ("2021-02-27 08:05:00", 1, "2021-02-28 08:05:00"),
        ("tomorrow", 1, None),
        ("12345", 1, None),
        ("1984", 300, "1985"),
        ("1900-01-01", 1, None),  # a placeholder: moved, it would tell by how much
        ("01/01/1970", 1, None),
        ("9999-12-31", 1, None),
        ("0001-01-01", -1, None),
    ],
)
def test_shifted_date_keeps_its_format(written, days, expected):
    assert shifted_date(written, days) == expected


@examples(50)
@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)), st.dates(date(1971, 1, 1), date(2100, 1, 1)), st.text(max_size=5))
def test_dates_of_one_person_keep_their_interval(one, other, person):
    days = shift_days(KEY, person)
    assert 1 <= abs(days) <= 365
    moved = [date.fromisoformat(shifted_date(day.isoformat(), days) or "") for day in (one, other)]
    assert moved[1] - moved[0] == other - one
    assert moved[0] - one == timedelta(days=days)


def test_people_move_by_days_of_their_own():
    assert len({shift_days(KEY, str(person)) for person in range(100)}) > 50
    assert all(1 <= abs(shift_days(KEY, str(person), 3)) <= 3 for person in range(50))


def test_old_ages_are_one_group():
    assert {generalise("AGE", str(age)) for age in range(90, 120)} == {"90+"}


@pytest.mark.parametrize("value", ["555-123-4567 #12", "#5551234567", "100% 555-123-4567"])
def test_odd_phones_do_not_end_the_job(value):
    assert done("pseudonym", "PHONE_NUMBER", value) != value
