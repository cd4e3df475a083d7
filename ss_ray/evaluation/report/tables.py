"""Tables of the report that are read off the rows themselves: first synthetic rows, quantiles, lengths of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from ss_ray.evaluation.columns import ScoredColumn, Table, Values, missing
from ss_ray.schema import DATED_KINDS, Kind, TableSchema
from ss_ray.tables.cells import written_table

SHOWN_ROWS = 10
SHOWN_COLUMNS = 40
"""Columns of the first rows that are shown, the first ones of the table."""
SHOWN_CHARACTERS = 160
"""Characters of a cell; longer texts are cut."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MEASURED_KINDS = DATED_KINDS | {Kind.INTEGER, Kind.FLOAT}
"""Kinds whose values are spelled in a table of quantiles."""


@dataclass(frozen=True, kw_only=True)
class FirstRows:
    """The first rows of the synthetic table, as text.

    Attributes:
        names: Names of the columns that are shown.
        rows: Cells of each row, None where a value is missing.
        hidden_columns: Number of columns that are not shown.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    hidden_columns: int


@dataclass(frozen=True, kw_only=True)
class QuantileRow:
    """Quantiles of one column in one table.

    Attributes:
        column: Name of the column.
        table: "real" or "synthetic".
        cells: Values at QUANTILES, as text.
    """

    column: str
    table: str
    cells: tuple[str, ...]


def take_first_rows(synthetic: pd.DataFrame, schema: TableSchema) -> FirstRows:
    """The first rows as `release/synthetic.csv` spells them; long texts and wide tables are cut.

    Args:
        synthetic: Generated rows. Real rows must never be given here.
        schema: Columns of the table.
    """
    frame = synthetic.head(SHOWN_ROWS)[list(schema.names)]
    table = written_table(pa.Table.from_pandas(frame, schema=schema.to_arrow(), preserve_index=False), schema)
    names = tuple(table.column_names[:SHOWN_COLUMNS])
    rows = tuple(tuple(_cut_cell(row[name]) for name in names) for row in table.to_pylist())

    return FirstRows(names=names, rows=rows, hidden_columns=table.num_columns - len(names))


def _cut_cell(cell: object) -> str | None:
    if cell is None:
        return None

    text = str(cell)
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS].rstrip()}… ({len(text):,} characters)"


def quantile_rows(tables: dict[str, Table], columns: Sequence[ScoredColumn]) -> tuple[QuantileRow, ...]:
    """Quantiles of the columns of numbers and dates, a row for each table that has values.

    Args:
        tables: "real" or "synthetic" -> values of the columns.
        columns: Columns of the tables.
    """
    return tuple(
        row
        for column in columns
        if column.kind in MEASURED_KINDS and not column.nominal
        for role, table in tables.items()
        for row in _measure_quantiles(column.name, role, table.values[column.name], column.kind)
    )


def _measure_quantiles(name: str, role: str, values: Values, kind: Kind) -> Iterator[QuantileRow]:
    known = values[~missing(values)].astype(float)
    if len(known):
        cells = tuple(spell_value(float(value), kind) for value in np.quantile(known, QUANTILES))
        yield QuantileRow(column=name, table=role, cells=cells)


def text_lengths(frame: pd.DataFrame, schema: TableSchema) -> Table:
    """Number of characters of each text, for the text columns that have any.

    Args:
        frame: Rows of one table.
        schema: Columns of the table.
    """
    texts = [column.name for column in schema.columns if column.kind is Kind.TEXT and column.name in frame.columns]
    columns = tuple(ScoredColumn(name=name, kind=Kind.INTEGER, nominal=False) for name in texts)
    lengths = {name: frame[name].str.len().to_numpy(dtype=float, na_value=np.nan) for name in texts}

    return Table(columns=columns, values=lengths, rows=len(frame))


def spell_value(value: float, kind: Kind) -> str:
    """A number as people write it; a date in ISO 8601.

    Args:
        value: Number, or days since 1970 of a date.
        kind: Kind of the column.

    Example:
        >>> spell_value(12345.0, Kind.INTEGER), spell_value(0.123456, Kind.FLOAT), spell_value(1.0, Kind.DATE)
        ('12,345', '0.1235', '1970-01-02')
    """
    if kind in DATED_KINDS:
        instant = np.datetime64(round(value * 86_400), "s")
        return str(instant.astype("datetime64[D]") if kind is Kind.DATE else instant).replace("T", " ")
    if kind is Kind.FLOAT:
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.4g}"
    return f"{value:,.0f}"
