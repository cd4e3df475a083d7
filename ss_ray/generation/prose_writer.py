"""The texts of generated rows, by a language model that reads the other values of each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ss_ray.codec.cuts import cut_text
from ss_ray.codec.prose import ProseCodec, cut_words
from ss_ray.generation.engine import Completion, CompletionRequest, TextEngine
from ss_ray.generation.text_actor import seed_of
from ss_ray.pii.identities.placeholders import PLACEHOLDER, placeholder_of
from ss_ray.training.balance import TextBalance

ATTEMPTS = 3
"""How often a text is written, until it ends by itself and has no broken placeholder."""
TOKENS_PER_WORD = 4
CHARACTERS_PER_TOKEN = 3
"""Characters of a token of a text that is cut off, at least: English has more than four."""
SPARE_TOKENS = 24
"""A text may have so many tokens beside those of its words: punctuation, and placeholders."""
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_BROKEN = re.compile(r"\[\[|\]\]")

Split = Callable[[str], list[int]]
"""Function from a text to its tokens, without special ones."""


@dataclass(frozen=True, kw_only=True)
class _Text:
    """A text that is asked for.

    Attributes:
        row: Number of its row in the table.
        version: Number of this version of the text.
        prompt: Tokens that it continues.
        words: Number of its words.
        longest: Number of its characters at most; 0 for any.
        is_cut: Whether it is cut off at that number.
    """

    row: int
    version: int
    prompt: tuple[int, ...]
    words: int
    longest: int
    is_cut: bool


@dataclass(frozen=True, kw_only=True)
class ProseWriter:
    """Writes texts into rows that have numbers of words in their places.

    Attributes:
        engine: Engine with the language model; nobody else uses it.
        codec: Codec of the texts.
        split: Function from a text to the model's tokens.
        end: Token that ends a text.
        seed: Seed of the run.
        placeholders: Whether "[[" begins a placeholder; otherwise it is text like any other.
        balances: Frequencies in real texts, by column, of those columns of which several versions are written.
        num_versions: Versions of each text of these columns, of which one is kept.
    """

    engine: TextEngine
    codec: ProseCodec
    split: Split = field(repr=False)
    end: int
    seed: int
    placeholders: bool
    balances: Mapping[str, TextBalance]
    num_versions: int

    def write(self, outline: pa.Table, number: int, report: Callable[[int], None]) -> pa.Table:
        """The rows with their texts, in the codec's schema.

        Args:
            outline: Rows of the codec's `outline_schema`.
            number: Number of these rows in the synthetic table; with the seed it says what is drawn.
            report: Function that is told the texts done.
        """
        prompts = [list(self.split(opening)) for opening in self.codec.openings(outline)]
        columns: dict[str, list[str | None]] = {}
        for place, name in enumerate(self.codec.texts):
            counts = outline.column(name).to_pylist()
            longest = self.codec.cuts[place]
            for prompt, words in zip(prompts, counts, strict=True):
                if words:
                    prompt += self.split(self.codec.heading(name, words))

            asked = [
                _Text(
                    row=row,
                    version=version,
                    prompt=tuple(prompts[row]),
                    words=words,
                    longest=longest,
                    is_cut=self.codec.is_cut(name, words),
                )
                for row, words in enumerate(counts)
                if words
                for version in range(self._num_versions(name))
            ]
            versions = self._write_texts(asked, (number, place), report)
            written = self._choose_versions(name, versions, (number, place))
            for row, text in written.items():
                prompts[row] += [*self.split(f" {text}"), self.end]

            columns[name] = [written.get(row, None if words is None else "") for row, words in enumerate(counts)]

        for name, texts in columns.items():
            outline = outline.set_column(outline.column_names.index(name), name, pa.array(texts, pa.string()))
        return outline.cast(self.codec.schema.to_arrow())

    def _num_versions(self, name: str) -> int:
        """Versions that are written of each text of a column."""
        return self.num_versions if name in self.balances else 1

    def _choose_versions(
        self, name: str, versions: Mapping[int, Sequence[str]], place: tuple[int, int]
    ) -> dict[int, str]:
        """One version of each text, by row."""
        if self._num_versions(name) == 1:
            return {row: text for row, [text] in versions.items()}

        chosen = self.balances[name].choose(list(versions.values()), [self.seed, *place])
        return {row: texts[best] for (row, texts), best in zip(versions.items(), chosen, strict=True)}

    def _write_texts(
        self, asked: Sequence[_Text], place: tuple[int, int], report: Callable[[int], None]
    ) -> dict[int, list[str]]:
        """The versions of the texts, by row; unsound ones are written again, and mended after the last attempt."""
        written: dict[int, str] = {}
        # Texts of one length end together, so that no batch waits for a long one.
        waiting = sorted(range(len(asked)), key=lambda number: (asked[number].words, len(asked[number].prompt)))
        for attempt in range(ATTEMPTS):
            requests = [self._request_of(number, asked[number], place, attempt) for number in waiting]
            for completions in self._complete_all(requests):
                is_last = attempt == ATTEMPTS - 1
                kept = [one for one in completions if is_last or self._is_sound(one, asked[one.number])]
                written |= {one.number: self._mend_text(one, asked[one.number]) for one in kept}
                report(sum(asked[one.number].version == 0 for one in kept))

            waiting = [number for number in waiting if number not in written]

        versions: dict[int, list[str]] = {}
        for number, text in enumerate(asked):
            versions.setdefault(text.row, []).append(written[number])
        return versions

    def _request_of(self, number: int, text: _Text, place: tuple[int, int], attempt: int) -> CompletionRequest:
        table, column = place
        draw = (text.row * self.num_versions + text.version) * len(self.codec.texts) + column + 1
        return CompletionRequest(
            number=number,
            prompt_ids=text.prompt,
            seed=seed_of(self.seed, table * ATTEMPTS + attempt, draw),
            max_tokens=_most_tokens(text, attempt),
            grammar=None,
        )

    def _complete_all(self, requests: Sequence[CompletionRequest]) -> Iterator[Sequence[Completion]]:
        """The completions as they end, some together."""
        self.engine.submit(requests)
        while self.engine.num_unfinished:
            if completions := self.engine.step():
                yield completions

    def _is_sound(self, completion: Completion, asked: _Text) -> bool:
        text = completion.text.strip()
        # A text without an end can be cut behind one of its sentences.
        has_length = bool(text) and (completion.finished or cut_sentence(text, asked.words) is not None)
        if asked.is_cut:
            has_length = len(text) >= asked.longest
            text = cut_text(text, asked.longest)

        return has_length and (not self.placeholders or find_broken(text) is None)

    def _mend_text(self, completion: Completion, asked: _Text) -> str:
        """A text without what is too much, and without a broken placeholder and what follows it.

        One that begins with a broken placeholder loses the words that have marks of placeholders.
        """
        text = completion.text.strip()
        if not completion.finished and not asked.is_cut:
            text = cut_sentence(text, asked.words) or cut_words(text, asked.words)
        if asked.longest:
            text = cut_text(text, asked.longest)
        if self.placeholders and (broken := find_broken(text)) is not None:
            text = text[:broken].rstrip() or " ".join(word for word in text.split() if not _BROKEN.search(word))

        return text


def _most_tokens(text: _Text, attempt: int) -> int:
    """Tokens of a text at most; one that is cut off gets more if the first ones did not suffice."""
    if text.is_cut:
        return (attempt + 1) * -(-text.longest // CHARACTERS_PER_TOKEN)
    return TOKENS_PER_WORD * text.words + SPARE_TOKENS


def cut_sentence(text: str, most: int) -> str | None:
    """The sentences in the first words of a text; None where they are less than half of those words.

    Example:
        >>> cut_sentence("Seen today. Walks well again. No pain at", 6)
        'Seen today. Walks well again.'
        >>> cut_sentence("Seen today. Walks well again and has", 7)
    """
    words = cut_words(text, most)
    ends = [found.end() for found in _SENTENCE_END.finditer(words)]
    whole = words[: ends[-1]] if ends else ""
    return whole if 2 * len(whole.split()) >= most else None


def find_broken(text: str) -> int | None:
    """Where the first placeholder begins that is not whole, or that stands for what nobody has; None without one.

    Example:
        >>> find_broken("see [[person.first_name]]"), find_broken("see [[person.first"), find_broken("[[other1.hobby]]")
        (None, 4, 0)
    """
    rest = PLACEHOLDER.sub(lambda match: "x" * len(match[0]) if placeholder_of(match).has_value else match[0], text)
    broken = _BROKEN.search(rest)
    return broken.start() if broken else None
