"""Eponyms and drugs are no names; the surnames of patients stay names, also beside a noun of medicine."""

import pytest

from ss_ray.pii.text.detect import Detector
from ss_ray.pii.text.medical_terms import is_medical_term

# The span of each text stands in angle brackets.
TERMS = [
    "Suspected <Addison>'s syndrome",
    "a flare of <Crohn>'s disease",
    "history of <Crohn>'s.",
    "<Parkinson>’s disease",
    "<Cushing's syndrome> was ruled out",
    "<Foley> catheter in place",
    "<Foley> placed on arrival",
    "<Apgar> 8/9",
    "<Glasgow Coma Scale> 15",
    "<Glasgow> Coma Scale 15",
    "<Guillain-Barré> syndrome",
    "<Lewy> body dementia",
    "<Stevens-Johnson> syndrome",
    "<Jackson-Pratt> drain",
    "positive <Murphy>'s sign",
    "<Wilson>'s disease",
    "<Wells> score 4",
    "<Bell>'s palsy",
    # Surnames of no list beside a noun that only eponyms have.
    "<Olson> syndrome",
    "<Fernandez>'s sign was positive",
    "Morbus <Bechterew>",
    "maladie de <Crohn>",
    "síndrome de <Okafor>",
    "<Foley>-Katheter",
    "<Lisinopril> was stopped",
    "started <Rosuvastatin>",
    "<Xarelto>",
    "<Leigh Syndrome> was confirmed",
    "<Auer> rods",
    "<Philadelphia> collar",
    "<Glasgow> coma score",
    "growth of <S. enterica>",
    "<Coxiella burnetii> titre",
]
NAMES = [
    "<Maria>'s syndrome was discussed",
    "<Olson>'s test was negative",
    "<Olson>'s disease is stable",
    "<Johnson>'s test was negative",
    "<Wilson>'s score was low",
    "<Bell>'s phone",
    "<Ann Cushing>'s disease is stable",
    "<John Wilson>'s test",
    "Dr <Cushing> saw her",
    "Mr <Foley> called",
    "<Wilson> called",
    "maladie de <Dupont>",
    "<April> called",
    "<Tanvir> was seen",
    "<Christine>",
    "<Leigh> came with her son",
    "<Philadelphia> law firm",
    "<Glasgow>, Scotland",
    "<J. Rossi>",
    "<Chihiro Fukunaga>",
    "<Ubul Csonka>",
    "<Maria santos>",
]


def split_marked(marked: str) -> tuple[str, int, int]:
    start = marked.index("<")
    end = marked.index(">") - 1
    return marked.replace("<", "").replace(">", ""), start, end


@pytest.mark.parametrize("marked", TERMS)
def test_an_eponym_or_a_drug_is_a_medical_term(marked):
    assert is_medical_term(*split_marked(marked))


@pytest.mark.parametrize("marked", NAMES)
def test_a_person_beside_a_noun_of_medicine_is_none(marked):
    assert not is_medical_term(*split_marked(marked))


def test_the_detector_leaves_eponyms_and_finds_the_patient_beside_them():
    text = "Suspected Addison's syndrome in Mr. Peter Addison, Foley catheter placed by Dr. Olga Foley."
    found = {text[f.start : f.end] for f in Detector().find(text) if f.entity_type == "PERSON"}
    assert found == {"Peter Addison", "Olga Foley"}
