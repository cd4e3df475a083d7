"""The entity tagger: a spaCy pipeline component that labels tokens, and the pipeline that ships with the package.

A convolutional network over hashed word shapes, without word vectors: what it knows of a name is its spelling, the
lists of names, places and English words that hold it, and the few words on each side. spaCy's own transition-based
`ner` would read 800 short notes a second on one core; tags that are scored all at once, words that are embedded once a
batch, and an own way of splitting text (spaCy's tokenizer took more than half of the time) make that several thousand,
and each span has a probability. Importing this module registers the component, after which `spacy.load` reads the
pipeline's folder.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.lang.lex_attrs import word_shape
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.strings import hash_string  # type: ignore[attr-defined] # its stub leaves it out
from spacy.tokens import Doc
from spacy.util import filter_spans, minibatch, registry
from thinc.api import (
    HashEmbed,
    Linear,
    Maxout,
    Model,
    NumpyOps,
    chain,
    clone,
    concatenate,
    expand_window,
    list2ragged,
    ragged2list,
    residual,
    with_array,
)
from thinc.layers import uniqued

from ss_ray.pii.text.word_lists import describe_word

MODEL_PATH = Path(__file__).with_name("ner_model")
USER_DATA_KEY = "pii_spans"
"""Where the component leaves its spans in `Doc.user_data`, as (start, end, label, probability) in characters."""

TokenSpan = tuple[int, int, str, float]
CharSpan = tuple[int, int, str, float]
Floats = NDArray[np.float32]
Keys = NDArray[np.uint64]

COMPONENT = "pii_entity_tagger"
LISTS_COLUMN = 5
"""Column of `keys` with the lists that hold a word."""
MAX_WORDS = 1 << 15
"""Words whose vectors are kept."""

# Accents and vowel signs: inside of words, yet no letters to `re`.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e31-\u0e4e\u200c\u200d"
_WORD = rf"(?:[^\W_][{_MARKS}]*)+"
_POSSESSIVE = r"(?i:['\u2019`\u00b4](?:s|d|m|t|ll|re|ve)\b)"
_TOKEN = re.compile(
    # Most tokens: words that nothing but a space or comma follows, which no other kind of token begins with.
    r"[A-Za-z]+(?=[ ,]|\Z)"
    # Line breaks, with the space behind them.
    r"|\n\s*"
    r"|(?:https?://|www\.)[^\s,;<>\"']+|[\w.+-]{1,64}@[\w.-]*\w"
    # J. U.S. y.o.
    r"|(?:[^\W\d_]\.)+(?!\w)"
    r"|(?i:mr|mrs|ms|dr|prof|st|jr|sr|inc|ltd|co|corp|apt|ave|blvd|rd|no|rev|hon|capt|sgt|lt|col)\.(?!\d)"
    # 1,200.50 10:30 3/4/2021.
    r"|\d+(?:[.,:/]\d+)+(?!\w)"
    rf"|{_WORD}(?:(?!{_POSSESSIVE})['\u2019]{_WORD}|(?<=[a-z0-9])\.(?=[a-z]{{2}}){_WORD})*"
    rf"|{_POSSESSIVE}|([^\w\s])\1*|_+|\S"
)


def tokens(text: str) -> list[tuple[int, int]]:
    """Starts and ends of the tokens of a text; spaces are left out, line breaks are tokens."""
    return [match.span() for match in _TOKEN.finditer(text)]


@lru_cache(maxsize=1 << 15)
def _word_keys(word: str) -> tuple[int, ...]:
    """Hashes of a word, of its lower case, its first and last three letters, its shape, and the lists that hold it."""
    # Half a surrogate pair.
    if not word.isascii():
        word = word.encode("utf8", "replace").decode("utf8")

    if not word.strip():
        word = "\n\n" if word.count("\n") > 1 else "\n"

    norm = word.lower()
    hashes = map(hash_string, (word, norm, norm[:3], norm[-3:], word_shape(word)))
    return (*hashes, describe_word(word))


def keys(text: str, places: Iterable[tuple[int, int]]) -> Keys:
    """Input of the network for the tokens: (tokens, 6)."""
    each = [_word_keys(text[start:end]) for start, end in places]
    return np.fromiter(itertools.chain.from_iterable(each), np.uint64, 6 * len(each)).reshape(-1, 6)


@registry.architectures("ss_ray.EntityTagger.v2")  # type: ignore[untyped-decorator]
def entity_tagger_model(width: int, depth: int, pieces: int, rows: list[int], labels: list[str]) -> Model[Any, Any]:
    """Scores of each tag for each token: list of `keys` -> list of (tokens, 1 + 2 * labels), not normalised.

    Args:
        width: Number of entries of a token's vector.
        depth: Convolutions, each of which sees one more token on either side.
        pieces: Number of pieces of each maxout.
        rows: Numbers of rows of the hash tables of norm, prefix, suffix, shape and lists; a table takes
            rows * width * 4 bytes.
        labels: Labels of the spans; tag 0 is outside, 2k + 1 begins label k, 2k + 2 continues it.
    """
    tables: list[Model[Any, Any]] = [
        HashEmbed(width, count, column=i + 1, seed=7 + i, dropout=0.0) for i, count in enumerate(rows)
    ]
    mixed: Model[Any, Any] = chain(
        concatenate(*tables), Maxout(width, width * len(rows), nP=3, dropout=0.0, normalize=True)
    )
    convolution: Model[Any, Any] = chain(
        expand_window(window_size=1), Maxout(width, width * 3, nP=pieces, dropout=0.0, normalize=True)
    )

    return chain(
        list2ragged(),
        with_array(uniqued(mixed, column=0)),
        ragged2list(),
        with_array(clone(residual(convolution), depth), pad=depth),
        with_array(Linear(1 + 2 * len(labels), width)),
    )


class WordVectors:
    """The network's vectors of words, kept between texts: a few thousand words make up most of all texts.

    Attributes:
        layer: The layer that gives the vectors of keys: (words, 5) -> (words, width).
        size: Number of words that are kept; one batch may have more.
    """

    def __init__(self, layer: Model[Any, Any], width: int, size: int = MAX_WORDS):
        self.layer = layer
        self.size = size
        self._rows: dict[str, int] = {}
        self._vectors = np.empty((size, width), dtype=np.float32)

    def look_up(self, words: Sequence[str]) -> Floats:
        """The vectors of words: (words, width)."""
        new = [word for word in dict.fromkeys(words) if word not in self._rows]
        # A full store is emptied.
        if new and len(self._rows) + len(new) > self.size:
            self._rows.clear()
            new = list(dict.fromkeys(words))

        if new:
            self._add_words(new)

        return self._vectors[[self._rows[word] for word in words]]

    def _add_words(self, new: Sequence[str]) -> None:
        made = self.layer.predict(keys("".join(new), _places_in_row(new)))
        start = len(self._rows)
        end = start + len(new)
        if end > len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.empty_like(made)])

        self._vectors[start:end] = made
        self._rows.update(zip(new, range(start, end), strict=True))


def _places_in_row(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Starts and ends of words that follow each other without spaces."""
    end = 0
    for word in words:
        yield end, end + len(word)
        end += len(word)


@Language.factory(COMPONENT, default_config={"labels": [], "outside_bias": 0.0})  # type: ignore[untyped-decorator]
def _make_entity_tagger(
    nlp: Language, name: str, model: Model[Any, Any], labels: list[str], outside_bias: float
) -> EntityTagger:
    return EntityTagger(nlp.vocab, model, name, labels, outside_bias)


class EntityTagger(TrainablePipe):  # type: ignore[misc]
    """Labels tokens and leaves spans in `doc.ents` and, with probabilities, in `doc.user_data`.

    Attributes:
        labels: Labels of the spans, in the order of the tags.
        outside_bias: Taken from the score of "no entity": above 0, more is found.
    """

    def __init__(self, vocab: Any, model: Model[Any, Any], name: str, labels: Sequence[str], outside_bias: float):
        self.vocab = vocab
        self.model = model
        self.name = name
        self.cfg: dict[str, Any] = {"labels": list(labels), "outside_bias": outside_bias}
        self._classes = 1 + 2 * len(labels)
        self._words: WordVectors | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the spans."""
        return tuple(self.cfg["labels"])

    def initialize(self, get_examples: Any = None, *, nlp: Language | None = None, labels: Any = None) -> None:
        """Draws the weights; the labels are those of the configuration."""
        self.model.initialize()

    def predict(self, docs: Iterable[Doc]) -> list[list[CharSpan]]:
        """Spans of each doc, by characters."""
        return self.read([doc.text for doc in docs])

    def read(self, texts: Sequence[str]) -> list[list[CharSpan]]:
        """Spans of each text, by characters."""
        places = [tokens(text) for text in texts]
        if not any(places):
            return [[] for _ in texts]

        scores = self._score_tokens(texts, places)
        return [
            [(its[start][0], its[end - 1][1], label, score) for start, end, label, score in found]
            for its, found in zip(places, self.decode(scores), strict=True)
        ]

    def keep_words(self, size: int = MAX_WORDS) -> None:
        """Keep the vectors of so many words between texts; the weights must not change any more."""
        embedding, *_, scoring = self.model.layers[1:]
        self._words = WordVectors(embedding.layers[0].layers[0], scoring.layers[0].get_dim("nI"), size)

    def _score_tokens(self, texts: Sequence[str], places: Sequence[Sequence[tuple[int, int]]]) -> list[Floats]:
        """Scores of the tags of each text's tokens: (tokens, 1 + 2 * labels) each."""
        if self._words is None:
            scores: list[Floats] = self.model.predict(
                [keys(text, its) for text, its in zip(texts, places, strict=True)]
            )
            return scores

        words = [text[start:end] for text, its in zip(texts, places, strict=True) for start, end in its]
        ends = np.cumsum([len(its) for its in places])[:-1]
        part = np.split(self._words.look_up(words), ends)
        # The layers behind the embedding, which join and divide the texts' tokens again.
        for layer in self.model.layers[3:]:
            part = layer.predict(part)
        return part

    def decode(self, scores: Sequence[Floats]) -> list[list[TokenSpan]]:
        """Spans of the best tags that can follow each other, from the scores of the network for each text."""
        flat = np.concatenate(scores).astype(np.float32)
        flat[:, 0] -= self.cfg["outside_bias"]
        flat -= flat.max(axis=1, keepdims=True)
        tags = flat.argmax(axis=1)
        lengths = [len(part) for part in scores]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        broken = [slice(starts[at], starts[at + 1]) for at in _find_broken(tags, starts)]
        if broken:
            for part, path in zip(broken, _best_paths([flat[part] for part in broken]), strict=True):
                tags[part] = path

        spans: list[list[TokenSpan]] = [[] for _ in scores]
        busy = np.unique(np.searchsorted(starts, np.flatnonzero(tags), side="right") - 1)
        if not len(busy):
            return spans

        exponents = np.exp(flat)
        certain = np.take_along_axis(exponents, tags[:, None], axis=1)[:, 0] / exponents.sum(axis=1)
        for at in busy.tolist():
            part = slice(starts[at], starts[at + 1])
            spans[at] = list(self._decode_spans(tags[part].tolist(), certain[part].tolist()))

        return spans

    def _decode_spans(self, tags: list[int], certain: list[float]) -> Iterator[TokenSpan]:
        labels = self.labels
        at = 0
        count = len(tags)

        while at < count:
            if tags[at] == 0:
                at += 1
                continue

            end = at + 1
            inside = tags[at] + 1
            while end < count and tags[end] == inside:
                end += 1

            yield at, end, labels[(tags[at] - 1) // 2], sum(certain[at:end]) / (end - at)
            at = end

    def set_annotations(self, docs: Iterable[Doc], spans: list[list[CharSpan]]) -> None:
        """Write the predictions of `predict` into the docs."""
        for doc, found in zip(docs, spans, strict=True):
            doc.user_data[USER_DATA_KEY] = found
            made = [doc.char_span(start, end, label, alignment_mode="expand") for start, end, label, _ in found]
            doc.set_ents(filter_spans([span for span in made if span is not None and span.text.strip()]))


def read(nlp: Language, texts: Iterable[str], batch_size: int) -> Iterator[list[CharSpan]]:
    """Spans of each text, as `nlp.pipe` writes them into its docs, but without making docs."""
    tagger: EntityTagger = nlp.get_pipe(COMPONENT)
    for batch in minibatch(texts, batch_size):
        yield from tagger.read(list(batch))


def _find_broken(tags: NDArray[np.int64], starts: NDArray[np.int64]) -> list[int]:
    """Documents in which a continuing tag has nothing to continue."""
    before = np.concatenate([[0], tags[:-1]])
    before[starts[:-1][starts[:-1] < len(tags)]] = 0
    continuing = (tags > 0) & (tags % 2 == 0)
    orphans = np.flatnonzero(continuing & (before != tags) & (before != tags - 1))
    return sorted(set((np.searchsorted(starts, orphans, side="right") - 1).tolist()))


def _best_paths(scores: Sequence[Floats]) -> list[NDArray[np.int64]]:
    """The tags of the greatest sum of scores for each text (Viterbi), where 2k + 2 follows 2k + 1 or 2k + 2 alone.

    The texts are walked through together; behind the end of a text all tokens are outside.
    """
    count = max(map(len, scores))
    classes = scores[0].shape[1]
    table = np.full((count, len(scores), classes), -np.inf, dtype=np.float32)
    table[:, :, 0] = 0
    for at, part in enumerate(scores):
        table[: len(part), at] = part

    back = np.zeros(table.shape, dtype=np.int64)
    best = table[0].copy()
    best[:, 2::2] = -np.inf
    inside = np.arange(2, classes, 2)
    for at in range(1, count):
        back[at] = best.argmax(axis=1)[:, None]
        back[at][:, inside] = np.where(best[:, inside - 1] >= best[:, inside], inside - 1, inside)
        best = np.take_along_axis(best, back[at], axis=1) + table[at]

    paths = np.zeros((count, len(scores)), dtype=np.int64)
    paths[-1] = best.argmax(axis=1)
    for at in range(count - 1, 0, -1):
        paths[at - 1] = back[at, np.arange(len(scores)), paths[at]]

    return [paths[: len(part), at] for at, part in enumerate(scores)]


class _MatmulOps(NumpyOps):  # type: ignore[misc]
    """Products by NumPy's BLAS, which takes less than half the time of thinc's own for these shapes."""

    def gemm(self, x: Any, y: Any, out: Any = None, trans1: bool = False, trans2: bool = False) -> Any:
        return np.matmul(x.T if trans1 else x, y.T if trans2 else y, out=out)


def with_matmul(nlp: Language) -> Language:
    """The same pipeline with faster products."""
    ops = _MatmulOps()
    for _, pipe in nlp.pipeline:
        for node in getattr(pipe, "model", Model("none", lambda *a: None)).walk():
            node.ops = ops
    return nlp


def load_builtin(path: Path = MODEL_PATH) -> Language:
    """The pipeline that ships with the package."""
    nlp = with_matmul(spacy.load(path))
    nlp.get_pipe(COMPONENT).keep_words()
    return nlp
