"""The README and the pages in `docs/` are true of the code, and the site builds."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from ss_ray import __version__, errors
from ss_ray.cli.main import app
from ss_ray.config.files import Parameter, load_config, parameters, parse_config
from tests.pages import (
    PAGES,
    ROOT,
    blocks,
    commands,
    differs,
    hooks,
    output_of,
    page_name,
    read_page,
    run_python,
)

README = (ROOT / "README.md").read_text(encoding="utf8")
REFERENCE = ROOT / "docs" / "reference"
SOURCES = ("ss_ray", "serve", "jobs", "recipes", "tests", "benchmarks", "docs")
"""Folders of the repository that hold texts of its own."""
MAX_README_LINES = 200


def repository_texts() -> dict[str, str]:
    """Path below the root -> content of every text file of the repository."""
    found = [path for folder in SOURCES for path in (ROOT / folder).rglob("*")]
    found += [path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".yml", ".yaml"}]
    suffixes = {".py", ".md", ".toml", ".yml", ".yaml", ".html", ".js", ""}
    texts = [path for path in [*found, ROOT / "Makefile"] if path.is_file() and path.suffix in suffixes]
    return {page_name(path): path.read_text(encoding="utf8", errors="ignore") for path in texts}


@pytest.fixture(scope="module")
def configuration() -> str:
    return read_page(REFERENCE / "configuration.md")


@pytest.mark.parametrize("parameter", list(parameters()), ids=lambda p: p.path)
def test_every_parameter_is_in_the_reference_with_its_default(parameter: Parameter, configuration: str) -> None:
    cell = parameter.default.replace("|", "\\|")
    assert f"| `{parameter.path}` | `{cell}` |" in configuration
    assert parameter.description.replace("|", "\\|") in configuration


def test_every_command_is_in_the_reference_with_its_options() -> None:
    import typer

    text = read_page(REFERENCE / "commands.md")
    for name, command in hooks().walk(typer.main.get_command(app), "ss-ray"):
        _, found, section = text.partition(f"\n## `{name}`\n")
        assert found, name
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        section = section.partition("\n## ")[0]
        assert [option for option in options - {"--help"} if f"`{option}`" not in section] == []


def test_every_error_code_is_in_the_reference() -> None:
    text = read_page(REFERENCE / "exit-codes.md")
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.SsRayError)]
    assert [c.__name__ for c in classes if f"| {c.exit_code} | `{c.__name__}` | {c.http_status} |" not in text] == []


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= MAX_README_LINES


def test_the_file_tree_is_that_of_the_repository() -> None:
    page = (ROOT / "docs" / "contributing" / "repository.md").read_text(encoding="utf8")
    tree = re.search(r"```tree\n(.*?)```", page, re.DOTALL)
    assert tree is not None
    listed = {line.split()[0] for line in tree[1].splitlines() if line.strip()}
    packages = {f"ss_ray/{path.name}/" for path in (ROOT / "ss_ray").iterdir() if (path / "__init__.py").exists()}
    modules = {f"ss_ray/{path.name}" for path in (ROOT / "ss_ray").glob("*.py") if path.name != "__init__.py"}
    assert packages | modules <= listed
    assert [name for name in listed if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    text = page.read_text(encoding="utf8")
    named = set(re.findall(r"`make ([\w-]+)`", text)) | set(re.findall(r"^    make ([\w-]+)", text, re.M))
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.M)] == []


def test_every_make_target_is_in_the_reference() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split()
    text = (REFERENCE / "commands.md").read_text(encoding="utf8")
    assert [target for target in targets if f"`make {target}`" not in text] == []


def test_the_changelog_begins_with_this_version() -> None:
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == __version__


def test_every_extra_that_a_text_names_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    named = {
        (file, extra.strip())
        for file, text in repository_texts().items()
        for extras in re.findall(r"ss-ray\[([\w ,-]+)\]", text)
        for extra in extras.split(",")
    }
    assert {extra for _, extra in named} >= {"serve", "docs", "postgresql"}
    assert sorted(pair for pair in named if pair[1] not in project["optional-dependencies"]) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf8"))
    files = [link.partition("#")[0] for link in links if "://" not in link]
    assert [file for file in files if file and not (page.parent / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_of_a_page_has_options_and_parameters_that_exist(page: Path) -> None:
    import typer

    known = dict(hooks().walk(typer.main.get_command(app), "ss-ray"))
    for words in commands(page):
        name = next(n for n in (" ".join(words[:3]), " ".join(words[:2]), words[0]) if n in known or n == "ss-ray")
        if name == "ss-ray":
            assert words[1:] == ["--help"], words
            continue
        options = {option for parameter in known[name].params for option in parameter.opts} | {"--help"}
        assert [word for word in words if word.startswith("--") and word not in options] == []
        load_config(overrides=[words[i + 1] for i, word in enumerate(words) if word == "--set"])


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_configuration_of_a_page_is_valid(page: Path) -> None:
    import yaml

    for block in blocks(page):
        if block.language == "yaml":
            parse_config(yaml.safe_load(block.text))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_import_of_a_page_exists(page: Path) -> None:
    for block in blocks(page):
        if block.language != "python":
            continue
        code = "\n".join(line[4:] for line in block.text.splitlines() if line.startswith((">>> ", "... ")))
        for node in ast.walk(ast.parse(code or block.text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("ss_ray"):
                spec = importlib.util.find_spec(str(node.module))
                assert spec is not None
                source = Path(str(spec.origin)).read_text(encoding="utf8")
                for alias in node.names:
                    assert re.search(
                        rf"^(def|class) {alias.name}\b|^{alias.name}\b|^__all__ = .*\"{alias.name}\"", source, re.M
                    ), alias.name


QUICK = [page for page in PAGES if any(block.mark == "quick" for block in blocks(page))]


@pytest.mark.parametrize("page", QUICK, ids=page_name)
def test_the_quick_commands_of_a_page_print_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(page):
        if block.mark == "quick" and block.language == "python":
            run_python(block.text, page_name(page), names)
        elif block.mark == "quick":
            for command, expected in block.steps:
                actual = output_of(command, tmp_path, capsys)
                assert not differs(expected, actual), f"{command}\n{actual}"


def test_some_commands_are_tested() -> None:
    shown = {words[1] for page in QUICK for block in blocks(page) for words in _words(block.steps)}
    assert {"--help", "version", "config", "demo-table", "suggest-constraints", "ledger"} <= shown


def _words(steps: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [command.split() for command, _ in steps if command.startswith("ss-ray ")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_the_site_builds_without_a_warning(site: Path) -> None:
    pages = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")} - {Path("404.md")}
    assert pages == {page.relative_to(ROOT / "docs") for page in PAGES[1:]}


def test_a_page_of_the_site_requests_nothing_from_elsewhere(site: Path) -> None:
    requests = re.compile(
        r"<(?:script|img|iframe|link rel=\"(?:stylesheet|preconnect|icon)\")[^>]*?(?:src|href)=\"(\w+:)?//"
    )
    assert [str(page) for page in site.rglob("*.html") if requests.search(page.read_text(encoding="utf8"))] == []


def test_the_site_has_the_generated_reference(site: Path) -> None:
    page = (site / "reference" / "configuration.html").read_text(encoding="utf8")
    assert "<code>privacy.dp_enabled</code>" in page
    assert "<!-- generated" not in page
    assert [path for path in site.rglob("*.html") if "In the repository, this page lacks" in path.read_text()] == []


def test_a_page_whose_tables_are_generated_says_in_the_repository_where_they_are() -> None:
    texts = {page: page.read_text(encoding="utf8") for page in REFERENCE.glob("*.md")}
    generated = [page for page, text in texts.items() if "\n<!-- generated" in text or "\n::: " in text]
    assert len(generated) == 5
    assert [page.name for page in generated if hooks().NOTE not in texts[page]] == []
