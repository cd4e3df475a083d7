"""Phone numbers of any country, where something says that they are: a word before them, or the country of the text.

A number behind "tel", "Handy" or "móvil" counts in any grouping. Without such a word a national number counts if
libphonenumber holds it valid in a country that the text hints at: by the country code of another number, by the top
level domain of an address, or by the language of its words for phones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ss_ray.pii.text.bounded import BoundedRegex
from ss_ray.pii.text.labelled import GAP, LETTER, Span, any_of, keywords_of, split_list

_WORDS = split_list(
    "tel, tel., t., fon, telephone, phone, phones, ph, mobile, mob, mob., cell, cellphone, cellular, landline, fax,"
    " pager,"
    " hotline, extension, whatsapp, sms, text, texted, call, called, calls, calling, ring, dial, desk, contact, reach,"
    " reached, handy, handynummer, mobil, mobilnummer, mobiltelefon, telefon, telefonnummer, tel.-nr., tel-nr,"
    " rufnummer,"
    " festnetz, durchwahl, rückruf, anrufen, erreichbar, portable, téléphone, tél, tél., fixe, appeler, appelez,"
    " joindre, móvil, movil, teléfono, telefono, tlf, tfno, celular, fijo, llamar, llame, llamada, cellulare, cell.,"
    " fisso, chiamare, chiama, recapito, telemóvel, telefone, fixo, ligar, ligue, telefoon, telefoonnummer, mobiel,"
    " gsm, bellen, bel, telefonnr, puhelin, mobiltlf, telefonu, telefonem, komórka"
)
_LINKS = (
    r"me|us|him|her|them|back|at|on|under|unter|au|al|a|à|ao|op|op het|per|via|nr|number|no|nummer|is|ist|est|es|è|é|"
    r"home|work|office|private|privat|privé|using|to|for|or|oder|ou|o|of|en|bitte|please|lautet|der|die|mobile|cell|"
    r"phone"
)
VALUE = (
    r"(?:\+|00)?\(?\d(?:[ \u00a0\u202f()./\n–-]{0,3}\d){5,14}(?![\w]|[.,:]\d|[€$%£])(?: ?(?:x|ext\.?|app\.?) ?\d{1,6})?"
)


NUMBER_WORDS = split_list(
    "phone, telephone, mobile, mobile phone, cell, cell phone, cellphone, landline, fax, pager, whatsapp, extension,"
    " handy, handynummer, telefon, telefonnummer, rufnummer, festnetz, portable, téléphone, fixe, móvil, teléfono,"
    " celular, fijo, cellulare, telefono, telemóvel, telefone, telefoon, telefoonnummer, mobiel"
)
"""Words that may follow a number: "0171 234567 is her mobile"."""


class LabelledPhones:
    """Finds phone numbers behind a word for phones or calls."""

    supported_entities = ("PHONE_NUMBER",)
    keywords = keywords_of(_WORDS) | {"t", "m", "p", "h"}

    def __init__(self) -> None:
        self._pattern = BoundedRegex(
            rf"(?<!\w)(?:(?i:{any_of(_WORDS)})|[mtphMTPH](?=:))(?!{LETTER})(?i:(?:[\s\u00a0]{{0,2}}(?:(?:{_LINKS})(?!{LETTER}))){{0,4}}{GAP})"
            rf"(?<![^\W_])(?P<value>{VALUE})"
        )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Phone numbers of a text."""
        for match in self._pattern.finditer(text):
            value = match["value"]
            start, end = match.span("value")
            if is_phone(text, Span(start, end, 0.6)):
                # The gap takes the bracket of "(03) 9123 4567".
                is_open = ")" in value and "(" not in value and text[start - 1] == "("
                yield Span(start - is_open, end, 0.6)


def is_phone(text: str, found: Span) -> bool:
    """Whether digits are a phone number, and no date and no two years."""
    value = text[found.start : found.end]
    return not _DATE.fullmatch(value) and not _YEARS.fullmatch(value)


_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2}|(?:19|20)\d{6}")
_YEARS = re.compile(r"(?:19|20)\d\d ?[-–] ?(?:19|20)\d\d")

_LANGUAGE_REGIONS = {
    "handy": "DE", "telefon": "DE", "festnetz": "DE", "rufnummer": "DE", "telefonnummer": "DE", "durchwahl": "DE",
    "anrufen": "DE", "portable": "FR", "téléphone": "FR", "tél": "FR", "appelez": "FR", "móvil": "ES", "teléfono": "ES",
    "tlf": "ES", "celular": "MX", "cellulare": "IT", "chiamare": "IT", "telemóvel": "PT", "telefone": "BR",
    "telefoon": "NL", "mobiel": "NL", "gsm": "BE", "puhelin": "FI",
}  # fmt: skip
_DOMAIN = re.compile(r"\w\.(?:co\.)?([a-z]{2})(?![\w.-])")
_COUNTRY_CODE = re.compile(r"(?<!\w)(?:\+|00)([1-9]\d{0,2})")
_NATIONAL = re.compile(r"(?<![\w+.,/-])\(?0\d(?:[ \u00a0()./–-]{0,3}\d){6,11}(?![\w]|[.,:]\d)")


class HintedPhones:
    """Finds national numbers that begin with 0 and are valid in a country at which the text hints."""

    supported_entities = ("PHONE_NUMBER",)

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Phone numbers of a text; none without a hint."""
        matches = list(_NATIONAL.finditer(text))
        regions = hinted_regions(text) if matches else ()
        if not regions:
            return

        import phonenumbers

        for match in matches:
            for region in regions:
                try:
                    number = phonenumbers.parse(match[0], region)
                except phonenumbers.NumberParseException:
                    continue
                if phonenumbers.is_valid_number(number):
                    yield Span(*match.span(), 0.4)
                    break


def hinted_regions(text: str) -> tuple[str, ...]:
    """Countries at which a text hints, as ISO codes; at most four."""
    import phonenumbers

    hints = [_LANGUAGE_REGIONS[word] for word in re.findall(rf"{LETTER}+", text.lower()) if word in _LANGUAGE_REGIONS]
    hints += [m[1].upper().replace("UK", "GB") for m in _DOMAIN.finditer(text)]
    for match in _COUNTRY_CODE.finditer(text):
        codes = (match[1][:length] for length in (1, 2, 3))
        hints += [r for c in codes if (r := phonenumbers.region_code_for_country_code(int(c))) not in ("ZZ", "001")][:1]

    return tuple(dict.fromkeys(region for region in hints if region in phonenumbers.SUPPORTED_REGIONS))[:4]
