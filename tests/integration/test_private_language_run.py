"""Whole runs of a language model with differential privacy: the ledger, the certificate, and what leaves."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ss_ray.config.files import parse_config
from ss_ray.pipelines.run import RunReport, run
from ss_ray.privacy.ledger.ledger import Ledger
from tests.generation.language_toy import save_model

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("own_ledger")]

NUM_STEPS = 12
ONLY_ONES = ("Zyzzogeton", "987654321", "quetzalcoatlus")
"""Values that one row alone holds: a city, an amount, a word."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 visits of 300 people, one of which is like no other."""
    file = tmp_path_factory.mktemp("table") / "visits.csv"
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["person", "city", "amount", "place", "note"])
        for i in range(600):
            note = f"came {('late', 'early', 'noon')[i % 7 % 3]} {i % 97} {i % 89}"
            rows.writerow([f"P{i // 2:04d}", ("Bonn", "Ulm", "Kiel")[i % 3], 10 + i % 50, 1 - i % 2, note])
        rows.writerow(["P0007", ONLY_ONES[0], ONLY_ONES[1], 5, ONLY_ONES[2]])
    return file


def run_privately(base: Path, table: Path, folder: Path, **sections: dict[str, Any]) -> RunReport:
    values: dict[str, Any] = {
        "data": {"random_state": 3, "holdout": 0.1},
        "replace_pii": None,
        "privacy": {"dp_enabled": True, "epsilon": 20.0, "dataset": "visits", "ledger": f"sqlite:///{folder}/ledger"},
        "training": {
            "pretrained_model": str(base),
            "lora_r": 4,
            "batch_size": 25,
            "num_input_records_to_sample": 25 * NUM_STEPS,
        },
        "generation": {"num_records": 30, "engine": "torch"},
        "evaluation": {"enabled": False},
        "resources": {"num_generation_workers": 1, "threads_per_worker": 1},
    }
    for name, section in sections.items():
        values[name] = values[name] | section
    return run(parse_config(values), table, folder / "run")


def check_paid(report: RunReport, folder: Path, unit: str) -> None:
    """The steps in the ledger are those of the certificate, and nothing of one row leaves."""
    certificate = json.loads(Path(report.certificate or "").read_text())
    (balance,) = Ledger(f"sqlite:///{folder}/ledger").balances()
    charged = [charge.count for job in balance.jobs for charge in job.charges if charge.mechanism.startswith("dp-sgd")]
    assert sum(charged) == certificate["num_steps"] == NUM_STEPS
    assert certificate["epsilon"] <= 20
    assert certificate["privacy_unit"] == unit
    assert any("base model" in note for note in certificate["notes"])
    model = folder / "run/internal/model"
    shown = [model / "codec.json", model / "generation.json", *(folder / "run/manifest").glob("[mt]*.json")]
    assert [(file, value) for file in shown for value in ONLY_ONES if value in file.read_text()] == []
    assert not (folder / "run/internal/tokens").exists()


@pytest.mark.release
@pytest.mark.slow
def test_rows_of_a_person_count_together_over_two_workers(base: Path, visits: Path, tmp_path: Path) -> None:
    report = run_privately(
        base, visits, tmp_path,
        data={"group_training_examples_by": "person"},
        privacy={"max_rows_per_unit": 3},
        resources={"num_train_workers": 2},
    )  # fmt: skip
    check_paid(report, tmp_path, "all rows of one 'person'")
    frame = pq.ParquetDataset(report.synthetic).read().to_pandas()
    assert len(frame) == 30
    assert set(frame["city"].dropna()) <= {"Bonn", "Ulm", "Kiel"}
    assert frame["amount"].dropna().max() < int(ONLY_ONES[1])


def test_all_rows_of_a_person_are_one_sequence(base: Path, visits: Path, tmp_path: Path) -> None:
    group = {"group_training_examples_by": "person", "order_training_examples_by": "place"}
    report = run_privately(base, visits, tmp_path, data=group, privacy={"max_rows_per_unit": 3})
    check_paid(report, tmp_path, "all rows of one 'person'")
    frame = pq.ParquetDataset(report.synthetic).read().to_pandas()
    assert len(frame) == 30
    assert not set(frame["person"]) & set(pd.read_csv(visits)["person"])
    assert frame.groupby("person").size().max() <= 3
    assert frame.groupby("person")["place"].apply(lambda places: places.is_monotonic_increasing).all()
