"""A date behind a word for birth is replaced whole, in the spelling that it has."""

import pytest

from ss_ray.pii.stand_ins.operators import Replacement
from ss_ray.pii.stand_ins.pseudonyms import MASK, Pseudonyms
from ss_ray.pii.stand_ins.written_dates import MONTHS, read_date
from ss_ray.pii.text.birth_dates import is_birth_label
from ss_ray.pii.text.detect import Detector


@pytest.fixture(scope="module")
def patterns():
    return Detector(ner_model=None)


BIRTHS = [  # text, its date of birth
    ("DOB 19790423", "19790423"),
    ("dob:19790423 no allergies", "19790423"),
    ("Date of birth 23041979", "23041979"),
    ("D.O.B. 23 Apr 1979", "23 Apr 1979"),
    ("d.o.b 23/4/1979", "23/4/1979"),
    ("D O B 23 04 1979", "23 04 1979"),
    ("date of birth: April 23rd, 1979", "April 23rd, 1979"),
    ("date of birth was the 2nd of April 1979", "2nd of April 1979"),
    ("DOB=1979.04.23", "1979.04.23"),
    ("DOB (mm/dd/yyyy): 04/23/1979", "04/23/1979"),
    ("DOB 1979-04-23T00:00:00Z", "1979-04-23T00:00:00Z"),
    ("Date of Birth 790423", "790423"),
    ("DOB - 23rd Apr '79", "23rd Apr '79"),
    ("born on the 3rd of April 1979", "3rd of April 1979"),
    ("born April 23, 1979", "April 23, 1979"),
    ("born in April 1979", "April 1979"),
    ("born in Leeds on 23 April 1979", "23 April 1979"),
    ("born on Monday, April 23 1979", "April 23 1979"),
    ("born in 1979", "1979"),
    ("The twins were born at 04:12 on 23/04/2019", "23/04/2019"),
    ("birthday 4/23/79", "4/23/79"),
    ("her birthday is April 23", "April 23"),
    ("birth date is 23-APR-79", "23-APR-79"),
    ("b. 1979-04-23", "1979-04-23"),
    ("b. 23 April 1979", "23 April 1979"),
    ("Keller (*23.04.1979)", "23.04.1979"),
    ("* 23. April 1979", "23. April 1979"),
    ("geb. 23.04.1979", "23.04.1979"),
    ("geb. am 2. März 1979", "2. März 1979"),
    ("geboren in Ulm am 23.04.1979", "23.04.1979"),
    ("Geburtsdatum war der 23.04.79", "23.04.79"),
    ("né le 23/04/1979", "23/04/1979"),
    ("née à Lyon le 1er février 1979", "1er février 1979"),
    ("date de naissance : 23 avr. 1979", "23 avr. 1979"),
    ("nacido el 23 de abril de 1979", "23 de abril de 1979"),
    ("fecha de nacimiento 23-04-1979", "23-04-1979"),
    ("nato a Bari il 23 aprile 1979", "23 aprile 1979"),
    ("data di nascita: 23/04/1979", "23/04/1979"),
    ("nascido em 23 de abril de 1979", "23 de abril de 1979"),
    ("data de nascimento 23.04.1979", "23.04.1979"),
    ("geboren op 23 maart 1979", "23 maart 1979"),
    ("geboortedatum: 23-04-1979", "23-04-1979"),
    ("04/23/1979 is her date of birth", "04/23/1979"),
]
OTHER = [
    "born at 39 weeks",
    "born 3 days early",
    "birth weight 3200 g",
    "birthday cake for 12 euros",
    "2 * 12.5 = 25",
    "* 12 items",
    "b. 12 units",
    "he was born and raised here",
    "newborn ward 2",
    "visited 23.04.2019",
]


@pytest.mark.parametrize(("text", "date"), BIRTHS)
def test_a_date_of_birth_is_found_whole(patterns, text, date):
    assert [text[f.start : f.end] for f in patterns.find(text) if f.entity_type == "DATE_OF_BIRTH"] == [date]


@pytest.mark.parametrize(("text", "date"), BIRTHS)
def test_its_stand_in_is_another_date_in_the_same_spelling(pseudonyms, text, date):
    other = Replacement(pseudonyms).replace("DATE_OF_BIRTH", date)
    assert other not in (date, MASK)
    assert [c for c in other if c in " ./-'"] == [c for c in date if c in " ./-'"] or "er" in date


@pytest.mark.parametrize("text", OTHER)
def test_no_other_number_behind_such_a_word_is_a_date_of_birth(patterns, text):
    assert [f for f in patterns.find(text) if f.entity_type == "DATE_OF_BIRTH"] == []


@pytest.mark.parametrize("name", sorted(MONTHS))
def test_a_month_in_any_language_is_read_and_written_again(name):
    date = read_date(f"3 {name} 1979")
    assert date.day.month == MONTHS[name]
    assert read_date(date.write(date.day.replace(month=12))).day.month == 12


@pytest.mark.parametrize("text", ["", "soon", "99.99.1979", "1", "40 April 1979", "31 February 1979"])
def test_what_is_no_date_is_not_read(text):
    assert read_date(text) is None


def test_different_people_have_different_shifts():
    dates = {
        Replacement(Pseudonyms(bytes([n]) * 32)).replace("DATE_OF_BIRTH", "23 de abril de 1979") for n in range(1, 21)
    }
    # 104 shifts are possible: among 20 drawn at random, fewer than 12 are distinct once in a million times.
    assert len(dates) >= 12


@pytest.mark.parametrize(
    ("text", "is_label"),
    [
        ("geboren am", True),
        ("Fecha de Nacimiento", True),
        ("née le", True),
        ("DOB", True),
        ("Le", False),
        ("Born", False),
        ("born Smith", False),
        ("O", False),
        ("", False),
    ],
)
def test_words_that_announce_a_date_of_birth_are_no_name(text: str, is_label: bool) -> None:
    assert is_birth_label(text) == is_label


def test_the_label_of_a_date_of_birth_stays() -> None:
    detector = Detector()
    for label in ("geboren am", "fecha de nacimiento"):
        text = f"{label} 12.03.1985"
        assert [text[f.start : f.end] for f in detector.find(text)] == ["12.03.1985"]
