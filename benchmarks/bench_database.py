"""A large table of PostgreSQL, copied by one process and by several: time, and peak memory of each process.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/bench_database.py --rows 10000000 --run

The table is made up: eight columns of numbers, amounts, dates, times and texts, with gaps in its key. It is on a server
that the script starts on this machine, so that the server takes a part of the cores. `--driver postgresql+psycopg`
reads it through SQLAlchemy. `--run` runs the whole pipeline on the table, too, by the command `ss-ray run` with its
defaults. Seconds are those of the copy alone, without the start of Ray. Memory is the resident memory of a process,
with the memory that it shares with others; it is looked at ten times a second. Prints one JSON line.

Keys: rows, driver, make_seconds, stream, ranges, run, equal.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import run as run_command

import psutil
import psycopg
import pyarrow.compute as pc
import pyarrow.parquet as pq
from smoke import arguments_of

from tests.postgres import running_postgres

TABLE = """
CREATE TABLE sales AS SELECT (i * 3 + i % 2)::bigint AS id, 1 + hashint4(i) % 90000 AS customer,
    round((20 * exp(abs(hashint4(i + 1) % 1000) / 300.0))::numeric, 2)::numeric(10, 2) AS amount,
    1 + abs(hashint4(i + 2)) % 9 AS items, hashint4(i + 3) % 5 = 0 AS returned,
    date '2020-01-01' + abs(hashint4(i + 4)) % 1500 AS day,
    timestamp '2020-01-01' + (abs(hashint4(i + 5)) % 86400) * interval '1 minute' AS booked,
    (ARRAY['north', 'south', 'east', 'west', NULL])[1 + abs(hashint4(i + 6)) % 5] AS region
FROM generate_series(1, {rows}) AS i
"""
POLL_SECONDS = 0.1


def main() -> None:
    """Make the table, and copy it both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--driver", default="postgresql")
    parser.add_argument("--run", action="store_true", help="also run the whole pipeline on the table")

    with arguments_of(parser, smoke=smoke) as arguments, running_postgres("bench") as url:
        print(json.dumps(measure(url, arguments.rows, arguments.driver, arguments.run)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a small table, and no run of the pipeline."""
    return {"rows": 2000, "run": False}


def measure(url: str, rows: int, driver: str, with_run: bool) -> dict[str, object]:
    """Times and peaks of memory of the copies, and of a run."""
    started = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE.format(rows=rows))
        connection.execute("ALTER TABLE sales ADD PRIMARY KEY (id)")
        connection.execute("VACUUM ANALYZE sales")
    make_seconds = round(time.perf_counter() - started, 1)

    address = f"{url.replace('postgresql', driver, 1)}#sales"
    with tempfile.TemporaryDirectory() as folder:
        stream = measure_process(copy_in_one_stream, address, f"{folder}/stream")
        ranges = measure_process(copy_in_ranges, address, f"{folder}/ranges")
        equal = describe_copy(f"{folder}/stream") == describe_copy(f"{folder}/ranges")
        run = measure_process(run_pipeline, address, f"{folder}/run") if with_run else None

    return {
        "rows": rows,
        "driver": driver,
        "make_seconds": make_seconds,
        "stream": stream,
        "ranges": ranges,
        "run": run,
        "equal": equal,
    }


def measure_process(target: Callable[..., float], *arguments: str) -> dict[str, object]:
    """Seconds that a function tells in a fresh process, and the peaks of that process and those that it starts."""
    receiver, sender = Pipe(duplex=False)
    process = get_context("spawn").Process(target=send_seconds, args=(sender, target, *arguments))
    process.start()
    with watched_memory(psutil.Process(process.pid)) as peaks:
        process.join()

    if process.exitcode:
        raise SystemExit(f"a measurement failed with exit code {process.exitcode}")
    return {"seconds": round(receiver.recv(), 1), "peak_mb": peaks}


def send_seconds(sender: Connection, target: Callable[..., float], *arguments: str) -> None:
    """Call a function and send what it returns."""
    sender.send(target(*arguments))


@contextmanager
def watched_memory(parent: psutil.Process) -> Iterator[dict[str, int]]:
    """Name of each kind of process -> most resident memory of one of them in megabytes, filled when the block ends."""
    peaks: dict[str, int] = {}
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(POLL_SECONDS):
            try:
                processes = [parent, *parent.children(recursive=True)]
            except psutil.Error:
                continue
            for process in processes:
                note_memory(process, parent, peaks)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def note_memory(process: psutil.Process, parent: psutil.Process, peaks: dict[str, int]) -> None:
    """Raise the peak of the kind that a process is of."""
    try:
        name = "driver" if process == parent else (process.cmdline() or [process.name()])[0]
        memory_mb = round(process.memory_info().rss / 2**20)
    except psutil.Error:
        return

    if name.startswith("ray::"):
        kind = "worker"
    elif name == "driver" or "ss-ray" in name:
        kind = "driver"
    else:
        kind = "service"
    peaks[kind] = max(peaks.get(kind, 0), memory_mb)


def copy_in_one_stream(address: str, folder: str) -> float:
    """Copy the table by one statement; the seconds that it takes."""
    from ss_ray.location import Location
    from ss_ray.tables.connectors.connector import open_connector
    from ss_ray.tables.connectors.copies import copy_table

    started = time.perf_counter()
    copy_table(open_connector(address), Location.parse(folder))
    return time.perf_counter() - started


def copy_in_ranges(address: str, folder: str) -> float:
    """Copy the table as a run does it; the seconds that it takes."""
    from ss_ray.cluster import connect
    from ss_ray.location import Location
    from ss_ray.tables.connectors.connector import open_connector
    from ss_ray.tables.connectors.stage import copy_whole

    connect()
    started = time.perf_counter()
    copy_whole(open_connector(address), Location.parse(folder), lambda progress: None)
    return time.perf_counter() - started


def run_pipeline(address: str, folder: str) -> float:
    """Run the command with its defaults; the seconds that it takes."""
    command = [sys.executable, "-m", "ss_ray.cli.main", "run", "--data", address, "--out", folder]
    started = time.perf_counter()
    run_command(command, check=True, stdout=sys.stderr)
    return time.perf_counter() - started


def describe_copy(folder: str) -> list[object]:
    """Facts of a copy that two copies of the same rows share, whatever the order of the rows is."""
    ids = pq.read_table(folder, columns=["id"]).column("id")
    amounts = pq.read_table(folder, columns=["amount"]).column("amount")
    sums = [pc.sum(ids).as_py(), pc.sum(amounts).as_py()]
    return [len(ids), pc.count_distinct(ids).as_py(), *sums]


if __name__ == "__main__":
    main()
