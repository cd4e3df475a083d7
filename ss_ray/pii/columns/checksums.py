"""Checks whether a text is a number with valid check digits or of a fixed, unmistakable form."""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable
from functools import cache

from ss_ray.pii.stand_ins.formats import card_digits, vin_check_digit

_CARD = re.compile(r"\d(?:[ -]?\d){11,18}", re.ASCII)
SCIENTIFIC_CARD = r"\d[.,]\d{11,18}[eEoO]\+?1[1-8]"
"""Pattern of all digits of a card as a number with an exponent; a letter O in place of the E is a reading error."""
_SCIENTIFIC_CARD = re.compile(SCIENTIFIC_CARD, re.ASCII)
# Issuer ranges in use: Visa; Mastercard; American Express; Diners; Discover; JCB; UnionPay; Maestro.
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
    r"|(?:50|5[6-9]|6\d)\d{10,17}",
    re.ASCII,
)
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)
# National numbers whose check digit or embedded date leaves few random numbers valid; python-stdnum knows the rules.
NATIONAL_IDS = (
    "us.ssn de.idnr fr.nir es.dni es.nie it.codicefiscale nl.bsn be.nn se.personnummer fi.hetu dk.cpr no.fodselsnummer"
    " pl.pesel cz.rc pt.nif br.cpf gb.nhs ca.sin in_.aadhaar in_.pan cn.ric tr.tckimlik hr.oib bg.egn ro.cnp hu.anum"
    " ie.pps il.idnr za.idnr ee.ik mx.curp mx.rfc cl.rut si.emso ch.ssn is_.kennitala au.tfn br.cnpj fr.siret"
).split()  # fmt: skip


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of those before."""
    if not digits:
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0


def has_card_form(text: str) -> bool:
    """Whether a text has the length and the first digits of a card number; the check digit is not looked at."""
    is_written = _CARD.fullmatch(text) or _SCIENTIFIC_CARD.fullmatch(text)
    return bool(is_written) and bool(_ISSUER.fullmatch(card_digits(text)))


def is_card(text: str) -> bool:
    """Whether a text is a card number of a known issuer with its check digit."""
    return has_card_form(text) and luhn(card_digits(text))


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN with valid check digits (ISO 7064, mod 97)."""
    compact = re.sub(r"[ -]", "", text).upper()
    if not _IBAN.fullmatch(compact):
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def is_vin(text: str) -> bool:
    """Whether a text is a vehicle identification number with the North American check digit."""
    if not _VIN.fullmatch(text) or text.isdecimal():
        return False
    return text[8] == vin_check_digit(text)


def is_routing_number(text: str) -> bool:
    """Whether a text is an ABA routing number with its check digit."""
    if not re.fullmatch(r"\d{9}", text, re.ASCII) or not re.match(r"0|1[0-2]|2[1-9]|3[0-2]|[67]|80", text):
        return False
    return sum(weight * int(digit) for weight, digit in zip((3, 7, 1) * 3, text, strict=True)) % 10 == 0


def is_ip(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address, or a network of them."""
    # "12" is an address for ipaddress.
    if text.count(".") != 3 and text.count(":") < 2:
        return False

    try:
        return bool(ipaddress.ip_interface(text))
    except ValueError:
        return False


@cache
def national_checks() -> tuple[Callable[[str], bool], ...]:
    """One check for each of NATIONAL_IDS."""
    return tuple(importlib.import_module(f"stdnum.{name}").is_valid for name in NATIONAL_IDS)
