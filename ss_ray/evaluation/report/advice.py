"""Advice in words on the next steps after an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from ss_ray.evaluation.evaluate import Evaluation
from ss_ray.evaluation.metrics import MIN_ROWS
from ss_ray.evaluation.samples import COMMON_ROWS

LOW_QUALITY = 6.0
"""SQS below which more training is worth its time; "Very Good" begins there."""
LARGE_GAP = 0.05
"""Loss of usefulness that matters to whoever learns from the table."""
EASY_TO_TELL = 0.75
"""Discriminator AUC above which single columns are worth a look."""
NAMED_COLUMNS = 3


def next_steps(evaluation: Evaluation) -> tuple[str, ...]:
    """Sentences, the most urgent first."""
    return (*_advise_privacy(evaluation), *_advise_quality(evaluation), *_advise_usefulness(evaluation)) or (
        "Nothing that was measured here stands in the way; whether the table may leave is for a person to decide.",
    )


def _advise_privacy(evaluation: Evaluation) -> Iterator[str]:
    verdict = evaluation.scores.privacy
    if verdict.failed:
        yield (
            "Do not release this table. Replace personal data first, train for fewer steps or on more rows, or train "
            "with differential privacy (privacy.dp_enabled: true), and evaluate again."
        )
    elif verdict.failed is None:
        yield (
            "Keep more rows from training (data.holdout), or give --holdout to `ss-ray evaluate`: without at least "
            f"{MIN_ROWS} of them nothing is known about privacy."
        )
    elif verdict.missing:
        yield f"Privacy has no grade, because a part was not tested: {', '.join(verdict.missing)}."
    elif any("too small" in reason for reason in verdict.reasons):
        yield "Keep more rows from training (data.holdout, data.max_holdout): these are too few to see a small leak."


def _advise_quality(evaluation: Evaluation) -> Iterator[str]:
    fidelity = evaluation.fidelity
    score = evaluation.scores.verdict.score.value
    for reason in evaluation.scores.quality.limits[:NAMED_COLUMNS]:
        yield f"Look at the missing values: {reason}."

    if 0 < fidelity.unseen_rows < COMMON_ROWS:
        yield (
            f"Evaluate with more unseen rows (data.holdout): there are {fidelity.unseen_rows}, so every number of "
            "unseen real rows is rough, and only large leaks can be seen."
        )

    if score is not None and score < LOW_QUALITY and not evaluation.scores.quality.limits:
        yield "Train for longer (training.num_input_records_to_sample) or on more rows: the tables are far apart."

    auc = fidelity.discriminator.value
    if auc is not None and auc > EASY_TO_TELL:
        known = [
            (column.distance.value, column.name) for column in fidelity.columns if column.distance.value is not None
        ]
        worst = ", ".join(repr(name) for _, name in sorted(known, reverse=True)[:NAMED_COLUMNS])
        yield f"Look at the columns that differ most, by which synthetic rows can be told from real ones: {worst}."


def _advise_usefulness(evaluation: Evaluation) -> Iterator[str]:
    utility = evaluation.utility
    if utility.gap.value is not None and utility.gap.value > LARGE_GAP:
        yield (
            f"Check the task that the table is for: predicting {utility.target!r}, a model learns less from it than "
            "from real rows. Name the column that matters with evaluation.target."
        )
