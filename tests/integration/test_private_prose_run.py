"""Texts by a language model with differential privacy: one budget for two models, and nothing of one row leaves."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ss_ray.config.files import parse_config
from ss_ray.pipelines.run import RunReport, run
from ss_ray.privacy.charges import TRAININGS
from ss_ray.privacy.ledger.ledger import Ledger
from tests.generation.language_toy import make_tokenizer, save_model
from tests.integration.test_private_run import steps_of_each, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.usefixtures("own_ledger")]

TEXT_STEPS = 40
COMPACT_STEPS = 8
ONLY_ONES = ("Zyzzogeton", "quetzalcoatlus", "98765")
"""Values that one row alone holds: a city, a word, a number of words."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), sharpness=4)


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 visits of 300 people, some without a note, one of which is like no other."""
    file = tmp_path_factory.mktemp("table") / "visits.csv"
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["person", "city", "note"])
        for i in range(600):
            note = f"came {('late', 'early', 'at noon')[i % 7 % 3]} to the ward on day {i % 97} of {i % 89}"
            rows.writerow([f"P{i // 2:04d}", ("Bonn", "Ulm", "Kiel")[i % 3], "" if i % 5 == 0 else note])
        rows.writerow(["P0007", ONLY_ONES[0], f"saw the {ONLY_ONES[1]} in the garden {ONLY_ONES[2]} times"])
    return file


def request(base: Path, folder: Path, **sections: dict[str, Any]) -> dict[str, Any]:
    """The request of a run in a folder."""
    values: dict[str, Any] = {
        "data": {"random_state": 3, "holdout": 0.1},
        "replace_pii": None,
        "privacy": {"dp_enabled": True, "epsilon": 20.0, "dataset": "visits", "ledger": f"sqlite:///{folder}/ledger"},
        "training": {
            "prose_model": str(base),
            "batch_size": 25,
            "num_input_records_to_sample": 25 * COMPACT_STEPS,
            "compact": {"hidden_size": 16, "num_layers": 1, "num_heads": 2},
        },
        "generation": {"num_records": 30, "engine": "torch"},
        "evaluation": {"enabled": False},
        "resources": {"num_generation_workers": 1, "threads_per_worker": 1},
    }
    for name, section in sections.items():
        values[name] = values[name] | section
    return values


def run_privately(base: Path, table: Path, folder: Path, **sections: dict[str, Any]) -> RunReport:
    return run(parse_config(request(base, folder, **sections)), table, folder / "run")


def ledger_of(folder: Path) -> Ledger:
    """The ledger of a run."""
    return Ledger(f"sqlite:///{folder}/ledger")


def check_paid(report: RunReport, folder: Path) -> None:
    """Both trainings stand in the ledger and in the bill, they cost what was allowed, and nothing of one row leaves."""
    certificate = json.loads(Path(report.certificate or "").read_text())
    ledger = ledger_of(folder)
    assert len(ledger.balances()) == 1
    assert steps_of_each(ledger) == dict(zip(TRAININGS, (COMPACT_STEPS, TEXT_STEPS), strict=True))
    assert certificate["num_steps"] == COMPACT_STEPS
    bill = {line["what"]: line for line in certificate["spending"]}
    assert {bill[name]["uses"] for name in TRAININGS} == {COMPACT_STEPS, TEXT_STEPS}
    # Neither training has all of the budget, and together they take most of it.
    assert all(3 < bill[name]["epsilon"] < 18 for name in TRAININGS)
    assert 19 < certificate["epsilon"] <= 20
    assert any("Two models" in note for note in certificate["notes"])

    internal = folder / "run/internal"
    shown = [
        internal / "model/codec.json",
        internal / "model/prose.json",
        internal / "prose/model/vocabulary.json",
        *(folder / "run/manifest").glob("[mtc]*.json"),
        *(folder / "run/release").glob("*.json"),
    ]
    assert [(file, value) for file in shown for value in ONLY_ONES[:2] if value in file.read_text()] == []
    # Which tokens the texts have is not told: all but the special ones may be written.
    assert json.loads((internal / "prose/model/vocabulary.json").read_text()) == list(range(1, len(make_tokenizer())))
    assert sorted(path.name for path in (internal / "prose").iterdir()) == ["model"]
    assert not (internal / "outlines").exists()


def test_two_models_share_one_budget(base: Path, visits: Path, tmp_path: Path) -> None:
    report = run_privately(base, visits, tmp_path)
    check_paid(report, tmp_path)
    made = pq.read_table(report.synthetic).to_pandas()
    assert list(made.columns) == ["person", "city", "note"]
    assert len(made) == 30
    assert made["note"].dropna().str.split().str.len().gt(0).all()
    # How long the texts are, and that some are missing, was measured.
    assert made["note"].dropna().str.split().str.len().median() < 60


def test_a_run_that_is_killed_while_it_learns_texts_goes_on_within_its_budget(
    base: Path, visits: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(request(base, tmp_path)))
    command = [sys.executable, "-m", "ss_ray.cli.main", "run", "--data", str(visits), "--out", str(tmp_path / "run")]
    command += ["--config", str(tmp_path / "config.json"), "--csv"]
    _, texts = TRAININGS
    with (tmp_path / "first.log").open("w") as log:
        driver = subprocess.Popen(command, stdout=log, stderr=log, text=True)
    wait_for(lambda: (tmp_path / "ledger").exists() and steps_of_each(ledger_of(tmp_path))[texts] >= 5, driver)
    driver.kill()
    driver.wait()

    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    # Neither model took a step more than was planned: what the kill lost was charged, and counts.
    assert steps_of_each(ledger_of(tmp_path)) == dict(zip(TRAININGS, (COMPACT_STEPS, TEXT_STEPS), strict=True))
    certificate = json.loads((tmp_path / "run/release/privacy_certificate.json").read_text())
    assert 19 < certificate["epsilon"] <= 20
    assert len(pq.read_table(str(tmp_path / "run/release/synthetic"))) == 30


@pytest.mark.release
def test_rows_of_a_person_count_together_over_two_workers(base: Path, visits: Path, tmp_path: Path) -> None:
    report = run_privately(
        base, visits, tmp_path,
        data={"group_training_examples_by": "person"},
        privacy={"max_rows_per_unit": 3},
        resources={"num_train_workers": 2},
    )  # fmt: skip
    check_paid(report, tmp_path)
    assert len(pq.read_table(report.synthetic)) == 30
