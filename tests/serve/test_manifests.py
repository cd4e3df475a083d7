"""What the service is deployed with, checked without the engines that run it."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from serve.app import check_reachable
from serve.settings import ROOT, Settings, parse_settings, read_settings
from ss_ray.errors import ConfigError

SERVE = ROOT / "serve" / "deploy"
COMPOSE = yaml.safe_load((SERVE / "compose.yaml").read_text())
SERVICE = yaml.safe_load((SERVE / "kuberay/rayservice.yaml").read_text())
JOB = yaml.safe_load((SERVE / "kuberay/rayjob.yaml").read_text())
CLUSTERS = [SERVICE["spec"]["rayClusterConfig"], JOB["spec"]["rayClusterSpec"]]
FILES = sorted(path for path in SERVE.rglob("*") if path.suffix == ".yaml" or path.name == "Dockerfile")
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
POD = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["containers"],
            "properties": {
                "containers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["name", "image"],
                        "properties": {
                            "env": {"type": "array", "items": {"required": ["name"]}},
                            "resources": {"required": ["requests", "limits"]},
                        },
                    },
                }
            },
        }
    },
}
GROUP = {
    "type": "object",
    "required": ["rayStartParams", "template"],
    "properties": {"rayStartParams": TEXTS, "template": POD},
}
CLUSTER = {
    "type": "object",
    "required": ["rayVersion", "headGroupSpec", "workerGroupSpecs"],
    "additionalProperties": False,
    "properties": {
        "rayVersion": {"const": "2.60.0"},
        "enableInTreeAutoscaling": {"type": "boolean"},
        "headGroupSpec": GROUP,
        "workerGroupSpecs": {
            "type": "array",
            "items": {
                **GROUP,
                "required": ["groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"],
            },
        },
    },
}
"""What KubeRay's CRDs ask for, as far as these files use it."""


def manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Schema of a manifest."""
    return {
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": "ray.io/v1"},
            "kind": {"const": kind},
            "metadata": {"anyOf": [{"required": ["name"]}, {"required": ["generateName"]}]},
            "spec": {"type": "object", "additionalProperties": False, **spec},
        },
    }


RAY_SERVICE = manifest(
    "RayService",
    {
        "required": ["serveConfigV2", "rayClusterConfig"],
        "properties": {"serveConfigV2": {"type": "string"}, "rayClusterConfig": CLUSTER},
    },
)
RAY_JOB = manifest(
    "RayJob",
    {
        "required": ["entrypoint", "rayClusterSpec"],
        "properties": {
            "entrypoint": {"type": "string"},
            "entrypointNumCpus": {"type": "number"},
            "submissionMode": {"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
            "shutdownAfterJobFinishes": {"type": "boolean"},
            "ttlSecondsAfterFinished": {"type": "integer"},
            "backoffLimit": {"type": "integer"},
            "submitterPodTemplate": POD,
            "rayClusterSpec": CLUSTER,
        },
    },
)


@pytest.mark.parametrize(("found", "schema"), [(SERVICE, RAY_SERVICE), (JOB, RAY_JOB)], ids=["service", "job"])
def test_a_manifest_has_what_its_kind_needs_and_nothing_that_is_misspelled(found: Any, schema: dict[str, Any]):
    jsonschema.validate(found, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "spec": {**found["spec"], "rayCluster": {}}}, schema)


def test_arguments_of_the_serve_configurations_are_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SS_RAY_DATABASE", "postgresql://a:b@c/d")
    for text in (SERVICE["spec"]["serveConfigV2"], (SERVE / "config.yaml").read_text()):
        config = yaml.safe_load(text)
        settings = parse_settings(config["applications"][0]["args"])
        check_reachable(settings)
        assert (settings.host, settings.port) == (config["http_options"]["host"], config["http_options"]["port"])
    assert parse_settings(yaml.safe_load(SERVICE["spec"]["serveConfigV2"])["applications"][0]["args"]).auth.api_keys


@pytest.mark.parametrize("cluster", CLUSTERS, ids=["service", "job"])
def test_every_node_asks_for_the_token_and_takes_secrets_from_a_secret(cluster: dict[str, Any]):
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        variables = {variable["name"]: variable for variable in container["env"]}
        assert variables["RAY_AUTH_MODE"]["value"] == "token"
        assert all("secretKeyRef" in v["valueFrom"] for name, v in variables.items() if name != "RAY_AUTH_MODE")
        assert group["template"]["spec"]["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize("cluster", CLUSTERS, ids=["service", "job"])
def test_the_head_only_drives_and_gpus_start_when_asked_for(cluster: dict[str, Any]):
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    cpu, gpu = cluster["workerGroupSpecs"]
    assert cpu["minReplicas"] >= 1
    assert gpu["replicas"] == gpu["minReplicas"] == 0 < gpu["maxReplicas"]
    assert gpu["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_probes_ask_addresses_that_there_are(client: Any):
    (head,) = SERVICE["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert client.get(head[probe]["httpGet"]["path"]).status_code == 200
    (path,) = re.findall(r"http://127.0.0.1:8000(/[a-z/]+)", (SERVE / "Dockerfile").read_text())
    assert client.get(path).status_code == 200


def test_commands_name_modules_and_options_that_there_are():
    commands = [COMPOSE["services"]["service"]["command"], shlex.split(JOB["spec"]["entrypoint"])]
    commands += [
        yaml.safe_load(line[4:]) for line in (SERVE / "Dockerfile").read_text().splitlines() if line[:4] == "CMD "
    ]
    for python, option, module, *options in commands:
        assert (python, option) == ("python", "-m")
        found = importlib.util.find_spec(module)
        assert found is not None
        source = Path(found.origin or "").with_name(
            "__main__.py" if found.submodule_search_locations else Path(found.origin or "").name
        )
        assert all(f'"{name}"' in source.read_text() or module == "jobs.run" for name in options if name[:2] == "--")


def test_what_the_image_copies_is_there_and_it_does_not_run_as_root():
    lines = (SERVE / "Dockerfile").read_text().splitlines()
    sources = [source for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]]
    assert {"ss_ray", "jobs", "serve"} <= set(sources)
    assert all((ROOT / source).exists() for source in sources)
    assert next(line for line in reversed(lines) if line.startswith("USER ")) == "USER ray"
    pinned = re.search(r'"(torch==[^"]+)"', (ROOT / "pyproject.toml").read_text())
    assert pinned is not None
    assert any(pinned[1] in line for line in lines)
    assert any(line.startswith("HEALTHCHECK ") for line in lines)


def test_the_composed_service_is_reached_from_this_machine_only_and_asks_for_keys():
    assert set(COMPOSE) == {"name", "services", "volumes"}
    service, database = COMPOSE["services"]["service"], COMPOSE["services"]["database"]
    known = {"build", "image", "command", "environment", "ports", "volumes", "shm_size", "depends_on", "healthcheck"}
    assert set(service) | set(database) <= known | {"security_opt", "cap_drop", "restart"}
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "ports" not in database
    assert (SERVE / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == SERVE / "Dockerfile"
    used = {volume.partition(":")[0] for part in (service, database) for volume in part["volumes"]}
    assert used == set(COMPOSE["volumes"])
    settings = read_settings(SERVE / "compose.settings.yaml")
    check_reachable(settings)
    assert (settings.auth.api_keys, settings.storage) == (True, "/data")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_file_holds_a_secret(file: Path):
    for line in file.read_text().splitlines():
        assert not re.search(r"://[^/@\s]+:[^/@\s]+@", line), line
        value = re.search(r"(?i)\w*(?:password|token|secret)\w*\s*[:=]\s*(\S+)", line.partition("#")[0])
        assert value is None or value[1].startswith(("${", "token", "{", "RAY_", "ss-ray", "[]")), line


def test_a_setting_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SS_RAY_TEST", "ann:pass@host")
    file = tmp_path / "settings.yaml"
    file.write_text('database: "postgresql://${SS_RAY_TEST}/x"\ndata_sources: ["/${SS_RAY_TEST}", "$HOME"]\n')
    settings = read_settings(file)
    assert settings.database == "postgresql://ann:pass@host/x"
    assert settings.data_sources == ("/ann:pass@host", "$HOME")


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(ConfigError, match="SS_RAY_NOWHERE is not set"):
        parse_settings({"database": "${SS_RAY_NOWHERE}"})


def test_a_password_of_the_ledger_is_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="PGPASSWORD") as error:
        parse_settings({"ledger": "postgresql://a:hush@b/c"})
    assert "hush" not in str(error.value)
    assert parse_settings({"ledger": "postgresql://a@b/c"}) == Settings(ledger="postgresql://a@b/c")
