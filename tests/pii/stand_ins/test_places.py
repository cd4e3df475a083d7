import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.pii.stand_ins.places import JITTER_DEGREES, Places, kind_of_place, us_states
from tests.examples import examples

PLACES = Places(b"a key of the tests, 32 bytes long", "en_US")


def state_of(postcode: str) -> str:
    prefix = int(postcode[:3])
    return next(state.code for state in us_states() if state.first <= prefix <= state.last)


def test_states_are_permuted_by_code_and_by_name_alike():
    made = {state.code: PLACES.state(state.code) for state in us_states()}
    assert sorted(made.values()) == sorted(made)
    assert not [code for code, new in made.items() if code == new]
    by_code = {state.code: state.name for state in us_states()}
    assert all(PLACES.state(by_code[code]) == by_code[new] for code, new in made.items())
    assert PLACES.state("TEXAS") == PLACES.state("Texas").upper()


@examples(100)
@given(st.from_regex(r"0[1-9][0-9]{3}|[1-9][0-9]{4}", fullmatch=True))
def test_american_postcode_lies_in_the_stand_in_of_its_state(postcode):
    prefix = int(postcode[:3])
    if any(state.first <= prefix <= state.last for state in us_states()):
        assert state_of(PLACES.postcode(postcode)) == PLACES.state(state_of(postcode))
        assert PLACES.postcode(f"{postcode}-1234")[:5] == PLACES.postcode(postcode)


@pytest.mark.parametrize("postcode", ["SW1A 1AA", "5000-047", "1012 AB", "00001"])
def test_other_postcodes_keep_their_shape(postcode):
    made = PLACES.postcode(postcode)
    assert made != postcode
    assert re.sub(r"[A-Z]", "A", re.sub(r"\d", "9", made)) == re.sub(r"[A-Z]", "A", re.sub(r"\d", "9", postcode))


@pytest.mark.parametrize(
    ("address", "pattern"),
    [
        ("1659 Hoog St", r"\d{4} \D+"),
        ("Hauptstraße 12a", r"\D+ \d\d[a-z]"),
        ("P.O. Box 255", r"P\.O\. Box \d{3}"),
        ("12 Elm Road Apt. 5", r"\d\d \D+ Apt\. \d"),
        ("Main Street", r"\D+"),
    ],
)
def test_street_address_keeps_its_build(address, pattern):
    made = PLACES.street_address(address)
    assert re.fullmatch(pattern, made)
    assert not {"Hoog", "Hauptstraße", "Elm", "Main"} & set(made.split())


def test_address_agrees_with_its_parts():
    made = PLACES.address("12 Elm Road, Apt 5, Boston, MA 02139, Germany")
    street, unit, city, rest, country = made.split(", ")
    assert street == PLACES.street_address("12 Elm Road")
    assert re.fullmatch(r"Apt \d", unit)
    assert city == PLACES.city("Boston")
    assert rest == f"{PLACES.state('MA')} {PLACES.postcode('02139')}"
    assert country == "Germany"
    german = PLACES.address("Hauptstr. 5, 10115 Berlin")
    assert german.endswith(f", {PLACES.postcode('10115')} {PLACES.city('Berlin')}")


@examples(100)
@given(st.decimals(-90, 90, places=4))
def test_coordinates_move_a_little_and_keep_their_decimals(degrees):
    moved = Decimal(PLACES.latitude(str(degrees)))
    assert moved != degrees
    assert abs(moved - degrees) <= 2 * JITTER_DEGREES  # twice where it is mirrored at a pole
    assert -90 <= moved <= 90
    assert moved.as_tuple().exponent == -4


def test_pair_of_coordinates_stays_a_pair():
    assert re.fullmatch(r"52\.\d{4}, 13\.\d{4}", PLACES.coordinate("52.5211, 13.5011"))


@pytest.mark.parametrize(
    ("place", "kind"),
    [("Germany", "COUNTRY"), ("the USA".split()[1], "COUNTRY"), ("TX", "STATE"), ("Texas", "STATE"), ("Bonn", "CITY"),
     ("in", "CITY"), ("or", "CITY")],
)  # fmt: skip
def test_kind_of_a_place(place, kind):
    assert kind_of_place(place) == kind
