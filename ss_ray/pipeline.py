"""The pipeline: one function from a table to a safe synthetic table, a report and a manifest.

Each stage is a function on frozen values and writes its manifest last. Running the same request again skips what is
finished; a changed request names the stages that would have to be done again, and does them only when told to.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from ss_ray import __version__
from ss_ray.cluster import check_resources, connect
from ss_ray.config import Config
from ss_ray.config_files import parameters
from ss_ray.errors import ConfigError
from ss_ray.evaluation.report import PiiRow, ReportContext
from ss_ray.evaluation.stage import EvaluationResult, Tables, evaluate_table
from ss_ray.generation.stage import SyntheticTable, generate_table
from ss_ray.pii.stage import PiiResult, Sides, replace_pii
from ss_ray.plan import RunPlan, check_supported, make_plan
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs import Location, RunDir, fingerprint
from ss_ray.tables.export import write_csv
from ss_ray.tables.files import source_state
from ss_ray.tables.stage import Splits, TableRef, read_table, split_table
from ss_ray.training.stage import ModelRef, discard_work, train_model

logger = logging.getLogger(__name__)

T = TypeVar("T")
STAGES = ("start", "read", "split", "replace_pii", "train", "generate", "evaluate")
VERSIONED = ("ray", "torch", "transformers", "pyarrow", "pandas", "scikit-learn", "presidio-analyzer")


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is fixed when a run begins.

    Attributes:
        seed: `data.random_state`, or the one drawn where it is null.
    """

    seed: int


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """A finished run.

    Attributes:
        run_dir: Its directory.
        synthetic: Folder of the synthetic table's Parquet files.
        csv: The table as one CSV file; None unless asked for.
        report: HTML page; None where evaluation is off.
        manifest: Folder of the stages' manifests.
        num_rows: Synthetic rows.
        evaluation: Main figures; None where evaluation is off.
        stage_seconds: Wall time of each stage, in this run or in the one that finished it.
    """

    run_dir: str
    synthetic: str
    csv: str | None
    report: str | None
    manifest: str
    num_rows: int
    evaluation: EvaluationResult | None
    stage_seconds: dict[str, float]


def run(
    config: Config,
    data: str | Path,
    out: str | Path,
    *,
    csv: bool = False,
    redo: bool = False,
    on_progress: OnProgress = ignore,
) -> RunReport:
    """Synthesize a table.

    Args:
        config: What to do; `Config()` for the defaults.
        data: CSV, JSON lines or Parquet: a file or a folder, a local path or a URI such as s3://bucket/key.
        out: Run directory, a local path or a URI; with several nodes it must be reachable from all.
        csv: Also write release/synthetic.csv.
        redo: Do stages again that a changed request or a changed source makes stale.
        on_progress: Told how far each stage is.

    Raises:
        SsRayError: See `ss_ray.errors`; what is finished stays, and the same call goes on from there.
    """
    check_supported(config)
    run_dir = RunDir.at(out)
    _check_apart(data, run_dir)
    stages = Stages(run_dir, config, redo=redo)
    stages.check({"read": fingerprint(source_state(data))})
    run_dir.create()
    connect()
    check_resources(config.resources)

    internal, resources = run_dir.internal, config.resources
    real = Sides(train=internal / "train", holdout=internal / "holdout")
    replaced = Sides(train=internal / "replaced", holdout=internal / "replaced-holdout")
    seen = real if config.replace_pii is None else replaced
    start = stages.do("start", Start, lambda: Start(seed=_seed(config)))
    table = stages.do("read", TableRef, lambda: read_table(data, config.data, start.seed, on_progress))
    _check_columns(config, table)
    plan = make_plan(config, num_rows=table.num_rows, seed=start.seed)
    splits = stages.do("split", Splits, lambda: split_table(data, table, config.data, plan, internal, on_progress))
    pii = stages.do(
        "replace_pii",
        PiiResult,
        lambda: replace_pii(real, table.schema, config.replace_pii, config.data, resources, replaced, on_progress),
    )
    model = stages.do(
        "train",
        ModelRef,
        lambda: train_model(
            seen.train, pii.schema, plan.training, resources, internal, stages.key("train"), on_progress
        ),
    )
    discard_work(internal)
    work = internal / f"generation-{stages.key('generate')[:16]}"
    synthetic = stages.do(
        "generate",
        SyntheticTable,
        lambda: generate_table(internal / "model", plan.generation, resources, work, run_dir.synthetic, on_progress),
    )
    csv_file = write_csv(run_dir.synthetic, pii.schema, run_dir.release / "synthetic.csv") if csv else None
    evaluation = None
    if config.evaluation.enabled:
        context = _report_context(run_dir, plan, splits, pii, model, synthetic, stages.seconds)
        asked, tables = config.evaluation, Tables(train=seen.train, holdout=seen.holdout, synthetic=run_dir.synthetic)
        evaluation = stages.do(
            "evaluate",
            EvaluationResult,
            lambda: evaluate_table(tables, pii.schema, asked, start.seed, context, internal, on_progress),
        )
    return RunReport(
        run_dir=str(run_dir.root),
        synthetic=str(run_dir.synthetic),
        csv=str(csv_file) if csv_file else None,
        report=str(run_dir.report) if evaluation else None,
        manifest=str(run_dir.root / "manifest"),
        num_rows=synthetic.num_rows,
        evaluation=evaluation,
        stage_seconds=stages.seconds,
    )


class Stages:
    """Does each stage once, and knows from its manifest whether it is done.

    A stage's key is the fingerprint of what it was asked for and of the key before it, so any change makes every
    later stage stale too.
    """

    def __init__(self, run_dir: RunDir, config: Config, *, redo: bool) -> None:
        self.run_dir = run_dir
        self.asked = _asked(config)
        self.evaluates = config.evaluation.enabled
        self.redo = redo
        self.keys: dict[str, str] = {}
        self.ran = False
        self.seconds: dict[str, float] = {}

    def key(self, stage: str) -> str:
        """The fingerprint under which a stage's result is valid."""
        return self.keys[stage]

    def check(self, inputs: Mapping[str, str]) -> None:
        """Derive all keys, and drop what a changed request makes stale.

        Args:
            inputs: What a stage depends on beside the request, by stage.

        Raises:
            ConfigError: Something finished is stale, and `redo` was not given.
        """
        previous = fingerprint(__version__)
        for stage in STAGES:
            previous = fingerprint(previous, stage, self.asked[stage], inputs.get(stage, ""))
            self.keys[stage] = previous
        wanted = [stage for stage in STAGES if stage != "evaluate" or self.evaluates]
        finished = {stage: self.run_dir.read_manifest(stage) for stage in wanted}
        stale = [stage for stage, manifest in finished.items() if manifest and manifest["key"] != self.keys[stage]]
        if stale and not self.redo:
            raise ConfigError(_what_changed(stale, finished[stale[0]] or {}, self.asked[stale[0]]))
        if "generate" in stale or finished["generate"] is None:
            self.run_dir.release.remove()  # before the manifest that vouches for it
        if "evaluate" in stale or "generate" in stale:
            self.run_dir.discard_evaluation()
        for stage in reversed(stale):
            self.run_dir.manifest(stage).remove()

    def do(self, stage: str, result_type: type[T], function: Callable[[], T]) -> T:
        """The stage's result: read back where it is finished, else made now and recorded."""
        adapter = TypeAdapter(result_type)
        manifest = None if self.ran else self.run_dir.read_manifest(stage)
        if manifest is not None:
            logger.info("%s: finished before", stage)
            self.seconds[stage] = manifest["seconds"]
            return adapter.validate_python(manifest["result"], strict=False)
        logger.info("%s: starts", stage)
        self.ran = True  # what follows a stage that is done again is done again, too
        started = time.perf_counter()
        result = function()
        self.seconds[stage] = round(time.perf_counter() - started, 2)
        self.run_dir.write_manifest(
            stage,
            {
                "stage": stage,
                "key": self.key(stage),
                "asked": self.asked[stage],
                "result": adapter.dump_python(result, mode="json"),
                "seconds": self.seconds[stage],
                "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": {"ss-ray": __version__} | {name: version(name) for name in VERSIONED},
            },
        )
        logger.info("%s: finished in %s s", stage, self.seconds[stage])
        return result


def _asked(config: Config) -> dict[str, Any]:
    """The part of the request that each stage's result depends on; resources change speed only."""
    tree = config.model_dump(mode="json")
    for path in (parameter.path for parameter in parameters() if parameter.applies_to):
        _drop(tree, path.split("."))
    data = tree["data"]
    return {
        "start": {"data": {"random_state": data["random_state"]}},
        "read": {"data": data},
        "split": {},
        "replace_pii": {"replace_pii": tree["replace_pii"]},
        "train": {"training": tree["training"], "privacy": tree["privacy"]},
        "generate": {"generation": tree["generation"]},
        "evaluate": {"evaluation": tree["evaluation"]},
    }


def _drop(tree: dict[str, Any] | None, path: list[str]) -> None:
    """Remove a leaf that has no effect in this version."""
    if tree is not None and len(path) > 1:
        _drop(tree[path[0]], path[1:])
    elif tree is not None:
        del tree[path[0]]


def _what_changed(stale: list[str], manifest: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    before, now = _leaves(manifest.get("asked", {})), _leaves(asked)
    changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    what = ", ".join(changed) or ("the source" if stale[0] == "read" else "the version of ss_ray")
    return (
        f"{what} changed since this run directory was begun; {', '.join(stale)} would be done again: "
        "say --redo to do so, or give another --out"
    )


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        path: leaf
        for key, value in tree.items()
        for path, leaf in _leaves(value, f"{prefix}.{key}" if prefix else key).items()
    }


def _check_apart(data: str | Path, run_dir: RunDir) -> None:
    """Refuse a run directory inside the source folder: its files would become part of the table."""
    source = Location.parse(data)
    if f"{run_dir.root.path}/".startswith(f"{source.path}/"):
        raise ConfigError(f"the run directory {run_dir.root} lies inside the source; give an --out elsewhere")


def _check_columns(config: Config, table: TableRef) -> None:
    """Refuse early what names a column that the table does not have."""
    locked = config.replace_pii.globals.lock_columns or () if config.replace_pii else ()
    target = config.evaluation.target if config.evaluation.enabled else None
    for name in (*locked, *((target,) if target else ())):
        table.schema[name]


def _seed(config: Config) -> int:
    given = config.data.random_state
    return secrets.randbelow(2**32) if given is None else given


def _report_context(
    run_dir: RunDir,
    plan: RunPlan,
    splits: Splits,
    pii: PiiResult,
    model: ModelRef,
    synthetic: SyntheticTable,
    seconds: Mapping[str, float],
) -> ReportContext:
    rules = pii.plan.columns if pii.plan else ()
    return ReportContext(
        title=run_dir.root.name,
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        model=f"compact, {model.num_parameters:,} parameters, {model.steps:,} steps of {model.batch_rows} rows",
        counts={
            "training rows": splits.train_rows,
            "holdout rows": splits.holdout_rows,
            "synthetic rows": synthetic.num_rows,
        },
        pii=tuple(
            PiiRow(column=rule.name, entity_type=rule.entity_type, replaced=pii.replaced.get(rule.entity_type, 0))
            for rule in rules
        ),
        notes=plan.notes,
        stage_seconds=dict(seconds),
        privacy_statement=plan.notes[0],
    )
