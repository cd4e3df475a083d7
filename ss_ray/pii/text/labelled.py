"""Identifiers of any shape behind a word that announces them: "policy no. AB 12-34 56", "Kontonummer lautet 47 11".

The grammar is label, gap, value. The label is one of `id_labels.py`. The gap has words for "number" and "is", and
signs. The value is one or more groups with a digit, joined by spaces, dots, dashes and slashes.

Behind a bare label ("case 12345") a value needs more digits than behind a sign ("case no. 1234"), because numbers that
are no identifiers stand there: years, dates, amounts, quantities, times and versions never count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.id_labels import IdLabels

SPACE = r"[ \t\u00a0\u2007\u202f]"
_NUMBER_WORDS = (
    "numbers?|no|nos|num|nr|nbr|n\\.[°ºo]|n(?=\\.)|n[°ºo]|nº|№|ids?|i\\.d|identifier|identification|code|refs?|reference|card|"
    "holder|"
    "nummer|nummern|kennung|karte|numéro|numero|número|num[eé]ro de|núm|código|codice|tarjeta|cartão|carte|nummers?|"
    "kaart"
)
_LINK_WORDS = (
    "is|was|are|were|being|now|reads?|with|ist|war|lautet|sind|mit|der|die|est|était|sont|avec|le|es|era|son|con|el|"
    "è|é|"
    "sono|il|são|com|o|met|het|de|wel"
)
_ENDING_WORDS = (
    "ending(?: in| with)?|ends? (?:in|with)|last (?:four|4)(?: digits?)?(?: are| is)?|endend auf|mit der endung|"
    "endet auf|"
    "(?:se )?terminant par|finissant par|(?:que )?termina(?:da|do)? (?:en|in|con|em)|che finisce (?:in|con)|"
    "eindigend op"
)
LETTER = r"[^\W\d_]"
JOINT = r"(?:[\s\u00a0_-]{1,2}|(?<=[^\W\d_])(?=[^\W\d_]))"
LABEL_START = r"(?:(?<![^\W_])|(?<=[a-z])(?=[A-Z]))"
"""The beginning of a word, or of a part of a program's name: "user" in "db_user" and "dbUser"."""
LABEL_END = rf"(?:(?!{LETTER})|(?<=[a-z])(?=[A-Z]))"
# A clause between commas, if "is" follows: "her account, which she opened in May, is 4471".
_CLAUSE = r",[^,\n.;:]{2,40},(?=\s(?:is|was|ist|war|lautet|est|es|era|è|é)\s)"
# An owner, if "is" or a sign follows: "the account number of Olga Stone is 4471902".
_OWNER = (
    r"(?:of|for|von|für|de|du|pour|del|para|di|per|do|da|van|voor)(?:[ ](?:the|this|my|his|her|your|our|their|client|"
    r"customer|patient|holder|applicant|owner|insured|tenant|debtor|buyer|seller|plaintiff|defendant|beneficiary|"
    r"(?-i:[A-ZÀ-ÖØ-Þ])[\w.'’-]{0,19})){1,4}?"
    r"(?=\s(?:is|was|ist|war|lautet|est|es|era|è|é)\s|\s?[:=])"
)
GAP = (
    rf"(?:[\s\u00a0]{{0,2}}(?:{_CLAUSE}|{_OWNER}|(?:{_ENDING_WORDS}|{_NUMBER_WORDS}|(?:{_LINK_WORDS})(?![-/]\w))(?!{LETTER})|[:=#>|,(\"'\[.–—*-]))"
    r"{0,6}[\s\u00a0]{0,2}"
)
"""What may stand between a label and its value."""

_JOINT = r"[-/.–‑·_]"
_LETTERS_FIRST = rf"(?:[A-Za-z]{{1,8}}{_JOINT}|[A-Z]{{1,4}}{SPACE}){{0,2}}"
_GROUP = r"[A-Za-z]{0,6}\d[A-Za-z0-9]{0,39}"
_MORE_SPACED = rf"{SPACE}(?:\d{{2,}}[A-Z0-9]{{0,12}}|[A-Z]{{1,3}}\d[A-Z0-9]{{0,12}}|\d(?={SPACE}\d))(?![\w:%€$£])"
_LETTER_BETWEEN = rf"{SPACE}[A-Z](?={SPACE}\d{{2}})"
_MORE_JOINED = rf"{_JOINT}[A-Za-z0-9]{{1,40}}"
_LAST_LETTER = rf"(?:{SPACE}?[-/]?(?:[B-HJ-Z](?!\w|[.'’]\w)|[AI](?=[.,;)\n]|$))|\(\d\))"
_COURT = r"(?:\d{1,2}:(?=\d\d-[A-Za-z]{2}-\d))?"
VALUE = rf"{_COURT}{_LETTERS_FIRST}{_GROUP}(?:{_MORE_JOINED}|{_MORE_SPACED}|{_LETTER_BETWEEN}){{0,12}}{_LAST_LETTER}?"
"""One or more groups of letters and digits. Groups behind a space need two digits, so that no word is one of them."""

_BEFORE_LABEL = re.compile(
    r"(?:num[eé]ro|número|n[°ºo]\.?|nr\.?|no\.?|nummer|number|código|code|codice)"
    r"(?: (?:de|del|di|da|do|of|van|der|des))?(?: (?:la|el|il|le|the|het|de))?(?: |d['’]|l['’])$",
    re.IGNORECASE,
)
_ENDING = re.compile(_ENDING_WORDS, re.IGNORECASE)
_ENDING_LABELS = IdLabels("", "", min_digits=3)
_WEAK_LINKS = re.compile(
    r"[,.(]|\b(?:with|mit|der|die|avec|le|con|el|il|com|o|met|het|de|now|card|holder|are|were|was)\b", re.IGNORECASE
)
_YEAR = re.compile(r"(?:19|20)\d\d(?:[-/–](?:\d\d|(?:19|20)\d\d))?")
_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d\d)|(?:19|20)\d\d([./-])\d{1,2}\2\d{1,2}")
_AMOUNT = re.compile(r"\d{1,6}\.\d{1,2}|\d{1,3}(?:\.\d{3})+,\d\d")
_VERSION = re.compile(r"v\d+(?:\.\d+){1,3}", re.IGNORECASE)
_FILE_NAME = re.compile(r".*\.(?:docx?|pdf|xlsx?|pptx?|txt|csv|json|xml|html?|zip|jpe?g|png|gif|mp[34])", re.IGNORECASE)
_UNIT_BEHIND = re.compile(
    r"[\s\u00a0]?(?:[%€$£¥°]|(?:eur|usd|gbp|chf|euros?|dollars?|pounds?|days?|weeks?|months?|years?|hours?|hrs?|mins?|"
    r"minutes?|times?|percent|kg|mg|ml|km|cm|mm|gb|mb|kb|people|members?|employees?|users?|customers?|items?|pages?|"
    r"tage|jahre|stunden|jours|ans|heures|días|años|horas|giorni|anni|ore|dias|anos|dagen|jaar|uur|points?|miles)\b)"
    r"|:\d|,\d{3}",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"[€$£¥]\s?$")
_MIXED = re.compile(r"[A-Z0-9]*[A-Z]\d+[A-Z][A-Z0-9]*")
_MIN_MIXED_DIGITS = 3
_MAX_ENDING_DIGITS = 6
_MIN_DIGITS_BEFORE = 6
_NUMBER_FORMS = ("", "s", "n", "nummer", "nr", "nummern", "snummer", "snr")


class Span(NamedTuple):
    """A match of a search of ours, with the part of Presidio's result that a `Recognizer` reads."""

    start: int
    end: int
    score: float


class LabelledIds:
    """Finds the identifiers of one entity type behind its labels. It has Presidio's interface as far as we use it."""

    def __init__(self, labels: IdLabels):
        self.supported_entities = (labels.entity_type,)
        self._labels = labels
        words = split_list(labels.words)
        signs = split_list(labels.needs_sign)
        capitals = split_list(labels.capitals)
        signed_capitals = split_list(labels.signed_capitals)

        # The label that demands a sign is a group of its own.
        parts = [rf"(?i:{any_of(words)})"] if words else []
        if signs or signed_capitals:
            choices = [rf"(?i:{any_of(signs)})"] * bool(signs) + [any_of(signed_capitals)] * bool(signed_capitals)
            parts.append(rf"(?P<signed>{'|'.join(choices)})")
        if capitals:
            parts.append(any_of(capitals))

        self._pattern = BoundedRegex(
            rf"{LABEL_START}(?:{'|'.join(parts)})(?P<compound>(?i:[sn]?\.?-?(?:nummer|nr\.?)))?{LABEL_END}"
            rf"(?P<gap>(?i:{GAP}))(?<![^\W_])(?P<value>{VALUE})(?!\w)"
        )
        self.keywords = keywords_of([*words, *signs, *map(str.lower, (*capitals, *signed_capitals))])

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Values of a text."""
        for match in self._pattern.finditer(text):
            gap = _WEAK_LINKS.sub("", match["gap"]).strip()
            is_signed = (
                bool(gap or match["compound"])
                or _BEFORE_LABEL.search(text, max(0, match.start() - 24), match.start()) is not None
            )
            if match.groupdict().get("signed") and not is_signed:
                continue

            found = _join_prefix(text, match, self._labels.score)
            is_ending = _ENDING.search(match["gap"]) is not None
            if is_ending and self._labels.min_digits > _MAX_ENDING_DIGITS:
                # The end of a number of fixed length is no number of that type.
                continue
            if is_identifier(text, found, is_signed, _ENDING_LABELS if is_ending else self._labels):
                yield found


def _join_prefix(text: str, match: Any, score: float) -> Span:
    """The span of a value, with its label where a dash joins them and it is in capitals: "EMP-82848" is one number."""
    found = span_of(match, "value", score)
    if match["gap"] in ("-", "/") and text[match.start() : match.start("gap")].isupper():
        return found._replace(start=match.start())
    return found


def span_of(match: Any, group: str, score: float) -> Span:
    """The span of a group of a match."""
    start, end = match.span(group)
    return Span(start, end, score)


def is_identifier(text: str, found: Span, is_signed: bool, labels: IdLabels) -> bool:
    """Whether a value behind a label is an identifier, and no year, date, amount, quantity, time or version."""
    start, end, _ = found
    value = text[start:end]
    if not _has_enough_digits(value, labels.min_digits if is_signed else labels.min_bare_digits):
        return False
    if sum(map(str.isdigit, value)) > labels.max_digits:
        return False

    if not is_signed and _YEAR.fullmatch(value):
        return False
    if _DATE.fullmatch(value) or _AMOUNT.fullmatch(value) or _VERSION.fullmatch(value):
        return False
    if _FILE_NAME.fullmatch(value):
        return False

    return not _UNIT_BEHIND.match(text, end) and not _MONEY_BEFORE.search(text, max(0, start - 2), start)


def is_identifier_before(labels: IdLabels, text: str, found: Span) -> bool:
    """Whether a value before its label is an identifier. No sign stands there, so it needs more digits."""
    return is_identifier(text, found, False, labels._replace(min_bare_digits=_MIN_DIGITS_BEFORE))


def _has_enough_digits(value: str, needed: int) -> bool:
    """Whether a value has the digits that it needs, fewer where capitals stand between them: "C4VKZ1J9K"."""
    num_digits = sum(map(str.isdigit, value))
    if _MIXED.fullmatch(value) and num_digits >= _MIN_MIXED_DIGITS:
        return True

    has_letter = any(map(str.isalpha, value))
    return num_digits >= needed - (has_letter and len(value) >= needed)


def split_list(words: str) -> list[str]:
    """The entries of a list with commas."""
    return [word.strip() for word in words.split(",") if word.strip()]


def any_of(phrases: Sequence[str]) -> str:
    """A pattern of phrases, the longest first, whose words may stand on two lines or be joined: "api_key", "apiKey"."""
    ordered = sorted(set(phrases), key=len, reverse=True)
    return "(?:" + "|".join(re.escape(p).replace(r"\ ", JOINT).replace("'", "['’]") for p in ordered) + ")"


def keywords_of(phrases: Sequence[str]) -> frozenset[str]:
    """For each phrase its longest word in the forms in which a text may have it."""
    rarest = {max(re.findall(rf"{LETTER}+", phrase), key=len) for phrase in phrases}
    return frozenset(word + form for word in rarest for form in _NUMBER_FORMS)
