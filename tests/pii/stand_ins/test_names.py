import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.pii.stand_ins.countries import country_code, locales_of_country
from ss_ray.pii.stand_ins.lexicon import family_names, fold_name, lexicon, sexes
from ss_ray.pii.stand_ins.names import Names, split_joined
from ss_ray.pii.stand_ins.person import Person
from ss_ray.pii.stand_ins.places import kind_of_place
from tests.examples import examples

KEY = b"a key of the tests, 32 bytes long"
NAMES = Names(KEY, "en_US")
MARIA, GARCIA = NAMES.first_name("Maria"), NAMES.last_name("Garcia")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Maria Garcia", "{Maria} {Garcia}"),
        ("GARCIA, MARIA", "{GARCIA}, {MARIA}"),
        ("Mr. Garcia", "Mr. {Garcia}"),
        ("Dr. Maria Garcia, PhD", "Dr. {Maria} {Garcia}, PhD"),
        ("maria", "{maria}"),
        ("M. Garcia", "{M}. {Garcia}"),
        ("Maria de la Garcia", "{Maria} {Garcia}"),
        ("Garcia Maria", "{Garcia} {Maria}"),  # the row knows which is which
    ],
)
def test_forms_of_one_name_agree(written, expected):
    person = Person(given=frozenset({"maria"}), family=frozenset({"garcia"}))
    stand_ins = {
        "{Maria}": MARIA,
        "{maria}": MARIA.lower(),
        "{MARIA}": MARIA.upper(),
        "{Garcia}": GARCIA,
        "{GARCIA}": GARCIA.upper(),
        "{M}": MARIA[0],
    }
    for place, stand_in in stand_ins.items():
        expected = expected.replace(place, stand_in)
    assert NAMES.full_name(written, person) == expected


@pytest.mark.parametrize(
    ("local", "parts"),
    [
        ("maria.garcia", "{first}.{last}"),
        ("MariaGarcia", "{first}{last}"),
        ("mariagarcia", "{first}{last}"),
        ("garcia_maria", "{last}_{first}"),
        ("mgarcia", "{initial}{last}"),
        ("m.garcia", "{initial}.{last}"),
    ],
)
def test_email_and_user_name_agree_with_the_name(local, parts):
    first, last = MARIA.lower(), GARCIA.lower()
    expected = parts.format(first=first, last=last, initial=first[0])
    made = NAMES.email_address(f"{local}@hospital.org").partition("@")[0]
    assert re.fullmatch(rf"{expected}\d{{3}}", made)
    assert NAMES.user_name(local).lower() == made


def test_digits_of_a_user_name_are_replaced_and_some_are_added():
    assert re.fullmatch(r"[a-z]+\d{4}", NAMES.user_name("garcia1984"))
    assert "1984" not in NAMES.user_name("garcia1984")
    assert re.fullmatch(r"[a-z]+\d{3}", NAMES.user_name("garcia"))


def test_email_addresses_of_one_domain_stay_together_at_a_reserved_one():
    domains = {NAMES.email_address(f"{name}@hospital.org").partition("@")[2] for name in ("a", "b", "maria")}
    assert len(domains) == 1
    assert domains <= {"example.com", "example.org", "example.net"}


def test_sex_follows_the_name_or_the_row():
    females = {NAMES.first_name(name) for name in ("Maria", "Anna", "Susan", "Ursula")}
    assert {sexes()[fold_name(name)] for name in females} <= {"F", None}
    man = Person(given=frozenset({"maria"}), sex="M")
    assert sexes()[fold_name(NAMES.first_name("Maria", man))] != "F"


def test_country_of_the_row_chooses_the_locale():
    german = Person(family=frozenset({"garcia"}), locale=locales_of_country("Germany")[0])
    names = {name for names in lexicon("de_DE").last_names.values() for name in names}
    assert NAMES.last_name("Garcia", german) in names
    assert NAMES.last_name("Lopez", german) == NAMES.last_name("Lopez")  # a word that is not the person's


def test_identity_tells_two_people_of_one_name_apart():
    one, other = (Person(given=frozenset({"maria"}), identity=identity) for identity in ("1", "2"))
    assert NAMES.first_name("Maria", one) != NAMES.first_name("Maria", other)
    assert NAMES.first_name("Maria", one) == NAMES.first_name("maria", one).capitalize()


@pytest.mark.parametrize("name", ["Иван Петров", "李小龙", "Γιώργος Παπαδόπουλος", "محمد علي", "김민준"])
def test_script_of_a_name_is_kept(name):
    stand_in = NAMES.full_name(name)
    assert stand_in != name
    assert not stand_in.isascii()
    assert (" " in stand_in) == (" " in name)


@examples(200)
@given(st.text(min_size=1, max_size=30))
def test_no_word_of_a_name_survives(value):
    words = {fold_name(w) for w in re.findall(r"[^\W\d_]{2,}", value)}
    made = {fold_name(w) for w in re.findall(r"[^\W\d_]{2,}", NAMES.first_name(value))}
    assert not words & made


def test_joined_names_are_split_where_the_parts_are_known():
    assert split_joined("mariagarcia") == [("maria", "first"), ("garcia", "last")]
    assert split_joined("xkcd") == [("xkcd", "last")]
    person = Person(given=frozenset({"zora"}), family=frozenset({"quix"}))
    assert split_joined("quixzora", person) == [("quix", "last"), ("zora", "first")]
    assert "garcia" in family_names()


@pytest.mark.parametrize(
    ("country", "code", "locale"),
    [
        ("DE", "DE", "de_DE"),
        ("germany", "DE", "de_DE"),
        ("España", "ES", "es_ES"),
        ("US", "US", "en_US"),
        ("xx", None, None),
    ],
)
def test_countries_have_codes_and_locales(country, code, locale):
    assert country_code(country) == code
    assert next(iter(locales_of_country(country)), None) == locale


@pytest.mark.parametrize("text", ["W. ", " W. Fischer", "Fischer\n", "\u00a0Olga Garcia "])
def test_spaces_around_a_name_stay(text):
    made = NAMES.full_name(text)
    edges = (text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :])
    assert (made[: len(made) - len(made.lstrip())], made[len(made.rstrip()) :]) == edges


@pytest.mark.parametrize(
    "text", ["Olga & Ingrid Garcia", "Olga and Ingrid Garcia", "Ana y Luis Soto", "Jan en Els Smit"]
)
def test_two_people_with_one_surname_stay_two_people(text):
    old = text.split()
    new = NAMES.full_name(text).split()
    assert new[1] == old[1]
    assert all(a != b for a, b in zip(old[::2] + old[3:], new[::2] + new[3:], strict=True))


@pytest.mark.parametrize("text", ["Garcia, Olga", "Garcia/Olga", "GARCIA,OLGA"])
def test_a_surname_before_a_first_name_is_the_same_in_any_order(text):
    surname, first = NAMES.full_name(text).replace("/", ",").split(",")
    assert NAMES.full_name("Olga Garcia").lower() == f"{first.strip()} {surname}".lower()


@pytest.mark.parametrize("handle", ["@olga_garcia", "@olgagarcia92", "@olga-garcia", "@_olga_garcia_", "@garcia.olga"])
def test_the_stand_in_of_a_handle_has_no_name_of_it(handle):
    made = NAMES.user_name(handle)
    assert made[0] == "@"
    assert "garcia" not in made
    assert "olga" not in made


@pytest.mark.parametrize(("text", "code"), [("U.S.A.", "US"), ("England", "GB"), ("Holland", "NL"), ("States", None)])
def test_short_names_of_countries_have_a_code(text, code):
    assert country_code(text) == code
    assert (kind_of_place(text) == "COUNTRY") == (code is not None)
