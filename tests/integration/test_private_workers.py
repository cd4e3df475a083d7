"""The mechanism in real Ray Train workers: noise once overall, sums of all, replicas equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from tests.training.private import private_toy

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

FULL = replace(private_toy.DP, sample_rate=1.0)
QUIET = replace(FULL, noise_multiplier=1e-9)
NUM_ROWS, STEPS = 24, 12


def save_gradients(config: dict[str, Any]) -> None:
    """Body of a worker."""
    import ray.train

    from ss_ray.training.loop import Worker

    context = ray.train.get_context()
    worker = Worker(rank=context.get_world_rank(), world_size=context.get_world_size())
    for name, dp in (("full", FULL), ("quiet", QUIET)):
        found = private_toy.gradients(dp, worker, NUM_ROWS, STEPS)
        np.save(Path(config["folder"]) / f"{name}-{worker.rank}.npy", found)


@pytest.mark.slow
def test_three_workers_are_the_mechanism_of_one(tmp_path: Path) -> None:
    """Variance (sigma C / B)^2 whatever the number of workers: noise of every worker would triple it."""
    TorchTrainer(
        save_gradients,
        train_loop_config={"folder": str(tmp_path)},
        scaling_config=ScalingConfig(num_workers=3, resources_per_worker={"CPU": 0.5}),
        run_config=RunConfig(storage_path=str(tmp_path / "results")),
    ).fit()
    replicas = [np.load(tmp_path / f"full-{rank}.npy") for rank in range(3)]
    assert all(np.array_equal(replicas[0], other) for other in replicas[1:])
    assert private_toy.is_standard_normal(private_toy.noise_of(replicas[0], FULL))
    alone = private_toy.gradients(QUIET, private_toy.ALONE, NUM_ROWS, 1)
    np.testing.assert_allclose(np.load(tmp_path / "quiet-0.npy")[0], alone[0], atol=1e-6)
