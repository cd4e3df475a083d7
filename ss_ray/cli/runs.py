"""`ss-ray runs`, `compare` and `purge`: what to do with finished runs, without Ray."""

from __future__ import annotations

from typing import Annotated

import typer

from ss_ray.cli.options import ConfigOption, DebugOption, SetOption, read_config
from ss_ray.errors import ConfigError
from ss_ray.printed_tables import align_cells

app = typer.Typer()


@app.command("runs")
def list_runs(
    folder: Annotated[str, typer.Argument(help="Folder of runs, a path or URI.")] = "runs",
    debug: DebugOption = False,
) -> None:
    """List the runs of a folder with their scores, the latest first."""
    from ss_ray.runs.overview import figure_rows, find_runs

    found = find_runs(folder)
    if not found:
        raise ConfigError(f"there is no run in the folder {folder}")

    titles, *cells = zip(*figure_rows(found), strict=True)
    rows = [("run", *titles), *((overview.run, *row) for overview, row in zip(found, cells, strict=True))]
    print("\n".join(align_cells(rows)))


@app.command("compare")
def compare_runs(
    runs: Annotated[list[str], typer.Argument(help="Run directories, two or more.")],
    html: Annotated[
        str | None, typer.Option("--html", help="Write a page with scores, verdicts and settings that differ.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Show the main figures of two or more runs side by side."""
    from ss_ray.runs.overview import figure_rows, read_overview

    if len(runs) < 2:
        raise ConfigError("give two run directories or more")

    found = [read_overview(run) for run in runs]
    print("\n".join(align_cells([("", *(overview.run for overview in found)), *figure_rows(found)])))
    if html is not None:
        from ss_ray.location import Location
        from ss_ray.pipelines.comparison import render_comparison

        page = Location.parse(html)
        page.write_text(render_comparison(runs))
        print(f"Page             {page}  (internal: computed on real rows)")


@app.command()
def purge(
    run: Annotated[str, typer.Argument(help="Run directory, or the --out of `ss-ray evaluate`.")],
    config: ConfigOption = None,
    overrides: SetOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Delete every raw and derived private file of a run or an evaluation, and write the proof; the release stays."""
    from ss_ray.runs.purge import purge as purge_run

    proof = purge_run(run, read_config(config, overrides).audit_log)
    print(f"Erased           {len(proof.erased):,} files")
    print(f"Kept             {len(proof.kept):,} files")
    print(f"Proof            {proof.run}/purge_proof.json")


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Directory of a finished run.")],
    rows: Annotated[int, typer.Option(min=1, help="Synthetic rows.")] = 3,
) -> None:
    """Show the first synthetic rows of a run."""
    from ss_ray.cli.show import show_rows

    print(show_rows(run, rows))
