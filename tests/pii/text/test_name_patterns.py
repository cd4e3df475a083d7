"""Names, organisations and user names by their form alone, without a model."""

import pytest

from ss_ray.pii.text.detect import Detector


@pytest.fixture(scope="module")
def patterns():
    return Detector(ner_model=None)


NAMES = [  # text, the name in it
    ("Mr & Mrs Oliveira called", "Oliveira"),
    ("Mr. and Mrs. Oliveira", "Oliveira"),
    ("Herr und Frau Lindner", "Lindner"),
    ("M. et Mme Caron", "Caron"),
    ("Sr. y Sra. Romero", "Romero"),
    ("Dhr. en Mevr. de Jong", "de Jong"),
    ("Anna & Julia Romero moved", "Anna & Julia Romero"),
    ("Anna and Julia Romero moved", "Anna and Julia Romero"),
    ("Romero, Julia", "Romero, Julia"),
    ("see ROMERO, JULIA M.", "ROMERO, JULIA M."),
    ("Romero/Julia", "Romero/Julia"),
    ("Julia Romero-called", "Julia Romero"),
    ("(Julia Romero)", "Julia Romero"),
    ("Dr. J. R. Tolliver", "J. R. Tolliver"),
]
ORGANISATIONS = [
    ("paid by Brightwater Ltd yesterday", "Brightwater Ltd"),
    ("at Lindner GmbH", "Lindner GmbH"),
    ("The Nordlicht GmbH & Co. KG", "Nordlicht GmbH & Co. KG"),
    ("Blue Harbor LLC", "Blue Harbor LLC"),
    ("Cobalt Systems, Inc.", "Cobalt Systems, Inc."),
    ("from Ferrovia S.p.A.", "Ferrovia S.p.A."),
    ("Van Dalen B.V. in Delft", "Van Dalen B.V."),
    ("Helvetica AG", "Helvetica AG"),
    ("Romero & Sons", "Romero & Sons"),
    ("with Hale, Ortiz and Penn LLP", "Hale, Ortiz and Penn LLP"),
    ("Caron et Fils", "Caron et Fils"),
    ("Atlas S.A. de C.V.", "Atlas S.A. de C.V."),
]
USERS = [
    ("thanks to @julia_romero", "@julia_romero"),
    ("cc @juliaromero92, please", "@juliaromero92"),
    ("by @julia-romero: hello", "@julia-romero"),
    ("(@_romero_)", "@_romero_"),
    ("instagram handle grace_w22", "grace_w22"),
    ("skype live:grace.w", "live:grace.w"),
    ("user graceworth logged in", "graceworth"),
    ("Benutzername: gworth", "gworth"),
    ("insta: grace.worth", "grace.worth"),
]
NOTHING = """
Austin, Texas
Salt & Pepper
Bed and Breakfast
Research and Development
Rose & Lily Boutique
May and June Sales
Monday/Tuesday
Dear Sir or Madam
Black and White Cat
a limited offer
and sons of the soil
the user is logged in
user account logged in
instagram post
handle with care
twitter is down
""".strip().splitlines()


@pytest.mark.parametrize(
    ("cases", "entity_type"), [(NAMES, "PERSON"), (ORGANISATIONS, "ORGANIZATION"), (USERS, "USERNAME")]
)
def test_a_form_is_found_whole(patterns, cases, entity_type):
    found = [[text[f.start : f.end] for f in patterns.find(text) if f.entity_type == entity_type] for text, _ in cases]
    assert found == [[part] for _, part in cases]


@pytest.mark.parametrize("text", NOTHING)
def test_the_words_of_such_forms_are_no_names(patterns, text):
    assert patterns.find(text) == ()


def test_two_first_names_and_a_surname_are_persons_whatever_the_model_says(detector):
    text = "Olga & Ingrid Garcia came by."
    assert [(text[f.start : f.end], f.entity_type) for f in detector.find(text)] == [("Olga & Ingrid Garcia", "PERSON")]


@pytest.mark.parametrize("word", ["firmware", "version", "build", "release no."])
def test_a_version_is_no_address_of_a_machine(patterns, word):
    types = {f.entity_type for f in patterns.find(f"{word} 10.2.11.3 runs")}
    assert "IP_ADDRESS" not in types
    assert [f.entity_type for f in patterns.find("host 10.2.11.3 runs")] == ["IP_ADDRESS"]


@pytest.mark.parametrize("word", ["driver", "software", "update"])
def test_an_address_behind_a_word_that_is_also_a_job_is_found(word):
    found = {f.entity_type for f in Detector(ner_model=None).find(f"{word} 84.17.5.195")}
    assert found == {"IP_ADDRESS"}
    assert Detector(ner_model=None).find(f"{word} 2a02:8070:6:9::c")
