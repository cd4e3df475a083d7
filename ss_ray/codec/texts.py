"""Free text as byte-pair tokens: missing, end, or a piece of text.

The vocabulary is learned on the table itself (byte-level, so that any string can be written) and is shared by all
text columns. A piece becomes a token of its own only if it occurs in MIN_FREQUENCY words, each counted once
a text. Each placeholder of a name or number is one token; a form of it that fewer than MIN_FREQUENCY texts have is left
out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

from ss_ray.codec.columns import PAD, Slot, Tokens
from ss_ray.codec.cuts import cut_text, is_cut, without_broken_words
from ss_ray.pii.identities.placeholders import PLACEHOLDER, placeholder_of
from ss_ray.schema import ColumnSchema, arrow_type

MIN_FREQUENCY = 10
LENGTH_QUANTILE = 0.995
_WORD = re.compile(r"\s*\S+|\s+")
_MISSING = 0
_END = 1
FIRST_PIECE = 2


def train_tokenizer(texts: Iterable[str], vocabulary_size: int, placeholders: Iterable[str] = ()) -> str:
    """A byte-level BPE tokenizer as JSON: 256 bytes, at most `vocabulary_size` - 256 longer pieces, and placeholders.

    Args:
        texts: Texts that teach the pieces.
        vocabulary_size: Number of pieces, at most.
        placeholders: Placeholders that get a token whether or not a text has them.
    """
    texts = list(texts)
    marks = sorted({*placeholders, *_count_placeholders(texts)})
    tokenizer = Tokenizer(models.BPE())
    # Every byte is a piece, so no text is outside of the vocabulary.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=MIN_FREQUENCY,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # A word counts once per text, so that no piece is learned from the repetitions of one text.
    tokenizer.train_from_iterator((_distinct_words(PLACEHOLDER.sub(" ", text)) for text in texts), trainer)
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks])

    return tokenizer.to_str()


def _count_placeholders(texts: Iterable[str]) -> list[str]:
    """Placeholders that get a token: those of MIN_FREQUENCY texts, and all of them without their forms."""
    counts = Counter(mark for text in texts for mark in {found[0] for found in PLACEHOLDER.finditer(text)})
    plain = {str(placeholder_of(found).plain) for mark in counts for found in PLACEHOLDER.finditer(mark)}
    return [*plain, *(mark for mark, count in counts.items() if count >= MIN_FREQUENCY)]


def _distinct_words(text: str) -> str:
    """A text in which each word occurs once, with the space before it."""
    return "".join(dict.fromkeys(_WORD.findall(text)))


@lru_cache(maxsize=4)
def _load_tokenizer(tokenizer: str) -> Tokenizer:
    return Tokenizer.from_str(tokenizer)


@lru_cache(maxsize=4)
def _piece_bytes(tokenizer: str) -> tuple[bytes, ...]:
    """Bytes of each piece; a piece is spelled in 256 visible characters, each of which stands for a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # These are moved to U+0100 and up, in order.
    hidden = (byte for byte in range(256) if chr(byte) not in alphabet)
    byte_of = {character: ord(character) if ord(character) < 256 else next(hidden) for character in alphabet}
    pieces = sorted(_load_tokenizer(tokenizer).get_vocab().items(), key=lambda item: item[1])
    return tuple(
        piece.encode() if PLACEHOLDER.fullmatch(piece) else bytes(byte_of[character] for character in piece)
        for piece, _ in pieces
    )


@dataclass(frozen=True, kw_only=True)
class TextCodec:
    """Up to `max_tokens` pieces in as many slots; a longer text is cut, a shorter text ends with END.

    Attributes:
        column: Schema of the column.
        first_token: Id of the shared "missing" token; END and the pieces follow.
        tokenizer: JSON of the shared tokenizer.
        num_pieces: Size of its vocabulary.
        max_tokens: Slots of the column.
        words: Parts of texts that may be written, from `words.find_words`; () for any.
        cut: Number of characters at which the column cuts its texts off, 0 for none: such a text has no END.
    """

    type: Literal["text"] = "text"
    column: ColumnSchema
    first_token: int
    tokenizer: str
    num_pieces: int
    max_tokens: int
    words: tuple[str, ...] = ()
    cut: int = 0

    @property
    def num_tokens(self) -> int:
        """Token ids of all text columns together."""
        return FIRST_PIECE + self.num_pieces

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """The first slot may say missing; each later slot is in use while the text has not ended."""
        name = self.column.name
        base = self.first_token
        stop = self.first_token + self.num_tokens
        pieces = (base + FIRST_PIECE, stop)
        first = Slot(column=name, start=base + (not self.column.nullable), stop=stop)
        rest = (
            Slot(column=name, start=base + _END, stop=stop, after=first_slot + i - 1, opens=pieces)
            for i in range(1, self.max_tokens)
        )

        return first, *rest

    def encode(self, array: pa.ChunkedArray) -> Tokens:
        """(rows, max_tokens) token ids."""
        encoded = array.combine_chunks().dictionary_encode()
        rows = np.full((len(encoded.dictionary) + 1, self.max_tokens), PAD, np.int32)
        if self.column.nullable:
            rows[-1, 0] = self.first_token + _MISSING
        else:
            rows[-1, 0] = PAD

        has_no_end = is_cut(encoded.dictionary, self.cut)
        pieces = self._encode_pieces(without_broken_words(encoded.dictionary, self.cut))
        for row, ids, no_end in zip(rows, pieces, has_no_end, strict=False):
            ids = [self.first_token + FIRST_PIECE + i for i in ids[: self.max_tokens]]
            row[: len(ids)] = ids
            if len(ids) < self.max_tokens and not no_end:
                row[len(ids)] = self.first_token + _END

        return rows[encoded.indices.fill_null(len(rows) - 1).to_numpy()]

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) strings; bytes that are not UTF-8 are left out."""
        pieces = tokens - self.first_token - FIRST_PIECE
        spelled = _piece_bytes(self.tokenizer)
        rows, places = np.nonzero(pieces >= 0)
        ids = pieces[rows, places]
        written = b"".join([spelled[i] for i in ids.tolist()])
        sizes = np.bincount(rows, np.array([len(piece) for piece in spelled])[ids], minlength=len(tokens))
        ends = np.cumsum(sizes).astype(np.int64).tolist()
        texts = [written[start:end].decode("utf-8", errors="ignore") for start, end in pairwise([0, *ends])]
        if self.cut:
            texts = [cut_text(text, self.cut) for text in texts]
        missing = tokens[:, 0] == self.first_token + _MISSING

        return pa.array(texts, pa.large_string(), mask=missing).cast(arrow_type(self.column))

    def _encode_pieces(self, texts: Sequence[str]) -> list[list[int]]:
        return _encode_texts(self.tokenizer, texts)


def fit_max_tokens(lengths: npt.NDArray[np.int64], limit: int) -> int:
    """Slots that hold all but 0.5 % of the texts with their END, `limit` at most."""
    if not len(lengths):
        return 1
    return int(min(limit, np.quantile(lengths, LENGTH_QUANTILE, method="higher") + 1))


def vocabulary_size(tokenizer: str) -> int:
    """Pieces that the tokenizer really learned."""
    return int(_load_tokenizer(tokenizer).get_vocab_size())


def token_lengths(tokenizer: str, texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Number of pieces of each text."""
    return np.array([len(ids) for ids in _encode_texts(tokenizer, texts)], np.int64)


def _encode_texts(tokenizer: str, texts: Sequence[str]) -> list[list[int]]:
    """Ids of the pieces of each text."""
    loaded = _load_tokenizer(tokenizer)
    known = loaded.get_vocab()

    def without_rare_form(found: re.Match[str]) -> str:
        return found[0] if found[0] in known else str(placeholder_of(found).plain)

    written = [PLACEHOLDER.sub(without_rare_form, text) if "[[" in text else text for text in texts]
    return [encoded.ids for encoded in loaded.encode_batch_fast(written)]
