"""What one generation actor of a language model gives: rows and tokens a second, with the constraint and without.

    OMP_NUM_THREADS=1 python benchmarks/bench_text_generation.py                       # a small model on one core
    python benchmarks/bench_text_generation.py --use-gpu --hidden 2048 --layers 22     # 1.1 B, --vocabulary 32000

Prints one JSON line for each engine that is installed: seconds until it is loaded, valid rows and tokens a second with
the constraint, tokens a second without, the overhead of the constraint in per cent, peak memory. The model is random:
what it writes is noise in the shape of an Adult-like table, at the cost of a trained one of its size.

Keys: engine, start_up_s, batch, valid_rows_per_s, rejected_per_s, tokens_per_s, peak_gib, free_tokens_per_s,
overhead_percent.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoke import arguments_of

if TYPE_CHECKING:
    from ss_ray.codec.json.lines import JsonCodec
    from ss_ray.generation.text_actor import TextActor

WINDOW = 2048
# Tokens of a completion at most.
RECORDS = 5
NUMBERS = {"age": (17, 90), "fnlwgt": (12_285, 1_484_705), "education_num": (1, 16), "capital_gain": (0, 99_999)}
NUMBERS |= {"capital_loss": (0, 4356), "hours_per_week": (1, 99)}
CATEGORIES = {"workclass": 8, "education": 16, "marital_status": 7, "occupation": 14, "relationship": 6, "race": 5}
CATEGORIES |= {"sex": 2, "native_country": 41, "income": 2}


def main() -> None:
    """Measure each engine, with the constraint and without, in processes of their own."""
    with arguments_of(make_parser(), smoke=smoke) as arguments:
        if arguments.engine:
            print(json.dumps(measure(arguments)))
        else:
            compare_engines(arguments)


def smoke(folder: Path) -> Mapping[str, object]:
    """Arguments of a smoke run: a tiny model that decodes four completions at a time."""
    return {"hidden": 64, "layers": 1, "vocabulary": 512, "seconds": 0.1, "batch": 4, "max_tokens": 32}


def compare_engines(arguments: argparse.Namespace) -> None:
    """Print a line for each engine."""
    engines = [name for name in ("torch", "vllm") if name == "torch" or importlib.util.find_spec(name)]
    with tempfile.TemporaryDirectory() as temporary:
        save_model(Path(temporary), arguments)
        for engine in engines:
            constrained, free = (measured_apart(engine, temporary, arguments, free) for free in (False, True))
            overhead = 100 * (1 - constrained["tokens_per_s"] / free["tokens_per_s"])
            found = {"free_tokens_per_s": free["tokens_per_s"], "overhead_percent": round(overhead, 1)}
            print(json.dumps({"engine": engine} | constrained | found), flush=True)


def make_parser() -> argparse.ArgumentParser:
    """Parser of the shape of the model, and how it is run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--vocabulary", type=int, default=2048, help="logits; pieces at most")
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement, after a warm-up")
    parser.add_argument("--batch", type=int, help="completions decoded together")
    parser.add_argument("--max-tokens", type=int, default=512, help="tokens of a completion")
    parser.add_argument("--use-gpu", action="store_true")
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--free", action="store_true", help=argparse.SUPPRESS)

    return parser


def measured_apart(engine: str, folder: str, arguments: argparse.Namespace, free: bool) -> dict[str, Any]:
    """What a process of its own measures."""
    from ss_ray.generation.engine import vllm_environment

    command = [sys.executable, __file__, "--engine", engine, "--model", folder, "--seconds", str(arguments.seconds)]
    command += ["--free"] * free + ["--use-gpu"] * arguments.use_gpu
    command += ["--batch", str(arguments.batch)] if arguments.batch else []
    environment = os.environ | vllm_environment(use_gpu=arguments.use_gpu)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    return found


def adult_codec() -> JsonCodec:
    """Columns as those of Adult, with values of their own."""
    from ss_ray.codec.json.lines import JsonCodec
    from ss_ray.schema import ColumnSchema, Kind, TableSchema

    numbers = [
        ColumnSchema(name=name, kind=Kind.INTEGER, arrow_type="int64", minimum=low, maximum=high)
        for name, (low, high) in NUMBERS.items()
    ]
    categories = [
        ColumnSchema(
            name=name,
            kind=Kind.CATEGORY,
            arrow_type="string",
            values=tuple(sorted(f"{name} {i}" for i in range(size))),
        )
        for name, size in CATEGORIES.items()
    ]

    return JsonCodec(schema=TableSchema(columns=(*numbers, *categories)), sequences=None, max_records=RECORDS)


def byte_level_tokenizer(texts: list[str], size: int) -> Any:
    """256 bytes, and pieces of some texts, `size` at most."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)

    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def save_model(folder: Path, arguments: argparse.Namespace) -> None:
    """A random model with all that generation needs."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from ss_ray.codec.json.grammar import record_grammar
    from ss_ray.codec.json.prompt import GenerationSettings, instruction

    codec = adult_codec()
    tokenizer = byte_level_tokenizer([instruction(codec), record_grammar(codec)], arguments.vocabulary)
    config = LlamaConfig(
        vocab_size=arguments.vocabulary,
        hidden_size=arguments.hidden,
        intermediate_size=4 * arguments.hidden,
        num_hidden_layers=arguments.layers,
        num_attention_heads=max(1, arguments.hidden // 64),
        max_position_embeddings=WINDOW,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        dtype="bfloat16" if arguments.use_gpu else "float32",
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    (model.to(torch.bfloat16) if arguments.use_gpu else model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    prompt = instruction(codec)
    ids = (tokenizer.bos_token_id, *tokenizer.encode(prompt, add_special_tokens=False))
    settings = GenerationSettings(prompt=prompt, prompt_ids=ids, max_tokens=arguments.max_tokens, window=WINDOW)
    (folder / "generation.json").write_text(settings.to_json())
    (folder / "codec.json").write_text(codec.to_json())


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rates of this process in steady state."""
    from ss_ray.config.model import Config
    from ss_ray.generation.text_actor import load_text_actor
    from ss_ray.location import Location
    from ss_ray.plans.language_generation import plan_language_generation

    generation = {"engine": arguments.engine, "structured_generation": {"enabled": not arguments.free}}
    generation |= {"max_tokens_multiplier": 1.0, "temperature": 1.0}
    resources = {"use_gpu": arguments.use_gpu, "engine_batch_size": arguments.batch}
    config = Config.model_validate({"generation": generation, "resources": resources})
    plan = plan_language_generation(config, vllm_available=True)
    started = time.perf_counter()
    folder = Location.parse(arguments.model)
    actor = load_text_actor(
        folder, plan, 0, threads=int(os.environ.get("OMP_NUM_THREADS", "1")), use_gpu=arguments.use_gpu
    )
    start_up = time.perf_counter() - started
    rates = steady_rates(actor, 2 * plan.batch_size, arguments.seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    found = {"start_up_s": round(start_up, 1), "batch": plan.batch_size, **rates, "peak_gib": round(peak / 2**20, 2)}

    return found | (gpu_memory() if arguments.use_gpu else {})


def steady_rates(actor: TextActor, capacity: int, seconds: float) -> dict[str, Any]:
    """Rates between the first completions after the warm-up and the last ones before the time is up."""
    from ss_ray.generation.text_actor import Ask

    asked = answered = 0

    def work() -> tuple[int, int, int]:
        nonlocal asked, answered
        asks = [Ask(number=number, given="") for number in range(asked, answered + capacity)]
        asked += len(asks)
        answers = actor.work(asks)
        answered += len(answers.numbers)
        return answers.rows.table.num_rows, sum(answers.rows.rejected.values()), answers.num_tokens

    # The first batch compiles the grammar, and whatever the engine compiles.
    while answered < capacity // 2:
        work()

    started = time.perf_counter()
    found: list[tuple[int, int, int]] = []
    while time.perf_counter() - started < seconds or not sum(tokens for *_, tokens in found):
        found.append(work())

    rows, rejected, tokens = (sum(column) for column in zip(*found, strict=True))
    elapsed = time.perf_counter() - started
    return {
        "valid_rows_per_s": round(rows / elapsed, 1),
        "rejected_per_s": round(rejected / elapsed, 1),
        "tokens_per_s": round(tokens / elapsed),
    }


def gpu_memory() -> dict[str, float]:
    """GPU memory in use, by all processes; vLLM takes what it may at its start."""
    import torch

    free, total = torch.cuda.mem_get_info()
    return {"gpu_gib": round((total - free) / 2**30, 2)}


if __name__ == "__main__":
    main()
