"""Holding back rare values on Ray: facts of the training rows in a first pass, rows with common values in a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.cluster import map_items, reported_progress
from ss_ray.config.model import DataParameters
from ss_ray.location import Location
from ss_ray.progress import OnProgress
from ss_ray.schema import ColumnSchema, Kind, TableSchema
from ss_ray.tables.common import (
    MAX_DONORS,
    HeldBack,
    TableFacts,
    common_schema,
    described_columns,
    donors_of,
    held_back,
    hold_back,
    limited_columns,
    merge_value_facts,
    trained_schema,
    value_facts,
)
from ss_ray.tables.facts import ColumnFacts, merge_tables, table_facts
from ss_ray.tables.parts import PartWriter, read_part, sample_rows
from ss_ray.tables.splits import unit_hashes
from ss_ray.tables.withheld import HoldBackPlan


@dataclass(frozen=True, kw_only=True)
class CommonTable:
    """Training rows that hold common values alone.

    Attributes:
        schema: Values and bounds that the training rows have in common; no value of a holdout row is in it.
        min_units: Privacy units that share each value; 1 where nothing was held back.
        held_back: Columns with rare values. Internal: counts are of real rows.
        too_few_units: Whether nothing was held back because the table has fewer than twice `min_units` units.
    """

    schema: TableSchema
    min_units: int
    held_back: tuple[HeldBack, ...] = ()
    too_few_units: bool = False

    @property
    def is_rewritten(self) -> bool:
        """Whether the training rows were written anew."""
        return self.min_units > 1


def hold_back_rare_values(
    rows: Location,
    schema: TableSchema,
    data: DataParameters,
    plan: HoldBackPlan,
    target: Location,
    on_progress: OnProgress,
) -> CommonTable:
    """Find the common values of the training rows, and write the rows restricted to them to `target`.

    Nothing is written where `plan.min_units` is 1: every value of the training rows is then common.

    Args:
        rows: Folder of the training rows.
        schema: Schema of all real rows, the holdout's included.
        data: Section `data`, with the declared columns.
        plan: Columns and values that are held back.
        target: Folder of the rows to learn from.
        on_progress: Function that is told the number of rows read.
    """
    columns = limited_columns(schema, plan.exempt)
    described = [column.name for column in described_columns(schema)]
    parts = list(enumerate(rows.files(".parquet")))
    with reported_progress(on_progress, "hold_back", None) as report:
        found = list(map_items(_facts_worker, parts, arguments=(columns, described, plan, report)))

    facts = merge_value_facts([part.values for part in found], plan.min_units)
    units = frozenset().union(*(part.units for part in found))
    # With so few units every value is rare, so holding back would leave nothing.
    too_few = plan.min_units > 1 and len(units) < 2 * plan.min_units
    min_units = 1 if too_few else plan.min_units

    # Values that only holdout rows have must not enter the schema of the model.
    trained = trained_schema(schema, merge_tables([part.described for part in found]))
    common = common_schema(trained, facts, min_units, data.columns)
    replaced: Mapping[str, int] = {}
    if min_units > 1:
        replaced = _write_common_rows(parts, schema, common, columns, plan, target, on_progress)

    return CommonTable(
        schema=common,
        min_units=min_units,
        held_back=held_back(schema, common, replaced),
        too_few_units=too_few,
    )


def hold_back_notes(common: CommonTable, data: DataParameters) -> tuple[str, ...]:
    """Values that were held back, a sentence each, for the report."""
    if data.group_training_examples_by:
        unit = f"values of {data.group_training_examples_by!r}"
    else:
        unit = "rows"

    if common.too_few_units:
        return (
            f"Rare values were not held back: the training rows have fewer than {2 * data.min_units_per_category} "
            f"{unit}, so every value is rare. Any value of the synthetic table may be that of one of them.",
        )
    if not common.is_rewritten:
        return ("Rare values were not held back: a value that one row alone has may appear in the synthetic table.",)

    values = sum(column.values for column in common.held_back)
    cells = sum(column.cells for column in common.held_back)
    names = ", ".join(f"{column.column} ({column.values} values, {column.cells} cells)" for column in common.held_back)
    listed = f": {names}" if names else ""

    return (
        f"Values that fewer than {common.min_units} {unit} of the training rows share are not released: {values:,} "
        f"categories and listed values. Numbers and dates lie between the {common.min_units}th smallest and largest. "
        f"{cells:,} training cells were replaced by common values before the model saw them{listed}.",
    )


def _write_common_rows(
    parts: Sequence[tuple[int, Location]],
    schema: TableSchema,
    common: TableSchema,
    columns: Sequence[ColumnSchema],
    plan: HoldBackPlan,
    target: Location,
    on_progress: OnProgress,
) -> Counter[str]:
    """Write the rows; the number of cells replaced by column."""
    target.remove()
    categories = [column.name for column in columns if column.kind is Kind.CATEGORY]
    sample = sample_rows([part for _, part in parts], MAX_DONORS)
    donors = donors_of(sample, common, _group_categories(categories, plan.together))

    with reported_progress(on_progress, "hold_back", None) as report:
        arguments = (columns, common, donors, plan, target.make_folder(), report)
        counts = list(map_items(_rows_worker, parts, arguments=arguments))

    return sum(counts, Counter[str]())


def _group_categories(categories: Sequence[str], together: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Every category in one group; rules put the columns that they relate in the same group."""
    groups: list[set[str]] = [{name} for name in categories]
    for related in together:
        joined = {name for name in related if name in categories}
        touching = [group for group in groups if group & joined]
        if touching:
            groups = [group for group in groups if not group & joined]
            groups.append(set().union(*touching))

    return [tuple(sorted(group)) for group in groups]


@dataclass(frozen=True, kw_only=True)
class _PartFacts:
    """Facts of one part of the training rows.

    Attributes:
        values: Facts of the columns whose values are held back, by name.
        described: Facts of identifiers and texts, by name.
        units: Hashes of twice `min_units` privacy units, or of all where there are fewer.
    """

    values: TableFacts
    described: dict[str, ColumnFacts]
    units: frozenset[int]


def _facts_worker(
    columns: Sequence[ColumnSchema], described: Sequence[str], plan: HoldBackPlan, report: Callable[..., None]
) -> Callable[[tuple[int, Location]], _PartFacts]:
    def facts_of(item: tuple[int, Location]) -> _PartFacts:
        index, part = item
        values: list[TableFacts] = []
        others: list[dict[str, ColumnFacts]] = []
        units: set[int] = set()
        first_row = 0

        for block in read_part(part):
            own = unit_hashes(block, plan.unit_column, index, first_row, plan.seed)
            values.append(value_facts(block, own, columns, plan.min_units))
            others.append(table_facts(block.select(described)))
            if len(units) < 2 * plan.min_units:
                units.update(sorted(set(own.tolist()))[: 2 * plan.min_units])

            first_row += block.num_rows
            report(block.num_rows)

        return _PartFacts(
            values=merge_value_facts(values, plan.min_units), described=merge_tables(others), units=frozenset(units)
        )

    return facts_of


def _rows_worker(
    columns: Sequence[ColumnSchema],
    common: TableSchema,
    donors: Mapping[str, pa.Table],
    plan: HoldBackPlan,
    target: Location,
    report: Callable[..., None],
) -> Callable[[tuple[int, Location]], Counter[str]]:
    def write(item: tuple[int, Location]) -> Counter[str]:
        index, part = item
        replaced = Counter[str]()
        first_row = 0

        with PartWriter(target, f"part-{index:05d}", common.to_arrow()) as writer:
            for block in read_part(part):
                own = unit_hashes(block, plan.unit_column, index, first_row, plan.seed)
                rows, cells = hold_back(block, own, common, columns, donors)
                writer.write(rows)
                replaced += cells
                first_row += block.num_rows
                report(block.num_rows)

        return replaced

    return write
