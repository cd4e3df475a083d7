"""Tables as arrays, which every measurement of the evaluation reads instead of data frames.

Decides which columns are scored, and as what: an ordered column becomes float64 with NaN for missing, a nominal one
strings with None for missing. Dates and datetimes become days since 1970 (UTC). Typing follows the schema, with the two
exceptions of NeMo's field types: whole numbers with at most ten values, none negative, and columns of two values
are nominal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ss_ray.errors import DataError
from ss_ray.schema import ORDERED_KINDS, ColumnSchema, Kind, TableSchema

Ints = NDArray[np.int64]
Values = NDArray[Any]
"""float64 with NaN (ordered column) or object of str and None (nominal column), shape (rows,)."""

NOT_SCORED = {
    Kind.IDENTIFIER: "identifiers are made afresh, so they have no distribution to match",
    Kind.TEXT: "free text has no value distribution; only verbatim copies of it are counted",
}


@dataclass(frozen=True, kw_only=True)
class ScoredColumn:
    """A column that takes part in the measurements, as nominal or as ordered values."""

    name: str
    kind: Kind
    nominal: bool


@dataclass(frozen=True, kw_only=True)
class Table:
    """Scored columns of one table; sensitive, never leaves the process.

    Attributes:
        columns: In table order.
        values: Column name -> array of `rows` values.
        rows: Number of rows.
        groups: (rows,) number of the group of each row, such as a person; None where each row stands by itself.
    """

    columns: tuple[ScoredColumn, ...]
    values: Mapping[str, Values]
    rows: int
    groups: Ints | None = None

    def take(self, indices: NDArray[np.intp]) -> Table:
        """The rows at these positions, in this order."""
        taken = {name: values[indices] for name, values in self.values.items()}
        groups = None if self.groups is None else self.groups[indices]
        return Table(columns=self.columns, values=taken, rows=len(indices), groups=groups)

    def without(self, name: str) -> Table:
        """The table without one column."""
        return replace(self, columns=tuple(c for c in self.columns if c.name != name))


def scored_columns(
    train: pd.DataFrame, schema: TableSchema, *, max_columns: int, seed: int
) -> tuple[ScoredColumn, ...]:
    """Columns to measure: all that can be scored, or a seeded sample of max_columns of them, in table order."""
    scorable = [c for c in schema.columns if why_not_scored(train, c) is None]
    rng = np.random.default_rng([seed, 1])
    if len(scorable) > max_columns:
        kept = sorted(rng.choice(len(scorable), size=max_columns, replace=False))
    else:
        kept = None

    if kept is None:
        chosen = scorable
    else:
        chosen = [scorable[i] for i in kept]

    return tuple(ScoredColumn(name=c.name, kind=c.kind, nominal=_is_nominal(train, c)) for c in chosen)


def why_not_scored(train: pd.DataFrame, column: ColumnSchema) -> str | None:
    """The reason why a column cannot be scored; None if it can."""
    if column.kind in NOT_SCORED:
        return NOT_SCORED[column.kind]
    if not _find_series(train, column.name).notna().any():
        return "it has no values in the training table"
    return None


def prepare(frame: pd.DataFrame, columns: Sequence[ScoredColumn], group: str | None = None) -> Table:
    """The scored columns of a frame as arrays.

    Args:
        frame: Rows of a table.
        columns: Columns to take.
        group: Column whose rows of one value belong together; a row without a value is a group of its own.
            None, or a column that the frame does not have: each row stands by itself.

    Raises:
        DataError: The frame lacks one of the columns.
    """
    values = {c.name: _extract_values(_find_series(frame, c.name), c) for c in columns}
    groups = _number_groups(frame[group]) if group in frame.columns else None
    return Table(columns=tuple(columns), values=values, rows=len(frame), groups=groups)


def _number_groups(series: pd.Series) -> Ints:
    codes = pd.factorize(series)[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes


def sample(frame: pd.DataFrame, size: int, *, seed: int) -> pd.DataFrame:
    """At most `size` rows drawn without replacement, in table order."""
    if len(frame) <= size:
        return frame
    # Each use of the seed has a number of its own, so that no two samples are correlated.
    return frame.iloc[np.sort(np.random.default_rng([seed, 2]).choice(len(frame), size=size, replace=False))]


def missing(values: Values) -> NDArray[np.bool_]:
    """Whether each value is missing, (rows,)."""
    return np.asarray(pd.isna(values), dtype=bool)


def numbers(series: pd.Series, kind: Kind) -> NDArray[np.float64]:
    """Values of an ordered column as float64, dates as days since 1970; NaN where missing, unreadable or infinite."""
    # Time zones are dropped after conversion to UTC, so that all instants are comparable.
    if kind in (Kind.DATE, Kind.DATETIME):
        instants = pd.to_datetime(series, errors="coerce", utc=True).dt.tz_localize(None)
        microseconds = instants.to_numpy().astype("datetime64[us]").astype(np.int64)
        return np.where(instants.isna(), np.nan, microseconds / 86_400e6)

    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iuf":
        floats = series.to_numpy(dtype=np.float64)
    else:
        # Pandas 3.1 fails on missing Arrow decimals.
        objects = series.astype(object).where(series.notna(), None)
        floats = pd.to_numeric(objects, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)

    # Infinite values have no place in a histogram or a mean.
    return np.where(np.isfinite(floats), floats, np.nan)


def labels(series: pd.Series) -> Values:
    """Values of a nominal column as strings, None where missing; 1.0 and 1 have the same label."""
    codes, uniques = pd.factorize(series)
    names = np.array([*(_label_value(value) for value in uniques), None], dtype=object)
    # Code -1, missing, picks the None at the end.
    return names[codes]


def _label_value(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _extract_values(series: pd.Series, column: ScoredColumn) -> Values:
    if column.kind not in ORDERED_KINDS:
        return labels(series)

    floats = numbers(series, column.kind)
    if column.nominal:
        # By way of floats, so that 1 and 1.0 are one category.
        return labels(pd.Series(floats))

    return floats


def _is_nominal(train: pd.DataFrame, column: ColumnSchema) -> bool:
    if column.kind not in ORDERED_KINDS:
        return True

    distinct = np.unique(numbers(_find_series(train, column.name), column.kind))
    distinct = distinct[~np.isnan(distinct)]
    # NeMo's rule, so that its scores can be compared.
    few = column.kind is Kind.INTEGER and len(distinct) <= 10 and bool(np.all(distinct >= 0))

    return few or len(distinct) == 2


def _find_series(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        raise DataError(
            f"a table of the evaluation lacks the column {name!r}; write it as the schema says", column=name
        )
    return frame[name]
