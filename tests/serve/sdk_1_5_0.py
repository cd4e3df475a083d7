"""Run by nemo-microservices 1.5.0 in its own environment: everything its users call. Prints "ok" at the end."""

import sys
import tempfile
from pathlib import Path

import nemo_microservices
import pandas as pd
from nemo_microservices import NeMoMicroservices
from nemo_microservices.beta.safe_synthesizer.sdk.job import SafeSynthesizerJob
from nemo_microservices.beta.safe_synthesizer.sdk.job_builder import SafeSynthesizerJobBuilder

URL = sys.argv[1]
FRAME = pd.DataFrame({"name": ["Ann Lee", "Bo Chu"] * 20, "age": range(40)})
client = NeMoMicroservices(base_url=URL)
jobs = client.beta.safe_synthesizer.jobs


def builder() -> SafeSynthesizerJobBuilder:
    made = SafeSynthesizerJobBuilder(client).with_data_source(FRAME)
    return made.with_datastore({"endpoint": f"{URL}/v1/hf", "token": ""}).with_replace_pii().synthesize()


job = builder().with_generate(num_records=15).create_job(name="first", project="p1")
job.wait_for_completion(poll_interval=1)
assert job.fetch_status() == "completed", job.fetch_status()
assert job.fetch_status_info().status_details["quality_grade"] == "Excellent"
assert job.fetch_summary().synthetic_data_quality_score == 8.1
assert job.fetch_summary().timing.training_time_sec == 2.5
assert job.fetch_data().shape == (2, 2)
report = Path(tempfile.mkdtemp()) / "report.html"
job.save_report(str(report))
assert "José" in report.read_text(encoding="utf8")
assert [log.message for log in job.fetch_logs()] == ["train: starts", "finished: 2 rows"]
assert "synthetic_data" in [found.result_name for found in jobs.results.list(job.job_id).data]
assert jobs.results.retrieve("summary", job_id=job.job_id).job_id == job.job_id

again = builder().create_job()  # the repository is there already: traps 2 to 5
assert [found.name for found in jobs.list(filter={"name": "first"})] == ["first"]
assert len(list(jobs.list(page_size=1))) == 2
assert SafeSynthesizerJob(again.job_id, client).job_id == again.job_id
assert jobs.cancel(again.job_id).status in ("cancelled", "cancelling", "completed")
jobs.delete(again.job_id)
for call in (jobs.retrieve, jobs.get_status, jobs.delete, jobs.cancel, jobs.get_logs):
    try:
        call(again.job_id)
    except nemo_microservices.NotFoundError:
        continue
    raise AssertionError(call)

failing = builder().with_generate(num_records=13).create_job()
failing.wait_for_completion(poll_interval=1)
assert failing.fetch_status() == "error"
assert failing.fetch_status_info().error_details["message"] == "the table has no rows"
try:
    failing.fetch_data()
except nemo_microservices.NotFoundError:
    pass
else:
    raise AssertionError

refused = ""
try:
    jobs.create(spec={"data_source": "hf://datasets/default/none/x.csv", "config": {}})
except nemo_microservices.UnprocessableEntityError as error:
    refused = str(error)
assert "data_source" in refused

namespace = client.namespaces.create(id="team")
dataset = client.datasets.create(name="d", namespace="team", files_url="hf://datasets/team/d")
assert client.datasets.retrieve("d", namespace="team").files_url == dataset.files_url
client.datasets.delete("d", namespace="team")
client.namespaces.delete("team")
print("ok")
