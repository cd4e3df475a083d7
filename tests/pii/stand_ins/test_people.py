import re

import pyarrow as pa
import pytest

from ss_ray.pii.stand_ins.names import Names
from ss_ray.pii.stand_ins.people import PersonColumns, find_person_columns, identities_of, people_of
from ss_ray.pii.stand_ins.person import NOBODY

KEY = b"a key of the tests, 32 bytes long"

TYPES = {
    "patient_first": "FIRST_NAME",
    "patient_last": "LAST_NAME",
    "mothers_maiden": "LAST_NAME",
    "doctor": "PERSON",
    "mail": "EMAIL_ADDRESS",
    "sex": "GENDER",
    "country": "COUNTRY",
}
TABLE = pa.table(
    {
        "id": [1, 2, 1, 3],
        "patient_first": ["Mary Ann", "José", "Mary Ann", None],
        "patient_last": ["van der Berg", "García", "van der Berg", None],
        "doctor": ["Dr. Will Fernandez"] * 4,
        "mail": ["a@b.de", None, "a@b.de", "c@d.de"],
        "sex": ["F", "male", "F", "?"],
        "country": ["DE", "Spain", "DE", None],
    }
)


def test_columns_of_others_tell_nothing_of_the_person():
    columns = find_person_columns(TYPES, None, use_country=True)
    assert (columns.given, columns.family, columns.full) == (("patient_first",), ("patient_last",), ())
    assert (columns.contact, columns.sex, columns.country) == (("mail",), "sex", "country")
    assert find_person_columns(TYPES, None, use_country=False).country is None
    assert not find_person_columns({"patient_first": "FIRST_NAME"}, None, use_country=True).chooses_names
    assert find_person_columns({"patient_first": "FIRST_NAME"}, "id", use_country=True).chooses_names


def test_rows_tell_names_sex_locale_and_identity():
    people = people_of(TABLE, find_person_columns(TYPES, "id", use_country=True))
    mary, jose, again, nobody = people
    assert mary is again
    assert mary.given == {"mary", "ann"}
    assert mary.family == {"berg"}
    assert (mary.sex, mary.locale, mary.identity) == ("F", "de_DE", "1")
    assert (jose.given, jose.family, jose.sex, jose.locale) == ({"jose"}, {"garcia"}, "M", "es_ES")
    assert (nobody.given, nobody.sex, nobody.locale, nobody.identity) == (frozenset(), None, None, "3")


def test_full_names_are_taken_apart():
    types = {"customer": "PERSON"}
    table = pa.table({"customer": ["Dr. Rosa Fernandez", "Li, Anna"]})
    people = people_of(table, find_person_columns(types, None, use_country=True))
    assert [(person.given, person.family) for person in people] == [
        ({"rosa"}, {"fernandez"}),
        ({"anna"}, {"li"}),
    ]


def test_a_person_is_known_by_identity_else_by_name_else_by_mail():
    def identities(types, identity):
        return identities_of(TABLE, find_person_columns(types, identity, use_country=True))

    assert identities(TYPES, "id") == ["1", "2", "1", "3"]
    by_name = identities(TYPES, None)
    assert by_name[0] == by_name[2] != by_name[1]
    assert identities({"mail": "EMAIL_ADDRESS"}, None) == ["a@b.de", "", "a@b.de", "c@d.de"]
    assert identities({}, None) == [""] * 4
    assert people_of(TABLE, find_person_columns({}, None, use_country=True)) == [NOBODY] * 4


@pytest.mark.parametrize(
    ("given", "family", "handle", "form"),
    [
        ("Debra", "O'Neal", "debra.oneal", "{first}.{last}"),
        ("Debra", "O'Neal", "debra.o'neal", "{first}.{last}"),
        ("Moira", "McTavish", "m.mctavish", "{first[0]}.{last}"),
        ("Ana", "Quintana-Ortega", "ana.quintana-ortega", "{first}.{last}"),
        ("Ana", "Quintana Ortega", "ana_quintana_ortega", "{first}_{last_}"),
        ("Ana", "Quintana Ortega", "aquintanaortega", "{first[0]}{last}"),
        ("Jan", "van der Velde", "jan.vandervelde", "{first}.{last}"),
        ("Jan", "van der Velde", "j.van.der.velde", "{first[0]}.{last}"),
        ("John", "Public", "john.q.public", "{first}.?.{last}"),
        ("John", "Public", "jqpublic", "{first[0]}?{last}"),
        ("John", "Public", "publicj", "{last}{first[0]}"),
        ("Jörg", "Müller", "joerg.mueller", "{first}.{last}"),
    ],
)
def test_handle_follows_the_names_of_its_row(given: str, family: str, handle: str, form: str):
    table = pa.table({"first": [given], "last": [family], "name": [f"{given} {family}"]})
    for columns in (PersonColumns(given=("first",), family=("last",)), PersonColumns(full=("name",))):
        person = people_of(table, columns)[0]
        names = Names(KEY, "en_US")
        first = names.first_name(given, person).lower()
        words = names.last_name(family, person).lower().replace("-", " ").split()
        expected = form.format(first=first, last=words[0] if len(words) == 1 else "@", last_="_".join(words))
        separator = "-" if "-" in handle else ""
        expected = re.escape(expected).replace(r"\?", "[a-z]").replace("@", separator.join(words))
        assert re.fullmatch(rf"{expected}\d{{3}}", names.user_name(handle, person))
        assert re.fullmatch(rf"{expected}\d{{3}}@example\.\w+", names.email_address(f"{handle}@firm.org", person))


@pytest.mark.parametrize("family", ["Gallagher", "Jablonski", "Ryan", "Moreno"])
def test_an_address_has_one_stand_in_in_tables_with_both_names_and_with_one(family: str):
    names = Names(KEY, "en_US")
    table = pa.table({"first": ["Brandy"], "last": [family]})
    address = f"brandy.{family.lower()}453@firm.org"
    stand_ins = {
        names.email_address(address, people_of(table, columns)[0])
        for columns in (
            PersonColumns(given=("first",), family=("last",)),
            PersonColumns(given=("first",)),
            PersonColumns(family=("last",)),
        )
    }
    assert len(stand_ins) == 1
