"""The language of a text, where it is surely not English; names and places do not decide it."""

import pytest

from ss_ray.pii.text.language import foreign_language, language_of_column

FOREIGN = [
    ("de", "Der Aufzug im Haus ist seit gestern defekt."),
    ("de", "Patientin klagt seit zwei Tagen über Schwindel."),
    ("fr", "L'ascenseur est en panne depuis hier."),
    ("fr", "La patiente signale des vertiges."),
    ("es", "El ascensor está averiado desde ayer."),
    ("es", "La paciente refiere mareos."),
    ("it", "L'ascensore non funziona da ieri."),
    ("it", "La paziente riferisce vertigini e nausea."),
    ("pt", "O elevador está avariado desde ontem."),
    ("nl", "De lift in het gebouw is sinds gisteren stuk."),
    ("nl", "Patiënte meldt duizeligheid en misselijkheid."),
    ("pl", "Winda nie działa od wczoraj."),
    ("sv", "Hissen är trasig sedan igår."),
    ("ja", "洗濯機が動きません。"),
    ("zh", "房间太冷"),
    ("ko", "문이 고장"),
    ("ru", "Лифт не работает."),
    ("de", "DER AUFZUG IST SEIT GESTERN DEFEKT"),
]
ENGLISH = [
    "Call Maria Lopez",
    "Met with Jan de Vries and Piet van der Berg",
    "Juan de la Cruz lives in San José",
    "Ms van der Berg, no answer",
    "denies pain, no meds",
    "pt c/o SOB x3d",
    "no show",
    "left vm",
    "in. i am 5'8",
    "Treatment for granulomatous plaque",
    "Post-chemotherapy care",
    "The address is 17 Rue de la Paix, København",
    "Please call Μαρία Παπαδοπούλου.",
    "leone mazzi\nnurse\n17 trg revolucije\nbegunje na gorenjskem\nslovenia",
    "",
    "42",
]


@pytest.mark.parametrize(("language", "text"), FOREIGN)
def test_sentences_of_other_languages_are_known(language, text):
    assert foreign_language(text) == language


@pytest.mark.parametrize("text", ENGLISH)
def test_short_english_and_foreign_names_are_not_taken_for_another_language(text):
    assert foreign_language(text) is None


def test_a_short_text_is_of_the_language_of_its_column_unless_it_is_english():
    assert foreign_language("Passt perfekt!") is None
    assert foreign_language("Passt perfekt!", "de") == "de"
    assert foreign_language("The box was wet.", "de") is None


def test_the_language_of_a_column_is_that_of_half_of_its_texts():
    german = [text for language, text in FOREIGN if language == "de"]
    assert language_of_column([*german, "Passt perfekt!"]) == "de"
    assert language_of_column([*german, *ENGLISH]) is None
    assert language_of_column(german[:2]) is None  # too few to say
