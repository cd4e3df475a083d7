"""The Python client against a real server; the cluster behind it is scripted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest

from serve.settings import Settings
from ss_ray.client import Client, JobError
from ss_ray.errors import ConfigError, ResourceError
from tests.serve.fakes import PromptRunner
from tests.serve.servers import running


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with running(settings, PromptRunner()) as url, Client(url, poll_seconds=0.05) as made:
        yield made


def test_a_job_from_a_file_to_its_table(client: Client, table: str, tmp_path: Path):
    job = client.submit(Path(table), {"generation": {"num_records": 2}}, name="mine")
    assert client.wait(job, progress=False, timeout_seconds=60).progress == 1.0
    assert client.data(job).to_dict("list") == {"name": ["=1+1", "José"], "age": [-5, 7]}
    assert client.summary(job)["quality_grade"] == "Excellent"
    assert "evaluation_report" in client.results(job)
    assert [line.split(" ", 1)[1] for line in client.logs(job)] == ["train: starts", "finished: 2 rows"]
    client.save(job, "evaluation_report", tmp_path / "report.html")
    assert "José" in (tmp_path / "report.html").read_text()
    assert [path.name for path in tmp_path.glob(".*partial")] == []
    client.delete(job)
    with pytest.raises(ConfigError, match="404"):
        client.status(job)


def test_a_data_frame_is_uploaded(client: Client):
    job = client.submit(pd.DataFrame({"a": [1, 2]}))
    assert client.wait(job, progress=False, timeout_seconds=60).is_over


def test_an_error_of_a_job_says_why(client: Client, table: str):
    job = client.submit(table, {"generation": {"num_records": 13}})
    with pytest.raises(JobError, match="error: the table has no rows"):
        client.wait(job, progress=False, timeout_seconds=60)


def test_what_the_service_refuses_is_said(client: Client, table: str):
    with pytest.raises(ConfigError, match="top_p"):
        client.submit(table, {"generation": {"top_p": 7}})
    with pytest.raises(ConfigError, match="there is no file"):
        client.submit("nothing.csv")
    with pytest.raises(ConfigError, match=r"no file '/nowhere/people\.csv' on this machine; the service says 422"):
        client.submit("/nowhere/people.csv")


def test_a_service_that_is_away_for_a_moment_is_asked_again():
    answers = iter([httpx.ConnectError("away"), httpx.Response(503), httpx.Response(200, json={"data": []})])

    def answer(request: httpx.Request) -> httpx.Response:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    client = Client("http://service", poll_seconds=0.05, transport=httpx.MockTransport(answer))
    assert client.results("job-1") == []


def test_a_create_is_sent_once():
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        raise httpx.ConnectError("away")

    client = Client("http://service", poll_seconds=0.05, transport=httpx.MockTransport(answer))
    with pytest.raises(ResourceError, match="does not answer"):
        client.submit("hf://datasets/a/b/c.csv")
    assert len(sent) == 1
