"""Targeted leaks and honest samples of real tables, judged by the privacy rules.

    python benchmarks/bench_red_team.py --data adult.csv stroke.csv telco_churn.csv california_housing.csv

Each table is cut into training, unseen and fresh rows. The fresh rows are an honest synthetic table; leaks put training
rows, or parts of them, into it. A leak must fail, and an honest sample must pass. --samples 75 judges as many honest
samples of each table; --smoke judges one leak and one sample of 600 rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc

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
    parts = mixed[:size], mixed[size : size + unseen], mixed[size + unseen : 2 * size + unseen]
    return tuple(part.reset_index(drop=True) for part in parts)


def strangest(train: pd.DataFrame, count: int) -> pd.DataFrame:
    """Rows whose values are rarest."""
    shares = [train[name].astype(str).map(train[name].astype(str).value_counts(normalize=True)) for name in train]
    return train.loc[sum(-np.log2(share) for share in shares).nlargest(count).index]


def among(fresh: pd.DataFrame, leaked: pd.DataFrame) -> pd.DataFrame:
    """Fresh rows with leaked ones in place of the first."""
    return pd.concat([leaked, fresh.iloc[len(leaked) :]], ignore_index=True)


def with_changed_cells(rows: pd.DataFrame, train: pd.DataFrame, cells: int) -> pd.DataFrame:
    """Rows with some cells of other rows."""
    rng = np.random.default_rng(7)
    changed = rows.copy()
    for place in range(len(changed)):
        for name in rng.choice(list(train.columns), cells, replace=False):
            changed.iat[place, changed.columns.get_loc(name)] = train[name].iloc[rng.integers(len(train))]

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
    """Print a line for each leak, and how many honest samples passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--rows", type=int, default=MAX_ROWS)
    parser.add_argument("--smoke", action="store_true")
    asked = parser.parse_args()
    if asked.smoke:
        rows = 600
        samples = 1
        leaks = list(LEAKS)[:1]
    else:
        rows = asked.rows
        samples = asked.samples
        leaks = list(LEAKS)

    for path in asked.data:
        frame, schema = read(path)
        train, unseen, fresh = cut(frame, rows, seed=0)
        print(f"{path.name}: {len(train):,} training rows, {len(unseen):,} unseen, {len(schema.columns)} columns")

        for name in leaks:
            verdict, seconds = judge(train, unseen, LEAKS[name](train, fresh, schema), schema)
            score = verdict.score
            print(
                f"  {name:36} {score.grade or '-':10} {score.value}  {', '.join(verdict.hard_fails)}  {seconds:.1f} s"
            )

        verdicts = [judge(*cut(frame, rows, seed), schema)[0] for seed in range(1, samples + 1)]
        passed = sum(verdict.failed is False for verdict in verdicts)
        reasons = sorted({rule for verdict in verdicts for rule in verdict.hard_fails})
        capped = sum(verdict.failed is False and (verdict.score.value or 0) <= 3.9 for verdict in verdicts)
        print(f"  honest samples: {passed} of {samples} pass, {capped} capped by a disclosed row {reasons or ''}")


if __name__ == "__main__":
    main()
