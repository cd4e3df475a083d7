"""Do the columns of real tables come back as themselves: kinds, spellings, grids and weekdays?

    OMP_NUM_THREADS=1 python benchmarks/bench_real_tables.py --data-folder tables cases --rows 1000

Reads every CSV file of the folders, finds its schema, encodes and decodes it, and with `--rows` trains a model in this
process on half of the rows and generates so many rows. Prints a line for each table, and a JSON line: columns of a key
that were read right, cells that came back otherwise (digits below the resolution of the codec left out), generated
cells that the schema does not allow, and the largest difference of the share of a grid or a weekday in points. With a
model, `far_columns` counts the columns of numbers whose Wasserstein distance between generated and training rows is
over MOST_DISTANCE times that between as many unseen and training rows.

Keys: tables, columns, keyed_columns, read_right, read_wrong, changed_cells, invalid_cells, largest_grid_difference,
number_columns, far_columns, largest_distance_ratio, seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from bench_quality import read, train_in_process
from scipy.stats import wasserstein_distance
from smoke import arguments_of

from ss_ray.codec.columns import BinnedCodec
from ss_ray.codec.grids import grids_of
from ss_ray.codec.moments import MomentCodec
from ss_ray.codec.ordinals import to_units
from ss_ray.codec.slots import CodecSizes, SlotCodec, fit_codec
from ss_ray.config.model import Config
from ss_ray.errors import SsRayError
from ss_ray.generation.decoder import decode_rows
from ss_ray.plans.sampling import Sampling
from ss_ray.schema import ORDERED_KINDS, Kind, TableSchema, count_outside
from ss_ray.tables.cells import type_table, written_table
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

NUM_BINS = 64
MOST_DISTANCE = 1.2
NUM_SPLITS = 20
KEY: dict[str, dict[str, str]] = {
    "caps": {"REGION": "category", "PAID": "integer", "BID": "integer", "shop_id": "integer", "price": "integer"},
    "not_prose": {
        "change": "float +0.0", "bewohner": "integer # ##0", "interval": "text", "dose": "float 0.000mg", "seq": "text",
        "pnr": "identifier", "trace": "identifier", "order": "identifier", "isbn": "identifier", "answers": "text",
        "gcs": "text", "colour": "identifier", "rgb": "text", "smiles": "text", "uuid": "identifier uuid",
    },
    "number_structure": {
        "visits": "integer 0.0", "loan": "integer 0", "hours": "float 0.00", "logged": "datetime %Y-%m-%d %H:%M:%S",
    },
    "pivot_iso": {"sensor": "identifier", "2024-01-01": "float 0.0", "2024-12-01": "float 0.0"},
    "read_as_text": {
        "inf": "float 0.00", "dot": "float 0.00", "star": "float 0.00", "unknown": "float 0.00", "lt5": "float 0.00",
        "nat": "date %Y-%m-%d", "zerodate": "date %Y-%m-%d", "date_and_time": "datetime %Y-%m-%d",
        "iso_pandas_utc": "datetime %Y-%m-%d %H:%M:%S+00:00", "excel": "datetime %-m/%-d/%Y %-H:%M",
        "ampm": "datetime %m/%d/%Y %I:%M:%S %p", "yy": "date %d/%m/%y", "ymd": "date %Y%m%d", "usd": "float $#,##0.00",
        "pct": "float 0.0%", "thousand_one": "float 0.00", "td": "duration %d days %H:%M:%S",
    },
    "relations": {
        "city": "category", "state": "category", "start": "date %Y-%m-%d", "end": "date %Y-%m-%d", "is_a": "integer",
        "net": "float 0.00", "tax": "float 0.00", "gross": "float 0.00", "store": "integer", "line": "integer",
        "email": "category", "fraud": "integer", "empty": "category", "const": "category", "credit": "float 0.00",
        "debit": "float 0.00",
    },
    "two_formatted": {"utc": "datetime %Y-%m-%d %H:%M:%S+00:00", "amount": "float $#,##0.00"},
    "unique_one_length": {
        "grp": "category", "logged_at": "datetime %Y-%m-%dT%H:%M:%S+02:00", "ts_basic": "datetime %Y%m%dT%H%M%S",
        "start_time": "time %H:%M:%S", "breite": "float 0,00000", "geo": "text", "share": "float 0.0000%",
        "lab": "float 0.000mg",
    },
    "yearly": {
        "year": "integer", "gdp": "float 0.0", "age": "integer", "day": "date %Y-%m-%d", "month": "date %Y-%m",
        "quarter": "date %YQ%q", "decade": "integer 0s", "ticker": "text", "wave": "text", "dose_mg": "integer",
    },
}  # fmt: skip
"""By file and column: the kind, and the format where it matters."""


def measure(path: Path, rows: int) -> dict[str, float]:
    """The figures of one table."""
    started = time.perf_counter()
    cells = read(str(path))
    schema = infer_schema(table_facts(cells), {}, is_text=path.suffix != ".parquet")
    typed = type_table(cells, schema)
    schema.check(typed)
    key = KEY.get(path.stem, {})
    wrong = [name for name, expected in key.items() if not _is_read(schema, name, expected)]

    codec = fit_codec(schema, typed, sizes=CodecSizes(num_bins=NUM_BINS, text_vocabulary=1024, max_text_tokens=64))
    again = codec.decode(codec.encode(typed), rng=np.random.default_rng(0), first_row=0, seed=0)
    changed = sum(_changed_cells(cells, typed, again, schema))
    invalid, difference, ratios = 0, _grid_difference(codec, typed, again), {}
    if rows:
        order = np.random.default_rng(0).permutation(typed.num_rows)
        seen, unseen = typed.take(order[::2]), typed.take(order[1::2])
        learned, model = train_in_process(seen, schema, Config())
        tokens = decode_rows(model, learned.slots, rows, Sampling(), torch.Generator().manual_seed(0))
        made = learned.decode(np.asarray(tokens, np.int32), rng=np.random.default_rng(0), first_row=0, seed=0)
        invalid = _invalid_cells(made, schema)
        difference = _grid_difference(learned, seen, made)
        ratios = _distance_ratios(schema, seen, unseen, made)
        far = {name: round(ratio, 2) for name, ratio in ratios.items() if ratio > MOST_DISTANCE}
        if far:
            print(f"{path.name}: further than unseen rows: {far}")

    if wrong:
        print(f"{path.name}: read otherwise than the key says: {', '.join(wrong)}")
    return {
        "columns": len(schema.source_names),
        "keyed_columns": len(key),
        "read_wrong": len(wrong),
        "changed_cells": changed,
        "invalid_cells": invalid,
        "largest_grid_difference": round(100 * difference, 1),
        "number_columns": len(ratios),
        "far_columns": sum(ratio > MOST_DISTANCE for ratio in ratios.values()),
        "largest_distance_ratio": round(max(ratios.values(), default=0.0), 2),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _is_read(schema: TableSchema, name: str, expected: str) -> bool:
    kind, _, format_ = expected.partition(" ")
    column = schema[name]
    return column.kind == kind and format_ in ("", column.format)


def _changed_cells(cells: pa.Table, typed: pa.Table, again: pa.Table, schema: TableSchema) -> Iterator[int]:
    """Cells that reading and writing changed, and cells of listed columns that the codec changed."""
    written = written_table(typed, schema)
    for name in schema.source_names:
        before = cells.column(name)
        if pa.types.is_string(before.type):
            after = written.column(name).cast(pa.string())
            trimmed = pc.utf8_trim_whitespace(before) if schema[name].kind in ORDERED_KINDS else before
            yield int(pc.sum(pc.not_equal(pc.fill_null(trimmed, ""), pc.fill_null(after, ""))).as_py() or 0)
        if schema[name].kind in (Kind.CATEGORY, Kind.BOOLEAN):
            same = pc.equal(
                pc.fill_null(typed[name].cast(pa.string()), ""), pc.fill_null(again[name].cast(pa.string()), "")
            )
            yield int(pc.sum(pc.invert(same)).as_py() or 0)


def _invalid_cells(made: pa.Table, schema: TableSchema) -> int:
    """Generated cells out of the schema, or whose spelling is not read again as the same kind."""
    written = written_table(made, schema)
    texts = pa.table({name: written.column(name).cast(pa.string()) for name in schema.source_names})
    outside = sum(count_outside(column, made.column(column.name)) for column in schema.columns)
    try:
        return outside + abs(type_table(texts, schema).column(0).null_count - made.column(0).null_count)
    except SsRayError:
        return outside + made.num_rows


def _grid_difference(codec: SlotCodec, real: pa.Table, made: pa.Table) -> float:
    """The largest difference of the share of a grid or a weekday, over all columns that have some."""
    return max((_of_column(column, real, made) for column in codec.columns), default=0.0)


def _of_column(column: object, real: pa.Table, made: pa.Table) -> float:
    value = getattr(column, "value", column)
    if isinstance(value, MomentCodec):
        value = value.day
    if not isinstance(value, BinnedCodec) or not value.grids:
        return 0.0

    shares = []
    for table in (real, made):
        array = table.column(value.column.name).drop_null().combine_chunks()
        units = to_units(
            array.cast(pa.date32(), safe=False) if value.column.kind is Kind.DATE else array, value.column, value.scale
        )
        units = units[~np.isin(units, value.atoms)]
        shares.append(np.bincount(grids_of(value.grids, units), minlength=len(value.grids)) / max(len(units), 1))

    return float(np.abs(shares[0] - shares[1]).max())


def _distance_ratios(schema: TableSchema, seen: pa.Table, unseen: pa.Table, made: pa.Table) -> dict[str, float]:
    """By column of numbers: how far generated rows are from the training rows, beside as many unseen rows."""
    size = min(unseen.num_rows, made.num_rows)
    rng = np.random.default_rng(0)
    ratios = {}
    for column in schema.columns:
        if column.kind not in (Kind.INTEGER, Kind.FLOAT):
            continue

        real, other, new = (
            np.asarray(table.column(column.name).drop_null().cast(pa.float64())) for table in (seen, unseen, made)
        )
        if not (len(real) and len(other) and len(new)):
            continue

        # One split alone may be even by luck, so the distance of unseen rows is a mean over splits.
        both = np.concatenate([real, other])
        mixed = (rng.permutation(both) for _ in range(NUM_SPLITS))
        chance = np.mean([wasserstein_distance(part[: len(real)], part[len(real) :][:size]) for part in mixed])
        if chance:
            ratios[column.name] = float(wasserstein_distance(real, new[:size]) / chance)

    return ratios


def make_smoke_arguments(folder: Path) -> Mapping[str, object]:
    """A table of a few spellings."""
    lines = [f"${n * 25:,}.00,{'<5' if n % 9 == 0 else n},2024-01-{1 + n % 28:02d}" for n in range(120)]
    quoted = [line.replace("$", '"$', 1).replace(".00,", '.00",', 1) for line in lines]
    (folder / "spellings.csv").write_text("price,count,day\n" + "\n".join(quoted) + "\n", encoding="utf8")
    return {"data_folder": [str(folder)], "rows": 0}


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data-folder", nargs="+", help="folders of CSV files")
    parser.add_argument("--rows", type=int, default=0, help="rows to generate with a model; 0: the codec alone")
    with arguments_of(parser, required=["--data-folder"], smoke=make_smoke_arguments) as arguments:
        files = sorted(path for folder in arguments.data_folder for path in Path(folder).glob("*.csv"))
        total: dict[str, float] = {"tables": 0}
        for path in files:
            figures = measure(path, arguments.rows)
            print(path.name, figures)
            total["tables"] += 1
            for name, value in figures.items():
                total[name] = max(total.get(name, 0), value) if "largest" in name else total.get(name, 0) + value

    total["read_right"] = total["keyed_columns"] - total["read_wrong"]
    print(json.dumps({name: round(value, 1) for name, value in total.items()}))


if __name__ == "__main__":
    main()
