"""The three ways in (Python, command line, `ray job submit` on a cluster of two nodes) do the same; S3 works too."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pytest
from moto.server import ThreadedMotoServer

from ss_ray.config.files import load_config
from ss_ray.pipelines.run import run

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
CONFIG = """
data: {random_state: 5}
replace_pii: null
training:
  num_input_records_to_sample: 1000
  compact: {hidden_size: 32, num_layers: 1, num_heads: 2}
generation: {num_records: 100}
evaluation: {enabled: false}
resources: {threads_per_worker: 1}
"""


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("config") / "config.yaml"
    file.write_text(CONFIG)
    return file


@pytest.fixture(scope="module")
def by_python(
    ray_cluster: None, visits_csv: Path, config_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("runs") / "python"
    run(load_config(config_file), visits_csv, out)
    return what_was_done(out)


def what_was_done(run_dir: Path) -> dict[str, Any]:
    """The manifests without what differs from run to run: times, and the names drawn for run and model."""
    manifests = [json.loads(path.read_text()) for path in sorted((run_dir / "manifest").iterdir())]
    for manifest in manifests:
        manifest["result"] = {k: v for k, v in manifest["result"].items() if k not in ("job", "model_id")}
    return {m["stage"]: {key: m[key] for key in ("key", "asked", "result", "versions")} for m in manifests}


def test_the_command_line_gives_the_same_manifest(
    by_python: dict[str, Any], visits_csv: Path, config_file: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "ss_ray.cli.main", "run", "--data", str(visits_csv), "--config", str(config_file)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "r"), "--csv"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Synthetic table" in done.stdout
    assert "train: " in done.stderr  # plain progress lines where there is no terminal
    assert what_was_done(tmp_path / "r") == by_python


@pytest.fixture
def two_nodes(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A head without CPUs and a worker node with two, in processes of their own."""
    token = tmp_path / "token"
    token.write_text(secrets.token_hex(32))
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "two_nodes.py")],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    yield environment | json.loads(line)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)


@pytest.mark.slow
def test_a_job_on_a_cluster_of_two_nodes_gives_the_same_manifest(
    two_nodes: dict[str, str], by_python: dict[str, Any], visits_csv: Path, config_file: Path, tmp_path: Path
) -> None:
    """The driver sits on a head without CPUs, so every stage runs on the other node."""
    out = tmp_path / "r"
    entry = f"{sys.executable} -m jobs.run --data {visits_csv} --config {config_file} --out {out}"
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "job", "submit", "--address", two_nodes["dashboard"], "--working-dir", str(ROOT)]
    done = subprocess.run(
        [*command, "--", *entry.split()], env=two_nodes, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert what_was_done(out) == by_python


@pytest.mark.slow
def test_killing_the_driver_while_it_generates_loses_only_what_was_not_finished(
    visits_csv: Path, config_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r"
    command = [sys.executable, "-m", "ss_ray.cli.main", "run", "--data", str(visits_csv), "--config", str(config_file)]
    command += ["--out", str(out), "--set", "generation.num_records=24000"]
    driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not list(out.glob("internal/generation-*/part-*.parquet")):
        with pytest.raises(subprocess.TimeoutExpired):  # it must not end before it is killed
            driver.wait(timeout=0.2)
    driver.kill()
    driver.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("internal/generation-*/part-*.parquet")}
    trained = (out / "manifest/train.json").read_text()
    assert kept
    assert not (out / "manifest/generate.json").exists()
    assert not (out / "release/synthetic").exists()  # nothing half-written looks finished
    assert subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == 0
    assert (out / "manifest/train.json").read_text() == trained
    finished = {path.name: path.stat().st_mtime_ns for path in (out / "release/synthetic").iterdir()}
    assert kept.items() <= finished.items()
    assert ds.dataset(out / "release/synthetic").count_rows() == 24_000


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server of our own with an empty bucket; gives the query that a URI needs to reach it."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="user",
        aws_secret_access_key="secret-key",
    )
    client.create_bucket(Bucket="tables")
    yield f"endpoint_override={host}:{port}&scheme=http&region=us-east-1&allow_bucket_creation=false"
    server.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_cluster")
def test_source_and_run_directory_may_be_on_s3(
    bucket: str, visits_csv: Path, config_file: Path, tmp_path: Path
) -> None:
    root = "s3://user:secret-key@tables"
    filesystem, _ = pafs.FileSystem.from_uri(f"{root}/in?{bucket}")
    with filesystem.open_output_stream("tables/in/visits.csv") as stream:
        stream.write(visits_csv.read_bytes())
    report = run(load_config(config_file), f"{root}/in?{bucket}", f"{root}/out?{bucket}", csv=True)
    assert report.num_rows == 100
    assert report.synthetic == "s3://tables/out/release/synthetic"
    assert ds.dataset("tables/out/release/synthetic", filesystem=filesystem).count_rows() == 100
    again = run(load_config(config_file), f"{root}/in?{bucket}", f"{root}/out?{bucket}", csv=True)
    assert again == report
    for info in filesystem.get_file_info(pafs.FileSelector("tables/out/manifest")):
        assert b"secret-key" not in filesystem.open_input_stream(info.path).read()
