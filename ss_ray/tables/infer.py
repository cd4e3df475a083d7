"""Schema from facts: the kind of each column, its bounds and its values; declarations take precedence."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace

from ss_ray.config.model import ColumnParameters
from ss_ray.errors import DataError
from ss_ray.schema import DATED_KINDS, ColumnSchema, Kind, TableSchema
from ss_ray.tables.declare import declare_column
from ss_ray.tables.facts import ColumnFacts
from ss_ray.tables.kinds import infer_column, is_string

MIN_ROWS = 2


def infer_schema(
    facts: Mapping[str, ColumnFacts],
    declared: Mapping[str, ColumnParameters],
    *,
    is_text: bool,
    min_rows: int = MIN_ROWS,
    decimal: str | None = None,
    group: str | None = None,
) -> TableSchema:
    """The schema of a table.

    Args:
        facts: Facts of each column over all rows.
        declared: Declared parameters of columns; they take precedence over the facts.
        is_text: Whether the cells were read from a text format, where "12" is a number; in Parquet it is a string.
            Dates of one format are read from strings, too.
        min_rows: Rows that the table must have.
        decimal: Decimal mark of a text file, "." or ","; None where it is not known.
        group: Name of the grouping column. Its cells are names: where some are no numbers, none is read as a number.

    Raises:
        DataError: Too few rows, or a declaration that the data contradict.

    Example:
        >>> import pyarrow as pa
        >>> from ss_ray.tables.facts import table_facts
        >>> table = pa.table({"age": ["34", "51", "29"], "admitted": ["2024-05-01", "2024-05-03", "2024-06-17"]})
        >>> schema = infer_schema(table_facts(table), {}, is_text=True)
        >>> [(column.name, column.kind.value, column.minimum, column.maximum) for column in schema.columns]
        [('age', 'integer', 29, 51), ('admitted', 'date', '2024-05-01', '2024-06-17')]
    """
    rows = next(iter(facts.values())).rows if facts else 0
    if rows < min_rows:
        raise DataError(f"the table has {rows} row{'s' * (rows != 1)}; at least {min_rows} are needed to learn from")

    unknown = sorted(set(declared) - set(facts))
    if unknown:
        raise DataError(f"data.columns declares {', '.join(map(repr, unknown))}, which the table does not have")

    columns = []
    for name, found in facts.items():
        inferred, *spellings = _infer_stored(name, found, is_text, decimal)
        if spellings and name == group:
            inferred, *spellings = infer_column(name, found, is_text=False)
        if name in declared:
            inferred, *spellings = declare_column((inferred, *spellings), found, declared[name], is_text)
        columns += [inferred, *(_with_free_name(spelling, facts) for spelling in spellings)]

    return TableSchema(columns=tuple(columns))


def nested_columns(schema: TableSchema, facts: Mapping[str, ColumnFacts], declared: Container[str]) -> tuple[str, ...]:
    """Text columns whose cells are JSON, where they are not declared: learned as text, they would not stay JSON."""
    texts = (column.name for column in schema.of_kind(Kind.TEXT))
    return tuple(name for name in texts if name not in declared and name in facts and facts[name].is_nested)


def _infer_stored(name: str, facts: ColumnFacts, is_text: bool, decimal: str | None) -> tuple[ColumnSchema, ...]:
    """A column as its facts tell it; strings of a typed source that are dates of one format are read."""
    columns = infer_column(name, facts, is_text, decimal)
    if is_text or not is_string(facts):
        return columns

    # A number in a string may be a code. Clock times and codes beside dates would need other columns in Parquet.
    read = infer_column(name, facts, is_text=True, decimal=decimal)
    if len(read) == 1 and read[0].kind in DATED_KINDS:
        return read
    return columns


def _with_free_name(column: ColumnSchema, names: Container[str]) -> ColumnSchema:
    name = column.name
    while name in names:
        name += "_"
    return replace(column, name=name)
