"""The private schema on Ray: exact counts part by part, everything else in the driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config.model import DataParameters, PrivacyParameters
from ss_ray.errors import PrivacyError
from ss_ray.location import Location
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.histograms import Counted, Query
from ss_ray.privacy.measure import PartCounts, count_part, expect_schema, measure_private, sum_parts
from ss_ray.privacy.units import Rows, count_units, one_row_per_unit
from ss_ray.progress import OnProgress
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import count_rows


@dataclass(frozen=True, kw_only=True)
class PrivateRows:
    """The training rows of a run with differential privacy.

    Attributes:
        rows: Folder of typed parts.
        units: Folder of the rows before PII was replaced, whose grouping column tells the units.
        schema: Schema of the rows; only its public parts are read.
        data: Declared columns, and the grouping column.
    """

    rows: Location
    units: Location
    schema: TableSchema
    data: DataParameters


def measure_table(
    table: PrivateRows,
    privacy: PrivacyParameters,
    account: Account,
    rehearse_training: Callable[[PrivateSchema], object],
    on_progress: OnProgress,
) -> PrivateSchema:
    """Measure the schema of the training rows.

    Args:
        table: Rows to measure.
        privacy: Section `privacy`, with the budget.
        account: Account that is charged for each measurement.
        rehearse_training: Function that is called with the expected schema before the first charge; raises what would
            stop the training after it.
        on_progress: Function that is told the number of rows counted.

    Raises:
        PrivacyError: The budget does not allow it, or a unit would count twice.
    """
    parts = table.rows.files(".parquet")
    group = table.data.group_training_examples_by
    if not parts:
        raise PrivacyError("no rows are left to train on; differential privacy needs at least a hundred units")

    originals = table.units.files(".parquet")
    if group is None:
        num_units = sum(count_rows(parts))
    else:
        num_units = count_units(originals, group)

    expected = expect_schema(table.schema, num_units, data=table.data, privacy=privacy)
    rehearse_training(expected)
    if privacy.allow_inferred_schema:
        return expected

    kept = one_row_per_unit(originals, group, parts)

    def count(queries: Sequence[Query]) -> list[Counted]:
        if not queries:
            return []
        with reported_progress(on_progress, "measure", None) as report:
            found = map_items(_count_worker, list(zip(parts, kept, strict=True)), arguments=(tuple(queries), report))
            return sum_parts(list(found), num_units)

    return measure_private(table.schema, count, data=table.data, privacy=privacy, account=account)


def _count_worker(
    queries: Sequence[Query], report: Callable[..., None]
) -> Callable[[tuple[Location, Rows | None]], PartCounts]:
    def count(item: tuple[Location, Rows | None]) -> PartCounts:
        part, kept = item
        return count_part(part, kept, queries, report)

    return count
