"""Digits below the resolution of the codec: they are drawn anew, and look like those that were there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp

from ss_ray.codec.slots import CodecSizes, fit_codec
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

ALPHA = 1e-3
"""Error rate of each two-sample test; the seeds are fixed."""
ROWS = 20_000


def drawn(kind: str) -> np.ndarray:
    rng = np.random.default_rng(11)
    if kind == "smooth":
        return rng.normal(1000, 200, ROWS)
    if kind == "heavy tail":
        return rng.lognormal(3, 2, ROWS)
    if kind == "two heaps":
        return np.where(rng.random(ROWS) < 0.4, rng.normal(10, 1, ROWS), rng.normal(70, 5, ROWS))
    return np.where(rng.random(ROWS) < 0.6, 0.0, rng.gamma(2, 300, ROWS))


@pytest.mark.parametrize("kind", ["smooth", "heavy tail", "two heaps", "many zeros"])
def test_a_column_comes_back_with_its_distribution(kind: str) -> None:
    values = drawn(kind).round(6)
    table = pa.table({"x": values})
    schema = infer_schema(table_facts(table), {}, is_text=False)
    codec = fit_codec(schema, table, sizes=CodecSizes(num_bins=64, text_vocabulary=256, max_text_tokens=8))
    again = codec.decode(codec.encode(table), rng=np.random.default_rng(0), first_row=0, seed=0)
    made = again.column("x").to_numpy()
    assert not np.array_equal(made, values)
    assert ks_2samp(values, made).pvalue > ALPHA
    # The last digits, which the tokens do not hold, are neither cut nor rounded.
    assert ks_2samp(values * 1e4 % 1, made * 1e4 % 1).pvalue > ALPHA
    assert (made == 0).mean() == pytest.approx((values == 0).mean(), abs=1e-3)
