"""Two workers that talk by torch alone are one mechanism: noise once, the sum of all, the same on both."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch.distributed as dist

from ss_ray.training.loop import Worker
from tests.training.private import private_toy

FULL = replace(private_toy.DP, sample_rate=1.0)
QUIET = replace(FULL, noise_multiplier=1e-9)
NUM_ROWS, STEPS = 24, 12


def save_gradients(rank: int, folder: Path) -> None:
    """Body of a worker."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    for name, dp in (("full", FULL), ("quiet", QUIET)):
        found = private_toy.gradients(dp, Worker(rank=rank, world_size=2), NUM_ROWS, STEPS)
        np.save(folder / f"{name}-{rank}.npy", found)
    dist.destroy_process_group()


def test_two_workers_are_the_mechanism_of_one(tmp_path: Path) -> None:
    """Variance (sigma C / B)^2 whatever the number of workers: noise of both would double it. Wrong once in 10^6."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=save_gradients, args=(rank, tmp_path)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    replicas = [np.load(tmp_path / f"full-{rank}.npy") for rank in range(2)]
    assert np.array_equal(*replicas)
    assert private_toy.is_standard_normal(private_toy.noise_of(replicas[0], FULL))
    alone = private_toy.gradients(QUIET, private_toy.ALONE, NUM_ROWS, 1)
    np.testing.assert_allclose(np.load(tmp_path / "quiet-0.npy")[0], alone[0], atol=1e-6)
