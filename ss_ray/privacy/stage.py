"""The private schema on Ray: exact counts part by part, everything else in the driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config import DataParameters, PrivacyParameters
from ss_ray.errors import PrivacyError
from ss_ray.privacy.account import Account, PrivateSchema
from ss_ray.privacy.histograms import Counted, Query
from ss_ray.privacy.measure import PartCounts, choose_delta, count_part, measure_private, sum_parts
from ss_ray.privacy.units import Rows, count_units, one_row_per_unit
from ss_ray.progress import OnProgress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import count_rows


def measure_table(
    rows: Location,
    schema: TableSchema,
    data: DataParameters,
    privacy: PrivacyParameters,
    units: Location,
    account: Account,
    on_progress: OnProgress,
) -> PrivateSchema:
    """Measure the schema of the training rows.

    Args:
        rows: Folder of typed parts.
        schema: Of those rows; only its public parts are read.
        data: What is declared, and the grouping column.
        privacy: The budget.
        units: Folder of the same rows before PII was replaced, whose grouping column tells the units.
        account: Where each measurement is charged.
        on_progress: Told the rows counted.

    Raises:
        PrivacyError: The budget does not allow it, or a unit would count twice.
    """
    parts, group = rows.files(".parquet"), data.group_training_examples_by
    if not parts:
        raise PrivacyError("no rows are left to train on; differential privacy needs at least a hundred units")
    originals = units.files(".parquet")
    num_units = sum(count_rows(parts)) if group is None else count_units(originals, group)
    if privacy.allow_inferred_schema:
        delta = choose_delta(privacy, num_units)
        return PrivateSchema(measured=None, num_units=num_units, rough_num_units=num_units, delta=delta, charges=())
    kept = one_row_per_unit(originals, group, parts)

    def count(queries: Sequence[Query]) -> list[Counted]:
        if not queries:
            return []
        with reported_progress(on_progress, "measure", None) as report:
            found = map_items(_count_worker, list(zip(parts, kept, strict=True)), arguments=(tuple(queries), report))
            return sum_parts(list(found), num_units)

    return measure_private(schema, count, data=data, privacy=privacy, account=account)


def _count_worker(
    queries: Sequence[Query], report: Callable[..., None]
) -> Callable[[tuple[Location, Rows | None]], PartCounts]:
    def count(item: tuple[Location, Rows | None]) -> PartCounts:
        part, kept = item
        return count_part(part, kept, queries, report)

    return count
