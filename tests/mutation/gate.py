"""Applies each mutation to a copy of the package, and runs the tests that must kill it.

    base = copy_package(folder)                  # once
    for mutation in MUTATIONS:
        overlay = folder with the one mutated file
        fork; ss_ray.<package>.__path__ = [overlay, base]; pytest.main(mutation.tests)

A process that has imported torch, scipy and the like, but nothing of ss_ray, is forked for each mutation, so a mutation
costs its tests and the import of our own modules alone. The tests are those of the repository.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRELOADED = (
    "dp_accounting.pld.privacy_loss_distribution",
    "dp_accounting.rdp",
    "hypothesis",
    "opendp.prelude",
    "pandas",
    "pyarrow.parquet",
    "pydantic",
    "pytest",
    "randomgen",
    "scipy.stats",
    "sqlalchemy",
    "torch",
    "torch.distributed",
    "transformers.models.llama.modeling_llama",
)
"""Imported once, before the forks: what our tests need and ss_ray is not part of."""
KILLED, SURVIVED, BROKEN = 1, 0, 2
"""Exit codes of a forked process: a test failed; all tests passed; the tests could not be run."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One fault in one file.

    Attributes:
        name: The fault in words.
        file: Path of the file below ss_ray/.
        old: Text of the file, which occurs in it exactly once.
        new: Text in its place.
        tests: Tests of which one must fail, as pytest names them, below tests/.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one mutation.

    Attributes:
        name: The fault in words.
        code: KILLED, SURVIVED or BROKEN.
        seconds: Wall time.
        output: What pytest printed.
    """

    name: str
    code: int
    seconds: float
    output: str


def mutate(source: str, mutation: Mutation) -> str:
    """The text of a file with one fault.

    Raises:
        ValueError: The old text does not occur exactly once, so nobody knows what is tested.
    """
    found = source.count(mutation.old)
    if found != 1:
        raise ValueError(f"{mutation.name}: its text occurs {found} times in {mutation.file}, and must occur once")
    return source.replace(mutation.old, mutation.new)


def run_mutations(mutations: Sequence[Mutation], *, processes: int) -> Iterator[Outcome]:
    """What becomes of each mutation, in the order in which they end.

    Args:
        mutations: Each is checked before the first one runs.
        processes: Forks that run at the same time.

    Raises:
        ValueError: The old text of a mutation does not occur exactly once.
    """
    for mutation in mutations:
        mutate((ROOT / "ss_ray" / mutation.file).read_text(), mutation)
    for module in PRELOADED:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="ss-ray-mutation-") as folder:
        base = copy_package(Path(folder))
        yield from _run_all(mutations, base, Path(folder), processes)


def copy_package(folder: Path) -> Path:
    """folder/base/ss_ray, a copy of the package without the data files of its models."""
    base = folder / "base"
    ignored = shutil.ignore_patterns("__pycache__", "ner_model", "templates")
    shutil.copytree(ROOT / "ss_ray", base / "ss_ray", ignore=ignored)
    return base


def _run_all(mutations: Sequence[Mutation], base: Path, folder: Path, processes: int) -> Iterator[Outcome]:
    waiting, running = list(enumerate(mutations)), dict[int, tuple[Mutation, Path, float]]()
    while waiting or running:
        while waiting and len(running) < processes:
            number, mutation = waiting.pop(0)
            own = folder / str(number)
            running[_start(mutation, base, own)] = (mutation, own, time.monotonic())
        child, status = os.wait()
        mutation, own, started = running.pop(child)
        output = (own / "output").read_text(errors="replace") if (own / "output").exists() else ""
        code = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        yield Outcome(name=mutation.name, code=code if code in (0, 1) else BROKEN, seconds=seconds, output=output)


def _start(mutation: Mutation, base: Path, own: Path) -> int:
    """Fork a process that runs the tests of a mutation; its id."""
    file = own / "ss_ray" / mutation.file
    file.parent.mkdir(parents=True)
    file.write_text(mutate((base / "ss_ray" / mutation.file).read_text(), mutation))
    child = os.fork()
    if child:
        return child
    code = BROKEN
    try:
        with _output_in(own / "output"):
            code = _run_tests(mutation, base, file.parent)
    finally:
        os._exit(code)  # neither the parent's clean-up nor its folder are this process's to end


@contextmanager
def _output_in(file: Path) -> Iterator[None]:
    """Everything that this process prints goes to a file."""
    with file.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        try:
            yield
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


def _run_tests(mutation: Mutation, base: Path, overlay: Path) -> int:
    """pytest's verdict on the mutated package, in this process."""
    import pytest

    if any(name.partition(".")[0] == "ss_ray" for name in sys.modules):
        return BROKEN  # the parent has loaded our code, which would be tested in its place
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(ROOT)
    sys.path.insert(0, str(base))
    package = ".".join(["ss_ray", *Path(mutation.file).parent.parts])
    importlib.import_module(package).__path__.insert(0, str(overlay))
    arguments = [f"tests/{test}" for test in mutation.tests]
    settings = ["-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    code = pytest.main([*settings, *arguments])
    loaded = sys.modules.get(_module_name(mutation.file))
    if loaded is None or loaded.__file__ != str(overlay / Path(mutation.file).name):
        return BROKEN if code == pytest.ExitCode.OK else _verdict(code)
    return _verdict(code)


def _module_name(file: str) -> str:
    return ".".join(["ss_ray", *Path(file).with_suffix("").parts])


def _verdict(code: int) -> int:
    return {0: SURVIVED, 1: KILLED}.get(int(code), BROKEN)
