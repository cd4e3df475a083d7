import numpy as np
import pandas as pd

from ss_ray.evaluation.quality.missing_patterns import pattern_distance


def frame(seed, rate=0.3, together=True):
    rng = np.random.default_rng(seed)
    gone = rng.random((2, 800)) < rate
    b = gone[0] if together else gone[1]
    return pd.DataFrame({"a": np.where(gone[0], np.nan, 1.0), "b": np.where(b, None, "x")})


def test_columns_that_are_missing_together_must_stay_so():
    train = frame(1)
    assert pattern_distance(train, frame(2), seed=0).value < 0.1
    assert pattern_distance(train, frame(2, together=False), seed=0).value > 0.3


def test_missing_numbers_count_though_no_distribution_of_values_shows_them():
    train = frame(1)[["a"]]
    assert pattern_distance(train, train.assign(a=1.0), seed=0).value > 0.3


def test_rare_patterns_are_one():
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame(np.where(rng.random((500, 20)) < 0.5, np.nan, 1.0)) for _ in range(2)]
    assert pattern_distance(*frames, seed=0).value < 0.5


def test_no_rows_are_told():
    assert pattern_distance(frame(1), frame(1).head(0), seed=0).reason
