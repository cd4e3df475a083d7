import pyarrow as pa

from ss_ray.pii.stand_ins.names import NOBODY
from ss_ray.pii.stand_ins.people import find_person_columns, identities_of, people_of

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
