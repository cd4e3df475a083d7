"""The verdict in words for three readers: a manager, a privacy officer and a statistician.

Every sentence follows from a figure of the evaluation or of the certificate by a stated rule; nothing is softened. The
rules of the manager's verdict are in `uses`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ss_ray.evaluation.evaluate import Evaluation
from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.privacy.rules import RULES
from ss_ray.evaluation.quality.column_fidelity import ColumnFidelity
from ss_ray.evaluation.quality_verdict import measure_kept_skill
from ss_ray.evaluation.report.uses import (
    LEAST_SKILL,
    MOST_EPSILON,
    STRONG_EPSILON,
    Use,
    judge_publication,
    judge_uses,
    list_names,
)
from ss_ray.pii.entity_words import describe_entity
from ss_ray.privacy.certificate import Certificate

CLOSE = 0.1
"""Jensen-Shannon distance up to which a column may be estimated from."""
EXCESS = 0.05
"""Distance above that of unseen real rows up to which a column may be estimated from, however far those are."""
CLOSE_PAIR = 0.05
"""Distance of a pair of columns above that of unseen real rows up to which their relation may be estimated."""
CLOSE_ASSOCIATION = 0.05
"""Mean error of the associations up to which they may be estimated."""
MOST_RARE = 0.9
"""Share of the rare categories that must occur before they may be counted."""
MOST_NAMED = 5
"""Columns, kinds or reasons that a sentence names."""
NARROW_INTERVALS = (
    "Confidence intervals computed as if the synthetic rows were real are too narrow: they leave out what the model "
    "did not learn. More synthetic rows do not bring more knowledge of the population."
)
NO_FIGURES = (
    "Figures against the real rows are not on this page: they were not paid for. The sender of the table has them."
)
NO_TESTS = (
    "Whether tests against the real rows failed is not told on this page: they were not paid for. The sender of the "
    "table knows."
)
SINGLE_PERSONS = "Statements about a single person, or about the smallest and largest values, cannot be made from it."


@dataclass(frozen=True, kw_only=True)
class PiiRow:
    """Replacement in one column of personal data.

    Attributes:
        column: Name of the column.
        entity_type: Presidio's name of what it holds ("EMAIL_ADDRESS").
        replaced: Values replaced by stand-ins.
    """

    column: str
    entity_type: str
    replaced: int

    @property
    def words(self) -> str:
        """The entity type in plain words."""
        return describe_entity(self.entity_type)


@dataclass(frozen=True, kw_only=True)
class VerdictPart:
    """One part of a reader's verdict.

    Attributes:
        topic: Subject of the sentences, in two or three words.
        sentences: Findings on this subject.
    """

    topic: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReaderVerdict:
    """The verdict for one reader.

    Attributes:
        reader: Role of the reader ("a manager").
        headline: The verdict in one sentence.
        findings: Findings behind the headline.
    """

    reader: str
    headline: str
    findings: tuple[VerdictPart, ...]


def judge_for_readers(
    evaluation: Evaluation, pii: Sequence[PiiRow] | None, guarantee: Certificate | None
) -> tuple[ReaderVerdict, ...]:
    """The verdicts for a manager, a privacy officer and a statistician.

    Args:
        evaluation: Measurements of the table.
        pii: Columns with personal data; empty where none were found, None where nobody looked.
        guarantee: The certificate; None without differential privacy.
    """
    return (
        _judge_for_manager(judge_uses(evaluation, guarantee)),
        _judge_for_officer(evaluation, pii, guarantee),
        _judge_for_statistician(evaluation),
    )


def judge_by_certificate(guarantee: Certificate) -> tuple[ReaderVerdict, ...]:
    """The verdicts that follow from the certificate alone, for a page that may leave with the table."""
    publication = judge_publication(guarantee, failed=None)
    proved = (_describe_guarantee(guarantee),)
    return (
        ReaderVerdict(
            reader="a manager",
            headline=f"By its certificate alone {publication.fitness} for publication: {publication.because}.",
            findings=(
                VerdictPart(topic="The rule", sentences=(f"Needed: an epsilon of at most {MOST_EPSILON:g}.", NO_TESTS)),
            ),
        ),
        ReaderVerdict(
            reader="a privacy officer",
            headline=f"What this table reveals about one privacy unit has a proved bound. {_judge_strength(guarantee)}",
            findings=(
                VerdictPart(topic="Proved", sentences=proved),
                VerdictPart(topic="Not covered", sentences=tuple(map(_close_sentence, guarantee.not_covered))),
            ),
        ),
        ReaderVerdict(
            reader="a statistician",
            headline="How close estimates are to the real table is not stated here.",
            findings=(
                VerdictPart(topic="Can be estimated", sentences=(NO_FIGURES,)),
                VerdictPart(topic="Cannot", sentences=(NARROW_INTERVALS, SINGLE_PERSONS)),
            ),
        ),
    )


def _judge_for_manager(uses: tuple[Use, ...]) -> ReaderVerdict:
    """Fit for this, not for that, and why."""
    fit = tuple(list_names(uses, "fit"))
    headline = f"Fit for {_join_words(fit)}." if fit else "Fit for no use that was judged."
    topics = {"fit": "Fit for", "not fit": "Not fit for", "not known": "Not known"}
    for fitness in ("not fit", "not known"):
        refused = [use for use in uses if use.fitness == fitness]
        if refused:
            headline += f" {topics[fitness]}: {refused[0].name}, because {refused[0].because}."

    findings = [
        VerdictPart(
            topic=topic,
            sentences=tuple(
                f"{_capitalise_text(use.name)}: {use.because}. Needed: {use.rule}."
                for use in uses
                if use.fitness == fitness
            ),
        )
        for fitness, topic in topics.items()
    ]
    never = "Decisions about a single person: a synthetic row is nobody."
    return ReaderVerdict(
        reader="a manager",
        headline=headline,
        findings=(*(f for f in findings if f.sentences), VerdictPart(topic="Never", sentences=(never,))),
    )


def _judge_for_officer(
    evaluation: Evaluation, pii: Sequence[PiiRow] | None, guarantee: Certificate | None
) -> ReaderVerdict:
    """What was found, removed and proved, and what none of it covers."""
    privacy = evaluation.scores.privacy
    if privacy.failed:
        headline = f"Do not release: {len(privacy.hard_fails)} of {len(RULES)} hard rules failed."
    elif privacy.score.value is None:
        headline = f"No verdict on privacy, because {privacy.score.reason or 'it could not be measured'}."
    else:
        headline = f"None of {len(RULES)} hard rules failed; privacy is {privacy.score.grade}."

    if guarantee is None:
        headline += " Nothing is proved: these are tests."
    else:
        headline += f" A bound is proved. {_judge_strength(guarantee)}"

    found, removed = _describe_personal_data(pii)
    return ReaderVerdict(
        reader="a privacy officer",
        headline=headline,
        findings=(
            VerdictPart(topic="Found", sentences=found),
            VerdictPart(topic="Removed", sentences=removed),
            VerdictPart(topic="Tested", sentences=tuple(map(_close_sentence, privacy.reasons))),
            VerdictPart(
                topic="Proved",
                sentences=(_describe_guarantee(guarantee) if guarantee else "Nothing: differential privacy was off.",),
            ),
            VerdictPart(topic="Not covered", sentences=tuple(_list_gaps(evaluation, pii, guarantee))),
        ),
    )


def _describe_personal_data(pii: Sequence[PiiRow] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sentences on what was found, and on what was removed."""
    if pii is None:
        return ("Nobody looked for personal data here.",), ("Nothing.",)
    if not pii:
        return ("No column with personal data was found.",), ("Nothing.",)

    kinds = tuple(dict.fromkeys(row.words for row in pii))
    columns = len({row.column for row in pii})
    found = f"{columns} {_pluralise_noun('column', columns)} with personal data: {_join_words(kinds, MOST_NAMED * 4)}."
    replaced = sum(row.replaced for row in pii)
    removed = [f"{replaced:,} values were replaced by invented ones before training."]
    kept = tuple(dict.fromkeys(row.column for row in pii if not row.replaced))
    if kept:
        removed.append(f"Nothing was replaced in {_join_words(tuple(map(repr, kept)), MOST_NAMED)}.")

    return (found,), tuple(removed)


def _list_gaps(evaluation: Evaluation, pii: Sequence[PiiRow] | None, guarantee: Certificate | None) -> Iterator[str]:
    """What neither the tests nor the guarantee cover."""
    missing = evaluation.scores.privacy.missing
    if missing:
        yield f"Tests that were not made: {_join_words(missing)}."

    if pii is None:
        yield "Personal data that the table may hold: nobody looked for it."
    else:
        yield "Personal data that the search did not recognise. No search finds everything, least of all in free text."

    if guarantee is None:
        yield "Attacks that these tests do not try, and people about whom an attacker knows more than the table says."
    else:
        yield from map(_close_sentence, guarantee.not_covered)

    if evaluation.fidelity.texts:
        yield "Personal details that a text tells in other words than the original."


def _judge_for_statistician(evaluation: Evaluation) -> ReaderVerdict:
    """What can be estimated from the table, and what cannot."""
    fidelity = evaluation.fidelity
    scored = [column for column in fidelity.columns if column.distance.value is not None]
    far = sorted((c for c in scored if not _is_close(c)), key=lambda c: -(c.distance.value or 0.0))
    pairs = [pair for pair in fidelity.pairs.worst if _exceeds_baseline(pair.distance, pair.baseline)]
    kept = measure_kept_skill(evaluation.utility)
    found: list[tuple[bool, str]] = []

    if scored:
        sentence = (
            f"Shares, means and quantiles of {len(scored) - len(far)} of {len(scored)} scored columns (distance at "
            f"most {CLOSE:g}, or {EXCESS:g} above that of unseen real rows)."
        )
        found.append((len(far) < len(scored), sentence))

    if far:
        names = tuple(f"{c.name!r} ({c.distance.value:.2f})" for c in far)
        found.append((False, f"The distributions of {_join_words(names, MOST_NAMED)}: they differ too much."))

    error = fidelity.synthetic.correlation_off_diagonal.value
    if error is not None:
        sentence = (
            f"Associations of two columns: their mean error is {error:.3f} (needed: at most {CLOSE_ASSOCIATION:g})."
        )
        found.append((error <= CLOSE_ASSOCIATION, sentence))

    if pairs:
        names = tuple(f"{pair.first!r} with {pair.second!r}" for pair in pairs)
        sentence = (
            f"The relation of {_join_words(names, MOST_NAMED)} (distance more than {CLOSE_PAIR:g} above that of unseen "
            "real rows)."
        )
        found.append((False, sentence))

    if kept is not None:
        sentence = f"Prediction models: they keep {max(kept.share, 0):.0%} of their skill (needed: {LEAST_SKILL:.0%})."
        found.append((kept.share >= LEAST_SKILL, sentence))

    occurring = fidelity.rare_categories.value
    if occurring is not None:
        sentence = f"Rare categories: {occurring:.0%} of those below 1% of the rows occur (needed: {MOST_RARE:.0%})."
        found.append((occurring >= MOST_RARE, sentence))

    can = tuple(sentence for is_possible, sentence in found if is_possible)
    cannot = tuple(sentence for is_possible, sentence in found if not is_possible)
    return ReaderVerdict(
        reader="a statistician",
        headline=_summarise_estimates(len(scored), len(far)),
        findings=(
            VerdictPart(topic="Can be estimated", sentences=can or ("Nothing that was measured.",)),
            VerdictPart(topic="Cannot", sentences=(*cannot, NARROW_INTERVALS, SINGLE_PERSONS)),
            VerdictPart(topic="Not compared", sentences=(_describe_unscored(fidelity.columns),)),
        ),
    )


def _describe_unscored(columns: Sequence[ColumnFidelity]) -> str:
    names = tuple(repr(column.name) for column in columns if column.distance.value is None)
    if not names:
        return "No column was left out."
    return f"{_join_words(names, MOST_NAMED)}: identifiers, free text, or columns without values have no distribution."


def _summarise_estimates(scored: int, far: int) -> str:
    if not scored:
        return "No column could be compared, so nothing is known about estimates from this table."
    if not far:
        return f"All {scored} scored columns are close enough to estimate from."
    return f"{scored - far} of {scored} scored columns are close enough to estimate from."


def _is_close(column: ColumnFidelity) -> bool:
    distance = column.distance.value or 0.0
    return distance <= max(CLOSE, (column.distance_baseline.value or 0.0) + EXCESS)


def _exceeds_baseline(distance: Metric, baseline: Metric) -> bool:
    return distance.value is not None and distance.value > (baseline.value or 0.0) + CLOSE_PAIR


def _describe_guarantee(guarantee: Certificate) -> str:
    return (
        f"({guarantee.epsilon:.2f}, {guarantee.delta:.1e})-differential privacy of everything in release/; the unit is "
        f"{guarantee.privacy_unit}."
    )


def _judge_strength(guarantee: Certificate) -> str:
    if guarantee.epsilon <= STRONG_EPSILON:
        return "The bound is strong."
    if guarantee.epsilon <= MOST_EPSILON:
        return "The bound is moderate: it does not rule out that single values are guessed better than by chance."
    return f"The bound is too weak to rely on: its epsilon is above {MOST_EPSILON:g}."


def _join_words(words: Sequence[str], limit: int | None = None) -> str:
    """Words as a list in a sentence; beyond the limit, how many more there are."""
    shown = list(words[:limit])
    if limit is not None and len(words) > limit:
        shown.append(f"{len(words) - limit} more")

    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _pluralise_noun(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def _capitalise_text(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _close_sentence(text: str) -> str:
    return f"{_capitalise_text(text.rstrip('.'))}."
