"""The evaluator of the package `nemo-safe-synthesizer` on three CSV files, in that package's own environment.

    python nemo_evaluator.py train.csv holdout.csv synthetic.csv

Prints one JSON line: score by component (None where it gives none), and seconds of CPU. `bench_evaluation.py` calls it.
That environment has none of this project's packages.

Keys: scores, cpu_seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from smoke import arguments_of


def main() -> None:
    """Parse the command line, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("train", "holdout", "synthetic"):
        parser.add_argument(name, nargs="?")

    with arguments_of(parser, required=["synthetic"], smoke=smoke) as arguments:
        print(json.dumps(measure(arguments)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: three tables of invented numbers."""
    rng = np.random.default_rng(0)
    files = {name: folder / f"{name}.csv" for name in ("train", "holdout", "synthetic")}
    for file in files.values():
        pd.DataFrame({"a": rng.normal(size=200), "b": rng.choice(["x", "y"], 200)}).to_csv(file, index=False)

    return files


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Scores and seconds of the evaluator."""
    from nemo_safe_synthesizer.config.parameters import SafeSynthesizerParameters
    from nemo_safe_synthesizer.evaluation.evaluator import Evaluator

    logging.disable(logging.CRITICAL)
    files = (arguments.train, arguments.holdout, arguments.synthetic)
    train, holdout, synthetic = (pd.read_csv(file) for file in files)
    started = time.process_time()
    evaluator = Evaluator(SafeSynthesizerParameters(), synthetic, training_df=train, test_df=holdout)
    evaluator.evaluate()
    scores = {part.name: part.score.score for part in evaluator.report.components if part.score is not None}
    return {"scores": scores, "cpu_seconds": round(time.process_time() - started, 2)}


if __name__ == "__main__":
    main()
