"""The verdict on privacy: hard rules first, then the grade of the weakest part, always with reasons in words.

A rule fails only where training rows suffer what unseen real rows do not, beyond sampling noise and by an amount that
matters. Where samples are too small to see a leak, the grade says so by a limit instead of calling the table excellent.
Where a part was not tested, a failure of another is a failure, and everything else is no grade: a table is never graded
better for what was not looked at.
The rules themselves are in `rules`; their errors of the first kind add up to TOTAL_ERROR.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ss_ray.evaluation.metrics import MIN_ROWS, Metric
from ss_ray.evaluation.privacy.attacks import Privacy
from ss_ray.evaluation.privacy.copies import NO_COLUMN
from ss_ray.evaluation.privacy.rules import PRACTICAL_SHARE, STANDARD_ERRORS, failures, percent
from ss_ray.evaluation.scores import TOP_OF_GOOD, Grade, Score, to_score

WORST_SHARE = 0.6
"""Share closer to train, or membership AUC, that scores 0; 0.5 scores 10."""
ONE_SIDED = 1.645
"""Standard errors that a fair share exceeds once in 20 tables."""
DISCLOSED_LIMIT = 3.9
"""Highest score, the top of "Moderate", where a single row is disclosed."""

ROW_TESTS = ("copies of rows", "distances of rows", "membership inference", "attribute inference")
"""What a table whose columns are all texts or identifiers cannot be tested for."""


@dataclass(frozen=True, kw_only=True)
class PrivacyVerdict:
    """The grade of privacy and the reasons for it.

    Attributes:
        score: 0 to 10, the weakest part; 0 and "Poor" where a hard rule failed.
        failed: Whether a hard rule failed; None where the verdict is not available.
        reasons: In words; only the failures where a hard rule failed.
        hard_fails: Names of the rules that failed, each once, in the order of `rules.RULES`.
        missing: Tests that were not made, in words; if there is any, the only score given is 0.
    """

    score: Score
    failed: bool | None
    reasons: tuple[str, ...]
    hard_fails: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def judge_privacy(privacy: Privacy) -> PrivacyVerdict:
    """Poor if a hard rule fails; else not available or partial; else the grade of the weakest part."""
    failed = failures(privacy)
    missing = _list_missing_tests(privacy)
    if failed:
        return PrivacyVerdict(
            score=Score(value=0.0, grade=Grade.POOR),
            failed=True,
            reasons=tuple(reason for reasons in failed.values() for reason in reasons),
            hard_fails=tuple(failed),
            missing=missing,
        )

    unknown = _why_unknown(privacy)
    if unknown is not None:
        score = Score(value=None, grade=None, reason=unknown)
        return PrivacyVerdict(score=score, failed=None, reasons=(f"not available, because {unknown}",), missing=missing)

    if missing:
        return _partial_verdict(privacy, missing)

    shares = (privacy.closer_to_train, privacy.membership_auc)
    if any(_is_uncertain(m) for m in shares):
        # The samples are too small to see an excess of PRACTICAL_SHARE.
        limit = TOP_OF_GOOD
    else:
        limit = 10.0

    is_disclosed = privacy.disclosure.disclosed.value or any(column.long_texts for column in privacy.singles)
    limit = DISCLOSED_LIMIT if is_disclosed else limit
    score = to_score(min(limit, *(_score_metric(m) for m in shares if m.value is not None)))

    return PrivacyVerdict(score=score, failed=False, reasons=tuple(_list_findings(privacy)))


def _partial_verdict(privacy: Privacy, missing: tuple[str, ...]) -> PrivacyVerdict:
    reason = f"it is partial: {', '.join(missing)} {'was' if len(missing) == 1 else 'were'} not tested"
    reasons = (f"partial, so there is no grade; not tested: {', '.join(missing)}", *_list_findings(privacy))
    return PrivacyVerdict(
        score=Score(value=None, grade=None, reason=reason), failed=False, reasons=reasons, missing=missing
    )


def _list_missing_tests(privacy: Privacy) -> tuple[str, ...]:
    """Tests that were switched off, and tests that need a comparable column where the table has none."""
    return (*privacy.left_out, *(ROW_TESTS if _is_of_texts(privacy) else ()))


def _why_unknown(privacy: Privacy) -> str | None:
    """Why nothing can be said, if so."""
    if any(item.has_overlap for item in privacy.copies):
        return "the holdout holds training rows, so nothing in it is known to be unseen; give rows of its own"
    if _is_of_texts(privacy):
        return None

    compared = [privacy.copies[0].p_value, privacy.closer_to_train]
    if "membership inference" not in privacy.left_out:
        compared.append(privacy.membership_auc)

    return next((m.reason for m in compared if m.value is None), None)


def _is_of_texts(privacy: Privacy) -> bool:
    """Whether no columns can be compared, but the texts of enough rows were."""
    tested = [m.synthetic for m in privacy.memorised if m.p_value.value is not None]
    enough = bool(tested) and min(m.sample_size for m in tested) >= MIN_ROWS
    return privacy.copies[0].p_value.reason == NO_COLUMN and enough


def share_score(share: float) -> float:
    """Score of a share that an honest generator brings to 0.5: linear from 10 there to 0 at WORST_SHARE."""
    return 10.0 * min(1.0, max(0.0, (WORST_SHARE - share) / (WORST_SHARE - 0.5)))


def _score_metric(share: Metric) -> float:
    """Score of a share; where few rows give it by chance, it is no reason for less than "Moderate"."""
    value = share.value or 0.0
    if share.std_error is None or not _is_uncertain(share):
        return share_score(value)

    # One-sided 95 %: a fair share exceeds it once in 20 tables.
    significant = value - ONE_SIDED * share.std_error
    return max(share_score(value), min(share_score(significant), DISCLOSED_LIMIT))


def _is_uncertain(metric: Metric) -> bool:
    """Whether an excess of PRACTICAL_SHARE would drown in the noise."""
    return metric.std_error is None or 0.5 + STANDARD_ERRORS * metric.std_error > PRACTICAL_SHARE


def _list_findings(privacy: Privacy) -> Iterator[str]:
    """Findings of the tests that were made on a table that failed no hard rule."""
    near = privacy.near_copies
    attributes = privacy.attributes
    for item in privacy.copies:
        if item.synthetic.value is not None and item.holdout.value is not None:
            if item.column is None:
                rows = "synthetic rows equal a training row"
            else:
                rows = f"texts of {item.column!r} are copies"

            yield (
                f"{percent(item.synthetic)} of the {rows}, {percent(item.holdout)} of the unseen real ones: no more "
                "than chance explains"
            )

    for text in privacy.memorised if privacy.copies[0].synthetic.value is None else ():
        yield (
            f"{percent(text.synthetic)} of the texts of {text.column!r} have a longer run of words from a training "
            f"text than nearly all unseen real texts, {percent(text.holdout)} of these do"
        )

    if near.synthetic.value is not None:
        yield (
            f"{percent(near.synthetic)} of the synthetic rows come nearer to a training row than nearly all unseen "
            f"real rows do; {percent(near.holdout)} of those do by definition"
        )

    if privacy.closer_to_train.value is not None:
        yield (
            f"{percent(privacy.closer_to_train)} of the synthetic rows are closer to a training row than to an unseen "
            "real row; 50% is fair"
        )

    if privacy.membership_auc.value is not None:
        auc = privacy.membership_auc.value
        yield f"guessing who was trained on by distance has an AUC of {auc:.3f}; 0.5 is guessing"

    if attributes.worst is not None:
        yield (
            f"guessing a column from the others succeeds at most {_format_points(attributes.worst.advantage)} "
            "more often on training rows than on unseen real rows"
        )

    yield from _single_findings(privacy)
    # A small sample could not show an excess that matters.
    known = [m for m in (privacy.closer_to_train, privacy.membership_auc) if m.value is not None]
    if any(_is_uncertain(m) for m in known):
        yield (
            f"the samples are too small to see an excess of {100 * (PRACTICAL_SHARE - 0.5):.0f}%, so a grade is "
            f"at most {to_score(TOP_OF_GOOD).grade}"
        )


def _single_findings(privacy: Privacy) -> Iterator[str]:
    """Findings about single persons, whether or not chance explains them."""
    disclosed = privacy.disclosure.disclosed.value or 0.0
    if disclosed:
        rows = ", ".join(str(row.row) for row in privacy.disclosure.rows)
        yield (
            f"{disclosed:.0f} synthetic rows (number {rows}) equal a training row that stands alone, in all or nearly "
            f"all cells, so a grade is at most {to_score(DISCLOSED_LIMIT).grade}"
        )

    for column in privacy.singles:
        if column.long_texts:
            yield (
                f"{column.long_texts} long texts of {column.column!r} are those of one training unit word for word, so "
                f"a grade is at most {to_score(DISCLOSED_LIMIT).grade}"
            )

        yield (
            f"{column.values} of the {column.of} values of {column.column!r} that exactly one training unit has are in "
            "the synthetic table; declare data.columns.<name>.public if they are no secret"
        )


def _format_points(metric: Metric) -> str:
    return f"{100 * max(metric.value or 0.0, 0.0):.1f} percentage points"
