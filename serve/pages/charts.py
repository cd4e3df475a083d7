"""Charts of the pages as values between 0 and 1, which the templates draw as SVG; nothing is read here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SCORE_TITLES = {
    "column_distribution_stability_score": "Distributions of columns",
    "column_correlation_stability_score": "Correlations",
    "deep_structure_stability_score": "Deep structure",
    "text_semantic_similarity_score": "Meaning of texts",
    "text_structure_similarity_score": "Form of texts",
    "membership_inference_protection_score": "Against membership inference",
    "attribute_inference_protection_score": "Against attribute inference",
}
"""Scores of a summary that are drawn, from 0 to 10."""
LOSS = re.compile(r"\bloss (-?[0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True, kw_only=True)
class LossCurve:
    """Losses of a training as a line.

    Attributes:
        points: Points of an SVG polyline in a box of 100 by 30.
        ends: The first loss and the latest one.
    """

    points: str
    ends: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of a chart.

    Attributes:
        title: Name of what is measured.
        share: Length of the bar in [0, 1].
        text: Value as it is written.
        mark: Place of a mark for comparison in [0, 1]; None without one.
    """

    title: str
    share: float
    text: str
    mark: float | None = None


def draw_scores(summary: Mapping[str, Any]) -> list[Bar]:
    """Bars of the scores that were measured."""
    measured = {title: summary.get(name) for name, title in SCORE_TITLES.items()}
    return [
        Bar(title=title, share=_clip_share(value / 10), text=f"{value:.1f}")
        for title, value in measured.items()
        if value is not None
    ]


def draw_distances(metrics: Mapping[str, Any]) -> list[Bar]:
    """Bars of the distances between real and synthetic columns, the largest first.

    The mark of a bar is the distance between two parts of the real rows.

    Args:
        metrics: The result `metrics` of a job.
    """
    columns = metrics.get("fidelity", {}).get("columns", [])
    found = [(column, column.get("distance", {}).get("value")) for column in columns]
    measured = sorted(((value, column) for column, value in found if value is not None), key=lambda pair: -pair[0])
    return [
        Bar(
            title=column["name"],
            share=_clip_share(value),
            text=f"{value:.2f}",
            mark=_clip_optional(column.get("distance_baseline", {}).get("value")),
        )
        for value, column in measured
    ]


def draw_losses(messages: Iterable[str]) -> LossCurve | None:
    """The curve of the losses that log lines tell; None for fewer than two."""
    losses = [float(match[1]) for match in map(LOSS.search, messages) if match]
    if len(losses) < 2:
        return None

    low = min(losses)
    height = (max(losses) - low) or 1.0
    step = 100 / (len(losses) - 1)
    points = [f"{number * step:.1f},{28 - 26 * (loss - low) / height:.1f}" for number, loss in enumerate(losses)]
    return LossCurve(points=" ".join(points), ends=(losses[0], losses[-1]))


def _clip_share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _clip_optional(value: float | None) -> float | None:
    return None if value is None else _clip_share(value)
