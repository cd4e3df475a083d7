"""Evaluation on Ray: three measurements side by side on bounded samples, then metrics and report for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import ray

from ss_ray.cluster import unwrapped_errors
from ss_ray.config.model import EvaluationParameters, TimeSeriesEvaluationParameters
from ss_ray.errors import EvaluationError
from ss_ray.evaluation.evaluate import Evaluation, combine
from ss_ray.evaluation.evaluation_tables import EvaluationTables, SampleLimits
from ss_ray.evaluation.group_sample import sample_groups
from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.privacy.attacks import Privacy, evaluate_privacy
from ss_ray.evaluation.privacy.replay import Originals
from ss_ray.evaluation.privacy_tests import plan_tests
from ss_ray.evaluation.quality.autocorrelation import LagLimits
from ss_ray.evaluation.quality.fidelity import Fidelity, WholeSequences, evaluate_fidelity
from ss_ray.evaluation.quality.rule_violations import CheckedRules
from ss_ray.evaluation.report.compliance import Evidence, RunFacts, evidence_json, make_evidence
from ss_ray.evaluation.report.metrics_file import metrics_json
from ss_ray.evaluation.report.public_report import render_public_report
from ss_ray.evaluation.report.report import ReportContext, render_report
from ss_ray.evaluation.sequence_rows import SequenceColumns
from ss_ray.evaluation.utility.utility import evaluate_utility
from ss_ray.location import Location
from ss_ray.privacy.certificate import Certificate
from ss_ray.progress import OnProgress, Progress
from ss_ray.schema import TableSchema
from ss_ray.tables.parts import count_rows, sample_rows

MAX_ROWS = 200_000
"""Rows of each table that are read at most: copies are looked for among all of them, the rest samples further."""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Folders of Parquet parts; holdouts may be empty.

    Attributes:
        train: Real rows that the generator learned from.
        holdout: Real rows that it has not seen.
        synthetic: Folder of the generated rows.
        originals: Training and holdout rows before personal data were replaced; None where they were not.
    """

    train: Location
    holdout: Location
    synthetic: Location
    originals: tuple[Location, Location] | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """Options of the measurement.

    Attributes:
        parameters: Section `evaluation` of the request.
        seed: Seed of all sampling.
        rules: Rules whose broken rows are counted.
        sequences: Columns that make sequences of rows; None where rows stand by themselves.
        pii: Column -> entity type of the columns that hold personal data.
        lost: Column -> synthetic cells that are not of its type, and count as missing.
        public: Columns whose values are public knowledge.
    """

    parameters: EvaluationParameters
    seed: int
    rules: CheckedRules = field(default_factory=CheckedRules)
    sequences: SequenceColumns | None = None
    pii: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    public: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """Folder of the evaluation and its main figures; a figure is None if it is not available.

    Attributes:
        quality_score: NeMo's SQS for tabular columns, 0 to 10.
        quality_grade: Grade of the verdict on quality: of the score, or of its cap.
        quality_verdict: Score of the verdict on quality, 0 to 10.
        privacy_grade: Poor whenever a hard rule fails.
        discriminator_auc: 0.5 cannot tell real from synthetic, 1 always can.
        utility_target: Column that the utility models predict.
        utility_real: Test score after training on real rows.
        utility_synthetic: Test score after training on synthetic rows.
        copied_share: Synthetic rows that equal a training row.
        copied_share_holdout: Holdout rows that equal a training row: the share that chance gives.
        closer_to_train_share: Synthetic rows closer to train than to holdout; 0.5 is ideal.
        failed: Why privacy is Poor, a sentence for each failure of a hard rule.
        privacy_missing: Tests that were not made, in words; if there is any, privacy has no grade but Poor.
        quality_limits: Why quality is capped, a sentence for each measurement and column.
        unavailable: Part ("quality", "privacy", "utility", "discriminator") -> the reason why it has no figure.
        found_rules: Relations that all training rows keep and that nobody declared; 0 under differential privacy.
        broken_rules: Names of those that synthetic rows break, with the share of these rows, the largest share first.
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
    failed: tuple[str, ...] = ()
    privacy_missing: tuple[str, ...] = ()
    quality_limits: tuple[str, ...] = ()
    quality_verdict: float | None = None
    unavailable: Mapping[str, str] = field(default_factory=dict)
    found_rules: int = 0
    broken_rules: tuple[tuple[str, float], ...] = ()


def evaluate_table(
    folders: Tables,
    schema: TableSchema,
    request: EvaluationRequest,
    context: ReportContext,
    facts: RunFacts | None,
    folder: Location,
    on_progress: OnProgress,
) -> EvaluationResult:
    """Measure, and write folder/metrics.json, folder/report.html and, of a run, folder/compliance.json.

    Raises:
        DataError: The target is not a column.
    """
    on_progress(Progress(stage="evaluate", done=0, total=4, unit="parts"))
    sample = read_samples(folders, schema, request.sequences.group if request.sequences else None)
    # One copy in the object store serves all three measurements.
    tables = ray.put(sample)
    asked = request.parameters
    limits = SampleLimits(max_rows=asked.sqs_report_rows, max_columns=asked.sqs_report_columns, seed=request.seed)
    likeness = {
        "limits": limits,
        "rules": request.rules,
        "sequences": request.sequences,
        "text_embedding": asked.text_embedding,
        "lags": _lag_limits(asked.time_series),
    }
    persons = {
        "limits": limits,
        "pii": request.pii,
        "tests": plan_tests(asked),
        "public": request.public,
    }
    # One core each: the measurements share nothing and run side by side.
    measure = ray.remote(num_cpus=1)(_run_measurement)

    with unwrapped_errors(EvaluationError):
        pending = [
            measure.remote(_measure_fidelity, tables, likeness, folders),
            measure.remote(evaluate_utility, tables, {"limits": limits, "target": asked.target}),
            measure.remote(_measure_privacy, tables, persons, folders.originals),
        ]
        parts = []
        for done, part in enumerate(pending, start=1):
            parts.append(ray.get(part))
            on_progress(Progress(stage="evaluate", done=done, total=4, unit="parts"))

    evaluation = combine(*parts, lost=_lost_shares(request.lost, folders.synthetic))
    if facts is None:
        evidence = None
    else:
        evidence = write_evidence(facts, evaluation, folder)

    report = render_report(evaluation, sample.train, sample.synthetic, schema, context, evidence)
    (folder / "metrics.json").write_text(metrics_json(evaluation))
    (folder / "report.html").write_text(report)
    on_progress(Progress(stage="evaluate", done=4, total=4, unit="parts"))

    return main_figures(evaluation)


def _lost_shares(lost: Mapping[str, int], synthetic: Location) -> dict[str, float]:
    if lost:
        rows = sum(count_rows(synthetic.files(".parquet")))
    else:
        rows = 0
    return {column: count / rows for column, count in lost.items() if rows}


def _lag_limits(asked: TimeSeriesEvaluationParameters) -> LagLimits | None:
    if asked.enabled is False:
        return None

    lags = asked.autocorrelation
    return LagLimits(
        columns=lags.value_columns, max_lag=lags.max_lag, min_points=lags.min_points, max_groups=lags.max_groups
    )


def write_evidence(facts: RunFacts, evaluation: Evaluation | None, folder: Location) -> Evidence:
    """Write folder/compliance.json: the evidence of a run, with the evaluation's figures on re-identification."""
    evidence = make_evidence(facts, risks=_select_risks(evaluation), figures=_select_figures(evaluation))
    (folder / "compliance.json").write_text(evidence_json(evidence))
    return evidence


def _select_risks(evaluation: Evaluation | None) -> dict[str, Metric]:
    if evaluation is None:
        return {}
    return {name: risk.risk for name, risk in evaluation.privacy.gdpr_risks.risks.items()}


def _select_figures(evaluation: Evaluation | None) -> dict[str, Metric]:
    if evaluation is None:
        return {}

    attacks = evaluation.privacy
    return {
        "synthetic rows that equal a training row": attacks.copies[0].synthetic,
        "holdout rows that equal a training row": attacks.copies[0].holdout,
        "synthetic rows closer to a training than to a holdout row": attacks.closer_to_train,
        "AUC of membership inference": attacks.membership_auc,
    }


def publish_report(
    certificate: Certificate, synthetic: Location, schema: TableSchema, *, num_rows: int, title: str, target: Location
) -> None:
    """Write the page that may leave with a table under differential privacy."""
    rows = read_sample(synthetic)
    assert rows is not None
    target.write_text(render_public_report(certificate, rows, schema, num_rows=num_rows, title=title))


def read_samples(folders: Tables, schema: TableSchema, group: str | None) -> EvaluationTables:
    """Rows of each table, MAX_ROWS at most; `group` is the column whose rows belong together."""
    train, holdout, synthetic = (read_sample(side) for side in (folders.train, folders.holdout, folders.synthetic))
    assert train is not None
    assert synthetic is not None
    return EvaluationTables(train, holdout, synthetic, schema, group)


def read_sample(folder: Location) -> pd.DataFrame | None:
    """Rows of a folder of parts, MAX_ROWS at most; None where there are no parts."""
    parts = folder.files(".parquet")
    if parts:
        return sample_rows(parts, MAX_ROWS).to_pandas()
    return None


def read_whole_groups(
    folders: Tables, schema: TableSchema, by: SequenceColumns, max_rows: int = MAX_ROWS
) -> WholeSequences:
    """Rows of whole sequences of each table, `max_rows` at most."""
    if by.group is None:
        return WholeSequences(reason=f"the tables are one sequence each, and one has more than {max_rows:,} rows")

    sides = [side.files(".parquet") for side in (folders.train, folders.holdout, folders.synthetic)]
    drawn = [sample_groups(parts, by.group, max_rows) if parts else None for parts in sides]
    if any(table is None for table, parts in zip(drawn, sides, strict=True) if parts):
        return WholeSequences(reason=f"a table has no sequence of at most {max_rows:,} rows")

    train, holdout, synthetic = (None if table is None else table.to_pandas() for table in drawn)
    assert train is not None
    assert synthetic is not None

    return WholeSequences(tables=EvaluationTables(train, holdout, synthetic, schema))


def _are_whole(folders: Tables) -> bool:
    """Whether all rows are read: a sample of rows would tear sequences apart."""
    sides = (folders.train, folders.holdout, folders.synthetic)
    return all(sum(count_rows(side.files(".parquet"))) <= MAX_ROWS for side in sides)


def _measure_fidelity(
    tables: EvaluationTables,
    folders: Tables,
    *,
    sequences: SequenceColumns | None,
    **settings: Any,
) -> Fidelity:
    """Fidelity, with whole sequences where the rows are a sample, which no other measurement needs."""
    if sequences is None or _are_whole(folders):
        whole = None
    else:
        whole = read_whole_groups(folders, tables.schema, sequences)
    return evaluate_fidelity(tables, sequences=sequences, whole=whole, **settings)


def _run_measurement(measurement: Any, tables: Any, settings: dict[str, Any], *more: Any) -> Any:
    return measurement(tables, *more, **settings)


def _measure_privacy(tables: EvaluationTables, originals: tuple[Location, Location] | None, **settings: Any) -> Privacy:
    """Privacy, with the rows before personal data were replaced, which no other measurement sees."""
    found = None
    if originals is not None:
        before, unseen = (read_sample(side) for side in originals)
        if before is not None:
            found = Originals(train=before, holdout=unseen)
        else:
            found = None

    return evaluate_privacy(tables, originals=found, **settings)


def main_figures(evaluation: Evaluation) -> EvaluationResult:
    """The few numbers that a summary shows."""
    quality = evaluation.scores.quality.sqs
    verdict = evaluation.scores.verdict
    privacy = evaluation.scores.privacy.score
    utility = evaluation.utility
    attacks = evaluation.privacy

    found = [rule for rule in evaluation.fidelity.rules if rule.is_found]

    return EvaluationResult(
        quality_score=quality.value,
        quality_grade=verdict.score.grade,
        quality_verdict=verdict.score.value,
        privacy_grade=privacy.grade,
        discriminator_auc=evaluation.fidelity.discriminator.value,
        utility_target=utility.target,
        utility_real=utility.real.value,
        utility_synthetic=utility.synthetic.value,
        copied_share=attacks.copies[0].synthetic.value,
        copied_share_holdout=attacks.copies[0].holdout.value,
        closer_to_train_share=attacks.closer_to_train.value,
        failed=evaluation.scores.privacy.reasons if evaluation.scores.privacy.failed else (),
        privacy_missing=evaluation.scores.privacy.missing,
        quality_limits=verdict.reasons,
        unavailable=_why_unavailable(evaluation),
        found_rules=len(found),
        broken_rules=tuple((rule.constraint, rule.synthetic.value) for rule in found if rule.synthetic.value),
    )


def _why_unavailable(evaluation: Evaluation) -> dict[str, str]:
    """Part of the evaluation -> the reason why it has no figure; only those without one."""
    scores = evaluation.scores
    reasons = {
        "quality": scores.quality.sqs.reason,
        "privacy": scores.privacy.score.reason,
        "utility": evaluation.utility.synthetic.reason,
        "discriminator": evaluation.fidelity.discriminator.reason,
    }
    return {part: reason for part, reason in reasons.items() if reason is not None}
