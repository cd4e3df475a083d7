"""A cluster that does what the test says: the real `Runner` protocol, without Ray."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serve.runner.runner import RayStatus, Submission
from ss_ray.errors import ResourceError

DISTANCES = {"name": "age", "distance": {"value": 0.25}, "distance_baseline": {"value": 0.125}}
METRICS = {
    "synthetic_data_quality_score": 8.1,
    "quality_grade": "Excellent",
    "column_distribution_stability_score": 7.4,
    "fidelity": {"columns": [DISTANCES]},
}
FIGURES = {
    "quality_verdict": 8.1,
    "quality_grade": "Excellent",
    "utility_target": "age",
    "utility_real": 0.91,
    "utility_synthetic": 0.83,
    "discriminator_auc": 0.58,
}


@dataclass
class ScriptedRunner:
    """Knows what was submitted; the test moves it on.

    Attributes:
        entrypoints: By submission id.
        names: Of the jobs, by submission id.
        known: What it says of each.
        texts: Log of each.
        stopped: Ids that were to be stopped, in order.
        down: Whether nobody answers.
        full: Whether it takes nothing new.
    """

    entrypoints: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    known: dict[str, Submission] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    down: bool = False
    full: bool = False

    def submit(self, submission_id: str, entrypoint: str, metadata: Mapping[str, str]) -> None:
        self._answer()
        if self.full:
            raise ResourceError("the cluster's job server does not answer")
        if submission_id not in self.known:
            self.entrypoints[submission_id] = entrypoint
            self.names[submission_id] = metadata["name"]
            self.known[submission_id] = Submission(status="PENDING")

    def submissions(self) -> Mapping[str, Submission]:
        self._answer()
        return dict(self.known)

    def stop(self, submission_id: str) -> None:
        self.stopped.append(submission_id)
        self.says(submission_id, "STOPPED")

    def log(self, submission_id: str) -> str:
        return self.texts.get(submission_id, "")

    def forget(self, submission_id: str) -> None:
        self.known.pop(submission_id, None)

    def says(self, submission_id: str, status: RayStatus) -> None:
        """From now on it says that of a submission."""
        self.known[submission_id] = replace(self.known[submission_id], status=status)

    def options(self, submission_id: str) -> dict[str, str]:
        """Options of an entry point."""
        words = shlex.split(self.entrypoints[submission_id])
        return {name[2:]: value for name, value in pairwise(words) if name.startswith("--")}

    def writes(self, submission_id: str, *lines: str) -> None:
        """The job logs."""
        text = "".join(f"{line}\n" for line in lines)
        self.texts[submission_id] = self.texts.get(submission_id, "") + text

    def reports(self, submission_id: str, **status: Any) -> None:
        """The job writes its status file."""
        file = Path(self.options(submission_id)["status"])
        values = {"state": "active", "stages": [], "rows": None, "incomplete": "", "error": None, "updated_at": "now"}
        file.write_text(json.dumps(values | status))

    def finishes(self, submission_id: str, rows: int = 2) -> None:
        """The job makes its table and says so; Ray may not have noticed yet."""
        out = Path(self.options(submission_id)["out"])
        for name, text in {
            "release/synthetic.csv": 'name,age\n"=1+1",-5\nJosé,7\n',
            "internal/report.html": "<!DOCTYPE html><h1>Report of José</h1>",
            "internal/metrics.json": json.dumps(METRICS),
            "manifest/start.json": manifest("start", 0, {}),
            "manifest/generate.json": manifest("generate", 1.5, {"num_rows": rows, "rejected": {"a": 2}}),
            "manifest/train.json": manifest("train", 2.5, {}),
            "manifest/evaluate.json": manifest("evaluate", 0, FIGURES),
        }.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text)
        (out / "release/synthetic").mkdir(exist_ok=True)
        pq.write_table(pa.table({"name": ["=1+1", "José"], "age": [-5, 7]}), out / "release/synthetic/part-0.parquet")
        self.reports(submission_id, state="completed", rows=rows)

    def _answer(self) -> None:
        if self.down:
            raise ResourceError("the cluster's job server does not answer")


def manifest(stage: str, seconds: float, result: dict[str, Any]) -> str:
    """A stage's manifest, as far as the service reads it."""
    times = {"seconds": seconds, "finished_at": "2026-01-01T00:00:00.000+00:00"}
    return json.dumps({"stage": stage, "result": result, **times})


def stage(name: str, done: int = 1, total: int | None = 4) -> dict[str, Any]:
    """A reading of a stage, as a status file has it."""
    times = {"started_at": f"{done}", "updated_at": f"{done}"}
    return {"name": name, "done": done, "total": total, "unit": "rows", "note": "", **times}


def log_line(message: str, logger: str = "ss_ray.pipelines.stages") -> str:
    """A line as our entry points write it."""
    return json.dumps({"time": "2026-01-01T00:00:00.000+00:00", "level": "info", "logger": logger, "message": message})


class PromptRunner(ScriptedRunner):
    """A cluster on which a job trains for one round, and is finished in the next; one that asks for 13 rows fails."""

    def submissions(self) -> Mapping[str, Submission]:
        for name, submission in list(self.known.items()):
            if submission.status == "PENDING":
                self.says(name, "RUNNING")
                self.writes(name, log_line("train: starts"))
                self.reports(name, stages=[stage("read", 4), stage("train", 1)])
            elif submission.status == "RUNNING" and "hold" not in self.options(name)["data"] + self.names[name]:
                self._end(name)
        return super().submissions()

    def _end(self, name: str) -> None:
        asked = json.loads(Path(self.options(name)["config"]).read_text())
        if asked.get("generation", {}).get("num_records") == 13:
            error = {"code": "invalid_data", "message": "the table has no rows", "exit_code": 3, "retryable": False}
            self.reports(name, state="error", error=error)
            self.says(name, "FAILED")
        else:
            self.writes(name, log_line("finished: 2 rows"))
            self.finishes(name)
            self.says(name, "SUCCEEDED")
