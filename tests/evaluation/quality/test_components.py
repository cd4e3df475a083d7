import numpy as np
import pandas as pd

from ss_ray.evaluation.columns import prepare, scored_columns
from ss_ray.evaluation.quality.components import MAX_POINTS, components
from ss_ray.schema import Kind
from tests.evaluation.people import make_schema


def tables(frame, other, **kinds):
    columns = scored_columns(frame, make_schema(**kinds), max_columns=9, seed=0)
    return [prepare(part, columns) for part in (frame, other)]


def test_the_first_component_is_the_common_direction():
    x = np.random.default_rng(0).normal(size=2000)
    frame = pd.DataFrame({"a": x, "b": x + 0.01})
    found = components(*tables(frame, frame.head(10), a=Kind.FLOAT, b=Kind.FLOAT), seed=0)
    assert len(found.real) == MAX_POINTS
    assert len(found.synthetic) == 10
    first, second = np.array(found.real).T
    assert first.std() > 1.3
    assert second.std() < 1e-3


def test_no_points_have_a_reason():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    assert "two columns" in components(*tables(frame, frame, a=Kind.FLOAT), seed=0).reason
    both = frame.assign(b=[3.0, 1.0, 2.0])
    pair = {"a": Kind.FLOAT, "b": Kind.FLOAT}
    assert components(*tables(both, both.head(0), **pair), seed=0).reason == "one of the tables has no rows"
    assert components(*tables(both, both.head(1), **pair), seed=0).reason is None
    assert components(*tables(both, both, **pair), seed=0).reason is None
