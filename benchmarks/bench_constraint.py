"""What constrained text costs: compiling the grammar, and tokens a second with it and without.

    PYTHONPATH=. python benchmarks/bench_constraint.py    # a byte-level tokenizer, a random model
    PYTHONPATH=. python benchmarks/bench_constraint.py --model FOLDER  # a causal language model with its tokenizer

Prints one JSON line: seconds to write and to compile the grammars of wide and of long-listed tables, seconds to render
and parse 100,000 rows, and the overhead of the constraint in per cent for each engine that is installed. Free text has
as many tokens as constrained text.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ss_ray.generation.engine import CompletionRequest, TextEngine, vllm_environment
from ss_ray.plans.sampling import TextSampling

REQUESTS = 64
LENGTH = 480  # tokens of a completion
VALUES = 50_000
COLUMNS = 300
ROWS = 100_000


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    os.environ |= vllm_environment(use_gpu=False)

    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.model or random_model(Path(temporary))
        print(json.dumps(compile_seconds(folder) | codec_seconds() | engine_rates(folder)))


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


def schemas() -> dict[str, Any]:
    """Tables that make large grammars."""
    from ss_ray.schema import ColumnSchema, Kind, TableSchema

    rng = random.Random(0)
    words = ["North", "South", "New", "Saint", "Upper", "Little", "Great", "Old"]
    places = {f"{rng.choice(words)} {rng.choice(words)}ton {number}" for number in range(VALUES)}
    letters = {"".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(6, 12))) for _ in range(VALUES)}
    numbers = [
        ColumnSchema(
            name=f"column {i}", kind=Kind.FLOAT, arrow_type="double", decimals=i % 4, minimum=-i, maximum=1e4 + i
        )
        for i in range(COLUMNS)
    ]

    def category(values: set[str]) -> TableSchema:
        column = ColumnSchema(name="x", kind=Kind.CATEGORY, arrow_type="string", values=tuple(sorted(values)))
        return TableSchema(columns=(column,))

    return {
        "columns_300": TableSchema(columns=tuple(numbers)),
        "places_50k": category(places),
        "random_50k": category(letters),
    }


def compile_seconds(folder: Path) -> dict[str, float]:
    """Seconds to write each grammar and to compile it on one thread for the model's tokenizer."""
    import xgrammar
    from transformers import AutoConfig, AutoTokenizer

    from ss_ray.codec.json.grammar import record_grammar
    from ss_ray.codec.json.lines import JsonCodec

    size = AutoConfig.from_pretrained(folder).vocab_size
    info = xgrammar.TokenizerInfo.from_huggingface(AutoTokenizer.from_pretrained(folder), vocab_size=size)
    seconds = {}

    for name, schema in schemas().items():
        codec = JsonCodec(schema=schema, sequences=None, max_records=5)
        grammar, seconds[f"{name}_write_s"] = timed(lambda codec=codec: record_grammar(codec))
        compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        _, seconds[f"{name}_compile_s"] = timed(lambda c=compiler, g=grammar: c.compile_grammar(g))

    return seconds


def codec_seconds() -> dict[str, float]:
    """Seconds to render and to parse ROWS rows of four columns."""
    import numpy as np
    import pyarrow as pa

    from tests.generation.language_toy import CODEC

    rng = np.random.default_rng(0)
    columns = [
        pa.array(rng.integers(-5, 118, ROWS)),
        pa.array(rng.choice(["Female", "Male", "ü"], ROWS)),
        pa.array(np.round(rng.uniform(0.5, 12.25, ROWS), 2)),
        pa.array(rng.integers(10_956, 12_478, ROWS).astype(np.int32)).cast(pa.date32()),
    ]
    table = pa.table(columns, schema=CODEC.schema.to_arrow())
    lines, render = timed(lambda: CODEC.render(table))
    parsed, parse = timed(lambda: CODEC.parse_many(lines))
    assert parsed.table.num_rows == ROWS

    return {"render_100k_s": render, "parse_100k_s": parse}


def engine_rates(folder: Path) -> dict[str, float]:
    """Tokens a second, free and constrained, and the difference in per cent."""
    import torch

    from ss_ray.generation.torch_engine import TorchEngine

    torch.set_num_threads(1)
    sampling = TextSampling(temperature=1.0)
    rates = compare("torch", TorchEngine(folder, sampling, batch_size=REQUESTS))
    if importlib.util.find_spec("vllm"):
        from ss_ray.generation.vllm import VllmEngine

        engine = VllmEngine.load(folder, sampling, max_model_len=LENGTH + 8, use_gpu=False, max_num_seqs=REQUESTS)
        rates |= compare("vllm", engine)

    return rates


def compare(name: str, engine: TextEngine) -> dict[str, float]:
    """Rates of an engine, the grammar compiled before."""
    from ss_ray.codec.json.grammar import record_grammar
    from tests.generation.language_toy import CODEC

    # Longer than LENGTH, so that no completion ends before it.
    grammar = record_grammar(CODEC, records=100)
    drain(engine, grammar, max_tokens=4)
    free = drain(engine, None)
    constrained = drain(engine, grammar)

    return {
        f"{name}_free_tokens_per_s": round(free),
        f"{name}_constrained_tokens_per_s": round(constrained),
        f"{name}_overhead_percent": round(100 * (free / constrained - 1), 1),
    }


def drain(engine: TextEngine, grammar: str | None, max_tokens: int = LENGTH) -> float:
    """Tokens a second of REQUESTS completions."""
    prompt = {"prompt_ids": (0, 5, 9), "max_tokens": max_tokens, "grammar": grammar}
    engine.submit([CompletionRequest(number=number, seed=number, **prompt) for number in range(REQUESTS)])
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
