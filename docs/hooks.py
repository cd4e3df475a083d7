"""Reference pages from the code: a build replaces each line `<!-- generated: NAME -->` of a page by a table.

A paragraph that begins with NOTE says to readers of the repository where the tables are, and is left out of the site.
The configuration comes from the pydantic tree, the commands from the typer app, the exit codes from `ss_ray.errors`.
Nothing here imports Ray or torch.
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the pages describe this copy of the code, installed or not

from serve.settings import Settings
from ss_ray import errors
from ss_ray.cli.main import app
from ss_ray.cli.options import INCOMPLETE, UNMET
from ss_ray.config.constraints import ConstraintParameters
from ss_ray.config.files import Parameter, parameters
from ss_ray.config.model import ColumnParameters

MARK = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
NOTE = "*In the repository, this page lacks"
PARAMETER_HEADER = ("parameter", "default", "type and range", "meaning")
OTHER_EXITS = {
    INCOMPLETE: "Fewer rows than requested could be generated. The rows are kept, and the summary gives the reason.",
    UNMET: "The evaluation does not meet a demand of `--fail-on`. The report and the metrics are written.",
    130: "The user stopped the command. The same command continues after the last finished stage.",
}
"""Exit codes that no error class has, with their meaning."""


def on_page_markdown(markdown: str, **_: object) -> str:
    """Page text with its marks replaced and without its notes; MkDocs calls this function for each page."""
    without_notes = re.sub(rf"^{re.escape(NOTE)}.*\n\n", "", markdown, flags=re.MULTILINE)
    return MARK.sub(lambda mark: GENERATED[mark[1]](), without_notes)


def configuration() -> str:
    """Tables of all parameters, one for each top-level section."""
    sections: list[str] = []
    singles: list[Parameter] = []
    for name, found in groupby(parameters(), lambda parameter: parameter.path.partition(".")[0]):
        group = list(found)
        if group[0].path == name:
            singles += group
        else:
            sections.append(f"## {name}\n\n{_parameter_table(group)}")
    return "\n\n".join([*sections, f"## Top level\n\n{_parameter_table(singles)}"])


def columns() -> str:
    """Table of the parameters of one declared column."""
    return _parameter_table(parameters(ColumnParameters, "data.columns.NAME."))


def constraints() -> str:
    """Tables of the parameters of each constraint."""
    union = typing.get_args(ConstraintParameters)[0]
    parts = []
    for section in typing.get_args(union):
        fields = [parameter for parameter in parameters(section) if parameter.path != "type"]
        parts.append(f"### {section.model_fields['type'].default}\n\n{section.__doc__}\n\n{_parameter_table(fields)}")
    return "\n\n".join(parts)


def service_settings() -> str:
    """Table of the settings of the service."""
    return _parameter_table(parameters(Settings)).replace(f"`{sys.executable}`", "the Python of the service")


def commands() -> str:
    """Each command with its options."""
    group = typer.main.get_command(app)
    return "\n\n".join(f"## `{name}`\n\n{_command_text(command)}" for name, command in walk(group, "ss-ray"))


def exit_codes() -> str:
    """Table of exit codes, error classes and HTTP statuses."""
    classes = {
        c.exit_code: c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.SsRayError)
    }
    rows = [(0, "", "", "The command finished.")]
    rows += [
        (code, f"`{c.__name__}`", str(c.http_status), "Any other error." if c is errors.SsRayError else _first_line(c))
        for code, c in classes.items()
    ]
    rows += [(code, "", "", meaning) for code, meaning in OTHER_EXITS.items()]
    return _table(("exit code", "error", "HTTP", "meaning"), sorted(rows))


def benchmark_scripts() -> str:
    """Table of the benchmark scripts, from the file beside them."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf8")
    return "\n".join(line for line in text.splitlines() if line.startswith("|"))


def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Commands that do something, with their full names; a group stands for its commands.

    Args:
        command: Click command. Its class depends on the version of typer, some of which bring a click of their own.
        name: Full name of the command, with a space between its parts.
    """
    if not hasattr(command, "commands"):
        yield name, command
        return
    for inner_name, inner in command.commands.items():
        yield from walk(inner, f"{name} {inner_name}")


def _command_text(command: Any) -> str:
    rows = []
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            names = f"`{parameter.name.upper()}`"
        else:
            names = " ".join(f"`{name}`" for name in parameter.opts)
        if "--help" not in parameter.opts:
            rows.append((names, _option_default(parameter), parameter.help or ""))
    options = _table(("option", "default", "meaning"), rows) if rows else "The command has no options."
    return f"{command.help}\n\n{options}"


def _option_default(option: Any) -> str:
    if option.required:
        return "required"
    if getattr(option, "multiple", False):
        return "none; repeatable"
    if isinstance(option.default, bool):
        return "off"
    return "none" if option.default is None else f"`{option.default}`"


def _parameter_table(found: Iterable[Parameter]) -> str:
    rows = []
    for parameter in found:
        note = f" *({parameter.applies_to})*" if parameter.applies_to else ""
        rows.append((f"`{parameter.path}`", f"`{parameter.default}`", parameter.type, parameter.description + note))
    return _table(PARAMETER_HEADER, rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _first_line(described: type) -> str:
    return (described.__doc__ or "").partition("\n")[0]


GENERATED = {
    "configuration": configuration,
    "columns": columns,
    "constraints": constraints,
    "service-settings": service_settings,
    "commands": commands,
    "exit-codes": exit_codes,
    "benchmark-scripts": benchmark_scripts,
}
