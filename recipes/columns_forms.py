"""Forms of the values of columns: numbers, codes, logins and dates, drawn from a seed."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from random import Random

import pycountry

from recipes.columns_vocabulary import vocabulary
from ss_ray.pii import entities as e
from ss_ray.pii.columns.checksums import luhn

Draw = Callable[[Random], str]
"""Draws one value."""


def username(random: Random, first: Sequence[str], last: Sequence[str]) -> str:
    """A login made of the names of a person, or of none."""
    f = random.choice(first)
    n = random.choice(last)
    number = random.choice(("", str(random.randint(1, 99)), str(random.randint(1940, 2009))))
    forms = (
        f"{f}.{n}{number}",
        f"{f[0]}{n}{number}",
        f"{f}{number}",
        f"{f}_{n}{number}",
        f"{f}{n[0]}{number}",
        f"{_invented(random)}{number}",
        f"{random.choice(_WORDS)}{random.choice(_WORDS)}{number}",
        f"{n}{f[0]}{number}",
    )
    name = random.choice(forms)
    if random.random() < 0.3:
        return name

    return name.lower()


def _invented(random: Random) -> str:
    """A word that does not exist: syllables, or the ends of words put together."""
    if random.random() < 0.5:
        pieces = [random.choice(vocabulary())[-random.randint(2, 5) :] for _ in range(random.randint(2, 3))]
        return "".join(pieces)[:12].capitalize()
    syllables = [random.choice("bcdfghjklmnpqrstvwxyz") + random.choice("aeiouy") for _ in range(random.randint(2, 4))]
    return ("".join(syllables) + random.choice(("", "n", "s", "t", "r", "k", "ler", "ing"))).capitalize()


_WORDS = (
    "star blue dragon happy shadow ninja sunny river silver magic coffee pixel tiger moon rock lucky crazy sweet golden"
    " wolf storm ghost fire snow music soccer gamer hunter angel king queen cyber dark little big red green super cool"
).split()
_SITES = (
    "cloud shop news travel photo garden market design studio sport health money home music food game auto tech data"
    " book web media art life world city green best top smart fast direct plus online group fashion pet wedding boat"
).split()
_TLDS = (
    "com org net de fr es it nl co.uk io eu at ch se no dk pl cz info biz com.br com.au ru jp ca us fi hu si pt".split()
)


def domain(random: Random) -> str:
    """A domain that need not exist."""
    parts = [random.choice((*_SITES, _invented(random).lower())) for _ in range(random.randint(1, 2))]
    if random.random() < 0.3:
        name = "".join(p.capitalize() for p in parts)
    else:
        name = random.choice(("", "-")).join(parts)

    return f"{name}.{random.choice(_TLDS)}"


def pattern(form: str, prefix: str = "") -> Draw:
    """Draws values of a form, after a fixed prefix.

    Of the form, 9 is a digit, 8 a digit but 0, A a capital, a a small letter, X a capital or a digit, h a hexadecimal
    digit; other characters stand for themselves.
    """
    alphabets = {
        "9": string.digits,
        "A": string.ascii_uppercase,
        "a": string.ascii_lowercase,
        "X": string.digits + string.ascii_uppercase,
        "h": "0123456789abcdef",
        "8": "123456789",
    }
    return lambda random: prefix + "".join(random.choice(alphabets.get(c, c)) for c in form)


def _any(*draws: Draw) -> Draw:
    return lambda random: random.choice(draws)(random)


def _luhned(prefixes: Sequence[str], length: int) -> Draw:
    def draw(random: Random) -> str:
        body = random.choice(prefixes)
        body += "".join(random.choices(string.digits, k=length - 1 - len(body)))
        return body + next(d for d in string.digits if luhn(body + d))

    return draw


def _grouped(draw: Draw, separator: str) -> Draw:
    def grouped(random: Random) -> str:
        digits = draw(random)
        return separator.join(digits[i : i + 4] for i in range(0, len(digits), 4))

    return grouped


def _rounded(draw: Draw) -> Draw:
    """As a spreadsheet keeps long numbers: six digits and zeros."""
    return lambda random: (digits := draw(random))[:6] + "0" * (len(digits) - 6)


def _company(random: Random) -> str:
    """Invented firms: with or without a legal form, one word or three."""
    words = _FIRM_WORDS + [word.capitalize() for word in _SITES]
    kind = random.randrange(6)
    if kind == 0:
        return f"{_invented(random)} {random.choice(_LEGAL_FORMS)}"
    if kind == 1:
        return f"{_invented(random)} {random.choice(words)}"
    if kind == 2:
        return f"{random.choice(words)} {random.choice(words)} {random.choice(_LEGAL_FORMS)}"
    if kind == 3:
        return f"{random.choice(words)} & {random.choice(words)}"
    if kind == 4:
        return f"{random.choice(words)} {random.choice(words)}"

    return f"{_invented(random)}{random.choice(('', 'soft', 'tech', 'mart'))}"


_FIRM_WORDS = (
    "Solutions Systems Group Partners Services Stores Foods Holdings Consulting Industries Logistics Associates"
    " Brothers Dynamics Ventures Capital Labs Works Networks Motors Supply Trading Pharma Medical Bakery Realty"
    " Builders Express Global National First United General Northern Pacific Atlantic Royal Golden Silver Blue"
    " Green Bright Modern Prime"
).split()
_LEGAL_FORMS = (
    "Inc. Inc LLC Ltd Ltd. GmbH AG KG SE S.A. SA SARL SAS SL S.L. SpA S.r.l. BV B.V. NV AB AS Oy Oyj"
    " ApS Corp. Corp Co. PLC Lda Ltda Kft Kft. s.r.o. a.s. OÜ UAB d.o.o."
).split()


_SYLLABLES = (
    "a ae ah ai b c ch d e ee ei f g h i ie j k l m n o oh oo p ph qu r s sh t th u v w x y z".split()
)  # of pronounceable passwords, as pwgen makes them


def _password(random: Random) -> str:
    kind = random.randrange(4)
    if kind == 0:
        return _pronounceable(random)
    if kind == 1:
        return "".join(random.choices(string.ascii_letters + string.digits + "!@#$%^&*_-+=?", k=random.randint(8, 16)))
    if kind == 2:
        return f"{random.choice(_WORDS).capitalize()}{random.randint(1, 9999)}{random.choice('!?#$*@.')}"

    return f"{random.choice(_WORDS)}{random.choice('!-_.')}{random.choice(_WORDS).upper()}{random.randint(0, 99)}"


def _pronounceable(random: Random) -> str:
    pieces: list[str] = []
    length = random.randint(8, 12)
    while len("".join(pieces)) < length:
        is_vowel = bool(pieces) and pieces[-1][-1] not in "aeiou"
        syllable = random.choice([s for s in _SYLLABLES if (s[0] in "aeiou") == is_vowel or not pieces])
        pieces.append(syllable.capitalize() if random.random() < 0.15 else syllable)
        if random.random() < 0.15:
            pieces.append(random.choice(string.digits))

    return "".join(pieces)


def _job(random: Random) -> str:
    """Titles as staff lists have them."""
    title = f"{random.choice(_JOB_FIELDS)} {random.choice(_JOB_NOUNS)}"
    if random.random() < 0.3:
        return f"{random.choice(_JOB_RANKS)} {title}"
    return title.capitalize()


_JOB_RANKS = "Senior Junior Chief Assistant Head Lead Deputy Associate Principal Trainee Certified".split()
_JOB_FIELDS = (
    "Sales Software Production Machine Medical Account Warehouse School Bank Marketing Data Hotel Truck Laboratory"
    " Insurance Quality Project Building Dental Electrical Mechanical Customer Police Fire Kitchen Office Legal Tax"
    " Network Research Textile Forest Animal Wood Metal Paper Radio Television Music Travel Child Court Crane Film"
).split()
_JOB_NOUNS = (
    "manager engineer operator clerk technician assistant analyst officer inspector supervisor driver teacher nurse"
    " therapist consultant designer installer worker setter tender technologist repairer mechanic cook guard planner"
    " coordinator director representative agent advisor scientist administrator specialist instructor attendant editor"
).split()


def _iban(random: Random) -> str:
    country, length = random.choice(
        (("DE", 22), ("FR", 27), ("ES", 24), ("IT", 27), ("NL", 18), ("GB", 22), ("CH", 21))
    )
    if country in {"NL", "GB"}:
        letters = "ABNA"
    else:
        letters = "X" if country == "IT" else ""

    body = letters + "".join(random.choices(string.digits, k=length - 4 - len(letters)))
    remainder = int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
    text = f"{country}{98 - remainder:02}{body}"
    if random.random() < 0.5:
        return text

    return " ".join(text[i : i + 4] for i in range(0, length, 4))


def _bic(random: Random) -> str:
    country = random.choice([c.alpha_2 for c in pycountry.countries])
    return (
        pattern("AAAA")(random) + country + pattern("XX")(random) + random.choice(("", "XXX", pattern("999")(random)))
    )


_VIN_CODES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)


def _vin(random: Random) -> str:
    alphabet = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
    body = [
        random.choice(("1", "2", "3", "J", "W", "V", "K", "S", "Z")),
        *random.choices(alphabet, k=10),
        *random.choices(string.digits, k=6),
    ]
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    if random.random() < 0.6:
        total = sum(w * (int(c) if c.isdecimal() else _VIN_CODES[c]) for w, c in zip(weights, body, strict=True))
        body[8] = "0123456789X"[total % 11]

    return "".join(body)


def _jwt(random: Random) -> str:
    part = base64.urlsafe_b64encode(random.randbytes(30)).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{part}.{part[::-1]}"


def dates(low: int, high: int, *forms: str) -> Draw:
    """Draws dates between two years, in one of the forms of strftime; %-d leaves out leading zeros."""
    start = date(low, 1, 1).toordinal()
    days = (high - low) * 365 + 364

    def draw(random: Random) -> str:
        moment = datetime.combine(date.fromordinal(start + random.randint(0, days)), datetime.min.time())
        moment += timedelta(seconds=random.randrange(86400))
        return moment.strftime(random.choice(forms))

    return draw


DATE_FORMS = (
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%-m/%-d/%Y",
    "%d-%m-%Y",
    "%Y/%m/%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y%m%d",
    "%d-%b-%Y",
    "%m/%d/%y",
    "%Y-%m-%d 00:00:00",
    "%d-%b-%y",
)
_TIME_FORMS = (
    *DATE_FORMS,
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%H:%M",
    "%H:%M:%S",
    "%b-%y",
    "%Y-%m",
    "%m/%y",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%a %d %b %Y",
    "%b %Y",
    "%I:%M %p",
)


def _coordinate(limit: float, decimals: int) -> Draw:
    def draw(random: Random) -> str:
        return f"{random.uniform(-limit, limit):.{random.choice((decimals, decimals, decimals + 2))}f}"

    return draw


def _near(middle: float, spread: float) -> Draw:
    return lambda random: f"{random.gauss(middle, spread):.{random.choice((4, 5, 6))}f}"


_visa = _luhned("4", 16)
_master = _luhned(("51", "52", "53", "54", "55", "2221", "2500"), 16)
_CARD = _any(_visa, _master, _luhned(("34", "37"), 15), _luhned(("6011", "65"), 16))


def _ssn(random: Random) -> str:
    area = random.choice([*range(1, 666), *range(667, 900)])
    return f"{area:03}-{random.randint(1, 99):02}-{random.randint(1, 9999):04}"


def _degrees(random: Random) -> str:
    """A place in degrees, minutes and seconds."""
    north, east = ([random.randint(0, limit), random.randint(0, 59), random.randint(0, 59)] for limit in (89, 179))
    return f"{north[0]}°{north[1]}'{north[2]}\"N {east[0]}°{east[1]}'{east[2]}\"E"


DRAWS: dict[str, tuple[Draw, ...]] = {
    e.US_SSN: (
        _ssn,
        _ssn,
        _any(_ssn, pattern("899 99 9999")),
        lambda r: _ssn(r).replace("-", ""),
        lambda r: str(int(_ssn(r).replace("-", ""))),
    ),
    e.TAX_ID: (
        pattern("89-9999999"),
        pattern("899999999", "DE"),
        pattern("999-88-9999"),
        pattern("899999999", "GB"),
        pattern("99/999/99999"),
        pattern("99 999 999 999"),
        pattern("ESB99999999"),
        pattern("FR99899999999"),
        pattern("A99999999"),
    ),
    e.PASSPORT: (
        pattern("A99999999"),
        pattern("899999999"),
        pattern("AA9999999"),
        pattern("CXXXXXXX9"),
        pattern("99AA99999"),
        pattern("AAA999999"),
    ),
    e.LICENSE: (
        pattern("A9999999"),
        pattern("A999-9999-9999"),
        pattern("AAAAA999999AA9AA"),
        pattern("99999999"),
        pattern("AA-999999"),
        pattern("A99999999999"),
        pattern("1999999999"),
    ),
    e.CREDIT_CARD: (
        _CARD,
        _grouped(_visa, " "),
        _grouped(_master, "-"),
        _any(_visa, _master),
        _rounded(_any(_visa, _master)),
        _luhned(("50", "6304", "6759"), 12),
    ),
    e.PASSWORD: (_password, _password),
    e.CVV: (pattern("999"), pattern("999"), _any(pattern("999"), pattern("9999"))),
    e.PIN: (pattern("9999"), pattern("9999"), pattern("999999")),
    e.IBAN_CODE: (_iban, _iban),
    e.ACCOUNT_NUMBER: (
        pattern("8999999999"),
        pattern("899999999999"),
        pattern("9999 9999 9999 9999"),
        pattern("AAAA99999999999999"),
        pattern("99999999"),
        pattern("999-999-999-9"),
        pattern("8999999999999999999"),
    ),
    e.ROUTING_NUMBER: (
        lambda r: _routing(r),
        lambda r: _routing(r),
        pattern("99-99-99"),
        pattern("899 999 99"),
        pattern("AAAA0999999"),
    ),
    e.SWIFT_BIC: (_bic, _bic),
    e.MEDICAL_RECORD: (
        pattern("MRN999999"),
        pattern("89999999"),
        pattern("MRN-9999999"),
        pattern("A9999999"),
        pattern("99-99-99"),
        pattern("PT99999999"),
        pattern("H-999-999-99"),
    ),
    e.HEALTH_PLAN: (
        pattern("A99999999"),
        pattern("8A89-A89-AA89"),
        pattern("AAA999999999"),
        pattern("999-999-9999-A"),
        pattern("HP-9999-9999-99"),
        pattern("899999999A"),
        pattern("POL-99999999"),
    ),
    e.UNIQUE_ID: (
        pattern("hhhhhhhh-hhhh-4hhh-bhhh-hhhhhhhhhhhh"),
        pattern("CUST-99999"),
        pattern("9999-AAAAA"),
        pattern("E999999"),
        pattern("89999"),
        pattern("8999999"),
        pattern("XXXXXXXXXX"),
        pattern("aaa-9999999-9"),
        pattern("AA999999"),
        pattern("U_999999"),
        pattern("ID99999999"),
        pattern("hhhhhhhhhhhhhhhhhhhhhhhh"),
    ),
    e.DEVICE_ID: (
        _luhned(("35", "86", "01", "99"), 15),
        pattern("XXXXXXXXXXXX"),
        pattern("hhhhhhhhhhhhhhhh"),
        pattern("SN-XXXXXXXXXX"),
        lambda r: pattern("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh")(r).upper(),
        pattern("89999999999999999999"),
    ),
    e.BIOMETRIC: (
        pattern("FP-hhhhhhhhhhhhhhhh"),
        pattern("BIO-99999999"),
        pattern("hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"),
        lambda r: base64.b64encode(r.randbytes(36)).decode(),
        pattern("XXXXXXXXXXXX", "IRIS-"),
    ),
    e.VEHICLE_ID: (_vin, _vin),
    e.LICENSE_PLATE: (
        pattern("AAA-9999"),
        pattern("9AAA999"),
        pattern("AA 999 AA"),
        pattern("AA99 AAA"),
        pattern("A-AA 9999"),
        pattern("AA-999-A"),
        pattern("9999 AAA"),
        pattern("AAA 999"),
        _any(pattern("AAA 999"), pattern("AA-99-AA"), pattern("9AAA999")),
    ),
    e.API_KEY: (
        pattern("hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh", "sk-"),
        pattern("XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "ghp_"),
        pattern("XXXXXXXXXXXXXXXX", "AKIA"),
        _jwt,
        lambda r: base64.urlsafe_b64encode(r.randbytes(32)).decode(),
        pattern("hhhhhhhhhhhhhhhhhhhhhhhhhh", "PHPSESSID="),
        pattern("xoxb-999999999999-XXXXXXXXXXXXXXXX"),
    ),
    e.IP_ADDRESS: (
        lambda r: ".".join(str(r.randint(0, 255)) for _ in range(4)),
        lambda r: f"192.168.{r.randint(0, 255)}.{r.randint(0, 255)}",
        pattern("hhhh:hhhh:hhhh:hhhh:hhhh:hhhh", "2001:db8:"),
    ),
    e.MAC_ADDRESS: (
        pattern("hh:hh:hh:hh:hh:hh"),
        lambda r: pattern("hh-hh-hh-hh-hh-hh")(r).upper(),
        pattern("hhhh.hhhh.hhhh"),
    ),
    e.URL: (
        lambda r: f"https://www.{domain(r)}/{_invented(r).lower()}",
        domain,
        domain,
        lambda r: f"http://{domain(r)}",
        lambda r: f"www.{domain(r)}",
        lambda r: f"https://linkedin.com/in/{_invented(r).lower()}{r.randint(1, 99)}",
    ),
    e.FAX_NUMBER: (
        pattern("(899) 999-9999"),
        pattern("+49 89 9999999"),
        pattern("+1-899-999-9999"),
        pattern("01 99 99 99 99"),
    ),
    e.PHONE_NUMBER: (
        pattern("(899) 899-9999"),
        pattern("899-899-9999"),
        pattern("+1 899 899 9999"),
        pattern("+44 89 9999 9999"),
        pattern("099 9999 9999"),
        pattern("+49899999999"),
        pattern("89 99 99"),
        pattern("99 999 999"),
        pattern("(89) 9999-9999"),
        _any(
            pattern("(89) 999-999"),
            pattern("899 9999"),
            pattern("89.99.99.99.99"),
            pattern("0899-999999"),
            pattern("89 99 99 99"),
        ),
    ),
    e.LATITUDE: (_coordinate(90, 4), _near(48.1, 3), _near(37.5, 2), _near(-33.8, 1)),
    e.LONGITUDE: (_coordinate(180, 4), _near(11.5, 4), _near(-122.2, 3), _near(151.2, 1)),
    e.COORDINATE: (
        lambda r: f"{_coordinate(90, 4)(r)}, {_coordinate(180, 4)(r)}",
        lambda r: f"({_near(48, 3)(r)},{_near(11, 3)(r)})",
        _degrees,
    ),
    e.DATE_OF_BIRTH: tuple(
        dates(low, high, form) for low, high in ((1925, 2005), (1940, 2004), (1935, 2020)) for form in DATE_FORMS
    ),
    e.DATE_TIME: (
        *(
            dates(low, high, form)
            for low, high in ((2015, 2024), (2008, 2012), (2022, 2023), (1995, 2024))
            for form in _TIME_FORMS
        ),
        dates(1950, 2024, "%Y-%m-%d"),  # few: dates over half a century are days of birth more often than not
        dates(1900, 1999, "%Y-%m-%d", "%d.%m.%Y"),
        dates(1950, 2024, "%m/%d/%Y", "%d %B %Y"),
    ),
    e.JOB_TITLE: (_job, _job),
    e.ORGANIZATION: (_company, _company, _company),
    e.AGE: (
        lambda r: str(r.randint(18, 90)),
        lambda r: str(r.randint(0, 99)),
        lambda r: str(max(0, int(r.gauss(40, 14)))),
        lambda r: r.choice(("18-24", "25-34", "35-44", "45-54", "55-64", "65+", "75-84", "0-17")),
        lambda r: f"{r.randint(1, 99)} years",
    ),
}


def _routing(random: Random) -> str:
    body = f"{random.choice((*range(1, 13), *range(21, 33))):02}" + "".join(random.choices(string.digits, k=6))
    total = sum(w * int(d) for w, d in zip((3, 7, 1) * 3, body, strict=False))
    return body + str(-total % 10)
