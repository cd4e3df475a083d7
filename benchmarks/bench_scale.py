"""Linear cost and flat driver memory: the table of --data repeated to each of --rows, through the pipeline.

    python benchmarks/bench_scale.py --data adult.csv --rows 10000 100000 1000000

Training shows the model the same number of rows each time, so that the other stages are what grows. Prints one JSON
line: seconds by stage and the driver's peak memory for every size, each size in a process of its own.

Keys: table, sizes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pyarrow import csv
from smoke import SMALL_RUN, arguments_of, write_visits


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--set", action="append", default=[], help="a setting of the runs, `section.key=value`")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)

    with arguments_of(parser, required=["--data", "--rows"], smoke=smoke) as arguments:
        if arguments.one:
            print(json.dumps(one_size(arguments.data, arguments.rows[0], arguments.set)))
            return

        sizes = []
        for rows in arguments.rows:
            command = [sys.executable, __file__, "--one", f"--data={arguments.data}", f"--rows={rows}"]
            command += [f"--set={setting}" for setting in arguments.set]
            sizes.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))

        print(json.dumps({"table": Path(arguments.data).name, "sizes": sizes}))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: one size, which repeats a part of the table."""
    return {"data": str(write_visits(folder / "visits.csv", rows=200)), "rows": [300], "set": list(SMALL_RUN)}


def one_size(data: str, rows: int, settings: list[str]) -> dict[str, object]:
    """One run on `rows` rows."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "table.csv"
        repeat(data, rows, source)
        peak_before = memory_mb()
        from ss_ray.config.files import load_config
        from ss_ray.pipelines.run import run

        config = load_config(
            None,
            [
                "data.random_state=0",
                "replace_pii=null",
                "training.num_input_records_to_sample=20000",
                "evaluation.enabled=false",
                f"generation.num_records={rows}",
                *settings,
            ],
        )
        report = run(config, source, Path(folder) / "run", csv=True)
        return {
            "rows": rows,
            "stage_seconds": report.stage_seconds,
            "driver_memory_mb": memory_mb(),
            "memory_before_mb": peak_before,
        }


def repeat(data: str, rows: int, target: Path) -> None:
    """Write the rows of a CSV over and over until there are `rows`."""
    table = csv.read_csv(data)
    with target.open("wb") as stream:
        for start in range(0, rows, table.num_rows):
            part = table.slice(0, min(table.num_rows, rows - start))
            csv.write_csv(part, stream, csv.WriteOptions(include_header=start == 0))


def memory_mb() -> int:
    """Peak resident memory of this process."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
