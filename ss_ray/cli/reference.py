"""`ss-ray config`, `demo-table` and `version`: what there is to know before the first run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ss_ray import __version__

app = typer.Typer()


@app.command("config")
def show_config(
    section: Annotated[str, typer.Option(help="This section only, such as training or training.compact.")] = "",
    template: Annotated[bool, typer.Option("--template", help="Print a configuration file of all defaults.")] = False,
) -> None:
    """Print every parameter with its default, range and meaning."""
    from ss_ray.config.files import parameters, parameters_of
    from ss_ray.config.template import config_template

    chosen = parameters_of(section) if section else list(parameters())
    if template:
        print(config_template(chosen), end="")
        return

    for parameter in chosen:
        if parameter.applies_to:
            note = f" [{parameter.applies_to}]"
        else:
            note = ""
        print(f"{parameter.path}: {parameter.default}\n    {parameter.type}. {parameter.description}{note}")


@app.command("demo-table")
def demo_table(
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    rows: Annotated[int, typer.Option(min=2, help="Visits.")] = 5000,
    seed: Annotated[int, typer.Option(help="Another seed gives another table.")] = 7,
) -> None:
    """Write the demo table: invented patients of a clinic with their visits."""
    from pyarrow import csv

    from ss_ray.demo import make_patients

    out.parent.mkdir(parents=True, exist_ok=True)
    csv.write_csv(make_patients(rows, seed), out)
    print(f"{rows:,} rows in {out}")


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
