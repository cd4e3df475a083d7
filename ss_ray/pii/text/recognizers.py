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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

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
from ss_ray.pii.text.beside_numbers import is_no_file_number, is_no_part_number, is_no_version, is_whole_url
from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.id_labels import ID_LABELS
from ss_ray.pii.text.labelled import VALUE, LabelledIds, is_identifier_before
from ss_ray.pii.text.numbered_ids import NUMBER_WORDS, NumberedIds
from ss_ray.pii.text.presidio_search import lean_search
from ss_ray.pii.text.recognizer_patterns import COUNTRY_TYPES, MORE_CONTEXT, MORE_PATTERNS, OURS, TOO_COMMON, Ours
from ss_ray.pii.text.reversed_labels import ReversedLabels
from ss_ray.pii.text.search import WORD, Clue, Recognizer


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
    yield replace(ip, accepts=is_no_version)
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
    yield from (replace(recognizer, accepts=is_no_file_number, min_digits=7) for recognizer in phones)
    ssn = _make_recognizer("US_SSN", _extend_recognizer(presidio.UsSsnRecognizer, "US_SSN"), _has_ssn_form)
    yield replace(ssn, accepts=is_no_part_number, min_digits=9)
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
    yield replace(url, accepts=is_whole_url)


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


_LONG_WORD = re.compile(r"\w{26}")
_CARD_CLUE = re.compile(r"\d(?:[- ]?\d){11}")
_SSN_CLUE = re.compile(r"\d{3}[\W_]{0,3}\d\d[\W_]{0,3}\d{4}")
_FULL_PHONE_CLUE = re.compile(r"(?<!\d)\d(?:[^\w@,;:]{0,3}\d){9,14}(?!\d)")
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
    phrases = tuple(" ".join(WORD.findall(word.lower())) for word in words)
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
    made = _make_recognizer(ours.entity_type, recognizer, _clue_test(ours.clue))
    return replace(made, keywords=frozenset(ours.keywords.split()), min_digits=int(r"\d" in ours.clue))


def _clue_test(clue: str) -> Callable[[Clue], bool]:
    """A test whether a text has a clue; most clues are plain characters, for which no pattern has to run."""
    if clue == re.escape(clue):
        return lambda c: clue in c.text

    pattern = re.compile(clue)
    return lambda c: pattern.search(c.text) is not None


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
