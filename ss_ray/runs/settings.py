"""The request of a run as its manifests recorded it: dotted names and values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ss_ray.runs.run_dir import RunDir

SECRET = "replace_pii"
"""Section whose values may hold a key of the stand-ins, so that only a difference is shown."""


def flatten_tree(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted path -> leaf of nested dictionaries.

    Example:
        >>> flatten_tree({"data": {"holdout": 50}, "seed": 1})
        {'data.holdout': 50, 'seed': 1}
    """
    if not isinstance(tree, dict):
        return {prefix: tree}

    return {
        path: leaf
        for key, value in tree.items()
        for path, leaf in flatten_tree(value, f"{prefix}.{key}" if prefix else key).items()
    }


def read_settings(place: str | Path) -> dict[str, Any]:
    """Dotted parameter -> value that the stages of a run were asked for.

    Args:
        place: Path or URI of the run's directory.
    """
    manifests = [json.loads(file.read_text()) for file in (RunDir.at(place).root / "manifest").files(".json")]
    return {path: leaf for manifest in manifests for path, leaf in flatten_tree(manifest.get("asked", {})).items()}


def differing_settings(runs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Parameter -> its value in each run, of the parameters that differ; values of a secret section are hidden.

    Args:
        runs: Settings of each run.

    Example:
        >>> differing_settings([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
        {'b': ('2', '3')}
    """
    paths = sorted({path for run in runs for path in run})
    shown = {path: tuple(_spell_setting(run, path) for run in runs) for path in paths}
    differing = {path: values for path, values in shown.items() if len(set(values)) > 1}
    hidden = [path for path in differing if path.startswith(SECRET)]
    kept = {path: values for path, values in differing.items() if not path.startswith(SECRET)}
    if hidden:
        kept[SECRET] = ("differs",) * len(runs)

    return kept


def _spell_setting(run: Mapping[str, Any], path: str) -> str:
    if path not in run:
        return "not given"
    value = run[path]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
