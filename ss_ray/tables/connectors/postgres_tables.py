"""Tables and queries of PostgreSQL through ADBC: the server's binary stream becomes Arrow blocks, six times as fast.

ADBC has no exact Arrow type for some of PostgreSQL's types (money, intervals, networks, numbers without a declared
scale). A table with such a column is read through SQLAlchemy, which gives exact values.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import adbc_driver_manager as adbc
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_postgresql import dbapi

from ss_ray.errors import DataError, ResourceError, SsRayError
from ss_ray.tables.connectors.connector import DivisibleTable, quote_column, quote_name
from ss_ray.tables.connectors.sql_tables import SqlTable
from ss_ray.tables.parts import BLOCK_ROWS

EXACT_TYPES = frozenset(
    "bool int2 int4 int8 float4 float8 text varchar bpchar name date timestamp timestamptz time json jsonb".split()
)
DECIMAL_DIGITS = 38
BLOCK_BYTES = 8 << 20
NUMERIC_HEADER = 4
"""PostgreSQL adds it to the precision and scale of a numeric column (typmod)."""


@dataclass(frozen=True, kw_only=True)
class PostgresTable(DivisibleTable):
    """A table or a query of PostgreSQL."""

    def read_blocks(self) -> Generator[pa.Table, None, None]:
        """The rows in blocks of BLOCK_ROWS.

        Raises:
            ResourceError: The database does not answer, refuses the caller, or breaks the connection.
            DataError: There is no such table, the query fails, or a column holds values that no table can have.
        """
        secret_url = self.address.secret_url
        try:
            connection = dbapi.connect(secret_url)
        except adbc.Error as error:
            reason = type(error).__name__
            raise ResourceError(f"cannot connect to {self.name}: {reason}; check address, user and password") from None

        with connection, connection.cursor() as cursor:
            try:
                self._enter_snapshot(cursor)
                cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BLOCK_BYTES)})
                cursor.execute(self._write_statement())
                reader = cursor.fetch_record_batch()
                scales = find_scales(reader.schema)
                batches = iter(reader if scales is not None else ())
            except adbc.ProgrammingError:
                raise DataError(f"{self.name}: there is no such table, or the query is wrong") from None
            except adbc.Error as error:
                raise self._explain_error(error, connection) from None

            while (batch := self._next_batch(batches, connection)) is not None:
                for start in range(0, batch.num_rows, BLOCK_ROWS):
                    yield to_plain_types(batch.slice(start, BLOCK_ROWS), scales or {}, self.name)

        if scales is None:
            yield from SqlTable(address=self.address, query=self.query, key_range=self.key_range).read_blocks()

    def _enter_snapshot(self, cursor: dbapi.Cursor) -> None:
        """See the rows that another transaction sees, where the range names its snapshot."""
        if self.key_range is not None and self.key_range.snapshot:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{self.key_range.snapshot}'")

    def _write_statement(self) -> str:
        if self.query is not None:
            return self.query

        rows = f"SELECT * FROM {quote_name(self.address.table)}"
        if self.key_range is None:
            return rows

        # Values stand in the text, because ADBC copies no rows for a statement with parameters.
        key = [quote_column(name) for name in self.key_range.key]
        bounds = [
            f"{key[0]} {operator} {write_literal(value)}"
            for operator, value in ((">=", self.key_range.low), ("<", self.key_range.high))
            if value is not None
        ]
        return f"{rows} WHERE {' AND '.join(bounds or ['true'])} ORDER BY {', '.join(key)}"

    def _next_batch(self, batches: Iterator[pa.RecordBatch], connection: dbapi.Connection) -> pa.RecordBatch | None:
        try:
            return next(batches, None)
        except (adbc.Error, pa.ArrowInvalid, OSError) as error:
            raise self._explain_error(error, connection) from None

    def _explain_error(self, error: Exception, connection: dbapi.Connection) -> SsRayError:
        if not _still_answers(connection):
            return ResourceError(f"{self.name}: the database broke the connection; try again")
        return DataError(f"{self.name}: {type(error).__name__} in the database or its driver")


def write_literal(value: object) -> str:
    """A value of a key as PostgreSQL reads it in a statement.

    Args:
        value: Whole number, text, date, time or UUID.

    Example:
        >>> write_literal(-7), write_literal("O'Hara")
        ('-7', "E'O''Hara'")
    """
    if isinstance(value, int):
        return str(value)

    text = str(value).replace("\\", "\\\\").replace("'", "''")
    return f"E'{text}'"


def _still_answers(connection: dbapi.Connection) -> bool:
    """Whether the server still answers on a connection, after an error that does not say."""
    try:
        connection.rollback()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except adbc.Error:
        return False
    return True


def find_scales(schema: pa.Schema) -> dict[str, int] | None:
    """Digits after the point of each decimal column; None where a column has a type that Arrow does not hold exactly.

    Args:
        schema: Schema of ADBC, with PostgreSQL's types in the metadata of its fields.
    """
    scales = {}
    for field in schema:
        metadata = field.metadata or {}
        type_name = metadata.get(b"POSTGRESQL:type", b"").decode()
        if type_name == "numeric":
            modifier = int(metadata.get(b"POSTGRESQL:typmod", b"-1")) - NUMERIC_HEADER
            if modifier < 0 or (modifier >> 16) > DECIMAL_DIGITS:
                return None
            scales[field.name] = modifier & 0x7FF
        elif type_name not in EXACT_TYPES:
            return None

    return scales


def to_plain_types(batch: pa.RecordBatch, scales: dict[str, int], place: str) -> pa.Table:
    """Rows of ADBC with decimals as decimals and JSON as text.

    Args:
        batch: Rows as ADBC gives them.
        scales: Digits after the point of each decimal column.
        place: Address of the rows, for messages.

    Raises:
        DataError: A decimal is no number.
    """
    arrays = []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        plain = array.storage if isinstance(array.type, pa.BaseExtensionType) else array
        if name in scales:
            try:
                plain = pc.cast(plain, pa.decimal128(DECIMAL_DIGITS, scales[name]))
            except pa.ArrowInvalid:
                raise DataError(f"{place}, column {name!r} holds NaN or an infinity", column=name) from None
        arrays.append(plain)

    return pa.table(arrays, names=batch.schema.names)
