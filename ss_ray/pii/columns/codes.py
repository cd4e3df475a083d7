"""Columns of codes, sequences, measurements and formulas: searched by patterns, and changed as a whole or not at all.

A column is one of codes if next to no value has a word, or if its values are capitals and digits in one piece that are
no names. What a pattern finds in a few of them is chance: one in ten numbers passes the check digit of a card. So

    nearly every value holds a finding        no column of codes: the findings are real
    a fair share of the values                the column is replaced as a whole, each code by another of its shape
    fewer                                     the findings are dropped, unless nothing has their form by chance
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ss_ray.pii import entities as e
from ss_ray.pii.columns.classify import ColumnTyping
from ss_ray.pii.columns.features import shape
from ss_ray.pii.identifiers import ENTITY_TYPES, identifiers
from ss_ray.pii.text.detect import Finding
from ss_ray.pii.text.prose import TextKind, is_word, kind_of_text
from ss_ray.pii.text.word_lists import is_known

MIN_VALUES = 5
MIN_CODES = 0.95
# Share of names among capitals that random letters do not reach.
_MAX_NAMES = 0.2
_MANY, _MAX_RANDOM_NAMES = 20, 0.02
_MIN_NAME_LENGTH = 4
_CHANCE_SHARE, _REAL_SHARE = 0.1, 0.9
UNMISTAKABLE = frozenset({e.EMAIL_ADDRESS, e.URL, e.IBAN_CODE, e.API_KEY, e.MAC_ADDRESS})
"""Types whose form no code has by chance."""
_NAME_LISTS = ("first_name", "last_name", "city")


def judge_codes(values: Sequence[str], findings: Mapping[str, tuple[Finding, ...] | None]) -> ColumnTyping | None:
    """Typing of a column of codes: CODES, or UNIQUE_ID if patterns take a fair share of them for personal numbers.

    Args:
        values: Distinct values of a column that has no type.
        findings: Findings of the patterns by value.

    Returns:
        None for a column of words, names or sentences, for one whose values nearly all hold findings, and for fewer
        than MIN_VALUES values.
    """
    reason = _describe_codes(values)
    if reason is None:
        return None

    chances = sum(any(not is_certain(found, value) for found in findings.get(value) or ()) for value in values)
    certain = sum(any(is_certain(found, value) for found in findings.get(value) or ()) for value in values)
    if chances + certain >= _REAL_SHARE * len(values):
        return None
    if chances >= _CHANCE_SHARE * len(values) or _count_lookalikes(values, findings) > 1:
        reason += "; patterns take a share of them for personal numbers, so all are replaced"
        return ColumnTyping(entity_type=e.UNIQUE_ID, suspected=e.UNIQUE_ID, confidence=0.7, explanation=reason)

    return ColumnTyping(entity_type=e.CODES, suspected=e.CODES, confidence=MIN_CODES, explanation=reason)


def _count_lookalikes(values: Sequence[str], findings: Mapping[str, tuple[Finding, ...] | None]) -> int:
    """Number of values that the second scanner takes for numbers of persons, and that look like half of the others."""
    shapes = Counter(map(shape, values))
    hit = (
        value
        for value in values
        if any(f.entity_type not in UNMISTAKABLE and is_certain(f, value) for f in findings.get(value) or ())
    )
    return sum(shapes[shape(value)] * 2 >= len(values) for value in hit)


def is_certain(finding: Finding, text: str) -> bool:
    """Whether a finding in a code is no chance: of an unmistakable form, or seen by the second scanner, too."""
    if finding.entity_type in UNMISTAKABLE:
        return True
    kinds = {ENTITY_TYPES[identifier.kind] for identifier in identifiers(text)}
    return finding.entity_type in kinds


def holds_words(text: str) -> bool:
    """Whether a cell of a column of codes is no code but a note: two words, one of them not in capitals."""
    words = [word for word in text.split() if is_word(word.strip(".,;:!?()\"'"))]
    return len(words) > 1 and not all(map(str.isupper, words)) and kind_of_text(text) is not TextKind.CODES


def _describe_codes(values: Sequence[str]) -> str | None:
    """The reason why values are codes, in words; None where they are not."""
    if len(values) < MIN_VALUES:
        return None

    codes = [value for value in values if kind_of_text(value) is TextKind.CODES]
    if len(codes) >= MIN_CODES * len(values):
        return "next to no value has a word in it"

    pieces = [value for value in values if value.isascii() and len(value.split()) == 1]
    if len({*codes, *pieces}) < MIN_CODES * len(values):
        return None

    lettered = [value for value in pieces if len(value) >= _MIN_NAME_LENGTH]
    num_known = sum(is_known(value, _NAME_LISTS) for value in lettered)
    are_capitals = all(map(str.isupper, pieces))
    if are_capitals and num_known <= _MAX_NAMES * len(lettered):
        return "the values are capitals and digits in one piece, and no names"
    # Ordinary words are surnames more often than random letters are.
    if len(lettered) >= _MANY and num_known <= _MAX_RANDOM_NAMES * len(lettered):
        return "the values are letters in one piece, and neither words nor names"

    return None
