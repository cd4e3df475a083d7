"""One HTML page of an evaluation for a human reader: offline, self-contained, internal.

Decides what is shown and how numbers are spelled; `templates/` decides how it looks. Category names and histograms of
real rows are on the page, so it must not leave the place of the real data; the page says so at its top.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ss_ray.evaluation.columns import prepare, sample, scored_columns
from ss_ray.evaluation.evaluate import Evaluation
from ss_ray.evaluation.metrics import Metric
from ss_ray.evaluation.report.advice import next_steps
from ss_ray.evaluation.report.compliance import Evidence
from ss_ray.evaluation.report.figures import (
    Figure,
    association_figures,
    column_figure,
    component_figure,
    distance_figure,
    roc_figure,
)
from ss_ray.evaluation.samples import COMMON_ROWS
from ss_ray.evaluation.scores import TOP_OF_GOOD, to_score
from ss_ray.privacy.certificate import Certificate
from ss_ray.schema import TableSchema

MAX_FIGURES = 24
"""Columns that are plotted, the first ones of the table."""
FIGURE_ROWS = 20_000
"""Most rows of each table behind a histogram."""
TEMPLATES = Path(__file__).parent / "templates"


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


@dataclass(frozen=True, kw_only=True)
class ReportContext:
    """Facts in the report beside the evaluation; plain values only.

    Attributes:
        title: Name of the run.
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
    figures = _draw_figures(evaluation, train, synthetic, schema)
    return (
        environment()
        .get_template("report.html")
        .render(
            e=evaluation,
            context=context,
            is_public=False,
            evidence=evidence,
            steps=(*context.warnings, *next_steps(evaluation)),
            sections=list(_list_sections(evaluation, context, evidence)),
            plots=set(figures),
            plotted=[name for name in figures if name.startswith("column-")],
            scored=sum(c.distance.value is not None for c in evaluation.fidelity.columns),
            columns={f"column-{i}": column for i, column in enumerate(evaluation.fidelity.columns)},
            read_columns=[column for column in schema.columns if column.spelling_of is None],
            max_figures=MAX_FIGURES,
            missing=_missing_rows(evaluation),
            unseen_rows=evaluation.fidelity.unseen_rows,
            few_rows=COMMON_ROWS,
            quality_limit=to_score(TOP_OF_GOOD).grade,
            figures=script_json(figures),
            plotly=packed_plotly(),
        )
    )


def _draw_figures(
    evaluation: Evaluation, train: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema
) -> dict[str, Figure]:
    """Element id -> figure."""
    scored = {c.name: c for c in scored_columns(train, schema, max_columns=len(schema.columns), seed=0)}
    shown = [(i, c.name) for i, c in enumerate(evaluation.fidelity.columns) if c.name in scored][:MAX_FIGURES]
    columns = [scored[name] for _, name in shown]
    real, made = (prepare(sample(frame, FIGURE_ROWS, seed=0), columns) for frame in (train, synthetic))
    figures = {f"column-{i}": column_figure(real, made, scored[name]) for i, name in shown}
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
    evaluation: Evaluation, context: ReportContext, evidence: Evidence | None
) -> Iterator[tuple[str, str]]:
    """Id and name of each section of the page, in order."""
    yield "overview", "Scores"
    yield "privacy", "Privacy"
    if context.guarantee:
        yield "guarantee", "Guarantee"

    yield "personal-data", "Personal data"
    yield "likeness", "Likeness"
    yield "columns", "Columns"
    if len(evaluation.fidelity.associations.columns) > 1:
        yield "associations", "Associations"

    yield "missing", "Missing values"
    yield "all-columns", "All columns"
    if evaluation.utility.targets:
        yield "usefulness", "Usefulness"

    if evidence:
        yield "evidence", "Evidence"

    yield "run", "How it was made"
    yield "limits", "Limits"


def _missing_rows(evaluation: Evaluation) -> list[tuple[str, float, float]]:
    """(column, real share, synthetic share) where a value is missing, the largest difference first."""
    rates = [
        (c.name, c.missing_real.value or 0.0, c.missing_synthetic.value or 0.0) for c in evaluation.fidelity.columns
    ]
    some = [row for row in rates if row[1] or row[2]]
    return sorted(some, key=lambda row: -abs(row[1] - row[2]))[:MAX_FIGURES]


def environment() -> Environment:
    """Environment of the pages' templates and filters."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "number": number,
        "percent": percent,
        "duration": duration,
        "sentence": sentence,
        "p_value": p_value,
    }
    return found


def packed_plotly() -> str:
    """The library as base64 of gzip, which the page unpacks: a third of its size."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def script_json(value: Any) -> Markup:
    """JSON that cannot end the script element around it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def number(metric: Metric, digits: int = 3) -> str:
    """Value and 95 % range ("0.512 ± 0.012"), or a dash where there is no value."""
    if metric.value is None:
        return "–"

    if metric.std_error is None:
        spread = ""
    else:
        spread = f"\u00a0±\u00a0{1.96 * metric.std_error:.{digits}f}"

    return f"{metric.value:.{digits}f}{spread}"


def percent(metric: Metric, digits: int = 1) -> str:
    """Share in per cent ("12.3%"), or a dash where there is no value."""
    if metric.value is None:
        return "–"
    return f"{100 * metric.value:.{digits}f}%"


def sentence(text: str) -> str:
    """The text with a capital at its start and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def p_value(metric: Metric) -> str:
    """Probability with the relation before it: "= 0.17", "< 1e-12"."""
    if metric.value is not None and metric.value < 1e-12:
        return "< 1e-12"
    return f"= {metric.value:.2g}"


def duration(seconds: float) -> str:
    """Time for people: "4.2 s", "3 min 20 s", "1 h 5 min" are typical."""
    if seconds < 60:
        return f"{seconds:.1f} s"

    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"

    return f"{minutes} min {rest} s"
