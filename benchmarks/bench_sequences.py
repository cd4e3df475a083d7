"""Memory of long sequences: 50,000 made-up customers of 45 rows each, through the whole pipeline.

    python benchmarks/bench_sequences.py --groups 50000 --rows-per-group 45

Prints one JSON line: seconds by stage, and the peak of the memory of all processes of the job together, Ray's own
included and shared pages counted once, sampled once a second.

Keys: groups, rows_per_group, rows_shown, synthetic_rows, stage_seconds, peak_memory_gb.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from smoke import SMALL_RUN, arguments_of

if TYPE_CHECKING:
    from ss_ray.pipelines.run import RunReport


def main() -> None:
    """Make the table, run the pipeline, watch the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=50_000)
    parser.add_argument("--rows-per-group", type=int, default=45)
    parser.add_argument("--rows-shown", type=int, default=200_000, help="Rows that training shows in all.")
    parser.add_argument("--set", action="append", default=[], help="a setting of the run, `section.key=value`")

    with arguments_of(parser, smoke=smoke) as arguments, tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "purchases.parquet"
        pq.write_table(purchases(arguments.groups, arguments.rows_per_group), source)
        with watched_memory() as peak:
            settings = [
                f"training.num_input_records_to_sample={arguments.rows_shown}",
                f"generation.num_groups={arguments.groups}",
                *arguments.set,
            ]
            report = run_pipeline(source, Path(folder) / "run", settings)

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


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run."""
    return {"groups": 60, "rows_per_group": 4, "rows_shown": 500, "set": list(SMALL_RUN)}


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


def run_pipeline(source: Path, out: Path, settings: Sequence[str]) -> RunReport:
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
            *settings,
        ],
    )

    return run(config, source, out)


@contextmanager
def watched_memory() -> Iterator[Callable[[], int]]:
    """The most memory that this process and all below it ever held, in bytes; what they share is counted once."""
    largest = 0
    stopped = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not stopped.wait(1):
            largest = max(largest, sum(map(_unshared, _family())))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: largest
    finally:
        stopped.set()
        thread.join()


def _family() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def _unshared(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        # It has just ended.
        return 0


if __name__ == "__main__":
    main()
