"""The main figures of a finished run, read from its directory: for lists and comparisons of runs.

A figure is None where it was not measured. Nothing here imports Ray.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.runs.run_dir import RunDir

START = "start"
MISSING = "-"
PARTS = ("quality", "privacy", "utility", "discriminator")
"""Parts of an evaluation that may have no figure."""
LAST_STAGES = ("evaluate", "search", "generate", "replace_pii")
"""Stages that may end a job, the latest first."""


@dataclass(frozen=True, kw_only=True)
class RunOverview:
    """The main figures of a run.

    Attributes:
        run: Name of the run's directory.
        place: Path or URI of the run's directory.
        last_stage: Name of the latest finished stage; "" before the first one.
        finished_at: Time at which that stage was finished, UTC, ISO 8601; "" before.
        seconds: Wall time of all finished stages in seconds.
        rows: Number of synthetic rows.
        epsilon: Epsilon of the certificate; None without differential privacy.
        quality: Score of the verdict on quality, 0 to 10.
        quality_grade: Grade of that score.
        privacy_grade: Grade of privacy.
        utility_target: Column that the utility models predict.
        utility_synthetic: Test score after training on synthetic rows.
        utility_real: Test score after training on real rows.
        discriminator_auc: AUC of a discriminator between synthetic and real rows; 0.5 is ideal.
        reasons: Why a figure is None, by part: "epsilon", "quality", "privacy", "utility", "discriminator".
    """

    run: str
    place: str
    last_stage: str = ""
    finished_at: str = ""
    seconds: float = 0.0
    rows: int | None = None
    epsilon: float | None = None
    quality: float | None = None
    quality_grade: str | None = None
    privacy_grade: str | None = None
    utility_target: str | None = None
    utility_synthetic: float | None = None
    utility_real: float | None = None
    discriminator_auc: float | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


def read_overview(place: str | Path) -> RunOverview:
    """The figures of a run.

    Args:
        place: Path or URI of the run's directory.

    Raises:
        ConfigError: There is no run.
    """
    run_dir = RunDir.at(place)
    if not run_dir.manifest(START).exists():
        raise ConfigError(f"{run_dir.root} is not the directory of a run")

    manifests = [json.loads(file.read_text()) for file in (run_dir.root / "manifest").files(".json")]
    by_stage = {manifest["stage"]: manifest for manifest in manifests}
    last = next((stage for stage in LAST_STAGES if stage in by_stage), START)
    certificate = json.loads(run_dir.certificate.read_text()) if run_dir.certificate.exists() else {}
    figures = main_figures(by_stage.get("evaluate", {}).get("result", {}))
    reasons = figures.pop("reasons") | {"epsilon": "the run had no differential privacy"}

    return RunOverview(
        run=run_dir.root.name,
        place=str(run_dir.root),
        last_stage=last,
        finished_at=by_stage[last]["finished_at"],
        seconds=sum(manifest["seconds"] for manifest in manifests),
        rows=by_stage.get("generate", {}).get("result", {}).get("num_rows"),
        epsilon=certificate.get("epsilon"),
        reasons=reasons,
        **figures,
    )


def find_runs(folder: str | Path) -> list[RunOverview]:
    """The runs in a folder, those in folders of it included, the latest first."""
    root = Location.parse(folder)
    starts = [file for file in root.files(f"/manifest/{START}.json") if file.parent.name == "manifest"]
    found = [read_overview(str(start.parent.parent)) for start in starts]
    return sorted(found, key=lambda overview: overview.finished_at, reverse=True)


def main_figures(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of an evaluation that stand in an overview, and why some are missing.

    Args:
        evaluation: Fields of the evaluation's result; empty where there was none.
    """
    quality = evaluation.get("quality_verdict")
    return {
        "reasons": _read_reasons(evaluation),
        "quality": evaluation.get("quality_score") if quality is None else quality,
        "quality_grade": evaluation.get("quality_grade"),
        "privacy_grade": evaluation.get("privacy_grade"),
        "utility_target": evaluation.get("utility_target"),
        "utility_synthetic": evaluation.get("utility_synthetic"),
        "utility_real": evaluation.get("utility_real"),
        "discriminator_auc": evaluation.get("discriminator_auc"),
    }


def _read_reasons(evaluation: Mapping[str, Any]) -> dict[str, str]:
    if not evaluation:
        return dict.fromkeys(PARTS, "there was no evaluation")

    untested = evaluation.get("privacy_missing") or ()
    partial = {"privacy": f"not tested: {', '.join(untested)}"} if untested else {}
    return partial | dict(evaluation.get("unavailable") or {})


def explained_rows(overview: RunOverview) -> list[tuple[str, str]]:
    """The figures of one run, each with its name; where one is missing, the reason stands in its place."""
    parts = dict(zip(PARTS, ("quality", "privacy", "utility", "discriminator AUC"), strict=True))
    part_of = {title: part for part, title in parts.items()} | {"epsilon": "epsilon"}
    part_of |= dict.fromkeys(("utility of real rows", "predicted column"), "utility")

    rows = []
    for title, cell in figure_rows([overview]):
        reason = overview.reasons.get(part_of.get(title, ""))
        rows.append((title, cell if cell != MISSING or reason is None else f"not available: {reason}"))

    return rows


def figure_rows(overviews: Sequence[RunOverview]) -> list[tuple[str, ...]]:
    """The figures side by side: a row for each figure, first its name, then a cell for each run."""
    titles: dict[str, Callable[[RunOverview], str]] = {
        "last stage": lambda found: found.last_stage,
        "finished (UTC)": lambda found: found.finished_at[:16].replace("T", " "),
        "seconds": lambda found: f"{found.seconds:,.0f}",
        "rows": lambda found: MISSING if found.rows is None else f"{found.rows:,}",
        "epsilon": lambda found: _format_figure(found.epsilon, 2),
        "quality": lambda found: _with_grade(_format_figure(found.quality, 1), found.quality_grade),
        "privacy": lambda found: found.privacy_grade or MISSING,
        "utility": lambda found: _format_figure(found.utility_synthetic, 3),
        "utility of real rows": lambda found: _format_figure(found.utility_real, 3),
        "predicted column": lambda found: found.utility_target or MISSING,
        "discriminator AUC": lambda found: _format_figure(found.discriminator_auc, 3),
    }
    return [(title, *(cell(overview) for overview in overviews)) for title, cell in titles.items()]


def _with_grade(figure: str, grade: str | None) -> str:
    return f"{figure} {grade}" if grade else figure


def _format_figure(value: float | None, digits: int) -> str:
    return MISSING if value is None else f"{value:.{digits}f}"
