"""Evaluation on Ray: three measurements side by side on bounded samples, then metrics and report for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import ray
from pydantic import TypeAdapter

from ss_ray.cluster import unwrapped_errors
from ss_ray.config import EvaluationParameters
from ss_ray.errors import EvaluationError
from ss_ray.evaluation.attacks import evaluate_privacy
from ss_ray.evaluation.evaluate import Evaluation, combine
from ss_ray.evaluation.fidelity import evaluate_fidelity
from ss_ray.evaluation.report import ReportContext, render_report
from ss_ray.evaluation.utility import evaluate_utility
from ss_ray.progress import OnProgress, Progress
from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import sample_rows

MAX_ROWS = 200_000
"""Rows of each table that are read at most: copies are looked for among all of them, the rest samples further."""
EVALUATION = TypeAdapter(Evaluation)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Folders of Parquet parts; holdout may be empty."""

    train: Location
    holdout: Location
    synthetic: Location


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """Where the evaluation is, and its main figures; None where one is not available.

    Attributes:
        quality_score: NeMo's SQS for tabular columns, 0 to 10.
        quality_grade: Its grade.
        privacy_grade: Poor whenever a hard rule fails.
        discriminator_auc: 0.5 cannot tell real from synthetic, 1 always can.
        utility_target: Column that the utility models predict.
        utility_real: Test score after training on real rows.
        utility_synthetic: Test score after training on synthetic rows.
        copied_share: Synthetic rows that equal a training row.
        copied_share_holdout: Holdout rows that equal a training row: the share that chance gives.
        closer_to_train_share: Synthetic rows closer to train than to holdout; 0.5 is ideal.
    """

    quality_score: float | None
    quality_grade: str | None
    privacy_grade: str | None
    discriminator_auc: float | None
    utility_target: str | None
    utility_real: float | None
    utility_synthetic: float | None
    copied_share: float | None
    copied_share_holdout: float | None
    closer_to_train_share: float | None


def evaluate_table(
    tables: Tables,
    schema: TableSchema,
    asked: EvaluationParameters,
    seed: int,
    context: ReportContext,
    folder: Location,
    on_progress: OnProgress,
) -> EvaluationResult:
    """Measure, and write folder/metrics.json and folder/report.html.

    Raises:
        DataError: `asked.target` is not a column.
    """
    on_progress(Progress(stage="evaluate", done=0, total=4, unit="parts"))
    holdout = tables.holdout.files(".parquet")
    train, synthetic = read_sample(tables.train), read_sample(tables.synthetic)
    frames = ray.put((train, read_sample(tables.holdout) if holdout else None, synthetic))
    bounds = {"max_rows": asked.sqs_report_rows, "max_columns": asked.sqs_report_columns, "seed": seed}
    measure = ray.remote(num_cpus=1)(_measure)
    with unwrapped_errors(EvaluationError):
        pending = [
            measure.remote(evaluate_fidelity, frames, schema, bounds),
            measure.remote(evaluate_utility, frames, schema, bounds | {"target": asked.target}),
            measure.remote(evaluate_privacy, frames, schema, bounds),
        ]
        parts = []
        for done, part in enumerate(pending, start=1):
            parts.append(ray.get(part))
            on_progress(Progress(stage="evaluate", done=done, total=4, unit="parts"))
    evaluation = combine(*parts)
    report = render_report(evaluation, train, synthetic, schema, context)
    (folder / "metrics.json").write_text(EVALUATION.dump_json(evaluation, indent=2).decode())
    (folder / "report.html").write_text(report)
    on_progress(Progress(stage="evaluate", done=4, total=4, unit="parts"))
    return main_figures(evaluation)


def read_sample(folder: Location) -> pd.DataFrame:
    """Rows of a folder of parts, MAX_ROWS at most."""
    return sample_rows(folder.files(".parquet"), MAX_ROWS).to_pandas()


def _measure(measurement: Any, frames: Any, schema: TableSchema, settings: dict[str, Any]) -> Any:
    return measurement(*frames, schema, **settings)


def main_figures(evaluation: Evaluation) -> EvaluationResult:
    """The few numbers that a summary shows."""
    quality, privacy = evaluation.scores.quality.sqs, evaluation.scores.privacy.score
    utility, attacks = evaluation.utility, evaluation.privacy
    return EvaluationResult(
        quality_score=quality.value,
        quality_grade=quality.grade,
        privacy_grade=privacy.grade,
        discriminator_auc=evaluation.fidelity.discriminator.value,
        utility_target=utility.target,
        utility_real=utility.real.value,
        utility_synthetic=utility.synthetic.value,
        copied_share=attacks.copies[0].synthetic.value,
        copied_share_holdout=attacks.copies[0].holdout.value,
        closer_to_train_share=attacks.closer_to_train.value,
    )
