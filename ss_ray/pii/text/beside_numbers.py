"""Words beside a match that show that it is something else: a version, a part number, a file's number, two words."""

from __future__ import annotations

import re

_BEFORE_VERSION = r"\.?(?: (?:no\.?|number|is|to|from|level|version))?[ :=#]{0,2}v?$"
_VERSION_BEFORE = re.compile(
    rf"\b(?:versions?|ver|v|firmware|fw|kernel|bios|revision|rev|build|release|"
    rf"section|chapter|clause|paragraph|versión|versione|versão|versie){_BEFORE_VERSION}",
    re.IGNORECASE,
)
# Words that stand before other numbers too: "driver 84.17.5.195" is a driver's address.
_MAYBE_VERSION_BEFORE = re.compile(
    r"\b(?:software|driver|update|patch|stand|ausgabe|abschnitt|kapitel)"
    rf"{_BEFORE_VERSION}",
    re.IGNORECASE,
)
_SMALL_NUMBERS = re.compile(r"\d(?:\.\d{1,2}){3}", re.ASCII)
_PART_BEFORE = re.compile(
    r"\b(?:part|parts|model|sku|item|article|artikel|catalog(?:ue)?|cat|lot|batch|product|order|drug|ndc|device|"
    r"firmware|"
    r"tracking|isbn|issn|invoice|material|spare|stock|serial|drawing)(?: (?:part|code|model))?"
    r"[ .:#-]{0,2}(?:(?:number|numbers|no|nr|num|nummer|id|code)[ .:#-]{0,3})?(?:is )?$",
    re.IGNORECASE,
)
_BEFORE_CHARS = 40


def is_no_version(text: str, start: int, end: int) -> bool:
    """Whether no word such as "firmware" makes four numbers with dots a version."""
    if ":" in text[start:end]:
        return True

    place = max(0, start - _BEFORE_CHARS)
    is_small = _SMALL_NUMBERS.fullmatch(text, start, end) is not None
    return _VERSION_BEFORE.search(text, place, start) is None and not (
        is_small and _MAYBE_VERSION_BEFORE.search(text, place, start)
    )


def is_no_part_number(text: str, start: int, end: int) -> bool:
    """Whether no word such as "part number" makes nine digits the number of a thing."""
    return _PART_BEFORE.search(text, max(0, start - _BEFORE_CHARS), start) is None


_LETTERS_BEFORE = re.compile(r"[^\W\d_]{1,8}[-_/#.]{0,2}$")
_FOUR_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_YEAR_AND_NUMBER = re.compile(r"(?:19|20)\d\d[-/_. ]\d+", re.ASCII)


def is_no_file_number(text: str, start: int, end: int) -> bool:
    """Whether digits are no address of a machine, and no year and a running number behind letters."""
    if _FOUR_NUMBERS.fullmatch(text, start, end):
        return False

    has_letters = _LETTERS_BEFORE.search(text, max(0, start - _BEFORE_CHARS), start)
    return not (has_letters and _YEAR_AND_NUMBER.fullmatch(text, start, end))


_PLAIN_WORDS = frozenset("am as at be by do in is it me my no of on or pm so to tv us".split())
"""Words that are the domains of countries, too: "love it.so" is a sentence without its space."""


def is_whole_url(text: str, start: int, end: int) -> bool:
    """Whether a match ends where its word does, and is not two words with a full stop between."""
    if "//" in text[start:end] or text[start:end].lower().startswith("www."):
        return True

    host = text[start:end].partition("/")[0].lower().strip("\"'")
    if re.match(r"\w", text[end : end + 1]) or re.search(r"\w$", text[max(0, start - 1) : start]):
        return False
    return host.count(".") > 1 or "/" in text[start:end] or host.rpartition(".")[2] not in _PLAIN_WORDS
