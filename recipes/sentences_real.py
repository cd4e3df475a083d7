"""Texts that people wrote, varied: part of the training data of the shipped NER model.

In these texts only persons, places and organisations are labelled, so a document says that it is partial. Names are
changed for made ones in half of the cases, so that a learner reads the words around a name and does not learn the name.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from recipes.documents import Document
from recipes.labelled_texts import MASK
from recipes.sentences_slots import Slots, Stock

# Part of the names that are changed, by label.
_CHANGED = {"PERSON": 0.5, "LOCATION": 0.3, "ORGANIZATION": 0.15}
_MIN_LETTERS = 3
_LETTERS = re.compile(r"[A-Za-z]{3}")
_LOWER, _UPPER = 0.12, 0.03
# Nick names, and names in small letters, of the names put in place of masks.
_NICK, _SMALL, _SMALL_IN_SMALL = 0.12, 0.2, 0.6
# Texts that are put together into one.
_JOINED = (1, 1, 1, 2, 3)


def real_documents(sources: Sequence[Sequence[Document]], stock: Stock, rng: random.Random) -> Iterator[Document]:
    """Endless documents, as many of each source, each of one to three texts that follow each other."""
    read = [[document for document in source if _LETTERS.search(document.text)] for source in sources]

    while True:
        readable = rng.choice(read)
        at = rng.randrange(len(readable))
        slots = Slots(stock, rng)
        parts = [_change_names(document, slots) for document in readable[at : at + rng.choice(_JOINED)]]
        yield _change_case(_join_documents(parts, rng.choice((" ", " ", "\n"))), rng)


def _change_names(document: Document, slots: Slots) -> Document:
    """The document with some names changed; hashtags and other words of no letters alone stay."""
    text = ""
    spans = []
    end = 0

    for start, stop, label in document.spans:
        text += document.text[end:start]
        name = document.text[start:stop]
        if name == MASK:
            name = _draw_nick_name(text, slots)
        elif slots.rng.random() < _CHANGED.get(label, 0) and re.fullmatch(r"[^\W\d_][^\W\d_ .'’-]*(?: .*)?", name):
            name = _draw_name(name, label, slots)

        spans.append((len(text), len(text) + len(name), label))
        text += name
        end = stop

    return Document(text + document.text[end:], tuple(spans), is_partial=True)


def _draw_name(name: str, label: str, slots: Slots) -> str:
    """Another name of about as many words and of the same case."""
    if label == "PERSON":
        slot = "n" if " " in name else slots.rng.choice("ffl")
    elif label == "LOCATION":
        slot = "loc"
    else:
        slot = slots.rng.choice(("org", "worg"))

    drawn = "".join(text for text, _ in slots.fill(slot))
    if name.islower():
        return drawn.lower()
    if name.isupper() and len(name) > _MIN_LETTERS:
        return drawn.upper()
    return drawn


def _draw_nick_name(before: str, slots: Slots) -> str:
    """A name as comments have it: mostly one word, now and then short, doubled, or in small letters."""
    rng = slots.rng
    name = "".join(text for text, _ in slots.fill(rng.choice("fffffllln")))
    if rng.random() < _NICK and " " not in name:
        name = rng.choice((name[:3], name[:4], f"{name[:4]}y", f"{name[0]}{name[0]}", f"{name}{rng.randrange(99)}"))

    is_small = before.islower() and rng.random() < _SMALL_IN_SMALL
    return name.lower() if is_small or rng.random() < _SMALL else name


def _join_documents(parts: Sequence[Document], glue: str) -> Document:
    text = ""
    spans = []
    for part in parts:
        start = len(text) + (len(glue) if text else 0)
        text = f"{text}{glue}{part.text}" if text else part.text
        spans += [(start + first, start + last, label) for first, last, label in part.spans]

    return Document(text, tuple(spans), is_partial=True)


def _change_case(document: Document, rng: random.Random) -> Document:
    """The document, now and then in small letters or in capitals, where that moves no character."""
    draw = rng.random()
    text = document.text
    if draw < _LOWER:
        text = text.lower()
    elif draw < _LOWER + _UPPER:
        text = text.upper()

    return replace(document, text=text) if len(text) == len(document.text) else document
