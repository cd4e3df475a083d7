"""The option `--smoke` of every benchmark: the same measurements in seconds, on a small table that is made up for it.

    with arguments_of(parser, required=["--data"], smoke=make_smoke_arguments) as arguments:
        print(json.dumps(measure(arguments)))

A benchmark says what is small: a function that writes its tables into a temporary folder, and returns the arguments
that stand in for those of the command line. The figures of such a run mean nothing; it shows that the script works.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SmokeArguments = Callable[[Path], Mapping[str, object]]
"""Temporary folder -> names and values of the arguments of a smoke run."""

TABLE_ARGUMENTS = ("--data", "--holdout", "--target", "--out")
"""Arguments of a benchmark that trains on one table and tests on another."""

SMALL_RUN = (
    "resources.threads_per_worker=1",
    "training.num_input_records_to_sample=500",
    "training.compact.hidden_size=32",
    "training.compact.num_layers=1",
    "training.compact.num_heads=2",
)
"""Settings with which a run of the pipeline trains a tiny model for a moment."""


@contextmanager
def arguments_of(
    parser: argparse.ArgumentParser, *, smoke: SmokeArguments, required: Sequence[str] = ()
) -> Iterator[argparse.Namespace]:
    """Arguments of the command line; with `--smoke`, those of `smoke` replace them.

    Args:
        parser: Parser of the benchmark's own arguments.
        smoke: Function that makes the small tables, and returns the arguments to measure them.
        required: Arguments that a run without `--smoke` must have, as the user writes them: `--data`.
    """
    parser.add_argument("--smoke", action="store_true", help="run in seconds on a small made-up table")
    arguments = parser.parse_args()

    if not arguments.smoke:
        missing = [name for name in required if not getattr(arguments, name.lstrip("-").replace("-", "_"))]
        if missing:
            parser.error(f"the following arguments are required, unless --smoke is given: {', '.join(missing)}")
        yield arguments
        return

    with tempfile.TemporaryDirectory() as folder:
        yield argparse.Namespace(**{**vars(arguments), **smoke(Path(folder))})


def table_arguments(folder: Path) -> dict[str, object]:
    """Small values of TABLE_ARGUMENTS, and the settings of a small run."""
    return {
        "data": str(write_visits(folder / "train.csv", rows=300)),
        "holdout": str(write_visits(folder / "holdout.csv", rows=200, seed=2)),
        "target": "readmitted",
        "out": str(folder / "run"),
        "set": list(SMALL_RUN),
    }


def write_visits(file: Path, rows: int, seed: int = 1) -> Path:
    """Write visits of invented patients as a CSV file, without their identifiers and long texts."""
    from pyarrow import csv

    from ss_ray.demo import make_patients

    left_out = ["patient_id", "first_name", "last_name", "email", "phone", "street_address", "ssn", "note"]
    csv.write_csv(make_patients(rows, seed).drop_columns(left_out), file)
    return file
