import time

import numpy as np
import pandas as pd

from ss_ray.evaluation.columns import ScoredColumn, Table, prepare, scored_columns
from ss_ray.evaluation.nearest import Points, nearest, to_points
from ss_ray.schema import Kind


def test_distance_is_the_mean_over_columns_in_quantiles_of_train():
    columns = (
        ScoredColumn(name="n", kind=Kind.FLOAT, nominal=False),
        ScoredColumn(name="c", kind=Kind.CATEGORY, nominal=True),
    )

    def rows(n, c):
        return Table(columns=columns, values={"n": np.array(n), "c": np.array(c, dtype=object)}, rows=len(n))

    train = rows([10.0, 20.0, 30.0, 40.0], ["a", "a", "b", None])
    query = rows([10.0, 45.0, np.nan, np.nan], ["a", "b", "z", None])
    reference, queries = to_points(train, train, query)
    found = nearest(queries, reference)
    # 45 is above all (quantile 1), 40 is at 3.5 / 4 with another category, 30 at 2.5 / 4 with the same one
    np.testing.assert_allclose(found.distance, [0.0, 0.375 / 2, 1.0, 0.5], atol=1e-6)
    assert found.index.tolist() == [0, 2, 0, 3]
    np.testing.assert_allclose(found.second, [0.125, 0.5625, 1.0, 1.0], atol=1e-6)
    again = nearest(reference, reference, own=np.arange(4))
    np.testing.assert_allclose(again.distance, [0.125, 0.125, 0.625, 0.625], atol=1e-6)


def test_the_nearest_record_is_that_of_a_full_search(train, fresh, schema):
    columns = scored_columns(train, schema, max_columns=99, seed=0)
    real, made = prepare(train, columns), prepare(fresh, columns)
    reference, queries = to_points(real, real, made)
    found = nearest(queries, reference)
    assert np.all(nearest(reference, reference).distance == 0.0)
    one = Points(quantiles=queries.quantiles[:, :1], codes=queries.codes[:, :1])
    all_distances = [nearest(one, reference.take(np.array([i]))).distance[0] for i in range(reference.rows)]
    assert found.distance[0] == min(all_distances)


def test_two_thousand_queries_take_about_a_second():
    rng = np.random.default_rng(0)

    def points(rows):
        quantiles = rng.random((10, rows), dtype=np.float32)
        return Points(quantiles=quantiles, codes=rng.integers(0, 9, (10, rows)).astype(np.int32))

    start = time.perf_counter()
    nearest(points(1000), points(2500))  # a quarter of the real size
    assert time.perf_counter() - start < 2.5


def test_a_table_without_ordered_columns_works():
    frame = pd.DataFrame({"c": ["a", "b"]})
    column = ScoredColumn(name="c", kind=Kind.CATEGORY, nominal=True)
    table = prepare(frame, [column])
    (points,) = to_points(table, table)
    assert nearest(points, points).index.tolist() == [0, 1]
