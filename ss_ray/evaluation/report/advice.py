"""Advice in words on the next steps after an evaluation."""

from __future__ import annotations

from collections.abc import Collection, Iterator

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


LENGTH = "training.num_input_records_to_sample"
REPLACED = "replace_pii"
PRIVATE = "privacy.dp_enabled"


def next_steps(evaluation: Evaluation, done: Collection[str] = ()) -> tuple[str, ...]:
    """Sentences, the most urgent first.

    Args:
        evaluation: Measurements of the table.
        done: Names of the settings that the request has set, with REPLACED where personal data was replaced, and
            PRIVATE where the table has a guarantee: nobody is told to do again what is done.
    """
    advice = (*_advise_privacy(evaluation, done), *_advise_quality(evaluation, done))
    return (*advice, *_advise_usefulness(evaluation, done)) or (
        "Nothing that was measured here stands in the way; whether the table may leave is for a person to decide.",
    )


def _advise_privacy(evaluation: Evaluation, done: Collection[str]) -> Iterator[str]:
    verdict = evaluation.scores.privacy
    more = _more_holdout(done)
    if verdict.failed:
        ways = [
            *(["replace personal data first"] if REPLACED not in done else []),
            "train for fewer steps or on more rows",
            *(["train with differential privacy (privacy.dp_enabled: true)"] if PRIVATE not in done else []),
        ]
        yield f"Do not release this table. To make another one, {', or '.join(ways)}, and evaluate again."
    elif verdict.failed is None:
        yield f"{more}: without at least {MIN_ROWS} of them nothing is known about privacy."
    elif verdict.missing:
        yield f"Privacy has no grade, because a part was not tested: {', '.join(verdict.missing)}."
    elif any("too small" in reason for reason in verdict.reasons):
        yield f"{more}: these are too few to see a small leak."


def _more_holdout(done: Collection[str]) -> str:
    if "data.holdout" in done:
        return "Bring more rows, or keep more of them from training than data.holdout and data.max_holdout do now"
    return "Keep more rows from training (data.holdout, data.max_holdout), or give --holdout to `ss-ray evaluate`"


def _advise_quality(evaluation: Evaluation, done: Collection[str]) -> Iterator[str]:
    fidelity = evaluation.fidelity
    score = evaluation.scores.verdict.score.value
    for reason in evaluation.scores.quality.limits[:NAMED_COLUMNS]:
        yield f"Look at the missing values: {reason}."

    if 0 < fidelity.unseen_rows < COMMON_ROWS:
        yield (
            f"{_more_holdout(done)}: there are {fidelity.unseen_rows} unseen rows, so every number of them is rough, "
            "and only large leaks can be seen."
        )

    if score is not None and score < LOW_QUALITY and not evaluation.scores.quality.limits:
        longer = "than training.num_input_records_to_sample says" if LENGTH in done else f"({LENGTH})"
        yield f"Train for longer {longer} or on more rows: the tables are far apart."

    auc = fidelity.discriminator.value
    if auc is not None and auc > EASY_TO_TELL:
        known = [
            (column.distance.value, column.name) for column in fidelity.columns if column.distance.value is not None
        ]
        worst = ", ".join(repr(name) for _, name in sorted(known, reverse=True)[:NAMED_COLUMNS])
        yield f"Look at the columns that differ most, by which synthetic rows can be told from real ones: {worst}."


def _advise_usefulness(evaluation: Evaluation, done: Collection[str]) -> Iterator[str]:
    utility = evaluation.utility
    if utility.gap.value is not None and utility.gap.value > LARGE_GAP:
        task = f"predicting {utility.target!r}, a model learns less from it than from real rows."
        name = "" if "evaluation.target" in done else " Name the column that matters with evaluation.target."
        yield f"Check the task that the table is for: {task}{name}"
