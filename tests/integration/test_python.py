"""The three lines of Python on a local Ray: a frame in, a frame of the same kind out, a run that is kept."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ss_ray import Synthesizer, compare, evaluate, replace_pii
from ss_ray.config.files import merge_config
from ss_ray.errors import ConfigError

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
TINY = {
    "replace_pii": None,
    "audit_log": None,
    "training.num_input_records_to_sample": 1500,
    "training.compact": {"hidden_size": 32, "num_layers": 1, "num_heads": 2},
    "generation.num_records": 200,
    "resources.num_generation_workers": 1,
    "evaluation": {"mia_enabled": False, "aia_enabled": False},
}
GIVEN = {"segment": "gold", "tariff": np.int64(20), "seen": pd.Timestamp("2024-01-03 04:05", tz="Europe/Berlin")}


def customers(rows: int = 260) -> pd.DataFrame:
    """Customers with a column of each family of dtypes, under an index that is no number."""
    drawn = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "segment": pd.Categorical(
                drawn.choice(["basic", "silver", "gold"], rows), ["basic", "silver", "gold"], True
            ),
            "tariff": pd.Categorical(drawn.choice([10, 20, 35], rows)),
            "age": pd.array([None, *drawn.integers(18, 80, rows - 1)], dtype="Int64"),
            "active": pd.array([*(drawn.random(rows - 1) < 0.5), None], dtype="boolean"),
            "city": pd.array(drawn.choice(["Rome", "Oslo", "Bern"], rows), dtype="string[pyarrow]"),
            "seen": pd.Timestamp("2024-01-01", tz="Europe/Berlin")
            + pd.to_timedelta(drawn.integers(0, 9**6, rows), "s"),
            "wait": pd.to_timedelta(drawn.integers(1, 500, rows), "s"),
            "paid": np.round(drawn.gamma(2, 50, rows), 2),
        }
    )
    return frame.set_index(pd.Index([f"c{number}" for number in range(rows)]))


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer(random_state=1, target="active", config=TINY).fit(customers())


@pytest.fixture(scope="module")
def sample(synthesizer: Synthesizer) -> pd.DataFrame:
    return synthesizer.sample(50, given=GIVEN, random_state=9)


def test_a_sample_has_the_dtypes_that_went_in_and_the_values_that_are_given(
    synthesizer: Synthesizer, sample: pd.DataFrame
) -> None:
    assert (sample.dtypes == customers().dtypes).all()
    assert list(sample.index) == list(range(50))
    assert all((sample[name] == value).all() for name, value in GIVEN.items())
    assert sample["wait"].nunique() > 1
    with pytest.raises(ConfigError, match="column 'segmnt' cannot be given; did you mean 'segment'"):
        synthesizer.sample(10, given={"segmnt": "gold"})


def test_the_report_is_that_of_the_run(synthesizer: Synthesizer) -> None:
    assert synthesizer.report.figures.rows == 200
    assert synthesizer.report.figures.utility_target == "active"
    assert synthesizer.score() == synthesizer.report.figures.quality
    assert synthesizer.report.metrics["scores"]
    assert "discriminator AUC" in synthesizer.report._repr_html_()
    assert synthesizer.certificate is None


def test_a_saved_synthesizer_gives_the_same_rows_in_batches(
    synthesizer: Synthesizer, sample: pd.DataFrame, tmp_path: Path
) -> None:
    synthesizer.save(tmp_path / "kept")
    loaded = Synthesizer.load(tmp_path / "kept")
    assert merge_config(loaded.config) == merge_config(TINY)
    assert loaded.random_state == 1
    batches = list(loaded.sample_iter(50, GIVEN, random_state=9, batch_rows=20))
    assert [len(batch) for batch in batches] == [20, 20, 10]
    assert all((batch.dtypes == customers().dtypes).all() for batch in batches)
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), sample)
    with pytest.raises(ConfigError, match="is not empty"):
        synthesizer.save(tmp_path / "kept")
    assert "rows" in str(compare(loaded, str(tmp_path / "kept")))


def test_the_folder_of_a_synthesizer_goes_with_it_and_the_rows_went_before(synthesizer: Synthesizer) -> None:
    other = Synthesizer.load(synthesizer.run_place)
    del other
    gc.collect()
    assert Path(synthesizer.run_place).exists()
    folder = Path(synthesizer.run_place).parent
    assert [path.name for path in folder.iterdir()] == ["run"]
    assert folder.stat().st_mode & 0o077 == 0


def test_personal_data_is_replaced_in_a_frame_of_polars_row_by_row() -> None:
    rows = 60
    frame = pl.DataFrame(
        {"e_mail": [f"jane.roe{number}@mail.example" for number in range(rows)], "visits": list(range(rows))}
    )
    clean = replace_pii(frame, config={"audit_log": None})
    assert clean.schema == frame.schema
    assert clean["visits"].to_list() == list(range(rows))
    assert not set(clean["e_mail"]) & set(frame["e_mail"])


@pytest.mark.slow
def test_any_two_tables_are_evaluated_and_the_page_lives_as_long_as_the_report() -> None:
    real = customers()
    report = evaluate(real[:160], pl.from_pandas(real[130:230]), real[230:], config={"audit_log": None})
    page = Path(report.page.path)
    assert report.figures.privacy_grade == "Poor"
    assert page.exists()
    del report
    gc.collect()
    assert not page.exists()
