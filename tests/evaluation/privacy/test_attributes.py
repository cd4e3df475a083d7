import numpy as np
import pytest

from ss_ray.evaluation.nearest import Points
from ss_ray.evaluation.privacy.attributes import attribute_inference


def table(rows, seed):
    """Two quantiles and one nominal column, independent of each other."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (1, rows)).astype(np.int32)
    return Points(quantiles=rng.random((2, rows), dtype=np.float32), codes=codes)


def attack(train, holdout, synthetic):
    return attribute_inference(("job", "x", "y"), train, holdout, synthetic, seed=0)


def test_a_copy_gives_every_column_away():
    train = table(500, 1)
    found = attack(train, table(500, 2), train)
    assert [r.train.value for r in found.columns] == pytest.approx([1.0, 1.0, 1.0], abs=0.01)
    assert found.mean_advantage.value > 0.7
    assert all(r.p_value.value < 1e-9 for r in found.columns)


def test_a_column_that_follows_from_the_others_is_no_advantage():
    def dependent(rows, seed):
        points = table(rows, seed)
        return Points(quantiles=points.quantiles, codes=(points.quantiles[:1] * 4).astype(np.int32))

    found = attack(dependent(800, 1), dependent(800, 2), dependent(2000, 3))
    job = found.columns[0]
    assert job.train.value > 0.85
    assert job.guess.value == pytest.approx(0.25, abs=0.03)
    assert abs(job.advantage.value) < 4 * job.advantage.std_error
    assert job.p_value.value > 0.01


def test_one_leaked_column_is_the_worst():
    train = table(150, 1)
    signs = np.random.default_rng(5).choice([-1, 1], (2, 150))
    moved = (train.quantiles + 0.03 * signs).astype(np.float32)  # further than the tolerance, yet nearest to the row
    found = attack(train, table(150, 2), Points(quantiles=moved, codes=train.codes))
    assert found.worst.column == "job"
    assert found.worst.advantage.value > 0.2
    assert found.worst.p_value.value < 1e-6


def test_equally_near_rows_share_the_guess():
    none = np.zeros((0, 4), np.float32)
    known = np.zeros((1, 4), np.int32)
    synthetic = Points(quantiles=none, codes=np.vstack([known, [[1, 1, 1, 2]]]).astype(np.int32))
    targets = Points(quantiles=none[:, :2], codes=np.array([[0, 0], [1, 2]], dtype=np.int32))
    found = attribute_inference(("a", "b"), targets, targets, synthetic, seed=0)
    assert found.columns[1].train.value == pytest.approx((0.75 + 0.25) / 2)


def test_missing_values_are_no_secrets():
    train = table(50, 1)
    gone = Points(quantiles=train.quantiles, codes=np.full((1, 50), -1, dtype=np.int32))
    found = attack(gone, gone, gone)
    assert "too few" in found.columns[0].p_value.reason
    assert found.columns[1].train.value == pytest.approx(1.0)


def test_one_column_leaves_nothing_to_know():
    points = Points(quantiles=np.zeros((0, 5), np.float32), codes=np.zeros((1, 5), np.int32))
    found = attribute_inference(("a",), points, points, points, seed=0)
    assert found.columns == ()
    assert "one column" in found.reason
