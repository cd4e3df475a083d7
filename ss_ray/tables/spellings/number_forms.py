"""From the forms of single cells to the few formats that write all cells of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from ss_ray.tables.spellings.number_cells import NumberForm
from ss_ray.tables.spellings.numbers import GENERAL, MAX_DECIMALS, NumberFormat


@dataclass(frozen=True, kw_only=True)
class FormFacts:
    """Facts of all cells of one form.

    Attributes:
        cells: Number of cells.
        low: Smallest number of these cells.
        high: Largest number of these cells.
        least: Fewest digits after the mark.
        most: Most digits after the mark.
        needed: Most digits after the mark, the zeros at the end left out.
    """

    cells: int
    low: float | int
    high: float | int
    least: int
    most: int
    needed: int


def merge_form_facts(a: FormFacts, b: FormFacts) -> FormFacts:
    """Facts of the cells of two blocks together."""
    return FormFacts(
        cells=a.cells + b.cells,
        low=min(a.low, b.low),
        high=max(a.high, b.high),
        least=min(a.least, b.least),
        most=max(a.most, b.most),
        needed=max(a.needed, b.needed),
    )


def settle_formats(forms: Mapping[NumberForm, FormFacts], mark: str) -> tuple[tuple[NumberFormat, FormFacts], ...]:
    """The formats that write all these forms, the most frequent first, each with the facts of its cells.

    Example:
        >>> facts = FormFacts(cells=3, low=1, high=5, least=2, most=2, needed=2)
        >>> forms = {NumberForm(prefix="$"): facts, NumberForm(prefix="$", group=","): facts}
        >>> [str(format_) for format_, _ in settle_formats(forms, ".")]
        ['$#,##0.00']
    """
    families: dict[tuple[str, ...], list[NumberForm]] = {}
    forms = _join_scientific(forms)
    for form in forms:
        families.setdefault((form.prefix, form.suffix, form.exponent), []).append(form)

    found: list[tuple[NumberFormat, FormFacts]] = []
    for family in families.values():
        left = sorted(family, key=lambda form: -forms[form].cells)
        while left:
            told = _told_traits(left, forms)
            own = [form for form in left if _is_written(form, forms[form], told)]
            facts = reduce(merge_form_facts, (forms[form] for form in own))
            found.append((_format_of(told, facts, mark), facts))
            left = [form for form in left if form not in own]

    return tuple(sorted(found, key=lambda item: -item[1].cells))


def _join_scientific(forms: Mapping[NumberForm, FormFacts]) -> dict[NumberForm, FormFacts]:
    """The forms with one exponent for each prefix and suffix, where one writes all of them.

    Scientific forms beside plain ones become GENERAL: so Python, R and pandas write floats.
    """
    joined: dict[NumberForm, FormFacts] = {}
    for form, facts in forms.items():
        alike = [other.exponent for other in forms if (other.prefix, other.suffix) == (form.prefix, form.suffix)]
        common = _common_exponent([exponent for exponent in alike if exponent])
        if common == "e+00" and "" in alike:
            form = form._replace(exponent=GENERAL)
        elif form.exponent and common:
            form = form._replace(exponent=common)
        joined[form] = merge_form_facts(joined[form], facts) if form in joined else facts

    return joined


def _common_exponent(exponents: Sequence[str]) -> str:
    """The exponent that writes all of these; empty where none does."""
    letters = {exponent[0] for exponent in exponents}
    # "E15" has no sign, and "E-15" does not tell whether its table writes "E+15".
    has_plus = {exponent[1:2] == "+" for exponent in exponents if exponent[1:2] != "-"}
    widths = {exponent.count("0") for exponent in exponents} - {0}
    if len(letters) != 1 or len(has_plus) > 1 or len(widths) > 1:
        return ""
    sign = "" if has_plus == {False} else "+"
    return letters.pop() + sign + "0" * (widths.pop() if widths else 2)


def _has_exponent(form: NumberForm, exponent: str) -> bool:
    """Whether the exponent of a format writes that of a form."""
    if exponent == GENERAL:
        return form.exponent == "" or _has_exponent(form, "e+00")
    if not form.exponent or not exponent:
        return form.exponent == exponent

    same_letter = form.exponent[0] == exponent[0]
    same_sign = form.exponent[1:2] == "-" or ("+" in form.exponent) == ("+" in exponent)
    return same_letter and same_sign and form.exponent.count("0") in (0, exponent.count("0"))


def _told_traits(forms: Sequence[NumberForm], facts: Mapping[NumberForm, FormFacts]) -> NumberForm:
    """The traits of a format that writes most of these forms."""
    first = forms[0]
    groups = [form.group for form in forms if form.group]
    positive = [form for form in forms if form.sign in ("", "+") and facts[form].high > 0]
    negative = [form.sign for form in forms if form.sign in ("-", "(")]
    plus = "+" if positive and positive[0].sign == "+" else ""
    zeros = [form.sign for form in forms if facts[form].low == facts[form].high == 0]
    if plus and "" in zeros:
        plus += "0"
    return NumberForm(
        prefix=first.prefix,
        suffix=first.suffix,
        exponent=first.exponent,
        group=groups[0] if groups else "no",
        sign=plus + (negative[0] if negative else "-"),
        place=next((form.place for form in forms if form.place), "first"),
        zero=next((form.zero for form in forms if form.zero), "full"),
    )


def _is_written(form: NumberForm, facts: FormFacts, told: NumberForm) -> bool:
    """Whether a format of these traits writes a cell of this form."""
    is_zero = facts.low == facts.high == 0
    if form.sign in ("-", "("):
        is_signed_so = form.sign in told.sign
    elif is_zero:
        is_signed_so = (form.sign == "+") == ("+" in told.sign and "0" not in told.sign)
    else:
        is_signed_so = (form.sign == "+") == ("+" in told.sign)

    return (
        form.group in ("", told.group)
        and is_signed_so
        and form.place in ("", told.place)
        and form.zero in ("", told.zero)
    )


def _format_of(told: NumberForm, facts: FormFacts, mark: str) -> NumberFormat:
    is_free = told.exponent == GENERAL or (facts.most > MAX_DECIMALS and facts.least < facts.most)
    return NumberFormat(
        prefix=told.prefix,
        suffix=told.suffix,
        mark=mark,
        group="" if told.group == "no" else told.group,
        least=0 if told.exponent == GENERAL else facts.least,
        most=None if is_free else facts.most,
        exponent=told.exponent,
        parentheses="(" in told.sign,
        plus="+" in told.sign,
        plain_zero="0" in told.sign,
        sign_first=told.place == "first",
        bare=told.zero == "bare",
    )


def matches(format_: NumberFormat, form: NumberForm, is_zero: bool) -> bool:
    """Whether the format writes cells of this form.

    Args:
        format_: Format of the column.
        form: NumberForm of a cell.
        is_zero: Whether the number is zero, which has no sign.
    """
    told = NumberForm(
        group=format_.group or "no",
        sign=("+" if format_.plus else "")
        + ("0" if format_.plain_zero else "")
        + ("(" if format_.parentheses else "-"),
        place="first" if format_.sign_first else "second",
        zero="bare" if format_.bare else "full",
    )
    same = (form.prefix, form.suffix) == (format_.prefix, format_.suffix) and _has_exponent(form, format_.exponent)
    end = 0 if is_zero else 1
    facts = FormFacts(cells=1, low=0, high=end, least=0, most=0, needed=0)
    return same and _is_written(form, facts, told)
