"""The commands of each tutorial, on smaller tables and with smaller models than the pages show.

A page shows the figures of one run, and another run has other figures. Summaries are therefore compared by their
labels, listings by their first line and their length (three dots stand for any lines), and Python prompts in full.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.pages import ROOT, blocks, output_of, page_name, run_python

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("own_ledger")]

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
SLOW = {"private-release.md"}
"""Tutorials that take minutes: three runs of one table."""
SMALLER = {
    "ss-ray demo-table": " --rows 1000",
    "ss-ray run": " --set training.num_input_records_to_sample=1500 --set training.compact.hidden_size=32"
    " --set training.compact.num_layers=1 --set training.compact.num_heads=2 --set resources.threads_per_worker=1",
}
"""Beginning of a command -> options that make it take seconds."""
SOMETIMES = {"Incomplete", "Failed", "Not tested", "Quality capped", "rejected", "repaired"}
"""Labels of a summary that depend on the figures."""


def smaller(command: str) -> str:
    """The command with the options that make it small, unless it names its own number of rows."""
    if "--rows" in command:
        return command
    return command + "".join(options for start, options in SMALLER.items() if command.startswith(start))


def masked(line: str) -> str:
    """A line with `#` in place of numbers, identifiers and dates."""
    return re.sub(r"\w*\d[\w,.]*", "#", line.strip())


def labels(output: str) -> list[str]:
    """Text before the first wide gap of each line, without the labels that depend on the figures."""
    found = [re.split(r" {2,}", masked(line))[0] for line in output.splitlines()]
    return [label for label in found if label and label not in SOMETIMES]


def assert_alike(command: str, expected: str, actual: str) -> None:
    shown, printed = expected.splitlines(), actual.splitlines()
    if expected.startswith("ss-ray: "):
        assert masked(printed[-1]) == masked(shown[-1]), command  # progress stands before the error
    elif command.startswith(("ss-ray run", "ss-ray generate", "ss-ray purge")):
        assert labels(actual) == labels(expected), command
    else:
        assert [masked(line) for line in printed[:1]] == [masked(line) for line in shown[:1]], command
        assert "..." in shown or len(printed) == len(shown), command


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow, pytest.mark.release]) if page.name in SLOW else page
        for page in TUTORIALS
    ],
    ids=page_name,
)
def test_the_commands_of_a_tutorial_run_and_print_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "jobs", tmp_path / "jobs")
    names: dict[str, object] = {}
    for block in blocks(page):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf8")
        elif block.mark and block.language == "python":
            run_python(block.text, page_name(page), names)
        elif block.mark:
            for command, expected in block.steps:
                assert_alike(command, expected, output_of(smaller(command), tmp_path, capsys))


def test_a_notebook_runs_in_jupyter_and_prints_nothing_but_its_results(tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    for page in sorted((ROOT / "docs" / "tutorials").glob("*.ipynb")):
        notebook = nbformat.read(page, as_version=4)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        # What Ray or a library logs comes as a stream.
        assert [output.text for output in outputs if output.output_type == "stream"] == []
        stages = next(output.data["text/html"] for output in outputs if output.output_type == "display_data")
        assert re.search(r"train.*generate.*evaluate", stages, re.DOTALL)


def test_every_console_block_of_a_tutorial_is_tested() -> None:
    shown = [(page_name(page), block) for page in TUTORIALS for block in blocks(page) if block.language == "console"]
    assert len(shown) >= len(TUTORIALS)
    assert [name for name, block in shown if block.mark not in ("quick", "ray")] == []
