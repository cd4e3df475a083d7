"""Noise and samples come from the operating system alone, and have the distribution that is accounted for."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from scipy import stats

from ss_ray.privacy.noise import GRID_BITS, add_noise, poisson_sample, secret_generator

ALPHA = 1e-6  # of each statistical test: one false alarm in a million runs


def test_no_seed_reaches_the_noise() -> None:
    """The reference's fault: its noise could be drawn again by whoever knew the seed."""
    draws = []
    for _ in range(2):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        draws.append(add_noise(np.zeros(4), 1.0, secret_generator()))
    assert not np.any(draws[0] == draws[1])


def test_two_generators_are_independent() -> None:
    first, second = (secret_generator().standard_normal(20_000) for _ in range(2))
    assert stats.pearsonr(first, second).pvalue > ALPHA


@pytest.mark.parametrize("standard_deviation", [1e-3, 0.7, 250.0])
def test_noise_is_gaussian_of_the_asked_scale(standard_deviation: float) -> None:
    noisy = add_noise(np.full(50_000, 3.0), standard_deviation, secret_generator())
    assert stats.kstest((noisy - 3.0) / standard_deviation, "norm").pvalue > ALPHA


def test_noisy_values_lie_on_a_public_grid() -> None:
    noisy = add_noise(np.linspace(0, 1, 1000), 0.7, secret_generator())
    grid = 0.5 * 2.0**-GRID_BITS
    assert np.array_equal(noisy, np.rint(noisy / grid) * grid)


def test_every_unit_joins_with_the_sample_rate_whatever_the_others_do() -> None:
    generator = secret_generator()
    samples = [poisson_sample(50, 0.2, generator) for _ in range(2000)]
    joined = np.bincount(np.concatenate(samples), minlength=50)
    assert min(stats.binomtest(int(k), 2000, 0.2).pvalue for k in joined) > ALPHA / 50
    sizes = np.array([len(sample) for sample in samples])
    assert stats.chisquare(np.bincount(sizes, minlength=30)[5:16], None).statistic > 0  # sizes do vary
    assert abs(sizes.var() - 50 * 0.2 * 0.8) < 5 * np.sqrt(2 / 2000) * 8  # five standard errors: one in a million
    assert all(len(np.unique(sample)) == len(sample) for sample in samples)


def test_sample_rate_one_takes_all_and_no_units_give_an_empty_batch() -> None:
    generator = secret_generator()
    assert poisson_sample(7, 1.0, generator).tolist() == list(range(7))
    assert len(poisson_sample(0, 0.5, generator)) == 0
