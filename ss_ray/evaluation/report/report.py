"""One HTML page of an evaluation for a human reader: offline, self-contained, internal.

Decides what is shown and how numbers are spelled; `templates/` decides how it looks. Category names and histograms of
real rows are on the page, so it must not leave the place of the real data; the page says so at its top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd
from plotly.offline import get_plotlyjs

from ss_ray.evaluation.columns import ScoredColumn, Table, prepare, sample, scored_columns
from ss_ray.evaluation.evaluate import Evaluation
from ss_ray.evaluation.report.advice import PRIVATE, REPLACED, next_steps
from ss_ray.evaluation.report.compliance import Evidence
from ss_ray.evaluation.report.figures import (
    Figure,
    association_figures,
    column_figure,
    component_figure,
    distance_figure,
    length_figure,
    roc_figure,
)
from ss_ray.evaluation.report.page import environment, pack_text, script_json, to_json
from ss_ray.evaluation.report.pair_counts import MAX_COLUMNS, count_pairs
from ss_ray.evaluation.report.readers import PiiRow, judge_for_readers
from ss_ray.evaluation.report.tables import QUANTILES, QuantileRow, quantile_rows, take_first_rows, text_lengths
from ss_ray.evaluation.report.thresholds import list_thresholds
from ss_ray.evaluation.samples import COMMON_ROWS
from ss_ray.evaluation.scores import TOP_OF_GOOD, to_score
from ss_ray.privacy.certificate import Certificate
from ss_ray.schema import TableSchema

MAX_FIGURES = 24
"""Columns that are plotted, the first ones of the table."""
FIGURE_ROWS = 20_000
"""Most rows of each table behind a histogram."""


@dataclass(frozen=True, kw_only=True)
class ReportContext:
    """Facts in the report beside the evaluation; plain values only.

    Attributes:
        title: Name of the table.
        run: Name of the run, or of the folder of the evaluation.
        created_at: Date and time, as it is to be shown.
        model: Name of the generator.
        counts: Label -> number for the head of the page ("training rows" -> 20000).
        pii: Columns with personal data; empty where none were found or replaced, None where nobody looked.
        notes: Decisions of the plan, a sentence each.
        stage_seconds: Stage -> wall time in seconds.
        privacy_statement: The formal guarantee, or that there is none, in words.
        guarantee: The certificate; None where there is none.
        settings: Parameters that were given -> their values.
        versions: Package -> version.
        warnings: Warnings that a reader must see before the scores.
    """

    title: str
    run: str
    created_at: str
    model: str
    counts: Mapping[str, int]
    pii: tuple[PiiRow, ...] | None
    notes: tuple[str, ...]
    stage_seconds: Mapping[str, float]
    privacy_statement: str
    guarantee: Certificate | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def _list_settled(context: ReportContext) -> frozenset[str]:
    """What a request has set or done already, as `next_steps` takes it."""
    # These two may be set to null and to false.
    done = set(context.settings) - {REPLACED, PRIVATE}
    if context.pii is not None and context.settings.get(REPLACED) != "None":
        done.add(REPLACED)
    if context.guarantee is not None:
        done.add(PRIVATE)

    return frozenset(done)


def render_report(
    evaluation: Evaluation,
    train: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    context: ReportContext,
    evidence: Evidence | None = None,
) -> str:
    """The whole page as HTML.

    Args:
        evaluation: Measurements of these tables.
        train: Real rows, for the histograms.
        synthetic: Generated rows, likewise.
        schema: Columns of both.
        context: Everything else that is shown.
        evidence: For auditors; None where the table was made elsewhere.
    """
    rows = _prepare_rows(train, synthetic, schema)
    figures = _draw_figures(evaluation, rows)
    return (
        environment()
        .get_template("report.html")
        .render(
            e=evaluation,
            context=context,
            is_public=False,
            evidence=evidence,
            steps=(*context.warnings, *next_steps(evaluation, _list_settled(context))),
            readers=judge_for_readers(evaluation, context.pii, context.guarantee),
            thresholds=list_thresholds(),
            first_rows=take_first_rows(synthetic, schema),
            sections=list(_list_sections(evaluation, context, evidence, rows)),
            plots=set(figures),
            plotted=[name for name in figures if name.startswith("column-")],
            scored=sum(c.distance.value is not None for c in evaluation.fidelity.columns),
            columns={f"column-{i}": column for i, column in enumerate(evaluation.fidelity.columns)},
            text_columns={f"text-{i}": column.name for i, column in enumerate(rows.lengths["real"].columns)},
            quantiles=rows.list_quantiles(),
            quantile_shares=QUANTILES,
            read_columns=[column for column in schema.columns if column.spelling_of is None],
            max_figures=MAX_FIGURES,
            pair_columns=min(len(rows.columns), MAX_COLUMNS),
            missing=_missing_rows(evaluation),
            unseen_rows=evaluation.fidelity.unseen_rows,
            few_rows=COMMON_ROWS,
            quality_limit=to_score(TOP_OF_GOOD).grade,
            figures=script_json(figures),
            pairs=pack_text(to_json(count_pairs(rows.tables, rows.columns))),
            plotly=packed_plotly(),
        )
    )


@dataclass(frozen=True, kw_only=True)
class PlottedRows:
    """Rows behind the figures; sensitive where they are real.

    Attributes:
        columns: Columns that are scored.
        tables: "real" or "synthetic" -> values of these columns.
        lengths: "real" or "synthetic" -> lengths of the texts of the text columns.
    """

    columns: tuple[ScoredColumn, ...]
    tables: dict[str, Table]
    lengths: dict[str, Table]

    def list_quantiles(self) -> tuple[QuantileRow, ...]:
        """Quantiles of numbers and dates, and of the lengths of texts."""
        texts = next(iter(self.lengths.values())).columns
        return (*quantile_rows(self.tables, self.columns), *quantile_rows(self.lengths, texts))


def _prepare_rows(train: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema) -> PlottedRows:
    """At most FIGURE_ROWS rows of each table."""
    columns = scored_columns(train, schema, max_columns=len(schema.columns), seed=0)
    frames = {"real": sample(train, FIGURE_ROWS, seed=0), "synthetic": sample(synthetic, FIGURE_ROWS, seed=0)}
    return PlottedRows(
        columns=columns,
        tables={role: prepare(frame, columns) for role, frame in frames.items()},
        lengths={role: text_lengths(frame, schema) for role, frame in frames.items()},
    )


def _draw_figures(evaluation: Evaluation, rows: PlottedRows) -> dict[str, Figure]:
    """Element id -> figure."""
    scored = {column.name: column for column in rows.columns}
    shown = [(i, c.name) for i, c in enumerate(evaluation.fidelity.columns) if c.name in scored][:MAX_FIGURES]
    real = rows.tables["real"]
    made = rows.tables["synthetic"]
    figures = {f"column-{i}": column_figure(real, made, scored[name]) for i, name in shown}

    lengths = rows.lengths["real"]
    made_lengths = rows.lengths["synthetic"]
    for i, column in enumerate(lengths.columns):
        figures[f"text-{i}"] = length_figure(lengths.values[column.name], made_lengths.values[column.name], column)

    if len(evaluation.fidelity.associations.columns) > 1:
        panels = association_figures(evaluation.fidelity.associations, MAX_FIGURES)
        figures |= dict(zip(("heat-real", "heat-synthetic", "heat-difference"), panels, strict=True))

    return figures | dict(_overall_figures(evaluation))


def _overall_figures(evaluation: Evaluation) -> Iterator[tuple[str, Figure]]:
    """Figures of whole rows, those there is something for."""
    fidelity = evaluation.fidelity
    distances = evaluation.privacy.distances
    if fidelity.discriminator_curve.true_positive:
        yield "roc", roc_figure(fidelity.discriminator_curve)

    if fidelity.components.real:
        yield "components", component_figure(fidelity.components)

    if distances.to_train:
        yield "distances", distance_figure(distances)


def _list_sections(
    evaluation: Evaluation, context: ReportContext, evidence: Evidence | None, rows: PlottedRows
) -> Iterator[tuple[str, str]]:
    """Id and name of each section of the page, in order."""
    yield "verdicts", "Verdicts"
    yield "overview", "Scores"
    yield "rows", "Ten rows"
    yield "privacy", "Privacy"
    if context.guarantee:
        yield "guarantee", "Guarantee"

    yield "personal-data", "Personal data"
    yield "likeness", "Likeness"
    yield "columns", "Columns"
    if len(evaluation.fidelity.associations.columns) > 1:
        yield "associations", "Associations"

    if len(rows.columns) > 1:
        yield "pairs", "Pairs"

    yield "quantiles", "Quantiles"
    yield "missing", "Missing values"
    yield "all-columns", "All columns"
    if evaluation.utility.targets:
        yield "usefulness", "Usefulness"

    if evidence:
        yield "evidence", "Evidence"

    yield "run", "How it was made"
    yield "limits", "Limits"
    yield "glossary", "Glossary"


def _missing_rows(evaluation: Evaluation) -> list[tuple[str, float, float]]:
    """(column, real share, synthetic share) where a value is missing, the largest difference first."""
    rates = [
        (c.name, c.missing_real.value or 0.0, c.missing_synthetic.value or 0.0) for c in evaluation.fidelity.columns
    ]
    some = [row for row in rates if row[1] or row[2]]
    return sorted(some, key=lambda row: -abs(row[1] - row[2]))[:MAX_FIGURES]


def packed_plotly() -> str:
    """The library as the page unpacks it."""
    return pack_text(get_plotlyjs())
