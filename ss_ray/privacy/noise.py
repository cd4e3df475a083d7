"""The randomness that privacy rests on: ChaCha20 keyed by the operating system.

No seed reaches it, and its key is never stored, so nobody can draw the same noise or the same sample again; two
workers that are never told about each other are independent.
"""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt
from randomgen import ChaCha

GRID_BITS = 20
"""Noisy sums are rounded to 2**-GRID_BITS of the noise's standard deviation, which each grid point reaches through so
many floats that the gaps between floats tell nothing (Mironov 2012, "On significance of the least significant bits
for differential privacy")."""


def secret_generator() -> np.random.Generator:
    """A generator whose 256-bit key comes from the operating system and is never stored.

    Example:
        >>> secret_generator().random() == secret_generator().random()
        False
    """
    return np.random.Generator(ChaCha(key=secrets.randbits(256), rounds=20))


def poisson_sample(num_units: int, sample_rate: float, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """(sampled,) ascending numbers of the units of a batch: each joins with `sample_rate`, independently of others.

    Args:
        num_units: Units to choose from, each counted once.
        sample_rate: In (0, 1].
        generator: Random generator from `secret_generator`.

    Example:
        >>> poisson_sample(4, 1.0, secret_generator())
        array([0, 1, 2, 3])
        >>> len(poisson_sample(10_000, 0.1, secret_generator())) in range(800, 1200)
        True
    """
    return np.flatnonzero(generator.random(num_units) < sample_rate)


def add_noise(
    total: npt.NDArray[np.float64], standard_deviation: float, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """`total` plus independent Gaussian noise, on a grid.

    Args:
        total: (num_params,), a sum of clipped gradients; not finite values stay so.
        standard_deviation: Above 0, of every coordinate.
        generator: Random generator from `secret_generator`.

    Example:
        >>> noisy = add_noise(np.zeros(10_000), standard_deviation=2.0, generator=secret_generator())
        >>> round(float(noisy.std()))
        2
    """
    noisy = total + standard_deviation * generator.standard_normal(len(total))
    # A power of two, by which division is exact.
    grid = 2.0 ** (np.floor(np.log2(standard_deviation)) - GRID_BITS)
    return np.rint(noisy / grid) * grid
