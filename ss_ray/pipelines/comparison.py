"""One page with several finished runs side by side: figures, verdicts, distances of columns, settings that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ss_ray.evaluation.evaluate import Evaluation
from ss_ray.evaluation.report.page import environment
from ss_ray.evaluation.report.readers import judge_for_readers
from ss_ray.evaluation.report.uses import Use, judge_uses
from ss_ray.privacy.certificate import Certificate
from ss_ray.runs.overview import RunOverview, figure_rows, read_overview
from ss_ray.runs.run_dir import RunDir
from ss_ray.runs.settings import differing_settings, read_settings


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """A finished run as the page shows it.

    Attributes:
        overview: Main figures of the run.
        uses: Uses with their answers; empty where the run has no metrics.
        headlines: Reader -> verdict in one sentence; empty where the run has no metrics.
        reasons: Sentences that cap or fail the grades.
        distances: Column -> distance to the training column, 0 (same) to 1; None where it is not scored.
        settings: Parameter -> value of the request.
    """

    overview: RunOverview
    uses: tuple[Use, ...]
    headlines: dict[str, str]
    reasons: tuple[str, ...]
    distances: dict[str, float | None]
    settings: dict[str, Any]


def render_comparison(places: Sequence[str | Path]) -> str:
    """The page as HTML; internal, because its figures were computed on real rows.

    Args:
        places: Directories of two finished runs or more, paths or URIs.

    Raises:
        ConfigError: A directory holds no run.
    """
    runs = [_read_run(place) for place in places]
    columns = list(dict.fromkeys(name for run in runs for name in run.distances))
    return (
        environment()
        .get_template("comparison.html")
        .render(
            runs=runs,
            figures=figure_rows([run.overview for run in runs]),
            uses=[(use.name, [_find_use(run, use.name) for run in runs]) for use in _first_uses(runs)],
            readers=list(dict.fromkeys(reader for run in runs for reader in run.headlines)),
            columns=[(name, [run.distances.get(name) for run in runs]) for name in columns],
            settings=differing_settings([run.settings for run in runs]),
        )
    )


def _read_run(place: str | Path) -> ComparedRun:
    overview = read_overview(place)
    run_dir = RunDir.at(place)
    metrics = run_dir.internal / "metrics.json"
    if not metrics.exists():
        return ComparedRun(
            overview=overview, uses=(), headlines={}, reasons=(), distances={}, settings=read_settings(place)
        )

    evaluation = TypeAdapter(Evaluation).validate_json(metrics.read_text())
    certificate = None
    if run_dir.certificate.exists():
        certificate = Certificate.from_json(run_dir.certificate.read_text())

    verdicts = judge_for_readers(evaluation, None, certificate)
    scores = evaluation.scores
    return ComparedRun(
        overview=overview,
        uses=judge_uses(evaluation, certificate),
        headlines={verdict.reader: verdict.headline for verdict in verdicts},
        reasons=(*scores.verdict.reasons, *(scores.privacy.reasons if scores.privacy.failed else ())),
        distances={column.name: column.distance.value for column in evaluation.fidelity.columns},
        settings=read_settings(place),
    )


def _first_uses(runs: Sequence[ComparedRun]) -> tuple[Use, ...]:
    return next((run.uses for run in runs if run.uses), ())


def _find_use(run: ComparedRun, name: str) -> Use | None:
    return next((use for use in run.uses if use.name == name), None)
