"""A sample of a column's distinct values, and its header -> the vector of numbers that the column model reads.

Blocks of the vector, in order: statistics (standardised by the model), then hashed counts of character 3-grams,
words and shapes of the values, and of the header's words and 3-grams. Counts are square roots of frequencies, so
that a block has length 1 however many values there are. Hashes are fixed numbers, the same in every process.

Gazetteers (names, cities, ...) are sets of 32-bit hashes: 4 bytes an entry, no list of names in memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from ss_ray.pii.columns import checksums
from ss_ray.pii.columns.headers import HeaderMatch, header_words, match_header, plain_text
from ss_ray.pii.entities import ENTITY_TYPES
from ss_ray.pii.stand_ins.formats import digits_of

Floats = npt.NDArray[np.float32]

GAZETTEERS = ("first_name", "last_name", "city", "state", "country", "job", "country_code", "state_code")
TYPES = tuple(sorted(ENTITY_TYPES))
# Complete lists: a word outside is none of their kind.
_CLOSED = {"country", "country_code", "state_code"}
# Values that the model looks at; more changes its answer little.
MODEL_SAMPLE = 200
NUM_GRAMS = 2048
NUM_WORDS = 2048
NUM_SHAPES = 512
NUM_HEADER = 1024
# Number of characters of a value that are looked at.
MAX_CHARACTERS = 60
# Python-stdnum costs 0.1 ms a value.
_CHECKED_VALUES = 24

_FLAGS = "@ + . , - / : _ ( # ' & % $ * { =".split()
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_DATES = (
    re.compile(r"(?P<y>[12]\d{3})[-/.](?:0?[1-9]|1[0-2])[-/.](?:[0-2]?\d|3[01])(?P<t>[T ].*)?", re.ASCII),
    re.compile(r"(?:[0-2]?\d|3[01])[-/. ](?:[0-2]?\d|3[01])[-/. ](?P<y>[12]\d{3}|\d\d)(?P<t>[T ,].*)?", re.ASCII),
    re.compile(r"(?P<y>(?:19|20)\d\d)(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?P<t>)", re.ASCII),
    re.compile(r"(?:[A-Za-z]{3,10},? )?\d{1,2}\.?[ -][^\W\d_]{3,10}\.?[ -](?P<y>[12]\d{3}|\d\d)(?P<t> .*)?"),
    re.compile(r"[^\W\d_]{3,10}\.? \d{1,2}(?:st|nd|rd|th)?,? (?P<y>[12]\d{3})(?P<t> .*)?"),
    re.compile(r"[A-Z][a-z]{2}[- ](?P<y>\d\d|\d{4})(?P<t>)"),
)
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)


@dataclass(frozen=True)
class Gazetteers:
    """Sets of names as sorted hashes.

    Attributes:
        hashes: Ascending uint32 by name of the gazetteer, see GAZETTEERS.
        forget: Share of the entries in [0, 1) that are taken for missing, so that training meets names it lacks; of the
            lists that are complete, none.
        salt: Seed that chooses the forgotten entries.
    """

    hashes: Mapping[str, npt.NDArray[np.uint32]]
    forget: float = 0.0
    salt: int = 0

    def knows(self, name: str, hashed: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """Whether the hashes are of entries of a gazetteer."""
        entries = self.hashes[name]
        if not len(entries) or not len(hashed):
            return np.zeros(len(hashed), bool)

        places = np.minimum(np.searchsorted(entries, hashed), len(entries) - 1)
        known = entries[places] == hashed
        if name in _CLOSED:
            return known

        return known & self.remembers(hashed)

    def remembers(self, hashed: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
        """Whether the hashes are not among the forgotten."""
        if not self.forget:
            return np.ones(len(hashed), bool)
        mixed = (hashed ^ np.uint32(self.salt)) * np.uint32(2654435761)
        return mixed >= np.uint32(self.forget * 2**32)


def text_hash(text: str) -> int:
    """The hash under which gazetteers and word counts know a text; case and accents do not matter."""
    return crc32(plain_text(text).encode())


@dataclass(frozen=True)
class ValueFeatures:
    """Part of a column's vector that depends on its values alone.

    Attributes:
        statistics: The first part of the first block.
        counts: The counts of 3-grams, words and shapes.
    """

    statistics: Floats
    counts: Floats


def value_features(values: Sequence[str], gazetteers: Gazetteers) -> ValueFeatures:
    """The part of the vector that does not depend on the header; milliseconds, most of them for the checksums.

    Args:
        values: At least one, distinct, not empty, stripped; MODEL_SAMPLE of them are looked at.
        gazetteers: Gazetteers in which the values are looked up.
    """
    step = max(1, len(values) / MODEL_SAMPLE)
    texts = [values[int(i * step)][:MAX_CHARACTERS] for i in range(min(len(values), MODEL_SAMPLE))]
    plain = [plain_text(text) for text in texts]
    words = [_WORD.findall(text) for text in plain]
    known = _gazetteer_features(plain, words, gazetteers)
    statistics = [
        *_character_features(texts),
        *_number_features(texts),
        *_date_features(texts),
        *_check_features(texts),
        *known,
    ]
    counts = [_gram_features(plain), _hashed_words(words, gazetteers), _shape_features(texts)]

    return ValueFeatures(np.array(statistics, np.float32), np.concatenate(counts))


def column_features(values: ValueFeatures, header: str, unknown_headers: frozenset[str] = frozenset()) -> Floats:
    """The vector of a column.

    Args:
        values: Features of the values, from `value_features`.
        header: The column's name; "" if it shall not count.
        unknown_headers: Header words that count as unknown, see `headers.match_header`.

    Returns:
        (number of features,), float32.
    """
    if header:
        match = match_header(header, unknown_headers)
    else:
        match = None

    named = np.array(_header_type(match, bool(header)), np.float32)
    return np.concatenate([values.statistics, named, values.counts, _header_features(header)])


def num_statistics() -> int:
    """Length of the first block, whose entries are no counts."""
    return len(column_features(value_features(["a"], _NOTHING), "")) - NUM_GRAMS - NUM_WORDS - NUM_SHAPES - NUM_HEADER


def _character_features(texts: Sequence[str]) -> list[float]:
    lengths = np.array([len(text) for text in texts], float)
    shares = np.array(
        [
            [
                sum(map(str.isdecimal, text)) / len(text),
                sum(map(str.isalpha, text)) / len(text),
                sum(map(str.isupper, text)) / len(text),
                sum(map(str.isspace, text)) / len(text),
                not text.isascii(),
                text.isupper(),
                text.islower(),
                text.istitle(),
                text[0].isdecimal(),
                text[-1].isdecimal(),
                text.isdecimal(),
                text.isalpha(),
                any(map(str.isdecimal, text)) and any(map(str.isalpha, text)),
                min(text.count(" "), 10),
                len(set(text)) / len(text),
                *(flag in text for flag in _FLAGS),
            ]
            for text in texts
        ],
        float,
    )
    few = np.array(
        [np.min(lengths), np.median(lengths), np.max(lengths), np.std(lengths), np.mean(lengths == lengths[0])]
    )

    return [
        np.log1p(len(texts)),
        float(len(texts) <= 3),
        *np.log1p(few),
        *shares.mean(axis=0),
        *shares[:, :4].std(axis=0),
    ]


def _number_features(texts: Sequence[str]) -> list[float]:
    matches = [text for text in texts if _NUMBER.fullmatch(text)]
    share = len(matches) / len(texts)
    if share < 0.5:
        return [share, *([0.0] * 13)]

    numbers = np.clip([float(text) for text in matches], -1e18, 1e18)
    decimals = np.array([len(text.partition(".")[2]) for text in matches], float)
    low, middle, high = np.log1p(np.abs(np.quantile(numbers, (0.02, 0.5, 0.98))))
    steps = np.diff(np.sort(numbers))

    return [
        share, low, middle, high, decimals.mean(), decimals.std(), float(np.mean(numbers < 0)),
        float(np.mean(steps == 1)) if len(steps) else 0.0,
        float(np.mean(np.abs(numbers) <= 90)), float(np.mean(np.abs(numbers) <= 180)),
        float(np.mean((numbers >= 0) & (numbers <= 120))), float(np.mean((numbers >= 1900) & (numbers <= 2030))),
        float(np.mean(numbers % 10 == 0)), float(np.mean([len(digits_of(t)) for t in matches]) / 20),
    ]  # fmt: skip


def date_year(text: str) -> int | None:
    """Year of a text that is a date and nothing else, in any format."""
    for pattern in _DATES:
        if match := pattern.fullmatch(text):
            year = int(match["y"])
            if year >= 100:
                return year
            if year <= 30:
                return 2000 + year
            return 1900 + year

    return None


def _date_features(texts: Sequence[str]) -> list[float]:
    years = [year for text in texts if (year := date_year(text))]
    if len(years) < len(texts) / 2:
        return [len(years) / len(texts), *([0.0] * 6)]

    low, middle, high = np.quantile(years, (0.05, 0.5, 0.95))
    timed = sum(":" in text for text in texts) / len(texts)
    return [len(years) / len(texts), timed, *((np.array([low, middle, high]) - 1980) / 20), (high - low) / 20, 1.0]


def _check_features(texts: Sequence[str]) -> list[float]:
    checked = texts[:: max(1, len(texts) // _CHECKED_VALUES)][:_CHECKED_VALUES]
    long = [text for text in checked if 6 <= len(text) <= 34 and any(map(str.isdecimal, text))]
    if not long:
        return [0.0] * 9

    total = len(checked)
    nationals = [sum(map(check, long)) / total for check in checksums.national_checks()]
    return [
        sum(checksums.is_card(text) for text in long) / total,
        sum(checksums.has_card_form(text) for text in long) / total,
        sum(checksums.is_iban(text) for text in long) / total,
        sum(checksums.is_vin(text) for text in long) / total,
        sum(checksums.is_routing_number(text) for text in long) / total,
        max(nationals),
        nationals[0],
        sum(bool(_UUID.fullmatch(text)) for text in long) / total,
        sum(bool(_HEX.fullmatch(text)) for text in long) / total,
    ]


def _gazetteer_features(plain: Sequence[str], words: Sequence[Sequence[str]], gazetteers: Gazetteers) -> list[float]:
    whole = np.array([crc32(text.encode()) for text in plain], np.uint32)
    single = np.array([crc32(word.encode()) for found in words for word in found[:4]], np.uint32)
    first = np.array([crc32(found[0].encode()) for found in words if found], np.uint32)
    last = np.array([crc32(found[-1].encode()) for found in words if found], np.uint32)
    shares = [
        float(gazetteers.knows(name, hashed).mean()) if len(hashed) else 0.0
        for name in GAZETTEERS
        for hashed in (whole, single)
    ]
    ends = [("first_name", first), ("last_name", last), ("last_name", first)]

    return shares + [float(gazetteers.knows(name, hashed).mean()) if len(hashed) else 0.0 for name, hashed in ends]


def _header_type(match: HeaderMatch | None, is_shown: bool) -> list[float]:
    place = TYPES.index(match.entity_type) if match else -1
    named = [0.0] * (len(TYPES) + 2)
    if match:
        named[place] = 1.0
        named[-1] = float(match.specific)

    named[-2] = float(is_shown)
    return named


def _gram_features(plain: Sequence[str]) -> Floats:
    """Hashed counts of character 3-grams; a value's start and end count as characters, and all digits are alike."""
    joined = re.sub(r"\d", "0", "\n" + "\n".join(plain) + "\n", flags=re.ASCII)
    codes = np.array([ord(c) for c in joined], np.uint32)
    if len(codes) < 3:
        return np.zeros(NUM_GRAMS, np.float32)

    inside = codes[1:-1] != 10
    hashed = codes[:-2] * np.uint32(2654435761) + codes[1:-1] * np.uint32(40503) + codes[2:] * np.uint32(2246822519)
    hashed ^= hashed >> np.uint32(15)

    return _hash_frequencies(hashed[inside] * np.uint32(2654435761) >> np.uint32(8), NUM_GRAMS)


def _hashed_words(words: Sequence[Sequence[str]], gazetteers: Gazetteers) -> Floats:
    found = [crc32(word.encode()) for value in words for word in set(value[:8]) if len(word) > 1]
    hashed = np.array(found, np.uint32)
    # Divided by the values, not by the words: a word that all values share stands out.
    counts = np.bincount(hashed[gazetteers.remembers(hashed)] % NUM_WORDS, minlength=NUM_WORDS)
    return np.sqrt(counts / max(len(words), 1)).astype(np.float32)


def shape(text: str) -> str:
    """Letters as a or A, digits as 9, runs of letters and of more than 8 digits shortened: "Anna-2" gives "Aa-9"."""
    text = re.sub(r"\d", "9", text)
    text = re.sub(r"[^\W\d_]+", _shorten_letters, text)
    return re.sub(r"9{9,}", "9+", text)


def _shorten_letters(match: re.Match[str]) -> str:
    if match[0].isupper():
        return "A"
    if match[0].islower():
        return "a"
    return "Aa"


def _shape_features(texts: Sequence[str]) -> Floats:
    shapes = Counter(shape(text)[:24] for text in texts)
    hashed = np.array([crc32(text.encode()) for text in shapes], np.uint32)
    counts = np.bincount(hashed % NUM_SHAPES, weights=list(shapes.values()), minlength=NUM_SHAPES)
    return np.sqrt(counts / len(texts)).astype(np.float32)


def _header_features(header: str) -> Floats:
    words = header_words(header) if header else ()
    grams = [f"<{word}>"[i : i + 3] for word in words for i in range(len(word))]
    if words:
        parts = [f"={word}" for word in words] + [f"last={words[-1]}"] + grams
    else:
        parts = []

    return _hash_frequencies(np.array([crc32(part.encode()) for part in parts], np.uint32), NUM_HEADER)


def _hash_frequencies(hashed: npt.NDArray[np.uint32], size: int) -> Floats:
    counts = np.bincount(hashed % np.uint32(size), minlength=size)
    return np.sqrt(counts / max(len(hashed), 1)).astype(np.float32)


_NOTHING = Gazetteers({name: np.zeros(0, np.uint32) for name in GAZETTEERS})
