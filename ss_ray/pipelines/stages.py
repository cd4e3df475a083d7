"""Which stages of a run are finished, and which a changed request makes stale."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, ParamSpec, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ss_ray import __version__
from ss_ray.cluster import check_resources, connect
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.plans.make import unused_paths
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs.audit_log import Log, logged
from ss_ray.runs.lock import locked
from ss_ray.runs.run_dir import RunDir, fingerprint
from ss_ray.runs.settings import flatten_tree

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
STAGES = (
    "start",
    "read",
    "split",
    "replace_pii",
    "find",
    "hold_back",
    "measure",
    "train",
    "certify",
    "generate",
    "search",
    "evaluate",
)
REPLACEMENT_STAGES = ("start", "read", "split", "replace_pii")
"""Those of the replacement of personal data alone."""
GENERATION_STAGES = ("start", "generate", "search")
"""Those of generation from a finished run."""
PRIVATE_STAGES = ("measure", "certify")
"""Those that only differential privacy needs."""
SEARCH_FOR_CONSTRAINTS = ("find",)
"""The stage that only `constraints: auto` needs."""
VERSIONED = ("ray", "torch", "transformers", "pyarrow", "pandas", "scikit-learn", "presidio-analyzer", "spacy", "faker")


class Stages:
    """Does each stage once, and knows from its manifest whether it is done.

    A stage's key is the fingerprint of what it was asked for and of the key before it, so any change makes every
    later stage stale too.
    """

    def __init__(self, run_dir: RunDir, config: Config, *, redo: bool, wanted: Sequence[str] | None = None) -> None:
        self.run_dir = run_dir
        self.asked = _request_by_stage(config)
        skipped = {
            *(() if config.is_private else PRIVATE_STAGES),
            *(SEARCH_FOR_CONSTRAINTS if config.constraints != "auto" else ()),
            *(() if config.evaluation.enabled else ("evaluate",)),
        }
        if wanted is None:
            self.wanted = [stage for stage in STAGES if stage not in skipped]
        else:
            self.wanted = list(wanted)

        self.redo = redo
        self.keys: dict[str, str] = {}
        self.ran = False
        self.seconds: dict[str, float] = {}
        self.done_now: tuple[str, ...] = ()
        # What goes on around each stage that is done now, for a trace of the run.
        self.observe: Callable[[str], AbstractContextManager[None]] = lambda stage: nullcontext()
        # Whether every stage is done: `check` finds it out.
        self.is_finished = False

    def key(self, stage: str) -> str:
        """The fingerprint under which a stage's result is valid."""
        return self.keys[stage]

    def check(self, inputs: Mapping[str, str]) -> None:
        """Derive all keys, and drop what a changed request makes stale.

        Args:
            inputs: State of the files that stages depend on beside the request, by stage.

        Raises:
            ConfigError: Something finished is stale, and `redo` was not given.
        """
        # Another version may compute another result from the same request.
        previous = fingerprint(__version__)
        for stage in STAGES:
            previous = fingerprint(previous, stage, self.asked[stage], inputs.get(stage, ""))
            self.keys[stage] = previous

        finished = {stage: self.run_dir.read_manifest(stage) for stage in self.wanted}
        stale = [stage for stage, manifest in finished.items() if manifest and manifest["key"] != self.keys[stage]]
        self.is_finished = not stale and all(finished.values())
        if stale and not self.redo:
            raise ConfigError(_what_changed(stale, finished[stale[0]] or {}, self.asked[stale[0]]))

        # Searching and evaluating read the release, and change nothing in it.
        before_release = [stage for stage in self.wanted if stage not in ("search", "evaluate")]
        if any(stage in stale or finished[stage] is None for stage in before_release):
            # Before the manifests that vouch for it, table and certificate together.
            self.run_dir.release.remove()
            self.run_dir.manifest("certify").remove()
            self.run_dir.manifest("generate").remove()

        if "evaluate" in stale or "generate" in stale:
            self.run_dir.discard_evaluation()

        # Last stages first: if this process is killed here, no manifest stands after a missing one.
        for stage in reversed(stale):
            self.run_dir.manifest(stage).remove()

        # A run that was private before must not keep the certificate of another model, nor other found constraints.
        for stage in (*PRIVATE_STAGES, *SEARCH_FOR_CONSTRAINTS):
            if stage not in self.wanted:
                self.run_dir.manifest(stage).remove()

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a stage: read back where the stage is finished, else computed now and recorded.

        The name of the function begins with the name of its stage (`read_table` is the stage "read"), and its return
        annotation is the type of the result in the manifest.

        Args:
            function: Function that does the stage.
            args: Arguments of the function.
            kwargs: Keyword arguments of the function.

        Raises:
            ConfigError: The manifest of the finished stage is damaged.
        """
        stage = stage_of(function)
        adapter = TypeAdapter(get_type_hints(function)["return"])
        # A stage that follows one that was done again is done again, too.
        manifest = None if self.ran else self.run_dir.read_manifest(stage)
        if manifest is not None:
            logger.info("%s: finished before", stage)
            self.seconds[stage] = manifest["seconds"]
            return _read_result(adapter, manifest["result"], self.run_dir.manifest(stage))

        logger.info("%s: starts", stage)
        self.ran = True
        started = time.perf_counter()
        with self.observe(stage):
            result = function(*args, **kwargs)

        self.seconds[stage] = round(time.perf_counter() - started, 2)
        self.done_now = (*self.done_now, stage)
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


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that was begun: its request, its directory, and the record of its stages.

    Attributes:
        config: The whole request.
        run_dir: Directory of the job.
        stages: Record of the finished stages.
        log: Line of the audit log.
        on_progress: Function that is told how far each stage is.
    """

    config: Config
    run_dir: RunDir
    stages: Stages
    log: Log
    on_progress: OnProgress

    def work_folder(self, model_id: str) -> Location:
        """Folder of the rows that are made so far, for this very request and model."""
        return self.run_dir.internal / f"generation-{fingerprint(self.stages.key('generate'), model_id)[:16]}"


@contextmanager
def begin_job(
    command: str,
    config: Config,
    run_dir: RunDir,
    inputs: Callable[[], Mapping[str, str]],
    *,
    wanted: Sequence[str] | None = None,
    redo: bool = False,
    on_progress: OnProgress = ignore,
) -> Iterator[Job]:
    """Enter a job in the audit log, drop what a changed request makes stale, and connect unless all is done.

    Args:
        command: Name of the command in the audit log.
        config: The whole request.
        run_dir: Directory of the job.
        inputs: State of the files that stages depend on beside the request, by stage.
        wanted: Stages of the job; None for all stages of a run.
        redo: Do stages again that a changed request or a changed source makes stale.
        on_progress: Function that is told how far each stage is.

    Raises:
        ConfigError: A finished stage is stale, and `redo` was not given.
        ResourceError: Another process works in the directory, or the cluster lacks what is asked for.
    """
    with logged(command, config.audit_log, str(run_dir.root)) as log, locked(run_dir):
        stages = Stages(run_dir, config, redo=redo, wanted=wanted)
        stages.check(inputs())
        run_dir.create()
        # What is finished is read from files.
        if not stages.is_finished:
            connect()
            # Workers of models are asked for where rows are generated.
            if "generate" in stages.wanted:
                check_resources(config.resources)
        yield Job(config=config, run_dir=run_dir, stages=stages, log=log, on_progress=on_progress)


def stage_of(function: Callable[..., object]) -> str:
    """Name of the stage that a function does: the one that the function's name begins with."""
    (stage,) = (stage for stage in STAGES if f"{function.__name__}_".startswith(f"{stage}_"))
    return stage


def _read_result(adapter: TypeAdapter[T], result: Any, file: Location) -> T:
    try:
        return adapter.validate_python(result, strict=False)
    except ValidationError:
        # Its text shows what was found, which may be values of the table.
        raise ConfigError(f"{file} is damaged; delete it to run its stage again") from None


def _request_by_stage(config: Config) -> dict[str, Any]:
    """The part of the request that each stage's result depends on; resources change speed only."""
    tree = config.model_dump(mode="json")
    for path in unused_paths(config):
        _drop_leaf(tree, path.split("."))

    # Which packages are installed decides what "auto" is.
    tree["training"]["prose_model"] = config.prose_model
    data = tree["data"]
    privacy = {"dp_enabled": config.is_private}
    min_units = data.pop("min_units_per_category")
    asked = {
        "start": {"data": {"random_state": data["random_state"]}, "privacy": privacy},
        "read": {"data": data, "time_series": tree["time_series"]},
        "replace_pii": {"replace_pii": tree["replace_pii"]},
        "find": {"constraints": "auto"} if config.constraints == "auto" else {},
        "hold_back": {"data": {"min_units_per_category": min_units}},
        "train": {"training": tree["training"]},
        "generate": {"generation": tree["generation"], "constraints": tree["constraints"]},
        "evaluate": {"evaluation": tree["evaluation"]},
    }
    if config.is_private:
        # Where the ledger is kept changes nothing about the result.
        paid = {name: value for name, value in tree["privacy"].items() if name != "ledger"}
        # Of a text that a language model writes, the number of words is measured.
        asked["measure"] = {"privacy": paid, "training": {"prose_model": config.prose_model}}

    return {stage: asked.get(stage, {}) for stage in STAGES}


def _drop_leaf(tree: dict[str, Any] | None, path: list[str]) -> None:
    """Remove a leaf that has no effect in this version."""
    if tree is not None and len(path) > 1:
        _drop_leaf(tree[path[0]], path[1:])
    elif tree is not None:
        del tree[path[0]]


def _what_changed(stale: list[str], manifest: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    before = flatten_tree(manifest.get("asked", {}))
    now = flatten_tree(asked)
    changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    what = ", ".join(changed) or ("the source" if stale[0] == "read" else "the version of ss_ray")

    return (
        f"{what} changed since this run directory was begun; {', '.join(stale)} would be done again: "
        "say --redo to do so, or give another --out"
    )
