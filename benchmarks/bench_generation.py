"""Rows a second of generation in steady state: one process a core, one thread each, all at once.

    python benchmarks/bench_generation.py --model runs/adult/internal/model --processes 2

Prints one JSON line. Decoding to a table is counted, the start of the processes is not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

SECONDS = 12.0


def main() -> None:
    """Measure in the processes asked for, and add their rates up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(rows_per_second(arguments.model))
        return

    command = [sys.executable, __file__, "--one", "--model", arguments.model]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(arguments.processes)]
    rates = [float(process.communicate()[0]) for process in running]
    print(
        json.dumps({"processes": len(rates), "rows_per_second": round(sum(rates)), "each": [round(r) for r in rates]})
    )


def rows_per_second(folder: str) -> float:
    """Rate of this process on one thread."""
    import numpy as np
    import torch

    from ss_ray.generation.decoder import decode_rows
    from ss_ray.generation.rows import BATCH_ROWS
    from ss_ray.generation.worker import load_model
    from ss_ray.location import Location
    from ss_ray.plans.sampling import Sampling

    torch.set_num_threads(1)
    model, codec = load_model(Location.parse(folder))
    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    started = time.perf_counter()
    rows = 0

    while time.perf_counter() - started < SECONDS:
        tokens = decode_rows(model, codec.slots, BATCH_ROWS, Sampling(), generator)
        codec.decode(tokens, rng=rng, first_row=rows, seed=0)
        rows += BATCH_ROWS

    return rows / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
