"""The evaluation of a synthetic table: three independent measurements, and the scores that follow from them.

    tables = EvaluationTables(train, holdout, synthetic, schema)
    fidelity = evaluate_fidelity(tables)
    utility = evaluate_utility(tables, target=None)
    privacy = evaluate_privacy(tables)
    evaluation = combine(fidelity, utility, privacy)

The three measurements are independent, so that a stage may run them side by side. Column names are the only text of the
table that this module sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from ss_ray.evaluation.evaluation_tables import DEFAULT_LIMITS, EvaluationTables, SampleLimits
from ss_ray.evaluation.privacy.attacks import Privacy, evaluate_privacy
from ss_ray.evaluation.privacy.replay import Originals
from ss_ray.evaluation.privacy.verdict import PrivacyVerdict, judge_privacy
from ss_ray.evaluation.quality.column_fidelity import quality_limits
from ss_ray.evaluation.quality.fidelity import Fidelity, evaluate_fidelity
from ss_ray.evaluation.quality.similarity import Similarity
from ss_ray.evaluation.quality.text_fidelity import TextSimilarity
from ss_ray.evaluation.quality_verdict import QualityVerdict, judge_quality
from ss_ray.evaluation.scores import QualityScores, score_quality
from ss_ray.evaluation.utility.utility import Utility, evaluate_utility


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of the synthetic table, and of a fresh real sample (the holdout) in its place.

    Attributes:
        quality: Scores of the synthetic table by every part that is available.
        quality_comparable: Scores of the synthetic table by the parts that are available for both tables.
        quality_baseline: Scores of the holdout by these common parts.
        privacy: Privacy verdict on the synthetic table.
        verdict: Verdict on the quality of the synthetic table: the score, capped where other measurements contradict.
    """

    quality: QualityScores
    quality_comparable: QualityScores
    quality_baseline: QualityScores
    privacy: PrivacyVerdict
    verdict: QualityVerdict


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All measurements of one synthetic table; computed on real rows, so they are internal.

    JSON by `pydantic.TypeAdapter(Evaluation)`.
    """

    fidelity: Fidelity
    utility: Utility
    privacy: Privacy
    scores: Scores


def evaluate(
    tables: EvaluationTables,
    *,
    target: str | None,
    limits: SampleLimits = DEFAULT_LIMITS,
    pii: Mapping[str, str] | None = None,
    originals: Originals | None = None,
) -> Evaluation:
    """Measure fidelity, utility and privacy of a synthetic table, and score them.

    Args:
        tables: Real and generated rows.
        target: Column that the utility models predict; None chooses one.
        limits: Limits of the samples.
        pii: Column -> entity type of the columns that hold personal data, see `evaluate_privacy`.
        originals: Real rows before personal data were replaced, see `evaluate_privacy`.

    Raises:
        DataError: A table lacks a column of the schema, or the target is not a column.

    Example:
        A copy of the training rows has perfect columns, and breaks the privacy rules:

        >>> import pandas as pd
        >>> from ss_ray.schema import ColumnSchema, Kind, TableSchema
        >>> schema = TableSchema(columns=(ColumnSchema(name="age", kind=Kind.INTEGER, arrow_type="int64"),))
        >>> real = pd.DataFrame({"age": range(100)})
        >>> evaluation = evaluate(EvaluationTables(real[::2], real[1::2], real[::2], schema), target=None)
        >>> evaluation.scores.quality.distribution.value, evaluation.scores.privacy.failed
        (10.0, True)
    """
    fidelity = evaluate_fidelity(tables, limits=limits)
    utility = evaluate_utility(tables, target=target, limits=limits)
    privacy = evaluate_privacy(tables, limits=limits, pii=pii, originals=originals)

    return combine(fidelity, utility, privacy)


def combine(
    fidelity: Fidelity, utility: Utility, privacy: Privacy, *, lost: Mapping[str, float] | None = None
) -> Evaluation:
    """The three measurements with their scores; `lost`: column -> share of synthetic cells that are not of its type."""
    columns = fidelity.tabular_columns
    made = [text.synthetic for text in fidelity.texts]
    # A mean over different parts is not comparable, so both tables are scored by the parts that both have.
    common, marks = _common_parts(fidelity)
    quality = score_quality(
        fidelity.synthetic, made, tabular_columns=columns, limits=quality_limits(fidelity.columns, lost or {})
    )
    scores = Scores(
        quality=quality,
        quality_comparable=score_quality(*common, tabular_columns=columns),
        quality_baseline=score_quality(*marks, tabular_columns=columns),
        privacy=judge_privacy(privacy),
        verdict=judge_quality(
            quality,
            (fidelity.discriminator, fidelity.discriminator_baseline),
            utility,
            fidelity.texts,
            fidelity.sequences,
        ),
    )

    return Evaluation(fidelity=fidelity, utility=utility, privacy=privacy, scores=scores)


Parts = tuple[Similarity, tuple[TextSimilarity, ...]]
Similar = TypeVar("Similar", Similarity, TextSimilarity)


def _common_parts(fidelity: Fidelity) -> tuple[Parts, Parts]:
    """Similarities of the synthetic table and of the holdout, where both are available."""
    pairs = [_keep_common_metrics(text.synthetic, text.baseline, ("semantic", "structure")) for text in fidelity.texts]
    names = ("distribution", "correlation", "deep_structure")
    made, unseen = _keep_common_metrics(fidelity.synthetic, fidelity.baseline, names)
    return (made, tuple(pair[0] for pair in pairs)), (unseen, tuple(pair[1] for pair in pairs))


def _keep_common_metrics(made: Similar, unseen: Similar, names: tuple[str, ...]) -> tuple[Similar, Similar]:
    """Both results without the metrics that one of them lacks."""
    lacking = {
        name: getattr(unseen, name) if getattr(unseen, name).value is None else getattr(made, name)
        for name in names
        if getattr(made, name).value is None or getattr(unseen, name).value is None
    }
    return replace(made, **lacking), replace(unseen, **lacking)
