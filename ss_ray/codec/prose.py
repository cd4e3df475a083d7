"""Texts beside the compact model: what it learns in their place, and how a language model is asked for them.

    codec = fit_prose_codec(schema, sample, reserved=frozenset())
    codec.outline(table)      # the table with the number of words in the place of each text
    codec.openings(table)     # what a language model reads of each row before its texts
    codec.heading("note", 31) # what it reads before one of them

The compact model learns how many words a text has, and whether it is missing, like any other whole number. The language
model continues the values of the row and that number, so a text follows the row that it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from ss_ray.codec.cuts import find_cut, is_cut
from ss_ray.codec.shapes import has_shape
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.cells import written_table

MIN_WORDS = 4
"""Words of at least half of a column's texts: shorter ones are names and labels, which the compact model writes."""
MAX_WORDS = 400
"""Words of a text at most; a longer one is cut."""
MAX_SHOWN = 24
"""Columns that a language model reads of a row at most."""
MAX_SHOWN_CHARACTERS = 60
"""Characters of a value that a language model reads at most."""
PROSE_FILE = "prose.json"
"""File in the compact model's folder that holds the codec."""
VOCABULARY_FILE = "vocabulary.json"
"""File in the language model's folder that holds the tokens that it may write."""
_SHOWN_KINDS = frozenset(Kind) - {Kind.IDENTIFIER}
_WORDS = r"\S+"
_WORD = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True, kw_only=True)
class ProseCodec:
    """The texts of a table, and the columns that they follow from.

    Attributes:
        schema: Schema of the rows with their texts.
        texts: Names of the columns that a language model writes, in table order.
        shown: Names of the columns that it reads before it writes.
        most_words: Number of words that no text exceeds, by column in the order of `texts`.
        cuts: Number of characters at which a column cuts its texts off, as `varchar(128)` does; 0 where it does not.
    """

    schema: TableSchema
    texts: tuple[str, ...]
    shown: tuple[str, ...]
    most_words: tuple[int, ...]
    cuts: tuple[int, ...]

    def measured(self, outline: TableSchema) -> ProseCodec:
        """The codec of rows whose outline was measured: nothing else of the schema was read off the rows."""
        texts = {name: self.schema[name] for name in self.texts}
        columns = (
            replace(texts[c.name], nullable=c.nullable, max_length=None, source="private") if c.name in texts else c
            for c in outline.columns
        )
        return replace(self, schema=replace(outline, columns=tuple(columns)))

    def with_outline(self, outline: TableSchema) -> ProseCodec:
        """The codec of rows whose columns without texts are those of a schema.

        Args:
            outline: Schema of rows with the number of words in the place of each text.
        """
        columns = (c if c.name in self.texts else outline[c.name] for c in self.schema.columns)
        return replace(self, schema=replace(self.schema, columns=tuple(columns)))

    @property
    def outline_schema(self) -> TableSchema:
        """Schema of the rows with the number of words in the place of each text."""
        columns = (_words_column(c, self.largest(c.name)) if c.name in self.texts else c for c in self.schema.columns)
        return replace(self.schema, columns=tuple(columns))

    def largest(self, name: str) -> int:
        """Largest number in the place of a text: one more than any number of words where texts are cut off."""
        place = self.texts.index(name)
        return self.most_words[place] + (self.cuts[place] > 0)

    def is_cut(self, name: str, words: int) -> bool:
        """Whether a text with this number in its place is cut off."""
        return words > self.most_words[self.texts.index(name)]

    def outline(self, table: pa.Table) -> pa.Table:
        """The rows with the number of words in the place of each text, and `largest` of one that is cut off.

        A missing text stays missing.
        """
        for name, most, cut in zip(self.texts, self.most_words, self.cuts, strict=True):
            texts = table.column(name)
            counts = pc.min_element_wise(count_words(texts), most, skip_nulls=False)
            if cut:
                counts = pc.if_else(pa.array(is_cut(texts, cut)), self.largest(name), counts)
            table = table.set_column(table.column_names.index(name), name, counts)

        return table

    def openings(self, table: pa.Table) -> list[str]:
        """What a language model reads of each row before its texts, one line of values.

        Args:
            table: Rows of `schema` or of `outline_schema`.
        """
        shown = tuple(
            column for column in self.schema.columns if column.name in self.shown or self._is_spelling(column)
        )
        cells = written_table(table.select([c.name for c in shown]), replace(self.schema, columns=shown))
        columns = [_shown_cells(self.schema[name], cells.column(name)) for name in self.shown]
        if not columns:
            return [""] * table.num_rows
        return ["; ".join(row) + "\n" for row in zip(*columns, strict=True)]

    def heading(self, name: str, words: int) -> str:
        """What a language model reads right before a text.

        Args:
            name: Name of the text's column.
            words: Number in its place.
        """
        if self.is_cut(name, words):
            return f"{name} (cut off):"
        return f"{name} ({words} words):"

    def to_json(self) -> str:
        """JSON that `prose_from_json` reads."""
        return _ADAPTER.dump_json(self).decode()

    def _is_spelling(self, column: ColumnSchema) -> bool:
        return column.spelling_of in self.shown


_ADAPTER = TypeAdapter(ProseCodec)


def prose_from_json(text: str) -> ProseCodec:
    """The codec that `ProseCodec.to_json` wrote."""
    return _ADAPTER.validate_json(text)


def fit_prose_codec(
    schema: TableSchema, sample: pa.Table, *, reserved: frozenset[str], is_private: bool = False
) -> ProseCodec | None:
    """The codec of a table's prose; None where it has none.

    Args:
        schema: Schema of the table.
        sample: Rows of the table.
        reserved: Names of columns that the compact model writes, whatever is in them.
        is_private: Whether the lengths of the texts must not be read off the rows.
    """
    texts = tuple(
        column.name
        for column in schema.of_kind(Kind.TEXT)
        if column.name not in reserved and not has_shape(column) and _is_prose(sample.column(column.name))
    )
    if not texts:
        return None

    # Short texts, too, which the compact model writes: a note follows its title. With privacy they are hardly words.
    kinds = _SHOWN_KINDS - {Kind.TEXT} if is_private else _SHOWN_KINDS
    shown = [
        column.name
        for column in schema.columns
        if column.kind in kinds and column.name not in texts and column.spelling_of is None
    ]
    return ProseCodec(
        schema=schema,
        texts=texts,
        shown=tuple(shown[:MAX_SHOWN]),
        most_words=tuple(MAX_WORDS if is_private else _usual_most(count_words(sample.column(name))) for name in texts),
        cuts=tuple(0 if is_private else find_cut(sample.column(name)) for name in texts),
    )


def count_words(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Number of words of each text, int64; missing where the text is.

    Example:
        >>> count_words(pa.chunked_array([["Seen today.", "", None]])).to_pylist()
        [2, 0, None]
    """
    return pc.count_substring_regex(texts, _WORDS).cast(pa.int64())


def _is_prose(texts: pa.ChunkedArray) -> bool:
    """Whether at least half of the texts are of several words, and most of their words are of letters."""
    present = texts.drop_null()
    if not len(present):
        return False

    words = pc.sum(pc.count_substring_regex(present, _WORDS)).as_py()
    plain = pc.sum(pc.count_substring_regex(present, r"\p{L}{2,}")).as_py()
    return bool(pc.approximate_median(count_words(present)).as_py() >= MIN_WORDS and plain >= words / 2)


def _usual_most(counts: pa.ChunkedArray) -> int:
    """A number of words that no more than one text in a hundred exceeds: the longest one tells of one person."""
    values = counts.drop_null().to_numpy()
    return int(min(MAX_WORDS, np.quantile(values, 0.99, method="lower"))) if len(values) else 0


def _words_column(column: ColumnSchema, most: int) -> ColumnSchema:
    return ColumnSchema(
        name=column.name,
        kind=Kind.INTEGER,
        arrow_type="int64",
        nullable=column.nullable,
        minimum=0,
        maximum=most,
        source=column.source,
        reason="number of words of a text that a language model writes",
    )


def _shown_cells(column: ColumnSchema, cells: pa.ChunkedArray) -> list[str]:
    """What is read of each cell: a category of words speaks for itself, a number needs its column's name."""
    texts = [_short_cell(cell) for cell in cells.to_pylist()]
    is_of_words = column.values is None or any(_WORD.search(str(value)) for value in column.values)
    if column.kind is Kind.CATEGORY and is_of_words:
        return texts
    return [f"{column.name} {text}" for text in texts]


def _short_cell(cell: object) -> str:
    """A cell as text, on one line."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.7g}"
    return str(cell).replace("\n", " ")[:MAX_SHOWN_CHARACTERS]


def cut_words(text: str, most: int) -> str:
    """The first words of a text, with what stands between them.

    Example:
        >>> cut_words("Seen  today, well.", 2)
        'Seen  today,'
    """
    words: Sequence[str] = text.split(None, most)
    if len(words) <= most:
        return text
    return text[: len(text) - len(words[most])].rstrip()
