"""Epsilon of Gaussian mechanisms, composed by `dp-accounting`.

A `Charge` says how often which mechanism ran; charges of a job, and of all jobs on one table, add up by composition.
RDP (Mironov 2017, arXiv:1702.07476) is the conservative figure, PLD (Koskela et al. 2020, arXiv:1906.03049; here with
pessimistic rounding) the tight one. Adjacency is add-or-remove-one of a privacy unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log
from typing import Literal

import numpy as np
import numpy.typing as npt
from dp_accounting import (
    DpEvent,
    GaussianDpEvent,
    NeighboringRelation,
    PoissonSampledDpEvent,
    PrivacyAccountant,
)
from dp_accounting.pld import PLDAccountant
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from dp_accounting.rdp import RdpAccountant
from scipy.optimize import brentq

from ss_ray.errors import PrivacyError
from ss_ray.privacy.charges import Charge

Accountant = Literal["pld", "rdp"]
RELATION = NeighboringRelation.ADD_OR_REMOVE_ONE
ORDERS = (*range(2, 65), 80, 96, 128, 256, 512, 1024)
"""Of RDP: whole ones, whose values are exact sums (Mironov, Talwar, Zhang 2019, arXiv:1908.10530)."""
GRID_STEPS = 1000
"""Steps of the privacy loss grid up to epsilon. Whatever their number, the figure is an upper bound."""
GRID_LIMITS = (1e-5, 1e-2)
CURVE_GRID = 2e-3
"""Steps of the privacy loss grid of `deltas_of`, whose figures are upper bounds, too."""
SIGMA_TOLERANCE = 0.001
SIGMA_LIMITS = (0.2, 1e4)


def auto_delta(num_units: int) -> float:
    """NeMo's default delta: 1 / n^1.2.

    Example:
        >>> auto_delta(1000) < 1 / 1000
        True
    """
    return float(max(num_units, 2) ** -1.2)


def epsilon_of(charges: Sequence[Charge], delta: float, accountant: Accountant = "pld") -> float:
    """Epsilon of all charges together; 0 where nothing was spent.

    Args:
        charges: Charges that are composed.
        delta: In (0, 1), of everything together.
        accountant: "pld" is tight, "rdp" conservative.

    Raises:
        PrivacyError: The charges' own deltas leave nothing of `delta`.

    Example:
        >>> steps = Charge(mechanism="dp-sgd", noise_multiplier=3.0, sample_rate=0.1, count=512)
        >>> round(epsilon_of([steps], delta=1e-6), 2), round(epsilon_of([steps], delta=1e-6, accountant="rdp"), 2)
        (3.77, 4.05)
    """
    events = [(event_of(charge), charge.count) for charge in charges if charge.count]
    if not events:
        return 0.0

    left = delta_left(charges, delta)
    conservative = _compose_events(RdpAccountant(ORDERS, RELATION), events).get_epsilon(left)
    if accountant == "rdp":
        return float(conservative)

    # The RDP bound sets the scale of the grid: a fixed grid is too coarse for small epsilons, or too slow for large
    # ones.
    grid = min(max(conservative / GRID_STEPS, GRID_LIMITS[0]), GRID_LIMITS[1])
    tight = _compose_events(PLDAccountant(RELATION, value_discretization_interval=grid), events).get_epsilon(left)
    return float(tight)


def _compose_events(accountant: PrivacyAccountant, events: Sequence[tuple[DpEvent, int]]) -> PrivacyAccountant:
    for event, count in events:
        accountant.compose(event, count)
    return accountant


def deltas_of(charge: Charge, epsilons: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) delta of all uses of one mechanism at each epsilon, in the worse direction, never too small.

    Args:
        charge: Charge of the mechanism.
        epsilons: (n,) of any sign.
    """
    one = from_gaussian_mechanism(
        charge.noise_multiplier,
        sampling_prob=charge.sample_rate,
        value_discretization_interval=CURVE_GRID,
        neighboring_relation=RELATION,
    )
    return np.array(one.self_compose(charge.count).get_delta_for_epsilon(epsilons), np.float64)


def delta_left(charges: Sequence[Charge], delta: float) -> float:
    """Part of `delta` that the thresholds leave for the noise.

    Raises:
        PrivacyError: Nothing is left.
    """
    left = delta - sum(charge.delta * charge.count for charge in charges)
    if left <= 0:
        raise PrivacyError(f"thresholds alone spend more than delta {delta:.3g}; allow a larger privacy.delta")
    return left


def event_of(charge: Charge) -> DpEvent:
    """One use as an event of dp-accounting."""
    gaussian = GaussianDpEvent(charge.noise_multiplier)
    # Without sampling there is no amplification, and the plain mechanism is exact.
    if charge.sample_rate == 1:
        return gaussian
    return PoissonSampledDpEvent(charge.sample_rate, gaussian)


def calibrate_noise(charge: Charge, target_epsilon: float, delta: float, spent: Sequence[Charge] = ()) -> float:
    """The smallest noise multiplier, within 0.1 %, for which `charge` and `spent` together stay within a target.

    Args:
        charge: The mechanism to calibrate; its noise_multiplier is not looked at.
        target_epsilon: Upper limit of epsilon, which the result never exceeds.
        delta: Delta of the whole composition.
        spent: Charges made before.

    Raises:
        PrivacyError: `spent` leaves nothing, or only absurd noise fits.

    Example:
        >>> steps = Charge(mechanism="dp-sgd", noise_multiplier=0.0, sample_rate=0.1, count=100)
        >>> round(calibrate_noise(steps, target_epsilon=4.0, delta=1e-5), 1)
        1.4
    """

    def excess(log_sigma: float) -> float:
        tried = replace(charge, noise_multiplier=exp(log_sigma))
        # The logarithm of epsilon is nearly linear in that of sigma, which saves the search steps; 1e-9 stands for
        # epsilon 0.
        return log(max(epsilon_of([*spent, tried], delta), 1e-9) / target_epsilon)

    low, high = (log(limit) for limit in SIGMA_LIMITS)
    if epsilon_of(spent, delta) >= target_epsilon or excess(high) > 0:
        raise PrivacyError(
            f"no noise brings {charge.mechanism} within epsilon {target_epsilon:g}: what was spent before leaves too "
            "little; allow a larger privacy.epsilon"
        )
    if excess(low) <= 0:
        return SIGMA_LIMITS[0]

    middle = 0.0
    # A first bracket from below, where the grid is small.
    while excess(middle) > 0:
        low = middle
        middle = middle + 1.0

    # The search is in the logarithm of sigma, so its tolerance is relative.
    found = brentq(excess, low, middle, xtol=SIGMA_TOLERANCE / 2)
    # brentq may end on the wrong side of the root, where the target is passed by a little.
    while excess(found) > 0:
        found += SIGMA_TOLERANCE / 2

    return exp(found)
