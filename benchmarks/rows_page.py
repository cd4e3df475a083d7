"""A page of random synthetic rows beside random real ones, so that anyone can look.

    python benchmarks/rows_page.py --data reviews.csv --run runs/reviews --columns rating review_text \
        --title "Reviews" --source "CC0" --out docs/examples/reviews.md

Rows are drawn by a fixed seed, not chosen. Prints one JSON line.

Keys: synthetic, real.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bench_quality import read
from smoke import arguments_of, write_visits

SEED = 0


def main() -> None:
    """Parse the command line, draw the rows, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="table that the run learned from")
    parser.add_argument("--run", help="run directory")
    parser.add_argument("--columns", nargs="+", help="columns to show")
    parser.add_argument("--rows", type=int, default=30, help="rows of each table")
    parser.add_argument("--title", default="Rows", help="heading of the page")
    parser.add_argument("--source", default="", help="where the real rows are from, and their licence")
    parser.add_argument("--out", help="Markdown file to write")
    with arguments_of(parser, required=["--data", "--run", "--columns", "--out"], smoke=smoke) as arguments:
        synthetic = draw_rows(read(f"{arguments.run}/release/synthetic"), arguments)
        real = draw_rows(read(arguments.data), arguments)
        out = Path(arguments.out)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(make_page(synthetic, real, arguments.title, arguments.source))
        print(json.dumps({"synthetic": synthetic.num_rows, "real": real.num_rows}))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a run whose rows are those of the table."""
    table = write_visits(folder / "visits.csv", rows=20)
    release = folder / "run" / "release" / "synthetic"
    release.mkdir(parents=True)
    pq.write_table(read(str(table)), release / "part-00000.parquet")
    columns = read(str(table)).column_names[:3]
    return {"data": str(table), "run": str(folder / "run"), "columns": columns, "rows": 5, "out": str(folder / "p.md")}


def draw_rows(table: pa.Table, arguments: argparse.Namespace) -> pa.Table:
    """Random rows, in the columns that are shown."""
    rows = np.random.default_rng(SEED).permutation(table.num_rows)[: arguments.rows]
    return table.select(arguments.columns).take(pa.array(rows))


def make_page(synthetic: pa.Table, real: pa.Table, title: str, source: str) -> str:
    """The page in Markdown."""
    return "\n".join(
        [
            f"# {title}: synthetic rows beside real ones",
            "",
            f"Both tables were drawn at random with a fixed seed (`benchmarks/rows_page.py`). {source}".strip(),
            "",
            "## Synthetic",
            "",
            *table_lines(synthetic),
            "",
            "## Real",
            "",
            *table_lines(real),
            "",
        ]
    )


def table_lines(table: pa.Table) -> Iterable[str]:
    """A table in Markdown."""
    yield row_line(table.column_names)
    yield row_line(["---"] * table.num_columns)
    for row in table.to_pylist():
        yield row_line(["" if value is None else str(value) for value in row.values()])


def row_line(cells: Sequence[str]) -> str:
    """A line of a table; what Markdown would read as a mark is escaped."""
    plain = (" ".join(cell.split()).replace("\\", "\\\\") for cell in cells)
    marked = "|*_<[]`"
    return "| " + " | ".join("".join(f"\\{mark}" if mark in marked else mark for mark in cell) for cell in plain) + " |"


if __name__ == "__main__":
    main()
