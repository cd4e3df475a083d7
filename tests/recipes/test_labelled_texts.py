"""Texts of public sets get their spaces and spans back."""

import gzip
import json

import pytest

from recipes.documents import Document
from recipes.labelled_sets import SETS, SOURCES, read_set
from recipes.labelled_texts import (
    join_tokens,
    read_conll,
    read_gum,
    read_iob2,
    read_pii_anon,
    read_silver,
    with_handles,
)

LABELS = {"PER": "PERSON", "LOC": "LOCATION"}


def spans_of(document: Document) -> list[tuple[str, str]]:
    return [(document.text[start:end], label) for start, end, label in document.spans]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("I ca n't ( really ) say , Ann .", "I can't (really) say, Ann."),
        ('he said : " no " , twice', 'he said: "no", twice'),
        ("i ' ve , she does n' t see @ bob # win", "i've, she doesn't see @bob #win"),
        ("a & lt ; b & amp ; c", "a &lt; b &amp; c"),
        ("5 % of $ 3", "5% of $3"),
        ("", ""),
    ],
)
def test_tokens_get_the_spaces_of_english(tokens, text):
    sentence = join_tokens(tokens.split())
    assert sentence.text == text
    assert [sentence.text[start:end] for start, end in sentence.places] == tokens.split()


def test_a_conll_file_gives_texts_with_spans_of_our_labels(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text(
        "RT\tO\n@\tB-PER\nann\tB-PER\n:\tO\nVera\tB-PER\nLund\tI-PER\nin\tO\nOslo\tB-LOC\n.\tO\n\n\n"
        "Acme\tB-ORG\nsays\tO\nno\tI-PER\n\n",
        encoding="utf8",
    )
    first, second = read_conll(path, LABELS)
    assert first.text == "RT @ann: Vera Lund in Oslo."
    assert spans_of(first) == [("@", "PERSON"), ("ann", "PERSON"), ("Vera Lund", "PERSON"), ("Oslo", "LOCATION")]
    assert spans_of(with_handles(first)) == [("@ann", "USERNAME"), ("Vera Lund", "PERSON"), ("Oslo", "LOCATION")]
    assert spans_of(second) == [("no", "PERSON")]


def test_an_iob2_file_keeps_the_text_of_its_sentences(tmp_path):
    path = tmp_path / "a.iob2"
    path.write_text(
        "# sent_id = 1\n# text = I saw  Ann-Marie Li's dog.\n1\tI\tO\t-\t-\n2\tsaw\tO\t-\t-\n"
        "3\tAnn-Marie\tB-PER\t-\tx\n4\tLi\tI-PER\t-\tx\n5\t's\tO\t-\t-\n6\tdog\tO\t-\t-\n7\t.\tO\t-\t-\n",
        encoding="utf8",
    )
    (document,) = read_iob2(path, LABELS)
    assert document.text == "I saw  Ann-Marie Li's dog."
    assert spans_of(document) == [("Ann-Marie Li", "PERSON")]


def test_a_gum_file_gives_names_without_titles_and_no_common_nouns(tmp_path):
    rows = [
        ("General", "PROPN", "nmod:desc", "Entity=(1-person-new-nnnnn-cf1-1,2-coref-Eva_Bo"),
        ("Bo", "PROPN", "nsubj", "Entity=1)"),
        ("met", "VERB", "root", "_"),
        ("the", "DET", "det", "Entity=(2-person-new-nnnnn-cf2-2-sgl"),
        ("Swedes", "PROPN", "obj", "Entity=2)"),
        ("in", "ADP", "case", "_"),
        ("a", "DET", "det", "Entity=(3-place-new-nnnnn-cf3-2-sgl"),
        ("house", "NOUN", "obl", "Entity=3)"),
        ("in", "ADP", "case", "_"),
        ("Oslo", "PROPN", "nmod", "Entity=(4-place-new-nnnnn-cf4-1-sgl-Oslo)"),
    ]
    path = tmp_path / "GUM_news_a.conllu"
    lines = [
        f"{at}\t{word}\t_\t{kind}\t_\tNumber={'Plur' if word == 'Swedes' else 'Sing'}\t0\t{role}\t_\t{entity}"
        for at, (word, kind, role, entity) in enumerate(rows, start=1)
    ]
    path.write_text("\n".join(["# text = General Bo met the Swedes in a house in Oslo", *lines]), encoding="utf8")
    (document,) = read_gum([path])
    assert spans_of(document) == [("Bo", "PERSON"), ("Oslo", "LOCATION")]


def test_pii_anon_gives_its_english_documents(tmp_path):
    records = [
        {"language": "en", "text": "Ann, 5", "annotations": [{"start": 0, "end": 3, "entity_type": "NAME"}]},
        {"language": "fr", "text": "Anne", "annotations": []},
    ]
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    assert [spans_of(document) for document in read_pii_anon(path, {"NAME": "PERSON"})] == [[("Ann", "PERSON")]]


def test_no_set_that_is_shared_alike_is_trained_on():
    for name, (source, _) in SETS.items():
        if name.endswith("train"):
            assert "SA" not in SOURCES[source]


def test_the_halves_of_a_section_do_not_overlap(tmp_path):
    (tmp_path / "btc").mkdir()
    for section in "abefg":
        (tmp_path / "btc" / f"{section}.conll").write_text("", encoding="utf8")
    (tmp_path / "btc" / "h.conll").write_text("".join(f"word{n}\tO\n\n" for n in range(5)), encoding="utf8")
    train = {document.text for document in read_set("btc-train", tmp_path)}
    dev = {document.text for document in read_set("btc-dev", tmp_path)}
    assert len(train | dev) == 5
    assert not train & dev


def test_silver_labels_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "silver.jsonl"
    path.write_text('{"text": "so [NAME] of Rome", "spans": [[3, 9, "PERSON"], [13, 17, "LOCATION"]]}\n')
    (document,) = read_silver(path)
    assert spans_of(document) == [("[NAME]", "PERSON"), ("Rome", "LOCATION")]
