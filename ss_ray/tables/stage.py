"""Reading the source and splitting it, on Ray: facts in a first pass, typed train and holdout files in a second.

The source is streamed twice instead of being held or copied; the digest of the first pass guards against a source
that changes in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config.model import DataParameters
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import ColumnFacts, merge_tables, table_facts
from ss_ray.tables.files import Source, file_digest, find_source, read_blocks
from ss_ray.tables.first_rows import first_rows
from ss_ray.tables.infer import MIN_ROWS, infer_schema
from ss_ray.tables.lenient import type_leniently
from ss_ray.tables.parts import PartWriter
from ss_ray.tables.repeats import SEARCHED_ROWS, RepeatedId, find_repeated_id
from ss_ray.tables.splits import (
    HoldoutUnits,
    SplitUnit,
    UnitCounts,
    choose_holdout,
    holdout_of_share,
    is_holdout,
    merge_counts,
    smallest,
    split_hashes,
)
from ss_ray.tables.withheld import counted_units, holdout_size, private_holdout_share


@dataclass(frozen=True, kw_only=True)
class TableRef:
    """The source as it was read.

    Attributes:
        name: Location of the source, without the credentials that its URI may carry.
        format: csv, jsonl or parquet.
        digests: SHA-256 of each file, in order.
        num_rows: Number of rows of all files.
        schema: Declared or inferred.
        holdout: Units that are held out.
        repeated_id: Column of identifiers that repeats, by which the rows are split where no group is declared; None
            where there is none, or where it was not searched.
        splits_by_id: Whether the rows are split by that column.
    """

    name: str
    format: str
    digests: tuple[str, ...]
    num_rows: int
    schema: TableSchema
    holdout: HoldoutUnits
    repeated_id: RepeatedId | None = None
    splits_by_id: bool = False

    def split_unit(self, group: str | None) -> SplitUnit:
        """What stays on one side of the split.

        Args:
            group: The declared grouping column; None without one.
        """
        if self.splits_by_id and self.repeated_id is not None:
            return SplitUnit(column=self.repeated_id.column, is_declared=False)
        return SplitUnit(column=group)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Typed Parquet files of the train and the holdout rows.

    Attributes:
        train_rows: Rows to learn from.
        holdout_rows: Rows kept from training; 0 where there is no holdout.
        privacy_unit: Column whose groups were kept whole; None: each row by itself.
    """

    train_rows: int
    holdout_rows: int
    privacy_unit: str | None


@dataclass(frozen=True, kw_only=True)
class _FileFacts:
    digest: str
    num_rows: int
    columns: dict[str, ColumnFacts] | None
    units: UnitCounts


def read_table(
    uri: str | Path,
    data: DataParameters,
    seed: int,
    on_progress: OnProgress,
    *,
    private: bool = False,
    min_rows: int = MIN_ROWS,
    find_ids: bool = False,
) -> TableRef:
    """Look at every row once.

    Args:
        uri: Path or URI of the source.
        data: Section `data`: options of the source and declared columns.
        seed: Seed of the split.
        on_progress: Function that is told the number of rows read.
        private: Hold out each unit by itself, as differential privacy needs it, not an exact number.
        min_rows: Rows that the table must have.
        find_ids: Search a column of identifiers that repeats, and split by it. With `private` it is only searched: a
            split that depends on other rows would move units, and the guarantee is about the declared unit.

    Raises:
        DataError: The source is missing, damaged, too small, or contradicts what was declared.
    """
    source = find_source(uri, data.encoding, data.max_bytes)
    repeated = _find_id(source, data) if find_ids else None
    unit = _choose_unit(source, data, None if private else repeated)
    limit = 0 if private else counted_units(data)
    with reported_progress(on_progress, "read", None) as report:
        items = list(enumerate(source.files))
        found = dict(map_items(_facts_worker, items, arguments=(source, unit, seed, limit, report)))

    facts = [found[index] for index in range(len(items))]
    columns = [file.columns for file in facts if file.columns is not None]
    if not columns:
        raise DataError(f"{source.files[0].name} has a header and no rows; there is nothing to learn from")

    num_rows = sum(file.num_rows for file in facts)
    units = merge_counts([file.units for file in facts], limit)
    return TableRef(
        name=str(Location.parse(uri)),
        format=source.format,
        digests=tuple(file.digest for file in facts),
        num_rows=num_rows,
        schema=infer_schema(merge_tables(columns), data.columns, is_text=source.format != "parquet", min_rows=min_rows),
        holdout=holdout_of_share(private_holdout_share(data))
        if private
        else choose_holdout(units, holdout_size(num_rows, data), num_rows),
        repeated_id=repeated,
        splits_by_id=not unit.is_declared,
    )


def _choose_unit(source: Source, data: DataParameters, repeated: RepeatedId | None) -> SplitUnit:
    """The rows that the split keeps together: of the declared group, or else of the identifier that repeats."""
    group = data.group_training_examples_by
    if group is not None and group not in source.names:
        raise DataError(f"data.group_training_examples_by: there is no column {group!r}", column=group)
    if repeated is None:
        return SplitUnit(column=group)

    return SplitUnit(column=repeated.column, is_declared=False)


def _find_id(source: Source, data: DataParameters) -> RepeatedId | None:
    """The column of identifiers that repeats; None where a group is declared, or where there is no such column."""
    if data.group_training_examples_by is not None:
        return None

    declared = [name for name, column in data.columns.items() if column.kind is not None]
    return find_repeated_id(first_rows(source, SEARCHED_ROWS), declared)


def split_table(
    uri: str | Path, table: TableRef, data: DataParameters, split_seed: int, folder: Location, on_progress: OnProgress
) -> Splits:
    """Write the typed rows to folder/train and folder/holdout.

    Args:
        uri: Path or URI of the source.
        table: The source as it was read.
        data: The section of the request; its grouping column is the privacy unit.
        split_seed: Key of the hash that decides the side of a unit.
        folder: Folder that gets both sides.
        on_progress: Function that is told the rows written.

    Raises:
        DataError: The source changed since it was read, or every row was held out.
    """
    source = find_source(uri, data.encoding, data.max_bytes)
    unit = table.split_unit(data.group_training_examples_by)
    for side in ("train", "holdout"):
        # Whatever an earlier request or an interrupted run left there.
        (folder / side).remove()

    arguments: tuple[Any, ...] = (source, table.schema, unit, split_seed, table.holdout, folder)
    with reported_progress(on_progress, "split", table.num_rows) as report:
        items = list(zip(range(len(source.files)), source.files, table.digests, strict=True))
        counts = list(map_items(_split_worker, items, arguments=(*arguments, report)))

    if not any(train for train, _ in counts):
        raise DataError("no row is left to train on; lower data.holdout")

    return Splits(
        train_rows=sum(train for train, _ in counts),
        holdout_rows=sum(holdout for _, holdout in counts),
        privacy_unit=unit.column,
    )


@dataclass(frozen=True, kw_only=True)
class TypedRows:
    """Rows of other origin, as typed Parquet parts.

    Attributes:
        num_rows: Number of rows.
        lost: By column, cells that are not of its type and count as missing.
        read: Columns of which some cell was read.
        digests: SHA-256 of each file.
    """

    num_rows: int
    lost: dict[str, int]
    read: frozenset[str]
    digests: tuple[str, ...]


def type_rows(
    uri: str | Path, schema: TableSchema, encoding: str, folder: Location, on_progress: OnProgress
) -> TypedRows:
    """Write the rows of a table of other origin to a folder, typed by the schema of a real one.

    Raises:
        DataError: The source is missing or damaged, or lacks a column.
    """
    source = find_source(uri, encoding)
    missing = [name for name in schema.names if name not in source.names]
    if missing:
        names = ", ".join(map(repr, missing))
        raise DataError(f"{Location.parse(uri).name} lacks columns of the real table: {names}", column=missing[0])

    folder.remove()
    with reported_progress(on_progress, "read", None) as report:
        arguments = (source, schema, folder.make_folder(), report)
        found = dict(map_items(_typed_worker, list(enumerate(source.files)), arguments=arguments))

    parts = [found[index] for index in range(len(source.files))]
    return TypedRows(
        num_rows=sum(part.num_rows for part in parts),
        lost=dict(sum((Counter(part.lost) for part in parts), Counter[str]())),
        read=frozenset().union(*(part.read for part in parts)),
        digests=tuple(digest for part in parts for digest in part.digests),
    )


def _typed_worker(
    source: Source, schema: TableSchema, folder: Location, report: Callable[..., None]
) -> Callable[[tuple[int, Location]], tuple[int, TypedRows]]:
    def read(item: tuple[int, Location]) -> tuple[int, TypedRows]:
        index, file = item
        lost = Counter[str]()
        known = set[str]()

        with PartWriter(folder, f"part-{index:05d}", schema.to_arrow()) as writer:
            for block in read_blocks(source, file):
                typed, unread = type_leniently(block, schema)
                writer.write(typed)
                lost += unread
                known |= {name for name in typed.column_names if typed.column(name).null_count < len(typed)}
                report(block.num_rows)

        digests = (file_digest(file),)
        return index, TypedRows(num_rows=writer.num_rows, lost=dict(lost), read=frozenset(known), digests=digests)

    return read


def _facts_worker(
    source: Source, unit: SplitUnit, seed: int, limit: int, report: Callable[..., None]
) -> Callable[[tuple[int, Location]], tuple[int, _FileFacts]]:
    def facts_of(item: tuple[int, Location]) -> tuple[int, _FileFacts]:
        index, file = item
        columns: dict[str, ColumnFacts] | None = None
        units = UnitCounts(hashes=(), rows=())
        num_rows = 0

        for block in read_blocks(source, file):
            found = table_facts(block)
            if columns is None:
                columns = found
            else:
                columns = merge_tables([columns, found])

            hashes = split_hashes(block, unit, index, num_rows, seed)
            units = merge_counts([units, smallest(hashes, limit)], limit)
            num_rows += block.num_rows
            report(block.num_rows)

        return index, _FileFacts(digest=file_digest(file), num_rows=num_rows, columns=columns, units=units)

    return facts_of


def _split_worker(
    source: Source,
    schema: TableSchema,
    unit: SplitUnit,
    seed: int,
    holdout_units: HoldoutUnits,
    folder: Location,
    report: Callable[..., None],
) -> Callable[[tuple[int, Location, str]], tuple[int, int]]:
    def split(item: tuple[int, Location, str]) -> tuple[int, int]:
        index, file, digest = item
        if file_digest(file) != digest:
            raise DataError(f"{file.name} changed while the run was reading it; start again with --redo")

        train = PartWriter(folder / "train", f"part-{index:05d}", schema.to_arrow())
        holdout = PartWriter(folder / "holdout", f"part-{index:05d}", schema.to_arrow())
        with train, holdout:
            for block in read_blocks(source, file):
                first_row = train.num_rows + holdout.num_rows
                held_out = pa.array(is_holdout(split_hashes(block, unit, index, first_row, seed), holdout_units))
                typed = type_table(block, schema)
                schema.check(typed)
                train.write(typed.filter(pc.invert(held_out)))
                holdout.write(typed.filter(held_out))
                report(block.num_rows)

        return train.num_rows, holdout.num_rows

    return split
