"""The parameters of the `Synthesizer`, scikit-learn's manners, and what it says before it has a model; without Ray."""

from __future__ import annotations

import datetime as dt
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from sklearn.utils.validation import check_is_fitted

import ss_ray
from ss_ray import Synthesizer
from ss_ray.config.files import merge_config, parse_config
from ss_ray.errors import ConfigError, DataError
from ss_ray.python.frame_form import FrameForm
from ss_ray.python.given_values import plain_values
from ss_ray.python.rows_in import write_source

CONFIG = {"training.effort": "fast", "generation": {"num_records": 50, "temperature": 0.5}, "generation.patience": 2}


def test_every_name_of_the_package_is_there_and_no_other():
    assert {name: getattr(ss_ray, name) is not None for name in ss_ray.__all__} == dict.fromkeys(ss_ray.__all__, True)
    with pytest.raises(AttributeError, match="no attribute 'synthesise'"):
        ss_ray.synthesise  # noqa: B018


def test_parameters_stay_as_they_were_given():
    config = dict(CONFIG)
    synthesizer = Synthesizer(epsilon=-1, group="customer_id", config=config)
    assert synthesizer.get_params()["config"] is config
    assert synthesizer.get_params() == {
        "epsilon": -1,
        "group": "customer_id",
        "order": None,
        "target": None,
        "random_state": None,
        "config": config,
        "verbose": None,
    }
    assert synthesizer.set_params(epsilon=2).epsilon == 2
    with pytest.raises(ConfigError, match="no parameter 'eps'; the parameters are epsilon, group"):
        synthesizer.set_params(epsilon=5, eps=1)
    assert synthesizer.epsilon == 2


def test_a_clone_has_the_parameters_and_no_model():
    synthesizer = Synthesizer(epsilon=2, order="date", config=CONFIG)
    synthesizer.run_dir_ = "/nowhere"
    copy = clone(synthesizer)
    assert copy.get_params() == synthesizer.get_params()
    assert not hasattr(copy, "run_dir_")


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.sample(5),
        lambda s: next(s.sample_iter(5)),
        lambda s: s.report,
        lambda s: s.certificate,
        lambda s: s.score(),
        lambda s: s.save("/nowhere"),
    ],
)
def test_without_a_model_every_use_says_what_to_call(use: Any):
    with pytest.raises(ConfigError, match=r"has no model yet; call fit\(data\)"):
        use(Synthesizer())
    with pytest.raises(SklearnNotFittedError):
        check_is_fitted(Synthesizer())


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="holds no model"):
        Synthesizer.load(tmp_path)


@pytest.mark.parametrize(
    ("synthesizer", "message"),
    [
        (Synthesizer(epsilon=-1), r"privacy.epsilon \(epsilon\): Input should be greater than 0"),
        (Synthesizer(config={"training.effrt": "fast"}), "did you mean 'effort'"),
        (Synthesizer(order="date"), r"order_training_examples_by \(order\) needs group_training_examples_by \(group\)"),
        (Synthesizer(group=pd.Series(["Zyzzo"])), "not an object of type Series"),
        (
            Synthesizer(epsilon=np.float32(2), random_state=np.int64(-1)),
            r"data.random_state \(random_state\): Input should be greater",
        ),
        (Synthesizer(config=pd.DataFrame({"Zyzzo": [1]})), "not an object of type DataFrame"),
    ],
)
def test_fit_checks_the_parameters_before_it_looks_at_the_table(synthesizer: Synthesizer, message: str):
    with pytest.raises(ConfigError, match=message):
        synthesizer.fit(object())
    assert not hasattr(synthesizer, "run_dir_")


def test_a_column_that_is_not_there_is_refused_before_ray_starts():
    with pytest.raises(DataError, match=r"\(group\): there is no column 'costumer'; did you mean 'customer'"):
        Synthesizer(group="costumer").fit(pd.DataFrame({"customer": range(300)}))


def test_representation_hides_the_configuration_which_may_hold_a_password():
    synthesizer = Synthesizer(epsilon=2, config={"privacy.ledger": "postgresql://me:Zyzzo@host/db"})
    assert repr(synthesizer) == "Synthesizer(epsilon=2, config=...)"


def test_dotted_and_nested_names_are_merged_and_a_request_stays_what_it_is():
    config = merge_config(CONFIG, ["generation.top_p=0.9"])
    assert (config.training.effort, config.generation.num_records, config.generation.patience) == ("fast", 50, 2)
    assert config.generation.top_p == 0.9
    assert merge_config(config) == config
    assert merge_config(parse_config({"replace_pii": None})).replace_pii is None
    assert CONFIG["generation"] == {"num_records": 50, "temperature": 0.5}
    parts = {"training.compact.patience": 5, "training": {"compact": {"num_layers": 3}}}
    compact = merge_config(parts).training.compact
    assert (compact.patience, compact.num_layers) == (5, 3)
    assert parts["training"] == {"compact": {"num_layers": 3}}


def test_given_values_may_be_of_any_type_of_python_and_numpy(tmp_path: Path):
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2024-01-01"]),
            "wait": pd.to_timedelta(["1h"]),
            "at": [dt.time(1, 2)],
            "seen": pd.to_datetime(["2024-01-01"]).tz_localize("Europe/Berlin"),
        }
    )
    _, form = write_source(frame, tmp_path)
    given = {
        "day": pd.Timestamp("2024-02-03"),
        "wait": pd.Timedelta("90s"),
        "at": dt.time(0, 0, 1),
        "seen": pd.Timestamp("2024-02-03 04:05", tz="Europe/Berlin"),
        "n": np.int64(3),
        "flag": np.bool_(True),
        "price": Decimal("1.5"),
        "born": dt.date(2020, 1, 2),
        "numpy": np.datetime64("2020-01-02"),
        "word": {np.str_("a"): 1, "b": 2},
    }
    units = {"wait": form.plain_schema.field("wait").type.unit, "at": form.plain_schema.field("at").type.unit}
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    assert plain_values("given", given, form) == {
        "day": "2024-02-03 00:00:00",
        "wait": 90 * ticks[units["wait"]],
        "at": ticks[units["at"]],
        "seen": "2024-02-03 04:05:00+01:00",
        "n": 3,
        "flag": True,
        "price": 1.5,
        "born": "2020-01-02",
        "numpy": "2020-01-02 00:00:00",
        "word": {"a": 1, "b": 2},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["city"], "given: expected a mapping of names of columns, not an object of type list"),
        ({3: "Zyzzo"}, "given: expected names of columns"),
        ({"city": ["Zyzzo"]}, "given: column 'city' needs a number, a text, .* not list"),
        ({"city": "Zyzzo", "age": float("nan")}, "given: column 'age' needs .* not a missing value"),
        ({"day": pd.NaT}, "given: column 'day' needs .* not a missing value"),
    ],
)
def test_given_values_of_another_form_are_named_by_argument_and_column(given: Any, message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        plain_values("given", given, FrameForm(library="path"))
    assert "Zyzzo" not in str(caught.value)


def test_rows_and_groups_are_one_or_the_other_and_whole_numbers(tmp_path: Path):
    (tmp_path / "internal" / "model").mkdir(parents=True)
    synthesizer = Synthesizer()
    synthesizer.run_dir_ = str(tmp_path)
    for arguments, message in [
        ({"n": 5, "groups": 2}, "give n, a number of rows, or groups"),
        ({"n": 0}, "^n: expected a whole number of 1 or more"),
        ({"groups": 2.5}, "^groups: expected a whole number"),
    ]:
        with pytest.raises(ConfigError, match=message):
            synthesizer.sample(**arguments)


def test_errors_pass_between_processes():
    with pytest.raises(ConfigError) as caught:
        Synthesizer().sample()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
