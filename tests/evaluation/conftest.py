"""One table for the whole folder: training rows, unseen rows, and what a perfect generator makes."""

from __future__ import annotations

import pandas as pd
import pytest

from ss_ray.evaluation.evaluate import Evaluation, evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.schema import TableSchema
from tests.evaluation.people import PEOPLE, draw_people, make_schema


@pytest.fixture(scope="session")
def schema() -> TableSchema:
    return make_schema(**PEOPLE)


@pytest.fixture(scope="session")
def train() -> pd.DataFrame:
    return draw_people(1200, seed=1)


@pytest.fixture(scope="session")
def holdout() -> pd.DataFrame:
    return draw_people(1000, seed=2)


@pytest.fixture(scope="session")
def fresh() -> pd.DataFrame:
    """What a perfect generator makes."""
    return draw_people(1200, seed=3)


@pytest.fixture(scope="session")
def evaluation(train: pd.DataFrame, holdout: pd.DataFrame, fresh: pd.DataFrame, schema: TableSchema) -> Evaluation:
    """A perfect generator on 200 rows; the parts of it are tested by themselves."""
    return evaluate(EvaluationTables(train.head(200), holdout.head(200), fresh.head(200), schema), target="class")
