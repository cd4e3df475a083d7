"""Dates of birth behind, or before, a word that says so: "DOB 19850312", "née à Lyon le 12 mars 1985", "(*12.03.1985)".

Labels and months are those of seven languages. Between a label and its date may stand words such as "is" and "on", a
time, a format in brackets ("dd/mm/yyyy"), and for "born" a place. The finding is the whole date with its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.stand_ins.written_dates import MONTHS
from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.labelled import Span, any_of, span_of, split_list

SCORE = 1.0
"""Above that of any other date, which would be kept."""

_BORN = split_list(
    "born, geboren, geb., geb, né, née, né(e), nés, nacido, nacida, nacido/a, nació, nato, nata, nato/a, nascido,"
    " nascida, nascido(a), nasceu, birthed"
)
_BIRTH = split_list(
    "d.o.b., d.o.b, dob, d o b, date of birth, birth date, birthdate, birth, yob, year of birth, birth year,"
    " geburtsdatum, geburtsdat., geburtsjahr, geb.-datum, geb.datum, geb.-dat., geb.dat., geb. datum, date de"
    " naissance,"
    " naissance, année de naissance, ddn, fecha de nacimiento, fecha nacimiento, nacimiento, fec. nac., f. nac.,"
    " f.nac.,"
    " fecha nac., año de nacimiento, data di nascita, nascita, anno di nascita, data de nascimento, nascimento,"
    " data nasc., dt. nasc., d.n., d. n., f.n., ano de nascimento, geboortedatum, geboortejaar, geb.datum, gebdatum"
)
_BIRTHDAY = split_list(
    "birthday, birth day, bday, b-day, b'day, geburtstag, anniversaire, cumpleaños, compleanno, aniversário,"
    " aniversario, verjaardag, geboortedag"
)

_MONTH = rf"(?:{'|'.join(sorted(map(re.escape, MONTHS), key=len, reverse=True))})(?![^\W\d_])\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th|er|ère|[ºª°e])?(?![\d\w])"
_YEAR4 = r"(?:1[89]|20)\d\d"
_YEAR = rf"(?:{_YEAR4}|['’]?\d\d)(?!\d)"
_OF = r"(?:\s{1,2}(?:of|de|del|di|do))?"
_TIME = (
    r"(?:(?:T|,? (?:at |um |à |a las |alle |às |om )?)\d{1,2}[:.h]\d\d(?::\d\d)?(?:\.\d{1,6})?Z?(?: ?[ap]\.?m\.?)?)?"
)
_NUMERIC = (
    r"\d{1,4} ?[./-] ?\d{1,2} ?[./-] ?\d{2,4}(?!\d)|\d{1,2} \d{1,2} \d{4}(?!\d)"
    r"|\d{4} \d{2} \d{2}(?!\d)"
)
_COMPACT = rf"{_YEAR4}\d{{4}}(?!\d)|\d{{4}}{_YEAR4}(?!\d)"
_WRITTEN = (
    rf"(?:the\s)?{_DAY}\.?{_OF}[\s,-]{{0,2}}{_MONTH}(?:{_OF}[\s,.-]{{0,2}}{_YEAR})?"
    rf"|{_MONTH}[\s-]{{0,2}}(?:the\s)?{_DAY}(?:{_OF}[\s,.-]{{0,2}}{_YEAR})?"
    rf"|{_YEAR4}[\s-]{_MONTH}[\s-]\d{{1,2}}(?!\d)"
)
_MONTH_YEAR = rf"{_MONTH}{_OF}[\s,.-]{{0,2}}{_YEAR4}|\d{{1,2}}/{_YEAR4}(?!\d)"
_FULL = rf"(?:{_NUMERIC}|{_WRITTEN}|{_COMPACT}){_TIME}"

_WEEKDAYS = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun|montag|dienstag|mittwoch|donnerstag|"
    r"freitag|"
    r"samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|"
    r"domingo|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|segunda-feira|terça-feira|quarta-feira|"
    r"quinta-feira|"
    r"sexta-feira|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag"
)
_LINK = (
    rf"(?:{_WEEKDAYS}|is|was|were|on|the|in|of|at|as|about|around|circa|ca|c|noted|recorded|listed|year|day|date|to|"
    rf"be|am|im|den|"
    r"der|vom|ist|war|wurde|um|jahr|jahre|le|la|est|était|en|el|día|es|fue|era|il|giorno|nel|lo|è|em|no|dia|é|foi|op|"
    r"de|het|werd|au|à|"
    r"his|her|my|their)"
    r"(?![^\W\d_])\.?"
)
_GAP = (
    rf"(?:[\s\u00a0]{{0,3}}(?:{_LINK}|\d{{1,2}}[:h]\d\d(?!\d)|[(\[][dmyjatDMYJAT/. -]{{4,12}}[)\]]"
    r"|[:=,;>|(\[\"'*.–—-]))"
)
_GAPS = rf"{_GAP}{{0,7}}[\s\u00a0]{{0,3}}"
_PLACE = (
    r"(?:,?\s{1,2}[^\W\d][\w'’.-]{0,24}){1,10}?"
    rf"(?:,\s{{0,2}}|,?(?:\s{{1,2}}(?:on|am|le|el|il|em|op|den|in|the|vom|de|{_WEEKDAYS}),?){{1,3}}\s{{1,2}})"
)

_LABELLED = (
    rf"(?<!\w)(?:(?:{any_of(_BIRTH)}){_GAPS}(?P<a>{_FULL}|{_MONTH_YEAR}|{_YEAR4}(?!\d)|\d{{6}}(?!\d))"
    rf"|(?:{any_of(_BORN)})(?:{_GAPS}|{_PLACE})(?P<b>{_FULL}|{_MONTH_YEAR}|{_YEAR4}(?![\d.,]))"
    rf"|(?:{any_of(_BIRTHDAY)}){_GAPS}(?P<c>{_FULL}|{_MONTH_YEAR})"
    rf"|(?<![.])b\.\s?(?P<d>{_FULL}|{_YEAR4}(?!\d))"
    rf"|\*\s?(?P<e>{_FULL}))(?![\d%])"
)
_BEFORE_LABEL = (
    rf"(?<![\w./-])(?P<a>{_FULL})[\s(,\[–-]{{1,3}}(?:is |was |as |ist |est |es |è |é )?(?:his |her |my |the |their )?"
    rf"(?:{any_of([*_BIRTH, *_BIRTHDAY, 'geboren', 'geb.'])})(?!\w)(?!\s?[:=]?\s?\d)"
)

KEYWORDS = frozenset(
    "born n f geboren geb né née nés e nacido nacida nació nato nata nascido nascida nasceu dob d o b birth"
    " birthdate yob"
    " geburtsdatum geburtsdat geburtsjahr naissance ddn nacimiento nac nascita nascimento nasc geboortedatum"
    " geboortejaar"
    " gebdatum birthday bday geburtstag anniversaire cumpleaños compleanno aniversário aniversario verjaardag"
    " geboortedag birthed".split()
)
"""Words of which one is in each text that the first pattern can match, but for the asterisk."""

_WORDS_OF_LABELS = frozenset(
    "am le la il em op el de di do a à en on of the date datum data fecha année año anno ano".split()
)
_SURNAMES = frozenset({"born", "nata", "nato", "birth"})


def is_birth_label(text: str) -> bool:
    """Whether a text is no more than words that announce a date of birth: "geboren am", "fecha de nacimiento"."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    labels = [word for word in words if len(word) > 2 and word in KEYWORDS]
    if not labels or (len(words) == 1 and words[0] in _SURNAMES):
        return False
    return KEYWORDS.union(_WORDS_OF_LABELS).issuperset(words)


class BirthDates:
    """Finds dates of birth. It has Presidio's interface as far as a `Recognizer` uses it."""

    supported_entities = ("DATE_OF_BIRTH",)

    def __init__(self) -> None:
        import regex

        self._patterns = (BoundedRegex(_LABELLED, regex.IGNORECASE), BoundedRegex(_BEFORE_LABEL, regex.IGNORECASE))

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Dates of a text."""
        for pattern in self._patterns:
            for match in pattern.finditer(text):
                name = next(name for name in match.groupdict() if match[name] is not None)
                if _may_be_date(match[name]):
                    yield span_of(match, name, SCORE)


def _may_be_date(text: str) -> bool:
    """Whether the numbers of a written date can be a day, a month and a year."""
    numbers = [int(number) for number in re.findall(r"\d+", text)[:3]]
    if len(numbers) == 3 and not any(map(str.isalpha, text)):
        small = sorted(number for number in numbers if number <= 31)
        return len(small) >= 2 and small[0] <= 12
    return True
