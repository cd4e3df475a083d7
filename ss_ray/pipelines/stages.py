"""Which stages of a run are finished, and which a changed request makes stale."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ss_ray import __version__
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.plans.make import is_private, unused_paths
from ss_ray.runs.run_dir import RunDir, fingerprint

logger = logging.getLogger(__name__)

T = TypeVar("T")
STAGES = (
    "start",
    "read",
    "split",
    "replace_pii",
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
VERSIONED = ("ray", "torch", "transformers", "pyarrow", "pandas", "scikit-learn", "presidio-analyzer", "spacy", "faker")


class Stages:
    """Does each stage once, and knows from its manifest whether it is done.

    A stage's key is the fingerprint of what it was asked for and of the key before it, so any change makes every
    later stage stale too.
    """

    def __init__(self, run_dir: RunDir, config: Config, *, redo: bool, wanted: Sequence[str] | None = None) -> None:
        self.run_dir = run_dir
        self.asked = _asked(config)
        skipped = {
            *(() if is_private(config) else PRIVATE_STAGES),
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

        finished = {stage: self.run_dir.read_manifest(stage) for stage in self.wanted}
        stale = [stage for stage, manifest in finished.items() if manifest and manifest["key"] != self.keys[stage]]
        if stale and not self.redo:
            raise ConfigError(_what_changed(stale, finished[stale[0]] or {}, self.asked[stale[0]]))

        before_release = [stage for stage in self.wanted if stage not in ("search", "evaluate")]
        if any(stage in stale or finished[stage] is None for stage in before_release):
            # Before the manifests that vouch for it, table and certificate together.
            self.run_dir.release.remove()
            self.run_dir.manifest("certify").remove()
            self.run_dir.manifest("generate").remove()

        if "evaluate" in stale or "generate" in stale:
            self.run_dir.discard_evaluation()

        for stage in reversed(stale):
            self.run_dir.manifest(stage).remove()

        for stage in PRIVATE_STAGES:
            if stage not in self.wanted:
                self.run_dir.manifest(stage).remove()

    def do(self, stage: str, result_type: type[T], function: Callable[[], T]) -> T:
        """The stage's result: read back where it is finished, else made now and recorded."""
        adapter = TypeAdapter(result_type)
        if self.ran:
            manifest = None
        else:
            manifest = self.run_dir.read_manifest(stage)

        if manifest is not None:
            logger.info("%s: finished before", stage)
            self.seconds[stage] = manifest["seconds"]
            return _read_result(adapter, manifest["result"], self.run_dir.manifest(stage))

        logger.info("%s: starts", stage)
        # What follows a stage that is done again is done again, too.
        self.ran = True
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


def _read_result(adapter: TypeAdapter[T], result: Any, file: Location) -> T:
    try:
        return adapter.validate_python(result, strict=False)
    except ValidationError:
        # Its text shows what was found, which may be values of the table.
        raise ConfigError(f"{file} is damaged; delete it to run its stage again") from None


def _asked(config: Config) -> dict[str, Any]:
    """The part of the request that each stage's result depends on; resources change speed only."""
    tree = config.model_dump(mode="json")
    for path in unused_paths(config):
        _drop(tree, path.split("."))

    data = tree["data"]
    privacy = {"dp_enabled": is_private(config)}
    min_units = data.pop("min_units_per_category")
    asked = {
        "start": {"data": {"random_state": data["random_state"]}, "privacy": privacy},
        "read": {"data": data, "time_series": tree["time_series"]},
        "replace_pii": {"replace_pii": tree["replace_pii"]},
        "hold_back": {"data": {"min_units_per_category": min_units}},
        "train": {"training": tree["training"]},
        "generate": {"generation": tree["generation"], "constraints": tree["constraints"]},
        "evaluate": {"evaluation": tree["evaluation"]},
    }
    if is_private(config):
        paid = {name: value for name, value in tree["privacy"].items() if name != "ledger"}
        asked["measure"] = {"privacy": paid}

    return {stage: asked.get(stage, {}) for stage in STAGES}


def _drop(tree: dict[str, Any] | None, path: list[str]) -> None:
    """Remove a leaf that has no effect in this version."""
    if tree is not None and len(path) > 1:
        _drop(tree[path[0]], path[1:])
    elif tree is not None:
        del tree[path[0]]


def _what_changed(stale: list[str], manifest: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    before = _leaves(manifest.get("asked", {}))
    now = _leaves(asked)
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
