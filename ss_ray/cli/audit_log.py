"""`ss-ray audit-log show|verify`: what was run, and whether the log of it is as it was written."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Who ran what on which input, in a chain of hashes.")

LogOption = Annotated[str | None, typer.Option(help="File of the log; `audit_log` of the default configuration.")]


@app.command()
def show(log: LogOption = None) -> None:
    """Print the log, a line an event; stops at the first line that is not as it was written."""
    from ss_ray.runs.audit_log import read_log

    for entry in read_log(_path_of(log)):
        if "error" in entry.facts:
            error = f" ({entry.facts['error']})"
        else:
            error = ""
        typer.echo(f"{entry.number:>6}  {entry.time}  {entry.user}@{entry.host}  {entry.action} {entry.outcome}{error}")
        typer.echo(f"        {entry.subject}  {entry.hash[:16]}")


@app.command()
def verify(
    log: LogOption = None,
    anchor: Annotated[
        str | None, typer.Option(help="Hash that must be in it: `audit_log.hash` of a run's compliance.json.")
    ] = None,
) -> None:
    """Check that no line was changed, left out or moved; with an anchor also that none was cut off before it."""
    from ss_ray.runs.audit_log import verify as verify_log

    number, last = verify_log(_path_of(log), anchor)
    typer.echo(f"{number:,} lines, each follows the one before; the last hash is {last}")


def _path_of(log: str | None) -> str:
    """The file that was given, or the one that jobs write by default."""
    from ss_ray.config.model import Config

    return log or str(Config.model_fields["audit_log"].default)
