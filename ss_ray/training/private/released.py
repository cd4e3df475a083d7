"""Whether the noisy sums of a training are sums of clipped gradients of whole units, at the charged rate and noise.

The auditor knows the table, its units and the weights before each step. It computes every unit's clipped gradient by
one backward pass of its own, and compares: with participations p_i in {0, 1}, a step releases sum_i p_i g_i + noise.

    noise     what lies outside the span of all g_i is noise alone: a chi-squared variable of known width
    rate      the projection on sum_i g_i has mean q; it is larger where the rows of one unit count one by one
    samples   estimates of p_i are uncorrelated between steps: those of shuffled epochs and repeated samples are not

The reference shares the model's loss with the training, and neither its clipping, sampling, batching nor its units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor

from ss_ray.privacy.conformance import ChargeTest, two_sided
from ss_ray.training.models import SlotGroup, row_losses
from ss_ray.training.private.recorder import Recording

Floats = npt.NDArray[np.float64]
RANK_TOLERANCE = 1e-9
"""Relative to the largest, of eigenvalues of the gradients' inner products that count as 0."""


@dataclass(frozen=True, kw_only=True)
class ChargedSteps:
    """The mechanism as it was charged, as a certificate states it.

    Attributes:
        sample_rate: Probability that a unit joins a step.
        noise_multiplier: Noise standard deviation over the clipping norm.
        max_grad_norm: L2 clipping norm of a unit's gradient.
        expected_batch_size: Number that a noisy sum was divided by.
    """

    sample_rate: float
    noise_multiplier: float
    max_grad_norm: float
    expected_batch_size: float


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What one step says.

    Attributes:
        outside: Squared length of the released sum outside the span of all gradients, in clipping norms.
        dimensions: Dimensions outside the span.
        rate: Projection on the sum of all gradients: the share of the units that joined.
        rate_variance: Variance of `rate` under the charge.
        parts: (units,) estimates of who joined, less their mean, times a constant.
        covariance: (units, units) covariance of `parts` under the charge.
    """

    outside: float
    dimensions: int
    rate: float
    rate_variance: float
    parts: Floats
    covariance: Floats


def compare_steps(
    model: Any, groups: Sequence[SlotGroup], recording: Recording, units: Sequence[Sequence[int]], dp: ChargedSteps
) -> tuple[ChargeTest, ...]:
    """Test the recorded steps against the charge.

    Args:
        model: A model of the trained shape; its weights are changed.
        groups: Slot groups of the codec.
        recording: Noisy sums that the training released.
        units: Numbers of the rows of each privacy unit that may take part.
        dp: The mechanism as it was charged.
    """
    tokens = torch.from_numpy(recording.tokens)
    steps = []
    for weights, released in zip(recording.weights[:-1], recording.released, strict=True):
        set_weights(model, weights)
        gradients = clipped_gradients(model, groups, [tokens[list(rows)] for rows in units], dp.max_grad_norm)
        steps.append(_measure_step(gradients, released * dp.expected_batch_size / dp.max_grad_norm, dp))

    return tuple(_make_findings(steps, dp))


def set_weights(model: Any, weights: Floats) -> None:
    """Give a model recorded weights, in the order of its parameters."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    parts = torch.split(torch.from_numpy(weights).float(), [parameter.numel() for parameter in trained])
    with torch.no_grad():
        for parameter, part in zip(trained, parts, strict=True):
            parameter.copy_(part.view_as(parameter))


def clipped_gradients(model: Any, groups: Sequence[SlotGroup], units: Sequence[Tensor], max_grad_norm: float) -> Floats:
    """(units, parameters) gradients by one backward pass each, in clipping norms, none longer than 1."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    found = []
    for rows in units:
        loss = row_losses(model, rows, groups).mean()
        grads = torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True)
        found.append(torch.cat([grad.flatten() for grad in grads]).double().numpy())

    gradients = np.stack(found)
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    clipped: Floats = gradients / np.maximum(lengths, max_grad_norm)

    return clipped


def _measure_step(gradients: Floats, released: Floats, dp: ChargedSteps) -> _Step:
    rate = dp.sample_rate
    noise = dp.noise_multiplier**2
    inner = gradients @ gradients.T
    along = gradients @ released
    values, vectors = np.linalg.eigh(inner)
    used = values > RANK_TOLERANCE * values[-1]
    inside = float(np.sum((vectors[:, used].T @ along) ** 2 / values[used]))

    joining = rate * (1 - rate)
    # Projections of the sum of all gradients.
    total = inner.sum(axis=1)
    length = float(total.sum())
    # The best linear estimate of who joined, given what was released, and its covariance under the charge.
    weights = 1 / (joining * values + noise)
    parts = vectors @ (weights * (vectors.T @ (along - rate * total)))

    return _Step(
        outside=float(released @ released) - inside,
        dimensions=len(released) - int(used.sum()),
        rate=float(along.sum()) / length,
        rate_variance=(joining * float(total @ total) + noise * length) / length**2,
        parts=parts,
        covariance=(vectors * (weights * np.maximum(values, 0))) @ vectors.T,
    )


def _make_findings(steps: Sequence[_Step], dp: ChargedSteps) -> Iterator[ChargeTest]:
    dimensions = sum(step.dimensions for step in steps)
    outside = sum(step.outside for step in steps)
    yield ChargeTest(
        name="noise multiplier",
        expected=dp.noise_multiplier,
        measured=sqrt(outside / dimensions),
        p_value=two_sided(stats.chi2(dimensions), outside / dp.noise_multiplier**2),
    )
    deviation = sqrt(sum(step.rate_variance for step in steps)) / len(steps)
    rate = float(np.mean([step.rate for step in steps]))
    yield ChargeTest(
        name="sample rate",
        expected=dp.sample_rate,
        measured=rate,
        p_value=two_sided(stats.norm(dp.sample_rate, deviation), rate),
    )
    pairs = list(combinations(steps, 2))
    neighbours = list(pairwise(steps))

    for name, chosen in (("all pairs of steps", pairs), ("neighbouring steps", neighbours)):
        products = sum(float(one.parts @ other.parts) for one, other in chosen)
        variance = sum(float(np.sum(one.covariance * other.covariance)) for one, other in chosen)
        if chosen:
            yield ChargeTest(
                name=f"correlation of the samples of {name}, in standard deviations",
                expected=0.0,
                measured=products / sqrt(variance),
                p_value=two_sided(stats.norm(0, sqrt(variance)), products),
            )
