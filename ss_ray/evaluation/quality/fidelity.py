"""Fidelity of the synthetic to the real table: columns one by one, in pairs, and all together.

The NeMo-compatible distances are in `similarity`. Beside them stand numbers that are harder to please (pairs, coverage,
missing values, the discriminator, constraints, sequences, texts), each with the same number of a fresh real sample (the
holdout) as the mark to reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ss_ray.evaluation.associations import association_matrix
from ss_ray.evaluation.columns import Table, prepare, sample
from ss_ray.evaluation.evaluation_tables import DEFAULT_LIMITS, EvaluationTables, SampleLimits
from ss_ray.evaluation.metrics import Metric, not_measured, unavailable
from ss_ray.evaluation.quality.autocorrelation import NEMO_LIMITS, LagLimits
from ss_ray.evaluation.quality.column_fidelity import ColumnFidelity, column_fidelity, missing_difference
from ss_ray.evaluation.quality.components import Components, components
from ss_ray.evaluation.quality.coverage import Coverage, category_coverage, coverage
from ss_ray.evaluation.quality.discriminator import Discrimination, RocCurve, discriminate, discriminator_auc
from ss_ray.evaluation.quality.missing_patterns import pattern_distance
from ss_ray.evaluation.quality.pairs import Pairs, compare_pairs
from ss_ray.evaluation.quality.rule_violations import NO_RULES, CheckedRules, RuleViolations, rule_violations
from ss_ray.evaluation.quality.sequence_fidelity import SequenceFidelity, evaluate_sequences, no_sequences
from ss_ray.evaluation.quality.similarity import Similarity, similarity
from ss_ray.evaluation.quality.text_fidelity import TextFidelity, evaluate_text, no_text_fidelity
from ss_ray.evaluation.samples import Samples, draw_samples
from ss_ray.evaluation.sequence_rows import SequenceColumns
from ss_ray.schema import Kind, TableSchema

DISCRIMINATOR_ROWS = 10_000
"""Most rows of each side that the discriminator sees."""
MATRIX_COLUMNS = 50
MAX_TEXT_COLUMNS = 10
"""Text columns that are compared, the first ones: each takes about half a second."""


@dataclass(frozen=True, kw_only=True)
class Associations:
    """Association matrices (see `associations`), row by row, of the first MATRIX_COLUMNS scored columns."""

    columns: tuple[str, ...]
    real: tuple[tuple[float, ...], ...]
    synthetic: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """All numbers on likeness. A "baseline" is the holdout in place of the synthetic table.

    Attributes:
        columns: Every column of the schema, in order.
        tabular_columns: Columns that are no text, scored or not: their weight in the SQS.
        synthetic: Synthetic against training table.
        baseline: Holdout against training table: what a fresh real sample reaches.
        missing_difference: Mean absolute difference of the missing rates, 0 to 1.
        missing_difference_baseline: Mean absolute difference of the missing rates of the holdout, 0 to 1.
        missing_patterns: Distance of the distributions of columns that are missing together, 0 to 1.
        missing_patterns_baseline: Distance of the patterns of the holdout, 0 to 1.
        pairs: Pairs of columns, as many synthetic as holdout rows.
        coverage: Coverage of the training table by as many synthetic rows as the holdout has.
        coverage_baseline: Coverage of the training table by the holdout.
        rare_categories: Share of the rare training categories that occur among all sampled synthetic rows.
        discriminator: AUC of synthetic against real rows; 0.5 is best.
        discriminator_baseline: Discriminator between training and holdout rows.
        discriminator_reference: Table of the real rows that the discriminator saw: "train" only where there is no
            holdout.
        discriminator_curve: ROC curve behind `discriminator`.
        components: Rows of both tables as points of a plane.
        associations: For the heat maps.
        rules: Rows that break the declared and the found constraints, one entry each.
        sequences: None where rows make no sequences.
        texts: Fidelity of each text column.
    """

    columns: tuple[ColumnFidelity, ...]
    tabular_columns: int
    synthetic: Similarity
    baseline: Similarity
    missing_difference: Metric
    missing_difference_baseline: Metric
    missing_patterns: Metric
    missing_patterns_baseline: Metric
    pairs: Pairs
    coverage: Coverage
    coverage_baseline: Coverage
    rare_categories: Metric
    discriminator: Metric
    discriminator_baseline: Metric
    discriminator_reference: Literal["holdout", "train"]
    discriminator_curve: RocCurve
    components: Components
    associations: Associations
    rules: tuple[RuleViolations, ...]
    sequences: SequenceFidelity | None
    texts: tuple[TextFidelity, ...]

    @property
    def unseen_rows(self) -> int:
        """Rows of the holdout; 0 where there is none."""
        return max((column.missing_holdout.sample_size for column in self.columns), default=0)


def evaluate_fidelity(
    tables: EvaluationTables,
    *,
    limits: SampleLimits = DEFAULT_LIMITS,
    rules: CheckedRules = NO_RULES,
    sequences: SequenceColumns | None = None,
    text_embedding: str | None = None,
    lags: LagLimits | None = NEMO_LIMITS,
    whole: WholeSequences | None = None,
) -> Fidelity:
    """Compare synthetic with real rows, column by column, in pairs and as a whole.

    Args:
        tables: Real and generated rows. Constraints and sequences are measured on all of them.
        limits: Limits of the samples; the discriminator takes up to DISCRIMINATOR_ROWS rows regardless of them.
        rules: Rules whose broken rows are counted.
        sequences: Columns that make sequences of rows; None where rows stand by themselves.
        text_embedding: sentence-transformers model (folder or id) for text columns; None needs no model.
        lags: Limits on the columns and lags of the autocorrelation of sequences; None measures no autocorrelation.
        whole: Tables of whole sequences, where the others are samples of rows.

    Raises:
        ResourceError: The text embedding or its package is not there.
    """
    samples = draw_samples(tables, limits)
    # `samples` remembers why there is no holdout; from here on an empty one counts as none.
    tables = tables.without_empty_holdout()
    schema = tables.schema
    seed = limits.seed
    found, floor = _discriminate_tables(tables, samples)
    matrix = association_matrix(samples.real)
    columns = tuple(column_fidelity(tables, column, samples) for column in schema.columns)
    patterns, patterns_baseline = _missing_patterns(samples, schema)
    covered, covered_baseline = _measure_coverage(samples)

    return Fidelity(
        columns=columns,
        tabular_columns=len(schema.columns) - len(schema.of_kind(Kind.TEXT)),
        synthetic=similarity(samples.real, samples.made, matrix, seed=seed),
        baseline=_measure_baseline(samples, matrix),
        missing_difference=missing_difference([(c.missing_real, c.missing_synthetic) for c in columns]),
        missing_difference_baseline=missing_difference([(c.missing_real, c.missing_holdout) for c in columns]),
        missing_patterns=patterns,
        missing_patterns_baseline=patterns_baseline,
        pairs=_measure_pairs(samples),
        coverage=covered,
        coverage_baseline=covered_baseline,
        rare_categories=category_coverage(samples.real, samples.made, seed=seed)[1],
        discriminator=found.auc,
        discriminator_baseline=floor,
        discriminator_reference="train" if tables.holdout is None else "holdout",
        discriminator_curve=found.curve,
        components=components(samples.real, samples.made, seed=seed),
        associations=_select_associations(matrix, samples.made),
        rules=rule_violations(rules, tables, no_holdout=samples.no_holdout),
        sequences=_measure_sequences(whole or WholeSequences(tables=tables), sequences, samples, lags),
        texts=_measure_texts(tables, text_embedding, samples),
    )


def _measure_baseline(samples: Samples, matrix: NDArray[np.float64]) -> Similarity:
    if samples.unseen is None:
        return not_measured(Similarity, samples.no_holdout)
    return similarity(samples.real, samples.unseen, matrix, seed=samples.seed)


def _missing_patterns(samples: Samples, schema: TableSchema) -> tuple[Metric, Metric]:
    """Distance of the synthetic table, and of the holdout, from the training table."""
    names = list(schema.names)
    size = samples.common
    seed = samples.seed
    train, made, unseen = samples.frames
    distance = pattern_distance(train[names], sample(made, size, seed=seed), seed=seed)
    if unseen is None:
        return distance, unavailable(samples.no_holdout)

    return distance, pattern_distance(train[names], sample(unseen, size, seed=seed), seed=seed)


def _measure_coverage(samples: Samples) -> tuple[Coverage, Coverage]:
    """Coverage by as many rows of the synthetic table, and of the holdout."""
    # More rows cover more, so both tables are compared at one size.
    made = coverage(samples.real, samples.made, size=samples.common, seed=samples.seed)
    if samples.unseen is None:
        return made, not_measured(Coverage, samples.no_holdout)
    return made, coverage(samples.real, samples.unseen, size=samples.common, seed=samples.seed)


def _measure_pairs(samples: Samples) -> Pairs:
    # More rows would give smaller distances, so both tables are compared at one size.
    made = samples.of_common_size(samples.made)
    return compare_pairs(samples.real, samples.unseen, made, no_holdout=samples.no_holdout, seed=samples.seed)


@dataclass(frozen=True, kw_only=True)
class WholeSequences:
    """Training, holdout and synthetic rows in which no sequence is torn; sensitive, never leaves the process.

    Attributes:
        tables: Rows of whole sequences; None with a reason.
        reason: Why there are no such rows; None where there are.
    """

    tables: EvaluationTables | None = None
    reason: str | None = None


def _measure_sequences(
    whole: WholeSequences,
    by: SequenceColumns | None,
    samples: Samples,
    lags: LagLimits | None,
) -> SequenceFidelity | None:
    if by is None:
        return None
    if whole.tables is None:
        return no_sequences(by, whole.reason or "there are no whole sequences")

    scored = samples.real.columns
    reason = samples.no_holdout
    seed = samples.seed

    return evaluate_sequences(whole.tables, scored, by, no_holdout=reason, seed=seed, lags=lags)


def _measure_texts(
    tables: EvaluationTables,
    embedding: str | None,
    samples: Samples,
) -> tuple[TextFidelity, ...]:
    reason = samples.no_holdout
    seed = samples.seed
    columns = tables.schema.of_kind(Kind.TEXT)
    compared = tuple(
        evaluate_text(tables, c.name, embedding=embedding, no_holdout=reason, seed=seed)
        for c in columns[:MAX_TEXT_COLUMNS]
    )
    rest = f"only the first {MAX_TEXT_COLUMNS} text columns are compared"

    return compared + tuple(no_text_fidelity(c.name, rest) for c in columns[MAX_TEXT_COLUMNS:])


def _discriminate_tables(tables: EvaluationTables, samples: Samples) -> tuple[Discrimination, Metric]:
    """Synthetic against real rows, and the AUC of real against real rows."""
    size = DISCRIMINATOR_ROWS
    seed = samples.seed
    scored = samples.real.columns
    real, made = (
        prepare(sample(frame, size, seed=seed), scored, tables.group) for frame in (tables.train, tables.synthetic)
    )
    if tables.holdout is None:
        found = discriminate(real, real, made, max_rows=size, seed=seed)
        return found, unavailable(samples.no_holdout)

    unseen = prepare(sample(tables.holdout, size, seed=seed), scored, tables.group)
    found = discriminate(real, unseen, made, max_rows=size, seed=seed)
    return found, discriminator_auc(real, unseen, real, max_rows=min(size, made.rows), seed=seed)


def _select_associations(real: NDArray[np.float64], made: Table) -> Associations:
    shown = made.columns[:MATRIX_COLUMNS]
    synthetic = association_matrix(Table(columns=shown, values=made.values, rows=made.rows))
    matrices = [np.round(m[: len(shown), : len(shown)], 4).tolist() for m in (real, synthetic)]
    rows = [tuple(tuple(row) for row in matrix) for matrix in matrices]
    return Associations(columns=tuple(c.name for c in shown), real=rows[0], synthetic=rows[1])
