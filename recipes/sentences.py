"""Sentences with labelled spans, made from templates: the training data of the shipped NER model.

Nothing here is a real person's: templates are this recipe's own, names are Faker's or invented.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator

from recipes.documents import Document
from recipes.sentences_prose import prose
from recipes.sentences_slots import Segment, Slots, Stock
from recipes.sentences_templates import REGISTERS

_TOKEN = re.compile(r"\{(\w+)\}|\[|\]|\||[^\[\]|{]+|\{")
_SHARES = (40, 22, 4, 19, 8, 7)  # of templates, loose grammar, plain ones, ordinary ones, prose, prose with a name
_HELD_OUT = 12  # one template in so many is never trained on


def templates(held_out: bool) -> dict[str, list[str]]:
    """The templates by register, those of training or those held out."""
    lines = {name: body.strip().splitlines() for name, body in REGISTERS.items()}
    return {name: [t for i, t in enumerate(ts) if (i % _HELD_OUT == 5) == held_out] for name, ts in lines.items()}


def documents(stock: Stock, rng: random.Random, held_out: bool = False) -> Iterator[Document]:
    """Endless documents, in the registers' shares."""
    by_register = templates(held_out)
    plain = by_register.pop("plain")
    loose = by_register.pop("loose")
    ordinary = by_register.pop("ordinary")
    personal = [template for lines in by_register.values() for template in lines]
    sources = (
        lambda slots: expand(rng.choice(personal), slots, _noise(rng)),
        lambda slots: expand(rng.choice(loose), slots),
        lambda slots: expand(rng.choice(plain), slots),
        lambda slots: expand(rng.choice(ordinary), slots),
        lambda slots: [(_headline(rng.choice(prose()), rng), None)],
        lambda slots: _inserted(rng.choice(prose()), slots),
    )

    while True:
        slots = Slots(stock, rng)
        count = rng.choices((1, 2, 3, 5), (70, 18, 8, 4))[0]
        glue = rng.choice((" ", " ", " ", "\n", "\n\n"))
        segments: list[Segment] = []

        for _ in range(count):
            made = rng.choices(sources, _SHARES)[0](slots)
            segments += [*([(glue, None)] if segments else []), *made]

        yield _document(_roughened(segments, rng))


def _noise(rng: random.Random) -> float:
    return rng.choice((0.0, 0.0, 0.1, 0.25, 0.5))


def _headline(sentence: str, rng: random.Random) -> str:
    if rng.random() < 0.15:
        return sentence.title()
    return sentence


def _inserted(sentence: str, slots: Slots) -> list[Segment]:
    """A sentence with a name put behind a preposition, so that names are known without their usual company."""
    places = list(re.finditer(r" (by|with|for|from|of|to|in|at|and|the) (\w+)", sentence))
    if not places:
        return [(sentence, None)]

    place = slots.rng.choice(places)
    wanted = {
        "in": ["loc"],
        "at": ["org", "loc", "st"],
        "from": ["loc", "n", "org"],
        "to": ["loc", "n", "addr1"],
        "the": ["nrp", "org"],
    }
    slot = slots.rng.choice(wanted.get(place[1], ["n", "n", "org", "f", "tl"]))

    return [(sentence[: place.start(2)], None), *slots.fill(slot), (sentence[place.end(2) :], None)]


def expand(template: str, slots: Slots, noise: float = 0.0) -> list[Segment]:
    """The segments of a template: choices drawn, slots filled, and a share `noise` of its own words replaced."""
    made = _expanded(template, slots)
    if not noise:
        return made
    return [(text if label else _noisy(text, slots, noise), label) for text, label in made]


def _noisy(text: str, slots: Slots, noise: float) -> str:
    def other(match: re.Match[str]) -> str:
        word = match.group()
        if slots.rng.random() >= noise:
            return word

        drawn = slots.slot_word()
        if len(word) > 1 and word.isupper():
            return drawn.upper()
        if word[0].isupper():
            return drawn.capitalize()

        return drawn

    return re.sub(r"\b(?<![@.'’])[A-Za-z]{2,}\b(?![@.]\w)", other, text)


def _expanded(template: str, slots: Slots) -> list[Segment]:
    tokens = [match.group() for match in _TOKEN.finditer(template.replace(r"\n", "\n").replace(r"\t", "\t"))]
    at = [0]
    made = list[Segment]()

    while at[0] < len(tokens):
        made += _sequence(tokens, at, slots, live=True)
        # A bar outside of brackets is text.
        if at[0] < len(tokens):
            made.append((tokens[at[0]], None))
            at[0] += 1

    return made


def _sequence(tokens: list[str], at: list[int], slots: Slots, live: bool) -> list[Segment]:
    """Segments up to the end of an alternative; `at` is the place of reading, and nothing is drawn unless `live`."""
    made: list[Segment] = []
    while at[0] < len(tokens) and tokens[at[0]] not in "|]":
        token = tokens[at[0]]
        if token == "[":
            made += _choice(tokens, at, slots, live)
            continue

        at[0] += 1
        if live:
            made += slots.fill(token[1:-1]) if token[0] == "{" != token else [(token, None)]

    return made


def _choice(tokens: list[str], at: list[int], slots: Slots, live: bool) -> list[Segment]:
    depth = 0
    options = 1
    for token in tokens[at[0] :]:
        depth += (token == "[") - (token == "]")
        options += token == "|" and depth == 1
        if depth == 0:
            break

    chosen = slots.rng.randrange(options)
    made = []
    for number in range(options):
        # Over "[" or "|".
        at[0] += 1
        made += _sequence(tokens, at, slots, live=live and number == chosen)

    # Over "]".
    at[0] += 1
    return made


def _roughened(segments: list[Segment], rng: random.Random) -> list[Segment]:
    """As people type: all in small letters, in capitals, without accents, without the last full stop."""
    draw = rng.random()
    if draw < 0.09:
        segments = [(text.lower(), label) for text, label in segments]
    elif draw < 0.13:
        segments = [(text.upper(), label) for text, label in segments]
    elif draw < 0.16:
        segments = [(text.title() if text.islower() else text, label) for text, label in segments]
    elif draw < 0.21:
        segments = [(_without_accents(text), label) for text, label in segments]

    if rng.random() < 0.15 and segments and segments[-1][1] is None:
        segments = [*segments[:-1], (segments[-1][0].rstrip("."), None)]

    if rng.random() < 0.06 and segments and segments[-1][1] is None and len(segments[-1][0]) > 12:
        # A column that was too narrow.
        cut = rng.randrange(len(segments[-1][0]) - 9, len(segments[-1][0]))
        segments = [*segments[:-1], (segments[-1][0][:cut], None)]

    # quoted, as a list, or after a broken encoding.
    if rng.random() < 0.08 and len(segments) > 3:
        mark = rng.choice(["> ", "- ", "* ", "• ", "| ", "? ", "?? ", "\ufffd ", "# ", "    "])
        segments = [
            (mark, None),
            *((text.replace("\n", f"\n{mark}") if not label else text, label) for text, label in segments),
        ]
    elif rng.random() < 0.04:
        lead = rng.choice(["> ", "- ", "* ", "#", "?? ", "1. ", "• ", '"', "("])
        segments = [(lead, None), *segments]

    return segments


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _document(segments: list[Segment]) -> Document:
    text = ""
    spans = list[tuple[int, int, str]]()
    for part, label in segments:
        # An optional part that was left out leaves its space.
        if (not spans or spans[-1][1] < len(text)) and text.endswith(" ") and part[:1] in {" ", ".", ","}:
            text = text[:-1]

        kept = part.strip(" \n")
        if label and kept:
            start = len(text) + part.index(kept)
            spans.append((start, start + len(kept), label))

        text += part

    return Document(text, tuple(spans))
