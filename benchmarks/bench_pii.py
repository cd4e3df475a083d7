"""Speed and memory of the replacement of personal data: python benchmarks/bench_pii.py [--rows 100000 1000000].

CPU seconds of one process for a table of 10 columns, 5 of them personal and all values distinct, and for short distinct
notes with the shipped model; the same notes once more; then, on Ray, the wall time of the stage with one and with two
actors, and the largest actor at each size. Prints one JSON line. OMP_NUM_THREADS=1 keeps it on one core.

Keys: structured_rows_per_cpu_second, distinct_notes_per_cpu_second, repeated_notes_per_cpu_second, on_ray.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from faker import Faker
from smoke import arguments_of

from ss_ray.config.files import load_config
from ss_ray.config.pii import PiiParameters
from ss_ray.pii.planning import type_columns
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import make_pii_plan
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pipelines.replace_pii import replace_table
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[], help="Sizes of the table on Ray.")
    parser.add_argument("--typed-rows", type=int, default=30_000, help="rows of the table of typed columns")
    parser.add_argument("--notes", type=int, default=4_000, help="distinct notes")
    with arguments_of(parser, smoke=smoke) as arguments:
        found = {**structured(arguments.typed_rows), **notes(arguments.notes), **on_ray(arguments.rows)}
        print(json.dumps(found), flush=True)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run."""
    return {"rows": [200], "typed_rows": 200, "notes": 50}


def make_people(rows: int, seed: int) -> pa.Table:
    """Five personal columns, their values distinct or as frequent as Faker's names are, and five numbers."""
    faker = Faker("en_US")
    draw = random.Random(seed)
    faker.seed_instance(seed)
    pool = [(faker.first_name(), faker.last_name()) for _ in range(min(rows, 50_000))]
    names = [pool[draw.randrange(len(pool))] for _ in range(rows)]

    return pa.table(
        {
            "first_name": [first for first, _ in names],
            "last_name": [last for _, last in names],
            "email": [f"{first}.{last}{row}@mail.org".lower() for row, (first, last) in enumerate(names)],
            "phone": [f"({draw.randint(200, 999)}) {draw.randint(200, 999)}-{row % 10_000:04d}" for row in range(rows)],
            "ssn": [f"{draw.randint(100, 665)}-{draw.randint(10, 99)}-{1 + row % 9_999:04d}" for row in range(rows)],
            **{f"measure_{number}": [draw.random() for _ in range(rows)] for number in range(5)},
        }
    )


def make_notes(rows: int) -> pa.Table:
    """Short distinct notes, most of them with a person or a number."""
    faker = Faker("en_US")
    draw = random.Random(1)
    faker.seed_instance(1)
    forms = (
        "Spoke to {name} about the invoice, call back on {phone} before noon on Friday please.",
        "Patient {name}, {age} years old, reports mild pain in the left knee since last week.",
        "The delivery to {street} in {city} was late again and the box number {age} was open.",
        "Great fit and soft fabric, I ordered a size up and {age} days later it still looks new.",
    )
    texts = [
        draw.choice(forms).format(
            name=faker.name(),
            phone=f"212-555-{row % 10_000:04d}",
            age=row,
            street=faker.street_address(),
            city=faker.city(),
        )
        for row in range(rows)
    ]

    return pa.table({"note": texts})


def structured(rows: int) -> dict[str, float]:
    """Rows a CPU second of the typed table."""
    table = make_people(rows, seed=1)
    replacer = _replacer(table)
    # Word lists and caches of a worker that has begun.
    replacer.replace(make_people(min(rows, 2_000), seed=2))
    return {"structured_rows_per_cpu_second": round(rows / _cpu_seconds(lambda: replacer.replace(table)))}


def notes(rows: int) -> dict[str, float]:
    """Notes a CPU second, all distinct and then each ten times."""
    table = make_notes(rows)
    replacer = _replacer(table)
    replacer.replace(table.slice(0, 50))
    distinct = _cpu_seconds(lambda: replacer.replace(table))
    repeated = pa.concat_tables([table] * 10)
    again = _cpu_seconds(lambda: replacer.replace(repeated))

    return {
        "distinct_notes_per_cpu_second": round(rows / distinct),
        "repeated_notes_per_cpu_second": round(10 * rows / again),
    }


def on_ray(sizes: list[int]) -> dict[str, object]:
    """Seconds of the stage and the driver's memory, by rows and actors."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            source = Path(folder) / f"{rows}.parquet"
            with pq.ParquetWriter(source, make_people(1, 0).schema) as writer:
                for start in range(0, rows, 100_000):
                    writer.write_table(make_people(min(100_000, rows - start), seed=start))

            for actors in (1, 2):
                config = load_config(None, [f"resources.num_pii_workers={actors}", "data.random_state=0"])
                report = replace_table(config, source, f"{folder}/out-{rows}-{actors}")
                found.append(
                    {
                        "rows": rows,
                        "actors": actors,
                        "seconds": report.stage_seconds["replace_pii"],
                        "largest_actor_mb": round(report.result.peak_memory_bytes / 2**20),
                        "driver_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10),
                    }
                )

    return {"on_ray": found}


def _replacer(table: pa.Table) -> TableReplacer:
    schema = infer_schema(table_facts(table), {}, is_text=False)
    plan = make_pii_plan(type_columns(table.slice(0, 5_000), schema), schema, PiiParameters())
    return TableReplacer(plan, Pseudonyms(b"a key of the benchmark"))


def _cpu_seconds(function: Callable[[], object]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


if __name__ == "__main__":
    main()
