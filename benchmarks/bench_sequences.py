"""Memory of long sequences: 50,000 made-up customers of 45 rows each, through the whole pipeline.

    python benchmarks/bench_sequences.py --groups 50000 --rows-per-group 45

Prints one JSON line: seconds by stage, and the peak of the memory of all processes of the job together, Ray's own
included and shared pages counted once, sampled once a second.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq


def main() -> None:
    """Make the table, run the pipeline, watch the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=50_000)
    parser.add_argument("--rows-per-group", type=int, default=45)
    parser.add_argument("--rows-shown", type=int, default=200_000, help="Rows that training shows in all.")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "purchases.parquet"
        pq.write_table(purchases(arguments.groups, arguments.rows_per_group), source)
        with watched_memory() as peak:
            report = run_pipeline(source, Path(folder) / "run", arguments.groups, arguments.rows_shown)

        print(
            json.dumps(
                {
                    "groups": arguments.groups,
                    "rows_per_group": arguments.rows_per_group,
                    "rows_shown": arguments.rows_shown,
                    "synthetic_rows": report.num_rows,
                    "stage_seconds": report.stage_seconds,
                    "peak_memory_gb": round(peak() / 2**30, 2),
                }
            )
        )


def purchases(groups: int, rows: int) -> pa.Table:
    """Customers with a segment, who buy at random distances for amounts that depend on it."""
    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(groups), rows)
    segment = rng.integers(0, 4, groups)[customer]
    days = rng.geometric(0.2, (groups, rows)).cumsum(axis=1).ravel()

    return pa.table(
        {
            "customer_id": customer,
            "segment": pa.array([*"abcd"]).take(pa.array(segment)),
            "date": pa.array(18_000 + days, pa.int32()).cast(pa.date32()),
            "items": rng.poisson(1 + segment),
            "amount": np.round(rng.gamma(2 + segment, 10), 2),
        }
    )


def run_pipeline(source: Path, out: Path, groups: int, rows_shown: int):
    """The pipeline without the stages that do not depend on sequences."""
    from ss_ray.config.files import load_config
    from ss_ray.pipelines.run import run

    config = load_config(
        None,
        [
            "data.random_state=0",
            "data.group_training_examples_by=customer_id",
            "data.order_training_examples_by=date",
            "replace_pii=null",
            "evaluation.enabled=false",
            "resources.threads_per_worker=1",
            f"training.num_input_records_to_sample={rows_shown}",
            f"generation.num_groups={groups}",
        ],
    )

    return run(config, source, out)


class watched_memory:
    """The most memory that this process and all below it ever held, in bytes; what they share is counted once."""

    def __enter__(self):
        self.largest, self.stopped = 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return lambda: self.largest

    def __exit__(self, *error: object) -> None:
        self.stopped.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.stopped.wait(1):
            self.largest = max(self.largest, sum(map(_unshared, _family())))


def _family() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def _unshared(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        # It has just ended.
        return 0


if __name__ == "__main__":
    main()
