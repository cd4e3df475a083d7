"""What the evaluation says of tables whose quality is known, how long it takes, and what NeMo's evaluator says of them.

    python benchmarks/bench_evaluation.py --data adult.csv housing.csv churn.csv --nemo-python nemo/bin/python

    python benchmarks/bench_evaluation.py --five-seconds adult.csv
    python benchmarks/bench_evaluation.py --large 1000000 --columns 50

Of each table three disjoint samples are taken: training rows, unseen rows, and in place of a synthetic table other real
rows, which no generator can beat. Of the first table also a copy of the training rows, and one whose columns are
shuffled independently. Prints one JSON line a pair: scores, grades, seconds of CPU; NeMo's own where its interpreter is
given (an environment with `nemo-safe-synthesizer==0.1.16` and the packages of its extras `engine` and `cpu`).

`--five-seconds`: CPU seconds of each measurement of 5,000 training, unseen and synthetic rows of 8 columns of Adult.
`--large`: wall time and peak memory of `ss-ray evaluate`, all its processes together, on made tables of numbers and
categories that go together, of so many training and synthetic rows and a tenth of unseen ones, as Parquet.

Keys: pair, rows, columns, cpu_seconds, sqs, parts, privacy, failed, discriminator_auc, utility; also nemo with
--nemo-python.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from smoke import arguments_of, write_visits

from ss_ray.evaluation.evaluate import evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables
from ss_ray.evaluation.privacy.attacks import evaluate_privacy
from ss_ray.evaluation.quality.fidelity import evaluate_fidelity
from ss_ray.evaluation.utility.utility import evaluate_utility
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import merge_tables, table_facts
from ss_ray.tables.files import find_source, read_blocks
from ss_ray.tables.infer import infer_schema

TRAIN_ROWS = 5000
HOLDOUT_ROWS = 1500
Pair = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""Training, unseen and synthetic rows, as text."""


def main() -> None:
    """Evaluate all pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=[])
    parser.add_argument("--nemo-python", help="Interpreter of an environment with NeMo Safe Synthesizer.")
    parser.add_argument("--five-seconds", metavar="ADULT", help="The Adult table.")
    parser.add_argument("--large", type=int, metavar="ROWS", help="Training and synthetic rows of the made tables.")
    parser.add_argument("--columns", type=int, default=50, help="Of the made tables.")
    with arguments_of(parser, smoke=smoke) as arguments:
        if not (arguments.data or arguments.five_seconds or arguments.large):
            parser.error("one of --data, --five-seconds, --large or --smoke is required")

        if arguments.five_seconds:
            print(json.dumps(five_seconds(Path(arguments.five_seconds))), flush=True)

        if arguments.large:
            print(json.dumps(large(arguments.large, arguments.columns)), flush=True)

        for name, pair in pairs([Path(file) for file in arguments.data]):
            found = {"pair": name, "rows": [len(table) for table in pair], "columns": pair[0].shape[1], **ours(pair)}
            if arguments.nemo_python:
                found["nemo"] = nemos(pair, arguments.nemo_python)
            print(json.dumps(found), flush=True)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: visits in place of real tables, and invented values in the columns of Adult."""
    rng = np.random.default_rng(0)
    adult = {name: rng.choice(["a", "b", "c"], 300) for name in EIGHT}
    adult |= {name: rng.integers(17, 90, 300) for name in ("age", "hours_per_week")}
    pd.DataFrame(adult).to_csv(folder / "adult.csv", index=False)
    visits = write_visits(folder / "visits.csv", rows=300)

    return {"data": [visits], "five_seconds": folder / "adult.csv", "large": 200, "columns": 6, "nemo_python": None}


def pairs(files: list[Path]) -> Iterator[tuple[str, Pair]]:
    """Named pairs."""
    for file in files:
        rows = pd.read_csv(file, dtype=str, keep_default_na=False).sample(frac=1, random_state=0)
        size = min(TRAIN_ROWS, int(0.4 * len(rows)))
        unseen = min(HOLDOUT_ROWS, len(rows) - 2 * size)
        train = rows[:size]
        holdout = rows[size : size + unseen]
        fresh = rows[size + unseen : 2 * size + unseen]
        yield file.stem, (train, holdout, fresh)
        if file == files[0]:
            rng = np.random.default_rng(0)
            shuffled = {column: rng.permutation(train[column].to_numpy()) for column in train}
            yield f"{file.stem}, copy", (train, holdout, train)
            yield f"{file.stem}, independent columns", (train, holdout, pd.DataFrame(shuffled))


def typed(pair: Pair) -> EvaluationTables:
    """The tables as a run types them."""
    with tempfile.TemporaryDirectory() as folder:
        blocks = []
        for i, table in enumerate(pair):
            table.to_csv(f"{folder}/{i}.csv", index=False)
            source = find_source(f"{folder}/{i}.csv")
            blocks.append(pa.concat_tables([*read_blocks(source, source.files[0])]))

    schema = infer_schema(merge_tables([table_facts(block) for block in blocks]), {}, is_text=True)
    train, holdout, synthetic = (type_table(block, schema).to_pandas() for block in blocks)
    return EvaluationTables(train, holdout, synthetic, schema)


def ours(pair: Pair) -> dict[str, Any]:
    """Scores of this project."""
    tables = typed(pair)
    started = time.process_time()
    evaluation = evaluate(tables, target=None)
    quality = evaluation.scores.quality
    privacy = evaluation.scores.privacy

    return {
        "cpu_seconds": round(time.process_time() - started, 2),
        "sqs": quality.sqs.value,
        "parts": {name: getattr(quality, name).value for name in ("distribution", "correlation", "deep_structure")},
        "privacy": [privacy.score.value, privacy.score.grade],
        "failed": privacy.reasons if privacy.failed else [],
        "discriminator_auc": evaluation.fidelity.discriminator.value,
        "utility": [evaluation.utility.synthetic.value, evaluation.utility.real.value],
    }


EIGHT = ["age", "workclass", "education", "marital_status", "occupation", "sex", "hours_per_week", "income"]


def five_seconds(file: Path) -> dict[str, Any]:
    """CPU seconds by measurement, of a second pass in one process: imports are not counted."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False).sample(frac=1, random_state=0)[EIGHT]
    size = min(5000, len(rows) // 3)
    tables = typed((rows[:size], rows[size : 2 * size], rows[2 * size : 3 * size]))
    measurements: dict[str, Callable[[], object]] = {
        "fidelity": lambda: evaluate_fidelity(tables),
        "utility": lambda: evaluate_utility(tables, target=None),
        "privacy": lambda: evaluate_privacy(tables),
    }
    seconds = {}

    for _ in range(2):
        for name, measure in measurements.items():
            started = time.process_time()
            measure()
            seconds[name] = round(time.process_time() - started, 2)

    return {"pair": "adult, 3 x 5,000 x 8", "cpu_seconds": seconds, "total": round(sum(seconds.values()), 2)}


def large(rows: int, columns: int) -> dict[str, Any]:
    """Time and memory of `ss-ray evaluate` as a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for seed, (name, size) in enumerate({"real": rows, "holdout": rows // 10, "synthetic": rows}.items()):
            write_large(Path(folder) / f"{name}.parquet", size, columns, seed)

        files = [f"--{name}={folder}/{name}.parquet" for name in ("real", "holdout", "synthetic")]
        command = [sys.executable, "-m", "ss_ray.cli.main", "evaluate", *files, f"--out={folder}/out"]
        started = time.monotonic()
        process = subprocess.Popen([*command, "--set", "audit_log=null"], stdout=subprocess.DEVNULL)
        peak = 0

        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.5)

        seconds = time.monotonic() - started
        grades = {}
        if process.returncode == 0:
            metrics = json.loads((Path(folder) / "out" / "metrics.json").read_text())
            grades = {name: metrics[name] for name in ("quality_grade", "privacy_grade", "hard_fails")}

    return {
        "large": [rows, columns],
        "exit_code": process.returncode,
        "wall_seconds": round(seconds, 1),
        "peak_gib": round(peak / 2**30, 2),
        **grades,
    }


def write_large(file: Path, rows: int, columns: int, seed: int) -> None:
    """Half numbers, half categories of 5 to 50 values, all of which go with one of five hidden numbers."""
    rng = np.random.default_rng([seed, rows])
    writer = None
    for start in range(0, rows, 100_000):
        size = min(100_000, rows - start)
        hidden = rng.normal(size=(5, size))
        values: dict[str, Any] = {}

        for j in range(columns):
            number = np.round(hidden[j % 5] + rng.normal(size=size), 3)
            distinct = 5 + j % 46
            places = np.clip(((number + 4) / 8 * distinct).astype(int), 0, distinct - 1)
            if j % 2:
                values[f"c{j}"] = number
            else:
                values[f"c{j}"] = [f"value {place}" for place in places]

        table = pa.table(values)
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)

    if writer is not None:
        writer.close()


def memory_of(pid: int) -> int:
    """Bytes of a process and all below it, shared ones counted once (PSS)."""
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0

    for member in family:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{member.pid}/smaps_rollup").read_text()
            total += 1024 * int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")))

    return total


def nemos(pair: Pair, python: str) -> dict[str, Any]:
    """Scores of NeMo's evaluator."""
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/{i}.csv" for i in range(len(pair))]
        for table, file in zip(pair, files, strict=True):
            table.to_csv(file, index=False)
        script = Path(__file__).parent / "nemo_evaluator.py"
        done = subprocess.run([python, str(script), *files], capture_output=True, text=True, check=True)

    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
