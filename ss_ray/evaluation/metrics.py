"""A measured number with its sample size and uncertainty, or the reason why it is not available.

Decides that no number of the evaluation travels alone. What the numbers mean is said where they are measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

Result = TypeVar("Result")

MIN_ROWS = 20
"""Rows of each table below which most measurements are not made."""
TOO_SMALL = "too small to tell"
"""First words of the reason why a table has too few rows for a measurement."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number of the evaluation, or the reason for its absence.

    Attributes:
        value: The number, finite; None where it is not available. Zero is a value.
        reason: Why there is no value, in words; None where there is one.
        sample_size: Rows (of each side, where two tables are compared) that the value rests on.
        seed: Seed of the sampling behind the value; None where nothing was drawn at random.
        std_error: Standard error of the value; None where it was not computed.
        bounds: 95 % interval (low, high) where the normal approximation would not do (Wilson, bootstrap); else None.

    Example:
        >>> auc = Metric(value=0.62, sample_size=1000, std_error=0.01)
        >>> [round(bound, 2) for bound in auc.interval]
        [0.6, 0.64]
    """

    value: float | None
    reason: str | None = None
    sample_size: int = 0
    seed: int | None = None
    std_error: float | None = None
    bounds: tuple[float, float] | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval: `bounds`, or by the normal approximation; None without a standard error."""
        if self.bounds is not None:
            return self.bounds
        if self.value is None or self.std_error is None:
            return None
        return self.value - 1.96 * self.std_error, self.value + 1.96 * self.std_error


def measured(
    value: float,
    sample_size: int,
    *,
    seed: int | None = None,
    std_error: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> Metric:
    """A metric with a value; an unavailable one if the number is not finite.

    Example:
        >>> measured(0.62, 1000).value
        0.62
        >>> measured(float("nan"), 1000).reason
        'the computation gave no finite number'
    """
    if not math.isfinite(value):
        return unavailable("the computation gave no finite number")

    if std_error is not None and math.isfinite(std_error):
        error = float(std_error)
    else:
        error = None

    return Metric(value=float(value), sample_size=int(sample_size), seed=seed, std_error=error, bounds=bounds)


def too_small(rows: Mapping[str, int], noun: str = "rows") -> str:
    """The reason why tables have too few rows for a measurement, by the smallest of them.

    Args:
        rows: Number of rows by name of the table.
        noun: Word for the rows that count.

    Example:
        >>> too_small({"training": 200, "holdout": 12})
        'too small to tell: 12 holdout rows, at least 20 are needed'
    """
    name, found = min(rows.items(), key=lambda item: item[1])
    return f"{TOO_SMALL}: {found} {name} {noun}, at least {MIN_ROWS} are needed"


def unavailable(reason: str) -> Metric:
    """A metric without a value.

    Example:
        >>> metric = unavailable("there is no holdout")
        >>> metric.value, metric.reason
        (None, 'there is no holdout')
    """
    return Metric(value=None, reason=reason)


def not_measured(result_type: type[Result], reason: str, **given: Any) -> Result:
    """A result in which every metric, in nested results too, is unavailable for the same reason.

    Args:
        result_type: Dataclass of the result.
        reason: Why nothing was measured, in words.
        given: Fields that are known all the same.
    """
    hints = get_type_hints(result_type)
    values = dict(given)
    for field in fields(result_type):  # type: ignore[arg-type]
        kind = hints[field.name]
        if field.name in values:
            continue
        if kind is Metric:
            values[field.name] = unavailable(reason)
        elif is_dataclass(kind):
            values[field.name] = not_measured(kind, reason)  # type: ignore[arg-type]

    return result_type(**values)
