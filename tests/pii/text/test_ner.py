"""Names, addresses and organisations in texts, found by the model that ships with the package."""

import itertools
import re

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from ss_ray.errors import ConfigError, ResourceError
from ss_ray.pii.text.detect import Detector
from ss_ray.pii.text.ner import _TOKEN, COMPONENT, MODEL_PATH, _best_paths, load_builtin, tokens
from ss_ray.pii.text.ner_engines import BUILTIN_TYPES, load_engine
from tests.examples import examples

QUICK = examples(40)
PEOPLE = [  # text, who is in it
    ("Hello, this is Maria D. Lopez from billing.", ["Maria D. Lopez"]),
    ("Dear Mrs. Okafor, thank you for your letter.", ["Okafor"]),
    ("Please ask Jürgen Weißmüller to call back.", ["Jürgen Weißmüller"]),
    ("pt seen by dr. o'brien, wife anna was present", ["o'brien", "anna"]),
    ("CONTACT: PETRA NOVÁKOVÁ", ["PETRA NOVÁKOVÁ"]),
    ("The report was written by Анна Иванова.", ["Анна Иванова"]),
    ("Please call Μαρία Παπαδοπούλου.", ["Μαρία Παπαδοπούλου"]),
    ("Garcia's car was damaged.", ["Garcia"]),
    ("Regards,\nLars van der Meer", ["Lars van der Meer"]),
    ("Tenant: Nguyen, Thanh", ["Nguyen, Thanh"]),
]
OTHERS = [  # text, type, part
    ("We moved to 12 Elm Street, Apt. 5, Springfield last May.", "STREET_ADDRESS", "12 Elm Street, Apt. 5"),
    ("Send it to P.O. Box 123, Dublin.", "STREET_ADDRESS", "P.O. Box 123"),
    ("She flew from Paris to Buenos Aires.", "LOCATION", "Buenos Aires"),
    ("He works for Siemens in Munich.", "ORGANIZATION", "Siemens"),
    ("The Norwegian team won.", "NRP", "Norwegian"),
    ("a 74 year old woman", "AGE", "74"),
    ("Dr. Patel saw her on 3 March 2021.", "DATE_TIME", "3 March 2021"),
    ("Dr. Patel saw her on 3 March 2021.", "TITLE", "Dr."),
]
PLAIN = [
    "The quick test of the new button failed again.",
    "Bluetooth does not work after the update.",
    "please close the window and turn off the light",
    "Add 200 g of flour, then stir for 5 minutes.",
]
ORDINARY = [  # whole documents in which nothing is personal
    "Lipoma",
    "Positive",
    "N/A",
    "Ultrasound Guided Drainage",
    "Annual Eye Exam",
    "Generalized fatigue, wheezing, cough",
    "Patient complains of palpitations and blurred vision.",
    "Pt received heparin and oxygen with good response.",
    '{"severity": "moderate", "site": "knee"}',
    "Colonoscopy revealed a small polyp in the colon.",
    "Diagnosis: acute bronchitis",
    "Stage: relapse",
    "- Swelling\n- Rash\n- Night sweats",
    "the fabric is thin and the sleeves are baggy",
    "i love this cardigan, so cozy and flattering",
    "this tunic runs large, the hem is uneven",
    "The alternator and the spark plug were replaced.",
    "Lasagne with spinach and parmesan",
    "our 3 pillows are too soft",
    "size 12 fits better than 10",
    "The rose in the garden needs water.",
]
WEAK = [  # text, type, part: names with little beside them
    ("ask garcia", "PERSON", "garcia"),
    ("told Nicole", "PERSON", "Nicole"),
    ("Have you met Deborah?", "PERSON", "Deborah"),
    ("It was signed by Okonjo, Fischer and Moreau.", "PERSON", "Fischer"),
    ("He was called 'Tobias' by everyone", "PERSON", "Tobias"),
    ("Hernandez's results are pending.", "PERSON", "Hernandez"),
    ("d/w Kowalski, who agrees", "PERSON", "Kowalski"),
    ("spoke to jennifer about the refund", "PERSON", "jennifer"),
    ("Let's go home, Samuel!", "PERSON", "Samuel"),
    ("She is Bolivian", "NRP", "Bolivian"),
    ("two Lutherans and a Dane", "NRP", "Lutherans"),
    ("a letter from Αθήνα", "LOCATION", "Αθήνα"),
    ("Flights to Москва are cancelled.", "LOCATION", "Москва"),
    ("He left Brightwell Energy in 2011.", "ORGANIZATION", "Brightwell Energy"),
    ("She works for Quantivo as a driver.", "ORGANIZATION", "Quantivo"),
]
NUMBERS = ["Take 3 of them.", "item 14 is missing", "bed 7", "the 5 winners", "version 12"]


def found(detector, text, kind):
    return [text[f.start : f.end] for f in detector.find(text) if f.entity_type == kind]


@pytest.mark.parametrize(("text", "people"), PEOPLE)
def test_people_are_found_without_title_possessive_or_line_break(detector, text, people):
    assert found(detector, text, "PERSON") == people


@pytest.mark.parametrize(("text", "kind", "part"), OTHERS)
def test_places_and_the_rest_are_found(detector, text, kind, part):
    assert part in found(detector, text, kind)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_has_no_people(detector, text):
    assert found(detector, text, "PERSON") == []


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_are_no_names(detector, text):
    assert detector.find(text) == ()


@pytest.mark.parametrize(("text", "kind", "part"), WEAK)
def test_names_are_found_with_little_beside_them(detector, text, kind, part):
    assert part in found(detector, text, kind)


@pytest.mark.parametrize("text", NUMBERS)
def test_a_bare_number_is_no_age(detector, text):
    assert found(detector, text, "AGE") == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Mr. O'Brien's wife (74yo)", ["Mr.", "O'Brien", "'s", "wife", "(", "74yo", ")"]),
        ("J. R. Smith-Jones, M.D.,", ["J.", "R.", "Smith", "-", "Jones", ",", "M.D.", ","]),
        ("3/4/2021 at 10:30 a@b.com", ["3/4/2021", "at", "10:30", "a@b.com"]),
        ("cafe\u0301\n\n नमस्ते", ["cafe\u0301", "\n\n ", "नमस्ते"]),
        ("", []),
    ],
)
def test_text_is_split_into_words_and_signs(text, parts):
    assert [text[start:end] for start, end in tokens(text)] == parts


@QUICK
@given(st.text())
def test_all_but_spaces_is_in_some_token(text):
    places = tokens(text)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(places))
    covered = {at for start, end in places for at in range(start, end)}
    assert all(at in covered for at, char in enumerate(text) if not char.isspace())


def test_the_shipped_pipeline_writes_entities_into_docs():
    doc = load_builtin()("Please ask Maria Lopez to call back.")
    assert [(span.text, span.label_) for span in doc.ents] == [("Maria Lopez", "PERSON")]


@pytest.mark.parametrize(
    "lead", ["😀😀 ", "\u202bשלום\u202c ", "e\u0301 ", "\x00 ", "\ud800 ", "\U0001f468\u200d\U0001f469 "]
)
def test_offsets_stay_right_behind_odd_characters(detector, lead):
    text = f"{lead}Please ask Maria Lopez to call back."
    assert "Maria Lopez" in found(detector, text, "PERSON")


@QUICK
@given(
    st.text(max_size=60),
    st.sampled_from(["Maria Lopez", "12 Elm Street", "Dr. Smith\n", "a@b.com", "+44 20 7946 0958"]),
)
def test_findings_lie_in_the_text_and_apart(detector, around, part):
    text = f"{around} {part} {around}"
    findings = detector.find(text)
    assert all(0 <= f.start < f.end <= len(text) and 0 < f.score <= 1 for f in findings)
    assert all(a.end <= b.start for a, b in itertools.pairwise(findings))


@examples(8)
@given(st.integers(0, 700), st.integers(0, 200))
def test_a_name_in_a_long_text_is_found_as_in_a_short_one(detector, before, after):
    sentence = "Please ask Maria Lopez to call back."
    text = "it is fine. " * before + sentence + " it is fine." * after
    place = text.index("Maria")
    assert (place, place + 11) in {(f.start, f.end) for f in detector.find(text) if f.entity_type == "PERSON"}


def test_a_name_across_the_edge_of_a_window_is_found_once(detector):
    for shift in range(3500, 4100, 50):
        text = ("ok " * 2000)[:shift] + " said Maria Lopez to us " + "ok " * 500
        place = text.index("Maria")
        assert [(f.start, f.end) for f in detector.find(text) if f.entity_type == "PERSON"] == [(place, place + 11)]


def test_a_surname_is_known_again_in_the_same_text(detector):
    text = "The song is by Helga Brandvold. Why it is about Brandvold street 12 I do not know, Brandvold never said."
    assert found(detector, text, "PERSON")[0] == "Helga Brandvold"
    assert found(detector, text, "PERSON")[-1] == "Brandvold"


def test_repeated_texts_are_answered_once_and_alike(detector):
    texts = ["Ask Maria Lopez.", "Ask Maria Lopez.", "nothing", ""]
    answers = detector.find_each(texts)
    assert list(answers) == ["Ask Maria Lopez.", "nothing", ""]
    assert answers["Ask Maria Lopez."] == detector.find("Ask Maria Lopez.")


def test_one_text_that_the_model_cannot_read_leaves_the_others():
    class Fragile:
        def find_each(self, texts):
            if any("poison" in text for text in texts):
                raise RuntimeError("cannot read")
            return [[(0, 4, "PERSON", 0.8)] for _ in texts]

    fragile = Detector(entities=("PERSON",))
    object.__setattr__(fragile, "_engine", Fragile())
    answers = fragile.find_each(["Anna", "poison", "Paul"])
    assert answers["poison"] is None
    assert [answers[name][0].entity_type for name in ("Anna", "Paul")] == ["PERSON", "PERSON"]


def test_without_a_model_no_names_are_found():
    assert Detector(ner_model=None).find("Please ask Maria Lopez.") == ()


@pytest.mark.parametrize("name", ["no_such_pipeline", "transformers:/no/such/folder", "gliner:/no/such/folder"])
def test_a_model_that_is_not_here_is_an_error_when_the_detector_is_built(name):
    with pytest.raises(ResourceError, match="ner_model"):
        Detector(ner_model=name)


@pytest.mark.parametrize("name", ["transformers:", "gliner:", " "])
def test_a_name_without_a_model_is_refused(name):
    with pytest.raises(ConfigError, match="ner_model"):
        Detector(ner_model=name)


def test_a_spacy_pipeline_can_be_named_by_its_folder(tmp_path):
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": "GPE", "pattern": "Gotham"}, {"label": "PERSON", "pattern": "Zed"}]
    )
    nlp.to_disk(tmp_path)
    detector = Detector(ner_model=str(tmp_path))
    assert [f.entity_type for f in detector.find("Zed lives in Gotham")] == ["PERSON", "LOCATION"]


def test_the_model_scores_what_it_finds(detector):
    spans = load_engine("builtin").find_each(["Please ask Maria Lopez to call back."])[0]
    assert spans
    assert all(kind in BUILTIN_TYPES and 0 < score <= 0.85 for _, _, kind, score in spans)


@QUICK
@given(st.text(alphabet="aéZ 1.,'’@-\n/\u0301_", max_size=24))
def test_the_short_cut_for_plain_words_changes_no_token(text):
    without = re.compile(_TOKEN.pattern.removeprefix(r"[A-Za-z]+(?=[ ,]|\Z)|"))
    assert without.pattern != _TOKEN.pattern
    assert tokens(text) == [match.span() for match in without.finditer(text)]


def test_vectors_that_are_kept_change_no_span_even_where_there_is_no_room_for_them():
    texts = [text for text, *_ in (*PEOPLE, *OTHERS)] + ["", "\n\n", "Anna"]
    fresh = spacy.load(MODEL_PATH).get_pipe(COMPONENT)
    expected = [[span[:3] for span in spans] for spans in fresh.read(texts)]
    assert sum(map(len, expected)) > len(PEOPLE)
    for size in (1, 24, 4096):
        fresh.keep_words(size)
        for _ in range(2):
            assert [[span[:3] for span in fresh.read([text])[0]] for text in texts] == expected
            assert [[span[:3] for span in spans] for spans in fresh.read(texts)] == expected


@QUICK
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_best_paths_have_the_greatest_sum_of_all_tags_that_can_follow_each_other(lengths, seed):
    rng = np.random.default_rng(seed)
    scores = [rng.normal(size=(length, 5)).astype(np.float32) for length in lengths]
    for part, path in zip(scores, _best_paths(scores), strict=True):
        paths = [
            tags
            for tags in itertools.product(range(5), repeat=len(part))
            if all(tag % 2 or not tag or before in (tag, tag - 1) for before, tag in itertools.pairwise((0, *tags)))
        ]
        sums = {tags: float(part[np.arange(len(part)), list(tags)].sum()) for tags in paths}
        assert sums[tuple(path.tolist())] == pytest.approx(max(sums.values()), abs=1e-5)
