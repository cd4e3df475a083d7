"""The examples in docstrings give what they show, and the functions that users call most have one."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEAST = 30
"""Public functions and classes that have an example."""


def modules_with_examples() -> list[str]:
    """Dotted names of the modules whose source has a prompt."""
    files = sorted((ROOT / "ss_ray").rglob("*.py"))
    with_examples = [file for file in files if ">>> " in file.read_text(encoding="utf8")]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in with_examples]


def examples_of(module: str) -> list[doctest.DocTest]:
    """The examples of a module, one for each function or class that has any."""
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    return [test for test in found if test.examples]


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_of_a_module_give_what_they_show(module: str) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for example in examples_of(module):
        runner.run(example, out=report.append)

    assert not report, "".join(report)


def test_the_functions_that_users_call_most_have_an_example() -> None:
    names = [test.name for module in modules_with_examples() for test in examples_of(module)]
    public = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    assert len(public) >= LEAST
