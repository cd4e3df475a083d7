"""How the code reads: docstring entries name their noun, names say what a function does, functions fit on a screen."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAGMENT = re.compile(r"(Of|Likewise|Where|Which|The same|None likewise|As|Those|That|What|Not)\b", re.IGNORECASE)
ENTRY = re.compile(r"    (\w[\w*]*)(?: \(.*?\))?: (.*)$")
SHORTEST = 3  # words of an entry
LONGEST = 60  # lines of a function
MOST_PARAMETERS = 7
LOOPS = ("train", "train_private")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def trees() -> list[tuple[str, ast.Module]]:
    """Modules of the product, by their path."""
    paths = (path for folder in ("ss_ray", "serve", "jobs") for path in sorted((ROOT / folder).rglob("*.py")))
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text())) for path in paths if "migrations" not in path.parts
    ]


TREES = trees()


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """All nodes of some kinds, with the path and line of each."""
    for path, tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield f"{path}:{node.lineno}", node


def entries(docstring: str) -> Iterator[str]:
    """First lines of the entries under Args and Attributes."""
    inside = False
    for line in docstring.splitlines():
        if line.strip() in ("Args:", "Attributes:"):
            inside = True
        elif re.match(r"(Returns|Raises|Yields|Source|Example)s?:", line):
            inside = False
        elif inside and (match := ENTRY.match(line)):
            yield match[2]


def test_every_entry_of_a_docstring_names_its_noun() -> None:
    described = [
        (place, entry)
        for place, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        for entry in entries(ast.get_docstring(node) or "")
    ]
    assert len(described) > 2000
    fragments = [
        f"{place} {entry}" for place, entry in described if FRAGMENT.match(entry) or len(entry.split()) < SHORTEST
    ]
    assert fragments == []


def test_private_functions_have_names_of_several_words() -> None:
    names = {node.name for _, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef)}
    private = [name for name in names if name.startswith("_") and not name.startswith("__")]
    assert [name for name in private if "_" not in name[1:]] == []


def test_the_name_of_a_class_occurs_once() -> None:
    counts = Counter(node.name for _, node in nodes(ast.ClassDef))
    assert [name for name, count in counts.items() if count > 1] == []


def test_no_conditional_expression_is_inside_another() -> None:
    nested = [
        place
        for place, node in nodes(ast.IfExp)
        if any(isinstance(inner, ast.IfExp) for inner in ast.walk(node) if inner is not node)
    ]
    assert nested == []


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{place} {node.name}"
        for place, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        if node.end_lineno - node.lineno + 1 > LONGEST
    ]
    assert long == []


def test_functions_have_few_parameters() -> None:
    """Commands have as many as options, and the training loops a callback for everything that their caller stores."""
    crowded = [
        f"{place} {node.name}"
        for place, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        if len(parameters(node)) > MOST_PARAMETERS and not is_command(node) and node.name not in LOOPS
    ]
    assert crowded == []


def parameters(node: Function) -> list[str]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in every if argument.arg not in ("self", "cls")]


def is_command(node: Function) -> bool:
    return any(isinstance(call, ast.Call) and ast.unparse(call.func) == "app.command" for call in node.decorator_list)


@pytest.mark.parametrize(
    ("entry", "is_fragment"),
    [
        ("Of torch.", True),
        ("Likewise.", True),
        ("Number of rows.", False),
        ("Rows.", True),
        ("Offset in bytes.", False),
    ],
)
def test_a_fragment_is_told_from_a_sentence_part(entry: str, is_fragment: bool) -> None:
    assert bool(FRAGMENT.match(entry) or len(entry.split()) < SHORTEST) is is_fragment
