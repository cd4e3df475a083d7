"""Readers of public texts whose names people labelled: each gives documents with spans of our labels.

The texts are not part of this repository. A reader takes the path of a local copy; `labelled_sets.py` says which files
these are and under which licences they stand. Most of the formats have one token a line and no spaces between tokens,
so `join_tokens` puts the spaces back as people set them.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipes.documents import Document

Tagged = tuple[str, str]
"""A token and its tag: "B-PER", "I-PER" or "O"."""

_NO_SPACE_BEFORE = re.compile(r"[.,!?;:)\]}%…]+|['’](?:s|d|m|t|ll|re|ve)|n['’]t?|['’]", re.IGNORECASE)
_NO_SPACE_BEHIND = re.compile(r"[(\[{$£€@#]+")
# The codes of web pages, which tokenizers divide: "& gt ;".
_CODES = frozenset({"gt", "lt", "amp", "quot"})
_ENDINGS = frozenset({"s", "d", "m", "t", "ll", "re", "ve"})
MASK = "[NAME]"
"""What stands in place of a person in GoEmotions."""
_HANDLE = re.compile(r"(?<![\w@])@\w+")
_GUM_NAMES = {"person": "PERSON", "place": "LOCATION", "organization": "ORGANIZATION"}
_GUM_OPENED = re.compile(r"\((\d+)-([a-z]+)-[^()-]+-[^()-]+-[^()-]+-([\d,]+)|(\d+)\)")


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A text as it is put together from tokens.

    Attributes:
        text: Tokens with spaces between them.
        places: Start and end of each token in the text, in characters.
    """

    text: str
    places: tuple[tuple[int, int], ...]


def join_tokens(tokens: Sequence[str]) -> Sentence:
    """The text of tokens, with spaces where English has them."""
    text = ""
    places = []
    # A straight mark opens a quotation at its first place and closes one at its second.
    has_open_quote = False
    is_glued = True

    for at, token in enumerate(tokens):
        follows_code = at > 1 and token == ";" and tokens[at - 1] in _CODES
        is_quote = token == '"'
        closes = is_quote and has_open_quote
        glued = is_glued or closes or follows_code or _NO_SPACE_BEFORE.fullmatch(token)
        text += token if glued else f" {token}"
        places.append((len(text) - len(token), len(text)))

        # Some files divide "I've" behind its apostrophe.
        ends_short = token[-1] in "'’" and at + 1 < len(tokens) and tokens[at + 1].lower() in _ENDINGS
        begins_code = token == "&" and at + 1 < len(tokens) and tokens[at + 1] in _CODES
        is_glued = (
            begins_code or ends_short or bool(_NO_SPACE_BEHIND.fullmatch(token)) or (is_quote and not has_open_quote)
        )
        has_open_quote ^= is_quote

    return Sentence(text=text, places=tuple(places))


def read_conll(path: Path, labels: Mapping[str, str]) -> Iterator[Document]:
    """Documents of a file with a token and its tag a line, and an empty line behind each document.

    Args:
        path: Local copy of the file; further columns between the token and its tag are skipped.
        labels: Our label by the file's; names with other labels are no spans.
    """
    for lines in _read_blocks(path):
        tagged = [(columns[0], columns[-1]) for line in lines if len(columns := line.split()) > 1]
        if tagged and tagged[0][0] != "-DOCSTART-":
            sentence = join_tokens([token for token, _ in tagged])
            yield _make_document(sentence.text, _spans_of_tags(tagged, sentence.places, labels))


def read_iob2(path: Path, labels: Mapping[str, str]) -> Iterator[Document]:
    """Documents of a file of Universal NER, which has the text of each sentence above its tokens."""
    for lines in _read_blocks(path):
        text = next(line.removeprefix("# text = ") for line in lines if line.startswith("# text = "))
        tagged = [(columns[1], columns[2]) for line in lines if len(columns := line.split("\t")) > 2]
        places = _find_tokens(text, [token for token, _ in tagged])
        yield _make_document(text, _spans_of_tags(tagged, places, labels))


def read_gum(paths: Iterable[Path]) -> Iterator[Document]:
    """Sentences of files of GUM; a person, place or organisation is a span where its head is a proper noun."""
    for path in paths:
        for lines in _read_blocks(path):
            text = next((line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")), "")
            rows = [columns for line in lines if len(columns := line.split("\t")) == 10 and columns[0].isdecimal()]
            places = _find_tokens(text, [columns[1] for columns in rows])
            if text:
                yield _make_document(text, _spans_of_entities(rows, places))


def read_pii_anon(path: Path, labels: Mapping[str, str]) -> Iterator[Document]:
    """English documents of a file of the evaluation set pii-anon."""
    with gzip.open(path, "rt", encoding="utf8") as file:
        for record in map(json.loads, file):
            if record["language"] == "en":
                spans = [
                    (found["start"], found["end"], labels[found["entity_type"]])
                    for found in record["annotations"]
                    if found["entity_type"] in labels
                ]
                yield _make_document(record["text"], spans)


def read_silver(path: Path) -> Iterator[Document]:
    """Documents of a file that `silver_labels.py` wrote; a mask is a PERSON, and UNSURE what may be a name."""
    with path.open(encoding="utf8") as file:
        for record in map(json.loads, file):
            yield Document(record["text"], tuple((start, end, label) for start, end, label in record["spans"]))


def with_handles(document: Document) -> Document:
    """The document with each @name as a USERNAME, whatever else it was labelled as."""
    handles = [(match.start(), match.end(), "USERNAME") for match in _HANDLE.finditer(document.text)]
    others = [
        span for span in document.spans if not any(span[0] < end and start < span[1] for start, end, _ in handles)
    ]
    return Document(document.text, tuple(sorted([*others, *handles])))


def _read_blocks(path: Path) -> Iterator[list[str]]:
    """Groups of lines between empty lines."""
    block: list[str] = []
    for line in path.read_text(encoding="utf8").splitlines():
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []

    if block:
        yield block


def _spans_of_tags(
    tagged: Sequence[Tagged], places: Sequence[tuple[int, int]], labels: Mapping[str, str]
) -> Iterator[tuple[int, int, str]]:
    """Spans of labels that we have; a tag that continues another label's name begins one."""
    before = "O"
    start = 0

    for at, (_, tag) in enumerate([*tagged, ("", "O")]):
        continues = tag.startswith("I-") and before[1:] == tag[1:]
        if not continues:
            if before[2:] in labels:
                yield places[start][0], places[at - 1][1], labels[before[2:]]
            start = at
        before = f"I{tag[1:]}" if tag[:2] in {"B-", "I-"} else "O"


def _spans_of_entities(
    rows: Sequence[Sequence[str]], places: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, str]]:
    """Named persons, places and organisations of a sentence: the proper nouns that a mention begins with."""
    for at, columns in enumerate(rows):
        field = next((part for part in columns[9].split("|") if part.startswith("Entity=")), "")
        for _, kind, head, _ in _GUM_OPENED.findall(field):
            heads = [at + int(number) - 1 for number in head.split(",") if number]
            name = _leading_name([row for row in heads if row < len(rows)], rows)
            # "Muslims" are persons, and no person.
            is_group = kind == "person" and name and "Number=Plur" in rows[name[-1]][5]
            if kind in _GUM_NAMES and name and not is_group:
                yield places[name[0]][0], places[name[-1]][1], _GUM_NAMES[kind]


def _leading_name(heads: Sequence[int], rows: Sequence[Sequence[str]]) -> list[int]:
    """The first of the head's tokens that are proper nouns in a row, behind titles: "General" Prelogar."""
    named = [row for row in heads if rows[row][3] == "PROPN" and not rows[row][7].startswith("nmod:desc")]
    return [row for at, row in enumerate(named) if row == named[0] + at]


def _find_tokens(text: str, tokens: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Places of tokens in their text, in which they stand in this order."""
    places = []
    end = 0
    for token in tokens:
        start = text.find(token, end)
        # A token that the text spells otherwise has no length.
        end = end if start < 0 else start + len(token)
        places.append((end if start < 0 else start, end))

    return tuple(places)


def _make_document(text: str, spans: Iterable[tuple[int, int, str]]) -> Document:
    """A document of spans that do not overlap: the longer of two is kept."""
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        if span[0] < span[1] and not any(span[0] < end and start < span[1] for start, end, _ in kept):
            kept.append(span)

    return Document(text, tuple(sorted(kept)))
