"""Run by nemo-helix 0.8.1 in its own environment: everything its users call. Prints "ok" at the end."""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from nemo_helix_plugin.client.client import NemoClient
from nemo_helix_plugin.client.errors import NemoHTTPError
from nemo_helix_plugin.files.types import CreateFilesetRequest, UpdateFilesetRequest
from nemo_safe_synthesizer_plugin.sdk.config import (
    DifferentialPrivacyHyperparams,
    EvaluationParameters,
    GenerateParameters,
    TrainingHyperparams,
)
from nemo_safe_synthesizer_plugin.sdk.job_builder import SafeSynthesizerJobBuilder
from nemo_safe_synthesizer_plugin.sdk.resources import AsyncSafeSynthesizerResource, SafeSynthesizerResource

FRAME = pd.DataFrame({"name": ["Ann Lee", "Bo Chu"] * 20, "age": range(40)})
client = NemoClient(base_url=sys.argv[1], workspace="default")
resource = SafeSynthesizerResource(client)
folder = Path(tempfile.mkdtemp())


def builder() -> SafeSynthesizerJobBuilder:
    return SafeSynthesizerJobBuilder(client).with_data_source(FRAME).with_replace_pii().synthesize()


def refused(call: Callable[[], object], status: int) -> None:
    """Try a call that the service refuses with a status."""
    answered = 200
    try:
        call()
    except NemoHTTPError as error:
        answered = error.status_code
    assert answered == status, f"a call was answered with {answered}, not refused with {status}"


def use_jobs() -> None:
    job = builder().with_train(num_input_records_to_sample=100).with_generate(num_records=15)
    job = job.with_classify_model_provider("any").with_hf_token_secret("any").create_job(name="first", project="trial")
    job.wait_for_completion(poll_interval=1)
    assert job.fetch_status() == "completed"
    assert job.fetch_status_info().status_details["quality_grade"] == "Excellent"
    assert job.fetch_summary().synthetic_data_quality_score == 8.1
    assert job.fetch_data().shape == (2, 2)
    job.save_report(folder / "report.html")
    assert "José" in (folder / "report.html").read_text(encoding="utf8")
    assert [log.message for log in job.fetch_logs()] == ["train: starts", "finished: 2 rows"]

    FRAME.to_csv(folder / "people.csv", index=False)
    configured = SafeSynthesizerJobBuilder(client).with_data_source(folder / "people.csv").synthesize()
    configured.with_train(TrainingHyperparams()).with_generate(GenerateParameters()).with_evaluate(
        EvaluationParameters()
    )
    configured.with_differential_privacy(DifferentialPrivacyHyperparams(dp_enabled=True, epsilon=4)).create_job(
        name="dp"
    )
    failing = builder().with_generate(num_records=13).create_job(name="second")
    try:
        failing.wait_for_completion(poll_interval=1, verbose=False)
    except RuntimeError:
        assert failing.fetch_status() == "error"
    else:
        raise AssertionError
    refused(builder().with_pretrained_model_job("first").create_job, 422)


def use_resource() -> None:
    assert resource.jobs.retrieve("first").project == "trial"
    assert resource.jobs.get_status("first").status == "completed"
    assert resource.jobs.get_logs("first", limit=1).next_page
    assert [job.name for job in resource.jobs.list(filter='{"name": "first"}').items()] == ["first"]
    assert len(list(resource.jobs.list(page_size=1, sort="-created_at").items())) == 3
    refused(lambda: resource.jobs.retrieve("nobody"), 404)
    refused(lambda: resource.jobs.retrieve("first", workspace="other"), 404)


def use_core_jobs() -> None:
    jobs = client.jobs
    assert jobs.list_execution_profiles() == []
    assert jobs.retrieve("first").platform_spec.steps[0].executor.command == ["ss-ray", "run"]
    assert [job.name for job in jobs.list(filter={"name": "first"})] == ["first"]
    assert [line.message for line in jobs.get_logs("first", tail=1)] == ["finished: 2 rows"]
    names = [step.name for step in jobs.steps.list("first")]
    assert "train" in names
    assert jobs.steps.retrieve("train", job="first").status == "completed"
    assert [task.name for task in jobs.tasks.list("train", job="first").data] == ["train-0"]
    assert jobs.tasks.retrieve("train-0", job="first", step="train").status == "completed"
    assert "synthetic-data" in [result.name for result in jobs.results.list("first").data]
    assert jobs.results.retrieve("summary", job="first").job == "first"
    assert jobs.results.download("synthetic-data", job="first").read().startswith(b"name,age")
    assert [event.kind for event in jobs.watch_job("first", poll_interval=0.1)][-1] == "log"
    SafeSynthesizerJobBuilder(client).with_data_source(FRAME).synthesize().create_job(name="hold")
    assert jobs.cancel("hold").status in ("cancelled", "cancelling")
    jobs.delete("hold")
    refused(lambda: jobs.retrieve("hold"), 404)

    refused(lambda: jobs.pause("first"), 422)
    refused(lambda: jobs.resume("first"), 422)
    refused(lambda: jobs.update_status_details("first", body={"done": 1}), 422)
    refused(lambda: jobs.steps.update_status("train", job="first", status="error"), 422)
    refused(lambda: jobs.tasks.create_or_update("train-0", job="first", step="train"), 422)
    fileset = {"artifact_storage_type": "fileset", "artifact_url": "fileset://any"}
    refused(lambda: jobs.results.create("mine", job="first", **fileset), 422)
    step = {"name": "run", "executor": {"provider": "subprocess", "command": ["ls"]}}
    refused(lambda: jobs.create(platform_spec={"steps": [step]}, source="other", spec={}), 422)


def use_files() -> None:
    files = client.files
    new = CreateFilesetRequest(name="mine", purpose="dataset", description="old")
    assert files.create_fileset(body=new).data().purpose == "dataset"
    refused(lambda: files.create_fileset(body=new), 409)
    assert files.create_fileset(body=new, exist_ok=True).data().name == "mine"
    assert files.update_fileset(name="mine", body=UpdateFilesetRequest(description="new")).data().description == "new"
    fileset = files.refresh_fileset(name="mine").data()
    assert (fileset.description, fileset.purpose) == ("new", "dataset")
    assert files.upload_file(name="mine", path="a/b.csv", content=b"a\n1\n").data().size == 4
    files.upload_file(name="mine", path="ab.csv", content=iter([b"a\n", b"2\n"]))
    assert [file.path for file in files.list_files(name="mine", query_params={"path": "a"}).data().data] == ["a/b.csv"]
    assert files.download_file(name="mine", path="ab.csv").read() == b"a\n2\n"
    assert files.delete_file(name="mine", path="ab.csv").data().path == "ab.csv"
    assert "mine" in [fileset.name for fileset in files.list_filesets().items()]
    assert files.delete_fileset(name="mine").data().name == "mine"
    refused(lambda: files.get_fileset(name="mine"), 404)
    elsewhere = CreateFilesetRequest.model_validate({"name": "other", "storage": {"type": "local", "path": "/etc"}})
    refused(lambda: files.create_fileset(body=elsewhere), 422)


def use_other_services() -> None:
    assert client.workspaces.get_workspace(name="default").data().name == "default"
    assert list(client.workspaces.list_workspaces().items()) == []
    refused(lambda: list(client.secrets.list_secrets().items()), 404)
    refused(lambda: client.models.get_provider(name="any"), 404)


async def use_async_resource() -> None:
    async with client.to_async() as platform:
        jobs = AsyncSafeSynthesizerResource(platform).jobs
        assert (await jobs.retrieve("first")).name == "first"
        assert (await jobs.get_status("first")).status == "completed"
        assert (await jobs.get_logs("first")).total == 2
        source = (await jobs.retrieve("first")).spec["data_source"]
        assert (await jobs.create(spec={"data_source": source, "config": {}}, name="third")).status == "created"
        assert "third" in [job.name async for job in (await jobs.list()).items()]


use_jobs()
use_resource()
use_core_jobs()
use_files()
use_other_services()
asyncio.run(use_async_resource())
print("ok")
