"""The documentation as tests read it: pages with their generated parts, code blocks, and marked console blocks."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from ss_ray.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(?:<!-- test: (?P<mark>\w+) -->\n)?```(?P<language>\w*)(?: title=\"(?P<file>[\w.]+)\")?\n(?P<text>.*?)^```$",
    re.M | re.S,
)
INDENTED = re.compile(r"(?:^    .*\n)+", re.M)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A code block of a page.

    Attributes:
        language: Language of the fence; empty for an indented block.
        file: Name of the file that the block shows; empty for other blocks.
        mark: Word of the comment `<!-- test: WORD -->` before the fence; empty without one.
        text: Lines of the block.
    """

    language: str
    file: str
    mark: str
    text: str

    @property
    def steps(self) -> Iterator[tuple[str, str]]:
        """Commands after a `$`, each with the output that the page shows."""
        for part in re.split(r"^\$ ", self.text, flags=re.M)[1:]:
            command, _, output = part.replace("\\\n", "").partition("\n")
            yield command, output


def page_name(page: Path) -> str:
    """Path of a page below the root, for the names of tests."""
    return str(page.relative_to(ROOT))


def read_page(page: Path) -> str:
    """Text of a page with its generated parts."""
    return str(hooks().on_page_markdown(page.read_text(encoding="utf8")))


@cache
def hooks() -> ModuleType:
    """The module that generates the reference pages; it is no part of a package."""
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page: Path) -> list[Block]:
    """Fenced and indented code blocks, the fenced ones first."""
    text = page.read_text(encoding="utf8")
    fenced = [
        Block(language=found["language"], file=found["file"] or "", mark=found["mark"] or "", text=found["text"])
        for found in FENCE.finditer(text)
    ]
    indented = [Block(language="", file="", mark="", text=found[0]) for found in INDENTED.finditer(FENCE.sub("", text))]
    return fenced + indented


def commands(page: Path) -> Iterator[list[str]]:
    """Every `ss-ray` command that a code block of a page shows, split into words."""
    for block in blocks(page):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = line.strip().removeprefix("$ ")
            if words.startswith("ss-ray ") and block.language not in ("python", "text", "yaml"):
                yield shlex.split(words, comments=True)


def output_of(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Output of a command of a page; an error of `ss-ray` is part of it.

    Args:
        command: Line after the `$`. `ss-ray` runs in this process, other programs in their own.
        folder: Working directory, which is also that of this process.
        capsys: Captures the output of this process.
    """
    words = shlex.split(command, comments=True)
    if words[0] != "ss-ray":
        words[0] = sys.executable if words[0] == "python" else words[0]
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout

    capsys.readouterr()
    failed = False
    try:
        main(words[1:])
    except SystemExit:
        failed = True

    captured = capsys.readouterr()
    return captured.out + (captured.err if failed else "")


def differs(expected: str, actual: str) -> bool:
    """Whether an output is another one than a page shows; three dots on a page stand for any text."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return not doctest.OutputChecker().check_output(expected, actual, flags)


def run_python(text: str, name: str, names: dict[str, object]) -> None:
    """Run a Python block in a namespace, as a program or, where it has prompts, as a doctest."""
    if ">>> " not in text:
        exec(compile(text, name, "exec"), names)
        return

    test = doctest.DocTestParser().get_doctest(text, names, name, name, 0)
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append, clear_globs=False)
    names.update(test.globs)
    assert result.failed == 0, "".join(report)
