"""Rows a second of generation in steady state: one process a core, one thread each, all at once.

    python benchmarks/bench_generation.py --model runs/adult/internal/model --processes 2

Prints one JSON line. Decoding to a table is counted, the start of the processes is not.

Keys: processes, rows_per_second, each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from smoke import arguments_of, write_visits


def main() -> None:
    """Measure in the processes asked for, and add their rates up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=12.0, help="of the measurement in each process")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)

    with arguments_of(parser, required=["--model"], smoke=smoke) as arguments:
        if arguments.one:
            print(rows_per_second(arguments.model, arguments.seconds))
        else:
            print(json.dumps(measure(arguments)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a model that has learned nothing, in one process."""
    save_untrained_model(write_visits(folder / "visits.csv", rows=200), folder / "model")
    return {"model": str(folder / "model"), "processes": 1, "seconds": 0.1}


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Rates of the processes, all at once."""
    command = [sys.executable, __file__, "--one", f"--model={arguments.model}", f"--seconds={arguments.seconds}"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(arguments.processes)]
    rates = [float(process.communicate()[0]) for process in running]
    return {"processes": len(rates), "rows_per_second": round(sum(rates)), "each": [round(rate) for rate in rates]}


def save_untrained_model(table: Path, folder: Path) -> None:
    """Write a small random model and the codec of a table, as the training stage leaves them."""
    from ss_ray.codec.slots import CodecSizes, fit_codec
    from ss_ray.plans.shape import CompactShape
    from ss_ray.tables.cells import type_table
    from ss_ray.tables.facts import table_facts
    from ss_ray.tables.files import find_source, read_blocks
    from ss_ray.tables.infer import infer_schema
    from ss_ray.training.models import build_compact

    source = find_source(table)
    (block,) = read_blocks(source, source.files[0])
    schema = infer_schema(table_facts(block), {}, is_text=True)
    codec = fit_codec(
        schema, type_table(block, schema), sizes=CodecSizes(num_bins=8, text_vocabulary=300, max_text_tokens=8)
    )
    shape = CompactShape(hidden_size=16, num_layers=1, num_heads=2, intermediate_size=32)
    model = build_compact(shape, vocabulary_size=codec.vocabulary_size, num_slots=len(codec.slots), seed=0)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder)
    (folder / "codec.json").write_text(codec.to_json())


def rows_per_second(folder: str, seconds: float) -> float:
    """Rate of this process on one thread."""
    import numpy as np
    import torch

    from ss_ray.codec.slots import SlotCodec
    from ss_ray.generation.decoder import decode_rows
    from ss_ray.generation.rows import BATCH_ROWS
    from ss_ray.generation.worker import load_model
    from ss_ray.location import Location
    from ss_ray.plans.sampling import Sampling

    torch.set_num_threads(1)
    model, codec = load_model(Location.parse(folder))
    if not isinstance(codec, SlotCodec):
        raise SystemExit("this benchmark measures models of single rows, not of sequences")

    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    started = time.perf_counter()
    rows = 0

    while time.perf_counter() - started < seconds:
        tokens = decode_rows(model, codec.slots, BATCH_ROWS, Sampling(), generator)
        codec.decode(tokens, rng=rng, first_row=rows, seed=0)
        rows += BATCH_ROWS

    return rows / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
