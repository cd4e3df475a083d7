"""A column's values and header -> the entity type of its cells, with the reason in words.

The order of the evidence:

    1. certain   at least 90 % of the sample pass an unmistakable test (e-mail, Luhn digit and issuer, IBAN, SSN
                 with dashes, IP, MAC, URL, UUID), or are, as a whole cell, a finding of the detector: that type
    2. header    a header of `headers.SPECIFIC`, and at least 90 % of the sample can be of the type: that type,
                 unless the column model is sure of another kind of type
    3. header    the same, but the values cannot be: what the model is sure of; else UNKNOWN, which policy hides or
                 stops at, if the type would be replaced
    4. model     an ambiguous header or none: the type that the column model is sure of. Columns of plain numbers
                 need a header; what a number means stands nowhere else
    5. values    some hold findings, or they are sentences: FREE_TEXT, to be searched cell by cell
    otherwise    None

A header that names a type of digits or of addresses is ignored where the values are a few repeated words without a
digit, as "yes" and "no" under "phone", or kinds of pavement under "street".

The model is trained on invented columns, see `recipes/COLUMNS.md`. Nothing here asks the network; `endpoint` does,
where a person says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa

from ss_ray.config.pii import Operator
from ss_ray.pii import entities as e
from ss_ray.pii.cells import distinct_texts, is_textual
from ss_ray.pii.columns import checksums
from ss_ray.pii.columns.column_model import NONE, ColumnModel, load_column_model
from ss_ray.pii.columns.features import ValueFeatures, date_year, shape
from ss_ray.pii.columns.headers import HeaderMatch, is_about_person, match_header
from ss_ray.pii.columns.looks import COORDINATE, EMAIL, LOOKS, MAC, SSN, URL, is_number
from ss_ray.pii.text.detect import Detector, Finding

SAMPLE_SIZE = 500
MIN_SHARE = 0.9
MIN_SURE = 0.9
"""Probability from which the model types a column without the help of a header."""
_SURER = 0.97
"""The same where a mistake is likelier: few values, or a header that says otherwise."""
_FEW = 8
_FEWEST = 3

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_SECRETS = re.compile(
    r"(?:sk|pk|rk)[-_]\w[\w-]{15,}|gh[pousr]_\w{20,}|A[KS]IA[A-Z0-9]{12,}|eyJ[\w-]+\.[\w-]+\.[\w-]*|xox[abp]-\S{10,}"
)
_TOKEN = re.compile(r"(?=\D*\d)(?=[^a-zA-Z]*[a-zA-Z])[\w+/.-]{20,}={0,2}", re.ASCII)
_CERTAIN: tuple[tuple[str, Callable[[str], object]], ...] = (
    (e.EMAIL_ADDRESS, EMAIL.fullmatch),
    (e.IBAN_CODE, checksums.is_iban),
    (e.CREDIT_CARD, checksums.is_card),
    (e.US_SSN, SSN.fullmatch),
    (e.MAC_ADDRESS, MAC.fullmatch),
    (e.URL, URL.fullmatch),
    (e.IP_ADDRESS, checksums.is_ip),
    (e.VEHICLE_ID, checksums.is_vin),
    (e.UNIQUE_ID, _UUID.fullmatch),
    (e.COORDINATE, COORDINATE.fullmatch),
    (e.API_KEY, _SECRETS.fullmatch),
)
_FAMILIES = (
    frozenset({e.FIRST_NAME, e.LAST_NAME, e.PERSON, e.USERNAME}),
    frozenset({e.STREET_ADDRESS, e.ADDRESS, e.CITY, e.LOCATION, e.STATE, e.POSTCODE, e.COUNTRY}),
    frozenset({e.PHONE_NUMBER, e.FAX_NUMBER}),
    frozenset({e.DATE_OF_BIRTH, e.DATE_TIME}),
    frozenset({e.LATITUDE, e.LONGITUDE}),
    frozenset(
        {
            e.US_SSN,
            e.NATIONAL_ID,
            e.TAX_ID,
            e.PASSPORT,
            e.LICENSE,
            e.ACCOUNT_NUMBER,
            e.ROUTING_NUMBER,
            e.MEDICAL_RECORD,
            e.HEALTH_PLAN,
            e.UNIQUE_ID,
            e.DEVICE_ID,
            e.BIOMETRIC,
            e.API_KEY,
            e.PASSWORD,
            e.CVV,
            e.PIN,
            e.LICENSE_PLATE,
        }
    ),
)
"""Types whose values may look alike: a header chooses between them."""
_NEED_HEADER = frozenset(
    {
        e.AGE,
        e.CVV,
        e.PIN,
        e.MEDICAL_RECORD,
        e.HEALTH_PLAN,
        e.ACCOUNT_NUMBER,
        e.PASSPORT,
        e.LICENSE,
        e.TAX_ID,
        e.DEVICE_ID,
        e.BIOMETRIC,
        e.ROUTING_NUMBER,
        e.FAX_NUMBER,
        e.LATITUDE,
        e.LONGITUDE,
        e.US_SSN,
        e.UNIQUE_ID,
        e.LICENSE_PLATE,
    }
)
"""Types whose values could be any code: the model alone does not say them."""
_SPEAKING = frozenset(
    {
        e.FIRST_NAME,
        e.LAST_NAME,
        e.PERSON,
        e.STREET_ADDRESS,
        e.ADDRESS,
        e.CITY,
        e.LOCATION,
        e.PHONE_NUMBER,
    }
)
"""Types that many values tell by themselves, even against a header."""
_NEVER_FEW_WORDS = frozenset(
    {
        e.STREET_ADDRESS,
        e.ADDRESS,
        e.POSTCODE,
        e.COORDINATE,
        e.PHONE_NUMBER,
        e.FAX_NUMBER,
        e.EMAIL_ADDRESS,
        e.URL,
        e.IP_ADDRESS,
        e.MAC_ADDRESS,
        e.CREDIT_CARD,
        e.IBAN_CODE,
        e.SWIFT_BIC,
        e.DATE_OF_BIRTH,
        e.VEHICLE_ID,
        e.NATIONAL_ID,
    }
    | (_NEED_HEADER - {e.AGE})
)
"""Types whose values have digits or hardly repeat. Few words that repeat are a statement about them, not they."""
_CATEGORY_WORDS = re.compile(r"[^\W\d_]+(?:[ /-][^\W\d_]+){0,2}")
_LONGEST_CATEGORY = 30
_MIN_REPEATS = 10
"""Average number of rows of a category, from which a few words are categories."""
_PLAIN_IN_FEW = frozenset({e.GENDER, e.TITLE, e.NRP, e.SENSITIVE, e.COUNTRY, e.DATE_TIME})
"""Types that two values show; all are kept."""
_PLAIN_FINDINGS = frozenset(
    {
        e.EMAIL_ADDRESS,
        e.CREDIT_CARD,
        e.IBAN_CODE,
        e.IP_ADDRESS,
        e.PHONE_NUMBER,
        e.US_SSN,
        e.URL,
        e.MAC_ADDRESS,
        e.API_KEY,
    }
)
"""Findings that count here. A detector's names and places need a sentence around them, and a column has none."""


@dataclass(frozen=True, kw_only=True)
class ColumnTyping:
    """Entity type of a column, with its confidence and explanation.

    Attributes:
        entity_type: Type of the cells: one of `entities.ENTITY_TYPES`, or FREE_TEXT.
        suspected: The type that the header names; equal to entity_type unless that is UNKNOWN.
        confidence: Evidence in [0, 1]: the share of the sample for a type that the values prove, the model's
            calibrated probability for a type that it says, at least 0.8 for a header that the values agree with,
            0.5 for UNKNOWN.
        explanation: The reason in words, without any value of the column.
    """

    entity_type: str
    suspected: str
    confidence: float
    explanation: str


@dataclass(frozen=True)
class _Evidence:
    """Evidence about a column before the decision.

    Attributes:
        name: Header of the column.
        header: Entity type that the header names; None where it names none.
        sample: Sample of the distinct values.
        num_distinct: Distinct values, in or out of the sample.
        num_values: Values with repetitions; None where that is not known.
        min_share: Share of the sample that has to agree.
        model: Model that predicts the type from the values and the header.
    """

    name: str
    header: HeaderMatch | None
    sample: list[str]
    num_distinct: int
    num_values: int | None
    min_share: float
    model: ColumnModel

    def share(self, test: Callable[[str], object]) -> float:
        """Share of the sample that passes a test; 1 where there is no value."""
        if self.sample:
            return sum(bool(test(value)) for value in self.sample) / len(self.sample)
        return 1.0

    @cached_property
    def read(self) -> ValueFeatures:
        """Features of the sample, which is not empty, for the model."""
        return self.model.read(self.sample)

    @cached_property
    def are_numbers(self) -> bool:
        return self.share(is_number) >= self.min_share


def classify_table(table: pa.Table, detector: Detector) -> dict[str, ColumnTyping]:
    """Typings of the columns that hold personal data, by column name; the table may be a sample of rows."""
    typings: dict[str, ColumnTyping] = {}
    for name in table.column_names:
        column = table.column(name)
        num_values = len(column) - column.null_count
        typing = classify_column(name, distinct_texts(column), detector, num_values=num_values)
        # A number that looks like a card by chance is no text with a card in it.
        if typing is not None and (typing.entity_type != e.FREE_TEXT or is_textual(column.type)):
            typings[name] = typing

    return typings


def classify_column(
    name: str,
    values: Sequence[str],
    detector: Detector,
    *,
    sample_size: int = SAMPLE_SIZE,
    min_share: float = MIN_SHARE,
    num_values: int | None = None,
    model: ColumnModel | None = None,
) -> ColumnTyping | None:
    """Type a column, or return None where nothing suggests personal data.

    Args:
        name: Header of the column.
        values: Its values as text, without missing ones; repeated values count once.
        detector: Finds the pattern types.
        sample_size: Number of distinct values to look at, spread evenly over `values`.
        min_share: Share of the sample in (0, 1] that has to agree.
        num_values: Number of values with repetitions, which tells keys from codes; None if not known.
        model: The column model; None for the one that is shipped.
    """
    model = model or load_column_model()
    distinct = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    column = _Evidence(
        name=name,
        header=match_header(name, model.unknown_headers),
        sample=_sample_values(distinct, sample_size),
        num_distinct=len(distinct),
        num_values=num_values,
        min_share=min_share,
        model=model,
    )
    if _are_words_against_header(column):
        column = replace(column, name="", header=None)

    findings = detector.find_each(column.sample)

    return (
        _find_certain_type(column)
        or _found_as_whole(column, findings)
        or _by_header(column)
        or _by_model(column)
        or _key_of_person(column)
        or _type_text(column, findings)
    )


def header_type(name: str) -> str | None:
    """The entity type that a header names, as "patient_first_name", "Nachname" or "phone 2" do."""
    match = match_header(name)
    if match:
        return match.entity_type
    return None


def _sample_values(distinct: list[str], size: int) -> list[str]:
    if len(distinct) > size:
        # Evenly spaced: the first values of a sorted column are not typical.
        return [distinct[place * len(distinct) // size] for place in range(size)]
    return distinct


def _make_typing(entity_type: str, confidence: float, reason: str, suspected: str | None = None) -> ColumnTyping:
    return ColumnTyping(
        entity_type=entity_type, suspected=suspected or entity_type, confidence=min(confidence, 1.0), explanation=reason
    )


def _is_kept(entity_type: str) -> bool:
    return e.BY_NAME[entity_type].operator is Operator.KEEP


def _are_alike(one: str, other: str) -> bool:
    return one == other or any(one in family and other in family for family in _FAMILIES)


# A header that the values refute.


def _are_words_against_header(column: _Evidence) -> bool:
    """Whether the header names digits or addresses, and the values are a few repeated words of no personal type."""
    if column.header is None or column.header.entity_type not in _NEVER_FEW_WORDS or not column.sample:
        return False

    is_repeated = column.num_values is not None and column.num_values >= _MIN_REPEATS * column.num_distinct
    if not is_repeated or column.num_distinct >= _FEW or column.share(_is_category_word) < 1:
        return False

    return _predict_types(column, "").get(NONE, 0.0) >= MIN_SURE


def _is_category_word(value: str) -> bool:
    return len(value) <= _LONGEST_CATEGORY and _CATEGORY_WORDS.fullmatch(value) is not None


# Certain values.


def _find_certain_type(column: _Evidence) -> ColumnTyping | None:
    if not column.sample:
        return None

    for entity_type, test in _CERTAIN:
        share = column.share(test)
        if share < column.min_share or (
            # Few numbers pass a check digit by chance.
            column.are_numbers and len(column.sample) < _FEW and not _header_names(column, entity_type)
        ):
            continue
        if _chooses_between(column, entity_type):
            continue

        reason = (
            f"{share:.0%} of {len(column.sample)} distinct values have the form or the check digits of {entity_type}"
        )
        return _make_typing(entity_type, share, reason)

    return _card_without_check_digits(column)


def _header_names(column: _Evidence, entity_type: str) -> bool:
    return column.header is not None and column.header.entity_type == entity_type


def _chooses_between(column: _Evidence, entity_type: str) -> bool:
    """Whether the header names another type of the same look, as "itin" does for 900-70-0000."""
    header = column.header
    if header is None or header.entity_type == entity_type or not header.specific:
        return False
    return _are_alike(header.entity_type, entity_type) and column.share(LOOKS[header.entity_type]) >= column.min_share


def _card_without_check_digits(column: _Evidence) -> ColumnTyping | None:
    """Cards that a spreadsheet rounded: 16 digits, first digits of issuers, and of many issuers."""
    digits = [re.sub(r"[ -]", "", value) for value in column.sample]
    sixteen = [text for text in digits if len(text) == 16 and text[0] in "345" and checksums.has_card_form(text)]
    issuers = {text[:6] for text in sixteen}
    # Card numbers come from many issuers; other long numbers share their beginning.
    if len(sixteen) < column.min_share * len(digits) or len(issuers) < 20 or len(issuers) < len(sixteen) / 10:
        return None

    share = len(sixteen) / len(digits)
    reason = f"{share:.0%} of {len(digits)} distinct values have 16 digits and the first digits of card issuers"
    return _make_typing(e.CREDIT_CARD, 0.8, reason)


def _found_as_whole(column: _Evidence, findings: dict[str, tuple[Finding, ...] | None]) -> ColumnTyping | None:
    whole = (found[0].entity_type for text, found in findings.items() if found and _is_whole(text, found))
    for entity_type, count in Counter(whole).most_common(1):
        share = count / len(findings)
        if share < column.min_share or entity_type not in _PLAIN_FINDINGS or _chooses_between(column, entity_type):
            continue
        # Short numbers are phone numbers somewhere; ten digits in the scheme of a country are not by chance.
        if column.are_numbers and not _header_names(column, entity_type) and column.share(lambda v: len(v) >= 10) < 0.9:
            continue

        reason = f"{share:.0%} of {len(findings)} distinct values are, as a whole, of type {entity_type}"
        return _make_typing(entity_type, share, reason)

    return None


def _is_whole(text: str, findings: tuple[Finding, ...]) -> bool:
    """Whether one finding covers the text except for punctuation."""
    rest = text[: findings[0].start] + text[findings[0].end :]
    return len(findings) == 1 and not any(character.isalnum() for character in rest)


# The header, checked by the values.


def _by_header(column: _Evidence) -> ColumnTyping | None:
    if column.header is None or not column.header.specific:
        return None

    suspected = column.header.entity_type
    share = column.share(LOOKS[suspected])
    other = _find_contradiction(column, suspected, fits=share >= column.min_share)
    if other is not None:
        return other

    reason = f"the header names {suspected}, and {share:.0%} of {len(column.sample)} distinct values look like it"
    if share >= column.min_share and _has_enough(column, suspected):
        return _make_typing(suspected, _estimate_confidence(column, suspected), reason)
    if _is_kept(suspected) or suspected in {e.LATITUDE, e.LONGITUDE, e.STATE} or share >= column.min_share:
        return None

    reason += f"; too few to imitate them (at least {column.min_share:.0%} are needed)"
    return _make_typing(e.UNKNOWN, 0.5, reason, suspected)


def _find_contradiction(column: _Evidence, suspected: str, *, fits: bool) -> ColumnTyping | None:
    """The type that the values alone say with certainty, if the header names something else altogether."""
    # What a number means stands in the header alone.
    if not column.sample or column.are_numbers:
        return None

    entity_type, sure = _choose_likeliest(_predict_types(column, ""))
    if entity_type not in _SPEAKING or _are_alike(entity_type, suspected):
        return None
    if (
        sure < (_SURER if fits else MIN_SURE)
        or column.num_distinct < _FEW
        or column.share(LOOKS[entity_type]) < column.min_share
    ):
        return None

    reason = f"the header names {suspected}, but the values of {len(column.sample)} look like {entity_type}"
    return _make_typing(entity_type, sure, reason)


def _has_enough(column: _Evidence, suspected: str) -> bool:
    """Whether a column of categories has as many values as its type; twenty sexes are something else."""
    return suspected not in {e.GENDER, e.TITLE} or column.num_distinct <= 40


def _estimate_confidence(column: _Evidence, entity_type: str) -> float:
    if column.sample:
        return max(0.8, _predict_types(column, column.name).get(entity_type, 0.0))
    return 0.8


# The model.


def _predict_types(column: _Evidence, header: str) -> dict[str, float]:
    return column.model.probabilities(column.read, header)


def _choose_likeliest(probabilities: dict[str, float]) -> tuple[str, float]:
    """The likeliest type, with the probability that a column of this kind is treated rightly as this type.

    That is the probability of all types of its family, which a header may tell apart and no value can. A type that
    is replaced speaks for the others, too, where it is as likely as all of them: a surname may be a city, but is no
    ordinary column.
    """
    entity_type = max(probabilities, key=probabilities.__getitem__)
    if entity_type == NONE:
        return NONE, probabilities[NONE]

    # A header may tell the types of one family apart, the values cannot; so their probabilities add up.
    alike = sum(share for other, share in probabilities.items() if other != NONE and _are_alike(other, entity_type))
    if _is_kept(entity_type) or alike < 0.5:
        return entity_type, alike

    # If replacing is as likely as all alternatives, every replaced type speaks for it: a surname may be a city, but
    # is no ordinary column.
    return entity_type, sum(share for other, share in probabilities.items() if other != NONE and not _is_kept(other))


def _by_model(column: _Evidence) -> ColumnTyping | None:
    if not column.sample or _are_sentences(column) or _are_phrases(column):
        return None
    if column.are_numbers or (column.header and column.header.entity_type == e.UNIQUE_ID):
        return _number_by_header(column)

    entity_type, sure = _choose_likeliest(_predict_types(column, column.name))
    if _is_sure(column, entity_type, sure):
        return _type_by_resemblance(column, "header and values", entity_type, sure)

    return _by_values_alone(column)


def _type_by_resemblance(column: _Evidence, source: str, entity_type: str, sure: float) -> ColumnTyping:
    reason = f"{source} of {len(column.sample)} distinct values resemble {entity_type} with probability {sure:.0%}"
    return _make_typing(entity_type, sure, reason)


def _by_values_alone(column: _Evidence) -> ColumnTyping | None:
    """Type of a column by its words alone, regardless of the header."""
    entity_type, sure = _choose_likeliest(_predict_types(column, ""))
    if entity_type not in _SPEAKING or sure < _SURER or column.num_distinct < _FEW:
        return None
    # Firms and schools have surnames.
    if column.header is not None and column.header.entity_type == e.ORGANIZATION:
        return None
    if column.share(LOOKS[entity_type]) < column.min_share:
        return None

    return _type_by_resemblance(column, "the values alone", entity_type, sure)


def _is_sure(column: _Evidence, entity_type: str, sure: float) -> bool:
    if entity_type == NONE or (entity_type in _NEED_HEADER and not _header_names(column, entity_type)):
        return False
    if column.share(LOOKS[entity_type]) < column.min_share:
        return False
    if _header_names(column, entity_type):
        return sure >= 0.5
    if entity_type == e.API_KEY and column.share(_TOKEN.fullmatch) < column.min_share:
        # Formulas and settings have letters and digits in no order, too.
        return False
    if entity_type == e.PASSWORD and _share_of_one_shape(column) >= 0.5:
        # Everybody chooses a password of another shape; codes share theirs.
        return False
    if entity_type == e.DATE_OF_BIRTH:
        # Dates of birth look like any other dates, but lie in the years of living people.
        return sure >= _SURER and column.share(_is_of_living) >= _SURER
    if entity_type in _PLAIN_IN_FEW:
        return sure >= (_SURER if _header_contradicts(column, entity_type) else MIN_SURE)

    few = column.num_distinct < _FEW
    return column.num_distinct >= _FEWEST and sure >= (
        _SURER if few or _header_contradicts(column, entity_type) else MIN_SURE
    )


def _share_of_one_shape(column: _Evidence) -> float:
    """Share of the sample that has the most frequent shape."""
    shapes = Counter(map(shape, column.sample))
    return max(shapes.values()) / len(column.sample)


def _is_of_living(value: str) -> bool:
    """Whether somebody born on a date can be in a table of today."""
    return (date_year(value) or 0) >= 1905


def _header_contradicts(column: _Evidence, entity_type: str) -> bool:
    return column.header is not None and not _are_alike(column.header.entity_type, entity_type)


def _number_by_header(column: _Evidence) -> ColumnTyping | None:
    """A type that an ambiguous header names for plain numbers or keys."""
    if column.header is None:
        return None

    entity_type = column.header.entity_type
    share = column.share(LOOKS[entity_type])
    if share < column.min_share or entity_type in {e.LOCATION, e.STATE, e.COUNTRY, e.GENDER, e.NRP, e.SENSITIVE}:
        return None
    if entity_type == e.UNIQUE_ID and not _are_keys(column):
        return None
    if entity_type != e.UNIQUE_ID and _predict_types(column, column.name).get(entity_type, 0.0) < 0.5:
        return None

    return _make_typing(
        entity_type,
        0.7,
        f"the header may name {entity_type}, and {share:.0%} of {len(column.sample)} distinct values fit",
    )


def _are_keys(column: _Evidence) -> bool:
    """Whether the values are many and seldom repeated, as the keys of records are."""
    return column.num_distinct >= 20 and (column.num_values is None or column.num_distinct >= column.num_values / 2)


def _key_of_person(column: _Evidence) -> ColumnTyping | None:
    """Many different codes under the name of a role alone: whoever holds the list knows the person."""
    # Numbers that hardly repeat are measurements as often as keys.
    if not is_about_person(column.name) or column.are_numbers or not _are_keys(column):
        return None
    if (
        column.share(lambda value: " " not in value and len(value) >= 6 and any(map(str.isdecimal, value)))
        < column.min_share
    ):
        return None

    return _make_typing(
        e.UNKNOWN, 0.5, "the header names a person, and the values are codes that hardly repeat", e.UNIQUE_ID
    )


# Text.


def _are_sentences(column: _Evidence) -> bool:
    """Whether most values are sentences or longer."""
    return column.num_distinct >= 20 and column.share(lambda value: value.count(" ") >= 7 and len(value) >= 40) >= 0.5


_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_ADDRESS_SIGN = re.compile(r"\d|[都道府県市区町村丁目番省州县路街号楼室]")
_LONGEST_NAME = 4


def _are_phrases(column: _Evidence) -> bool:
    """Whether the values are phrases in Chinese or Japanese: longer than names, and without the signs of addresses."""
    if column.share(_UNSPACED.search) < column.min_share or column.share(_ADDRESS_SIGN.search) >= 0.5:
        return False
    return column.share(lambda value: max(map(len, re.split(r"[\s・]", value))) <= _LONGEST_NAME) < column.min_share


def _type_text(column: _Evidence, findings: dict[str, tuple[Finding, ...] | None]) -> ColumnTyping | None:
    plain = {
        text: found if found is None else [f.entity_type for f in found if f.entity_type in _PLAIN_FINDINGS]
        for text, found in findings.items()
    }
    count = sum(found is None or bool(found) for found in plain.values())
    if not count:
        reason = f"most of {len(column.sample)} distinct values are sentences"
        if _are_sentences(column):
            return _make_typing(e.FREE_TEXT, 0.9, reason)
        return None

    found_types = sorted({entity_type for found in plain.values() for entity_type in found or ()})
    reason = f"{count} of {len(findings)} distinct values contain {', '.join(found_types) or 'unreadable text'}"
    return _make_typing(e.FREE_TEXT, count / len(findings), reason)
