"""Run by nemo-platform 0.3.0 in its own environment: everything its users call. Prints "ok" at the end."""

import sys
import tempfile
from pathlib import Path

import pandas as pd
from nemo_platform import NeMoPlatform
from nemo_safe_synthesizer_plugin.sdk.job_builder import SafeSynthesizerJobBuilder

FRAME = pd.DataFrame({"name": ["Ann Lee", "Bo Chu"] * 20, "age": range(40)})
client = NeMoPlatform(base_url=sys.argv[1], workspace="default")


def builder() -> SafeSynthesizerJobBuilder:
    return SafeSynthesizerJobBuilder(client).with_data_source(FRAME).with_replace_pii().synthesize()


job = builder().with_train(num_input_records_to_sample=100).with_generate(num_records=15).create_job(name="first")
job.wait_for_completion(poll_interval=1)
assert job.fetch_status() == "completed"
assert job.fetch_summary().synthetic_data_quality_score == 8.1
assert job.fetch_data().shape == (2, 2)
report = Path(tempfile.mkdtemp()) / "report.html"
job.save_report(str(report))
assert "José" in report.read_text(encoding="utf8")
assert [log.message for log in job.fetch_logs()] == ["train: starts", "finished: 2 rows"]

failing = builder().with_generate(num_records=13).create_job(name="second")
try:
    failing.wait_for_completion(poll_interval=1)
except RuntimeError:
    assert failing.fetch_status() == "error"
else:
    raise AssertionError
print("ok")
