"""A language model on a GPU, whole: it learns a table with texts by LoRA, and vLLM writes rows; at most 20 minutes.

    make env-text env-vllm
    .venv-vllm/bin/python benchmarks/bench_gpu_texts.py --data womens_clothing_reviews.csv --out runs/gpu

Runs: plain (whole rows as JSON lines), private (the same with epsilon 8), prose (the compact model makes the columns,
the language model the texts). Prints one JSON line for each run. NVIDIA publishes 104 rows a second for its Safe
Synthesizer; other rows and another GPU. DP overhead is the time of a token that is learned, private over plain.

Keys: run, train_s, generate_s, learned_tokens_per_s, rows_per_s, tokens_per_s, dp_overhead; the last is null where it
says nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from bench_quality import read
from smoke import arguments_of, write_visits

RUNS = {
    "plain": ("training.pretrained_model={model}",),
    "private": ("training.pretrained_model={model}", "privacy.dp_enabled=true", "privacy.epsilon=8"),
    "prose": ("training.prose_model={model}",),
}
"""Run -> its settings."""
LEARNED_ROWS = 4000
"""Rows that a training shows, so that all runs end in time."""


def main() -> None:
    """Parse the command line, measure each run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="table with a column of texts")
    parser.add_argument("--out", help="folder of the runs")
    parser.add_argument("--model", default="smollm2", help="name, path or hub id of the language model")
    parser.add_argument("--records", type=int, default=5000, help="rows to write")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--set", action="append", default=[], help="a setting of the runs, `section.key=value`")
    with arguments_of(parser, required=["--data", "--out"], smoke=smoke) as arguments:
        plain = None
        for name in arguments.runs:
            found = measure(name, arguments)
            plain = found if name == "plain" else plain
            overhead = compare_speed(plain, found) if name == "private" else None
            print(json.dumps(found | {"dp_overhead": overhead}), flush=True)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a tiny model without a GPU, in one run."""
    from bench_text_generation import save_model

    (folder / "model").mkdir()
    save_model(folder / "model", argparse.Namespace(hidden=64, layers=1, vocabulary=512, use_gpu=False, max_tokens=512))
    return {
        "data": str(write_visits(folder / "visits.csv", rows=60)),
        "out": str(folder / "runs"),
        "model": str(folder / "model"),
        "records": 10,
        "runs": ["plain"],
        "set": ["resources.use_gpu=false", "training.num_input_records_to_sample=20", "generation.engine=torch"],
    }


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One run, and its rates."""
    from ss_ray.config.files import load_config
    from ss_ray.pipelines.run import run

    settings = [setting.format(model=arguments.model) for setting in RUNS[name]]
    asked = ["resources.use_gpu=true", "evaluation.enabled=false", f"generation.num_records={arguments.records}"]
    asked += [f"training.num_input_records_to_sample={LEARNED_ROWS}", *settings, *arguments.set]
    out = f"{arguments.out}/{name}"
    config = load_config(None, asked)
    report = run(config, arguments.data, out, redo=True)

    shown = config.training.num_input_records_to_sample
    assert shown != "auto"
    table = read(arguments.data)
    learned = shown / table.num_rows * count_tokens(table, arguments.model)
    released = read(f"{out}/release/synthetic")
    seconds = report.stage_seconds
    return {
        "run": name,
        "train_s": round(seconds["train"], 1),
        "generate_s": round(seconds["generate"], 1),
        "learned_tokens_per_s": round(learned / seconds["train"]),
        "rows_per_s": round(released.num_rows / seconds["generate"], 1),
        "tokens_per_s": round(count_tokens(released, arguments.model) / seconds["generate"]),
    }


def count_tokens(table: pa.Table, model: str) -> int:
    """Tokens of the rows as JSON lines, as the model cuts them."""
    from transformers import AutoTokenizer

    from ss_ray.packaged_models import find_model

    tokenizer = AutoTokenizer.from_pretrained(find_model(model))
    lines = [json.dumps(row, default=str, ensure_ascii=False) for row in table.to_pylist()]
    return sum(len(ids) for ids in tokenizer(lines)["input_ids"])


def compare_speed(plain: Mapping[str, Any] | None, private: Mapping[str, Any]) -> float | None:
    """Time of a learned token, private over plain."""
    if plain is None:
        return None
    return round(plain["learned_tokens_per_s"] / max(1, private["learned_tokens_per_s"]), 2)


if __name__ == "__main__":
    main()
