"""Words of free text: which pieces may follow each other so that only words of the table are written.

A text is cut where the tokenizer cuts it: before spaces, and between letters, digits and signs. Each part of a text
that is written is one of the known parts of its column. Known are the parts that MIN_TEXTS texts have, so that
nothing is spelled that a few people alone wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders

from ss_ray.codec.texts import TextCodec
from ss_ray.pii.identities.placeholders import PLACEHOLDER

MIN_TEXTS = 5
"""Texts that a part has at least to be known."""
MIN_COVERED = 0.7
"""Share of the parts of all texts that are known, from which on others need not be written."""
START = 0
"""State before the first part of a text."""
_LETTER, _DIGIT, _SIGN, _SPACE, _BREAK = range(5)
_FOLLOWERS = {
    _LETTER: {_DIGIT, _SIGN, _SPACE, _BREAK},
    _DIGIT: {_LETTER, _SIGN, _SPACE, _BREAK},
    _SIGN: {_LETTER, _DIGIT, _SPACE, _BREAK},
    # The last of several spaces belongs to the part behind it.
    _SPACE: {_SPACE, _BREAK},
    _BREAK: {_LETTER, _DIGIT, _SIGN, _SPACE},
}
"""Classes of characters with which a part may begin behind one that ends with a class: else they would be one part."""

_BYTES = decoders.ByteLevel()

States = npt.NDArray[np.int64]
Allowed = npt.NDArray[np.bool_]


def find_words(tokenizer: str, texts: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """The known parts that each column has, as the tokenizer spells them; () for all where too many parts are rare.

    Args:
        tokenizer: Tokenizer as JSON.
        texts: Texts of each column; a part is known by all of them together.
    """
    splitter = Tokenizer.from_str(tokenizer).pre_tokenizer
    counts: Counter[str] = Counter()
    texts_with: Counter[str] = Counter()
    parts_of: dict[str, set[str]] = {}
    for name, column in texts.items():
        parts_of[name] = set()
        for text in column:
            # A placeholder is a piece of its own, and separates what stands beside it.
            spans = (span for span in PLACEHOLDER.sub("\0", text).split("\0") if span)
            parts = [part for span in spans for part, _ in splitter.pre_tokenize_str(span)]
            counts.update(parts)
            texts_with.update(set(parts))
            parts_of[name].update(parts)

    known = {part for part, count in texts_with.items() if count >= MIN_TEXTS}
    if sum(counts[part] for part in known) < MIN_COVERED * counts.total():
        return dict.fromkeys(texts, ())
    # Signs of one column, such as those of JSON, are nothing that another one could have.
    return {name: tuple(sorted(known & parts or known)) for name, parts in parts_of.items()}


@dataclass(frozen=True)
class WordGuide:
    """Says after each piece of a text which pieces may come next.

    A state is a node of the tree of the known parts, or START. Where a node ends a part, another part may begin.

    Attributes:
        tokenizer: Tokenizer as JSON.
        words: Known parts, from `find_words`.
    """

    tokenizer: str
    words: tuple[str, ...]

    @cached_property
    def _word_tree(self) -> _Tree:
        return _grow_tree(Tokenizer.from_str(self.tokenizer), self.words)

    def allowed(self, states: States) -> Allowed:
        """(rows, 1 + pieces) whether the text may end, and which pieces may come next."""
        tree = self._word_tree
        mask = tree.openings[tree.classes[states]]
        starts, counts = tree.first_child[states], tree.num_children[states]
        rows = np.repeat(np.arange(len(states)), counts)
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        mask[rows, 1 + tree.child_pieces[np.repeat(starts, counts) + offsets]] = True
        return mask

    def advance(self, states: States, pieces: npt.NDArray[np.int64]) -> States:
        """(rows,) states after a piece each; a negative piece, which ends a text or is none, leads to START."""
        tree = self._word_tree
        wanted = states * tree.num_pieces + pieces
        place = np.searchsorted(tree.child_keys, wanted)
        place = np.minimum(place, len(tree.child_keys) - 1)
        is_child = tree.child_keys[place] == wanted
        opened = tree.opened[np.maximum(pieces, 0)]
        return np.where(pieces < 0, START, np.where(is_child, tree.children[place], opened))


@dataclass(frozen=True)
class TextColumn:
    """A column of free text.

    Attributes:
        first_token: Token that says missing; the end and the pieces follow.
        guide: Pieces that may follow each other; None for any.
    """

    first_token: int
    guide: WordGuide | None


def text_columns(columns: Iterable[object]) -> dict[str, TextColumn]:
    """The columns of free text of a codec, by name; those with the same words share a guide."""
    guides: dict[WordGuide, WordGuide] = {}
    found = {}
    for codec in columns:
        if isinstance(codec, TextCodec):
            guide = WordGuide(codec.tokenizer, codec.words)
            shared = guides.setdefault(guide, guide) if codec.words else None
            found[codec.column.name] = TextColumn(first_token=codec.first_token, guide=shared)

    return found


@dataclass(frozen=True)
class _Tree:
    """The tree of the known parts. Node 0 is the root, which is also the state START.

    Attributes:
        num_pieces: Pieces of the vocabulary.
        classes: (nodes,) row of `openings` for each node.
        openings: (kinds of nodes, 1 + pieces) whether a text may end there, and which pieces may begin a part.
        first_child: (nodes,) first entry of a node in `child_pieces`.
        num_children: (nodes,) entries of a node there.
        child_pieces: (edges,) piece of each edge, node by node.
        child_keys: (edges,) node times pieces plus piece, ascending.
        children: (edges,) node that each edge leads to.
        opened: (pieces,) node that a piece leads to at the beginning of a part.
    """

    num_pieces: int
    classes: npt.NDArray[np.int64]
    openings: Allowed
    first_child: npt.NDArray[np.int64]
    num_children: npt.NDArray[np.int64]
    child_pieces: npt.NDArray[np.int64]
    child_keys: npt.NDArray[np.int64]
    children: npt.NDArray[np.int64]
    opened: npt.NDArray[np.int64]


def _grow_tree(tokenizer: Tokenizer, words: Iterable[str]) -> _Tree:
    edges: dict[tuple[int, int], int] = {}
    ends: dict[int, int] = {}
    beginnings: dict[int, set[int]] = {}

    for word in words:
        pieces = [token.id for token in tokenizer.model.tokenize(word)]
        node = 0
        for piece in pieces:
            node = edges.setdefault((node, piece), len(edges) + 1)
        spelled = _BYTES.decode([word])
        ends[node] = _class_of(spelled[-1])
        beginnings.setdefault(pieces[0], set()).add(_class_of(spelled[0]))

    # A placeholder is a word of letters that may stand anywhere.
    marks = [piece for text, piece in tokenizer.get_vocab().items() if PLACEHOLDER.fullmatch(text)]
    for piece in marks:
        ends[edges.setdefault((0, piece), len(edges) + 1)] = _LETTER

    return _index_tree(tokenizer.get_vocab_size(), edges, ends, beginnings, marks)


def _index_tree(
    num_pieces: int,
    edges: dict[tuple[int, int], int],
    ends: dict[int, int],
    beginnings: dict[int, set[int]],
    marks: list[int],
) -> _Tree:
    num_nodes = len(edges) + 1
    keys = np.array([node * num_pieces + piece for node, piece in edges], np.int64)
    order = np.argsort(keys)
    keys = keys[order]
    children = np.array(list(edges.values()), np.int64)[order]

    # Within a part no other may begin (row 0); at the start any may (row 1); behind a class, its followers (2 and on).
    openings = np.zeros((2 + len(_FOLLOWERS), 1 + num_pieces), bool)
    openings[1:, 0] = True
    openings[1:, [1 + piece for piece in marks]] = True
    for piece, classes in beginnings.items():
        openings[1, 1 + piece] = True
        for ended, followers in _FOLLOWERS.items():
            openings[2 + ended, 1 + piece] = bool(classes & followers)

    kinds = np.zeros(num_nodes, np.int64)
    kinds[0] = 1
    for node, ended in ends.items():
        kinds[node] = 2 + ended

    parents = keys // num_pieces
    opened = np.zeros(num_pieces, np.int64)
    of_root = parents == 0
    opened[keys[of_root]] = children[of_root]
    num_children = np.bincount(parents, minlength=num_nodes)
    num_children[0] = 0  # the openings say what follows the root
    first_child = np.searchsorted(parents, np.arange(num_nodes))

    return _Tree(
        num_pieces=num_pieces,
        classes=kinds,
        openings=openings,
        first_child=first_child,
        num_children=num_children,
        child_pieces=keys % num_pieces,
        child_keys=keys,
        children=children,
        opened=opened,
    )


def _class_of(character: str) -> int:
    if character.isspace():
        return _SPACE if character == " " else _BREAK
    if character.isalpha():
        return _LETTER
    return _DIGIT if character.isnumeric() else _SIGN
