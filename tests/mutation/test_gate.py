"""The gate can fail: a fault that no test sees is reported, and so is one whose text is gone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.mutation.faults import FAULTS, UNCHANGED
from tests.mutation.gate import BROKEN, KILLED, ROOT, SURVIVED, mutate

PLAN_TEST = "privacy/test_plan.py::test_too_few_units_are_refused"
RUN = """
import sys
from tests.mutation.faults import fault
from tests.mutation.gate import run_mutations

faults = [
    fault("killed", "privacy/plan.py", "MIN_UNITS = 100", "MIN_UNITS = 10", TEST),
    fault("harmless", "privacy/plan.py", "NUM_STEPS = 200", "NUM_STEPS = 201", TEST),
    fault("no such test", "privacy/plan.py", "NUM_STEPS = 200", "NUM_STEPS = 201", "privacy/test_plan.py::test_none"),
    fault("not loaded", "privacy/certificate.py", "MECHANISM = ", "MECHANISM = 1 or ", TEST),
    fault("unreadable", "privacy/plan.py", "NUM_STEPS = 200", "NUM_STEPS = (", TEST),
]
for outcome in run_mutations(faults, processes=2):
    print("outcome", outcome.name, outcome.code, sep=":")
"""


@pytest.mark.slow
def test_harmless_faults_survive_and_tests_that_cannot_run_prove_nothing() -> None:
    """A file that cannot be read or is not loaded, and a test that is not there, are no kill."""
    code = RUN.replace("TEST", repr(PLAN_TEST))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    found = dict(line.split(":")[1:] for line in done.stdout.splitlines() if line.startswith("outcome:"))
    assert found == {
        "killed": str(KILLED),
        "harmless": str(SURVIVED),
        "no such test": str(BROKEN),
        "not loaded": str(BROKEN),
        "unreadable": str(BROKEN),
    }


@pytest.mark.parametrize("mutation", [*FAULTS, UNCHANGED], ids=lambda mutation: mutation.name)
def test_text_of_a_fault_occurs_once_and_its_tests_are_there(mutation) -> None:
    source = (ROOT / "ss_ray" / mutation.file).read_text()
    compile(mutate(source, mutation), mutation.file, "exec")
    for test in mutation.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / "tests" / file).read_text()


def test_text_that_is_gone_or_occurs_twice_is_refused() -> None:
    for old in ("no such text", "import"):
        with pytest.raises(ValueError, match="must occur once"):
            mutate("import a\nimport b\n", replace(FAULTS[0], old=old))


def test_faults_have_names_of_their_own_and_are_many() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 24
