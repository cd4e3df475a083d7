"""Targeted leaks and honest samples of real tables, judged by the privacy rules.

    python benchmarks/bench_red_team.py --data adult.csv stroke.csv telco_churn.csv california_housing.csv

Each table is cut into training, unseen and fresh rows. The fresh rows are an honest synthetic table; leaks put training
rows, or parts of them, into it. A leak must fail, and an honest sample must pass. --samples 75 judges as many honest
samples of each table. Prints one JSON line for each table: for each leak its grade, score, the hard rules it breaks,
and CPU seconds; for the honest samples how many pass, how many of these are capped by a disclosed row, and the hard
rules that any of them breaks.

Keys: table, rows, unseen_rows, columns, leaks, honest.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
from smoke import arguments_of, write_visits

from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.privacy.attacks import evaluate_privacy
from ss_ray.evaluation.privacy.verdict import PrivacyVerdict, judge_privacy
from ss_ray.schema import Kind, TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

MAX_ROWS = 5000
LEFT_OUT = (Kind.IDENTIFIER, Kind.TEXT)


def read(path: Path) -> tuple[pd.DataFrame, TableSchema]:
    """A table without identifiers and texts, and its schema."""
    names = pc.read_csv(path).column_names
    strings = pc.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=True)
    raw = pc.read_csv(path, convert_options=strings)
    schema = infer_schema(table_facts(raw), {}, is_text=True)
    schema = TableSchema(columns=tuple(column for column in schema.columns if column.kind not in LEFT_OUT))
    return type_table(raw.select(list(schema.names)), schema).to_pandas(), schema


def cut(frame: pd.DataFrame, rows: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Training, unseen and fresh rows."""
    mixed = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    size = min(rows, int(len(mixed) / 2.4))
    unseen = int(0.4 * size)
    starts = (size, size + unseen, 2 * size + unseen)
    train, holdout, fresh = mixed[: starts[0]], mixed[starts[0] : starts[1]], mixed[starts[1] : starts[2]]
    return train, holdout.reset_index(drop=True), fresh.reset_index(drop=True)


def strangest(train: pd.DataFrame, count: int) -> pd.DataFrame:
    """Rows whose values are rarest."""
    texts = train.astype(str)
    shares = pd.DataFrame({name: texts[name].map(texts[name].value_counts(normalize=True)) for name in texts})
    return train.loc[(-np.log2(shares)).sum(axis=1).nlargest(count).index]


def among(fresh: pd.DataFrame, leaked: pd.DataFrame) -> pd.DataFrame:
    """Fresh rows with leaked ones in place of the first."""
    return pd.concat([leaked, fresh.iloc[len(leaked) :]], ignore_index=True)


def with_changed_cells(rows: pd.DataFrame, train: pd.DataFrame, cells: int) -> pd.DataFrame:
    """Rows with some cells of other rows."""
    rng = np.random.default_rng(7)
    changed = rows.copy()
    for place in range(len(changed)):
        for column in rng.choice(len(train.columns), cells, replace=False):
            other: Any = train.iat[int(rng.integers(len(train))), int(column)]
            changed.iat[place, int(column)] = other

    return changed


def small_group(train: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """The rows of a rare category, one whole number of each raised by 1."""
    for column in schema.of_kind(Kind.CATEGORY):
        counts = train[column.name].value_counts()
        if len(rare := counts[(counts >= 8) & (counts <= 60)]):
            rows = train[train[column.name] == rare.index[0]].copy()
            numbers = schema.of_kind(Kind.INTEGER)
            if numbers:
                return rows.assign(**{numbers[-1].name: rows[numbers[-1].name] + 1})
            return rows

    return strangest(train, 12)


def quasi_identifiers(train: pd.DataFrame) -> pd.DataFrame:
    """Training rows of which half of the columns stay together, every other one in an order of its own."""
    kept = set(list(train.columns)[::2])
    return pd.DataFrame(
        {
            name: train[name].to_numpy() if name in kept else train[name].sample(frac=1, random_state=i).to_numpy()
            for i, name in enumerate(train)
        }
    )


def swapped_halves(train: pd.DataFrame) -> pd.DataFrame:
    """The left half of each training row beside the right half of another."""
    half = list(train.columns)[: len(train.columns) // 2]
    other = train[half].sample(frac=1, random_state=1).reset_index(drop=True)
    return train.assign(**{name: other[name] for name in half})


Leak = Callable[[pd.DataFrame, pd.DataFrame, TableSchema], pd.DataFrame]
LEAKS: dict[str, Leak] = {
    "10 strange rows": lambda train, fresh, schema: among(fresh, strangest(train, 10)),
    "5 strange rows": lambda train, fresh, schema: among(fresh, strangest(train, 5)),
    "25 strange rows": lambda train, fresh, schema: among(fresh, strangest(train, 25)),
    "one small group, a number changed": lambda train, fresh, schema: among(fresh, small_group(train, schema)),
    "5 % of the rows, two cells changed": lambda train, fresh, schema: among(
        fresh, with_changed_cells(train.head(len(train) // 20), train, 2)
    ),
    "half of the columns verbatim": lambda train, fresh, schema: quasi_identifiers(train),
    "swapped halves": lambda train, fresh, schema: swapped_halves(train),
}


def judge(
    train: pd.DataFrame, unseen: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema
) -> tuple[PrivacyVerdict, float]:
    """The verdict, and the seconds of CPU that it took."""
    started = time.process_time()
    verdict = judge_privacy(evaluate_privacy(EvaluationTables(train, unseen, synthetic, schema)))
    return verdict, time.process_time() - started


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+")
    parser.add_argument("--samples", type=int, default=5, help="honest samples of each table")
    parser.add_argument("--rows", type=int, default=MAX_ROWS, help="training rows at most")
    parser.add_argument("--leaks", nargs="+", choices=LEAKS, default=list(LEAKS))
    with arguments_of(parser, required=["--data"], smoke=smoke) as asked:
        for path in asked.data:
            print(json.dumps(measure(path, asked.rows, asked.leaks, asked.samples)), flush=True)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: one leak and one honest sample."""
    data = write_visits(folder / "visits.csv", rows=800)
    return {"data": [data], "rows": 300, "leaks": ["10 strange rows"], "samples": 1}


def measure(path: Path, rows: int, leaks: Sequence[str], samples: int) -> dict[str, object]:
    """Verdicts on the leaks of one table, and on honest samples of it."""
    frame, schema = read(path)
    train, unseen, fresh = cut(frame, rows, seed=0)
    judged = {name: judge(train, unseen, LEAKS[name](train, fresh, schema), schema) for name in leaks}
    honest = [judge(*cut(frame, rows, seed), schema)[0] for seed in range(1, samples + 1)]
    passed = [verdict for verdict in honest if verdict.failed is False]

    return {
        "table": path.name,
        "rows": len(train),
        "unseen_rows": len(unseen),
        "columns": len(schema.columns),
        "leaks": {
            name: {
                "grade": verdict.score.grade,
                "score": verdict.score.value,
                "hard_fails": verdict.hard_fails,
                "cpu_seconds": round(seconds, 1),
            }
            for name, (verdict, seconds) in judged.items()
        },
        "honest": {
            "samples": samples,
            "passed": len(passed),
            "capped": sum((verdict.score.value or 0) <= 3.9 for verdict in passed),
            "hard_fails": sorted({rule for verdict in honest for rule in verdict.hard_fails}),
        },
    }


if __name__ == "__main__":
    main()
