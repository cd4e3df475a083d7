"""What the evaluation says of tables whose quality is known, how long it takes, and what NeMo's evaluator says of them.

    python benchmarks/bench_evaluation.py --data adult.csv housing.csv churn.csv --nemo-python nemo/bin/python

Of each table three disjoint samples are taken: training rows, unseen rows, and in place of a synthetic table other real
rows, which no generator can beat. Of the first table also a copy of the training rows, and one whose columns are
shuffled independently. Prints one JSON line a pair: scores, grades, seconds of CPU; NeMo's own where its interpreter is
given (an environment with `nemo-safe-synthesizer==0.1.16` and the packages of its extras `engine` and `cpu`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ss_ray.evaluation.evaluate import evaluate
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import merge_tables, table_facts
from ss_ray.tables.files import find_source, read_blocks
from ss_ray.tables.infer import infer_schema

TRAIN_ROWS, HOLDOUT_ROWS = 5000, 1500
Pair = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""Training, unseen and synthetic rows, as text."""


def main() -> None:
    """Evaluate all pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--nemo-python", help="Interpreter of an environment with NeMo Safe Synthesizer.")
    arguments = parser.parse_args()
    for name, pair in pairs([Path(file) for file in arguments.data]):
        found = {"pair": name, "rows": [len(table) for table in pair], "columns": pair[0].shape[1], **ours(pair)}
        if arguments.nemo_python:
            found["nemo"] = nemos(pair, arguments.nemo_python)
        print(json.dumps(found), flush=True)


def pairs(files: list[Path]) -> Iterator[tuple[str, Pair]]:
    """Named pairs."""
    for file in files:
        rows = pd.read_csv(file, dtype=str, keep_default_na=False).sample(frac=1, random_state=0)
        size = min(TRAIN_ROWS, int(0.4 * len(rows)))
        unseen = min(HOLDOUT_ROWS, len(rows) - 2 * size)
        train, holdout, fresh = rows[:size], rows[size : size + unseen], rows[size + unseen : 2 * size + unseen]
        yield file.stem, (train, holdout, fresh)
        if file == files[0]:
            rng = np.random.default_rng(0)
            shuffled = {column: rng.permutation(train[column].to_numpy()) for column in train}
            yield f"{file.stem}, copy", (train, holdout, train)
            yield f"{file.stem}, independent columns", (train, holdout, pd.DataFrame(shuffled))


def ours(pair: Pair) -> dict[str, Any]:
    """Scores of this project."""
    with tempfile.TemporaryDirectory() as folder:
        blocks = []
        for i, table in enumerate(pair):
            table.to_csv(f"{folder}/{i}.csv", index=False)
            source = find_source(f"{folder}/{i}.csv")
            blocks.append(pa.concat_tables([*read_blocks(source, source.files[0])]))
    schema = infer_schema(merge_tables([table_facts(block) for block in blocks]), {}, is_text=True)
    frames = [type_table(block, schema).to_pandas() for block in blocks]
    started = time.process_time()
    evaluation = evaluate(*frames, schema, target=None)
    quality, privacy = evaluation.scores.quality, evaluation.scores.privacy
    return {
        "cpu_seconds": round(time.process_time() - started, 2),
        "sqs": quality.sqs.value,
        "parts": {name: getattr(quality, name).value for name in ("distribution", "correlation", "deep_structure")},
        "privacy": [privacy.score.value, privacy.score.grade],
        "failed": privacy.reasons if privacy.failed else [],
        "discriminator_auc": evaluation.fidelity.discriminator.value,
        "utility": [evaluation.utility.synthetic.value, evaluation.utility.real.value],
    }


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
