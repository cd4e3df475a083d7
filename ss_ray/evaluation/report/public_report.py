"""The page that may leave with a table under differential privacy: its certificate, and what the table itself shows.

Whatever is computed from the synthetic table and its certificate alone is post-processing, which costs no privacy
(Dwork & Roth 2014, proposition 2.1). So this module is never given a real row, nor a figure that was computed on one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ss_ray.evaluation.columns import prepare, sample, scored_columns
from ss_ray.evaluation.report.figures import Figure, column_figure
from ss_ray.evaluation.report.report import FIGURE_ROWS, MAX_FIGURES, environment, packed_plotly, script_json
from ss_ray.privacy.certificate import Certificate
from ss_ray.schema import Kind, TableSchema


@dataclass(frozen=True, kw_only=True)
class PublicColumn:
    """One column of the synthetic table.

    Attributes:
        name: Its name.
        kind: Of its values.
        missing: Share of missing values, 0 to 1.
        distinct: Distinct values.
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
        certificate: Of the table.
        synthetic: Generated rows; a sample will do.
        schema: Of the table, as the certificate covers it.
        num_rows: Of the whole table.
        title: Name of the table.
    """
    columns = [_column(synthetic, name, schema[name].kind) for name in schema.names]
    scored = scored_columns(synthetic, schema, max_columns=MAX_FIGURES, seed=0)
    made = prepare(sample(synthetic, FIGURE_ROWS, seed=0), scored)
    figures = {f"column-{i}": _alone(column_figure(made, made, column)) for i, column in enumerate(scored)}

    return (
        environment()
        .get_template("public.html")
        .render(
            title=title,
            rows=num_rows,
            guarantee=certificate,
            columns=columns,
            plotted={f"column-{i}": column for i, column in enumerate(scored)},
            figures=script_json(figures),
            plotly=packed_plotly(),
        )
    )


def _column(synthetic: pd.DataFrame, name: str, kind: Kind) -> PublicColumn:
    series = synthetic[name]
    if len(series):
        missing = float(series.isna().mean())
    else:
        missing = 0.0

    return PublicColumn(name=name, kind=kind, missing=missing, distinct=int(series.nunique()))


def _alone(figure: Figure) -> Figure:
    """The figure without its real side."""
    return figure | {"data": [trace for trace in figure["data"] if trace["meta"] == "synthetic"]}
