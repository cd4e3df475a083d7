"""Ray's cluster launcher accepts `cluster.yaml`."""

import pytest
import yaml

from tests.test_cluster_yaml import FILE


@pytest.mark.ray
def test_ray_accepts_the_file_and_a_broken_one_is_refused() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    cluster = yaml.safe_load(FILE.read_text())
    validate_config(prepare_config(cluster))
    with pytest.raises(Exception, match="head_node_type"):
        validate_config(prepare_config(cluster | {"head_node_type": "nowhere"}))
