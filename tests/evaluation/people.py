"""A small table whose true distribution is known, so that honest and dishonest generators can be played."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

from ss_ray.schema import ColumnSchema, Kind, TableSchema

TYPES = {
    Kind.INTEGER: "int64",
    Kind.FLOAT: "double",
    Kind.BOOLEAN: "bool",
    Kind.CATEGORY: "string",
    Kind.DATE: "date32[day]",
    Kind.DATETIME: "timestamp[us]",
    Kind.IDENTIFIER: "string",
    Kind.TEXT: "string",
}


def make_schema(**kinds: Kind) -> TableSchema:
    """A schema of nullable columns."""
    return TableSchema(
        columns=tuple(ColumnSchema(name=n, kind=k, arrow_type=TYPES[k], nullable=True) for n, k in kinds.items())
    )


PEOPLE = {
    "id": Kind.IDENTIFIER,
    "age": Kind.INTEGER,
    "income": Kind.FLOAT,
    "city": Kind.CATEGORY,
    "class": Kind.CATEGORY,
    "first name": Kind.CATEGORY,
    "<b>x</b>": Kind.FLOAT,
    "member": Kind.BOOLEAN,
    "joined": Kind.DATE,
    "remark": Kind.TEXT,
}


def draw_people(rows: int, seed: int) -> pd.DataFrame:
    """Rows of the true distribution: income follows age and city, class follows income, some values are missing."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows)
    city = rng.choice(["Ulm", "Bonn", "Kiel", "Jena"], rows, p=[0.4, 0.3, 0.2, 0.1])
    income = 300.0 * age + 6000.0 * (city == "Ulm") + rng.normal(0, 3000, rows)
    frame = pd.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(rows)],
            "age": pd.Series(age, dtype="float64"),
            "income": np.round(income, 2),
            "city": city,
            "class": np.where(income + rng.normal(0, 2000, rows) > 16000, "high", "low"),
            "first name": rng.choice([f"name{i}" for i in range(12)], rows),
            "<b>x</b>": np.round(rng.normal(size=rows), 3),
            "member": pd.Series(rng.random(rows) < 0.3 + 0.4 * (age > 50)).astype(object),
            "joined": [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(d)) for d in rng.integers(0, 900, rows)],
            "remark": [f"remark number {i} of {seed}" for i in range(rows)],
        }
    )
    frame.loc[rng.random(rows) < 0.1, "age"] = np.nan
    frame.loc[rng.random(rows) < 0.05, "city"] = None
    frame.loc[rng.random(rows) < 0.05, "member"] = None
    return frame
