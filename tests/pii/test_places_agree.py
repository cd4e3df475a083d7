"""The stand-ins of the place of a row are one real place of the right country."""

from decimal import Decimal

import pyarrow as pa
import pytest

from ss_ray.config.pii import PiiParameters
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import make_pii_plan
from ss_ray.pii.stand_ins.gazetteer import countries
from ss_ray.pii.stand_ins.lexicon import fold_name
from ss_ray.pii.stand_ins.north_america import state_of_zip, states_by_area_code
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

KEY = b"a key of the tests, 32 bytes long"
TYPES = {
    "country": "COUNTRY",
    "city": "CITY",
    "state": "STATE",
    "state_name": "STATE",
    "zip": "POSTCODE",
    "phone": "PHONE_NUMBER",
    "lat": "LATITUDE",
    "lon": "LONGITUDE",
    "note": "FREE_TEXT",
    "billing_city": "CITY",
    "billing_state": "STATE",
    "shipping_city": "CITY",
    "shipping_state": "STATE",
}
AMERICAN = {
    "city": ["Dayton", "Boise", "Toledo", "El Paso"],
    "state": ["OH", "ID", "OH", "TX"],
    "zip": ["45402", "83702", "43604", "79901"],
    "phone": ["937-222-0100", "208.344.0100", "(419) 245-0100", "+1 915 541 0100"],
}


def replace(columns: dict[str, list], **asked) -> dict[str, list]:
    """Columns after the replacement, by name."""
    table = pa.table(columns)
    typings = {
        name: ColumnTyping(entity_type=TYPES[name], suspected=TYPES[name], confidence=0.9, explanation="")
        for name in columns
    }
    schema = infer_schema(table_facts(table), {}, is_text=False, min_rows=1)
    plan = make_pii_plan(typings, schema, PiiParameters(**{"globals": {"ner": {"model": None}}, **asked}))
    pseudonyms = Pseudonyms(KEY, plan.locale, plan.injective)
    return TableReplacer(plan, pseudonyms).replace(table)[0].to_pydict()


def towns_of(country: str, state: str) -> set[str]:
    known = countries()[country].find_state(state)
    assert known is not None
    return {fold_name(town.name) for town in known.towns}


def test_city_state_postcode_and_area_code_of_a_row_are_of_one_state():
    new = replace(AMERICAN)
    for city, state, postcode, phone in zip(*(new[name] for name in AMERICAN), strict=True):
        assert fold_name(city) in towns_of("US", state)
        assert state_of_zip(int(postcode[:3])).code == state
        digits = "".join(filter(str.isdecimal, phone))[-10:]
        assert states_by_area_code()[digits[:3]] == state

    assert not set(new["state"]) & set(AMERICAN["state"])
    assert new["state"][0] == new["state"][2]


def test_area_code_follows_the_row_where_the_original_has_that_of_another_state():
    new = replace({"state": ["OH"], "phone": ["915-541-0100"]})
    assert states_by_area_code()[new["phone"][0][:3]] == new["state"][0]


@pytest.mark.parametrize(
    ("country", "code"),
    [("Greece", "GR"), ("GRC", "GR"), ("gr", "GR"), ("Griechenland", "GR"), ("Brasilien", "BR"),
     ("KEN", "KE"), ("UK", "GB")],
)  # fmt: skip
def test_row_gets_a_place_of_its_own_country(country: str, code: str):
    new = replace({"country": [country], "state_name": ["A region in no list"], "city": ["A village in no list"]})
    assert new["country"] == [country]
    assert fold_name(new["city"][0]) in towns_of(code, new["state_name"][0])


def test_codes_of_states_stay_codes_and_names_stay_names_of_the_same_state():
    columns = {"country": ["DE", "IT"], "state": ["BY", "RA"], "state_name": ["Bayern", "Ravenna"]}
    new = replace(columns)
    for country, code, name in zip(*(new[column] for column in columns), strict=True):
        assert countries()[country].find_state(name).code == code
        assert len(code) == 2


def test_country_comes_from_the_locale_or_from_the_states_where_no_column_has_it():
    by_locale = replace({"city": ["Irgendwo"]}, globals={"ner": {"model": None}, "locales": ["de_DE"]})
    assert any(fold_name(by_locale["city"][0]) in towns_of("DE", state.name) for state in countries()["DE"].states)
    by_state = replace({"city": ["Regensburg"], "state_name": ["Bayern"]})
    assert fold_name(by_state["city"][0]) in towns_of("DE", by_state["state_name"][0])


def test_state_that_is_kept_keeps_city_and_postcode_in_it():
    new = replace(AMERICAN, operators={"STATE": "keep"})
    assert new["state"] == AMERICAN["state"]
    for city, state, postcode in zip(new["city"], new["state"], new["zip"], strict=True):
        assert fold_name(city) in towns_of("US", state)
        assert state_of_zip(int(postcode[:3])).code == state
    assert not set(new["city"]) & set(AMERICAN["city"])


def test_country_that_is_replaced_takes_its_places_with_it():
    new = replace(
        {"country": ["Greece"], "state_name": ["Crete"], "city": ["Chania"]}, operators={"COUNTRY": "pseudonym"}
    )
    code = next(country.code for country in countries().values() if country.name == new["country"][0])
    assert code != "GR"
    assert fold_name(new["city"][0]) in towns_of(code, new["state_name"][0])


def test_coordinates_lie_near_the_stand_in_town():
    new = replace({"state": ["OH"], "city": ["Dayton"], "lat": [39.7589], "lon": [-84.1916]})
    state = countries()["US"].find_state(new["state"][0])
    town = state.towns[state.town_ranks[fold_name(new["city"][0])]]
    assert abs(Decimal(town.latitude) - Decimal(str(new["lat"][0]))) <= Decimal("0.11")
    assert abs(Decimal(town.longitude) - Decimal(str(new["lon"][0]))) <= Decimal("0.11")


def test_coordinates_alone_move_a_little():
    new = replace({"lat": [39.7589], "lon": [-84.1916]})
    assert 0 < abs(new["lat"][0] - 39.7589) <= 0.11


def test_two_places_of_a_row_are_kept_apart():
    columns = {
        "billing_city": ["Dayton"],
        "billing_state": ["OH"],
        "shipping_city": ["Boise"],
        "shipping_state": ["ID"],
    }
    new = replace(columns)
    for which in ("billing", "shipping"):
        assert fold_name(new[f"{which}_city"][0]) in towns_of("US", new[f"{which}_state"][0])


def test_text_follows_the_place_of_its_row():
    new = replace({**AMERICAN, "note": [f"She moved to {city} last year." for city in AMERICAN["city"]]})
    assert new["note"] == [f"She moved to {city} last year." for city in new["city"]]


def test_postcode_of_numbers_keeps_its_state_without_leading_zeros():
    new = replace({"state": ["MA", "CT"], "zip": [2139, 6101]})
    for state, postcode in zip(new["state"], new["zip"], strict=True):
        assert state_of_zip(int(f"{postcode:05d}"[:3])).code == state


def test_states_of_a_country_stay_as_many_as_they_are():
    for code in ("US", "DE", "IT", "JP"):
        names = [state.name for state in countries()[code].states]
        new = replace({"country": [code] * len(names), "state_name": names})
        assert len(set(new["state_name"])) == len(set(names))


def test_injective_composes_names_where_lists_run_out():
    villages = [f"Village number {chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(400)]
    columns = {"country": ["CY"] * len(villages), "city": villages}
    assert len(set(replace(columns)["city"])) < 150
    assert len(set(replace(columns, injective=True)["city"])) >= 398
