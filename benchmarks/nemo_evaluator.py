"""The evaluator of the package `nemo-safe-synthesizer` on three CSV files, in that package's own environment.

    python nemo_evaluator.py train.csv holdout.csv synthetic.csv

Prints one JSON line: score by component (None where it gives none), and seconds of CPU. `bench_evaluation.py` calls it.
"""

from __future__ import annotations

import json
import logging
import sys
import time

import pandas as pd


def main() -> None:
    """Evaluate and print."""
    from nemo_safe_synthesizer.config.parameters import SafeSynthesizerParameters
    from nemo_safe_synthesizer.evaluation.evaluator import Evaluator

    logging.disable(logging.CRITICAL)
    train, holdout, synthetic = (pd.read_csv(path) for path in sys.argv[1:4])
    started = time.process_time()
    evaluator = Evaluator(SafeSynthesizerParameters(), synthetic, training_df=train, test_df=holdout)
    evaluator.evaluate()
    scores = {part.name: part.score.score for part in evaluator.report.components if part.score is not None}
    print(json.dumps({"scores": scores, "cpu_seconds": round(time.process_time() - started, 2)}))


if __name__ == "__main__":
    main()
