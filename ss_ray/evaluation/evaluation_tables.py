"""The tables that an evaluation compares, and the limits of the samples that it draws from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from ss_ray.schema import TableSchema


@dataclass(frozen=True, eq=False)
class EvaluationTables:
    """Real and generated rows of one schema; sensitive, never leaves the process.

    Attributes:
        train: Real rows that the generator learned from.
        holdout: Real rows that the generator has not seen; None without a holdout, which makes much unavailable.
        synthetic: Generated rows, in the columns of the schema.
        schema: Columns of all three tables, read from Parquet as `schema.to_arrow()`.
        group: Column whose rows of one value belong together, such as those of one person; None
            if every row stands by itself.

    Example:
        >>> from ss_ray.schema import ColumnSchema, Kind
        >>> schema = TableSchema(columns=(ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64"),))
        >>> train = pd.DataFrame({"age": [34, 51]})
        >>> tables = EvaluationTables(train, train[:0], pd.DataFrame({"age": [40, 47]}), schema)
        >>> tables.without_empty_holdout().holdout is None
        True
    """

    train: pd.DataFrame
    holdout: pd.DataFrame | None
    synthetic: pd.DataFrame
    schema: TableSchema
    group: str | None = None

    def column(self, name: str) -> tuple[pd.Series, pd.Series | None, pd.Series]:
        """One column of the training, holdout and synthetic rows."""
        if self.holdout is None:
            return self.train[name], None, self.synthetic[name]
        return self.train[name], self.holdout[name], self.synthetic[name]

    def without_empty_holdout(self) -> EvaluationTables:
        """The tables with None in place of a holdout without rows."""
        if self.holdout is not None and not len(self.holdout):
            return replace(self, holdout=None)
        return self


@dataclass(frozen=True, kw_only=True)
class SampleLimits:
    """Limits of the samples of one evaluation.

    Attributes:
        max_rows: Number of rows of each table that most measurements sample.
        max_columns: Number of columns that are sampled at most.
        seed: Seed of all sampling; the same tables and seed give the same evaluation.
    """

    max_rows: int = 5000
    max_columns: int = 250
    seed: int = 0


DEFAULT_LIMITS = SampleLimits()
