"""`cluster.yaml` is what Ray's cluster launcher accepts."""

from pathlib import Path

import pytest
import yaml

FILE = Path(__file__).parents[1] / "cluster.yaml"


@pytest.mark.ray
def test_ray_accepts_the_file_and_a_broken_one_is_refused() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    cluster = yaml.safe_load(FILE.read_text())
    validate_config(prepare_config(cluster))
    with pytest.raises(Exception, match="head_node_type"):
        validate_config(prepare_config(cluster | {"head_node_type": "nowhere"}))


def test_the_cluster_has_a_cpu_head_cpu_workers_and_gpu_workers_that_start_on_demand() -> None:
    types = yaml.safe_load(FILE.read_text())["available_node_types"]
    assert "GPU" not in types["head"]["resources"]
    assert types["cpu_worker"]["max_workers"] > types["cpu_worker"]["min_workers"] > 0
    assert types["gpu_worker"]["resources"]["GPU"] == 1
    assert types["gpu_worker"]["min_workers"] == 0 < types["gpu_worker"]["max_workers"]
