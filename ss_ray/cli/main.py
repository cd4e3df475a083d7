"""The command line: `ss-ray run`, `generate`, `evaluate`, `replace-pii`, `suggest-constraints`, `ledger`, and more.

Exit codes are those of `ss_ray.errors`; an error is one line on stderr, a traceback only with --debug.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ss_ray import __version__
from ss_ray.cli.audit_log import app as audit_log_app
from ss_ray.cli.evaluation import app as evaluation_app
from ss_ray.cli.exporting import app as exporting_app
from ss_ray.cli.ledger import app as ledger_app
from ss_ray.cli.reference import app as reference_app
from ss_ray.cli.runs import app as runs_app
from ss_ray.cli.schemas import app as schemas_app
from ss_ray.cli.source_tables import app as source_tables_app
from ss_ray.cli.stopping import STOPPED, end_process
from ss_ray.cli.synthesis import app as synthesis_app
from ss_ray.errors import ConfigError, SsRayError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
for part in (synthesis_app, source_tables_app, evaluation_app, runs_app, exporting_app, schemas_app, reference_app):
    app.add_typer(part)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def show_version(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Private synthetic data: a sensitive table in, a safe synthetic table, a report and a manifest out."""


app.add_typer(ledger_app, name="ledger")
app.add_typer(audit_log_app, name="audit-log")


def main(arguments: list[str] | None = None) -> None:
    """Entry point of `ss-ray` and of `python -m jobs.run`."""
    if arguments is None:
        arguments = sys.argv[1:]

    try:
        # Click returns the code of `typer.Exit`, and raises nothing.
        stopped = app(arguments, standalone_mode=False)
    except SsRayError as error:
        if "--debug" in arguments:
            raise
        print(f"ss-ray: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        end_process()
    except Exception as error:
        # The last line of defence: no traceback, no cell value.
        code = getattr(error, "exit_code", None)
        if "--debug" in arguments or (code is None and not hasattr(error, "format_message")):
            if "--debug" in arguments:
                raise
            print(f"ss-ray: unexpected {type(error).__name__}; run again with --debug for the details", file=sys.stderr)
            sys.exit(1)
        print(f"ss-ray: {getattr(error, 'format_message')()}", file=sys.stderr)  # noqa: B009 - click's usage errors
        sys.exit(ConfigError.exit_code)

    # Typer makes this code of Ctrl-C, and Python would wait for Ray.
    if stopped == STOPPED:
        end_process()
    if stopped:
        sys.exit(stopped)


if __name__ == "__main__":
    main()
