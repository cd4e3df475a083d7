"""`ss-ray import-schema` and `export-schema`: schemas of other tools in, the schema of a run out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ss_ray.cli.options import DebugOption
from ss_ray.errors import ConfigError

app = typer.Typer()


class SchemaForm(StrEnum):
    """Tools that a schema is written for."""

    FRICTIONLESS = "frictionless"
    PANDERA = "pandera"


@app.command("import-schema")
def import_schema(
    file: Annotated[str, typer.Argument(help="Schema of Frictionless Data, pandera or Great Expectations.")],
    debug: DebugOption = False,
) -> None:
    """Print what a schema of another tool declares, as sections of a configuration file."""
    from ss_ray.config.foreign.exchange import read_schema_file

    print(read_schema_file(file).to_yaml(), end="")


@app.command("export-schema")
def export_schema(
    run: Annotated[str, typer.Argument(help="Run directory of a finished `ss-ray run`.")],
    form: Annotated[SchemaForm, typer.Option("--form", help="Tool that reads the schema.")] = SchemaForm.FRICTIONLESS,
    debug: DebugOption = False,
) -> None:
    """Print the schema of a run's synthetic table for another tool, in YAML."""
    from ss_ray.codec.stored import read_model_schema
    from ss_ray.config.foreign.exchange import write_schema
    from ss_ray.runs.run_dir import RunDir

    model = RunDir.at(run).internal / "model"
    if not model.exists():
        raise ConfigError(f"{run} holds no model; finish `ss-ray run` there first")

    print(write_schema(read_model_schema(model), form.value), end="")
