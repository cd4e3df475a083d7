"""Numbers that prove themselves by check digits, in any grouping: IBANs, cards, national numbers of all countries.

Separators are spaces of any width, line breaks, dots, dashes and slashes. Without a word beside it a national number
counts if few numbers of its shape pass: it has a letter as its check digit, two check digits, or punctuation that no
other number has together with a check digit or a date. Beside a word such as "ID number" or "CPF" every number counts
that is valid in one of the countries that python-stdnum knows.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from stdnum import iban

from ss_ray.pii.columns.checksums import SCIENTIFIC_CARD, has_card_form, is_card
from ss_ray.pii.stand_ins.formats import digits_of
from ss_ray.pii.text.labelled import Span, any_of, keywords_of, split_list

_SEPARATORS = r"[\s\u00a0\u2007\u202f.\-–‑/·:]{0,3}"
_COMPACT = re.compile(r"[\W_]")
_MIN_IBAN = 10
CONTEXT_SCORE = 0.45
STRONG_SCORE = 0.6

_CONTEXT = split_list(
    "id number, id no, id card, identity, identification, national id, national number, national insurance, citizen,"
    " personal number, personal id, tax id, tax number, taxpayer, insurance number, social security, social insurance,"
    " resident, passport, voter, nin, nino, aadhaar, nhs, cpf, cnpj, dni, nie, nir, bsn, pesel, curp, rfc, cédula,"
    " nric,"
    " ppsn, egn, cnp, oib, jmbg, emšo, amka, hetu, personnummer, cpr, fødselsnummer, kennitala, rodné číslo, kimlik,"
    " cnic,"
    " nik, ausweis, personalausweis, ausweisnummer, steuer-id, steuernummer, identifikationsnummer, ahv, identité,"
    " sozialversicherungsnummer, rentenversicherungsnummer, sécurité sociale, insee, numéro fiscal, identidad,"
    " documento,"
    " documento nacional, identità, codice fiscale, identidade, contribuinte, cidadão, burgerservicenummer,"
    " rijksregisternummer, identiteitskaart, isikukood, asmens kodas, snils"
)
"""Words and phrases beside which any valid national number counts."""
_CONTEXT_CHARS = 60

_NOT_OF_A_PERSON = frozenset(
    """
    at.postleitzahl be.iban be.ogm_vcs ch.esr cz.bankaccount de.handelsregisternummer de.leitweg de.wkn do.ncf es.cae
    es.ccc es.cups es.iban es.postal_code es.referenciacatastral eu.at_02 eu.banknote eu.ecnumber eu.eic eu.excise
    eu.nace fr.accise gb.sedol it.aic me.iban nl.brin nl.postcode no.iban no.kontonr nz.bankaccount se.postnummer th.moa
    eu.oss eu.vat
    """.split()
)

# Shape -> modules of stdnum of which one has to hold the number valid, and the entity type. An empty string stands for
# a number that has no check digit, but a shape that no other number has.
_STRONG = (
    (r"\d{8}-?[A-Z]", "es.dni", "NATIONAL_ID"),
    (r"[XYZ]-?\d{7}-?[A-Z]", "es.nie", "NATIONAL_ID"),
    (r"[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]", "it.codicefiscale", "TAX_ID"),
    (r"[A-Z]{3} ?[A-Z]{3} ?\d\d[A-Z]\d\d ?[A-Z]\d{3}[A-Z]", "it.codicefiscale", "TAX_ID"),
    (r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d", "mx.curp", "NATIONAL_ID"),
    (r"[12][ .]?\d\d[ .]?\d\d[ .]?(?:\d\d|2[AB])[ .]?\d{3}[ .]?\d{3}[ .]?\d\d", "fr.nir", "NATIONAL_ID"),
    (r"\d{6}[-+A]\d{3}[0-9A-Z]", "fi.hetu", "NATIONAL_ID"),
    (r"(?:\d\d)?\d{6}[-+]\d{4}", "se.personnummer is_.kennitala", "NATIONAL_ID"),
    (r"\d{6}/\d{3,4}", "cz.rc", "NATIONAL_ID"),
    (r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn", "NATIONAL_ID"),
    (r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf", "NATIONAL_ID"),
    (r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d", "br.cnpj", "TAX_ID"),
    (r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]", "cl.rut", "NATIONAL_ID"),
    (r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn", "NATIONAL_ID"),
    (r"\d{17}[\dXx]", "cn.ric", "NATIONAL_ID"),
    (r"\d{13}", "ro.cnp", "NATIONAL_ID"),
    (r"\d{6}-\d{7}", "kr.rrn", "NATIONAL_ID"),
    (r"\d{6}-\d\d-\d{4}", "my.nric", "NATIONAL_ID"),
    (r"\d{5}-\d{7}-\d", "pk.cnic", "NATIONAL_ID"),
    (r"\d-\d{4}-\d{5}-\d\d-\d", "th.pin", "NATIONAL_ID"),
    (r"\d{3}-\d{7}-\d", "do.cedula", "NATIONAL_ID"),
    (r"(?:2[0347]|3[034])-\d{8}-\d", "ar.cuit", "TAX_ID"),
    (r"\d{6} \d{5}", "no.fodselsnummer", "NATIONAL_ID"),
    (r"\d{7}[A-W][ABWTX]?", "ie.pps", "NATIONAL_ID"),
    (r"\d{8} ?\d ?[A-Z]{2}\d", "pt.cc", "NATIONAL_ID"),
    (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", "", "NATIONAL_ID"),
    (r"[A-Z]{3}P[A-Z]\d{4}[A-Z]", "in_.pan", "TAX_ID"),
)


# Characters of an IBAN: its length and the countries with this length, from the register of ISO 13616.
_IBAN_COUNTRIES = """
15 NO; 16 BE; 18 DK FI FK FO GL NL SD; 19 MK SI; 20 AT BA EE KZ LT LU MN XK; 21 CH HR LI LV; 22 BG BH CR DE GB GE IE ME
RS VA; 23 AE GI IL IQ OM SO TL; 24 AD CZ ES MD PK RO SA SE SK TN VG; 25 LY PT ST; 26 IS TR; 27 BI DJ FR GR IT MC MR SM;
28 AL AZ BY CY DO GT HN HU LB NI PL SV; 29 BR EG PS QA UA; 30 JO KW MU YE; 31 MT SC; 32 LC; 33 RU
"""
_IBAN_LENGTHS = {
    country: int(entry.split()[0]) for entry in _IBAN_COUNTRIES.split(";") for country in entry.split()[1:]
}


class Ibans:
    """Finds IBANs between any letters and in any grouping; the country tells where one ends.

    It has the part of Presidio's interface that `Recognizer` uses.
    """

    supported_entities = ("IBAN_CODE",)
    # Small letters are a country at the beginning of a word alone: "from 12" holds no Oman.
    _start = re.compile(
        rf"([A-Z]{{2}}|(?<![A-Za-z])[A-Za-z]{{2}}){_SEPARATORS}\d\d(?={_SEPARATORS}[A-Za-z0-9])", re.ASCII
    )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Matches in a text, each with valid check digits."""
        done = 0
        for match in self._start.finditer(text):
            length = _IBAN_LENGTHS.get(match[1].upper())
            end = _find_end(text, match.start(), length) if length and match.start() >= done else None
            if end and iban.is_valid(_COMPACT.sub("", text[match.start() : end])):
                done = end
                yield Span(match.start(), end, 1.0)


def _find_end(text: str, start: int, length: int) -> int | None:
    """The place behind the given number of letters and digits; None if other characters stand between them."""
    found = re.compile(rf"[A-Z0-9](?:{_SEPARATORS}[A-Z0-9]){{{length - 1}}}", re.IGNORECASE | re.ASCII).match(
        text, start
    )
    return found and found.end()


class LabelledIbans:
    """Finds IBANs behind the word, whatever their check digits and length, with up to four words between them."""

    supported_entities = ("IBAN_CODE",)
    keywords = frozenset({"iban", "ibans"})
    _pattern = re.compile(
        r"(?i:(?<![^\W_])ibans?(?![^\W\d_]))[^\w\n]{0,4}(?:[^\W\d_]{1,12}[^\w\n]{1,3}){0,4}?"
        r"(?<!\w)(?P<value>(?i:[A-Z]{2}) ?\d\d[A-Z0-9]{0,30}"
        r"(?:[ .\u00a0-](?=[A-Z]{0,4} ?\d)[A-Z0-9]{2,30}){0,9})(?!\w)"
    )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Numbers of a text, each of ten characters and more."""
        for match in self._pattern.finditer(text):
            if len(_COMPACT.sub("", match["value"])) >= _MIN_IBAN:
                yield Span(*match.span("value"), STRONG_SCORE)


class GroupedCards:
    """Finds card numbers in any grouping: groups of three digits and more, or any groups beside a word for cards."""

    supported_entities = ("CREDIT_CARD",)
    _digits = re.compile(rf"(?<!\d)\d(?:{_SEPARATORS.replace('/', '/,_')}\d){{11,40}}(?!\d)")
    _context = re.compile(
        r"\b(?:cards?|visa|master ?card|amex|american express|maestro|discover|diners|credit|debit|cc|karten?|"
        r"kreditkarte|"
        r"carte|cb|tarjeta|carta|cart[aã]o|kaart|creditcard|pan)\b",
        re.IGNORECASE,
    )

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Card numbers of a text, each with its Luhn digit and a known issuer."""
        for run in self._digits.finditer(text):
            groups = [(run.start() + g.start(), run.start() + g.end()) for g in re.finditer(r"\d+", run[0])]
            yield from self._find_in_run(text, groups)

    def _find_in_run(self, text: str, groups: list[tuple[int, int]]) -> Iterator[Span]:
        first = 0
        while first < len(groups):
            found = None
            for last in range(min(len(groups), first + 19), first, -1):
                start, end = groups[first][0], groups[last - 1][1]
                digits = digits_of(text[start:end])
                if not 12 <= len(digits) <= 19 or not (has_card_form(digits) and is_card(digits)):
                    continue
                if self._is_grouped(groups[first:last]) or self._context.search(text, max(0, start - 60), start):
                    found = last
                    yield Span(start, end, 1.0)
                    break
            first = found or first + 1

    @staticmethod
    def _is_grouped(groups: list[tuple[int, int]]) -> bool:
        """Whether digits are grouped as on cards: at least two and at most five groups, of three to eight digits."""
        lengths = [end - start for start, end in groups]
        return 2 <= len(lengths) <= 5 and min(lengths) >= 3 and max(lengths) <= 8 and max(lengths) >= 4


class ScientificCards:
    """Finds card numbers that a spreadsheet wrote with an exponent: "5.555556691467525e+15"."""

    supported_entities = ("CREDIT_CARD",)
    _number = re.compile(rf"(?<![\w.,]){SCIENTIFIC_CARD}(?!\w)", re.ASCII)

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Card numbers of a text, each with its Luhn digit and a known issuer."""
        for match in self._number.finditer(text):
            if is_card(match[0]):
                yield Span(*match.span(), 1.0)


class StrongNumbers:
    """Finds national numbers of one entity type that need no word beside them."""

    def __init__(self, entity_type: str):
        self.supported_entities = (entity_type,)
        self._rules = [(re.compile(shape), modules.split()) for shape, modules, kind in _STRONG if kind == entity_type]
        shapes = "|".join(shape for shape, _, kind in _STRONG if kind == entity_type)
        self._pattern = re.compile(rf"(?<![\w.,/+-])(?:{shapes})(?![\w]|[-./,]\w)")

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Valid numbers of a text."""
        for match in self._pattern.finditer(text):
            value = match[0]
            if any(shape.fullmatch(value) and _passes_check(value, modules) for shape, modules in self._rules):
                yield Span(*match.span(), STRONG_SCORE)


def _passes_check(value: str, modules: list[str]) -> bool:
    return not modules or any(_load_check(module)(value) for module in modules)


@cache
def _load_check(module: str) -> Callable[[str], bool]:
    checked: Callable[[str], bool] = importlib.import_module(f"stdnum.{module}").is_valid
    return checked


class NationalNumbers:
    """Finds numbers that are valid in some country and stand behind a word for such numbers.

    The header of a column is no such word: in a column "tax" most numbers would be valid somewhere.
    """

    supported_entities = ("NATIONAL_ID",)
    keywords = keywords_of([phrase.split()[0] for phrase in _CONTEXT])

    def __init__(self) -> None:
        self._context = re.compile(rf"(?<!\w){any_of(_CONTEXT)}(?!\w)", re.IGNORECASE)
        self._numbers = re.compile(r"(?<!\w)(?:[A-Z]{1,4}[ -]?)?\d[A-Z0-9]{0,17}(?:[ ./-][A-Z0-9]{1,12}){0,7}(?!\w)")

    def analyze(self, text: str, entities: Sequence[str]) -> Iterator[Span]:
        """Valid numbers of a text, each the longest of the groups that begin a match."""
        done = 0
        for label in self._context.finditer(text):
            for match in self._numbers.finditer(text, max(done, label.end()), label.end() + _CONTEXT_CHARS):
                done = match.end()
                ends = [m.end() for m in re.finditer(r"[A-Z0-9]+", match[0])]
                for end in reversed(ends):
                    value = match[0][:end]
                    if sum(map(str.isdigit, value)) >= 6 and len(value) <= 26 and is_national_number(value):
                        yield Span(match.start(), match.start() + end, CONTEXT_SCORE)
                        break


def is_national_number(value: str) -> bool:
    """Whether a number is valid in one of the countries that python-stdnum knows."""
    return any(check(value) for check in _national_checks())


@cache
def _national_checks() -> tuple[Callable[[str], bool], ...]:
    """The checks of all modules of stdnum for numbers of persons and companies of a country."""
    from stdnum.util import get_number_modules

    names = {module.__name__.removeprefix("stdnum."): module for module in get_number_modules()}
    chosen = (module for name, module in names.items() if re.match(r"[a-z]{2}_?\.", name))
    return tuple(m.is_valid for m in chosen if m.__name__.removeprefix("stdnum.") not in _NOT_OF_A_PERSON)
