"""Ray Serve accepts the configurations that the service is deployed with."""

from __future__ import annotations

import pytest
import yaml

from tests.serve.test_manifests import SERVE, SERVICE


@pytest.mark.ray
def test_ray_accepts_the_serve_configurations() -> None:
    from ray.serve.schema import ServeDeploySchema

    for text in (SERVICE["spec"]["serveConfigV2"], (SERVE / "config.yaml").read_text()):
        (application,) = ServeDeploySchema.model_validate(yaml.safe_load(text)).applications
        assert application.import_path == "serve.app:build"
