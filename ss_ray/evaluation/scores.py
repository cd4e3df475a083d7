"""From measured numbers to scores from 0 to 10 and grades.

The quality score (SQS) converts and weighs as the NeMo report does, so that scores can be compared. A score of zero
counts like any other. The verdict on privacy is in `verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ss_ray.evaluation.similarity import Similarity

WEIGHTS = {"deep_structure": 0.84, "distribution": 0.86, "correlation": 1.0}
"""Shares of the parts of the SQS. Source: NeMo Safe Synthesizer, tabular part."""


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
        grade: Grade of the value; None likewise.
        reason: Why there is no value; None where there is one.
    """

    value: float | None
    grade: Grade | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class QualityScores:
    """The SQS and its parts for one table."""

    sqs: Score
    distribution: Score
    correlation: Score
    deep_structure: Score


def grade(value: float) -> Grade:
    """Grade of a score. Source: NeMo Safe Synthesizer, int(score) // 2."""
    return list(Grade)[min(int(value) // 2, 4)]


def to_score(value: float) -> Score:
    """Score of a number, clipped to [0, 10] and rounded to one decimal."""
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


def score_quality(similarity: Similarity) -> QualityScores:
    """The parts that are available, and their weighted mean."""
    convert = {
        "deep_structure": (similarity.deep_structure, deep_structure_score),
        "distribution": (similarity.distribution, distribution_score),
        "correlation": (similarity.correlation, correlation_score),
    }
    raw = {name: f(metric.value) for name, (metric, f) in convert.items() if metric.value is not None}
    parts = {
        name: to_score(raw[name]) if name in raw else Score(value=None, grade=None, reason=metric.reason)
        for name, (metric, _) in convert.items()
    }
    if not raw:
        return QualityScores(sqs=Score(value=None, grade=None, reason=similarity.distribution.reason), **parts)
    weight = sum(WEIGHTS[name] for name in raw)
    return QualityScores(sqs=to_score(sum(WEIGHTS[name] * raw[name] for name in raw) / weight), **parts)
