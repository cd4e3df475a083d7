"""Hard rules of privacy: each rule fails a table for one kind of leak and states the reason in words.

Every rule has the same share of TOTAL_ERROR, the probability that a table made without a look at the training rows
fails any of them; a rule that makes several tests divides its share among them (Bonferroni). Beside being significant,
a leak must exceed a practical bound, so that large tables do not fail for traces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.privacy.attacks import Privacy
from ss_ray.evaluation.privacy.copies import Copies
from ss_ray.evaluation.privacy.gdpr_risks import TOLERABLE_RISK
from ss_ray.evaluation.privacy.memorised import Memorised
from ss_ray.evaluation.privacy.near_copies import CLOSEST
from ss_ray.evaluation.privacy.replay import Replay, Replayed

TOTAL_ERROR = 0.02
"""Error of the first kind of all rules together: two honest tables in a hundred fail by bad luck, at most."""
STANDARD_ERRORS = 3.0
"""Excess of a share over 0.5 beyond its noise; one-sided, an error of 0.0014."""
PRACTICAL_SHARE = 0.55
"""Share closer to train, or membership AUC, up to which an excess is not called a leak."""
PRACTICAL_TPR = 0.03
"""Members found at 1 % of false alarms, up to which it is not called a leak; guessing finds 1 %."""
PRACTICAL_NEAR = CLOSEST + 0.02
"""Share of near copies up to which it is not called a leak."""
PRACTICAL_ADVANTAGE = 0.05
"""Advantage of attribute inference up to which it is not called a leak."""
PRACTICAL_PERSONAL = 0.005
PRACTICAL_OTHER = 0.05
"""Excess of replayed values that identify, of personal columns and of others, up to which it is not called a leak."""
PRACTICAL_AHEAD = 0.01
"""Excess of training rows that synthetic rows lead for, as a share of these, up to which it is not called a leak."""
PRACTICAL_COMBINATION = 0.02
"""Excess of replayed combinations up to which it is not called a leak."""
MIN_DISCLOSED = 3
"""Disclosed rows from which a table fails; one or two cap the grade, since a person may be twice in the data."""
MIN_VERBATIM = 6
"""Long texts of one unit, verbatim, from which a table fails where real rows share none: an honest generator whose
texts repeat at any rate passes with a probability of at least 99.5 %."""
PRACTICAL_MEMORISED = 0.01
"""Excess of texts with a memorised run of words up to which it is not called a leak."""

Reasons = Iterator[str]


def failures(privacy: Privacy) -> dict[str, tuple[str, ...]]:
    """Rules that fail -> why."""
    found = {name: tuple(rule(privacy)) for name, rule in RULES.items()}
    return {name: reasons for name, reasons in found.items() if reasons}


def is_copying(copies: Copies, alpha: float) -> bool:
    """Whether more synthetic rows are copies than chance explains, at this error of the first kind."""
    return _is_below(copies.p_value, alpha)


def is_leaking(metric: Metric) -> bool:
    """Whether a share exceeds 0.5 both beyond its noise and by an amount that matters."""
    if metric.value is None or metric.std_error is None:
        return False
    return metric.value > max(0.5 + STANDARD_ERRORS * metric.std_error, PRACTICAL_SHARE)


def _judge_copies(privacy: Privacy) -> Reasons:
    alpha = rule_error() / max(len(privacy.copies), 1)
    for item in (c for c in privacy.copies if is_copying(c, alpha)):
        if item.column is None:
            what = "synthetic rows equal a training row"
        else:
            what = f"texts of {item.column!r} are copies"

        yield (
            f"{percent(item.synthetic)} of the {what}; among {_describe_chance(item)} "
            f"(one-sided binomial test, {_p_value(item.p_value, alpha)})"
        )


def _describe_chance(item: Copies) -> str:
    if item.holdout.value is None:
        return f"training rows themselves it is {percent(item.repeated)}"
    return f"unseen real rows it is {percent(item.holdout)}"


def _near_copies(privacy: Privacy) -> Reasons:
    near = privacy.near_copies
    alpha = rule_error()
    significant = _is_below(near.p_value, alpha) and _is_below(near.relative_p_value, alpha)
    if significant and (near.synthetic.value or 0.0) > PRACTICAL_NEAR:
        yield (
            f"{percent(near.synthetic)} of the synthetic rows come nearer to a training row than nearly all unseen "
            f"real rows do; {percent(near.holdout)} of those do by definition "
            f"(rank test, {_p_value(near.p_value, alpha)})"
        )


def _closer_to_train(privacy: Privacy) -> Reasons:
    if is_leaking(privacy.closer_to_train):
        limit = 0.5 + STANDARD_ERRORS * (privacy.closer_to_train.std_error or 0.0)
        yield (
            f"{percent(privacy.closer_to_train)} of the synthetic rows are closer to a training row than to an unseen "
            f"real row; 50% is fair, {limit:.3f} the limit of chance"
        )


def _judge_membership(privacy: Privacy) -> Reasons:
    alpha = rule_error() / (2 * len(privacy.membership.attacks))
    for by, attack in privacy.membership.attacks.items():
        if _is_below(attack.auc_p_value, alpha) and (attack.auc.value or 0.0) > PRACTICAL_SHARE:
            yield (
                f"the {by} to the synthetic table tells training rows from unseen real rows with an AUC of "
                f"{attack.auc.value:.3f}; 0.5 is fair (rank test, {_p_value(attack.auc_p_value, alpha)})"
            )

        if _is_below(attack.tpr_p_value, alpha) and (attack.tpr_at_1_percent.value or 0.0) > PRACTICAL_TPR:
            yield (
                f"the {by} to the synthetic table finds {percent(attack.tpr_at_1_percent)} of the training rows at 1% "
                f"of false alarms; guessing finds 1% (rank test, {_p_value(attack.tpr_p_value, alpha)})"
            )


def _judge_replay(privacy: Privacy) -> Reasons:
    places = [(r, place) for r in privacy.replays for place in ("in_column", "in_texts")]
    tested = [(r, place) for r, place in places if getattr(r, place).p_value.value is not None]
    alpha = rule_error() / max(len(tested), 1)

    for replay, place in tested:
        found: Replayed = getattr(replay, place)
        if replay.entity_type:
            bound = PRACTICAL_PERSONAL
        else:
            bound = PRACTICAL_OTHER

        if _is_below(found.p_value, alpha) and _subtract_chance(found.identifying, found.identifying_holdout) > bound:
            yield _replay_reason(replay, found, "in the same column" if place == "in_column" else "in texts", alpha)


def _replay_reason(replay: Replay, found: Replayed, where: str, alpha: float) -> str:
    if replay.entity_type:
        what = f" ({replay.entity_type})"
    else:
        what = ""

    return (
        f"of the values of {replay.column!r}{what} that one real row holds, {percent(found.identifying)} of those in "
        f"training rows reappear {where}, and {percent(found.identifying_holdout)} of those in unseen real rows "
        f"(one-sided binomial test, {_p_value(found.p_value, alpha)})"
    )


def _judge_memorised(privacy: Privacy) -> Reasons:
    alpha = rule_error() / max(len(privacy.memorised), 1)
    for item in privacy.memorised:
        if _is_below(item.p_value, alpha) and _subtract_chance(item.synthetic, item.holdout) > PRACTICAL_MEMORISED:
            yield _memorised_reason(item, alpha)

    for column in privacy.singles:
        if column.long_texts >= MIN_VERBATIM:
            yield (
                f"{column.long_texts} long texts of {column.column!r} that one training unit alone wrote are in the "
                "synthetic table word for word, and no two real rows share such a text"
            )


def _memorised_reason(item: Memorised, alpha: float) -> str:
    return (
        f"{percent(item.synthetic)} of the texts of {item.column!r} share more than {item.bar.value:.0f} words in a "
        f"row with a training text; {percent(item.holdout)} of the unseen real texts do "
        f"({_p_value(item.p_value, alpha)})"
    )


def _judge_attributes(privacy: Privacy) -> Reasons:
    # The p-values are corrected for the number of columns.
    alpha = rule_error()
    for item in privacy.attributes.columns:
        if _is_below(item.p_value, alpha) and (item.advantage.value or 0.0) > PRACTICAL_ADVANTAGE:
            yield (
                f"{item.column!r} is guessed from the other columns for {percent(item.train)} of the training rows and "
                f"for {percent(item.holdout)} of the unseen real rows ({_p_value(item.p_value, alpha)})"
            )


def _gdpr_risks(privacy: Privacy) -> Reasons:
    alpha = rule_error() / len(privacy.gdpr_risks.risks)
    for name, item in privacy.gdpr_risks.risks.items():
        if _is_below(item.p_value, alpha):
            if item.column:
                column = f" of {item.column!r}"
            else:
                column = ""

            yield (
                f"the risk of {name}{column} is {percent(item.risk)}: the attack succeeds on {percent(item.attack)} of "
                f"the training rows and on {percent(item.control)} of the unseen real rows; above "
                f"{100 * TOLERABLE_RISK:.0f}% it is too high ({_p_value(item.p_value, alpha)})"
            )


def _disclosed_rows(privacy: Privacy) -> Reasons:
    found = privacy.disclosure
    alpha = rule_error() / 2
    count = found.disclosed.value or 0.0
    if count >= MIN_DISCLOSED and _is_below(found.p_value, alpha):
        yield (
            f"{count:.0f} synthetic rows equal a training row in all or nearly all cells, and no other real row "
            f"resembles that row nearly as much (a lead of over {found.limit.value:.0f} bits; the same is true of "
            f"{found.real_disclosed.value:.0f} real rows; {_p_value(found.p_value, alpha)})"
        )

    if _is_below(found.ahead_p_value, alpha) and _subtract_chance(found.ahead, found.unseen_ahead) > PRACTICAL_AHEAD:
        yield (
            f"some training rows are resembled by a synthetic row more than by any other real row: "
            f"{percent(found.ahead)} of the number of synthetic rows; unseen real rows in their place give "
            f"{percent(found.unseen_ahead)} ({_p_value(found.ahead_p_value, alpha)})"
        )


def _judge_combinations(privacy: Privacy) -> Reasons:
    found = privacy.combination
    alpha = rule_error()
    if _is_below(found.p_value, alpha) and _subtract_chance(found.train, found.holdout) > PRACTICAL_COMBINATION:
        yield (
            f"of the combinations of {', '.join(map(repr, found.columns))} that one real row has, "
            f"{percent(found.train)} of those of training rows reappear, and {percent(found.holdout)} of those of "
            f"unseen real rows ({_p_value(found.p_value, alpha)})"
        )


def _unseen_values(privacy: Privacy) -> Reasons:
    found = privacy.unseen
    alpha = rule_error()
    if _is_below(found.p_value, alpha):
        yield (
            f"{percent(found.reappearing)} of the values of {found.column!r} that one unseen row alone has are in the "
            f"synthetic table; in another real sample at most {percent(found.chance)} would be, so these rows were not "
            f"unseen ({_p_value(found.p_value, alpha)})"
        )


RULES: Mapping[str, Callable[[Privacy], Reasons]] = {
    "copies": _judge_copies,
    "near_copies": _near_copies,
    "closer_to_train": _closer_to_train,
    "membership_inference": _judge_membership,
    "replay": _judge_replay,
    "memorised_text": _judge_memorised,
    "attribute_inference": _judge_attributes,
    "gdpr_risks": _gdpr_risks,
    "disclosed_rows": _disclosed_rows,
    "combinations": _judge_combinations,
    "unseen_values": _unseen_values,
}


def rule_error() -> float:
    """Significance level (error of the first kind) of one rule."""
    return TOTAL_ERROR / len(RULES)


def percent(metric: Metric) -> str:
    """A share in words."""
    if metric.value is None:
        return "an unknown share"
    return f"{100 * metric.value:.1f}%"


def _is_below(p_value: Metric, alpha: float) -> bool:
    return p_value.value is not None and p_value.value < alpha


def _subtract_chance(share: Metric, chance: Metric) -> float:
    return (share.value or 0.0) - (chance.value or 0.0)


def _p_value(metric: Metric, alpha: float) -> str:
    if (metric.value or 0.0) < 1e-12:
        shown = "p < 1e-12"
    else:
        shown = f"p = {metric.value:.1g}"
    return f"{shown}, below {alpha:.2g}"
