"""Names behind titles, which are found in every language without a model."""

import pytest

from ss_ray.pii.text.detect import Detector

TITLED = [
    ("Herr Müller hat angerufen.", ["Müller"]),
    ("Rückruf an Herrn von der Heide erbeten", ["von der Heide"]),
    ("Frau Dr. Weber bittet um Rückruf", ["Weber"]),
    ("Mme Dupont a appelé ce matin", ["Dupont"]),
    ("M. Lefebvre est passé hier", ["Lefebvre"]),
    ("El Sr. García no contesta", ["García"]),
    ("Sra. Ana María López llamó ayer", ["Ana María López"]),
    ("La signora Rossi chiede il rimborso", ["Rossi"]),
    ("Dott.ssa Bianchi ha visitato il paziente", ["Bianchi"]),
    ("A Dra. Costa confirma a consulta", ["Costa"]),
    ("mevrouw de Vries belt morgen terug", ["de Vries"]),
    ("Pani Kowalska dzwoniła w sprawie faktury", ["Kowalska"]),
    ("Ich sprach mit Herrn Müller, Müller zahlt morgen", ["Müller", "Müller"]),
    ("Die Frau hat angerufen", []),
    ("Le monsieur est parti", []),
]


@pytest.mark.parametrize(("text", "names"), TITLED)
def test_names_behind_titles_are_found(text, names):
    found = Detector(entities=("PERSON",), ner_model=None).find(text)
    assert [text[f.start : f.end] for f in found] == names


def test_mail_and_names_behind_titles_are_found_in_a_text_that_the_model_does_not_read(detector):
    text = "Die Heizung bei Herrn Müller ist wieder ausgefallen, bitte an anna@example.org schreiben."
    found = {text[f.start : f.end]: f.entity_type for f in detector.find(text)}
    assert found == {"Müller": "PERSON", "anna@example.org": "EMAIL_ADDRESS"}
