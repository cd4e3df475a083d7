"""From measured numbers to scores from 0 to 10 and grades.

The quality score (SQS) converts and weighs as the NeMo report does, so that scores can be compared. A score of zero
counts like any other. One fault is not copied: columns that cannot be scored do not count as perfect; all that they do
is weigh for the tabular part beside text columns. The verdict on privacy is in `verdict`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.quality.similarity import Similarity
from ss_ray.evaluation.quality.text_fidelity import TextSimilarity

WEIGHTS = {"deep_structure": 0.84, "distribution": 0.86, "correlation": 1.0}
"""Shares of the parts of the SQS. Source: NeMo Safe Synthesizer, tabular part."""
TEXT_WEIGHTS = {"text_semantic": 0.7, "text_structure": 0.3}
"""Likewise. Source: NeMo Safe Synthesizer, text part."""

TOP_OF_GOOD = 5.9
"""Highest score of a table whose faults no part of the score measures."""


class Grade(StrEnum):
    """Words for scores: two points each, so that 8.0 is already excellent."""

    POOR = "Poor"
    MODERATE = "Moderate"
    GOOD = "Good"
    VERY_GOOD = "Very Good"
    EXCELLENT = "Excellent"


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score with its grade, or the reason why there is none.

    Attributes:
        value: 0 (worst) to 10, one decimal; None where it is not available.
        grade: Grade of the value; None where there is no value.
        reason: Why there is no value; None where there is one.
    """

    value: float | None
    grade: Grade | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class QualityScores:
    """The SQS and its parts for one table.

    Attributes:
        sqs: Mean of the tabular and the text part, weighted by their numbers of columns.
        distribution: Score of single columns.
        correlation: Score of pairs of columns.
        deep_structure: Score of the principal components.
        text_semantic: Score of the meaning of texts, the mean over text columns.
        text_structure: Score of the structure of texts, the mean over text columns.
        limits: Why the SQS is at most TOP_OF_GOOD, a sentence each; the parts are as they are.
    """

    sqs: Score
    distribution: Score
    correlation: Score
    deep_structure: Score
    text_semantic: Score
    text_structure: Score
    limits: tuple[str, ...] = ()


def grade(value: float) -> Grade:
    """Grade of a score. Source: NeMo Safe Synthesizer, int(score) // 2.

    Example:
        >>> grade(8.0).value, grade(5.9).value
        ('Excellent', 'Good')
    """
    return list(Grade)[min(int(value) // 2, 4)]


def to_score(value: float) -> Score:
    """Score of a number, clipped to [0, 10] and rounded to one decimal.

    Example:
        >>> to_score(8.27), to_score(-1.0).grade.value
        (Score(value=8.3, grade=<Grade.EXCELLENT: 'Excellent'>, reason=None), 'Poor')
    """
    rounded = round(float(np.clip(value, 0.0, 10.0)), 1)
    return Score(value=rounded, grade=grade(rounded))


def distribution_score(distance: float) -> float:
    """Score of the mean column distance. Source: NeMo Safe Synthesizer, column distribution stability."""
    if distance > 0.99:
        return 0.0
    if distance < 0.02:
        return 10.0
    return float(np.clip(7.44 * distance**2 - 16.646 * distance + 10.305, 0.0, 10.0))


def correlation_score(difference: float) -> float:
    """Score of the association difference. Source: NeMo Safe Synthesizer, column correlation stability."""
    if difference > 0.46:
        return 0.0
    if difference < 0.01:
        return 10.0
    return float(np.clip(37.562 * difference**2 - 35.643 * difference + 10.056, 0.0, 10.0))


def deep_structure_score(distance: float) -> float:
    """Score of the component distance. Source: NeMo Safe Synthesizer, deep structure stability."""
    return float(10.0 * np.exp(-1.6 * distance))


def text_structure_score(distance: float) -> float:
    """Score of the structure distance. Source: NeMo Safe Synthesizer, text structure similarity."""
    if distance > 0.8:
        return 1.5
    if distance < 0.12:
        return 10.0
    return float(np.clip(-12.5 * distance + 11.5, 0.0, 10.0))


def text_semantic_score(similarity: float) -> float:
    """Score of the semantic similarity. Source: NeMo Safe Synthesizer, text semantic similarity."""
    return 10.0 * similarity


def score_quality(
    similarity: Similarity,
    texts: Sequence[TextSimilarity] = (),
    *,
    tabular_columns: int = 1,
    limits: tuple[str, ...] = (),
) -> QualityScores:
    """The parts that are available, and their weighted mean.

    Args:
        similarity: Similarity of the columns that are not texts.
        texts: Similarity of each text column.
        tabular_columns: Number of columns that are no texts, scored or not: their weight beside the text columns.
        limits: Shortcomings that no part measures, in words; if there is any, the SQS is at most TOP_OF_GOOD.
    """
    tabular = {
        "deep_structure": _average_metrics([similarity.deep_structure], deep_structure_score),
        "distribution": _average_metrics([similarity.distribution], distribution_score),
        "correlation": _average_metrics([similarity.correlation], correlation_score),
    }
    text = {
        "text_semantic": _average_metrics([t.semantic for t in texts], text_semantic_score),
        "text_structure": _average_metrics([t.structure for t in texts], text_structure_score),
    }
    parts = [(_average_parts(tabular, WEIGHTS), tabular_columns), (_average_parts(text, TEXT_WEIGHTS), len(texts))]
    known = [(value, columns) for value, columns in parts if value is not None and columns]
    if known:
        mean = sum(value * columns for value, columns in known) / sum(columns for _, columns in known)
        # The parts of the score do not see lost or missing cells.
        sqs = to_score(min(mean, TOP_OF_GOOD) if limits else mean)
    else:
        sqs = Score(value=None, grade=None, reason=similarity.distribution.reason)

    return QualityScores(sqs=sqs, limits=limits, **{name: _score_part(part) for name, part in (tabular | text).items()})


Part = float | str
"""A score before it is rounded, or the reason why there is none."""


def _average_metrics(metrics: Sequence[Metric], convert: Callable[[float], float]) -> Part:
    """Mean score of the metrics that are available."""
    known = [convert(metric.value) for metric in metrics if metric.value is not None]
    if known:
        return float(np.mean(known))
    return next((metric.reason for metric in metrics if metric.reason is not None), "there is no text column")


def _average_parts(parts: Mapping[str, Part], weights: Mapping[str, float]) -> float | None:
    """Weighted mean of the parts that are available."""
    known = {name: part for name, part in parts.items() if not isinstance(part, str)}
    if known:
        return sum(weights[name] * part for name, part in known.items()) / sum(weights[n] for n in known)
    return None


def _score_part(part: Part) -> Score:
    if isinstance(part, str):
        return Score(value=None, grade=None, reason=part)
    return to_score(part)
