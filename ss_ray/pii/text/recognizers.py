"""Recognizers from Presidio and our own, with cheap tests that skip them for most texts.

Presidio's `AnalyzerEngine` runs every recognizer on every text, which for all its countries is some 130 patterns. Here
a recognizer runs only where its clues are: characters that it needs, or one of its context words. The scores are
Presidio's, and so is what a context word does: it adds 0.35 and lifts to 0.4 at least. A country's numbers, of which
most are bare digits, count only beside a word that names them.

Scores, which decide what a threshold lets through:

    EMAIL_ADDRESS, CREDIT_CARD, IBAN_CODE  1.0   domain, Luhn digit or check digits agree; otherwise no finding
    API_KEY, AGE, labelled values          0.6   "sk-...", "31 y/o", "MRN: 123456"
    IP_ADDRESS, MAC_ADDRESS, dates         0.6   parses as such; the bare "::" scores 0.1
    US_SSN                                 0.5   123-45-6789 with equal separators; 0.6 after the word SSN;
                                           0.05  nine bare digits. Area 000 and 666, group 00, serial 0000: no finding
    PHONE_NUMBER                           0.4   a number that libphonenumber holds valid in one of the regions,
                                                 (212) 555-0147 and +44 20 7946 0958 by their shape alone
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

from ss_ray.errors import ConfigError
from ss_ray.pii.columns.checksums import is_iban, luhn
from ss_ray.pii.entities import CustomEntity
from ss_ray.pii.text import (
    birth_dates,
    checked_numbers,
    labelled_phones,
    masked,
    name_patterns,
    organisations,
    passwords,
    user_names,
)
from ss_ray.pii.text.address_names import AddressNames
from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.id_labels import ID_LABELS
from ss_ray.pii.text.labelled import VALUE, LabelledIds, is_identifier_before
from ss_ray.pii.text.numbered_ids import NUMBER_WORDS, NumberedIds
from ss_ray.pii.text.presidio_search import lean_search
from ss_ray.pii.text.readings import GLUED_TYPES, other_readings
from ss_ray.pii.text.recognizer_patterns import COUNTRY_TYPES, MORE_CONTEXT, MORE_PATTERNS, OURS, TOO_COMMON, Ours
from ss_ray.pii.text.reversed_labels import ReversedLabels, has_link

# Number of characters before a match that count as its context.
_CONTEXT_CHARS = 120
_CONTEXT_WORDS = 6
# Presidio's LemmaContextAwareEnhancer.
_CONTEXT_GAIN, _CONTEXT_FLOOR = 0.35, 0.4
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
# Where a word begins inside of a program's name: "dbUser".
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Clue:
    """Properties of a text that are cheap to compute.

    Attributes:
        text: Text that is searched.
        words: Its words of letters, in small letters.
        digits: Number of digits in the text.
    """

    text: str
    words: frozenset[str]
    digits: int

    @cached_property
    def has_phone_form(self) -> bool:
        """Whether seven digits stand together, with a few other characters between them."""
        return _PHONE_CLUE.search(self.text) is not None

    @cached_property
    def has_reversed_link(self) -> bool:
        """Whether a value may stand before its label."""
        return has_link(self.text)

    @classmethod
    def of(cls, text: str) -> Clue:
        """The clues of a text."""
        words = _WORD.findall(text.lower())
        if _HUMP.search(text):
            words += _WORD.findall(_HUMP.sub(" ", text).lower())

        return cls(text, frozenset(words), sum(map(len, _DIGITS.findall(text))))


class Match(NamedTuple):
    """A span that a recognizer found."""

    start: int
    end: int
    entity_type: str
    score: float


@dataclass(frozen=True)
class Recognizer:
    """A recognizer of Presidio, with the conditions for running it and for accepting its matches.

    Attributes:
        entity_type: Entity type of ours that its findings get.
        presidio: Search with the interface of a recognizer of Presidio, as far as it is used here.
        may_match: Whether a text can hold what it looks for; cheap.
        keywords: Words of which the text, or its context, must hold one; empty for any text.
        context: Words and phrases that raise a score where they stand before the match.
        needs_context: Whether a match without context counts for nothing.
        accepts: A last look at a match: the text, its first character and one past its last.
        min_digits: Number of digits that a text needs for a match; looked at before anything else.
    """

    entity_type: str
    presidio: Any
    may_match: Callable[[Clue], bool] = field(default=lambda clue: True)
    keywords: frozenset[str] = frozenset()
    context: tuple[str, ...] = ()
    needs_context: bool = False
    accepts: Callable[[str, int, int], bool] = field(default=lambda text, start, end: True)
    min_digits: int = 0

    def find(self, text: str, given: Sequence[str] = ()) -> Iterator[Match]:
        """Matches with their scores; `given` are words that stand beside the text, a column's header.

        Raises:
            SearchTimeoutError: A pattern took too long.
        """
        for result in self.presidio.analyze(text, self.presidio.supported_entities):
            if not self.accepts(text, result.start, result.end):
                continue

            score = result.score
            if (self.context and score < 1) or self.needs_context:
                if _has_context(text, result.start, self.context, given):
                    score = min(1.0, max(score + _CONTEXT_GAIN, _CONTEXT_FLOOR))
                elif self.needs_context:
                    continue

            yield Match(result.start, result.end, self.entity_type, score)


def matches(recognizers: RecognizerSet, text: str, given: Sequence[str] = ()) -> list[Match]:
    """All matches in a text and in its other readings, in which words and numbers have edges that patterns see.

    Raises:
        SearchTimeoutError: A pattern took too long, so the text is searched by half.
    """
    found = _matches_of_reading(recognizers, text, given)

    for reading in other_readings(text):
        # Beside letters numbers alone are looked for, so no other recognizer has to run.
        chosen = recognizers.of_glued if reading.glued is not None else recognizers
        for match in _matches_of_reading(chosen, reading.text, given):
            if reading.accepts(match.start, match.end, match.entity_type):
                start, end = reading.span(match.start, match.end)
                found.append(match._replace(start=start, end=end))

    return found


def _matches_of_reading(recognizers: RecognizerSet, text: str, given: Sequence[str]) -> list[Match]:
    """Matches in one reading."""
    clue = Clue.of(text)
    if given:
        words = clue.words.union(*(_WORD.findall(word.lower()) for word in given))
    else:
        words = clue.words

    return [m for recognizer in recognizers.candidates(clue, words) for m in recognizer.find(text, given)]


class RecognizerSet:
    """Recognizers indexed by their keywords."""

    def __init__(self, recognizers: Iterable[Recognizer]):
        self.all = tuple(recognizers)
        self._always = [r for r in self.all if not r.keywords]
        self._by_word: dict[str, list[Recognizer]] = {}

        for recognizer in self.all:
            for word in recognizer.keywords:
                self._by_word.setdefault(word, []).append(recognizer)

    @cached_property
    def of_glued(self) -> RecognizerSet:
        """The recognizers of types that are looked for beside letters."""
        return RecognizerSet(r for r in self.all if r.entity_type in GLUED_TYPES)

    def candidates(self, clue: Clue, words: frozenset[str]) -> list[Recognizer]:
        """The recognizers worth running on a text."""
        named = {id(r): r for word in sorted(words & self._by_word.keys()) for r in self._by_word[word]}
        return [r for r in (*self._always, *named.values()) if clue.digits >= r.min_digits and r.may_match(clue)]


def _has_context(text: str, start: int, context: Sequence[str], given: Sequence[str]) -> bool:
    """Whether a word or phrase stands in the few words before a match, or was given as context."""
    before = " ".join(_WORD.findall(text[max(0, start - _CONTEXT_CHARS) : start].lower())[-_CONTEXT_WORDS:])
    near = " ".join((" ", before, *(" ".join(_WORD.findall(word.lower())) for word in given), " "))
    return any(f" {phrase}" in near for phrase in context)


def pattern_recognizers(entities: Iterable[str], phone_regions: tuple[str, ...]) -> list[Recognizer]:
    """Recognizers of the entity types, from Presidio and our own."""
    wanted = set(entities)
    return [recognizer for recognizer in _make_all(phone_regions) if recognizer.entity_type in wanted]


@lru_cache(maxsize=4)
def _make_all(phone_regions: tuple[str, ...]) -> tuple[Recognizer, ...]:
    """All recognizers; to compile their patterns takes a second."""
    # Presidio's search for phone numbers imports the names of all exchanges, 1.4 s, for explanations that nobody reads.
    with without_modules("torch", "transformers", "phonenumbers.geodata"):
        from presidio_analyzer import predefined_recognizers as presidio
    return (
        *_make_generic(presidio, phone_regions),
        *_of_countries(presidio),
        *map(_make_ours, OURS),
        *_make_labelled(),
        *_make_unlabelled(),
    )


def _make_generic(presidio: Any, phone_regions: tuple[str, ...]) -> Iterator[Recognizer]:
    card = _make_recognizer(
        "CREDIT_CARD", _extend_recognizer(presidio.CreditCardRecognizer, "CREDIT_CARD"), _has_card_form
    )
    yield replace(card, min_digits=12)
    yield _make_recognizer("EMAIL_ADDRESS", _email_recognizer(), lambda c: "@" in c.text)
    ip = _make_recognizer(
        "IP_ADDRESS", presidio.IpRecognizer(), lambda c: c.text.count(".") > 2 or c.text.count(":") > 1
    )
    yield replace(ip, accepts=_is_no_version)
    phone = presidio.PhoneRecognizer(supported_regions=phone_regions)
    form = _has_full_phone_form if phone_regions == ("US",) else _has_phone_form
    phones = (
        _make_recognizer("PHONE_NUMBER", phone, form, context=("phone", "telephone", "cell", "mobile", "call")),
        _make_recognizer(
            "PHONE_NUMBER",
            _make_additional("PHONE_NUMBER"),
            _has_phone_form,
            context=("phone", "tel", "mobile", "call"),
        ),
    )
    yield from (replace(recognizer, accepts=_is_no_file_number, min_digits=7) for recognizer in phones)
    ssn = _make_recognizer("US_SSN", _extend_recognizer(presidio.UsSsnRecognizer, "US_SSN"), _has_ssn_form)
    yield replace(ssn, accepts=_is_no_part_number, min_digits=9)
    yield _make_recognizer(
        "ACCOUNT_NUMBER", presidio.CryptoRecognizer(), lambda c: _LONG_WORD.search(c.text) is not None
    )
    dates = _make_recognizer("DATE_TIME", presidio.DateRecognizer(), lambda c: _DATE_CLUE.search(c.text) is not None)
    yield replace(dates, min_digits=1)
    yield _make_recognizer(
        "MAC_ADDRESS", presidio.MacAddressRecognizer(), lambda c: _MAC_CLUE.search(c.text) is not None
    )
    yield _make_recognizer("UNIQUE_ID", presidio.UuidRecognizer(), lambda c: c.text.count("-") >= 4)
    url = _make_recognizer("URL", presidio.UrlRecognizer(), lambda c: _URL_CLUE.search(c.text) is not None)
    yield replace(url, accepts=_is_whole_url)


_PLAIN_WORDS = frozenset("am as at be by do in is it me my no of on or pm so to tv us".split())
"""Words that are the domains of countries, too: "love it.so" is a sentence without its space."""


def _is_whole_url(text: str, start: int, end: int) -> bool:
    """Whether a match ends where its word does, and is not two words with a full stop between."""
    if "//" in text[start:end] or text[start:end].lower().startswith("www."):
        return True

    host = text[start:end].partition("/")[0].lower().strip("\"'")
    if re.match(r"\w", text[end : end + 1]) or re.search(r"\w$", text[max(0, start - 1) : start]):
        return False
    return host.count(".") > 1 or "/" in text[start:end] or host.rpartition(".")[2] not in _PLAIN_WORDS


def _make_labelled() -> Iterator[Recognizer]:
    """Recognizers of values behind words of seven languages that announce them."""
    for labels in ID_LABELS:
        ids = LabelledIds(labels)
        yield Recognizer(labels.entity_type, ids, keywords=ids.keywords, min_digits=3)

    yield Recognizer("UNIQUE_ID", NumberedIds(), _has_number_word, min_digits=4)
    yield Recognizer("PASSWORD", passwords.Passwords(), keywords=passwords.Passwords.keywords)
    yield Recognizer("PIN", passwords.Pins(), keywords=passwords.Pins.keywords, min_digits=4)
    yield Recognizer("API_KEY", passwords.ApiKeys(), lambda c: len(c.text) > 8, passwords.ApiKeys.keywords)
    yield Recognizer("USERNAME", user_names.UserNames(), keywords=user_names.UserNames.keywords)
    for entity_type in ("USERNAME", "PASSWORD"):
        yield Recognizer(entity_type, passwords.LoginPairs(entity_type), keywords=passwords.LoginPairs.keywords)

    yield from _make_reversed()
    phones = labelled_phones.LabelledPhones()
    yield Recognizer("PHONE_NUMBER", phones, keywords=phones.keywords, min_digits=6)
    dates = birth_dates.BirthDates()
    yield Recognizer("DATE_OF_BIRTH", dates, keywords=birth_dates.KEYWORDS, min_digits=1)
    # The asterisk of "(*12.03.1985)" is no word.
    yield Recognizer("DATE_OF_BIRTH", dates, lambda c: "*" in c.text, min_digits=4)


def _make_reversed() -> Iterator[Recognizer]:
    """Recognizers of values before the words that name them."""
    for labels in ID_LABELS:
        ids = ReversedLabels(labels.entity_type, labels.all_words(), VALUE, partial(is_identifier_before, labels))
        yield Recognizer(labels.entity_type, ids, _has_reversed_link, ids.keywords, min_digits=4)

    for kind, words, value, accepts in (
        ("PASSWORD", passwords.PASSWORD_WORDS, passwords.SECRET_VALUE, passwords.is_secret),
        ("PIN", passwords.PIN_WORDS, passwords.PIN_VALUE, passwords.is_pin),
        ("PHONE_NUMBER", labelled_phones.NUMBER_WORDS, labelled_phones.VALUE, labelled_phones.is_phone),
    ):
        search = ReversedLabels(kind, words, value, accepts)
        yield Recognizer(kind, search, _has_reversed_link, search.keywords)


def _make_unlabelled() -> Iterator[Recognizer]:
    """Recognizers of values that their form, their check digits or a list of names proves."""
    yield Recognizer("IBAN_CODE", checked_numbers.Ibans(), min_digits=8)
    ibans = checked_numbers.LabelledIbans()
    yield Recognizer("IBAN_CODE", ibans, keywords=ibans.keywords, min_digits=6)
    yield Recognizer("CREDIT_CARD", checked_numbers.GroupedCards(), min_digits=12)
    yield Recognizer("CREDIT_CARD", checked_numbers.ScientificCards(), min_digits=14)
    yield Recognizer("PHONE_NUMBER", labelled_phones.HintedPhones(), _has_phone_form, min_digits=7)
    yield Recognizer("NATIONAL_ID", checked_numbers.StrongNumbers("NATIONAL_ID"), min_digits=6)
    yield Recognizer("TAX_ID", checked_numbers.StrongNumbers("TAX_ID"), min_digits=4)

    national = checked_numbers.NationalNumbers()
    yield Recognizer("NATIONAL_ID", national, keywords=national.keywords, min_digits=6)
    for entity_type in masked.MASKED_TYPES:
        yield Recognizer(entity_type, masked.MaskedIds(entity_type), lambda c: masked.has_mask(c.text), min_digits=3)

    yield Recognizer("PERSON", AddressNames(), lambda c: "@" in c.text)
    yield Recognizer("PERSON", masked.MaskedNames(), lambda c: "**" in c.text)
    yield Recognizer("PERSON", name_patterns.TitledNames(), keywords=name_patterns.TitledNames.keywords)
    yield Recognizer("PERSON", name_patterns.ListedNames(), lambda c: name_patterns.has_form(c.text))
    yield Recognizer(
        "ORGANIZATION", organisations.Organisations(), lambda c: organisations.CLUE.search(c.text) is not None
    )


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


def _is_no_version(text: str, start: int, end: int) -> bool:
    """Whether no word such as "firmware" makes four numbers with dots a version."""
    if ":" in text[start:end]:
        return True

    place = max(0, start - _BEFORE_CHARS)
    is_small = _SMALL_NUMBERS.fullmatch(text, start, end) is not None
    return _VERSION_BEFORE.search(text, place, start) is None and not (
        is_small and _MAYBE_VERSION_BEFORE.search(text, place, start)
    )


def _is_no_part_number(text: str, start: int, end: int) -> bool:
    """Whether no word such as "part number" makes nine digits the number of a thing."""
    return _PART_BEFORE.search(text, max(0, start - _BEFORE_CHARS), start) is None


_LETTERS_BEFORE = re.compile(r"[^\W\d_]{1,8}[-_/#.]{0,2}$")
_FOUR_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_YEAR_AND_NUMBER = re.compile(r"(?:19|20)\d\d[-/_. ]\d+", re.ASCII)


def _is_no_file_number(text: str, start: int, end: int) -> bool:
    """Whether digits are no address of a machine, and no year and a running number behind letters."""
    if _FOUR_NUMBERS.fullmatch(text, start, end):
        return False

    has_letters = _LETTERS_BEFORE.search(text, max(0, start - _BEFORE_CHARS), start)
    return not (has_letters and _YEAR_AND_NUMBER.fullmatch(text, start, end))


_LONG_WORD = re.compile(r"\w{26}")
_CARD_CLUE = re.compile(r"\d(?:[- ]?\d){11}")
_SSN_CLUE = re.compile(r"\d{3}[\W_]{0,3}\d\d[\W_]{0,3}\d{4}")
_FULL_PHONE_CLUE = re.compile(r"(?<!\d)\d(?:[^\w@,;:]{0,3}\d){9,14}(?!\d)")
_PHONE_CLUE = re.compile(r"(?<!\d)\d(?:[^\w@,;:]{0,3}\d){6,14}(?!\d)")
_DATE_CLUE = re.compile(r"\d[/.-](?:\d|[A-Za-z]{3}\b)|\b[A-Za-z]{3}-\d")
_MAC_CLUE = re.compile(r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}")
_URL_CLUE = re.compile(r"[^\W_]\.[^\W\d_]{2}|://")


def _of_countries(presidio: Any) -> Iterator[Recognizer]:
    """Recognizers of `COUNTRY_TYPES`, found by the entity that they name."""
    for name in presidio.__all__:
        kind = getattr(presidio, name)
        if not isinstance(kind, type) or not getattr(kind, "COUNTRY_CODE", None):
            continue

        recognizer = kind()
        (entity,) = recognizer.supported_entities
        if entity in COUNTRY_TYPES:
            context = tuple(word for word in map(str.lower, recognizer.context) if word not in TOO_COMMON)
            context += MORE_CONTEXT.get(entity, ())
            made = _make_recognizer(COUNTRY_TYPES[entity], recognizer, lambda c: True, context, needs_context=True)
            yield replace(made, min_digits=4)


def _has_number_word(clue: Clue) -> bool:
    return not NUMBER_WORDS.isdisjoint(clue.words) or any(sign in clue.text for sign in ("#", "№", "º", "°"))


def _has_reversed_link(clue: Clue) -> bool:
    return clue.has_reversed_link


def _has_phone_form(clue: Clue) -> bool:
    return clue.has_phone_form


def _has_full_phone_form(clue: Clue) -> bool:
    """Whether a text may hold a number that is valid in North America or has a country code."""
    return clue.has_phone_form and ("+" in clue.text or _FULL_PHONE_CLUE.search(clue.text) is not None)


def _has_card_form(clue: Clue) -> bool:
    return _CARD_CLUE.search(clue.text) is not None


def _has_ssn_form(clue: Clue) -> bool:
    return _SSN_CLUE.search(clue.text) is not None


def _make_recognizer(
    entity_type: str,
    presidio: Any,
    may_match: Callable[[Clue], bool],
    context: Iterable[str] | None = None,
    *,
    needs_context: bool = False,
) -> Recognizer:
    """A recognizer whose patterns are bounded in time, with Presidio's context words unless others are given."""
    _bound_patterns(presidio)
    words = presidio.context or () if context is None else context
    phrases = tuple(" ".join(_WORD.findall(word.lower())) for word in words)
    phrases = tuple(dict.fromkeys(phrase for phrase in phrases if phrase))
    if needs_context:
        keywords = frozenset(form for p in phrases for form in (p.split()[0], f"{p.split()[0]}s"))
    else:
        keywords = frozenset()

    return Recognizer(entity_type, lean_search(presidio), may_match, keywords, phrases, needs_context)


def _make_ours(ours: Ours) -> Recognizer:
    from presidio_analyzer import Pattern, PatternRecognizer

    class Own(PatternRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool | None:
            if ours.accepts and ours.accepts(pattern_text):
                return True
            return None

    patterns = [Pattern(ours.entity_type, ours.pattern, ours.score)]
    recognizer = Own(supported_entity=ours.entity_type, patterns=patterns, context=ours.context.split())
    clue = re.compile(ours.clue)
    made = _make_recognizer(ours.entity_type, recognizer, lambda c: clue.search(c.text) is not None)

    return replace(made, keywords=frozenset(ours.keywords.split()))


_VALIDATORS: Mapping[str, Callable[[str], bool]] = {
    "luhn": lambda text: luhn(re.sub(r"\D", "", text)),
    "iban": is_iban,
    "mod97": lambda text: bool(re.search(r"\d{3}", text)) and int(re.sub(r"\D", "", text)) % 97 == 1,
}


def custom_recognizers(custom: Iterable[CustomEntity]) -> Iterator[Recognizer]:
    """Recognizers of the configuration's own types.

    Raises:
        ConfigError: A pattern that is none, an unknown validator, a score outside of (0, 1], or nothing to look for.
    """
    from presidio_analyzer import Pattern, PatternRecognizer

    for entity in custom:
        _check_entity(entity)
        if entity.validator:
            validate = _VALIDATORS[entity.validator]
        else:
            validate = None

        class Custom(PatternRecognizer):  # type: ignore[misc]
            _validate = staticmethod(validate) if validate else None

            def validate_result(self, pattern_text: str) -> bool | None:
                if self._validate is None or self._validate(pattern_text):
                    return None
                return False

        context = list(entity.context)
        if entity.regexes:
            patterns = [Pattern(f"{entity.name} {i}", regex, entity.score) for i, regex in enumerate(entity.regexes)]
            by_pattern = Custom(supported_entity=entity.name, patterns=patterns, context=context)
            yield _make_recognizer(entity.name, by_pattern, lambda clue: True)

        if entity.deny_list:
            words = sorted(filter(None, map(str.strip, entity.deny_list)), key=len, reverse=True)
            yield _make_recognizer(
                entity.name,
                PatternRecognizer(supported_entity=entity.name, patterns=[_any_of(words)]),
                lambda clue: True,
            )


def _any_of(words: list[str]) -> Any:
    import regex
    from presidio_analyzer import Pattern

    return Pattern("deny list", rf"(?<!\w)(?:{'|'.join(map(regex.escape, words))})(?!\w)", 1.0)


def _check_entity(entity: CustomEntity) -> None:
    import regex

    if not any(map(str.strip, entity.deny_list)) and not entity.regexes:
        raise ConfigError(f"the custom entity {entity.name} has neither regexes nor a deny_list")
    if not 0 < entity.score <= 1:
        raise ConfigError(f"the score of the custom entity {entity.name} is {entity.score}; it must lie in (0, 1]")
    if entity.validator is not None and entity.validator not in _VALIDATORS:
        raise ConfigError(
            f"the custom entity {entity.name} has the validator {entity.validator!r};"
            f" use one of {', '.join(_VALIDATORS)}"
        )

    for pattern in entity.regexes:
        try:
            regex.compile(pattern, _FLAGS)
        except regex.error as error:
            raise ConfigError(f"the custom entity {entity.name} has an invalid regex: {error}") from None


# Regex.DOTALL | regex.MULTILINE | regex.IGNORECASE, which Presidio compiles with.
_FLAGS = 26


def _bound_patterns(presidio: Any) -> None:
    """Compiles a recognizer's patterns, bounded."""
    for pattern in getattr(presidio, "patterns", ()):
        flags = presidio.global_regex_flags
        pattern.compiled_with_flags = flags
        pattern.compiled_regex = BoundedRegex(pattern.regex, flags)


def _extend_recognizer(recognizer: Any, entity_type: str) -> Any:
    """A recognizer of Presidio with our additional patterns."""
    from presidio_analyzer import Pattern

    copies = [Pattern(p.name, p.regex, p.score) for p in recognizer.PATTERNS]
    return recognizer(patterns=[*copies, *_more_patterns(entity_type)])


def _make_additional(entity_type: str) -> Any:
    from presidio_analyzer import PatternRecognizer

    return PatternRecognizer(supported_entity=entity_type, patterns=_more_patterns(entity_type))


def _more_patterns(entity_type: str) -> list[Any]:
    from presidio_analyzer import Pattern

    return [Pattern(name, regex, score) for name, regex, score in MORE_PATTERNS[entity_type]]


def _email_recognizer() -> Any:
    """Presidio's recognizer, which accepts every domain that ends in letters."""
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    # Presidio accepts the suffixes of the public internet alone; "anna@mail.corp" is a person's address too.
    class AnyDomainEmailRecognizer(EmailRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(re.search(r"@[^@]+\.(?:[A-Za-z]{2,}|[^\x00-\x7f]{2,})$", pattern_text))

    return AnyDomainEmailRecognizer()


PATTERN_TYPES = frozenset(
    {
        "CREDIT_CARD",
        "EMAIL_ADDRESS",
        "IBAN_CODE",
        "IP_ADDRESS",
        "PHONE_NUMBER",
        "US_SSN",
        "DATE_TIME",
        "MAC_ADDRESS",
        "URL",
    }
    | set(COUNTRY_TYPES.values())
    | {ours.entity_type for ours in OURS}
    | {labels.entity_type for labels in ID_LABELS}
    | {"DATE_OF_BIRTH", "PASSWORD", "PIN"}
)
"""The types that patterns find. Persons and organisations, of which patterns find a few, are those of a model."""


@contextmanager
def without_modules(*names: str) -> Iterator[None]:
    """Pretend that optional packages are missing; those that are imported already stay.

    Presidio 2.2.366 and thinc import transformers and torch for engines that are not used here: 9 s and 300 MB a worker
    instead of 1.4 s and 100 MB. Both can be imported as usual afterwards.
    """
    hidden = [name for name in names if name not in sys.modules]
    # None in sys.modules makes an import fail at once. Presidio 2.2.366 and thinc would load transformers and torch
    # for unused engines: 9 s and 300 MB a worker instead of 1.4 s and 100 MB.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
