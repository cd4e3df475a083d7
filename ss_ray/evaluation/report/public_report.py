"""The public page of a table under differential privacy: its certificate, and figures of the synthetic table alone.

Whatever is computed from the synthetic table and its certificate alone is post-processing, which costs no privacy
(Dwork & Roth 2014, proposition 2.1). So this module is never given a real row, nor a figure that was computed on one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ss_ray.evaluation.columns import prepare, sample, scored_columns
from ss_ray.evaluation.report.figures import Figure, column_figure, length_figure
from ss_ray.evaluation.report.page import environment, pack_text, script_json, to_json
from ss_ray.evaluation.report.pair_counts import MAX_COLUMNS, count_pairs
from ss_ray.evaluation.report.readers import judge_by_certificate
from ss_ray.evaluation.report.report import FIGURE_ROWS, MAX_FIGURES, packed_plotly
from ss_ray.evaluation.report.tables import QUANTILES, quantile_rows, take_first_rows, text_lengths
from ss_ray.privacy.certificate import Certificate
from ss_ray.schema import Kind, TableSchema

SECTIONS = (
    ("verdicts", "Verdicts"),
    ("rows", "Ten rows"),
    ("guarantee", "Guarantee"),
    ("columns", "Columns"),
    ("quantiles", "Quantiles"),
    ("glossary", "Glossary"),
)
"""Id and name of each section of the page, in order."""


@dataclass(frozen=True, kw_only=True)
class PublicColumn:
    """Facts of one column of the synthetic table.

    Attributes:
        name: Name of the column.
        kind: Kind of its values.
        missing: Share of missing values, 0 to 1.
        distinct: Number of distinct values.
    """

    name: str
    kind: Kind
    missing: float
    distinct: int


def render_public_report(
    certificate: Certificate, synthetic: pd.DataFrame, schema: TableSchema, *, num_rows: int, title: str
) -> str:
    """The whole page as HTML.

    Args:
        certificate: Certificate of the table.
        synthetic: Generated rows; a sample will do.
        schema: Schema of the table, as the certificate covers it.
        num_rows: Number of rows of the whole table.
        title: Name of the table.
    """
    columns = [_describe_column(synthetic, name, schema[name].kind) for name in schema.names]
    rows = sample(synthetic, FIGURE_ROWS, seed=0)
    scored = scored_columns(synthetic, schema, max_columns=MAX_FIGURES, seed=0)
    made = prepare(rows, scored)
    lengths = text_lengths(rows, schema)
    figures = {f"column-{i}": _drop_real_traces(column_figure(made, made, column)) for i, column in enumerate(scored)}
    for i, column in enumerate(lengths.columns):
        texts = lengths.values[column.name]
        figures[f"text-{i}"] = _drop_real_traces(length_figure(texts, texts, column))

    return (
        environment()
        .get_template("public.html")
        .render(
            title=title,
            rows=num_rows,
            guarantee=certificate,
            sections=SECTIONS,
            readers=judge_by_certificate(certificate),
            first_rows=take_first_rows(synthetic, schema),
            columns=columns,
            plotted={f"column-{i}": column for i, column in enumerate(scored)},
            text_columns={f"text-{i}": column.name for i, column in enumerate(lengths.columns)},
            quantiles=(
                *quantile_rows({"synthetic": made}, scored),
                *quantile_rows({"synthetic": lengths}, lengths.columns),
            ),
            quantile_shares=QUANTILES,
            pair_columns=min(len(scored), MAX_COLUMNS),
            figures=script_json(figures),
            pairs=pack_text(to_json(count_pairs({"synthetic": made}, scored))),
            plotly=packed_plotly(),
        )
    )


def _describe_column(synthetic: pd.DataFrame, name: str, kind: Kind) -> PublicColumn:
    series = synthetic[name]
    if len(series):
        missing = float(series.isna().mean())
    else:
        missing = 0.0

    return PublicColumn(name=name, kind=kind, missing=missing, distinct=int(series.nunique()))


def _drop_real_traces(figure: Figure) -> Figure:
    """The figure without its real side."""
    return figure | {"data": [trace for trace in figure["data"] if trace["meta"] == "synthetic"]}
