"""What the replacement changes in tables that hold nothing personal: python benchmarks/bench_false_alarms.py.

Four kinds of input, all from `harmless_texts.py`: sentences of other languages, one column a language; lines of
clinical shorthand; lines of program code; columns of codes. `--table FILE.csv` adds the columns of a file, and `--lines
FILE.csv:COLUMN` its texts; with `--show` the changed values are printed to the error output.

A code column is whole if no value changes, or if every value changes and keeps its shape, its number of distinct values
and, where there were none, has no letters. Prints one JSON line.

Of texts it counts those that changed and all: [changed, of]; of sentences by language.

Keys: sentences, shorthand, code, broken_columns, of_columns, broken, texts_per_second.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pyarrow as pa
from harmless_texts import CODE, SHORTHAND, code_columns, foreign_sentences
from smoke import arguments_of

from ss_ray.config.pii import PiiParameters
from ss_ray.pii.planning import column_languages, type_columns
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import make_pii_plan
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.tables.facts import table_facts
from ss_ray.tables.infer import infer_schema

Pair = tuple[str, str]
"""A value before and after the replacement."""


def replace_column(name: str, values: Sequence[str]) -> list[Pair]:
    """Values of a column of a table of its own, before and after the replacement."""
    table = pa.table({name: pa.array(values, pa.string())})
    schema = infer_schema(table_facts(table), {}, is_text=False)
    if name not in schema.names:
        return [(value, value) for value in values]

    table = table.cast(schema.to_arrow()) if schema.to_arrow() == table.schema else table
    plan = make_pii_plan(type_columns(table, schema), schema, PiiParameters(), languages=column_languages(table))
    new = TableReplacer(plan, Pseudonyms(b"a key of the benchmark")).replace(table)[0].column(name).to_pylist()
    return list(zip(values, new, strict=True))


def _letters_as_one(text: str) -> str:
    return re.sub(r"[A-Z]", "A", re.sub(r"[a-z]", "a", re.sub(r"\d", "9", text)))


def find_fault(pairs: Sequence[Pair]) -> str | None:
    """The fault of a replaced code column, in words; None where it is whole."""
    changed = [pair for pair in pairs if pair[0] != pair[1]]
    if not changed:
        return None
    if len(changed) < len(pairs):
        return f"{len(changed)} of {len(pairs)} values changed"
    if len({new for _, new in pairs}) != len({old for old, _ in pairs}):
        return "another number of distinct values"
    if any(map(str.isalpha, "".join(new for _, new in pairs))) and not any(
        map(str.isalpha, "".join(old for old, _ in pairs))
    ):
        return "letters where there were none"
    if all(map(_is_uuid, (old for old, _ in pairs))):
        return None if all(map(_is_uuid, (new for _, new in pairs))) else "no UUID any more"
    if any(len(old) != len(new) for old, new in pairs):
        return "another shape"

    return None


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def count_changed(pairs: Sequence[Pair]) -> list[int]:
    """Number of changed values, and number of values."""
    return [sum(old != new for old, new in pairs), len(pairs)]


def read_csv(path: Path) -> dict[str, list[str]]:
    """Columns of a file by name."""
    with path.open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """All figures."""
    started = time.process_time()
    texts = {language: replace_column("note", lines) for language, lines in foreign_sentences().items()}
    texts |= {"shorthand": replace_column("note", SHORTHAND), "code": replace_column("note", CODE)}
    for source in arguments.lines:
        path, _, column = source.rpartition(":")
        texts[source] = replace_column(column, read_csv(Path(path))[column])

    seconds = time.process_time() - started
    columns = code_columns(arguments.rows)
    for path in arguments.table:
        columns |= {f"{Path(path).stem}.{name}": values for name, values in read_csv(Path(path)).items()}

    replaced = {name: replace_column(name.rpartition(".")[2], values) for name, values in columns.items()}
    broken = {name: fault for name, pairs in replaced.items() if (fault := find_fault(pairs))}
    if arguments.show:
        _show({**texts, **{name: replaced[name] for name in broken}})

    return {
        "sentences": {name: count_changed(pairs) for name, pairs in texts.items() if name not in {"shorthand", "code"}},
        "shorthand": count_changed(texts["shorthand"]),
        "code": count_changed(texts["code"]),
        "broken_columns": len(broken),
        "of_columns": len(columns),
        "broken": broken,
        "texts_per_second": round(sum(map(len, texts.values())) / seconds),
    }


def _show(pairs_by_name: Mapping[str, Sequence[Pair]]) -> None:
    for name, pairs in pairs_by_name.items():
        for old, new in [pair for pair in pairs if pair[0] != pair[1]][:20]:
            print(f"{name}: {old} -> {new}", file=sys.stderr)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200, help="values of each code column")
    parser.add_argument("--table", action="append", default=[], metavar="FILE.csv")
    parser.add_argument("--lines", action="append", default=[], metavar="FILE.csv:COLUMN")
    parser.add_argument("--show", action="store_true", help="print changed values to the error output")
    with arguments_of(parser, smoke=smoke) as arguments:
        print(json.dumps(measure(arguments)))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run."""
    return {"rows": 20}


if __name__ == "__main__":
    main()
