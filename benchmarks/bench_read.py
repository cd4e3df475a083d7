"""One large CSV file read in parts by one and by two processes: time, speed-up, and memory of a process.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/bench_read.py --gigabytes 2 --processes 1 2

The table is made up: numbers, dates, categories, and texts with quoted separators and line ends. Each part is read and
its facts are found, as the stage `read` does it, without Ray. The facts of all parts are merged at the end, and must be
equal for every number of processes. CPU seconds measure the work where other programs share the cores.
Prints one JSON line.

Keys: gigabytes, rows, parts, scan_seconds, runs, speed_up, equal.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from smoke import arguments_of

from ss_ray.tables.facts import ColumnFacts, merge_tables, table_facts
from ss_ray.tables.file_parts import FilePart, divide_files
from ss_ray.tables.files import Source, find_source, read_file_part

BLOCK_ROWS = 20_000
WORDS = np.array(["north", "south", "east", "west", "centre"])


def main() -> None:
    """Write the table, and read it with each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])

    with arguments_of(parser, smoke=smoke) as arguments, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, int(arguments.gigabytes * 1e9))
        print(json.dumps(measure(path, arguments.processes)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a small file, and one process."""
    return {"gigabytes": 0.002, "processes": [1]}


def measure(path: Path, processes: list[int]) -> dict[str, object]:
    """Read the file with each number of processes."""
    source = find_source(path)
    started = time.perf_counter()
    parts = divide_files(source)
    scan_seconds = round(time.perf_counter() - started, 2)

    runs: dict[int, dict[str, float]] = {}
    found: list[tuple[int, dict[str, ColumnFacts]]] = []
    for count in processes:
        started = time.perf_counter()
        # Fresh processes, so that the memory of one measurement is not counted in the next one.
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            results = list(pool.map(partial(read_facts, source), parts))
        merged = merge_tables([facts for facts, *_ in results])
        seconds = time.perf_counter() - started
        found.append((sum(rows for _, rows, *_ in results), merged))
        runs[count] = {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(sum(cpu for *_, cpu in results), 1),
            "memory_mb": max(memory for _, _, memory, _ in results),
        }

    first, last = runs[processes[0]], runs[processes[-1]]
    return {
        "gigabytes": round(path.stat().st_size / 1e9, 3),
        "rows": found[0][0],
        "parts": len(parts),
        "scan_seconds": scan_seconds,
        "runs": runs,
        "speed_up": round(first["seconds"] / max(last["seconds"], 0.1), 2),
        "equal": all(result == found[0] for result in found),
    }


def read_facts(source: Source, part: FilePart) -> tuple[dict[str, ColumnFacts], int, int, float]:
    """Facts and number of rows of a part, peak memory of this process in megabytes, and CPU seconds."""
    started = time.process_time()
    facts: dict[str, ColumnFacts] | None = None
    rows = 0
    for block in read_file_part(source, part):
        found = table_facts(block)
        facts = found if facts is None else merge_tables([facts, found])
        rows += block.num_rows

    memory_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return facts or {}, rows, memory_mb, time.process_time() - started


def write_table(path: Path, size: int) -> None:
    """Write blocks of made-up rows until the file has `size` bytes."""
    rng = np.random.default_rng(1)
    with path.open("w", encoding="utf8", newline="") as stream:
        stream.write("number,amount,day,region,note\n")
        first = 0
        while stream.tell() < size:
            stream.write(make_lines(rng, first))
            first += BLOCK_ROWS


def make_lines(rng: np.random.Generator, first: int) -> str:
    """Lines of `BLOCK_ROWS` rows, the first of which has the number `first`."""
    amounts = rng.lognormal(4, 1, BLOCK_ROWS).round(2)
    days = np.datetime64("2020-01-01") + rng.integers(0, 1500, BLOCK_ROWS)
    regions = WORDS[rng.integers(0, len(WORDS), BLOCK_ROWS)]
    words = WORDS[rng.integers(0, len(WORDS), (BLOCK_ROWS, 6))]
    rows = zip(range(first, first + BLOCK_ROWS), amounts, days, regions, words, strict=True)
    return "".join(
        f'{number},{amount},{day},{region},"{" ".join(text[:3])},\n{" ".join(text[3:])} {number % 9973}"\n'
        for number, amount, day, region, text in rows
    )


if __name__ == "__main__":
    main()
