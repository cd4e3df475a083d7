"""Whole runs on sequences of rows: by groups, as one time series, with differential privacy, by a language model."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ss_ray.config.files import parse_config
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError, ResourceError
from ss_ray.pipelines.generate import generate_from
from ss_ray.pipelines.run import RunReport, run
from tests.generation.language_toy import save_model

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def config_of(**sections: dict[str, Any]) -> Config:
    values: dict[str, Any] = {
        "data": {"random_state": 3, "holdout": 0.1},
        "replace_pii": None,
        "evaluation": {"enabled": False},
        "training": {
            "num_input_records_to_sample": 1500,
            "compact": {"hidden_size": 32, "num_layers": 1, "num_heads": 2},
        },
        "generation": {"num_records": 120},
        "resources": {"num_generation_workers": 1, "threads_per_worker": 1},
    }
    for name, section in sections.items():
        values[name] = section if not isinstance(values.get(name), dict) else values[name] | section
    return parse_config(values)


GROUPED = {"group_training_examples_by": "customer", "order_training_examples_by": "day"}


@pytest.fixture(scope="module")
def purchases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 customers, each from one city, with 1 to 5 purchases in no order."""
    file = tmp_path_factory.mktemp("table") / "purchases.csv"
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["customer", "city", "day", "items", "paid"])
        for customer in range(150):
            for visit in reversed(range(customer % 5 + 1)):
                day = date(2024, 1, 1) + timedelta(days=customer % 60 + 7 * visit + customer % 3)
                rows.writerow([f"C{customer:03d}", ("Bonn", "Ulm")[customer % 2], day, visit + 1, 10 * (visit + 1)])
    return file


def rows_of(folder: str) -> pd.DataFrame:
    return pq.ParquetDataset(folder).read().to_pandas()


@pytest.fixture(scope="module")
def finished(purchases: Path, tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    out = tmp_path_factory.mktemp("runs") / "grouped"
    rule = {"type": "range", "column": "day", "maximum": "2024-03-20"}
    return run(config_of(data=GROUPED, constraints=[rule]), purchases, out, csv=True)


def test_groups_are_made_whole_in_order_and_with_names_of_their_own(finished: RunReport, purchases: Path) -> None:
    frame = rows_of(finished.synthetic)
    assert len(frame) == finished.num_rows == 120
    groups = frame.groupby("customer", sort=False)
    assert groups["day"].apply(lambda days: days.is_monotonic_increasing).all()
    assert (groups["city"].nunique() == 1).all()
    assert groups.size().max() <= 5
    assert (frame["customer"] != frame["customer"].shift()).sum() == len(groups)  # rows of a group stand together
    assert list(pd.read_csv(finished.csv)) == list(pd.read_csv(purchases))


def test_a_finished_run_makes_other_tables_without_training_again(finished: RunReport, tmp_path: Path) -> None:
    asked = config_of(
        generation={"num_groups": 40, "given": {"city": "Ulm"}},
        constraints=[{"type": "unique", "columns": ["customer", "day"]}],
    )
    report = generate_from(asked, finished.run_dir, tmp_path / "more", csv=True)
    frame = rows_of(report.synthetic)
    assert frame["customer"].nunique() == 40
    assert set(frame["city"]) == {"Ulm"}
    assert not frame.duplicated(["customer", "day"]).any()
    # The constraint of the run holds beside the one of the request.
    assert frame["day"].max() <= date(2024, 3, 20)
    assert [c.name for c in report.constraints.of_run] == ["range(day)"]
    assert [c.name for c in report.constraints.added] == ["unique(customer, day)"]
    again = generate_from(asked, finished.run_dir, tmp_path / "more", csv=True)
    assert again == report
    with pytest.raises(ConfigError, match="another directory"):
        generate_from(asked, finished.run_dir, finished.run_dir)
    with pytest.raises(ConfigError, match="holds no model"):
        generate_from(asked, tmp_path / "nothing", tmp_path / "other")


@pytest.mark.slow
def test_a_time_series_goes_on_at_its_interval_from_start_to_stop(tmp_path: Path) -> None:
    source = tmp_path / "series.csv"
    hours = pd.date_range("2024-03-01", periods=200, freq="h")
    table = pd.DataFrame({"at": hours, "load": [50 + hour.hour for hour in hours]})
    table.sample(frac=1, random_state=0).to_csv(source, index=False)
    series = {
        "is_timeseries": True,
        "timestamp_column": "at",
        "start_timestamp": "2025-01-01 00:00:00",
        "stop_timestamp": "2025-01-03 23:00:00",
    }
    report = run(config_of(time_series=series, data={"holdout": 0}), source, tmp_path / "run")
    made = rows_of(report.synthetic)
    assert made["at"].tolist() == pd.date_range("2025-01-01", "2025-01-03 23:00", freq="h").tolist()
    assert report.incomplete == ""


@pytest.mark.slow
@pytest.mark.usefixtures("own_ledger")
def test_sequences_with_differential_privacy_are_ordered_and_certified(purchases: Path, tmp_path: Path) -> None:
    private = {"dp_enabled": True, "epsilon": 20.0, "max_rows_per_unit": 5, "ledger": f"sqlite:///{tmp_path}/ledger"}
    training = {"num_input_records_to_sample": 600, "batch_size": 50}
    report = run(
        config_of(data=GROUPED, privacy=private, training=training, generation={"num_groups": 30}),
        purchases,
        tmp_path / "run",
    )
    assert report.guarantee is not None
    assert report.guarantee.epsilon <= 20
    assert report.guarantee.privacy_unit == "all rows of one 'customer'"
    frame = rows_of(report.synthetic)
    assert frame["customer"].nunique() == 30
    assert frame.groupby("customer")["day"].apply(lambda days: days.is_monotonic_increasing).all()
    assert frame.groupby("customer").size().max() <= 5


def language_model(folder: Path) -> dict[str, Any]:
    return {
        "pretrained_model": str(save_model(folder / "base")),
        "num_input_records_to_sample": 400,
        "batch_size": 4,
        "gradient_accumulation_steps": 1,
        "lora_r": 4,
    }


@pytest.mark.release
@pytest.mark.slow
def test_a_language_model_makes_series_longer_than_its_window_at_their_interval(tmp_path: Path) -> None:
    hours = pd.date_range("2024-03-01", periods=40, freq="h")
    meters = [pd.DataFrame({"meter": f"M{i:02d}", "at": hours, "load": range(i, i + 40)}) for i in range(20)]
    pd.concat(meters).sample(frac=1, random_state=0).to_csv(tmp_path / "loads.csv", index=False)
    series = {
        "is_timeseries": True,
        "timestamp_column": "at",
        "start_timestamp": "2025-01-01 00:00:00",
        "stop_timestamp": "2025-01-02 23:00:00",
    }
    asked = config_of(
        data={"group_training_examples_by": "meter"},
        time_series=series,
        training=language_model(tmp_path),
        generation={"num_records": 50, "engine": "torch"},
    )
    made = rows_of(run(asked, tmp_path / "loads.csv", tmp_path / "run").synthetic)
    expected = pd.date_range("2025-01-01", "2025-01-02 23:00", freq="h").tolist()  # 48 rows; a window holds 37
    assert [group["at"].tolist() for _, group in made.groupby("meter", sort=False)] == 2 * [expected]
    assert made["load"].between(0, 58).all()


def test_a_language_model_is_fine_tuned_and_makes_groups_of_valid_rows(purchases: Path, tmp_path: Path) -> None:
    asked = config_of(
        data=GROUPED,
        training=language_model(tmp_path),
        generation={"num_records": 40, "engine": "torch"},
        constraints=[{"type": "range", "column": "items", "minimum": 1, "maximum": 4}],
        resources={"num_train_workers": 2},
    )
    report = run(asked, purchases, tmp_path / "run")
    frame = rows_of(report.synthetic)
    assert len(frame) == 40
    assert set(frame["city"]) <= {"Bonn", "Ulm"}
    assert frame["day"].max() <= date(2024, 3, 30)
    assert frame.groupby("customer")["day"].apply(lambda days: days.is_monotonic_increasing).all()
    assert (tmp_path / "run/internal/adapter/adapter_config.json").exists()
    with pytest.raises(ResourceError, match="nobody/nothing"):
        run(config_of(training={"pretrained_model": "nobody/nothing"}), purchases, tmp_path / "none")
    assert not (tmp_path / "none").exists()
