"""What was measured of a synthetic table, as an object that prints, draws itself in a notebook and opens its page."""

from __future__ import annotations

import json
import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ss_ray.location import Location
from ss_ray.printed_tables import align_cells, html_table
from ss_ray.python.notebook import in_notebook, show_page
from ss_ray.runs.overview import RunOverview, explained_rows, figure_rows, main_figures, read_overview
from ss_ray.runs.run_dir import RunDir


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of a run or of an evaluation.

    Attributes:
        figures: Main figures of the run.
        page: HTML page; internal, for it is computed on real rows. None where evaluation was off.
        metrics_file: JSON file of all numbers; internal for the same reason. None where evaluation was off.
        owner: Object whose life keeps a temporary folder of the page; None where the folder stays.
    """

    figures: RunOverview
    page: Location | None
    metrics_file: Location | None
    owner: object = None

    @property
    def metrics(self) -> dict[str, Any]:
        """All numbers of the evaluation; none where evaluation was off."""
        if self.metrics_file is None:
            return {}
        numbers: dict[str, Any] = json.loads(self.metrics_file.read_text())
        return numbers

    def show(self) -> None:
        """Print the main figures, and show the page: in the notebook, or in the browser."""
        if self.page is not None and in_notebook():
            show_page(self.page.read_text())
            return

        sys.stdout.write(f"{self}\n")
        if self.page is not None and Path(self.page.path).exists():
            webbrowser.open(Path(self.page.path).as_uri())

    def __str__(self) -> str:
        lines = [f"{title:<22}{value}" for title, value in explained_rows(self.figures)]
        return "\n".join([*lines, f"{'page':<22}{self.page or 'not written: there was no evaluation'}"])

    def _repr_html_(self) -> str:
        return html_table([("", self.figures.run), *explained_rows(self.figures)])


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs side by side.

    Attributes:
        figures: Main figures of each run, in the order given.
    """

    figures: tuple[RunOverview, ...]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The names of the runs, then a row for each figure."""
        return [("", *(overview.run for overview in self.figures)), *figure_rows(self.figures)]

    def __str__(self) -> str:
        return "\n".join(align_cells(self.rows))

    def _repr_html_(self) -> str:
        return html_table(self.rows)


def report_of_run(place: str | Path) -> Report:
    """The report of a finished run.

    Args:
        place: Path or URI of the run's directory.
    """
    run_dir = RunDir.at(place)
    metrics = run_dir.internal / "metrics.json"
    return Report(
        figures=read_overview(place),
        page=run_dir.report if run_dir.report.exists() else None,
        metrics_file=metrics if metrics.exists() else None,
    )


def report_of_files(folder: str | Path, evaluation: dict[str, Any], num_rows: int, seconds: float) -> Report:
    """The report of an evaluation of files.

    Args:
        folder: Folder that has report.html and metrics.json.
        evaluation: Fields of the evaluation's result.
        num_rows: Number of synthetic rows.
        seconds: Wall time of the evaluation in seconds.
    """
    place = Location.parse(folder)
    figures = main_figures(evaluation)
    reasons = figures.pop("reasons") | {"epsilon": "an evaluation of tables does not know how they were made"}
    overview = RunOverview(
        run=place.name,
        place=str(place),
        last_stage="evaluate",
        rows=num_rows,
        seconds=seconds,
        reasons=reasons,
        **figures,
    )
    return Report(figures=overview, page=place / "report.html", metrics_file=place / "metrics.json")
