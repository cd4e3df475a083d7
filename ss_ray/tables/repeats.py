"""Identifiers that repeat: several rows of one person or thing, in a table whose rows are taken one by one.

A table of visits names its patient in each row. Taken row by row, one patient would be in the training rows and in
the holdout at once, and the synthetic table would have as many patients as rows. This module finds such a column by
its header or its values, and by the other columns that never change within one of its values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.tables.headers import names_things

SEARCHED_ROWS = 20_000
"""Rows that are searched, the first ones of the source."""
MIN_REPEATS = 10
"""Rows beyond the first of each value that the searched rows must have."""
MIN_EXPECTED = 10.0
"""Rows that would contradict a constant column by chance: none of 10 expected ones once in 20,000 times."""
MOST_ROWS_EACH = 5.0
"""Rows of a value, on average, above which a column that names no person is the code of a place or a product."""
CODE_SHARE = 0.2
"""Distinct values, as a share of the rows, from which a column of codes may name persons or things."""
NAMED_COLUMNS = 3
FIRST_VALUES = 50
MANY_VALUES = 30
MANY_SHARE = 0.05
"""Distinct values, in number and as a share of the rows, from which a column of persons needs no other proof."""

_PERSON = (
    r"patient|customer|client|user|person|member|employee|student|subject|participant|respondent|household|account|"
    r"donor|cust|emp|kunde|kunden|patienten|mitarbeiter|cliente|paciente"
)
_PERSON_HEADER = re.compile(
    rf"(.*[^a-z])?({_PERSON})s?([ _.-]*(id|uuid|guid|no|nr|num|number|key|code))?$", re.IGNORECASE
)
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CODE = rf"^([A-Za-z]{{1,6}}[-_ ]?[0-9]{{3,}}|0[0-9]{{3,}}|[^@\s]+@[^@\s]+\.[^@\s]+|{_UUID})$"

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class RepeatedId:
    """A column of identifiers that stand in several rows. All fields may be shown.

    Attributes:
        column: Name of the column.
        rows_each: Mean number of rows of one identifier, in the rows that were searched.
        constant: Names of the other columns that never change within one identifier; a column whose header names
            persons needs none.
    """

    column: str
    rows_each: float
    constant: tuple[str, ...]

    def describe(self) -> str:
        """What repeats and what is constant within it, in one sentence."""
        rows = f"Each value of {self.column!r} has {self.rows_each:.1f} rows on average"
        if not self.constant:
            return rows

        named = ", ".join(map(repr, self.constant[:NAMED_COLUMNS]))
        more = len(self.constant) - NAMED_COLUMNS
        others = f"{named} and {more} more columns" if more > 0 else named
        return f"{rows}, and {others} never change in them"


def find_repeated_id(rows: pa.Table, declared: Sequence[str] = ()) -> RepeatedId | None:
    """The column of identifiers that repeats, if other columns are constant within its values.

    Args:
        rows: Rows as they were read.
        declared: Names of columns whose kind is declared, which are never taken for such identifiers.

    Example:
        >>> visits = pa.table({
        ...     "patient_id": [f"P{row // 3}" for row in range(90)],
        ...     "born": [1940 + row // 3 for row in range(90)],
        ...     "cost": list(range(90)),
        ... })
        >>> find_repeated_id(visits)
        RepeatedId(column='patient_id', rows_each=3.0, constant=('born',))
    """
    candidates = _list_candidates(rows, declared)
    if not candidates:
        return None

    codes = {name: _encode_column(rows.column(name)) for name in rows.column_names}
    best: RepeatedId | None = None
    for column, is_person in candidates.items():
        constant = tuple(_find_constant(column, codes))
        if not constant and not (is_person and _are_many(codes[column])):
            continue

        found = RepeatedId(column=column, rows_each=rows.num_rows / (int(codes[column].max()) + 1), constant=constant)
        # A column that names persons goes before one that names orders.
        if is_person:
            return found
        if best is None or len(constant) > len(best.constant):
            best = found

    return best


def _list_candidates(rows: pa.Table, declared: Sequence[str]) -> dict[str, bool]:
    """Columns that may be identifiers of several rows, those that name persons first; and whether they do."""
    persons: list[str] = []
    others: list[str] = []
    for name in rows.column_names:
        column = rows.column(name)
        is_person = _PERSON_HEADER.match(name) is not None
        if name in declared or not (is_person or names_things(name) or _are_codes(column)):
            continue

        code = _encode_column(column)
        distinct = int(code.max(initial=-1)) + 1
        present = int((code >= 0).sum())
        if distinct < 2 or present - distinct < MIN_REPEATS:
            continue

        if is_person and distinct >= MIN_REPEATS:
            persons.append(name)
        elif present / distinct <= MOST_ROWS_EACH:
            others.append(name)

    return dict.fromkeys(persons, True) | dict.fromkeys(others, False)


def _are_codes(column: pa.ChunkedArray) -> bool:
    """Whether all values are codes, addresses of e-mail or UUIDs, as nothing but an identifier has them."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False

    values = column.drop_null()
    # Most columns fall on their first values.
    if not len(values) or not _match_code(values.slice(0, FIRST_VALUES)) or not _match_code(values):
        return False

    return bool(pc.count_distinct(values).as_py() >= CODE_SHARE * len(values))


def _match_code(values: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, _CODE)).as_py())


def _are_many(code: Codes) -> bool:
    """Whether a column has so many values that it is no category, such as a type of account."""
    distinct = int(code.max()) + 1
    return distinct >= MANY_VALUES and distinct >= MANY_SHARE * len(code)


def _find_constant(column: str, codes: Mapping[str, Codes]) -> Iterator[str]:
    """Columns with one value, or none, in all rows of each identifier, where chance would have given several."""
    present = codes[column] >= 0
    groups = codes[column][present]
    repeats = len(groups) - len(np.unique(groups))

    for name, code in codes.items():
        if name == column:
            continue

        values = code[present]
        counts = np.bincount(values + 1)[1:]
        total = counts.sum()
        if not total:
            continue

        chance = float(((counts / total) ** 2).sum())
        if repeats * (1 - chance) * (total / len(values)) < MIN_EXPECTED:
            continue

        known = values >= 0
        pairs = groups[known].astype(np.int64) * len(counts) + values[known]
        if len(np.unique(pairs)) == len(np.unique(groups[known])):
            yield name


def _encode_column(column: pa.ChunkedArray) -> Codes:
    """(rows,) number of each row's value, -1 for missing."""
    if pa.types.is_nested(column.type):
        return np.full(len(column), -1, np.int32)

    encoded = column.combine_chunks().dictionary_encode() if not pa.types.is_dictionary(column.type) else None
    indices = (encoded if encoded is not None else column.combine_chunks()).indices
    return np.asarray(pc.fill_null(indices, -1).to_numpy(zero_copy_only=False), np.int32)
