"""`cluster.yaml` is what Ray's cluster launcher accepts."""

from pathlib import Path

import yaml

FILE = Path(__file__).parents[1] / "cluster.yaml"


def test_the_cluster_has_a_cpu_head_cpu_workers_and_gpu_workers_that_start_on_demand() -> None:
    types = yaml.safe_load(FILE.read_text())["available_node_types"]
    assert "GPU" not in types["head"]["resources"]
    assert types["cpu_worker"]["max_workers"] > types["cpu_worker"]["min_workers"] > 0
    assert types["gpu_worker"]["resources"]["GPU"] == 1
    assert types["gpu_worker"]["min_workers"] == 0 < types["gpu_worker"]["max_workers"]
