"""Names of persons whose e-mail address stands in the same text: "Amanda Wright,amanda.wright86@example.com".

The address tells the first name and the surname, so they are found wherever they stand side by side, also between the
commas and tabs of a record, in which the model of names sees no sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.stand_ins.lexicon import fold_name
from ss_ray.pii.text.id_labels import LABELLED_SCORE
from ss_ray.pii.text.labelled import LETTER, Span

_LOCAL_PART = re.compile(r"(?<![\w.+-])([^\W\d_]{2,30})[._-](?:[^\W\d_]{1,20}[._-])?([^\W\d_]{2,30})\d{0,8}(?=@\w)")
_WORD = re.compile(rf"{LETTER}+(?:['’-]{LETTER}+)*")
_BETWEEN = re.compile(rf",?\s(?:{LETTER}\.?\s)?|_")
_NO_NAMES = frozenset(
    "accounting accounts admin application billing business career careers claims client contact crm customer data"
    " desk events finance front general health help hotel hr human info information international invoice it jobs"
    " legal mail mailing marketing media medical news newsletter no noreply office online order orders patient press"
    " privacy public purchase records relations reply resources sales school security service services shop staff"
    " student support team tech technical user web website".split()
)


class AddressNames:
    """Finds first names and surnames of addresses. It has Presidio's interface as far as a `Recognizer` uses it."""

    supported_entities = ("PERSON",)

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Names of a text, in both orders."""
        people = {_fold_pair(*match.groups()) for match in _LOCAL_PART.finditer(text)}
        people = {pair for pair in people if not pair & _NO_NAMES}
        if not people:
            return

        last: re.Match[str] | None = None
        for word in _WORD.finditer(text):
            if last and _is_name_of(people, text, last, word):
                yield Span(last.start(), word.end(), LABELLED_SCORE)
            if len(word[0]) > 1:
                last = word


def _is_name_of(people: set[frozenset[str]], text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    """Whether two capitalised words side by side are the name of one of the people."""
    is_written_as_name = first[0][0].isupper() and second[0][0].isupper()
    return (
        is_written_as_name
        and _BETWEEN.fullmatch(text, first.end(), second.start()) is not None
        and _fold_pair(first[0], second[0]) in people
    )


def _fold_pair(first: str, second: str) -> frozenset[str]:
    return frozenset((fold_name(first), fold_name(second)))
