"""Keyed randomness: choices and permutations of strings of one shape, as functions of a key and a message.

The pseudorandom function is keyed BLAKE2b (RFC 7693), a MAC by design like HMAC-SHA256 and three times as fast here.
"""

from __future__ import annotations

import hashlib
import math
import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")
MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 64
POOL_BITS = 512
SPARE_BITS = 64
"""What stays in the pool, so that taking a remainder shifts no choice by more than 2 ** -64."""
ROUNDS = 10
SMALL_DOMAIN = 4096
MAX_PLACES = 64
"""Beyond it half of a value would be longer than a digest of the network."""

_ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_ALPHABET_OF = {character: alphabet for alphabet in _ALPHABETS for character in alphabet}


class Stream:
    """Uniform choices as a function of key and message. Without the key they look random."""

    __slots__ = ("_block", "_key", "_message", "_pool", "_room")

    def __init__(self, key: bytes, *message: str) -> None:
        self._key = key
        self._message = "\0".join(message).encode("utf-8", "surrogatepass")
        self._block = 0
        self._refill_buffer()

    def _refill_buffer(self) -> None:
        state = _hash_key(self._key).copy()
        state.update(self._message if not self._block else b"%d\0" % self._block + self._message)
        self._pool = int.from_bytes(state.digest(), "big")
        self._room = POOL_BITS
        self._block += 1

    def below(self, size: int) -> int:
        """An integer in [0, size); size at most 2 ** 448."""
        self._room -= size.bit_length()
        if self._room < SPARE_BITS:
            self._refill_buffer()
            self._room -= size.bit_length()

        self._pool, value = divmod(self._pool, size)
        return value

    def choice(self, values: Sequence[T]) -> T:
        """One of the values, chosen uniformly; there must be at least one."""
        return values[self.below(len(values))]

    def digits(self, count: int, first: str = string.digits) -> str:
        """`count` decimal digits, the first one from `first`; "" for 0."""
        if count <= 0:
            return ""
        rest = "".join(self._draw_decimals(min(100, count - 1 - done)) for done in range(0, count - 1, 100))
        return self.choice(first) + rest

    def _draw_decimals(self, count: int) -> str:
        return f"{self.below(10**count):0{count}d}"


@lru_cache(maxsize=16)
def _hash_key(key: bytes) -> Any:
    """Hash of a key alone; copies of it then take up the messages."""
    return hashlib.blake2b(key=key)


def permuted(key: bytes, domain: str, value: str) -> str:
    """A string of the same shape: digits for digits, ASCII letters for letters of their case, the rest as it is.

    Of one key and domain, a permutation of the strings of that shape (a Feistel network with cycle walking, as in NIST
    SP 800-38G; for small shapes a random cycle), so different values keep different stand-ins. In shapes of over
    SMALL_DOMAIN strings a value that maps to itself, one in as many as there are strings, is mapped again under another
    key, which may collide. A leading digit above 0 stays above 0 and a leading 0 stays 0, so a number keeps its length.
    Strings with over MAX_PLACES letters and digits are drawn, not permuted. Digits and letters of other scripts become
    ASCII ones first, so values that differ in them alone may meet.

    Args:
        key: Secret key of the permutation.
        domain: Name of the permutation, for example the entity type.
        value: Any text; without a digit or ASCII letter it comes back as it is.
    """
    if not value.isascii():
        value = _as_ascii(key, domain, value)

    alphabets = _list_alphabets(value)
    places = [(index, alphabet) for index, alphabet in enumerate(alphabets) if alphabet]
    # A long value is unique by its length alone; a permutation of so many strings is not needed.
    if len(places) > MAX_PLACES:
        stream = Stream(key, "long", domain, value)
        return "".join(stream.choice(alphabet) if alphabet else character
                       for character, alphabet in zip(value, alphabets, strict=True))  # fmt: skip

    size = 1
    number = 0
    for index, alphabet in places:
        size *= len(alphabet)
        number = number * len(alphabet) + alphabet.index(value[index])

    if size < 2:
        return value

    drawn = permuted_number(key, f"{domain}\0{''.join(alphabets)}", number, size)
    characters = list(value)
    for index, alphabet in reversed(places):
        drawn, rest = divmod(drawn, len(alphabet))
        characters[index] = alphabet[rest]

    return "".join(characters)


def _as_ascii(key: bytes, domain: str, value: str) -> str:
    """The value with its digits and letters of other scripts replaced by ASCII ones."""
    stream = Stream(key, "fold", domain, value)
    return "".join(_to_ascii(character, stream) for character in value)


def _to_ascii(character: str, stream: Stream) -> str:
    if character.isascii() or not (character.isalnum() or unicodedata.combining(character)):
        return character
    if character.isdecimal():
        return str(int(character))
    return stream.choice(string.ascii_uppercase if character.isupper() else string.ascii_lowercase)


def _list_alphabets(value: str) -> list[str]:
    """The alphabet of each position; "" where the character stays."""
    alphabets = [_ALPHABET_OF.get(character, "") for character in value]
    if alphabets and alphabets[0] == string.digits and any(alphabets[1:]):
        alphabets[0] = "123456789" if value[0] != "0" else ""
    return alphabets


def permuted_number(key: bytes, domain: str, number: int, size: int) -> int:
    """Another number of range(size): of one key and domain a permutation, see `permuted`; size >= 2."""
    if size <= SMALL_DOMAIN:
        return cycle(key, domain, size)[number]

    drawn = _walk_cycle(key, domain, number, size)
    if drawn != number:
        return drawn

    return _walk_cycle(key, f"{domain}\0again", number, size)


@lru_cache(maxsize=256)
def cycle(key: bytes, domain: str, size: int) -> tuple[int, ...]:
    """A random permutation of range(size) in one cycle, so that nothing maps to itself (Sattolo 1986); size >= 2."""
    stream = Stream(key, "cycle", domain)
    order = list(range(size))
    for last in range(size - 1, 0, -1):
        other = stream.below(last)
        order[last], order[other] = order[other], order[last]

    return tuple(order)


def _walk_cycle(key: bytes, domain: str, number: int, size: int) -> int:
    """Apply the network, which works on a rectangle of at least `size` cells, until the result lies in range(size)."""
    rows = math.isqrt(size - 1) + 1
    columns = -(-size // rows)
    keyed = hashlib.blake2b(domain.encode("utf-8", "surrogatepass"), key=key)

    while True:
        row, column = divmod(number, columns)
        for turn in range(0, ROUNDS, 2):
            row = (row + _hash_half(keyed, turn, column)) % rows
            column = (column + _hash_half(keyed, turn + 1, row)) % columns

        number = row * columns + column
        if number < size:
            return number


def _hash_half(keyed: Any, turn: int, half: int) -> int:
    state = keyed.copy()
    state.update(b"%d:%d" % (turn, half))
    return int.from_bytes(state.digest(), "big")
