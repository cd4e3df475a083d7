"""English sentences without personal data: the documentation of Python's standard library, which every Python has."""

from __future__ import annotations

import ast
import re
import sysconfig
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics

_SENTENCE = re.compile(r"(?<=[.:] )[A-Z][A-Za-z ,;()'\"-]{25,170}[.?!](?= )")
_COMMENT = re.compile(r"# ([A-Z][^\n]+)")
# Whose documentation names people: Python's authors, and characters of examples.
_SKIPPED = re.compile(
    r"\b(?:Guido|Barry|Fredrik|Tim|Jim|John|Smith|Knuth|Ned|Eric|Greg|Python|Copyright|Windows|Mac|Unix)\b"
)


@cache
def prose() -> tuple[str, ...]:
    """Some nine thousand sentences."""
    library = Path(sysconfig.get_paths()["stdlib"])
    texts = [text for _, text in sorted(topics.items())]
    for path in sorted([*library.glob("*.py"), *library.glob("[a-z]*/*.py")]):
        if not {"site-packages", "test", "tests", "idlelib"} & set(path.parts):
            texts += _documentation(path.read_text(encoding="utf8", errors="replace"))

    found = _SENTENCE.findall(re.sub(r"\s+", " ", ". ".join(texts)) + " ")
    return tuple(sentence for sentence in dict.fromkeys(found) if not _SKIPPED.search(sentence))


@cache
def english_words() -> frozenset[str]:
    """Their words, in small letters."""
    return frozenset(word.lower() for sentence in prose() for word in re.findall(r"[A-Za-z]{3,}", sentence))


def _documentation(source: str) -> list[str]:
    try:
        nodes = ast.walk(ast.parse(source))
    except SyntaxError:
        return []

    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
    notes = [ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds)]
    return [*notes, *_COMMENT.findall(source)]
