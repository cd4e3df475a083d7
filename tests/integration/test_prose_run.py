"""Texts by a language model on the whole way: a random one that fits in a test, beside the compact model."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from ss_ray.config.files import parse_config
from ss_ray.demo import make_patients
from ss_ray.errors import ConfigError
from ss_ray.pipelines.generate import generate_from
from ss_ray.pipelines.run import RunReport, run
from tests.generation.language_toy import save_model

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]

COLUMNS = ["first_name", "last_name", "sex", "department", "note"]


def request(base: Path, **sections: object) -> dict[str, object]:
    return {
        "data": {"random_state": 3},
        "replace_pii": {"globals": {"seed": 1}},
        "training": {
            "prose_model": str(base),
            "num_input_records_to_sample": 300,
            "compact": {"hidden_size": 32, "num_layers": 1, "num_heads": 2},
        },
        "generation": {"num_records": 40},
        "evaluation": {"enabled": False},
        **sections,
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunReport, Path]:
    """A finished run, and the folder of its source, base model and run directory."""
    folder = tmp_path_factory.mktemp("prose")
    save_model(folder / "base", sharpness=4)
    csv.write_csv(make_patients(150, 1).select(COLUMNS), folder / "visits.csv")
    return run(parse_config(request(folder / "base")), folder / "visits.csv", folder / "run"), folder


def test_texts_are_by_the_language_model_and_name_the_persons_of_their_rows(finished: tuple[RunReport, Path]) -> None:
    report, folder = finished
    made = pq.read_table(report.synthetic).to_pandas()
    assert len(made) == 40
    assert list(made.columns) == COLUMNS
    # The random model knows the bytes of the notes alone.
    assert made["note"].notna().all()
    # A random text may be a broken placeholder and nothing else.
    assert made["note"].str.split().str.len().gt(0).mean() > 0.9
    assert not made["note"].str.contains(r"\[\[|\]\]", regex=True).any()

    manifest = json.loads((folder / "run/manifest/train.json").read_text())
    assert manifest["result"]["family"] == "compact_and_prose"
    assert manifest["result"]["prose"]["steps"] > 0
    # Only the two models and their codecs stay.
    assert not (folder / "run/internal/outlines").exists()
    assert [path.name for path in (folder / "run/internal/prose").iterdir()] == ["model"]


def test_the_compact_model_has_not_seen_a_text(finished: tuple[RunReport, Path]) -> None:
    codec = (finished[1] / "run/internal/model/codec.json").read_text()
    notes = pd.read_csv(finished[1] / "visits.csv")["note"]
    words = {word for note in notes for word in note.split() if len(word) > 6 and word.isalpha()}
    assert not {word for word in words if word in codec}


def test_more_rows_come_from_the_finished_run_and_a_given_text_is_refused(finished: tuple[RunReport, Path]) -> None:
    _, folder = finished
    more = parse_config(request(folder / "base", generation={"num_records": 7}))
    report = generate_from(more, folder / "run", folder / "more")
    assert report.result.num_rows == 7
    assert pq.read_table(report.synthetic).column_names == COLUMNS

    given = parse_config(request(folder / "base", generation={"num_records": 7, "given": {"note": "seen"}}))
    with pytest.raises(ConfigError, match="note"):
        generate_from(given, folder / "run", folder / "given")


def test_a_run_without_it_leaves_nothing_of_the_language_model(finished: tuple[RunReport, Path]) -> None:
    _, folder = finished
    asked = request(folder / "base")
    training = asked["training"]
    assert isinstance(training, dict)
    without = parse_config(asked | {"training": training | {"prose_model": None}})
    run(without, folder / "visits.csv", folder / "run", redo=True)
    assert not (folder / "run/internal/model/prose.json").exists()
    assert not (folder / "run/internal/prose").exists()


def test_texts_stand_in_rows_of_a_later_time_than_those_of_the_table(tmp_path: Path) -> None:
    save_model(tmp_path / "base", sharpness=4)
    table = make_patients(300, 1).select(["patient_id", "admitted", "discharged", "note"])
    csv.write_csv(table, tmp_path / "visits.csv")
    series = {"is_timeseries": True, "timestamp_column": "admitted", "start_timestamp": "2031-05-01"}
    data = {"group_training_examples_by": "patient_id"}
    values = request(tmp_path / "base", data=data, time_series=series, replace_pii=None)
    made = pq.read_table(run(parse_config(values), tmp_path / "visits.csv", tmp_path / "run").synthetic).to_pandas()
    # Each admission is later than any of the table, and has its note.
    assert made["admitted"].min().isoformat() > "2031"
    assert made["note"].notna().all()
