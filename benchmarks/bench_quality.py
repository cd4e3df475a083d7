"""Quality on a real table: train on all of --data, generate as many rows, score against --holdout.

    python benchmarks/bench_quality.py --data train.csv --holdout holdout.csv --target income --out runs/adult

Prints one JSON line. The scores are the project's own; OUT/release/synthetic.csv can be given to any other judge.

Keys: table, rows, discriminator_auc, tstr, trtr, sqs, dcr_share, copied_share, privacy_grade, stage_seconds,
train_cpu_seconds, generated_rows_per_cpu_second, peak_memory_mb.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import pyarrow as pa
import torch
from smoke import TABLE_ARGUMENTS, arguments_of, table_arguments

from ss_ray.codec.levels import token_levels
from ss_ray.codec.slots import CodecSizes, SlotCodec, fit_codec
from ss_ray.config.files import load_config
from ss_ray.config.model import Config
from ss_ray.evaluation.evaluate import Evaluation, evaluate
from ss_ray.evaluation.evaluation_tables import EvaluationTables, SampleLimits
from ss_ray.generation.decoder import decode_rows
from ss_ray.generation.rows import BATCH_ROWS
from ss_ray.pipelines.run import RunReport, run
from ss_ray.plans.make import plan_compact_training
from ss_ray.plans.sampling import Sampling
from ss_ray.schema import TableSchema
from ss_ray.tables.cells import type_table
from ss_ray.tables.facts import merge_tables, table_facts
from ss_ray.tables.files import find_source, read_blocks
from ss_ray.tables.infer import infer_schema
from ss_ray.training.examples import row_examples
from ss_ray.training.growth import grow_forest
from ss_ray.training.loop import Worker, split_examples, train
from ss_ray.training.models import CompactModel, build_compact, start_from_frequencies
from ss_ray.training.smoothing import fold_numbers, smooth_numbers


def main() -> None:
    """Parse the command line, measure, print."""
    with arguments_of(table_parser(__doc__), required=TABLE_ARGUMENTS, smoke=table_arguments) as arguments:
        print(json.dumps(measure(arguments)))


def table_parser(description: str | None) -> argparse.ArgumentParser:
    """Arguments of a benchmark that trains on one table and tests on another."""
    parser = argparse.ArgumentParser(description=description)
    for name in TABLE_ARGUMENTS:
        parser.add_argument(name)

    parser.add_argument("--set", action="append", default=[], help="a setting of the run, `section.key=value`")

    return parser


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """The pipeline for the table and its wall times, one process for CPU times, the project's own scores."""
    blocks = read(arguments.data)
    schema = infer_schema(merge_tables([table_facts(blocks)]), {}, is_text=True)
    config = asked_config(arguments, blocks.num_rows)
    report, scored = scored_run(arguments, config, arguments.out, schema)

    return {
        "table": Path(arguments.data).name,
        "rows": blocks.num_rows,
        "discriminator_auc": scored.fidelity.discriminator.value,
        "tstr": scored.utility.synthetic.value,
        "trtr": scored.utility.real.value,
        "sqs": scored.scores.quality.sqs.value,
        "dcr_share": scored.privacy.closer_to_train.value,
        "copied_share": scored.privacy.copies[0].synthetic.value,
        "privacy_grade": scored.scores.privacy.score.grade,
        "stage_seconds": report.stage_seconds,
        **single_process(type_table(blocks, schema), schema, config),
    }


def asked_config(arguments: argparse.Namespace, num_rows: int, *more: str) -> Config:
    """All rows to learn from, as many to generate, `more` settings, and what the command line sets."""
    asked = ["data.holdout=0", "data.random_state=0", "evaluation.enabled=false", f"generation.num_records={num_rows}"]
    return load_config(None, [*asked, *more, *arguments.set])


def scored_run(
    arguments: argparse.Namespace, config: Config, out: str, schema: TableSchema
) -> tuple[RunReport, Evaluation]:
    """The pipeline, and the project's own scores of its table against the holdout file."""
    report = run(config, arguments.data, out, csv=True, redo=True)
    assert report.csv is not None
    files = (arguments.data, arguments.holdout, report.csv)
    train, holdout, synthetic = (type_table(read(file), schema).to_pandas() for file in files)
    tables = EvaluationTables(train, holdout, synthetic, schema)
    return report, evaluate(tables, target=arguments.target, limits=SampleLimits(max_rows=len(train)))


def read(file: str) -> pa.Table:
    """A whole source as it is written."""
    source = find_source(file)
    return pa.concat_tables([block for part in source.files for block in read_blocks(source, part)])


def train_in_process(table: pa.Table, schema: TableSchema, config: Config) -> tuple[SlotCodec, CompactModel]:
    """The codec and the model of a table, trained in this process on one thread."""
    torch.set_num_threads(1)
    training = plan_compact_training(config, num_rows=table.num_rows, seed=0)
    sizes = CodecSizes(
        num_bins=training.num_bins,
        text_vocabulary=training.text_vocabulary,
        max_text_tokens=training.max_text_tokens,
    )
    codec = fit_codec(schema, table, sizes=sizes)
    tokens = codec.encode(table)
    examples = row_examples(torch.from_numpy(tokens), codec.slots, skips_unused=codec.has_text)
    model = build_compact(
        training.shape,
        vocabulary_size=codec.vocabulary_size,
        num_slots=len(codec.slots),
        seed=training.seed,
        skips_unused=codec.has_text,
    )
    start_from_frequencies(model, [tokens])
    smooth_numbers(model, token_levels(codec.columns), training.seed)
    worker = Worker(rank=0, world_size=1)
    sides = split_examples(examples.units, training, worker)
    state = train(
        model,
        examples,
        sides,
        training,
        worker,
        resume=None,
        on_step=lambda step, loss: None,
        on_validation=lambda state: None,
    )
    model.load_state_dict(state.best_model, strict=False)
    fold_numbers(model)
    model.forest = grow_forest(model.eval(), codec, torch.from_numpy(tokens), examples.units, sides, training.seed)
    return codec, model


def single_process(table: pa.Table, schema: TableSchema, config: Config) -> dict[str, float]:
    """CPU seconds of training and rows a second of generation in this process, on one thread."""
    started = time.process_time()
    codec, model = train_in_process(table, schema, config)
    trained = time.process_time()
    generator = torch.Generator().manual_seed(0)
    batches = 8
    for _ in range(batches):
        decode_rows(model, codec.slots, BATCH_ROWS, Sampling(), generator)

    return {
        "train_cpu_seconds": round(trained - started, 1),
        "generated_rows_per_cpu_second": round(batches * BATCH_ROWS / (time.process_time() - trained)),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
