"""Clients as users have them, against a real server: huggingface_hub of today, and the one that NVIDIA's SDK pins."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from serve.settings import Settings
from serve.store.auth import create_key
from serve.store.database import Database
from tests.serve.servers import running

pytestmark = pytest.mark.slow
hub = pytest.importorskip("huggingface_hub")
SDK = Path(__file__).parents[3] / ".venv-sdk" / "bin" / "python"
REPOSITORY = "trial/people"
needs_sdk = pytest.mark.skipif(not SDK.exists(), reason="no environment .venv-sdk with nemo_microservices")


@pytest.fixture
def server(settings: Settings) -> Iterator[str]:
    with running(settings) as address:
        yield address


@pytest.fixture
def api(server: str) -> Any:
    made = hub.HfApi(endpoint=f"{server}/v1/hf", token=False)
    made.create_repo(REPOSITORY, repo_type="dataset")
    return made


def upload(api: Any, path: str, content: bytes) -> Any:
    return api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=REPOSITORY, repo_type="dataset")


@pytest.mark.parametrize("size", [0, 20, 1 << 20, (40 << 20) + 1])
def test_a_file_comes_back_as_it_was_uploaded(api: Any, size: int, tmp_path: Path):
    content = os.urandom(size)
    upload(api, "a folder/é.bin", content)
    file = api.hf_hub_download(REPOSITORY, "a folder/é.bin", repo_type="dataset", cache_dir=tmp_path)
    assert Path(file).read_bytes() == content


def test_a_repository_may_be_created_again_where_that_is_asked_for(api: Any):
    assert api.create_repo(REPOSITORY, repo_type="dataset", exist_ok=True).repo_id == REPOSITORY
    with pytest.raises(hub.errors.HfHubHTTPError) as caught:
        api.create_repo(REPOSITORY, repo_type="dataset")
    assert caught.value.response.status_code == 409


def test_the_same_file_may_be_uploaded_again(api: Any):
    assert upload(api, "a.csv", b"a\n1\n").oid != upload(api, "a.csv", b"a\n1\n").oid


def test_a_folder_is_uploaded_listed_and_downloaded(api: Any, tmp_path: Path):
    for path in ("a.csv", "part/b.csv", "part/deep/c.csv"):
        (tmp_path / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / path).write_text(path)
    api.upload_folder(repo_id=REPOSITORY, repo_type="dataset", folder_path=tmp_path / "up")
    assert api.list_repo_files(REPOSITORY, repo_type="dataset") == ["a.csv", "part/b.csv", "part/deep/c.csv"]
    assert {entry.path for entry in api.list_repo_tree(REPOSITORY, repo_type="dataset")} == {"a.csv", "part"}
    assert [entry.path for entry in api.list_repo_tree(REPOSITORY, "part/deep", repo_type="dataset")] == [
        "part/deep/c.csv"
    ]
    assert [entry.size for entry in api.get_paths_info(REPOSITORY, ["a.csv", "no"], repo_type="dataset")] == [5]
    folder = api.snapshot_download(REPOSITORY, repo_type="dataset", cache_dir=tmp_path / "down")
    assert (Path(folder) / "part/deep/c.csv").read_text() == "part/deep/c.csv"


def test_files_folders_and_repositories_are_deleted(api: Any):
    for path in ("a.csv", "b/c.csv", "b/d.csv"):
        upload(api, path, path.encode())
    api.delete_file("a.csv", REPOSITORY, repo_type="dataset")
    api.delete_folder("b", REPOSITORY, repo_type="dataset")
    assert api.list_repo_files(REPOSITORY, repo_type="dataset") == []
    assert api.repo_exists(REPOSITORY, repo_type="dataset")
    api.delete_repo(REPOSITORY, repo_type="dataset")
    assert not api.repo_exists(REPOSITORY, repo_type="dataset")


def test_what_is_not_there_has_its_own_error(api: Any):
    with pytest.raises(hub.errors.EntryNotFoundError):
        api.hf_hub_download(REPOSITORY, "no.csv", repo_type="dataset")
    with pytest.raises(hub.errors.RepositoryNotFoundError):
        api.dataset_info("trial/nobody")
    with pytest.raises(hub.errors.RevisionNotFoundError):
        api.dataset_info(REPOSITORY, revision="v1")
    assert api.file_exists(REPOSITORY, "no.csv", repo_type="dataset") is False


def test_pandas_reads_and_the_filesystem_lists(api: Any):
    upload(api, "part/a.csv", b"a,b\n" + b"1,x\n" * 1000)
    table = pd.read_csv(f"hf://datasets/{REPOSITORY}/part/a.csv", storage_options={"endpoint": api.endpoint})
    assert table.shape == (1000, 2)
    files = hub.HfFileSystem(endpoint=api.endpoint, token=False, skip_instance_cache=True)
    assert files.ls(f"datasets/{REPOSITORY}", detail=False) == [f"datasets/{REPOSITORY}/part"]
    with files.open(f"datasets/{REPOSITORY}/part/a.csv", "rb", block_size=100) as stream:
        stream.seek(-6, 2)
        assert stream.read() == b"x\n1,x\n"


def test_clients_that_upload_at_the_same_time_lose_nothing(api: Any):
    failed: list[Exception] = []

    def one(number: int) -> None:
        try:
            upload(api, f"{number % 4}.csv", f"{number % 2}".encode())
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert api.list_repo_files(REPOSITORY, repo_type="dataset") == [f"{number}.csv" for number in range(4)]


def test_a_key_opens_and_none_does_not(settings: Settings, tmp_path: Path):
    with running(settings.model_copy(update={"auth": settings.auth.model_copy(update={"api_keys": True})})) as server:
        key = create_key(Database(settings.database), "ann", {"trial": "editor"})
        api = hub.HfApi(endpoint=f"{server}/v1/hf", token=key)
        api.create_repo(REPOSITORY, repo_type="dataset")
        upload(api, "a.csv", b"a\n")
        assert api.whoami()["name"] == "ann"
        assert Path(api.hf_hub_download(REPOSITORY, "a.csv", repo_type="dataset", cache_dir=tmp_path)).exists()
        with pytest.raises(hub.errors.HfHubHTTPError) as caught:
            hub.HfApi(endpoint=api.endpoint, token=False).dataset_info(REPOSITORY)
        assert caught.value.response.status_code == 401
        assert not isinstance(caught.value, hub.errors.RepositoryNotFoundError)
        with pytest.raises(hub.errors.RepositoryNotFoundError):
            api.dataset_info("other/people")
        with pytest.raises(hub.errors.HfHubHTTPError) as caught:
            api.delete_repo(REPOSITORY, repo_type="dataset")
        assert caught.value.response.status_code == 403


SDK_SCRIPT = """
import hashlib, os, sys, warnings
import pandas as pd
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
endpoint, token, cache = sys.argv[1:]
api = HfApi(endpoint=endpoint, token=token)
for _ in range(2):  # the second time everything is there
    api.create_repo("trial/people", repo_type="dataset", exist_ok=True)
    for name, content in (("small.csv", b"a\\n1\\n"), ("large.bin", bytes(range(256)) * 20000), ("empty.csv", b"")):
        api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id="trial/people", repo_type="dataset")
        file = hf_hub_download("trial/people", name, repo_type="dataset", endpoint=endpoint, token=token,
                               cache_dir=cache, force_download=True)
        assert open(file, "rb").read() == content, name
print(sorted(os.listdir(snapshot_download("trial/people", repo_type="dataset", endpoint=endpoint, token=token,
                                          cache_dir=cache + "2"))))
print(pd.read_csv("hf://datasets/trial/people/small.csv",
                  storage_options={"endpoint": endpoint, "token": token}).shape)
"""
BUILDER_SCRIPT = """
import sys
import pandas as pd
from nemo_microservices import NeMoMicroservices
from nemo_microservices.beta.safe_synthesizer.sdk.job_builder import SafeSynthesizerJobBuilder

server = sys.argv[1]
client = NeMoMicroservices(base_url=server)
for rows in (10, 200_000):
    builder = (SafeSynthesizerJobBuilder(client)
               .with_data_source(pd.DataFrame({"id": range(rows), "name": ["someone"] * rows}))
               .with_datastore({"endpoint": f"{server}/v1/hf", "token": ""})
               .synthesize())
    for _ in range(2):
        builder._resolve_job_config()
        print(builder._final_job_config.data_source)
"""


def run_sdk(script: str, *arguments: str) -> list[str]:
    """Lines that a script printed, in the environment of NVIDIA's SDK, as its users have it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [SDK, "-c", script, *arguments], capture_output=True, text=True, timeout=240, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.split("\n")[:-1]


@needs_sdk
def test_the_hub_client_that_the_sdk_pins_uploads_by_lfs_and_reads_back(server: str, tmp_path: Path):
    lines = run_sdk(SDK_SCRIPT, f"{server}/v1/hf", "", str(tmp_path))
    assert lines == ["['empty.csv', 'large.bin', 'small.csv']", "(1, 1)"]


@needs_sdk
def test_the_sdk_s_job_builder_uploads_a_table(server: str, settings: Settings):
    sources = run_sdk(BUILDER_SCRIPT, server)
    api = hub.HfApi(endpoint=f"{server}/v1/hf", token=False)
    files = api.list_repo_files("default/safe-synthesizer", repo_type="dataset")
    assert sorted(sources) == [f"hf://datasets/default/safe-synthesizer/{file}" for file in files]
    assert len(files) == 4
