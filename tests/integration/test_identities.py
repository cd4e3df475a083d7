"""Identities on the whole way: the model reads placeholders, and each synthetic patient gets one invented person."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from ss_ray.cli.show import show_rows
from ss_ray.config.files import parse_config
from ss_ray.demo import make_patients
from ss_ray.pii.identities.placeholders import PLACEHOLDER
from ss_ray.pii.stand_ins.lexicon import lexicon
from ss_ray.pii.stand_ins.names import fold_to_ascii
from ss_ray.pipelines.run import run

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

REQUEST = {
    "data": {"random_state": 3, "group_training_examples_by": "patient_id"},
    "replace_pii": {"globals": {"seed": 1}},
    "training": {
        "num_input_records_to_sample": 1500,
        "compact": {"hidden_size": 32, "num_layers": 1, "num_heads": 2},
    },
    "generation": {"num_records": 200},
    "evaluation": {"enabled": False},
}
COLUMNS = ["patient_id", "first_name", "last_name", "email", "phone", "sex", "department", "note"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path]:
    """The real rows and the directory of a finished run."""
    folder = tmp_path_factory.mktemp("identities")
    csv.write_csv(make_patients(400, 1).select(COLUMNS), folder / "visits.csv")
    run(parse_config(REQUEST), folder / "visits.csv", folder / "run", csv=True)
    return pd.read_csv(folder / "visits.csv", dtype=str), folder / "run"


def test_the_model_reads_no_name_and_no_phone(finished: tuple[pd.DataFrame, Path]) -> None:
    real, out = finished
    templates = pq.read_table(out / "internal" / "templates")["note"].to_pylist()
    assert any("[[person.first_name]]" in text for text in templates)
    stand_ins = pq.read_table(out / "internal" / "replaced", columns=["last_name"])["last_name"].to_pylist()

    # Words of notes that are surnames, too, have no capital there.
    texts = [PLACEHOLDER.sub("", text) for text in templates]
    tokens = (out / "internal/model/codec.json").read_text()
    capitals = {word for text in (*texts, json.dumps(tokens)) for word in re.findall(r"\b[A-Z][a-z]{4,}", text)}
    assert not {name for name in (*real["last_name"], *stand_ins) if name in capitals}
    assert not [phone for phone in real["phone"] if any(phone[-8:] in text for text in texts)]


def test_all_visits_of_a_patient_have_one_person_who_agrees_with_the_sex(finished: tuple[pd.DataFrame, Path]) -> None:
    made = pd.read_csv(finished[1] / "release/synthetic.csv", dtype=str)
    assert made.groupby("patient_id")[["first_name", "last_name", "phone"]].nunique().to_numpy().max() == 1
    lists = {
        sex: lexicon("en_US").all_names(lexicon("en_US").first_names(code))
        for sex, code in (("female", "F"), ("male", "M"))
    }
    assert all(row.first_name in lists[row.sex] for row in made.itertuples())
    there = made.dropna(subset=["email"])
    assert len(there) > 50
    assert all(fold_to_ascii(row.last_name).lower() in row.email for row in there.itertuples())
    assert not made["note"].str.contains(r"\[\[|REDACTED").any()


def test_rows_of_a_run_are_shown_a_column_a_line(finished: tuple[pd.DataFrame, Path]) -> None:
    first = pd.read_csv(finished[1] / "release/synthetic.csv", dtype=str).iloc[0]
    shown = show_rows(str(finished[1]), 2).split("\n\n")
    assert len(shown) == 2
    assert shown[0].splitlines()[1] == f"first_name  {first['first_name']}"
