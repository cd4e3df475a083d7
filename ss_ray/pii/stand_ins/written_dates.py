"""Dates as people write them in seven languages, taken apart and put together again: "the 3rd of March 1985".

A written date is read for its day, month and year. Written again with another day, it keeps its order, its separators,
the language and the length of its month, and its leading zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

_NAMES = """
en january february march april may june july august september october november december
en jan feb mar apr may jun jul aug sep oct nov dec
en jan feb mar apr may june july aug sept oct nov dec
de januar februar märz april mai juni juli august september oktober november dezember
de jan feb mär apr mai jun jul aug sep okt nov dez
de jänner februar maerz april mai juni juli august september oktober november dezember
fr janvier février mars avril mai juin juillet août septembre octobre novembre décembre
fr janv févr mars avr mai juin juil août sept oct nov déc
fr janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
es enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
es ene feb mar abr may jun jul ago sep oct nov dic
it gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
it gen feb mar apr mag giu lug ago set ott nov dic
pt janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
pt jan fev mar abr mai jun jul ago set out nov dez
pt janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro
nl januari februari maart april mei juni juli augustus september oktober november december
nl jan feb mrt apr mei jun jul aug sep okt nov dec
"""
_LISTS = tuple((line[:2], tuple(line[3:].split())) for line in _NAMES.strip().splitlines())
MONTHS: Mapping[str, int] = {name: number for _, names in _LISTS for number, name in enumerate(names, 1)}
"""Names and abbreviations of months in small letters -> 1 to 12. No name has two meanings."""

_TOKEN = re.compile(r"\d+|[^\W\d_]+")
_ORDINAL = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})
_COMPACT = re.compile(r"\d{8}|\d{6}", re.ASCII)
_PIVOT = 69  # two digits from here on are of the 1900s, as strptime has it


@dataclass(frozen=True)
class WrittenDate:
    """A date in a text, with the place of its parts.

    Attributes:
        text: Spelling of the date.
        day: Date that it means; day 15 where it names a month alone, year 2001 where it names no year.
        parts: "d", "m", "n" (name of a month) or "y", with its first character and one past its last, ascending.
    """

    text: str
    day: date
    parts: tuple[tuple[str, int, int], ...]

    def write(self, other: date) -> str:
        """Another date in the same spelling."""
        pieces: list[str] = []
        end = 0
        for kind, start, stop in self.parts:
            pieces.append(self.text[end:start])
            end = stop
            old = self.text[start:stop]
            if kind == "n":
                pieces.append(_name_month(self.text, old, other.month))
                continue

            number = {"d": other.day, "m": other.month, "y": other.year}[kind]
            if kind == "y" and len(old) == 2:
                number %= 100
            pieces.append(f"{number:0{len(old)}d}" if old.startswith("0") or len(old) > 1 else str(number))
            ending = self.text[stop : stop + 2].lower()
            if kind == "d" and ending in _ORDINAL_ENDINGS:
                pieces.append(_ORDINAL.get(other.day, "th"))
                end = stop + 2
            elif kind == "d" and ending == "er":
                # In French the first day alone is an ordinal number.
                end = stop + 2

        return "".join([*pieces, self.text[end:]])


def read_date(text: str) -> WrittenDate | None:
    """The date that a text spells; None where it spells none, or one with impossible numbers."""
    compact = _COMPACT.fullmatch(text)
    if compact:
        tokens = _split_compact(text)
    else:
        tokens = [(m[0], m.start(), m.end()) for m in _TOKEN.finditer(text)]

    months = [token for token in tokens if token[0].lower() in MONTHS]
    numbers = [token for token in tokens if token[0].isdecimal() and token[0].isascii()]
    if months:
        return _read_named(text, months[0], numbers)

    return _read_numeric(text, numbers[:3])


Token = tuple[str, int, int]


def _split_compact(text: str) -> list[Token]:
    """The parts of eight or six digits: year first if it can be one."""
    is_year_first = text[:2] in ("18", "19", "20") if len(text) == 8 else not _is_day_first(text)
    year = len(text) - 4
    cuts = (0, year, year + 2, len(text)) if is_year_first else (0, 2, 4, len(text))
    return [(text[a:b], a, b) for a, b in pairwise(cuts)]


def _is_day_first(text: str) -> bool:
    return not (1 <= int(text[2:4]) <= 12 and 1 <= int(text[4:6]) <= 31)


def _read_named(text: str, month: Token, numbers: list[Token]) -> WrittenDate | None:
    number = MONTHS[month[0].lower()]
    years = [n for n in numbers if len(n[0]) == 4] or [n for n in numbers if len(n[0]) == 2 and n[1] > month[2]][-1:]
    days = [n for n in numbers if len(n[0]) <= 2 and n not in years[:1]]
    # In "March 12" the two digits behind the month are its day.
    if not days and years and len(years[0][0]) == 2:
        days, years = years, []

    year = _full_year(years[0][0]) if years else 2001
    parts = [("n", *month[1:])]
    parts += [("y", *years[0][1:])] if years else []
    parts += [("d", *days[0][1:])] if days else []
    return _make_date(text, year, number, int(days[0][0]) if days else 15, parts)


def _read_numeric(text: str, numbers: list[Token]) -> WrittenDate | None:
    values = [int(number[0]) for number in numbers]
    if len(numbers) == 2 and len(numbers[1][0]) == 4:
        return _make_date(text, values[1], values[0], 15, [("m", *numbers[0][1:]), ("y", *numbers[1][1:])])
    if len(numbers) < 3:
        return None

    if len(numbers[0][0]) == 4 or values[0] > 31:
        order = "ymd"
    elif values[0] > 12 or (values[1] <= 12 and "." in text):
        order = "dmy"
    else:
        order = "mdy"

    found = dict(zip(order, zip(values, numbers, strict=True), strict=True))
    parts = [(kind, *number[1:]) for kind, (_, number) in found.items()]
    return _make_date(text, _full_year(found["y"][1][0]), found["m"][0], found["d"][0], parts)


def _make_date(text: str, year: int, month: int, day: int, parts: list[Token]) -> WrittenDate | None:
    try:
        return WrittenDate(text, date(year, month, day), tuple(sorted(parts, key=lambda part: part[1])))
    except ValueError:
        return None


def _full_year(digits: str) -> int:
    if len(digits) == 2:
        return int(digits) + (1900 if int(digits) >= _PIVOT else 2000)
    return int(digits)


def _name_month(date_text: str, old: str, month: int) -> str:
    """The name of a month in the language, length and case of another one."""
    folded = old.lower()
    known = [(language, names) for language, names in _LISTS if folded in names]
    likely = _guess_languages(date_text, old)
    name = min(known, key=lambda entry: entry[0] not in likely)[1][month - 1]
    if old.isupper():
        return name.upper()
    if old[0].isupper():
        return name.capitalize()
    return name


def _guess_languages(date_text: str, month: str) -> tuple[str, ...]:
    """Languages of a date by the signs around its month, for names that several languages share."""
    if re.search(r"\d\. ", date_text):
        return ("de",)
    if re.search(r"\bde\b", date_text):
        return ("es", "pt")
    if month.islower():
        return ("fr", "it", "nl")
    return ("en",)
