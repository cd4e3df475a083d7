"""What README and CHANGELOG say is true of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ss_ray import __version__, errors
from ss_ray.cli.main import app
from ss_ray.config.files import parameters

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("parameter", list(parameters()), ids=lambda p: p.path)
def test_every_parameter_is_in_the_readme_with_its_default(parameter: object) -> None:
    cell = parameter.default.replace("|", "\\|")
    assert f"| `{parameter.path}` | `{cell}` |" in README


def test_every_command_is_in_the_readme() -> None:
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert [name for name in names if f"ss-ray {name}" not in README] == []


def test_every_error_code_is_in_the_readme() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.SsRayError)]
    assert [c.__name__ for c in classes if f"| {c.exit_code} | `{c.__name__}` | {c.http_status} |" not in README] == []


def test_the_file_tree_is_that_of_the_repository() -> None:
    tree = re.search(r"```tree\n(.*?)```", README, re.DOTALL)
    assert tree is not None
    listed = {line.split()[0] for line in tree[1].splitlines() if line.strip()}
    packages = {f"ss_ray/{path.name}/" for path in (ROOT / "ss_ray").iterdir() if (path / "__init__.py").exists()}
    modules = {f"ss_ray/{path.name}" for path in (ROOT / "ss_ray").glob("*.py") if path.name != "__init__.py"}
    assert packages | modules <= listed
    assert [name for name in listed if not (ROOT / name).exists()] == []


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`make (\w+)`", README))
    assert {"demo", "test"} <= targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_the_changelog_begins_with_this_version() -> None:
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == __version__
