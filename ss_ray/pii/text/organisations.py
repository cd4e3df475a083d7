"""Organisations by their legal form: "Muller & Sons", "Nordlicht GmbH & Co. KG", "Hale, Ortiz and Penn LLP"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.labelled import Span

SCORE = 0.6

_FORMS = (
    r"Ltd|Limited|LLC|L\.L\.C|LLP|L\.L\.P|LP|PLLC|Inc|Incorporated|Corp|Corporation|PLC|plc|Pty\.? Ltd|Pvt\.? Ltd|"
    r"Pte\.? Ltd|"
    r"Co\.,? Ltd|& Co\.? KGa?A?|GmbH & Co\.? KG|gGmbH|GmbH|mbH|AG|KGaA|KG|OHG|GbR|UG|e\. ?V|e\. ?K|e\. ?G|SE|"
    r"S\.A\. de C\.V|S\.A\.S|S\.A|SA|SAS|SASU|SARL|S\.à ?r\.l|S\.a\.r\.l|EURL|SNC|SCP|SCI|S\.L\.U|S\.L|SL|SLU|"
    r"S\.p\.A|SpA|S\.r\.l|Srl|SRL|S\.n\.c|S\.a\.s|Lda|Ltda|S/A|EIRELI|B\.V|BV|N\.V|NV|V\.O\.F|VOF|CVBA|BVBA|"
    r"Oyj?|AB|A/S|ApS|ASA|Kft|Zrt|s\.r\.o|a\.s|Sp\. ?z ?o\.o|S\.K\.A|d\.o\.o|d\.d|K\.K|"
    r"(?:&|and) (?:Sons?|Brothers|Bros|Daughters|Partners|Associates|Company|Co)|& (?:Söhne|Sohn|Cie|Partner|Fils|"
    r"Associés|"
    r"Figli|Hijos|Filhos|Zonen|Zoon|Collegen)|(?:et|e|y|und|en) (?:Fils|Figli|Hijos|Filhos|Zonen|Söhne)"
)
_WORD = r"(?:\d{1,4}|[^\W\d_a-zß-öø-ÿ][\w'’.+-]{0,30})"
_JOINT = (
    r"(?: (?:&|\+|and|und|et|y|e|en|of|for|de|del|della|der|des|di|do|da|van|von|the|la|le) (?:the |la |le )?|,? | )"
)
_PATTERN = rf"(?<![\w.@/-])(?P<name>{_WORD}(?:{_JOINT}{_WORD}){{0,5}}?,? (?:{_FORMS})(?!\w)\.?)"
CLUE = re.compile(
    r"[^\W\d_](?:,? (?:Ltd|Limited|LL[CP]|L\.L|LP|PLLC|Inc|Corp|PLC|plc|P[tv][yde]|Co\b|g?GmbH|mbH|[AKOU]H?G\b|KGaA|"
    r"GbR|"
    r"e\. ?[VKG]|S(?:\.|A\b|AS|ARL|E\b|NC\b|C[PI]\b|LU?\b|pA|rl|RL|/A|p\. )|EURL|EIRELI|L[t]?da|[BN]V|[BNVK]\.|VOF|"
    r"CVBA|BVBA|Oy|A[BS/p]|Kft|Zrt|s\.r|a\.s|d\.[od]))"
    r"| (?:&|and|et|e|y|und|en) (?:Son|Bro|Dau|Par|Ass|Com|Co\b|Söhn|Sohn|Cie|Fil|Fig|Hij|Zo|Coll)"
)
"""What each text with a legal form has."""
_LEADING = frozenset(
    """
    a an the at by for from in of on to with and or but our my his her their your its this that these those we i
    he she they it is was were are dear hello hi contact call visit der die das ein eine bei mit für les une
    chez los las una lo gli os uma het bij met
    """.split()
)


class Organisations:
    """Finds organisations by their legal form. It has Presidio's interface as far as a `Recognizer` uses it."""

    supported_entities = ("ORGANIZATION",)

    def __init__(self) -> None:
        self._pattern = BoundedRegex(_PATTERN)

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Organisations of a text, without a word that begins the sentence."""
        for match in self._pattern.finditer(text):
            start = match.start()
            words = match[0].split()
            while len(words) > 2 and words[0].lower().strip(",.") in _LEADING:
                start += len(words.pop(0))
                start += len(text[start:]) - len(text[start:].lstrip())
            if words[0].lower().strip(",.") not in _LEADING:
                yield Span(start, match.end(), SCORE)
