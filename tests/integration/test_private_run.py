"""A whole run with differential privacy: real kills, the ledger, and what leaves."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.dataset as ds
import pytest
import yaml

from ss_ray.config.files import parse_config
from ss_ray.errors import PrivacyError
from ss_ray.pipelines.replace_pii import replace_table
from ss_ray.pipelines.run import run
from ss_ray.privacy.charges import TRAININGS
from ss_ray.privacy.ledger.ledger import Ledger

pytestmark = pytest.mark.ray

NUM_STEPS = 120
ONLY_ONES = ("Zyzzogeton", "987654321", "1803-03-07", "quetzalcoatlus")
"""Values that one row alone holds: a city, an amount, a date, a word."""
CONFIG = {
    "data": {"random_state": 3, "holdout": 0.1},
    "replace_pii": None,
    "privacy": {"dp_enabled": True, "epsilon": 4.0, "dataset": "visits"},
    "training": {
        "batch_size": 100,
        "num_input_records_to_sample": 100 * NUM_STEPS,
        "compact": {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "max_text_tokens": 8},
    },
    "generation": {"num_records": 400},
    "evaluation": {"enabled": False},
    "resources": {"num_train_workers": 2, "num_generation_workers": 1, "threads_per_worker": 1},
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 visits, one of which is like no other."""
    file = tmp_path_factory.mktemp("table") / "visits.csv"
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["city", "amount", "day", "note", "paid"])
        for i in range(1000):
            city, word = ("Bonn", "Ulm", "Kiel")[i % 3], ("late", "early", "noon")[i % 7 % 3]
            rows.writerow([city, 10 + i % 50, f"2024-0{1 + i % 9}-11", f"came {word} {i % 97} {i % 89}", i % 3 == 0])
        rows.writerow([*ONLY_ONES, "False"])
    return file


@pytest.fixture
def ray_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder of its own for the logs of the Ray that a subprocess starts."""
    with tempfile.TemporaryDirectory(prefix="ssr", dir="/tmp", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        yield Path(folder)


def steps_of_each(ledger: Ledger) -> dict[str, int]:
    """Steps in the ledger, by training."""
    steps = dict.fromkeys(TRAININGS, 0)
    jobs = (job for balance in ledger.balances() for job in balance.jobs)
    for charge in (charge for job in jobs for charge in job.charges):
        name = charge.mechanism.partition(" [")[0]
        if name in steps:
            steps[name] += charge.count

    return steps


def steps_charged(ledger: Ledger) -> int:
    return sum(steps_of_each(ledger).values())


def train_workers(root: int) -> list[int]:
    """Processes of Ray Train workers below a process, from /proc."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            names[int(status.parent.name)] = (status.parent / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(status.parent.name)] = int(fields[1])

    def is_below(pid: int) -> bool:
        return pid == root or (pid in parents and is_below(parents[pid]))

    return [pid for pid, name in names.items() if "RayTrainWorker" in name and is_below(pid)]


def wait_for(condition: Callable[[], bool], driver: subprocess.Popen[str], seconds: float = 400) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        with pytest.raises(subprocess.TimeoutExpired):  # the driver must not end before it is killed
            driver.wait(timeout=0.1)


def texts(*folders: Path) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink() and file.suffix != ".parquet":
                yield file, file.read_bytes().decode(errors="replace")


@pytest.mark.slow
def test_kills_only_over_count_and_nothing_of_one_row_leaves(table: Path, tmp_path: Path, ray_logs: Path) -> None:
    out, url = tmp_path / "run", f"sqlite:///{tmp_path}/ledger.sqlite"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, "-m", "ss_ray.cli.main", "run", "--data", str(table), "--out", str(out), "--csv", "-v"]
    command += ["--config", str(tmp_path / "config.yaml"), "--set", f"privacy.ledger={url}"]
    ledger = Ledger(url)
    with (tmp_path / "first.log").open("w") as log:
        driver = subprocess.Popen(command, stdout=log, stderr=log, text=True)
    wait_for(lambda: Path(tmp_path / "ledger.sqlite").exists() and steps_charged(ledger) >= 5, driver)
    os.kill(train_workers(driver.pid)[0], signal.SIGKILL)
    before = steps_charged(ledger)
    wait_for(lambda: steps_charged(ledger) >= before + 5, driver)  # its successor goes on
    driver.kill()
    driver.wait()
    charged = steps_charged(ledger)
    assert charged < NUM_STEPS
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    (tmp_path / "second.log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr[-3000:]

    certificate = json.loads((out / "release/privacy_certificate.json").read_text())
    assert steps_charged(ledger) == certificate["num_steps"] == NUM_STEPS
    assert certificate["num_steps_lost"] > 0  # a kill comes between checkpoints
    assert certificate["epsilon"] <= 4.0 <= certificate["ledger"]["epsilon_spent"]  # by RDP
    assert not any(job.reserved for balance in ledger.balances() for job in balance.jobs)
    assert "Quality:" not in (out / "release/README.md").read_text()  # a figure of real rows, not paid for
    assert sorted(path.name for path in (out / "release").iterdir()) == [
        "README.md",
        "croissant.json",
        "privacy_certificate.json",
        "report.html",
        "synthetic",
        "synthetic.csv",
    ]
    shown = [*texts(out / "release", out / "manifest" / "measure.json", ray_logs)]
    shown += [(file, file.read_text()) for file in tmp_path.glob("*.log")]
    shown += [
        (out / "manifest" / f"{s}.json", (out / "manifest" / f"{s}.json").read_text()) for s in ("measure", "train")
    ]
    assert len(shown) > 10
    assert [(str(file), value) for file, text in shown for value in ONLY_ONES if value in text] == []
    cells = {str(v) for column in ds.dataset(out / "release/synthetic").to_table().columns for v in column.to_pylist()}
    assert not cells & set(ONLY_ONES)
    assert not any(re.search(r"(loss|norm|grad)\w* *[:=]? *\d", text) for file, text in shown if file.suffix == ".log")


@pytest.mark.usefixtures("own_ledger")
def test_budget_of_the_data_set_refuses_before_anything_is_spent(table: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    ledger = Ledger(url)
    ledger.set_budget("visits", "row", epsilon=2.0, delta=1e-4)
    with pytest.raises(PrivacyError, match="budget"):
        run(parse_config(CONFIG | {"privacy": CONFIG["privacy"] | {"ledger": url}}), table, tmp_path / "run")
    (balance,) = ledger.balances()
    assert (balance.epsilon_spent, balance.epsilon_reserved) == (0, 0)
    assert not (tmp_path / "run" / "release").exists()


@pytest.mark.usefixtures("own_ledger")
def test_refused_runs_charge_nothing(table: Path, tmp_path: Path) -> None:
    """The three refusals that once came after a charge, or not at all, in one Ray session."""
    url = f"sqlite:///{tmp_path}/ledger.sqlite"
    small = tmp_path / "small.csv"
    small.write_text("\n".join(table.read_text().splitlines()[:201]))
    privacy = CONFIG["privacy"] | {"ledger": url}
    with pytest.raises(PrivacyError, match=r"epsilon 0\.1 needs at least [\d,]+ .* to learn from.*nothing was charged"):
        run(parse_config(CONFIG | {"privacy": privacy | {"epsilon": 0.1}}), small, tmp_path / "small")

    ledger = Ledger(url)
    ledger.set_budget("Visits", "row", epsilon=2.0, delta=1e-4)
    with pytest.raises(PrivacyError, match=r"set privacy\.dp_enabled to true"):
        run(parse_config(CONFIG | {"privacy": privacy | {"dp_enabled": False}}), table, tmp_path / "plain")
    by_day = CONFIG | {"data": CONFIG["data"] | {"group_training_examples_by": "day"}, "privacy": privacy}
    with pytest.raises(PrivacyError, match="has a budget per row, and none per all rows of one 'day'"):
        run(parse_config(by_day), table, tmp_path / "units")

    asked = parse_config({"privacy": privacy | {"dp_enabled": False}, "audit_log": None})
    with pytest.raises(PrivacyError, match=r"set privacy\.dp_enabled to true"):
        replace_table(asked, table, tmp_path / "replaced")
    assert all(balance.epsilon_reserved == 0 for balance in ledger.balances())
    assert not any(tmp_path.glob("*/release"))
