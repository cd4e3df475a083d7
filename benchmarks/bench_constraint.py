"""What constrained text costs: compiling the grammar, and tokens a second with it and without.

    PYTHONPATH=. python benchmarks/bench_constraint.py    # a byte-level tokenizer, a random model
    PYTHONPATH=. python benchmarks/bench_constraint.py --model FOLDER  # a causal language model with its tokenizer

Prints one JSON line: seconds to write and to compile the grammars of wide and of long-listed tables, seconds to render
and parse 100,000 rows, and the overhead of the constraint in per cent for each engine that is installed. Free text has
as many tokens as constrained text.

Keys: columns_300_write_s, columns_300_compile_s, places_50k_write_s, places_50k_compile_s, random_50k_write_s,
random_50k_compile_s, render_100k_s, parse_100k_s, torch_free_tokens_per_s, torch_constrained_tokens_per_s,
torch_overhead_percent.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from smoke import arguments_of

from ss_ray.generation.engine import CompletionRequest, EngineSettings, TextEngine, vllm_environment
from ss_ray.plans.sampling import TextSampling
from ss_ray.schema import ColumnSchema, Kind, TableSchema


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--requests", type=int, default=64, help="completions that are decoded together")
    parser.add_argument("--length", type=int, default=480, help="tokens of a completion")
    parser.add_argument("--values", type=int, default=50_000, help="values of a category that makes a large grammar")
    parser.add_argument("--columns", type=int, default=300, help="columns of the wide table")
    parser.add_argument("--rows", type=int, default=100_000, help="rows that are rendered and parsed")
    os.environ |= vllm_environment(use_gpu=False)

    with arguments_of(parser, smoke=smoke) as arguments, tempfile.TemporaryDirectory() as temporary:
        folder = arguments.model or random_model(Path(temporary))
        found = compile_seconds(folder, schemas(arguments.columns, arguments.values))
        found |= codec_seconds(arguments.rows)
        found |= engine_rates(folder, arguments.requests, arguments.length)
        print(json.dumps(found))


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run. The keys keep their names, with smaller tables behind them."""
    return {"model": None, "requests": 4, "length": 12, "values": 50, "columns": 5, "rows": 20}


def random_model(folder: Path) -> Path:
    """A model of 4 layers and 256 dimensions that writes noise."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.generation.language_toy import make_tokenizer

    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=2048,
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=1024,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)

    return folder


def schemas(num_columns: int, num_values: int) -> dict[str, TableSchema]:
    """Tables that make large grammars."""
    rng = random.Random(0)
    words = ["North", "South", "New", "Saint", "Upper", "Little", "Great", "Old"]
    places = {f"{rng.choice(words)} {rng.choice(words)}ton {number}" for number in range(num_values)}
    letters = {"".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(6, 12))) for _ in range(num_values)}
    numbers = [
        ColumnSchema(
            name=f"column {i}", kind=Kind.FLOAT, arrow_type="double", decimals=i % 4, minimum=-i, maximum=1e4 + i
        )
        for i in range(num_columns)
    ]

    def category(values: set[str]) -> TableSchema:
        column = ColumnSchema(name="x", kind=Kind.CATEGORY, arrow_type="string", values=tuple(sorted(values)))
        return TableSchema(columns=(column,))

    return {
        "columns_300": TableSchema(columns=tuple(numbers)),
        "places_50k": category(places),
        "random_50k": category(letters),
    }


def compile_seconds(folder: Path, schemas: Mapping[str, TableSchema]) -> dict[str, float]:
    """Seconds to write each grammar and to compile it on one thread for the model's tokenizer."""
    import xgrammar
    from transformers import AutoConfig, AutoTokenizer

    from ss_ray.codec.json.grammar import record_grammar
    from ss_ray.codec.json.lines import JsonCodec

    size = AutoConfig.from_pretrained(folder).vocab_size
    info = xgrammar.TokenizerInfo.from_huggingface(AutoTokenizer.from_pretrained(folder), vocab_size=size)
    seconds = {}

    for name, schema in schemas.items():
        codec = JsonCodec(schema=schema, sequences=None, max_records=5)
        grammar, seconds[f"{name}_write_s"] = timed(partial(record_grammar, codec))
        compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        _, seconds[f"{name}_compile_s"] = timed(partial(compiler.compile_grammar, grammar))

    return seconds


def codec_seconds(rows: int) -> dict[str, float]:
    """Seconds to render and to parse rows of four columns."""
    import numpy as np
    import pyarrow as pa

    from tests.generation.language_toy import CODEC

    rng = np.random.default_rng(0)
    columns = [
        pa.array(rng.integers(-5, 118, rows)),
        pa.array(rng.choice(["Female", "Male", "ü"], rows)),
        pa.array(np.round(rng.uniform(0.5, 12.25, rows), 2)),
        pa.array(rng.integers(10_956, 12_478, rows).astype(np.int32)).cast(pa.date32()),
    ]
    table = pa.table(columns, schema=CODEC.schema.to_arrow())
    lines, render = timed(lambda: CODEC.render(table))
    parsed, parse = timed(lambda: CODEC.parse_many(lines))
    assert parsed.table.num_rows == rows

    return {"render_100k_s": render, "parse_100k_s": parse}


def engine_rates(folder: Path, requests: int, length: int) -> dict[str, float]:
    """Tokens a second, free and constrained, and the difference in per cent."""
    import torch

    from ss_ray.generation.torch_engine import TorchEngine

    torch.set_num_threads(1)
    sampling = TextSampling(temperature=1.0)
    rates = compare("torch", TorchEngine(folder, sampling, batch_size=requests), requests, length)
    if importlib.util.find_spec("vllm"):
        from ss_ray.generation.vllm import VllmEngine

        engine = VllmEngine.load(
            folder,
            EngineSettings(engine="vllm", sampling=sampling, batch_size=requests, window=length + 8),
            use_gpu=False,
        )
        rates |= compare("vllm", engine, requests, length)

    return rates


def compare(name: str, engine: TextEngine, requests: int, length: int) -> dict[str, float]:
    """Rates of an engine, the grammar compiled before."""
    from ss_ray.codec.json.grammar import record_grammar
    from tests.generation.language_toy import CODEC

    # More records than fit into a completion, so that no completion ends before it.
    grammar = record_grammar(CODEC, records=100)
    drain(engine, grammar, requests, max_tokens=4)
    free = drain(engine, None, requests, max_tokens=length)
    constrained = drain(engine, grammar, requests, max_tokens=length)

    return {
        f"{name}_free_tokens_per_s": round(free),
        f"{name}_constrained_tokens_per_s": round(constrained),
        f"{name}_overhead_percent": round(100 * (free / constrained - 1), 1),
    }


def drain(engine: TextEngine, grammar: str | None, requests: int, max_tokens: int) -> float:
    """Tokens a second of the completions of so many requests."""
    request = CompletionRequest(number=0, seed=0, prompt_ids=(0, 5, 9), max_tokens=max_tokens, grammar=grammar)
    engine.submit([replace(request, number=number, seed=number) for number in range(requests)])
    started = time.perf_counter()
    tokens = 0
    while engine.num_unfinished:
        tokens += sum(completion.num_tokens for completion in engine.step())

    return tokens / (time.perf_counter() - started)


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the seconds it took."""
    started = time.perf_counter()
    result = function()
    return result, round(time.perf_counter() - started, 3)


if __name__ == "__main__":
    main()
