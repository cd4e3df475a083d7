"""The wheel in an environment of its own, away from the checkout: the three lines of Python, and the command."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
THREE_LINES = """
import sys
import pandas as pd
import ss_ray
from ss_ray import Synthesizer

frame = pd.DataFrame({"age": [20 + n % 40 for n in range(250)], "plan": pd.Categorical(["a", "b"] * 125)})
config = {"audit_log": None, "evaluation.enabled": False, "training.num_input_records_to_sample": 500}
table = Synthesizer(random_state=1, config=config).fit(frame).sample(20, given={"plan": "a"})
assert ss_ray.__file__.startswith(sys.prefix), ss_ray.__file__
print(len(table), (table.dtypes == frame.dtypes).all(), (table["plan"] == "a").all())
"""


def run_in(folder: Path, *words: str) -> str:
    """What a program prints that knows nothing of the checkout."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(words, cwd=folder, env=kept, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which borrows all other packages from this one."""
    folder = tmp_path_factory.mktemp("fresh")
    # `build/` of the checkout would keep files that are not in the sources any more.
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "sources")], check=True)
    run_in(folder, sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", "./sources")
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    packages = next((folder / "env" / "lib").glob("python*")) / "site-packages"
    run_in(
        folder, sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), str(wheel)
    )
    # After the packages of the environment itself; the file that makes this checkout editable is not read there.
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    return folder


def test_the_three_lines_run_from_the_wheel(fresh: Path) -> None:
    assert run_in(fresh, str(fresh / "env" / "bin" / "python"), "-c", THREE_LINES) == "20 True True\n"


def test_the_command_of_the_wheel_has_its_data_files(fresh: Path) -> None:
    python = str(fresh / "env" / "bin" / "python")
    shown = run_in(fresh, python, "-m", "ss_ray.cli.main", "demo-table", "--rows", "60", "--out", "demo.csv")
    assert shown == "60 rows in demo.csv\n"
    preview = run_in(fresh, python, "-m", "ss_ray.cli.main", "replace-pii", "--data", "demo.csv", "--preview", "20")
    assert "first_name" in preview
