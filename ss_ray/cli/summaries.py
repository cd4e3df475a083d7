"""What the command line prints at the end: where results are, and their main figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ss_ray.progress import stage_title

if TYPE_CHECKING:
    from ss_ray.evaluation.stage import EvaluationResult
    from ss_ray.pipelines.evaluate import EvaluationReport
    from ss_ray.pipelines.generate import GenerationReport
    from ss_ray.pipelines.kept_constraints import KeptConstraints
    from ss_ray.pipelines.replace_pii import ReplacementReport
    from ss_ray.pipelines.run import RunReport


MOST_REASONS = 3
MOST_COLUMNS = 8
"""Columns that a line names."""


def summary(report: RunReport, seconds: float) -> str:
    """What a finished run made and where, with its main scores and stage times.

    Args:
        report: The finished run.
        seconds: Wall time of the command in seconds.
    """
    lines = [
        f"Read             {report.reading}",
        f"Synthetic table  {report.synthetic}  ({report.num_rows:,} rows)",
    ]
    if report.incomplete:
        lines.append(f"Incomplete       {report.incomplete}")

    if report.csv:
        lines.append(f"CSV              {report.csv}")

    if report.report:
        lines.append(f"Report           {report.report}  (internal: computed on real rows)")

    if report.guarantee is not None:
        g = report.guarantee
        lines += [
            f"Guarantee        epsilon {g.epsilon:.2f}, delta {g.delta:.2g}; one unit: {g.privacy_unit}",
            f"Certificate      {report.certificate}",
        ]

    lines.append(f"Manifest         {report.manifest}")
    lines += [f"Note             {notice}" for notice in report.notices]
    if report.evaluation is not None:
        lines += score_lines(report.evaluation)

    lines.append(_seconds_line(report.stage_seconds, report.done_now, seconds))
    return "\n".join(lines)


def score_lines(scores: EvaluationResult) -> list[str]:
    """Verdict and main scores, a line each; where a figure is missing, the reason."""
    failed = [f"Failed           {reason}" for reason in scores.failed[:MOST_REASONS]]
    return [
        f"Verdict          quality {scores.quality_grade or 'not available'}, privacy {_privacy_word(scores)}",
        _quality_line(scores),
        *(f"Quality capped   {reason}" for reason in scores.quality_limits[:MOST_REASONS]),
        _privacy_line(scores),
        *failed,
        *(f"Not tested       {part}: privacy has no grade" for part in scores.privacy_missing if not scores.failed),
        _utility_line(scores),
        _discriminator_line(scores),
        *_rule_lines(scores),
    ]


def _rule_lines(scores: EvaluationResult) -> list[str]:
    """How many of the rules that were found in the real rows the synthetic rows break, and which ones most."""
    if not scores.found_rules:
        return []

    broken = scores.broken_rules
    counts = f"{scores.found_rules} found in the real rows, synthetic rows break {len(broken) or 'none'} of them"
    hint = " (constraints: auto keeps them)" if broken else ""
    worst = (f"Broken           {name}: {_share_words(share)} of the rows" for name, share in broken[:MOST_REASONS])
    return [f"Rules            {counts}{hint}", *worst]


def _share_words(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def _quality_line(scores: EvaluationResult) -> str:
    score = _format_figure(scores.quality_score, 1)
    if scores.quality_score is None:
        return f"Quality (SQS)    not available: {scores.unavailable.get('quality', 'not measured')}"
    if scores.quality_verdict is not None and scores.quality_verdict < scores.quality_score:
        return f"Quality (SQS)    {score} of 10, but {scores.quality_grade}: capped at {scores.quality_verdict:.1f}"
    return f"Quality (SQS)    {score} of 10, {scores.quality_grade or 'not available'}"


def _privacy_word(scores: EvaluationResult) -> str:
    return scores.privacy_grade or ("partial" if scores.privacy_missing else "not available")


def _privacy_line(scores: EvaluationResult) -> str:
    if "privacy" in scores.unavailable and not scores.privacy_missing:
        return f"Privacy          not available: {scores.unavailable['privacy']}"

    copied = _format_figure(scores.copied_share, 4)
    by_chance = _format_figure(scores.copied_share_holdout, 4)
    return (
        f"Privacy          {_privacy_word(scores)}: {copied} copied rows (chance gives {by_chance}), "
        f"{_format_figure(scores.closer_to_train_share, 3)} closer to train than to holdout"
    )


def _utility_line(scores: EvaluationResult) -> str:
    if "utility" in scores.unavailable:
        return f"Utility          not available: {scores.unavailable['utility']}"
    return (
        f"Utility          {_format_figure(scores.utility_synthetic, 3)} trained on synthetic, "
        f"{_format_figure(scores.utility_real, 3)} on real (predicting {scores.utility_target or '-'})"
    )


def _discriminator_line(scores: EvaluationResult) -> str:
    if "discriminator" in scores.unavailable:
        return f"Discriminator    not available: {scores.unavailable['discriminator']}"
    auc = scores.discriminator_auc
    chance = ", and what is below it is chance" if auc is not None and auc < 0.5 else ""
    return f"Discriminator    AUC {_format_figure(auc, 3)} (0.5: cannot tell from real{chance})"


def evaluation_summary(report: EvaluationReport) -> str:
    """What was measured, and where it is."""
    rows = ", ".join(f"{name} {count:,}" for name, count in report.rows.items())
    lines = [
        *(f"Read             {reading}" for reading in report.readings.values()),
        f"Rows             {rows}",
        f"Report           {report.report}  (internal: computed on real rows)",
        f"Metrics          {report.metrics}",
        *score_lines(report.result),
    ]
    if report.lost:
        lines.append(f"Unreadable       {report.lost:,} cells, which count as missing; the report names their columns")

    if report.extra:
        lines.append(f"Not compared     {report.extra:,} columns that the real table lacks; the report names them")

    return "\n".join([*lines, f"Seconds          {report.seconds:.0f}"])


def generation_summary(report: GenerationReport, seconds: float) -> str:
    """What was made and where, and what constraints cost.

    Args:
        report: The finished generation.
        seconds: Wall time of the command in seconds.
    """
    lines = [f"Synthetic table  {report.synthetic}  ({report.result.num_rows:,} rows)"]
    if report.result.incomplete:
        lines.append(f"Incomplete       {report.result.incomplete}")

    if report.csv:
        lines.append(f"CSV              {report.csv}")

    if report.certificate:
        lines.append(f"Certificate      {report.certificate}")

    lines += _constraint_lines(report.constraints)
    lines += [f"rejected         {count:,} rows: {name}" for name, count in report.result.rejected.items() if count]
    lines += [f"repaired         {count:,} cells: {name}" for name, count in report.result.repaired.items() if count]
    lines.append(_seconds_line(report.stage_seconds, report.done_now, seconds))

    return "\n".join(lines)


def _constraint_lines(constraints: KeptConstraints) -> list[str]:
    """Which constraints hold in the new rows, and which of the run do not."""
    parts = {
        "of the run": constraints.of_run,
        "added": constraints.added,
        "of the run, dropped": constraints.dropped,
    }
    lines = [
        f"Constraints      {part}: {'; '.join(constraint.name for constraint in found)}"
        for part, found in parts.items()
        if found
    ]
    return lines or ["Constraints      none"]


def replacement_summary(report: ReplacementReport, seconds: float) -> str:
    """What was replaced, and where the table and the page about it are.

    Args:
        report: The finished replacement.
        seconds: Wall time of the command in seconds.
    """
    lines = [f"Read             {report.reading}", f"Table            {report.table}  ({report.num_rows:,} rows)"]
    if report.csv:
        lines.append(f"CSV              {report.csv}")

    lines.append(f"Report           {report.report}")
    if report.result.dropped_rows:
        lines.append(f"Dropped          {report.result.dropped_rows:,} rows")

    for row in report.result.statistics:
        done = f"{row.replaced:,} in {row.share:.0%} of cells"
        lines.append(f"{row.operator:<16} {row.column}: {row.entity_type}, {done}")

    lines += _unchanged_lines(report)
    if report.result.kept_together is not None:
        lines.append(f"Kept together    {report.result.kept_together.sentence}")

    lines.append(_seconds_line(report.stage_seconds, report.done_now, seconds))
    return "\n".join(lines)


def _unchanged_lines(report: ReplacementReport) -> list[str]:
    """Columns of a personal kind that were not replaced, and unchanged columns that nearly identify a row."""
    lines = []
    for rule in report.result.plan.kept if report.result.plan else ():
        birth = report.result.follows.get(rule.name)
        if birth is None:
            lines.append(f"kept             {rule.name}: {rule.entity_type}")
        else:
            lines.append(f"follows          {rule.name}: {rule.entity_type}, changed with the dates of {birth}")

    if report.unchanged:
        more = len(report.unchanged) - MOST_COLUMNS
        names = ", ".join(report.unchanged[:MOST_COLUMNS]) + (f" and {more} more" if more > 0 else "")
        lines.append(f"Unchanged        {names}: nearly every row has its own value, which links it to the source")

    return lines


def _seconds_line(stage_seconds: Mapping[str, float], done_now: Sequence[str], seconds: float) -> str:
    """The wall time of a command and its parts, which add up to it."""
    parts = {stage: round(stage_seconds[stage]) for stage in done_now}
    rest = max(0, round(seconds) - sum(parts.values()))
    shown = "".join(f"{stage_title(stage)} {part}, " for stage, part in parts.items())
    return f"Seconds          {sum(parts.values()) + rest}: {shown}start and stop of Python and Ray {rest}"


def _format_figure(value: float | None, digits: int) -> str:
    if value is None:
        return "n/a"
    return f"{value:.{digits}f}"
