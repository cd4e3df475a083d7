"""Identifiers behind any noun with a word for numbers: "Accession No. S21-004512", "visit number: V00012", "ID: 17-4".

No list holds all things that have numbers of their own, so every noun counts but those of things that are no person's
record: pages, laws, parts, orders, rooms. The value is longer than a count or a year.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.id_labels import IdLabels
from ss_ray.pii.text.labelled import LABEL_START, LETTER, VALUE, Span, is_identifier, span_of

# Below the labels of `id_labels.py` and valid national numbers, which know the type.
_SCORE = 0.4
NUMBER_WORDS = frozenset("no num nr number id identifier nummer numéro número numero".split())
_NO_RECORDS = frozenset(
    """
    a an the this that these those any each every some other another same large small high low total exact average
    favorite favourite new old right wrong correct winning telephone
    approximate first second last next lucky whole odd even random prime round serial maximum minimum in and or of by
    to with for at on is was has page line row table figure chapter section paragraph article clause item question
    exercise problem lesson part parts model sku product catalog catalogue drawing material stock lot batch order
    purchase invoice tracking isbn issn version build release revision bug issue pull error status port process thread
    channel track volume psalm symphony opus regulation directive law act rule bill resolution decree statute treaty
    patent standard norm iso din en flight gate seat room floor house building platform bus train tram route highway
    exit lane zone area district ward table wine atomic mass catalog firmware software article artikel seite zeile
    kapitel teil modell rechnung rechnungs bestell auftrags raum zimmer page ligne commande facture página línea pedido
    factura modelo pagina riga ordine fattura pagina regel bestelling factuur einecs cas phone telephone mobile
    """.split()
)
_LIMITS = IdLabels(entity_type="UNIQUE_ID", words="", min_digits=5)


class NumberedIds:
    """Finds identifiers of records of any kind. It has Presidio's interface as far as a `Recognizer` uses it."""

    supported_entities = ("UNIQUE_ID",)

    def __init__(self) -> None:
        sign = r"(?:[:#=]|(?:is|was|ist|est|es|è|é)(?=\s))"
        word = r"(?i:numbers?|num\.?|no\.|nr\.?|ids?|identifier|n[°ºo]\.?|nº|№|(?<!\s)#)"
        self._pattern = BoundedRegex(
            rf"{LABEL_START}(?:(?P<noun>{LETTER}{{2,20}})[\s\u00a0-]?{word}(?!{LETTER})[\s\u00a0]{{0,2}}{sign}?"
            rf"|ID[\s\u00a0]{{0,2}}{sign})[\s\u00a0]{{0,2}}(?P<value>(?<![^\W_]){VALUE})(?!\w)"
        )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Identifiers of a text."""
        for match in self._pattern.finditer(text):
            found = span_of(match, "value", _SCORE)
            if (match["noun"] or "").lower() not in _NO_RECORDS and is_identifier(text, found, True, _LIMITS):
                yield found
