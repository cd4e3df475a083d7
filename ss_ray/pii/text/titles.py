"""Names behind a title, in languages that the model of names does not read: "Herr Müller", "Mme Dupont", "Sra. Ruiz".

A title says that a name follows, in any language, so no model is needed. Where such a name stands once more in the text
without its title, it is found, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ss_ray.pii.text.search import Match

TITLE_SCORE = 0.6

_TITLES = (
    "Herrn?|Frau|Fräulein|Familie|"  # German
    "Mme|M\\.|Mlle|MM\\.|[Mm]onsieur|[Mm]adame|[Mm]ademoiselle|"  # French
    "Sr|Sra|Srta|[Ss]eñora?|[Ss]eñorita|Don|[Dd]oña|"  # Spanish
    "[Ss]ig|[Ss]ig\\.ra|[Ss]ignora?|[Ss]ignorina|Dott|Dott\\.ssa|Dottore?|Dottoressa|Avv|Ing|"  # Italian
    "[Ss]enhora?|[Dd]ona|Dra|"  # Portuguese
    "[Dd]e heer|[Mm]eneer|[Mm]evrouw|[Mm]evr|[Dd]hr|[Mm]w|"  # Dutch
    "[Hh]err|[Ff]ru|[Pp]ani?|"  # Swedish, Polish
    "Dr|Prof|Docteure?|Doctora?|Doutora?|Dokter|Doktor"
)
_MORE_TITLES = r"(?:(?:Dr|Prof|Dipl|Ing|Mag|med|dent|jur|h\.c|ir|drs|mr|Dra|Dott|Dott\.ssa)\.?\s+){0,3}"
_PARTICLE = (
    r"(?:(?:[Vv]on|[Zz]u|[Zz]ur|[Vv]an|[Dd]e|[Dd]er|[Dd]en|[Dd]el|[Dd]ella|[Dd]elle|[Dd]i|[Dd]a|[Dd]os?|[Dd]as|[Dd]u"
    r"|[Ll]a|[Ll]e|[Tt]er|[Tt]en|'t)\s+|[dlDL]['’])"
)
_CAPITALISED = r"[A-ZÀ-ÖØ-ÞĀ-ŽȘȚ](?:[^\W\d_]|['’-](?=[^\W\d_])){1,30}"
_INITIAL = r"[A-ZÀ-ÖØ-Þ]\.\s*"
_TITLED = re.compile(
    rf"(?<![\w.])(?:{_TITLES})\.?\s+{_MORE_TITLES}"
    rf"((?:{_INITIAL}){{0,3}}{_PARTICLE}{{0,3}}{_CAPITALISED}(?:\s+{_PARTICLE}{{0,3}}{_CAPITALISED}){{0,2}})"
)
# Nouns that stand between a title and a name, or in the name's place.
_NO_NAME = frozenset("Doktor Professor Direktor Nachbar Nachbarin Docteur Professeur Doctor Doctora Dottore".split())


def find_titled(text: str) -> Iterator[Match]:
    """Names behind titles as PERSON, and their other occurrences in the text."""
    seen = set[str]()
    for match in _TITLED.finditer(text):
        name = match[1]
        if name in _NO_NAME:
            continue
        seen.update(word for word in name.split() if len(word) > 2 and word[0].isupper() and word.isalpha())
        yield Match(match.start(1), match.end(1), "PERSON", TITLE_SCORE)

    # A pattern is compiled only for words that stand once more.
    seen = {word for word in seen if text.count(word) > 1}
    if seen:
        again = "|".join(sorted(map(re.escape, seen), key=len, reverse=True))
        for match in re.finditer(rf"(?<!\w)(?:{again})(?!\w)", text):
            yield Match(match.start(), match.end(), "PERSON", TITLE_SCORE)
