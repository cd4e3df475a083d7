"""The post-condition of the replacement: no e-mail address, phone or number of the input stands in the output.

This scanner shares nothing with the detector: no recognizer, no pattern, no score, no typing of columns. It reads the
identifiers of `identifiers.py`, and then looks for the very values, not for their form.

    scan = scan_rows(before, after, skip=("locked column",))
    scan.survived                      # Counter of (column, kind): cells of `after` that hold a value of their own row

Rows are compared with their own row, so a stand-in that by chance equals the value of another person is no survivor.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.errors import PrivacyError
from ss_ray.pii.cells import as_texts, encode, is_number_type, is_textual
from ss_ray.pii.identifiers import (
    CARD,
    ENTITY_TYPES,
    IP,
    KINDS,
    PHONE,
    SSN,
    Identifier,
    identifiers,
    is_fictional,
    may_hold,
    survives,
)
from ss_ray.pii.rules import PiiPlan

MIN_CARD = 1e14
"""Smallest number of 15 digits, which card numbers have at least."""
Place = tuple[str, str]
"""Column and kind."""
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Counts of one scan; scans of several parts of a table add up.

    Attributes:
        searched: Column of the output -> cells that were searched.
        found: Column of the input and kind -> cells that hold an identifier.
        survived: Column of the output and kind -> cells that hold an identifier of the input.
    """

    searched: Counter[str] = field(default_factory=Counter)
    found: Counter[Place] = field(default_factory=Counter)
    survived: Counter[Place] = field(default_factory=Counter)

    def __add__(self, other: Scan) -> Scan:
        return Scan(
            searched=self.searched + other.searched,
            found=self.found + other.found,
            survived=self.survived + other.survived,
        )


@dataclass(frozen=True, kw_only=True)
class ColumnScan:
    """Scan of one column. Internal: counts are of real rows.

    Attributes:
        column: Name of the column.
        kind: Kind of identifier.
        found: Cells of the input that hold one.
        survived: Cells of the output that hold one of the input.
    """

    column: str
    kind: str
    found: int
    survived: int


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """A finished scan, as manifests and evidence have it.

    Attributes:
        kinds: Kinds of identifiers that were looked for.
        searched: Column of the output -> cells that were searched.
        columns: Columns in which one was found, in the input or in the output.
    """

    kinds: tuple[str, ...] = ()
    searched: dict[str, int] = field(default_factory=dict)
    columns: tuple[ColumnScan, ...] = ()

    def found(self, kind: str) -> int:
        """Cells of the input that hold an identifier of a kind."""
        return sum(column.found for column in self.columns if column.kind == kind)


def scan_result_of(scan: Scan, kinds: Collection[str]) -> ScanResult:
    """The counts of a whole table as plain values."""
    places = sorted(scan.found.keys() | scan.survived.keys())
    columns = (
        ColumnScan(column=column, kind=kind, found=scan.found[column, kind], survived=scan.survived[column, kind])
        for column, kind in places
    )
    return ScanResult(kinds=tuple(kinds), searched=dict(scan.searched), columns=tuple(columns))


def enforced_kinds(plan: PiiPlan) -> tuple[str, ...]:
    """Kinds of identifiers that may not survive: all but those whose type the request keeps or leaves out."""
    return tuple(kind for kind, type_ in ENTITY_TYPES.items() if plan.steps or type_ in plan.searched)


def add_scans(scans: Collection[Scan]) -> Scan:
    """The counts of all parts together."""
    return reduce(Scan.__add__, scans, Scan())


def require_none_survived(scan: Scan, what: str) -> None:
    """Pass where no identifier of the input is in the output.

    Args:
        scan: Counts of the whole table.
        what: Name of the output in the message ("the replaced table").

    Raises:
        PrivacyError: An identifier survived. The message names columns, kinds and counts, never a value.
    """
    if not scan.survived:
        return

    places = [f"{column!r}: {count} x {kind}" for (column, kind), count in sorted(scan.survived.items())]
    raise PrivacyError(
        f"personal data of the input stands in {what} ({'; '.join(places)}), so nothing is released. Declare the "
        "column's type (data.columns.<name>.entity), lower replace_pii.globals.ner.ner_threshold where you raised it, "
        "or lock the column (replace_pii.globals.lock_columns) if its values may leave",
        column=min(scan.survived)[0],
    )


def scan_rows(
    before: pa.Table,
    after: pa.Table,
    *,
    skip: Collection[str] = (),
    kinds: Collection[str] = KINDS,
    numbers: Collection[str] = (),
) -> Scan:
    """Look in each row after the replacement for the identifiers that it held before.

    Args:
        before: Rows of the input.
        after: Rows after the replacement, in the same order. Where rows were dropped, each row is compared with the
            real identifiers of all rows.
        skip: Columns of `after` whose values may stay.
        kinds: Kinds of identifiers to look for.
        numbers: Columns of numbers in `after` that are searched beside those of strings.
    """
    by_row, found = _by_row(before, frozenset(kinds))
    if after.num_rows != before.num_rows:
        scan = scan_table(after, _collect_originals(by_row), skip=skip)
        return Scan(searched=scan.searched, found=found, survived=scan.survived)

    searched = Counter[str]()
    survived = Counter[Place]()
    for name in [*_searched_columns(after, skip), *(name for name in numbers if name in after.column_names)]:
        places, texts = _encode_distinct(after.column(name))
        searched[name] += len(after) - after.column(name).null_count
        candidates = [text if text and may_hold(text) else None for text in texts]
        if not any(candidates):
            continue

        for row, own in by_row.items():
            place = places[row]
            if place is None:
                text = None
            else:
                text = candidates[place]

            if text is not None:
                kinds_left = {identifier.kind for identifier in own if survives(identifier, text)}
                survived.update((name, kind) for kind in kinds_left)

    return Scan(searched=searched, found=found, survived=survived)


def _by_row(table: pa.Table, kinds: frozenset[str]) -> tuple[dict[int, frozenset[Identifier]], Counter[Place]]:
    """Row number -> identifiers of the row, and the number of cells that hold each kind."""
    by_row: dict[int, frozenset[Identifier]] = {}
    found = Counter[Place]()
    for name in table.column_names:
        places, texts = _encode_distinct(table.column(name))
        of_text = [_of_kinds(text, kinds) for text in texts]
        for row, place in enumerate(places):
            if place is not None and of_text[place]:
                by_row[row] = by_row.get(row, frozenset()) | of_text[place]
                found.update((name, kind) for kind in {identifier.kind for identifier in of_text[place]})

    return by_row, found


def _of_kinds(text: str | None, kinds: frozenset[str]) -> frozenset[Identifier]:
    if not text:
        return frozenset()
    return frozenset(identifier for identifier in identifiers(text) if identifier.kind in kinds)


def _searched_columns(table: pa.Table, skip: Collection[str]) -> list[str]:
    return [name for name in table.column_names if name not in skip and is_textual(table.column(name).type)]


def _encode_distinct(column: pa.ChunkedArray) -> tuple[Sequence[int | None], list[str | None]]:
    """Index of each cell's value among the distinct values, None where it is missing, and these values as texts."""
    # No other identifier is a number, a date, ...
    if not (is_textual(column.type) or _holds_card_numbers(column)):
        return [None] * len(column), []
    indices, values = encode(column)
    return indices.to_pylist(), as_texts(values)


def _holds_card_numbers(column: pa.ChunkedArray) -> bool:
    """Whether numbers of a column have the digits of a card."""
    if not is_number_type(column.type):
        return False
    return bool(pc.any(pc.greater_equal(column.cast(pa.float64(), safe=False), MIN_CARD)).as_py())


# Looking for the values of all rows, in a table whose rows are nobody's.


@dataclass(frozen=True, kw_only=True)
class OriginalIdentifiers:
    """Identifiers of the input, without fictional ones, as hashes. Internal.

    Attributes:
        hashes: (identifiers,) ascending 64-bit hashes.
        counts: Kind -> identifiers of that kind.
    """

    hashes: Hashes
    counts: Counter[str]


def read_originals(table: pa.Table, kinds: Collection[str] = KINDS) -> OriginalIdentifiers:
    """The identifiers in all rows of a table."""
    return _collect_originals(_by_row(table, frozenset(kinds))[0])


def merge_originals(parts: Collection[OriginalIdentifiers]) -> OriginalIdentifiers:
    """Identifiers of all parts; an identifier that several parts hold counts more than once."""
    hashes = np.unique(np.concatenate([np.empty(0, np.uint64), *(part.hashes for part in parts)]))
    return OriginalIdentifiers(hashes=hashes, counts=sum((part.counts for part in parts), Counter[str]()))


def _collect_originals(by_row: Mapping[int, frozenset[Identifier]]) -> OriginalIdentifiers:
    every = [i for i in frozenset().union(*by_row.values()) if not is_fictional(i)]
    hashes = np.unique(np.array([_hash_identifier(identifier) for identifier in every], np.uint64))
    return OriginalIdentifiers(hashes=hashes, counts=Counter(identifier.kind for identifier in every))


def scan_table(table: pa.Table, originals: OriginalIdentifiers, *, skip: Collection[str] = ()) -> Scan:
    """Count the cells that hold an identifier of the originals, regardless of its original row.

    Args:
        table: Rows of the output.
        originals: Identifiers of the input.
        skip: Columns whose values may stay.

    Returns:
        A scan whose `found` counts the cells of the output that hold any identifier.
    """
    searched = Counter[str]()
    found = Counter[Place]()
    survived = Counter[Place]()

    for name in _searched_columns(table, skip):
        places, texts = _encode_distinct(table.column(name))
        searched[name] += len(table) - table.column(name).null_count
        of_text = [identifiers(text or "") for text in texts]
        known = [{i.kind for i in own if _is_among(_hash_identifier(i), originals.hashes)} for own in of_text]

        for place in places:
            if place is not None:
                found.update((name, kind) for kind in {identifier.kind for identifier in of_text[place]})
                survived.update((name, kind) for kind in known[place])

    return Scan(searched=searched, found=found, survived=survived)


CHANCE_ERROR = 0.01
"""Probability that numbers which were made without the originals meet more of them than `without_chance` allows."""
SPACES = {PHONE: 1e9, SSN: 1e9, CARD: 1e14, IP: 4e9}
"""Kind -> numbers that one of its values may be. Values of other kinds never meet by chance."""


def without_chance(scan: Scan, originals: OriginalIdentifiers) -> Scan:
    """The scan without the matches that chance explains, which are none in tables of up to 3,000 rows."""
    # Its import takes longer than most searches.
    from scipy.stats import poisson

    survived = Counter[Place]()
    for (column, kind), hits in scan.survived.items():
        expected = scan.found[column, kind] * originals.counts[kind] / SPACES.get(kind, math.inf)
        # Ten-digit numbers that a model invents meet real ones now and then. As many matches are allowed as
        # independent uniform draws exceed with a probability of at most CHANCE_ERROR.
        if hits > poisson.isf(CHANCE_ERROR, expected):
            survived[column, kind] = hits

    return Scan(searched=scan.searched, found=scan.found, survived=survived)


def _is_among(value: int, hashes: Hashes) -> bool:
    place = int(np.searchsorted(hashes, np.uint64(value)))
    return place < len(hashes) and int(hashes[place]) == value


def _hash_identifier(identifier: Identifier) -> int:
    # Hashes, so that no identifier of a person is passed between processes.
    digest = hashlib.blake2b(f"{identifier.kind}:{identifier.key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
