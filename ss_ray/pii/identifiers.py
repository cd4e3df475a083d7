"""Identifiers of seven kinds with an unambiguous form: their spellings in a text, and the search for them in another.

Nothing here is shared with the detector: a fault of a pattern there must not be a fault of the check of its work.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from stdnum import iban, luhn

from ss_ray.pii import entities

EMAIL = "e-mail address"
PHONE = "phone number"
SSN = "social security number"
CARD = "card number"
IBAN = "IBAN"
IP = "IP address"
SECRET_URL = "URL with credentials"
ENTITY_TYPES = {
    EMAIL: entities.EMAIL_ADDRESS,
    PHONE: entities.PHONE_NUMBER,
    SSN: entities.US_SSN,
    CARD: entities.CREDIT_CARD,
    IBAN: entities.IBAN_CODE,
    IP: entities.IP_ADDRESS,
    SECRET_URL: entities.URL,
}
"""Kind of identifier -> entity type of the detector whose operator decides whether it may stay."""
KINDS = tuple(ENTITY_TYPES)


@dataclass(frozen=True)
class Identifier:
    """An identifier of one kind in its canonical form.

    Attributes:
        kind: Kind of identifier, one of KINDS.
        key: Spelling without differences of case, width and separators. Sensitive.
    """

    kind: str
    key: str = field(repr=False)


_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._%+-'")
_DOMAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_AT = re.compile(r"%(?:25)?40|&#0?64;|&#x40;|&commat;|\\u0040|\\x40|=40", re.IGNORECASE)
_UNSEEN = frozenset("\u034f\u180e" + "".join(map(chr, range(0xFE00, 0xFE10))))
_DOMAIN_NAME = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}")
_SSN = re.compile(r"(?<![0-9])(?<![0-9][-./])([0-9]{3})([-./ _])([0-9]{2})\2([0-9]{4})(?![0-9])(?![-./][0-9])")
_INTERNATIONAL = re.compile(r"(?<![0-9a-z+])\+[0-9](?:[ ().-]{0,2}[0-9]){7,14}(?![0-9a-z])")
_AMERICAN = re.compile(
    r"(?<![0-9])(?<![0-9][-.])(?:\+?1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}"
    r"(?![0-9]|[-.][0-9])"
)
_CARD = re.compile(
    r"(?<![0-9])(?:[0-9]{15,16}|[0-9]{4}([- ])(?:[0-9]{4}\1){2}[0-9]{4}|[0-9]{4}([- ])[0-9]{6}\2[0-9]{5})"
)
_IBAN = re.compile(r"[a-z]{2}[0-9]{2}(?:[ -]?[0-9a-z]{4}){2,7}(?:[ -]?[0-9a-z]{1,4})?")
_IPV4 = re.compile(r"(?<![0-9.a-z])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9a-z:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9a-z:.])")
_SECRET_URL = re.compile(r"(?<![a-z0-9])[a-z][a-z0-9+.-]{1,20}://([^\s/@:'\"<>]+:[^\s/@'\"<>]+@[^\s/'\"<>:]+)")
_ISSUERS = ("4", "51", "52", "53", "54", "55", "34", "37", "6011", "65", "35", "22", "23", "24", "25", "26", "27")


def identifiers(text: str) -> frozenset[Identifier]:
    """Identifiers of all kinds in a text."""
    folded = fold(text)
    digits = sum(map(folded.count, "0123456789"))
    found = set[Identifier]()
    if "@" in folded:
        folded = folded.replace("@@", "@")
        found.update(Identifier(EMAIL, key) for key in _find_emails(folded))
        found.update(Identifier(SECRET_URL, match[1]) for match in _SECRET_URL.finditer(folded))

    if digits >= 8:
        found.update(_find_numbers(folded))

    if folded.count(".") >= 3 and digits >= 4:
        found.update(Identifier(IP, match[0]) for match in _IPV4.finditer(folded) if _is_address(match[0]))

    if folded.count(":") >= 2:
        found.update(Identifier(IP, match[0]) for match in _IPV6.finditer(folded) if _is_long_address(match[0]))

    return frozenset(found)


def fold(text: str) -> str:
    """A text without differences of case and width, and without invisible characters."""
    text = _AT.sub("@", text)
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if unicodedata.category(c) != "Cf" and c not in _UNSEEN)


def _find_emails(text: str) -> Iterator[str]:
    """Addresses around each "@": the longest run of characters that an address may hold."""
    for place, character in enumerate(text):
        if character != "@":
            continue

        start = place
        end = place + 1
        while start > 0 and text[start - 1] in _LOCAL:
            start -= 1

        while end < len(text) and text[end] in _DOMAIN:
            end += 1

        local = text[start:place].strip("._-'%+")
        domain = _DOMAIN_NAME.match(text[place + 1 : end].lstrip(".-"))
        if not local or domain is None:
            continue

        yield f"{local}@{domain[0]}"
        # "mail_anna@..." is the address of Anna.
        if "_" in local:
            yield f"{local.rpartition('_')[2]}@{domain[0]}"


def _find_numbers(text: str) -> Iterator[Identifier]:
    for match in _SSN.finditer(text):
        area = match[1]
        group = match[3]
        serial = match[4]
        if area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000":
            yield Identifier(SSN, area + group + serial)

    for pattern in (_INTERNATIONAL, _AMERICAN):
        for match in pattern.finditer(text):
            yield Identifier(PHONE, re.sub("[^0-9]", "", match[0]))

    for match in _CARD.finditer(text):
        number = re.sub("[^0-9]", "", match[0])
        if not text[match.end() : match.end() + 1].isdigit() and number.startswith(_ISSUERS) and luhn.is_valid(number):
            yield Identifier(CARD, number)

    for match in _IBAN.finditer(text):
        yield from _find_iban(match[0])


def _find_iban(text: str) -> Iterator[Identifier]:
    """The longest beginning of a match that is an IBAN of a country: the words after it may look like its groups."""
    compact = re.sub("[ -]", "", text)
    for length in range(len(compact), 14, -1):
        if iban.is_valid(compact[:length]):
            yield Identifier(IBAN, compact[:length])
            return


def _is_address(text: str) -> bool:
    return all(int(part) < 256 and str(int(part)) == part for part in text.split("."))


def _is_long_address(text: str) -> bool:
    if sum(bool(part) for part in text.split(":")) < 3:
        return False

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False

    return True


_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[ ().\-/_]{1,3}(?=[0-9])")
_BETWEEN_GROUPS = re.compile(r"[ -]")


@lru_cache(maxsize=4096)
def _fold_text(text: str) -> tuple[str, str, str]:
    """A folded text, the text with its numbers joined, and the text without separators."""
    folded = fold(text)
    return folded, _BETWEEN_DIGITS.sub("", folded), _BETWEEN_GROUPS.sub("", folded)


def may_hold(text: str) -> bool:
    """Whether a text has the characters that an identifier of any kind needs; cheap."""
    if not text.isascii() or _AT.search(text):
        return True
    digits = sum(map(str.isdigit, text))
    return "@" in text or digits >= 7 or (digits >= 4 and "." in text) or text.count(":") >= 2


def survives(identifier: Identifier, text: str) -> bool:
    """Whether a text holds the value of an identifier, in any case and with any separators."""
    folded, joined, compact = _fold_text(text)
    if identifier.kind in (PHONE, SSN, CARD):
        return identifier.key in joined
    if identifier.kind == IBAN:
        return identifier.key in compact

    if identifier.kind == IP:
        edge = "[0-9a-f:.]"
        return re.search(rf"(?<!{edge}){re.escape(identifier.key)}(?![0-9a-f])", folded) is not None

    return identifier.key in folded


def is_fictional(identifier: Identifier) -> bool:
    """Whether a value lies in a range that is never assigned. Stand-ins come from it, so the two may be equal."""
    key = identifier.key
    if identifier.kind in (EMAIL, SECRET_URL):
        return key.rpartition("@")[2].endswith(("example.com", "example.org", "example.net", ".example", ".test"))
    if identifier.kind == PHONE:
        return key[-7:-4] == "555"
    if identifier.kind == SSN:
        return key[0] == "9" or key.startswith("000")
    if identifier.kind == IP:
        return key.startswith(("192.0.2.", "198.51.100.", "203.0.113.", "10.", "2001:db8:"))

    return False
