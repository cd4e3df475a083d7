"""Whether a text is prose, a fragment or codes: what the model of names reads, and which of its findings are believed.

    PROSE      words in a row, a name, a list of names                   read; findings are believed
    FRAGMENT   words between numbers, abbreviations or program symbols   read; findings need evidence of their own
    CODES      no word at all: "GCS 15", "CNOCClC", "[3, 9]", "SM64S2"   not read

The model was trained on sentences, and takes what has no place in one for a name. The evidence is the form of each
token (a word has a vowel, and no digit or capital inside), English function words, and lists of names and places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from ss_ray.pii.text.language import english_function_words, foreign_language
from ss_ray.pii.text.word_lists import english_band, is_known


class TextKind(StrEnum):
    """Kind of a text, see the module."""

    PROSE = "prose"
    FRAGMENT = "fragment"
    CODES = "codes"


_EDGE = ".,;:!?\"'“”„«»()*_<>…–—"
_LETTERS = re.compile(r"[^\W\d_]+(?:['’´`-][^\W\d_]+)*")
_PLAIN_CASE = re.compile(r"[^\W\d_A-Z]+|[A-Z][^\W\d_A-Z]*|(?:Mc|Mac|De|Di|Du|La|Le|Van|Von|Fitz|O)[A-Z][^\W\d_A-Z]+")
_VOWEL = re.compile(r"[aeiouy]|[^\x00-\x7f]", re.IGNORECASE)
_CONSONANTS = re.compile(r"[b-df-hj-np-tv-xz]{7}", re.IGNORECASE)
_CONSONANTS_OF_CAPITALS = re.compile(r"[B-DF-HJ-NP-TV-XZ]{4}")
_NUCLEOTIDES = re.compile(r"[ACGTUN]{6,}")
_SYMBOLS = re.compile(
    r"\w\(|\(\)|\)\.|;\s*$|[=!<>]=|->|=>|::|\w\[|\]\.|[{}]|</|/>|\w_\w|[a-z]{2}[A-Z][a-z]|\w\.\w+\("
    r"| = |^=|\s--\w|(?:/[\w.-]+){3}|\bSELECT\b|\bALTER\b|#\w+ <|\^|~ |\|\||&&|\\[nt]|^import |\[[A-Z]+\]"
)
# Addresses of mail and pages, whose symbols are no program's.
_ADDRESS = re.compile(r"\S+@\S+|(?:https?://|www\.)\S+")
_CUE = re.compile(
    r"\b(?:called?|calls|calling|spoke|speak|talked|with|w/|per|by|from|for|to|met|ask|asked|see|saw|name|mr|mrs|ms|miss"
    r"|dr|prof|patient|pt|mother|father|wife|husband|son|daughter|cc|attn|re)\b[.:]?\s*$|\bw/\s*$",
    re.IGNORECASE,
)
# Words and initials before a name in prose.
_INTRODUCED = re.compile(r"(?:\b(?i:named|dear|hi|hello|thanks|(?:calls?|called) me|i am|i'm)|\b[A-Z]\.),? $")
_BY_WORDS = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP", "STREET_ADDRESS", "JOB_TITLE"})
_PLACES = ("city", "state", "country")
_PEOPLE = ("first_name", "last_name")
_MIN_WORD, _MIN_SMALL_WORD = 3, 2
# Words that capitals spell: shorter ones are abbreviations.
_MIN_CAPITALS = 4
# Digits of a phone number without its area code.
_MIN_PHONE_DIGITS = 7
# Smallest scores of names in prose: of no list, of no list in capitals, in small letters, and of English words.
_UNLISTED_SCORE, _CAPITALS_SCORE = 0.55, 0.8
_SMALL_SCORE, _WORD_SCORE = 0.7, 0.7
# Of words whose capital may be that of a sentence.
_FIRST_WORD_SCORE, _DOUBTFUL_PLACE_SCORE = 0.6, 0.65
_ORGANISATION_SCORE, _LONG_ORGANISATION_SCORE = 0.5, 0.4
_SENTENCE_START = re.compile(r"(?:^|[.!?:…\n])[\s\"'“‘(\[*]*$")
# Digits of a part of an address that has no letter.
_MIN_LONE_DIGITS = 4
_STATE_LETTERS = 2
_SPACED_THOUSANDS = re.compile(r"\d, ?\d{3}(?!\d)")
_NO_ADDRESS = re.compile(
    r"(?:sections?|articles?|schedules?|chapters?|tab|page|figure|table|rmb|usd|eur)\b|[$€£]|\d{1,2} ?[ap]\. ?m"
    r"|[\d/.]+ ?(?:mmhg|mg|mcg|ml|kg|mm|cm|bpm|°)(?!\w)",
    re.IGNORECASE,
)
# A number of two digits beside a word: "106 rúa olmos", and no "the 3 rd room".
_SMALL_ADDRESS = re.compile(r"\d\d[^\W\d_]? .*[^\W\d_]{4}|[^\W\d_]{4,}.* \d\d")
_STREET = re.compile(
    r"(?:street|road|avenue|ave|drive|lane|court|boulevard|blvd|way|plaza|place|square|terrace|crescent|highway|parkway|"
    r"apt|apartment|suite|unit|floor|box|straße|strasse|str|weg|platz|allee|rue|calle|via|rua|laan|straat|plein)\b",
    re.IGNORECASE,
)
_MIN_CODE_SHARE = 0.25
_FEW, _SHORT, _MIN_LINES, _MAX_CODES_A_WORD = 3, 6, 3, 1.5
# A longer text is judged by its beginning.
_LOOKED_AT = 2_000


@lru_cache(maxsize=1 << 14)
def kind_of_text(text: str) -> TextKind:
    """How a text is to be read by a model of names."""
    tokens = [token for part in text[:_LOOKED_AT].split() if (token := part.strip(_EDGE))]
    words = [token for token in tokens if is_word(token)]
    if not words:
        return TextKind.CODES
    if _is_program(text):
        return TextKind.FRAGMENT
    if any(word.lower() in english_function_words() for word in words):
        return TextKind.PROSE

    num_codes = sum(_is_code(token) for token in tokens)
    # An address has numbers, too, but a word for each, and a card of contacts has lines.
    is_dense = num_codes > len(words) * (1 if text.count("\n") < _MIN_LINES else _MAX_CODES_A_WORD)
    is_abbreviated = text.isupper() and len(tokens) <= _FEW
    if is_abbreviated or (num_codes >= _MIN_CODE_SHARE * len(tokens) and (is_dense or len(tokens) <= _SHORT)):
        return TextKind.FRAGMENT

    return TextKind.PROSE


def is_read(text: str, *, english_only: bool, usual_language: str | None = None) -> bool:
    """Whether a model of names reads a text: one that is no code and, for a model of English, surely of no other."""
    if kind_of_text(text) is TextKind.CODES:
        return False
    return not (english_only and foreign_language(text, usual_language))


def is_believed(text: str, start: int, end: int, entity_type: str, score: float = 1.0) -> bool:
    """Whether the model's finding in a text that it reads is believed.

    In prose a name needs a letter sequence that can be a word, and a higher score where no list of names holds it. In a
    fragment it has to be in the lists of names or places, or stand behind a word such as "called".
    """
    part = text[start:end]
    if entity_type == "PHONE_NUMBER":
        return sum(map(str.isdecimal, part)) >= _MIN_PHONE_DIGITS
    if entity_type not in _BY_WORDS:
        return True

    words = [word for word in _LETTERS.findall(part) if len(word) > 1]
    if kind_of_text(text) is TextKind.PROSE:
        if entity_type == "STREET_ADDRESS":
            return _is_address(part)
        is_spelled = any(map(is_word, words)) or part.replace(" ", "").replace(".", "").isalpha()
        return is_spelled and score >= _needed_score(text, start, end, entity_type)

    words = [word for word in words if is_word(word)]
    if not words or entity_type == "JOB_TITLE":
        return bool(words)
    if entity_type == "PERSON" and words[0][0].isupper() and _CUE.search(text, max(0, start - 40), start):
        return True

    return _is_listed(words, entity_type, is_program=_is_program(text))


def _needed_score(text: str, start: int, end: int, entity_type: str) -> float:
    """Smallest score of a name in prose: none for one that is listed or announced, more for small letters and words.

    Measured on the development sets of `recipes/labelled_sets.py`: below these scores most findings are no names.
    """
    part = text[start:end]
    words = _LETTERS.findall(part)
    if entity_type == "ORGANIZATION":
        return _score_of_organisation(part, words)
    if entity_type not in ("PERSON", "LOCATION"):
        return 0.0

    if part.isupper() and not text.isupper():
        return _score_of_capitals(part, words, entity_type)

    place = max(0, start - 40)
    is_announced = bool(_CUE.search(text, place, start) or _INTRODUCED.search(text, place, start))
    starts_sentence = _SENTENCE_START.search(text, place, start) is not None
    if entity_type == "LOCATION":
        return _score_of_place(part, words, is_doubtful=starts_sentence and not is_announced)
    if is_announced or any(is_known(word, _PEOPLE[:1]) for word in words):
        return 0.0
    return _score_of_person(part, words, starts_sentence=starts_sentence)


def _score_of_capitals(part: str, words: Sequence[str], entity_type: str) -> float:
    """Smallest score of a name in capitals, which abbreviate places and things, but hardly ever persons."""
    if entity_type == "PERSON":
        return 0.0 if any(is_known(word, _PEOPLE) for word in words) else _CAPITALS_SCORE
    is_abbreviated = len(part) < _MIN_CAPITALS or "." in part
    return 0.0 if is_abbreviated or is_known(" ".join(words), _PLACES) else _UNLISTED_SCORE


def _score_of_person(part: str, words: Sequence[str], *, starts_sentence: bool) -> float:
    """Smallest score of a person without a listed first name."""
    if part.islower():
        return _SMALL_SCORE
    if len(words) > 1:
        return 0.0
    if all(map(english_band, words)):
        return _WORD_SCORE
    if any(is_known(word, _PEOPLE) for word in words):
        return 0.0
    return _FIRST_WORD_SCORE if starts_sentence else _UNLISTED_SCORE


def _score_of_place(part: str, words: Sequence[str], *, is_doubtful: bool) -> float:
    """Smallest score of a place; `is_doubtful` says that its capital is that of a sentence."""
    if is_known(" ".join(words), _PLACES):
        return _DOUBTFUL_PLACE_SCORE if is_doubtful or all(map(english_band, words)) else 0.0
    return _SMALL_SCORE if len(words) < 2 else _UNLISTED_SCORE


def _score_of_organisation(part: str, words: Sequence[str]) -> float:
    """Smallest score of an organisation, of which no list is kept."""
    if part.islower():
        return _SMALL_SCORE
    if len(words) > 1:
        return _LONG_ORGANISATION_SCORE
    return _FIRST_WORD_SCORE if all(map(english_band, words)) else _ORGANISATION_SCORE


def _is_address(part: str) -> bool:
    """Whether a part of an address is one by its form: two words, a word with a number, or the name of a street."""
    words = _LETTERS.findall(part)
    if not words:
        return _SPACED_THOUSANDS.search(part) is None and sum(map(str.isdigit, part)) >= _MIN_LONE_DIGITS
    if _NO_ADDRESS.match(part):
        return False
    if part.islower():
        return _STREET.search(part) is not None or _SMALL_ADDRESS.search(part) is not None
    is_state = part.isupper() and len(part) == _STATE_LETTERS
    return is_state or len(words) > 1 or any(map(str.isdigit, part)) or _STREET.search(part) is not None


def _is_listed(words: Sequence[str], entity_type: str, *, is_program: bool) -> bool:
    """Whether the lists of names and places know the words of a finding in a fragment."""
    if entity_type == "PERSON":
        num_known = sum(is_known(word, _PEOPLE) for word in words)
        if len(words) > 1:
            return num_known == len(words) if is_program else num_known * 2 >= len(words)
        return len(words[0]) >= _MIN_CAPITALS and is_known(words[0], _PEOPLE[:1] if is_program else _PEOPLE)

    if is_known(" ".join(words), _PLACES) or (entity_type == "STREET_ADDRESS" and not is_program):
        return max(map(len, words)) >= _MIN_CAPITALS
    # A name of two words begins both in one case: "Vanc trough" is an abbreviation before a noun.
    return len(words) > 1 and not is_program and words[0][0].isupper() == words[-1][0].isupper()


@lru_cache(maxsize=1 << 15)
def is_word(token: str) -> bool:
    """Whether a token can be a word or a name of three letters or more, in any language."""
    if (
        len(token) < (_MIN_SMALL_WORD if token.islower() else _MIN_WORD)
        or not _LETTERS.fullmatch(token)
        or not _VOWEL.search(token)
    ):
        return False
    if _NUCLEOTIDES.fullmatch(token) or _CONSONANTS.search(token):
        return False
    if token.isupper():
        return len(token) >= _MIN_CAPITALS and not _CONSONANTS_OF_CAPITALS.search(token)

    return all(_PLAIN_CASE.fullmatch(part) for part in re.split("['’´`-]", token))


def _is_code(token: str) -> bool:
    """Whether a token is a number, a unit, an abbreviation or a symbol, and no word; small letters may be any word."""
    is_small = token == "I" or (token.isalpha() and token.islower() and len(token) < _MIN_WORD)
    return not is_word(token) and not is_small


@lru_cache(maxsize=1 << 12)
def _is_program(text: str) -> bool:
    """Whether a text is program code: a symbol to ten tokens, and as many symbols as English function words."""
    text = _ADDRESS.sub(" ", text[:_LOOKED_AT])
    count = sum(1 for _ in _SYMBOLS.finditer(text))
    if not count:
        return False

    tokens = text.split()
    num_english = sum(token.lower() in english_function_words() for token in tokens)
    return count * 10 >= len(tokens) and count >= num_english
