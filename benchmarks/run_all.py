"""The compact model beside a synthesizer of trees (`cart.py`): quality, privacy and cost on the same splits.

    OMP_NUM_THREADS=1 python benchmarks/run_all.py --data adult.csv:income houses.csv --rows 800 20000 --seeds 3

A table is a file, and the column that a model is to predict behind a colon. For each seed and number of rows, a random
sample is learned from, and judged with other rows of the file by the project's own evaluation. Identifiers are left
out, for trees cannot make any. Each measurement is one JSON file in --out; what is there is not measured again, so a
run that was stopped goes on. Methods are the values of `training.effort`, fast, balanced and best; `cart-20`, where 20
is the fewest rows in a leaf; and those of `peers.py`, sdv-copula, sdv-tvae and mostly, after `make env-peers`.
`plot_results.py` draws the results.

Prints the mean of each figure over the seeds, with half of its 95 % interval (Student's t).

Keys: machine, results; a result has table, rows, method, seeds, and mean and interval of discriminator_auc, tstr, trtr,
dcr_share, copied_share, train_cpu_seconds, rows_per_cpu_second, peak_memory_mb.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cart
import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from bench_quality import read, train_in_process
from peers import ENVIRONMENTS, make_with_peer
from scipy.stats import t as student
from smoke import arguments_of, write_visits

from ss_ray.config.files import load_config
from ss_ray.evaluation.evaluate import evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables, SampleLimits
from ss_ray.generation.decoder import decode_rows
from ss_ray.generation.rows import BATCH_ROWS
from ss_ray.plans.sampling import Sampling
from ss_ray.schema import Kind, TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import merge_tables, table_facts
from ss_ray.tables.infer import infer_schema

TREES = "cart-"
ONE_CASE = "--case"
"""Argument with which the script measures one case in a process of its own."""
MOST_HELD_OUT = 10_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """One measurement.

    Attributes:
        data: Path of the table.
        target: Column that a model is to predict; None chooses one.
        rows: Number of rows to learn from; 0: four fifths of the table.
        method: Name of the method.
        seed: Seed of the sample and of the method.
        settings: Further settings of our own methods, `section.key=value`.
    """

    data: str
    target: str | None
    rows: int
    method: str
    seed: int
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the file of its result."""
        return f"{Path(self.data).stem}-{self.rows}-{self.method}-{self.seed}.json"


def main() -> None:
    """Parse the command line, measure what is not measured yet, print."""
    if sys.argv[1:2] == [ONE_CASE]:
        print(json.dumps(measure(Case(**json.loads(sys.argv[2])))))
        return

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", help="tables, FILE or FILE:TARGET")
    parser.add_argument("--rows", nargs="+", type=int, default=[0], help="rows to learn from; 0: four fifths")
    parser.add_argument("--methods", nargs="+", default=["balanced", "cart-5", "cart-20"])
    parser.add_argument("--seeds", type=int, default=3, help="number of samples")
    parser.add_argument("--set", nargs="+", default=[], help="settings of our own methods, `section.key=value`")
    parser.add_argument("--out", default="results/run_all", help="folder of the measurements")
    with arguments_of(parser, required=["--data"], smoke=smoke_arguments) as arguments:
        found = [measured(case, Path(arguments.out)) for case in make_cases(arguments)]
        print(json.dumps({"machine": machine(), "results": summarise(found)}))


def smoke_arguments(folder: Path) -> dict[str, object]:
    """One small table, a small model and trees."""
    table = write_visits(folder / "visits.csv", rows=300)
    return {
        "data": [f"{table}:readmitted"],
        "rows": [200],
        "methods": ["balanced", "cart-20"],
        "seeds": 2,
        "set": ["training.num_input_records_to_sample=500", "training.compact.hidden_size=32"],
        "out": str(folder / "results"),
    }


def make_cases(arguments: argparse.Namespace) -> list[Case]:
    """All measurements that are asked for."""
    tables = [(file, target or None) for file, _, target in (asked.partition(":") for asked in arguments.data)]
    return [
        Case(data=file, target=target, rows=rows, method=method, seed=seed, settings=tuple(arguments.set))
        for file, target in tables
        for rows in arguments.rows
        for method in arguments.methods
        for seed in range(arguments.seeds)
    ]


def measured(case: Case, folder: Path) -> dict[str, Any]:
    """The result of a case: from its file, or measured in a process of its own, whose memory is no other case's."""
    file = folder / case.name
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, ONE_CASE, json.dumps(asdict(case))]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        file.write_text(done.stdout.splitlines()[-1])

    found: dict[str, Any] = json.loads(file.read_text())
    print(json.dumps(found), flush=True)
    return found


def measure(case: Case) -> dict[str, Any]:
    """Learn, generate as many rows, judge."""
    train, holdout, schema = split_sample(case)
    started = time.process_time()
    if case.method.startswith(TREES):
        frame = train.to_pandas()
        synthetic = cart.synthesize(frame, leaf_rows=int(case.method.removeprefix(TREES)), seed=case.seed)
        # Trees learn and generate in one.
        cost = {"train_cpu_seconds": time.process_time() - started, "rows_per_cpu_second": float("nan")}
    elif case.method in ENVIRONMENTS:
        synthetic, cost = make_with_peer(case.method, train, case.seed)
    else:
        synthetic, cost = make_with_model(case, train, schema)

    tables = EvaluationTables(train.to_pandas(), holdout.to_pandas(), synthetic, schema)
    scored = evaluate(tables, target=case.target, limits=SampleLimits(max_rows=train.num_rows))

    return {
        **asdict(case),
        "discriminator_auc": scored.fidelity.discriminator.value,
        "tstr": scored.utility.synthetic.value,
        "trtr": scored.utility.real.value,
        "dcr_share": scored.privacy.closer_to_train.value,
        "copied_share": scored.privacy.copies[0].synthetic.value,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **cost,
    }


def split_sample(case: Case) -> tuple[pa.Table, pa.Table, TableSchema]:
    """Rows to learn from, other rows, and the schema of both, which is inferred from the first."""
    blocks = read(case.data)
    order = np.random.default_rng(case.seed).permutation(blocks.num_rows)
    num_rows = case.rows or blocks.num_rows * 4 // 5
    train = blocks.take(order[:num_rows])
    holdout = blocks.take(order[num_rows : num_rows + min(num_rows, MOST_HELD_OUT)])

    schema = infer_schema(merge_tables([table_facts(train)]), {}, is_text=True)
    learned = tuple(column for column in schema.columns if column.kind is not Kind.IDENTIFIER)
    schema = replace(schema, columns=learned)
    train, holdout = (type_table(part.select(schema.source_names), schema) for part in (train, holdout))
    return train, holdout, schema


def make_with_model(case: Case, train: pa.Table, schema: TableSchema) -> tuple[pd.DataFrame, dict[str, float]]:
    """Rows of the compact model, and what they cost on one thread."""
    config = load_config(None, [f"training.effort={case.method}", *case.settings])
    started = time.process_time()
    codec, model = train_in_process(train, schema, config)
    trained = time.process_time()

    generator = torch.Generator().manual_seed(case.seed)
    sizes = [min(BATCH_ROWS, train.num_rows - first) for first in range(0, train.num_rows, BATCH_ROWS)]
    tokens = np.concatenate([decode_rows(model, codec.slots, size, Sampling(), generator) for size in sizes])
    rng = np.random.default_rng(case.seed)
    synthetic = codec.decode(tokens, rng=rng, first_row=0, seed=case.seed).to_pandas()
    generated = time.process_time()

    return synthetic, {
        "train_cpu_seconds": trained - started,
        "rows_per_cpu_second": train.num_rows / (generated - trained),
    }


def summarise(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and half of the 95 % interval of each figure over the seeds of a table, a size and a method."""
    groups = pd.DataFrame(found).assign(table=lambda frame: frame["data"].map(lambda path: Path(path).name))
    return [
        {"table": table, "rows": rows, "method": method, "seeds": len(group), **describe_figures(group)}
        for (table, rows, method), group in groups.groupby(["table", "rows", "method"], sort=False)
    ]


def describe_figures(group: pd.DataFrame) -> dict[str, Sequence[float | None]]:
    """Figure -> mean and half interval, None for what was not measured, or only once."""
    figures = group.drop(columns=["data", "table", "target", "rows", "method", "seed", "settings"]).astype(float)
    half = student.ppf(0.975, max(1, len(group) - 1)) * figures.std() / len(group) ** 0.5
    return {
        str(name): [None if np.isnan(value) else round(float(value), 4) for value in (figures[name].mean(), half[name])]
        for name in figures
    }


def machine() -> str:
    """What the figures were measured on, and the commit of the code."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=False)
    commit = asked.stdout.strip() or "unknown"
    return f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, commit {commit}"


if __name__ == "__main__":
    main()
