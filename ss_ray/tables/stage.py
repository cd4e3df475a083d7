"""Reading the source and splitting it, on Ray: facts in a first pass, typed train and holdout files in a second.

The source is streamed twice instead of being held or copied; the digest of the first pass guards against a source
that changes in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config.model import DataParameters
from ss_ray.errors import DataError
from ss_ray.location import Location
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.connectors.copies import source_name
from ss_ray.tables.dialect import Dialect, declared_dialect, describe_reading
from ss_ray.tables.facts import ColumnFacts, merge_tables, table_facts
from ss_ray.tables.file_parts import FilePart, divide_files
from ss_ray.tables.files import Format, Source, file_digest, find_source, read_file_part
from ss_ray.tables.first_rows import first_rows
from ss_ray.tables.infer import MIN_ROWS, infer_schema, nested_columns
from ss_ray.tables.kinds import hardly_repeats
from ss_ray.tables.lenient import type_leniently
from ss_ray.tables.parquet_files import too_large
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
    unit_hashes,
)
from ss_ray.tables.withheld import counted_units, holdout_size, private_holdout_share


@dataclass(frozen=True, kw_only=True)
class TableRef:
    """The source as it was read.

    Attributes:
        name: Location of the source, without the credentials that its URI may carry.
        format: csv, excel, jsonl, parquet or arrow.
        dialect: Separator, encoding and the like that were found or declared.
        digests: SHA-256 of each file, in order.
        num_rows: Number of rows of all files.
        part_rows: Number of rows of each part of the files that is read by one task.
        schema: Declared or inferred.
        holdout: Units that are held out.
        repeated_id: Column of identifiers that repeats, by which the rows are split where no group is declared; None
            where there is none, or where it was not searched.
        splits_by_id: Whether the rows are split by that column.
        nested: Text columns whose cells are JSON, where they are not declared.
        near_unique: Columns in which nearly every cell has a value of its own.
    """

    name: str
    format: Format
    dialect: Dialect
    digests: tuple[str, ...]
    num_rows: int
    part_rows: tuple[int, ...]
    schema: TableSchema
    holdout: HoldoutUnits
    repeated_id: RepeatedId | None = None
    splits_by_id: bool = False
    nested: tuple[str, ...] = ()
    near_unique: tuple[str, ...] = ()

    def split_unit(self, group: str | None) -> SplitUnit:
        """What stays on one side of the split.

        Args:
            group: The declared grouping column; None without one.
        """
        if self.splits_by_id and self.repeated_id is not None:
            return SplitUnit(column=self.repeated_id.column, is_declared=False)
        return SplitUnit(column=group)

    def describe(self) -> str:
        """One sentence about how the source was read."""
        return describe_reading(self.name, self.format, self.dialect)


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
class _ReadFacts:
    digest: str | None
    num_rows: int
    num_bytes: int
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
    source = find_source(uri, data.encoding, data.max_bytes, declared_dialect(data))
    repeated = _find_id(source, data) if find_ids else None
    unit = _choose_unit(source, data, None if private else repeated)
    limit = 0 if private else counted_units(data)
    parts = divide_files(source)
    facts = _read_facts(source, parts, (unit, seed, limit), on_progress)
    columns = [part.columns for part in facts if part.columns is not None]
    if not columns:
        raise DataError(f"{source.files[0].name} has a header and no rows; there is nothing to learn from")

    part_rows = tuple(part.num_rows for part in facts)
    num_rows = sum(part_rows)
    if private:
        held_out = holdout_of_share(private_holdout_share(data))
    else:
        units = _smallest_units(unit, parts, facts, seed, limit)
        held_out = choose_holdout(units, holdout_size(num_rows, data), num_rows)

    whole = merge_tables(columns)
    schema = _find_schema(source, whole, data, min_rows)
    return TableRef(
        name=source_name(uri),
        format=source.format,
        dialect=source.dialect,
        digests=tuple(part.digest for part in facts if part.digest is not None),
        num_rows=num_rows,
        part_rows=part_rows,
        schema=schema,
        holdout=held_out,
        repeated_id=repeated,
        splits_by_id=not unit.is_declared,
        nested=nested_columns(schema, whole, data.columns),
        near_unique=tuple(name for name, found in whole.items() if hardly_repeats(found)),
    )


def _find_schema(source: Source, facts: Mapping[str, ColumnFacts], data: DataParameters, min_rows: int) -> TableSchema:
    """The schema of a source, from facts over all of its rows."""
    return infer_schema(
        facts,
        data.columns,
        is_text=source.is_text,
        min_rows=min_rows,
        decimal=source.dialect.decimal,
        group=data.group_training_examples_by,
    )


def _read_facts(
    source: Source, parts: Sequence[FilePart], split: tuple[SplitUnit, int, int], on_progress: OnProgress
) -> list[_ReadFacts]:
    """The facts of each part of the files."""
    with reported_progress(on_progress, "read", None) as report:
        found = dict(map_items(_facts_worker, parts, arguments=(source, *split, report)))

    facts = [found[part.number] for part in parts]
    _check_bytes(source, parts, facts)
    return facts


def _choose_unit(source: Source, data: DataParameters, repeated: RepeatedId | None) -> SplitUnit:
    """The rows that the split keeps together: of the declared group, or else of the identifier that repeats."""
    group = data.group_training_examples_by
    if group is not None and group not in source.names:
        raise DataError(f"data.group_training_examples_by (group): there is no column {group!r}", column=group)
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
    # The encoding is known, and need not be looked for in the whole file again.
    encoding = table.dialect.encoding or data.encoding
    source = replace(find_source(uri, encoding, data.max_bytes, declared_dialect(data)), dialect=table.dialect)
    unit = table.split_unit(data.group_training_examples_by)
    for side in ("train", "holdout"):
        # Whatever an earlier request or an interrupted run left there.
        (folder / side).remove()

    arguments: tuple[Any, ...] = (source, table.schema, unit, split_seed, table.holdout, folder)
    with reported_progress(on_progress, "split", table.num_rows) as report:
        items = _split_items(divide_files(source), table)
        counts = list(map_items(_split_worker, items, arguments=(*arguments, report)))

    if not any(train for train, _ in counts):
        raise DataError("no row is left to train on; lower data.holdout")

    return Splits(
        train_rows=sum(train for train, _ in counts),
        holdout_rows=sum(holdout for _, holdout in counts),
        privacy_unit=unit.column,
    )


def _split_items(parts: Sequence[FilePart], table: TableRef) -> list[tuple[FilePart, int, str]]:
    """Parts of the source, each with the rows of its file before it and the digest of its file.

    Raises:
        DataError: The source has other parts than when it was read.
    """
    if len(parts) != len(table.part_rows):
        raise _changed_error(parts[0].file)

    return [
        (part, first_row, table.digests[part.file_number])
        for part, first_row in zip(parts, _first_rows(parts, table.part_rows), strict=True)
    ]


def _first_rows(parts: Sequence[FilePart], part_rows: Sequence[int]) -> list[int]:
    """Number of rows of its file before each part."""
    first_rows = []
    before = 0
    for part, num_rows in zip(parts, part_rows, strict=True):
        if part.is_first:
            before = 0
        first_rows.append(before)
        before += num_rows

    return first_rows


def _smallest_units(
    unit: SplitUnit, parts: Sequence[FilePart], facts: Sequence[_ReadFacts], seed: int, limit: int
) -> UnitCounts:
    """The units with the smallest hashes over all parts."""
    if unit.column is None:
        return _count_row_units(parts, [part.num_rows for part in facts], seed, limit)
    return merge_counts([part.units for part in facts], limit)


def _count_row_units(parts: Sequence[FilePart], part_rows: Sequence[int], seed: int, limit: int) -> UnitCounts:
    """The smallest hashes of all rows, each a unit: they depend on the numbers of the rows alone."""
    counts = []
    for part, first_row, num_rows in zip(parts, _first_rows(parts, part_rows), part_rows, strict=True):
        rows = pa.table({"row": pa.nulls(num_rows)})
        hashes = unit_hashes(rows, None, part.file_number, first_row, seed)
        if num_rows > limit:
            # Sorting all of them would take seconds in a large table.
            hashes = np.partition(hashes, limit)[:limit]
        counts.append(smallest(hashes, limit))

    return merge_counts(counts, limit)


def _check_bytes(source: Source, parts: Sequence[FilePart], facts: Sequence[_ReadFacts]) -> None:
    """Refuse a file whose parts together hold more than the table may have.

    Raises:
        DataError: The cells of a file have more bytes than `max_bytes`.
    """
    taken = Counter[int]()
    for part, found in zip(parts, facts, strict=True):
        taken[part.file_number] += found.num_bytes
        if source.max_bytes is not None and taken[part.file_number] > source.max_bytes:
            raise too_large(part.file, source.max_bytes)


def _changed_error(file: Location) -> DataError:
    return DataError(f"{file.name} changed while the run was reading it; start again with --redo")


@dataclass(frozen=True, kw_only=True)
class TypedRows:
    """Rows of other origin, as typed Parquet parts.

    Attributes:
        num_rows: Number of rows.
        lost: By column, cells that are not of its type and count as missing.
        read: Columns of which some cell was read.
        digests: SHA-256 of each file.
        reading: Sentence about how the files were read.
    """

    num_rows: int
    lost: dict[str, int]
    read: frozenset[str]
    digests: tuple[str, ...]
    reading: str = ""


def type_rows(
    uri: str | Path, schema: TableSchema, data: DataParameters, folder: Location, on_progress: OnProgress
) -> TypedRows:
    """Write the rows of a table of other origin to a folder, typed by the schema of a real one.

    Args:
        uri: Path or URI of the table.
        schema: Schema of the real table.
        data: Section `data`: encoding and dialect of the table.
        folder: Folder of the typed rows.
        on_progress: Function that is told the number of rows read.

    Raises:
        DataError: The source is missing or damaged, or lacks a column.
    """
    source = find_source(uri, data.encoding, declared=declared_dialect(data))
    missing = [name for name in schema.source_names if name not in source.names]
    if missing:
        names = ", ".join(map(repr, missing))
        raise DataError(f"{Location.parse(uri).name} lacks columns of the real table: {names}", column=missing[0])

    folder.remove()
    with reported_progress(on_progress, "read", None) as report:
        arguments = (source, schema, folder.make_folder(), report)
        found = dict(map_items(_typed_worker, divide_files(source), arguments=arguments))

    parts = [found[number] for number in range(len(found))]
    return TypedRows(
        num_rows=sum(part.num_rows for part in parts),
        lost=dict(sum((Counter(part.lost) for part in parts), Counter[str]())),
        read=frozenset().union(*(part.read for part in parts)),
        digests=tuple(digest for part in parts for digest in part.digests),
        reading=describe_reading(source_name(uri), source.format, source.dialect),
    )


def _typed_worker(
    source: Source, schema: TableSchema, folder: Location, report: Callable[..., None]
) -> Callable[[FilePart], tuple[int, TypedRows]]:
    def read(part: FilePart) -> tuple[int, TypedRows]:
        lost = Counter[str]()
        known = set[str]()

        with PartWriter(folder, f"part-{part.number:05d}", schema.to_arrow()) as writer:
            for block in read_file_part(source, part):
                typed, unread = type_leniently(block, schema)
                writer.write(typed)
                lost += unread
                known |= {name for name in typed.column_names if typed.column(name).null_count < len(typed)}
                report(block.num_rows)

        digests = (file_digest(part.file),) if part.is_first else ()
        return part.number, TypedRows(num_rows=writer.num_rows, lost=dict(lost), read=frozenset(known), digests=digests)

    return read


def _facts_worker(
    source: Source, unit: SplitUnit, seed: int, limit: int, report: Callable[..., None]
) -> Callable[[FilePart], tuple[int, _ReadFacts]]:
    def facts_of(part: FilePart) -> tuple[int, _ReadFacts]:
        columns: dict[str, ColumnFacts] | None = None
        units = UnitCounts(hashes=(), rows=())
        num_rows = 0
        num_bytes = 0

        for block in read_file_part(source, part):
            found = table_facts(block)
            if columns is None:
                columns = found
            else:
                columns = merge_tables([columns, found])

            if unit.column is not None:
                hashes = split_hashes(block, unit, part.file_number, num_rows, seed)
                units = merge_counts([units, smallest(hashes, limit)], limit)

            num_rows += block.num_rows
            num_bytes += block.nbytes
            report(block.num_rows)

        digest = file_digest(part.file) if part.is_first else None
        return part.number, _ReadFacts(
            digest=digest, num_rows=num_rows, num_bytes=num_bytes, columns=columns, units=units
        )

    return facts_of


def _split_worker(
    source: Source,
    schema: TableSchema,
    unit: SplitUnit,
    seed: int,
    holdout_units: HoldoutUnits,
    folder: Location,
    report: Callable[..., None],
) -> Callable[[tuple[FilePart, int, str]], tuple[int, int]]:
    def split(item: tuple[FilePart, int, str]) -> tuple[int, int]:
        part, rows_before, digest = item
        if part.is_first and file_digest(part.file) != digest:
            raise _changed_error(part.file)

        train = PartWriter(folder / "train", f"part-{part.number:05d}", schema.to_arrow())
        holdout = PartWriter(folder / "holdout", f"part-{part.number:05d}", schema.to_arrow())
        with train, holdout:
            for block in read_file_part(source, part):
                first_row = rows_before + train.num_rows + holdout.num_rows
                hashes = split_hashes(block, unit, part.file_number, first_row, seed)
                held_out = pa.array(is_holdout(hashes, holdout_units))
                typed = type_table(block, schema)
                schema.check(typed)
                train.write(typed.filter(pc.invert(held_out)))
                holdout.write(typed.filter(held_out))
                report(block.num_rows)

        return train.num_rows, holdout.num_rows

    return split
